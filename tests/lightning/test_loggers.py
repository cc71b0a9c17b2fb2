"""Where a monitor writes to: loggers of all kinds, none, and several monitors at a time."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from filterscope import Conv1dFilterMonitor, load_history
from filterscope.lightning import loggers
from tests.support.events import Logged
from tests.support.faults import At
from tests.support.nets import QUIET, SmallNet, loader, make_trainer


def fit(tmp_path: Path, *callbacks: pl.Callback, **options: Any) -> list[str]:
    """Run a fit of two epochs; what it warned of that concerns this package."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_trainer(tmp_path, *callbacks, **({"max_epochs": 2} | options)).fit(SmallNet(), loader())
    told = [str(each.message) for each in caught]
    return [words for words in told if "filterscope" in words or "FilterMonitor" in words]


def trained(tmp_path: Path, *callbacks: pl.Callback, **options: Any) -> torch.Tensor:
    pl.seed_everything(11)
    model = SmallNet()
    make_trainer(tmp_path, *callbacks, max_epochs=2, **options).fit(model, loader())
    return model.conv1.weight.detach()


def test_fast_dev_run_is_silent_and_writes_nothing(tmp_path: Path) -> None:
    assert fit(tmp_path, Conv1dFilterMonitor(), fast_dev_run=True) == []
    assert list(tmp_path.rglob("events*")) == []


