"""Loops of other libraries, each as its users write it: the record of all of them can be read by all that read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from filterscope import FilterRecorder, load_history
from filterscope.cli import main
from tests.support.browser import LOADERS, tensorboard
from tests.support.nets import SmallNet, loader

EPOCHS = 3


def loss_of(model: Any, batch: Any) -> torch.Tensor:
    return nn.functional.cross_entropy(model(batch[0]), batch[1])


def plain(directory: Path) -> None:
    model = SmallNet()
    optimizer = model.configure_optimizers()
    with FilterRecorder(model, directory, total=EPOCHS + 1) as recorder:
        recorder.snapshot(0)
        for epoch in range(EPOCHS):
            for batch in loader():
                optimizer.zero_grad()
                loss_of(model, batch).backward()
                optimizer.step()
            recorder.snapshot(epoch + 1)


def ignite(directory: Path) -> None:
    engines = pytest.importorskip("ignite.engine")
    model = SmallNet()
    trainer = engines.create_supervised_trainer(model, model.configure_optimizers(), nn.CrossEntropyLoss())
    recorder = FilterRecorder(model, directory, total=EPOCHS + 1)
    record = lambda engine: recorder.snapshot(engine.state.epoch, engine.state.iteration)  # noqa: E731
    trainer.add_event_handler(engines.Events.STARTED | engines.Events.EPOCH_COMPLETED, record)
    trainer.add_event_handler(engines.Events.COMPLETED, recorder.close)
    trainer.run(loader(), max_epochs=EPOCHS)


def accelerate(directory: Path) -> None:
    accelerator = pytest.importorskip("accelerate").Accelerator(cpu=True)
    model = SmallNet()
    model, optimizer, batches = accelerator.prepare(model, model.configure_optimizers(), loader())
    with FilterRecorder(model, directory, total=EPOCHS + 1) as recorder:
        recorder.snapshot(0)
        for epoch in range(EPOCHS):
            for batch in batches:
                optimizer.zero_grad()
                accelerator.backward(loss_of(model, batch))
                optimizer.step()
            recorder.snapshot(epoch + 1)


def fabric(directory: Path) -> None:
    fabric = pytest.importorskip("lightning_fabric").Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    model = SmallNet()
    model, optimizer = fabric.setup(model, model.configure_optimizers())
    batches = fabric.setup_dataloaders(loader())
    with FilterRecorder(model, directory, total=EPOCHS + 1) as recorder:
        recorder.snapshot(0)
        for epoch in range(EPOCHS):
            for batch in batches:
                optimizer.zero_grad()
                fabric.backward(loss_of(model, batch))
                optimizer.step()
            recorder.snapshot(epoch + 1)


LOOPS: tuple[Callable[[Path], None], ...] = (plain, ignite, accelerate, fabric)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a run of each."""
    root = tmp_path_factory.mktemp("loops")
    for loop in LOOPS:
        pl.seed_everything(3)
        loop(root / loop.__name__)
    return root


@pytest.mark.parametrize("loop", LOOPS)
def test_its_history_is_that_of_the_plain_loop(runs: Path, loop: Any) -> None:
    found, plain_one = load_history(runs / loop.__name__), load_history(runs / "plain")
    assert list(found) == ["conv1", "conv2"]
    for name, history in found.items():
        assert history.epochs.tolist() == [*range(EPOCHS + 1)]
        assert history.rotation()[-1].max() > 1e-3
        assert (history.weights == plain_one[name].weights).all()


@pytest.mark.parametrize("loop", LOOPS)
def test_the_command_sums_it_up(runs: Path, loop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", str(runs / loop.__name__)]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table[1:]] == ["conv1", "conv2"]
    assert all("0 to 3" in line for line in table[1:])


def test_the_tab_serves_all_of_them(runs: Path) -> None:
    with tensorboard(runs, LOADERS["fast"]) as served:
        for loop in LOOPS:
            last = 4 * EPOCHS if loop is ignite else EPOCHS  # only ignite's told its own steps
            served.wait_for_step(loop.__name__, "filters/conv1/bank", last)
        assert set(served.layers()) == {loop.__name__ for loop in LOOPS}
