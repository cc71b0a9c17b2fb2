"""Recorders used in ways that nobody meant: nothing ends or hangs a training, and what is superseded is told."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from filterscope import FilterBank, FilterRecorder, load_history
from tests.support.events import Logged
from tests.support.faults import told_by
from tests.support.nets import SmallNet
from tests.support.states import is_threadless


def record(directory: Path, *moments: tuple[int, int | None], **options: Any) -> None:
    with FilterRecorder(SmallNet(), directory, **({"plots": ()} | options)) as recorder:
        for epoch, step in moments:
            recorder.snapshot(epoch, step)


def test_a_directory_that_cannot_be_written_is_told_once_and_training_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (told,) = told_by(lambda: record(tmp_path / "file" / "run", (0, None), (1, None), (2, None)))
    assert told.startswith("filterscope cannot record (")
    assert told.endswith("training goes on")


def test_a_relative_directory_stays_where_it_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [tmp_path / name for name in ("first", "second", "third")]
    for place in places:
        place.mkdir()
    monkeypatch.chdir(places[0])
    with FilterRecorder(SmallNet(), "run", plots=()) as recorder:
        for epoch, place in enumerate(places):
            monkeypatch.chdir(place)
            recorder.snapshot(epoch)
    assert load_history(places[0] / "run")["conv1"].epochs.tolist() == [0, 1, 2]
    assert [*places[1].iterdir(), *places[2].iterdir()] == []


def test_epochs_counted_anew_are_refused_and_what_was_recorded_stays(tmp_path: Path) -> None:
    record(tmp_path, (0, 0), (1, 100), (2, 200), (3, 300))
    with pytest.raises(ValueError, match=r"epoch=1 comes after epoch 3, which .* holds; count epochs on"):
        record(tmp_path, (1, 400))
    assert load_history(tmp_path)["conv1"].epochs.tolist() == [0, 1, 2, 3]


def test_snapshots_that_a_new_recorder_supersedes_are_told(tmp_path: Path) -> None:
    record(tmp_path, *((epoch, None) for epoch in range(6)))
    (told,) = told_by(lambda: record(tmp_path, (2, None), (3, None)))
    assert "holds 4 snapshots that this one of epoch 2 supersedes" in told
    assert load_history(tmp_path)["conv1"].epochs.tolist() == [0, 1, 2, 3]


def test_a_record_that_begins_before_all_that_is_there_supersedes_all_of_it(tmp_path: Path) -> None:
    record(tmp_path, (5, None), (6, None))
    (told,) = told_by(lambda: record(tmp_path, (3, None), (4, None)))
    assert "holds 2 snapshots that this one of epoch 3 supersedes" in told
    history = load_history(tmp_path)["conv1"]
    assert (history.epochs.tolist(), history.initial.epoch) == ([3, 4], 3)


@pytest.mark.parametrize("first", [(0, 7), (3, None), (3, 30)])
def test_the_first_snapshot_has_images_wherever_it_is(tmp_path: Path, first: tuple[int, int | None]) -> None:
    record(tmp_path, first, *((4 + i, None) for i in range(4)), plots=("taps",), total=100)
    steps = load_history(tmp_path)["conv1"].steps.tolist()
    assert Logged(tmp_path).steps("filters/conv1/taps")[0] == steps[0]


@pytest.mark.parametrize("given", [Path, SummaryWriter])
def test_a_model_that_holds_its_recorder_can_be_copied_in_the_middle(tmp_path: Path, given: Any) -> None:
    model, writer = SmallNet(), given(str(tmp_path))
    recorder = FilterRecorder(model, writer, plots=())
    object.__setattr__(model, "recorder", recorder)
    recorder.snapshot(0)
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model)), torch.optim.swa_utils.AveragedModel(model)]
    recorder.snapshot(1)
    recorder.close()
    if writer != tmp_path:
        writer.close()
    assert len(copies) == 3
    assert load_history(tmp_path)["conv1"].epochs.tolist() == [0, 1]


def test_a_recorder_that_its_own_thread_collects_is_written_and_hangs_nothing(tmp_path: Path) -> None:
    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(1, 2, 5)

    collected = threading.Event()

    def collecting(bank: FilterBank, *, reference: FilterBank) -> Figure:
        if bank.epoch == 6:
            gone.wait(30)
            gc.collect()
            collected.set()
        return Figure(figsize=(1, 1))

    gone = threading.Event()
    model = Holder()
    recorder = FilterRecorder(model, tmp_path, plots=[collecting], total=100)
    object.__setattr__(model, "recorder", recorder)  # a cycle: only a collection finds it
    for epoch in range(7):
        recorder.snapshot(epoch)
        with torch.no_grad():
            model.conv.weight.add_(1)
    recorder._session._draw()  # type: ignore[union-attr]
    del recorder, model
    gone.set()
    assert collected.wait(30)
    while not is_threadless():
        time.sleep(0.01)
    assert load_history(tmp_path)["conv"].epochs.tolist() == [*range(7)]


def test_histories_pickled_before_there_were_steps_work(tmp_path: Path) -> None:
    record(tmp_path, (0, 0), (1, 5))
    history = load_history(tmp_path)["conv1"]
    state = {name: value for name, value in history.__getstate__().items() if name != "by_step"}
    old = object.__new__(type(history))
    old.__setstate__(state)
    assert not old.by_step
    assert "epochs 0 to 1" in repr(old)


def test_many_steps_are_not_all_listed() -> None:
    from filterscope import FilterHistory

    weights = np.ones((1, 1, 5))
    history = FilterHistory(
        [FilterBank("conv", weights, epoch=0, step=i, within_epoch=i > 0) for i in range(0, 6000, 2)]
    )
    with pytest.raises(KeyError, match=r"no snapshot at step 3; there are 0, 2, 4, \.\.\., 5998"):
        history.bank(step=3)


@pytest.mark.parametrize(("epoch", "step"), [(2**53, None), (1, 2**53)])
def test_numbers_that_no_file_holds_are_refused(tmp_path: Path, epoch: int, step: int | None) -> None:
    with pytest.raises(ValueError, match="too large"):
        record(tmp_path, (epoch, step))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"writer": 3}, TypeError, "writer must be a torch SummaryWriter or a directory, got int"),
        ({"writer": None}, TypeError, "writer must be a torch SummaryWriter or a directory, got NoneType"),
        ({"writer": __file__}, ValueError, "is no directory; give one such as"),
        ({"model": {}}, TypeError, "model must be a torch module, got dict"),
        ({"model": SmallNet}, TypeError, "a torch module, got the class SmallNet; give an instance, not the class"),
        ({"writer": Path}, TypeError, "or a directory, got the class Path; give an instance, not the class"),
        ({"total": 0}, ValueError, "total=0 is below 1"),
        ({"total": 1.5}, TypeError, "total=1.5 is not an integer"),
        ({"layers": "conf*"}, ValueError, "no layer matches 'conf*'; the model has: conv1, conv2"),
        ({"channels": "first"}, ValueError, "channels='first' is not a channel reduction"),
        ({"plots": ["tops"]}, ValueError, "'tops' is not a plot"),
        ({"scale": "tile"}, ValueError, "scale='tile' is not known; use 'layer' or 'filter'"),
        ({"sample_rate": -1}, ValueError, "sample_rate=-1 is not positive"),
        ({"tag": ""}, ValueError, "tag='' must not be empty"),
        ({"every_n_epochs": 2}, TypeError, "every_n_epochs"),
    ],
)
def test_bad_arguments_are_refused_in_the_constructor(
    tmp_path: Path, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    given: dict[str, Any] = {"model": SmallNet(), "writer": tmp_path} | arguments
    with pytest.raises(error) as caught:
        FilterRecorder(**given)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("calls", "error", "words"),
    [
        ([(-1, None)], ValueError, "epoch=-1 is below 0"),
        ([(1.0, None)], TypeError, "epoch=1.0 is not an integer"),
        ([(True, None)], TypeError, "epoch=True is not an integer"),
        ([(0, "4")], TypeError, "step='4' is not an integer"),
        ([(0, None), (1, 9), (2, 9)], ValueError, "step=9 is that of epoch 1; steps must rise, or be left out"),
        ([(0, None), (1, 9), (2, 3)], ValueError, "step=3 comes after step 9"),
        ([(0, None), (5, None), (4, None)], ValueError, "epoch=4 comes after epoch 5; snapshot(0) would begin a new"),
    ],
)
def test_what_cannot_be_a_moment_is_refused_and_what_was_recorded_stays(
    tmp_path: Path, calls: list[tuple[Any, Any]], error: type[Exception], words: str
) -> None:
    recorder = FilterRecorder(SmallNet(), tmp_path, plots=())
    for good in calls[:-1]:
        recorder.snapshot(*good)
    with pytest.raises(error) as caught:
        recorder.snapshot(*calls[-1])
    assert words in str(caught.value)
    recorder.close()
    if len(calls) > 1:
        assert load_history(tmp_path)["conv1"].epochs.tolist() == [epoch for epoch, _ in calls[:-1]]


def test_two_open_recorders_of_one_place_are_told_to_mix(tmp_path: Path) -> None:
    def both(**options: Any) -> None:
        with SummaryWriter(str(tmp_path)) as writer:
            generator, critic = (FilterRecorder(SmallNet(), writer, plots=(), **each) for each in ({}, options))
            for epoch in range(3):
                generator.snapshot(epoch)
                critic.snapshot(epoch)
            generator.close()
            critic.close()

    apart, told = told_by(lambda: both(tag="critic")), told_by(both)
    assert not [each for each in apart if "another FilterRecorder" in each]
    assert [each for each in told if "another FilterRecorder" in each and "tag='filters_2'" in each]


def test_a_cell_that_is_run_again_has_one_recorder(tmp_path: Path) -> None:
    def cell() -> None:
        for _ in range(2):
            recorder = FilterRecorder(SmallNet(), tmp_path, plots=())
            recorder.snapshot(0)
        recorder.close()

    assert not [each for each in told_by(cell) if "another FilterRecorder" in each]


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_scripted_model_is_told_to_hide_its_layers(tmp_path: Path) -> None:
    model = torch.jit.script(nn.Sequential(nn.Conv1d(1, 4, 9)))

    def recorded() -> None:
        with FilterRecorder(model, tmp_path, plots=()) as recorder:
            recorder.snapshot(0)

    (told,) = [each for each in told_by(recorded) if each.startswith("filterscope")]
    assert "scripted and traced ones do not: give the model that they were made of" in told
