"""What was logged exactly is given exactly; what rounding hides is not made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.compat.proto import event_pb2

from filterscope import FilterHistory, FilterRecorder, load_history, plot_evolution
from filterscope.filters import metrics
from tests.support.arrays import normal
from tests.support.event_files import events_of, write
from tests.support.events import Logged
from tests.support.figures import pixels
from tests.support.histories import quiet_load
from tests.support.nets import SmallNet
from tests.support.pictures import assert_shows

#: Relative size of the step before each snapshot after the first: float16 sees the first two only.
STEPS = (0.5, 0.05, 2e-5, 0)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``conv1`` moves ever less, ``conv2`` is frozen; of both, two filters are kept."""
    torch.manual_seed(3)
    model, path = SmallNet(), tmp_path_factory.mktemp("numbers")
    with FilterRecorder(model, path, plots=(), max_filters=2) as recorder, torch.no_grad():
        recorder.snapshot(0)
        for epoch, size in enumerate(STEPS, 1):
            model.conv1.weight += size * model.conv1.weight.norm() * _direction(model.conv1.weight)
            recorder.snapshot(epoch)
    return path


def _direction(weight: torch.Tensor) -> torch.Tensor:
    """Of length 1, and all in the last filter, which is not kept, but for a hundredth."""
    step = torch.full_like(weight, 0.01)
    step[-1] = 1
    return step / step.norm()


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_change_is_the_logged_one_of_the_whole_layer(run_dir: Path, layer: str) -> None:
    change = quiet_load(run_dir)[layer].change()
    assert np.isnan(change[0])
    assert change[1:].tolist() == [value for _, value in Logged(run_dir).scalars[f"filters/{layer}/change"]]
    wanted = np.array(STEPS if layer == "conv1" else (0, 0, 0, 0))
    np.testing.assert_allclose(change[1:], wanted, rtol=2e-3)


def without_numbers(event: event_pb2.Event) -> event_pb2.Event:
    kept = [value for value in event.summary.value if not value.HasField("simple_value")]
    del event.summary.value[:]
    event.summary.value.extend(kept)
    return event


def test_without_logged_numbers_a_change_that_rounding_hides_is_not_given(run_dir: Path, tmp_path: Path) -> None:
    found = quiet_load(write(tmp_path, [without_numbers(event) for event in events_of(run_dir)]))
    history = found["conv1"]
    flat = history.weights.reshape(len(history), -1).astype(float)
    exact = np.linalg.norm(np.diff(flat, axis=0), axis=1) / np.linalg.norm(flat[:-1], axis=1)
    assert exact[0] > 2e-3 > exact[1] > 0
    np.testing.assert_allclose(history.change(), [np.nan, exact[0], np.nan, np.nan, np.nan], rtol=1e-5)
    assert np.isnan(found["conv2"].change()).all()
    assert found["conv2"].convergence_epoch() is None  # it may have moved a little


def test_a_snapshot_whose_numbers_were_lost_is_not_given_those_of_another(run_dir: Path, tmp_path: Path) -> None:
    events = [without_numbers(event) if event.step == 2 else event for event in events_of(run_dir)]
    logged = quiet_load(run_dir)["conv1"].change()
    logged[2] = np.nan  # of the two filters kept, rounding hides it
    np.testing.assert_array_equal(quiet_load(write(tmp_path, events))["conv1"].change(), logged)


def test_a_frozen_layer_has_stood_from_the_first_epoch_on(run_dir: Path) -> None:
    assert quiet_load(run_dir)["conv2"].convergence_epoch() == 0


def test_an_epoch_end_at_a_snapshot_by_steps_keeps_its_change(tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = SmallNet()
    with FilterRecorder(model, tmp_path, plots=()) as recorder, torch.no_grad():
        for epoch, step, growth in ((0, 0, 1), (0, 5, 1.25), (0, 8, 1.5)):
            model.conv1.weight *= growth
            recorder.snapshot(epoch, step)
        assert recorder._session is not None
        recorder._session._mark_end(1, 8)  # as a Trainer does where it learns it too late
    history = load_history(tmp_path)["conv1"]
    assert (history.epochs.tolist(), history.steps.tolist()) == ([0, 0, 1], [0, 5, 8])
    np.testing.assert_allclose(history.change(), [np.nan, 0.25, 0.5], rtol=1e-6)


@pytest.mark.pictures
def test_the_picture_of_a_frozen_layer_shows_no_rounding(run_dir: Path) -> None:
    frozen = load_history(run_dir)["conv2"]
    exact = FilterHistory([frozen.reference.with_fields(epoch=bank.epoch, step=bank.step) for bank in frozen])
    assert (frozen.weights[1:] != exact.weights[1:]).any()
    assert_shows(*(pixels(plot_evolution(each)) for each in (frozen, exact)))


def test_a_difference_leaves_out_what_rounding_to_float16_explains() -> None:
    weights = normal(4, 3, 9)
    rounded = weights.astype(np.float16).astype(np.float32)
    moved = rounded + np.where(np.arange(9) == 4, np.spacing(rounded.astype(np.float16)).astype(np.float32), 0)
    for now, then in ((rounded, weights), (weights, rounded)):
        assert not metrics.difference(now, then).any()
    both = rounded + 1j * moved.astype(np.float32), weights + 1j * weights
    given = metrics.difference(*(each.astype(np.complex64) for each in both))
    assert not given.real.any()
    np.testing.assert_array_equal(given.imag != 0, np.broadcast_to(np.arange(9) == 4, weights.shape))
    slight = weights * np.float32(1 + 1e-6)  # exact ones, as a monitor has them, are told apart
    assert (metrics.difference(slight, weights) == slight - weights).all()
