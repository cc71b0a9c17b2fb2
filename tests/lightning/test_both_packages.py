"""One class for ``pytorch_lightning`` and ``lightning.pytorch``: their Trainers, loggers and command lines."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch

from filterscope import Conv1dFilterMonitor
from tests.support.events import Logged
from tests.support.nets import QUIET, loader
from tests.support.scripts import run_script

PACKAGES = ["pytorch_lightning", "lightning.pytorch"]
MONITOR = "--trainer.callbacks+=filterscope.Conv1dFilterMonitor"


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> str:
    return request.param


def make_net(package: str, error: BaseException | None = None) -> type:
    """A LightningModule of a package, with data of its own; it may raise in its sixth batch."""
    lightning = pytest.importorskip(package)

    class Net(lightning.LightningModule):  # type: ignore[name-defined,misc]
        def __init__(self, lr: float = 0.05) -> None:
            super().__init__()
            self.conv, self.lr = torch.nn.Conv1d(1, 3, 9), lr

        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            if error is not None and self.trainer.global_step == 5:
                raise error
            return self.conv(batch[0]).square().mean()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=self.lr)

        def train_dataloader(self) -> Any:
            return loader()

    return Net


def make_trainer(package: str, tmp_path: Path, *callbacks: Any, **options: Any) -> Any:
    """A quiet Trainer of a package, with that package's logger."""
    loggers = importlib.import_module(f"{package}.loggers")
    defaults = QUIET | {"logger": loggers.TensorBoardLogger(str(tmp_path), name="run"), "max_epochs": 3}
    return importlib.import_module(package).Trainer(callbacks=list(callbacks), **(defaults | options))


@pytest.mark.pictures
def test_a_fit_logs_the_same_in_both(tmp_path: Path, package: str) -> None:
    net, monitor = make_net(package), Conv1dFilterMonitor(every_n_epochs=2)
    assert isinstance(monitor, importlib.import_module(package).Callback)
    torch.manual_seed(0)
    trainer = make_trainer(package, tmp_path, monitor)
    trainer.fit(net())
    logged = Logged(tmp_path)
    steps = {kind: logged.steps(f"filters/conv/{kind}") for kind in ("weights", "rms", "taps", "response", "drift")}
    assert steps == {"weights": [0, 8, 12], "rms": [0, 8, 12], "taps": [0, 8, 12], "response": [0, 8, 12]} | {
        "drift": [8, 12]
    }
    trainer.fit_loop.max_epochs = 4
    trainer.fit(net())
    assert Logged(tmp_path).steps("filters/conv/rms") == [0, 8, 12, 16]


def test_a_fit_that_fails_leaves_its_images_and_raises_its_own_error(tmp_path: Path, package: str) -> None:
    error = ValueError("boom")
    with pytest.raises(ValueError, match="boom") as raised:
        make_trainer(package, tmp_path, Conv1dFilterMonitor()).fit(make_net(package, error)())
    assert raised.value is error
    assert Logged(tmp_path).steps("filters/conv/drift") == [4, 5]  # interrupted in the sixth batch


def test_mistakes_are_refused_before_training(tmp_path: Path, package: str) -> None:
    with pytest.raises(ValueError, match=r"no layer matches 'conf'; the model has: conv$"):
        make_trainer(package, tmp_path, Conv1dFilterMonitor(layers="conf")).fit(make_net(package)())
    with pytest.raises(Exception, match="needs a logger") as refused:
        make_trainer(package, tmp_path, Conv1dFilterMonitor(), logger=False).fit(make_net(package)())
    assert type(refused.value).__name__ == "MisconfigurationException"
    with pytest.raises(Exception, match="two Conv1dFilterMonitors") as refused:
        make_trainer(package, tmp_path, Conv1dFilterMonitor(), Conv1dFilterMonitor()).fit(make_net(package)())
    assert type(refused.value).__name__ == "MisconfigurationException"


def test_a_fast_dev_run_writes_nothing(tmp_path: Path, package: str) -> None:
    make_trainer(package, tmp_path, Conv1dFilterMonitor(), fast_dev_run=True).fit(make_net(package)())
    assert list(tmp_path.rglob("events*")) == []


def run_command_line(package: str, tmp_path: Path, *arguments: str) -> Any:
    pytest.importorskip("jsonargparse")
    command_line = importlib.import_module(f"{package}.cli").LightningCLI
    quiet = ["accelerator=cpu", "max_epochs=3", "enable_progress_bar=false", "enable_model_summary=false"]
    options = [f"--trainer.{option}" for option in (*quiet, "enable_checkpointing=false")]
    return command_line(make_net(package), args=["fit", *options, f"--trainer.default_root_dir={tmp_path}", *arguments])


# The command line's own complaints about its default data and its saved configuration are no concern of ours.
@pytest.mark.filterwarnings("ignore")
def test_the_command_line_takes_the_monitor_and_its_arguments(tmp_path: Path, package: str) -> None:
    arguments = ("every_n_epochs=2", "layers=conv", "plots=[taps,drift]", "sample_rate=100", "tag=of/cli")
    flags = [f"--trainer.callbacks.{argument}" for argument in arguments]
    run = run_command_line(package, tmp_path, MONITOR, *flags)
    [monitor] = [each for each in run.trainer.callbacks if isinstance(each, Conv1dFilterMonitor)]
    assert (monitor.settings.every_n_epochs, monitor.settings.sample_rate) == (2, 100.0)
    logged = Logged(tmp_path)
    assert logged.steps("of/cli/conv/rms") == [0, 8, 12]
    assert {tag: [step for step, _ in images] for tag, images in logged.images.items()} == {
        "of/cli/conv/taps": [0, 8, 12],
        "of/cli/conv/drift": [8, 12],
    }


@pytest.mark.filterwarnings("ignore")
def test_the_command_line_takes_a_list_of_layers(tmp_path: Path, package: str) -> None:
    flags = ["--trainer.callbacks.layers=[conv,'*v']", '--trainer.callbacks.sample_rate={"conv": 50}']
    run_command_line(package, tmp_path, MONITOR, "--trainer.callbacks.plots=[]", *flags)
    assert Logged(tmp_path).steps("filters/conv/rms") == [0, 4, 8, 12]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("typo", ["every_n_epoch=2", "every_n_epochs=two", "plots=[tops]", "channels=median"])
def test_the_command_line_refuses_a_typo(
    tmp_path: Path, package: str, typo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        run_command_line(package, tmp_path, MONITOR, f"--trainer.callbacks.{typo}")
    assert exit_.value.code == 2
    assert typo.split("=")[0] in capsys.readouterr().err
    assert list(tmp_path.rglob("events*")) == []


@pytest.mark.filterwarnings("ignore")
def test_a_wrong_glob_on_the_command_line_lists_the_layers(tmp_path: Path, package: str) -> None:
    with pytest.raises(ValueError, match=r"no layer matches 'conf'; the model has: conv$"):
        run_command_line(package, tmp_path, MONITOR, "--trainer.callbacks.layers=conf")


BLOCKED = """
    import importlib.abc, sys

    class Blocker(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == "lightning":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Blocker())
    import filterscope
    monitor = filterscope.Conv1dFilterMonitor(plots=("taps",))
    assert "lightning" not in sys.modules
    from tests.support.nets import SmallNet, loader, make_trainer
    make_trainer(sys.argv[1], monitor, max_epochs=1).fit(SmallNet(), loader())
"""


def test_the_monitor_works_where_only_one_package_is_installed(tmp_path: Path) -> None:
    run_script(BLOCKED, str(tmp_path))
    assert Logged(tmp_path).steps("filters/conv1/taps") == [0, 4]
