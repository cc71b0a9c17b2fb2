"""A fit that goes on from a checkpoint finds what was recorded before: in other directories, moved, linked or gone."""

from __future__ import annotations

import warnings
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from filterscope import FilterBank, load_history
from filterscope.plots.drift import DriftPicture
from filterscope.plots.picture import Times
from filterscope.recording.resume import PastRun, from_state, locate, to_state
from tests.support.events import Logged
from tests.support.pictures import assert_shows, pixels_of
from tests.support.resumes import first_fit, resumed
from tests.support.weights import rotation


def test_a_directory_that_goes_on_from_another_has_the_initial_filters_too(tmp_path: Path) -> None:
    checkpoint, first = first_fit(tmp_path, "after the epoch", max_filters=2)
    at = resumed(tmp_path, checkpoint, 1, max_filters=2, epochs=3).at
    history = load_history(tmp_path / "run" / "version_1")["conv1"]
    np.testing.assert_array_equal(history.initial.weights, first.at[0])
    assert (history.initial.epoch, history.initial.filters) == (0, 6)
    assert history.epochs.tolist() == [0, 3]
    np.testing.assert_array_equal(history.weights[1], at[12][:2].astype(np.float16))
    assert Logged(tmp_path / "run" / "version_1").steps("filters/conv1/rotation") == [12]


@pytest.mark.pictures
def test_a_third_fit_finds_the_first_through_the_second(tmp_path: Path) -> None:
    checkpoint, first = first_fit(tmp_path, "after the epoch")
    saver = ModelCheckpoint(dirpath=tmp_path / "second", filename="{step}", save_on_train_epoch_end=True)
    second = resumed(tmp_path, checkpoint, 1, saver, epochs=4, enable_checkpointing=True)
    third = resumed(tmp_path, tmp_path / "second" / "step=16.ckpt", 2, epochs=5)
    logged = Logged(tmp_path / "run" / "version_2")
    wanted = rotation(third.at[20], first.at[0])
    assert logged.scalars["filters/conv1/rotation"] == [(20, pytest.approx(wanted, abs=2e-7))]
    at = first.at | {step: each.astype(np.float16) for step, each in second.at.items()} | third.at
    at[4] = at[4].astype(np.float16)
    turned = np.array([[rotation(w, r) for w, r in zip(at[s], at[0], strict=True)] for s in range(0, 21, 4)])
    now = FilterBank("conv1", at[20], epoch=5)
    drift = DriftPicture(now, FilterBank("conv1", at[0], epoch=0))
    drift.update(now, list(turned), Times(np.arange(6)), "final, epoch 5")
    assert_shows(logged.images["filters/conv1/drift"][-1][1], pixels_of(drift.sheet))


def test_a_checkpoint_moved_with_its_directory_finds_the_filters_there(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    checkpoint, first = first_fit(tmp_path / "old", "after the epoch")
    (tmp_path / "old").rename(tmp_path / "new")
    moved = tmp_path / "new" / checkpoint.relative_to(tmp_path / "old")
    weights = resumed(tmp_path / "elsewhere", moved, 0, epochs=3)
    wanted = rotation(weights.at[12], first.at[0])
    numbers = Logged(tmp_path / "elsewhere").scalars["filters/conv1/rotation"]
    assert numbers == [(12, pytest.approx(wanted, abs=2e-7))]


def test_a_moved_directory_reached_by_a_link_is_the_same_and_keeps_its_history(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    checkpoint, _ = first_fit(tmp_path / "old", "after the epoch")
    (tmp_path / "old").rename(tmp_path / "new")
    (tmp_path / "link").symlink_to(tmp_path / "new")
    resumed(tmp_path / "new", tmp_path / "link" / checkpoint.relative_to(tmp_path / "old"), 0, epochs=3)
    assert load_history(tmp_path / "new")["conv1"].epochs.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("above", ["", "runs/version_0/"])
def test_a_directory_moved_with_a_checkpoint_is_found_from_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, above: str
) -> None:
    run, checkpoints = tmp_path / "new" / "tags" / "run", tmp_path / "new" / above / "checkpoints"
    for directory in (run, checkpoints):
        directory.mkdir(parents=True)
    (run / "events").touch()
    monkeypatch.chdir(checkpoints)
    gone = PastRun("/nowhere/old/tags/run", "events", 0)
    assert locate([gone], "last.ckpt") == [PastRun(str(run), "events", 0)]
    assert locate([PastRun("/nowhere/old/tags/run", "others", 0)], "last.ckpt") == []


def test_a_directory_moved_in_another_file_system_is_found_beside_the_checkpoint() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/new/tags/run/events", b"")
    try:
        found = locate([PastRun("memory://old/tags/run", "events", 4)], "memory://new/checkpoints/last.ckpt")
    finally:
        memory.rm("/new", recursive=True)
    assert found == [PastRun("memory://new/tags/run", "events", 4)]


def test_a_checkpoint_names_the_first_directory_and_the_newest() -> None:
    runs = [PastRun(f"run{number}", f"events{number}", number) for number in range(40)]
    assert from_state(to_state(runs)) == [runs[0], *runs[25:]]
    assert from_state(to_state(runs[:16])) == runs[:16]
    assert from_state(to_state([])) == []


def test_a_resumed_fit_that_takes_no_snapshot_records_its_last_weights(tmp_path: Path) -> None:
    checkpoint, _ = first_fit(tmp_path, "after the epoch")
    at = resumed(tmp_path, checkpoint, 1, epochs=3, every_n_epochs=99).at
    history = load_history(tmp_path / "run" / "version_1")["conv1"]
    assert (history.epochs.tolist(), history.steps.tolist()) == ([0, 3], [0, 12])
    np.testing.assert_array_equal(history.weights[1], at[12].astype(np.float16))


@pytest.mark.parametrize("loss", ["directory", "filters"])
def test_where_the_filters_are_gone_one_warning_says_so_and_rotation_begins_anew(tmp_path: Path, loss: str) -> None:
    checkpoint, _ = first_fit(tmp_path, "after the epoch")
    run = tmp_path / "run" / "version_0"
    for path in run.glob("events*"):
        path.unlink()
        if loss == "filters":
            path.touch()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        weights = resumed(tmp_path, checkpoint, 1, epochs=4)
    ours = [str(each.message) for each in said if "filterscope" in str(each.message)]
    assert len(ours) == 1
    assert str(run) in ours[0]
    assert "from the weights that the fit was resumed from" in ours[0]
    numbers = dict(Logged(tmp_path / "run" / "version_1").scalars["filters/conv1/rotation"])
    wanted = {step: pytest.approx(rotation(weights.at[step], weights.at[8]), abs=2e-7) for step in (12, 16)}
    assert numbers == wanted


def test_what_a_checkpoint_keeps_is_small_and_loads_as_weights_only(tmp_path: Path) -> None:
    checkpoint, _ = first_fit(tmp_path, "after the epoch")
    states = torch.load(checkpoint, weights_only=True)["callbacks"]
    (state,) = [state for key, state in states.items() if "Conv1dFilterMonitor" in key]
    assert state["runs"][0]["directory"] == str(tmp_path / "run" / "version_0")
    assert len(repr(state)) < 4000
