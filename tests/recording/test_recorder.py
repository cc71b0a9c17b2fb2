"""A recorder in loops of one's own: what it writes, where it begins and goes on, and how it ends."""

from __future__ import annotations

import gc
import subprocess
import sys
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from filterscope import Conv1dFilterMonitor, FilterRecorder, load_history
from filterscope.plots.kinds import NAMES
from tests.support.events import Logged
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.states import is_threadless
from tests.support.weights import weights_of


def train(model: Any, optimizer: torch.optim.Optimizer) -> None:
    """One epoch of four batches."""
    for batch in loader():
        optimizer.zero_grad()
        model.training_step(batch, 0).backward()
        optimizer.step()


def loop(
    where: Any,
    epochs: int = 3,
    begin: int = 0,
    model: Any = None,
    kept: dict[int, np.ndarray] | None = None,
    **more: Any,
) -> Any:
    """Epochs from ``begin`` on, with a snapshot after each, and one before training; the model."""
    torch.manual_seed(3)
    model = SmallNet() if model is None else model
    optimizer = model.configure_optimizers()
    kept = {} if kept is None else kept
    with FilterRecorder(model, where, total=epochs + 1, **more) as recorder:
        for epoch in range(begin, epochs + 1):
            if epoch > 0:
                train(model, optimizer)
            kept[epoch] = weights_of(model.conv1)
            recorder.snapshot(epoch, 4 * epoch)
    return model