def test_fast_dev_run_finds_a_wrong_glob(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no layer matches 'conf1'; the model has: conv1, conv2"):
        fit(tmp_path, Conv1dFilterMonitor(layers="conf1"), fast_dev_run=True)


@pytest.mark.parametrize("logger", [False, []])
def test_without_a_logger_the_fit_is_refused_with_words_that_help(tmp_path: Path, logger: Any) -> None:
    with pytest.raises(MisconfigurationException, match=r"needs a logger.*TensorBoardLogger"):
        fit(tmp_path, Conv1dFilterMonitor(), logger=logger)


@pytest.mark.filterwarnings("ignore:`Trainer.barebones")
def test_a_barebones_trainer_which_can_have_no_logger_is_told_so() -> None:
    trainer = pl.Trainer(barebones=True, callbacks=[Conv1dFilterMonitor()], max_epochs=1, accelerator="cpu")
    with pytest.raises(MisconfigurationException, match=r"barebones=True\) can have none: leave out barebones, or"):
        trainer.fit(SmallNet(), loader())


class Bare(Logger):
    """A logger of another make, which has no ``experiment``, no directory and no version."""

    name = "bare"
    version = None

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        pass

    def log_hyperparams(self, params: Any) -> None:
        pass


class Dict(Bare):
    """One whose ``experiment`` is something else again."""

    @property
    def experiment(self) -> Any:
        return {"of another": "make"}


class Broken(Bare):
    """One whose ``experiment`` cannot be made, which Lightning itself does not bear at the start of a fit."""

    @property
    def experiment(self) -> Any:
        raise ConnectionError("no server")


def test_a_logger_that_breaks_is_one_without_an_experiment() -> None:
    assert loggers._experiment(Broken()) is None


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Without the line that names the layers."""
    messages = [record.getMessage() for record in caplog.records]
    return [each for each in messages if each.startswith("filterscope") and "filterscope watches" not in each]


def directory_named(words: str) -> Path:
    """What the TensorBoard command in a message shows."""
    return Path(words.split("tensorboard --logdir ")[1])


def test_without_tensorboard_the_monitor_writes_files_of_its_own_and_says_where(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    csv = CSVLogger(str(tmp_path), name="csv", version=3)
    first, second = Conv1dFilterMonitor(layers="conv1"), Conv1dFilterMonitor(plots=(), tag="again")
    with caplog.at_level("INFO"):
        assert fit(tmp_path, first, second, logger=csv) == []
    (words,) = said(caplog)
    assert "CSVLogger takes no TensorBoard summaries" in words
    assert directory_named(words) == tmp_path / "csv" / "version_3" / "filters"
    (file,) = directory_named(words).rglob("events*")  # one for both
    assert file.parent.name == "3"
    logged = Logged(file.parent)
    assert logged.steps("filters/conv1/drift") == [4, 8]
    assert logged.steps("again/conv2/rms") == [0, 4, 8]
    assert {*load_history(directory_named(words), tag="again")} == {"conv1", "conv2"}
    assert not len(list(tmp_path.rglob("events*"))) > 1
    with_monitor = trained(tmp_path, Conv1dFilterMonitor(), logger=csv)
    assert torch.equal(with_monitor, trained(tmp_path, logger=csv))


def test_files_of_its_own_stay_where_they_were_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, later = tmp_path / "begun", tmp_path / "later"
    begun.mkdir()
    later.mkdir()
    monkeypatch.chdir(begun)
    away = At(1, lambda *_: monkeypatch.chdir(later))
    assert fit(begun, away, Conv1dFilterMonitor(plots=()), logger=Bare(), default_root_dir="runs") == []
    assert load_history(begun)["conv1"].epochs.tolist() == [0, 1, 2]
    assert list(later.iterdir()) == []


@pytest.mark.parametrize("make", [Bare, Dict])
def test_a_logger_without_an_experiment_is_no_crash_wherever_it_stands(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, make: type[Bare]
) -> None:
    beside = TensorBoardLogger(str(tmp_path), name="run", version=0)
    assert fit(tmp_path, Conv1dFilterMonitor(plots=()), logger=[make(), beside]) == []
    assert Logged(tmp_path / "run").steps("filters/conv1/rms") == [0, 4, 8]
    numbers = []
    for _ in range(2):
        with caplog.at_level("INFO"):
            alone = {"logger": make(), "default_root_dir": tmp_path / "root"}
            assert fit(tmp_path, Conv1dFilterMonitor(plots=()), **alone) == []
        folder = directory_named(said(caplog)[-1])
        assert folder == tmp_path / "root" / "filters"
        numbers.append(sorted(path.name for path in folder.iterdir()))
    assert numbers == [["0"], ["0", "1"]]  # a directory for each fit
    assert Logged(folder / "1").steps("filters/conv1/rms") == [0, 4, 8]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("versioned", [True, False])
def test_a_resumed_fit_goes_on_in_the_same_files_of_its_own(tmp_path: Path, versioned: bool) -> None:
    def logger() -> Any:
        return CSVLogger(str(tmp_path / "root"), name="csv", version=0) if versioned else Bare()

    options = {"default_root_dir": tmp_path / "root", "enable_checkpointing": True}
    saver = ModelCheckpoint(dirpath=tmp_path, filename="last", save_on_train_epoch_end=True)
    fit(tmp_path, Conv1dFilterMonitor(plots=()), saver, logger=logger(), **options)
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), logger=logger(), max_epochs=4, **options)
    trainer.fit(SmallNet(), loader(), ckpt_path=tmp_path / "last.ckpt")
    (folder,) = {path.parent for path in (tmp_path / "root").rglob("events*")}
    assert load_history(folder)["conv1"].epochs.tolist() == [0, 1, 2, 3, 4]


def test_a_wrong_glob_is_refused_before_a_directory_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no layer matches 'conf1'"):
        fit(tmp_path, Conv1dFilterMonitor(layers="conf1"), logger=Bare(), default_root_dir=tmp_path / "root")
    assert not (tmp_path / "root" / "filters").exists()


def test_files_that_cannot_be_made_leave_the_monitor_inactive_and_the_fit_alone(tmp_path: Path) -> None:
    (tmp_path / "filters").write_text("a file in the way")
    told = fit(tmp_path, Conv1dFilterMonitor(), logger=Bare(), default_root_dir=tmp_path)
    assert [("inactive" in words, str(tmp_path / "filters") in words) for words in told] == [(True, True)]


def test_in_fabric_the_monitor_names_what_works_there() -> None:
    fabric = pytest.importorskip("lightning_fabric").Fabric(accelerator="cpu", callbacks=[Conv1dFilterMonitor()])
    with pytest.raises(MisconfigurationException, match=r"filterscope\.FilterRecorder\(model, log_dir\)"):
        fabric.setup(SmallNet())
    with pytest.raises(MisconfigurationException, match="this is a Fabric"):
        fabric.call("on_fit_start", fabric, SmallNet())


def test_every_tensorboard_logger_gets_everything_and_others_nothing(tmp_path: Path) -> None:
    first, second = (TensorBoardLogger(str(tmp_path), name=name, version=0) for name in ("first", "second"))
    csv = CSVLogger(str(tmp_path), name="csv")
    assert fit(tmp_path, Conv1dFilterMonitor(), logger=[csv, first, second]) == []
    one, other = Logged(tmp_path / "first"), Logged(tmp_path / "second")
    assert one.tags() == other.tags()
    assert {tag: one.steps(tag) for tag in one.tags()} == {tag: other.steps(tag) for tag in other.tags()}
    assert one.steps("filters/conv1/drift") == [4, 8]
    assert one.scalars["filters/conv1/rms"] == other.scalars["filters/conv1/rms"]
    for tag, images in one.images.items():
        for (_, pixels), (_, same) in zip(images, other.images[tag], strict=True):
            assert (pixels == same).all()
    assert not list((tmp_path / "csv").rglob("events*"))


def test_everything_goes_into_the_one_event_file_of_lightnings_writer(tmp_path: Path) -> None:
    fit(tmp_path, Conv1dFilterMonitor(plots=()))
    assert len(list(tmp_path.rglob("events*"))) == 1
    fit(tmp_path / "without")
    with_monitor = Logged(tmp_path / "run")
    without = Logged(tmp_path / "without")
    others = with_monitor.tags("") - with_monitor.tags("filters/")
    assert others == without.tags("")


def test_two_monitors_with_tags_of_their_own_stand_side_by_side(tmp_path: Path) -> None:
    every = Conv1dFilterMonitor(layers="conv1", plots=("taps",))
    second = Conv1dFilterMonitor(layers="conv*", every_n_epochs=2, plots=(), tag="deep/again")
    assert fit(tmp_path, every, second) == []
    logged = Logged(tmp_path)
    assert logged.steps("filters/conv1/taps") == [0, 4, 8]
    assert logged.steps("filters/conv1/rms") == [0, 4, 8]
    assert logged.steps("deep/again/conv2/rms") == [0, 8]
    assert len(logged.texts) == 2
    assert not [tag for tag in logged.tags() if "conv2" in tag]
    assert all(not tag.startswith("deep/") for tag in logged.images)
    ours, theirs = (dict(logged.scalars[f"{tag}/conv1/rms"]) for tag in ("filters", "deep/again"))
    assert {step: ours[step] for step in theirs} == theirs


def test_two_monitors_with_one_tag_are_refused_with_a_tag_that_works(tmp_path: Path) -> None:
    twins = Conv1dFilterMonitor(layers="conv1", tag="f"), Conv1dFilterMonitor(layers="conv2", tag="f")
    with pytest.raises(MisconfigurationException, match="'f'") as refused:
        fit(tmp_path, *twins)
    offered = re.findall(r"tag='(\w+)'", str(refused.value))[-1]
    assert offered != "f"
    assert fit(tmp_path, twins[0], Conv1dFilterMonitor(layers="conv2", tag=offered, plots=())) == []
    assert Logged(tmp_path).steps(f"{offered}/conv2/rms") == [0, 4, 8]


def test_the_lightning_package_of_the_other_name_works_too(tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning.pytorch")
    their_loggers = pytest.importorskip("lightning.pytorch.loggers")

    class Net(lightning.LightningModule):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv1d(1, 3, 5)

        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            return self.conv(batch[0]).square().mean()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    monitor = Conv1dFilterMonitor(plots=("taps",))
    assert isinstance(monitor, lightning.Callback)
    assert isinstance(monitor, pl.Callback)
    logger = their_loggers.TensorBoardLogger(str(tmp_path), name="run")
    trainer = lightning.Trainer(logger=logger, callbacks=[monitor], max_epochs=1, **QUIET)
    trainer.fit(Net(), loader())
    assert Logged(tmp_path).steps("filters/conv/taps") == [0, 4]
