"""Where a monitor writes to: loggers of all kinds, none, and several monitors at a time."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from filterscope import Conv1dFilterMonitor
from tests.support.events import Logged
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


def test_a_logger_that_is_no_tensorboard_is_told_once_and_the_fit_goes_on(tmp_path: Path) -> None:
    csv = CSVLogger(str(tmp_path), name="csv")
    told = fit(tmp_path, Conv1dFilterMonitor(), logger=csv)
    assert len(told) == 1
    assert "TensorBoard" in told[0]
    assert "CSVLogger" in told[0]
    assert list(tmp_path.rglob("events*")) == []
    with_monitor = trained(tmp_path, Conv1dFilterMonitor(), logger=csv)
    assert torch.equal(with_monitor, trained(tmp_path, logger=csv))


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
    loggers = pytest.importorskip("lightning.pytorch.loggers")

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
    logger = loggers.TensorBoardLogger(str(tmp_path), name="run")
    trainer = lightning.Trainer(logger=logger, callbacks=[monitor], max_epochs=1, **QUIET)
    trainer.fit(Net(), loader())
    assert Logged(tmp_path).steps("filters/conv/taps") == [0, 4]