def told_by(action: Any) -> list[str]:
    """Warnings of ours."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    return [str(each.message) for each in caught if "filterscope" in str(each.message) or "record" in str(each.message)]


@pytest.mark.pictures
def test_it_writes_to_the_last_bit_what_the_callback_writes(tmp_path: Path) -> None:
    pl.seed_everything(3)
    trainer = make_trainer(tmp_path / "callback", Conv1dFilterMonitor(sample_rate=100), max_epochs=3)
    trainer.fit(SmallNet(), loader())
    pl.seed_everything(3)
    loop(tmp_path / "loop", sample_rate=100)
    ours, theirs = Logged(tmp_path / "loop"), Logged(tmp_path / "callback")
    assert ours.tags() == theirs.tags()
    assert {tag: ours.steps(tag) for tag in ours.tags()} == {tag: theirs.steps(tag) for tag in ours.tags()}
    assert {tag: values for tag, values in theirs.scalars.items() if tag.startswith("filters/")} == ours.scalars
    assert ours.descriptions == {tag: words for tag, words in theirs.descriptions.items() if tag in ours.descriptions}
    assert [text for _, text in ours.texts["filters/layers"]] == [text for _, text in theirs.texts["filters/layers"]]
    for tag in ours.histograms:
        for (_, one), (_, other) in zip(ours.histograms[tag], theirs.histograms[tag], strict=True):
            np.testing.assert_array_equal(one, other)
    assert {tag.rsplit("/", 1)[1] for tag in ours.images} == set(NAMES)
    for tag in ours.images:
        for (_, one), (_, other) in zip(ours.images[tag], theirs.images[tag], strict=True):
            np.testing.assert_array_equal(one, other)
    histories = load_history(tmp_path / "loop"), load_history(tmp_path / "callback")
    for one, other in zip(*(each.values() for each in histories), strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
        np.testing.assert_array_equal(one.initial.weights, other.initial.weights)
        assert (one.epochs.tolist(), one.steps.tolist()) == (other.epochs.tolist(), other.steps.tolist())
    assert is_threadless()


def test_a_writer_given_stays_open_and_holds_everything(tmp_path: Path) -> None:
    writer = SummaryWriter(str(tmp_path))
    loop(writer, plots=())
    writer.add_scalar("loss", 0.5, 13)
    writer.close()
    assert len(list(tmp_path.rglob("events*"))) == 1
    logged = Logged(tmp_path)
    assert logged.steps("filters/conv1/rms") == [0, 4, 8, 12]
    assert logged.scalars["loss"] == [(13, 0.5)]


def test_steps_are_one_apart_where_nothing_is_said(tmp_path: Path) -> None:
    recorder = FilterRecorder(SmallNet(), tmp_path, plots=())
    moments: list[tuple[Any, Any]] = [(0, None), (1, None), (1, np.int64(7)), (np.int32(2), None)]
    for epoch, step in moments:
        recorder.snapshot(epoch, step)
    recorder.close()
    history = load_history(tmp_path)["conv1"]
    assert (history.epochs.tolist(), history.steps.tolist()) == ([0, 1, 1, 2], [0, 1, 7, 8])


@pytest.mark.parametrize(("total", "at"), [(None, [0, 1, 4, 16, 20]), (21, [0, 1, 2, 3, 4, 7, 9, 14, 20])])
def test_milestones_come_from_the_planned_total(tmp_path: Path, total: int | None, at: list[int]) -> None:
    model = SmallNet()
    with FilterRecorder(model, tmp_path, total=total, plots=("taps",), layers="conv2") as recorder:
        for epoch in range(21):
            recorder.snapshot(epoch)
    assert Logged(tmp_path).steps("filters/conv2/taps") == at


def test_a_record_begun_again_supersedes_the_older_one_with_one_warning(tmp_path: Path) -> None:
    assert told_by(lambda: loop(tmp_path, epochs=5, plots=())) == []
    kept: dict[int, np.ndarray] = {}
    (told,) = told_by(lambda: loop(tmp_path, epochs=2, plots=(), kept=kept, model=SmallNet(lr=0.01)))
    assert "holds an older record under tag='filters', of epochs 0 to 5: this one supersedes it" in told
    history = load_history(tmp_path)["conv1"]
    assert history.epochs.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(history.initial.weights, kept[0])
    np.testing.assert_allclose(history.weights[2], kept[2], rtol=1e-3, atol=1e-6)
    assert told_by(lambda: loop(tmp_path, epochs=1, plots=(), tag="other")) == []  # a tag of its own is no older record


def test_one_recorder_can_begin_again_as_a_notebook_cell_run_twice_does(tmp_path: Path) -> None:
    model = SmallNet()
    recorder = FilterRecorder(model, tmp_path, plots=())

    def cell() -> None:
        for epoch in range(3):
            recorder.snapshot(epoch)
            with torch.no_grad():
                model.conv1.weight.add_(torch.randn_like(model.conv1.weight))

    assert told_by(cell) == []
    start = weights_of(model.conv1)
    (told,) = told_by(lambda: (cell(), recorder.close()))
    assert is_threadless()
    assert "supersedes" in told
    history = load_history(tmp_path)["conv1"]
    assert history.epochs.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(history.initial.weights, start)
    assert history.rotation()[0].max() < 1e-12


@pytest.mark.parametrize("steps", [True, False], ids=["steps told", "steps counted"])
def test_a_later_first_snapshot_goes_on_from_what_is_there(tmp_path: Path, steps: bool) -> None:
    """Five epochs, of which the checkpoint of the third is gone on from."""

    def snapshot(recorder: FilterRecorder, epoch: int) -> None:
        recorder.snapshot(epoch, 4 * epoch if steps else None)

    torch.manual_seed(0)
    model, kept = SmallNet(), {}
    optimizer = model.configure_optimizers()
    with FilterRecorder(model, tmp_path, plots=("drift",), max_filters=4) as recorder:
        for epoch in range(6):
            if epoch:
                train(model, optimizer)
            kept[epoch] = weights_of(model.conv1)
            snapshot(recorder, epoch)
            if epoch == 3:
                state = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(state)
    with FilterRecorder(model, tmp_path, plots=("drift",), max_filters=4) as recorder:
        for epoch in (4, 5, 6):
            train(model, model.configure_optimizers())
            kept[epoch] = weights_of(model.conv1)
            snapshot(recorder, epoch)
    history = load_history(tmp_path)["conv1"]
    at = 4 if steps else 1
    assert (history.epochs.tolist(), history.steps.tolist()) == ([*range(7)], [at * epoch for epoch in range(7)])
    np.testing.assert_array_equal(history.initial.weights, kept[0])
    for epoch in range(7):
        np.testing.assert_allclose(history.weights[epoch], kept[epoch][:4], rtol=1e-3, atol=1e-6)
    files = sorted(tmp_path.glob("events*"), key=lambda path: path.stat().st_mtime_ns)
    again = tmp_path / "again"
    again.mkdir()
    files[-1].rename(again / files[-1].name)
    turned = dict(Logged(again).scalars["filters/conv1/rotation"])
    for epoch in (4, 5, 6):  # over the whole layer, from its first weights
        cosine = (kept[epoch] * kept[0]).sum() / np.linalg.norm(kept[epoch]) / np.linalg.norm(kept[0])
        assert turned[at * epoch] == pytest.approx(1 - cosine, abs=1e-6)
    # The step before the first snapshot was not seen by this recorder: no change is made up for it.
    assert Logged(again).steps("filters/conv1/change") == [5 * at, 6 * at]


def test_a_first_snapshot_where_nothing_is_begins_there(tmp_path: Path) -> None:
    kept: dict[int, np.ndarray] = {}
    assert told_by(lambda: loop(tmp_path, epochs=4, begin=2, plots=(), kept=kept)) == []
    history = load_history(tmp_path)["conv1"]
    assert (history.epochs.tolist(), history.steps.tolist()) == ([2, 3, 4], [8, 12, 16])
    np.testing.assert_array_equal(history.initial.weights, kept[2])


def test_damaged_files_are_told_and_recording_goes_on(tmp_path: Path) -> None:
    loop(tmp_path, plots=())
    (file,) = tmp_path.glob("events*")
    file.write_bytes(file.read_bytes()[:40] + b"\0" * 999)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop(tmp_path, begin=2, plots=())
    assert any("damaged" in str(each.message) for each in caught)
    assert load_history(tmp_path)["conv1"].epochs.tolist() == [2, 3]


@pytest.mark.pictures
def test_after_an_exception_the_last_snapshot_is_drawn_but_not_called_final(tmp_path: Path) -> None:
    def fails(name: str, error: bool) -> Logged:
        torch.manual_seed(0)
        model = SmallNet()
        with (
            pytest.raises(ZeroDivisionError) if error else nullcontext(),
            FilterRecorder(model, tmp_path / name, plots=("taps",), total=100) as recorder,
        ):
            for epoch in range(6):
                recorder.snapshot(epoch)
            if error:
                raise ZeroDivisionError
        return Logged(tmp_path / name)

    failed, ended = fails("failed", True), fails("ended", False)
    assert failed.steps("filters/conv1/taps") == ended.steps("filters/conv1/taps") == [0, 1, 2, 3, 5]
    (_, one), (_, other) = failed.images["filters/conv1/taps"][-1], ended.images["filters/conv1/taps"][-1]
    assert (one != other).any()  # the title
    assert is_threadless()


ABANDONED = """
import sys, torch
from filterscope import FilterRecorder
from tests.support.nets import SmallNet
model = SmallNet()
recorder = FilterRecorder(model, sys.argv[1], plots=("taps",), total=100)
for epoch in range(6):
    recorder.snapshot(epoch)
{end}
"""


@pytest.mark.parametrize(
    "end",
    ["", "raise ValueError", "import os, signal; os.kill(os.getpid(), signal.SIGINT)"],
    ids=["", "error", "Ctrl-C"],
)
def test_what_nobody_closes_is_written_at_exit(tmp_path: Path, end: str) -> None:
    root = Path(__file__).parents[2]
    code = ABANDONED.format(end=end)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, capture_output=True, timeout=120)
    assert (done.returncode != 0) is bool(end), done.stderr
    assert load_history(tmp_path)["conv1"].epochs.tolist() == [*range(6)]
    assert Logged(tmp_path).steps("filters/conv1/taps") == [0, 1, 2, 3, 5]
    assert b"Exception ignored" not in done.stderr


def test_one_that_is_given_up_is_written_too(tmp_path: Path) -> None:
    recorder = FilterRecorder(SmallNet(), tmp_path, plots=("taps",), total=100)
    for epoch in range(6):
        recorder.snapshot(epoch)
    del recorder
    gc.collect()
    assert Logged(tmp_path).steps("filters/conv1/taps") == [0, 1, 2, 3, 5]
    assert is_threadless()


def test_nothing_is_made_before_the_first_snapshot(tmp_path: Path) -> None:
    FilterRecorder(SmallNet(), tmp_path / "runs").close()
    assert list(tmp_path.iterdir()) == []


class Wrapped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.module = nn.Sequential(nn.Conv1d(1, 2, 5))  # a name that wrappers use

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.module(x)


@pytest.mark.parametrize(
    ("wrap", "layer"),
    [
        (lambda: torch.compile(SmallNet(), backend="eager"), "conv1"),
        (lambda: nn.DataParallel(SmallNet()), "conv1"),
        (Wrapped, "module.0"),
        (lambda: torch.compile(Wrapped(), backend="eager"), "module.0"),
        (lambda: nn.Conv1d(1, 2, 5), "Conv1d"),
    ],
    ids=["compiled", "DataParallel", "own name", "compiled own name", "one layer"],
)
def test_wrapped_models_are_read_under_their_own_names(tmp_path: Path, wrap: Any, layer: str) -> None:
    with FilterRecorder(wrap(), tmp_path, plots=()) as recorder:
        recorder.snapshot(0)
    assert next(iter(load_history(tmp_path))) == layer


def test_after_closing_it_says_what_works(tmp_path: Path) -> None:
    recorder = FilterRecorder(SmallNet(), tmp_path, plots=())
    recorder.snapshot(0)
    recorder.close()
    recorder.close()
    with pytest.raises(RuntimeError, match="this FilterRecorder is closed; make another one"):
        recorder.snapshot(1)
    assert load_history(tmp_path)["conv1"].epochs.tolist() == [0]


def test_a_model_without_filters_is_told_once_and_records_nothing(tmp_path: Path) -> None:
    def action() -> None:
        with FilterRecorder(nn.Linear(3, 3), tmp_path) as recorder:
            recorder.snapshot(0)
            recorder.snapshot(1)

    assert told_by(action) == ["filterscope found no 1-D filters in Linear: nothing to log"]
    assert Logged(tmp_path).tags() == set()
