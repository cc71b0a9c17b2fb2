"""Snapshots within one epoch, as of a stream: steps are the axis of time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from filterscope import FilterBank, FilterHistory, FilterRecorder, load_history
from filterscope.plots.drift import DriftPicture
from filterscope.plots.picture import Times
from filterscope.recording.intake import Intake
from tests.support.events import Logged
from tests.support.faults import raising, told_by
from tests.support.nets import SmallNet
from tests.support.pictures import assert_shows, pixels_of
from tests.support.weights import weights_of


@pytest.mark.pictures
def test_a_stream_within_one_epoch_is_drawn_by_steps_and_without_a_word(tmp_path: Path) -> None:
    model = SmallNet()
    at: list[np.ndarray] = []

    def action() -> None:
        with FilterRecorder(model, tmp_path, total=4) as recorder:
            for step in (0, 100, 200, 300):
                recorder.snapshot(0, step)
                at.append(weights_of(model.conv1))
                with torch.no_grad():
                    model.conv1.weight.add_(0.1 * torch.randn_like(model.conv1.weight))

    assert told_by(action) == []
    logged = Logged(tmp_path)
    assert logged.steps("filters/conv1/drift") == [100, 200, 300]
    picture = DriftPicture(FilterBank("conv1", at[0]), FilterBank("conv1", at[0]))
    turned = FilterHistory([FilterBank("conv1", weights) for weights in at]).rotation()
    picture.update(
        FilterBank("conv1", at[-1]), list(turned), Times(np.array([0, 100, 200, 300]), "step"), "final, step 300"
    )
    assert_shows(logged.images["filters/conv1/drift"][-1][1], pixels_of(picture.sheet))
    history = load_history(tmp_path)["conv1"]
    assert (history.steps.tolist(), history.epochs.tolist(), history.by_step) == ([0, 100, 200, 300], [0] * 4, True)
    assert [bank.within_epoch for bank in history] == [False, True, True, True]
    assert repr(history) == "FilterHistory('conv1', 4 snapshots, steps 0 to 300, 6 x 1 x 9)"
    with FilterRecorder(model, tmp_path, plots=()) as recorder:  # goes on, in the same epoch
        recorder.snapshot(0, 250)
    history = load_history(tmp_path)["conv1"]
    assert (history.steps.tolist(), history[-1].within_epoch) == ([0, 100, 200, 250], True)


def test_an_epoch_may_end_where_a_snapshot_by_steps_was_taken(tmp_path: Path) -> None:
    model = SmallNet()
    with FilterRecorder(model, tmp_path, plots=()) as recorder, torch.no_grad():
        recorder.snapshot(0)
        for step in range(1, 13):
            model.conv1.weight *= 1.25
            if step % 2 == 0:
                recorder.snapshot((step - 1) // 4, step)
            if step % 4 == 0:
                if step == 8:
                    model.conv1.weight *= 0.8  # at the epoch's end itself
                recorder.snapshot(step // 4, step)
        with pytest.raises(ValueError, match="step=12 is that of epoch 3; steps must rise"):
            recorder.snapshot(4, 12)
        kept = model.conv1.weight.numpy()
    history = load_history(tmp_path)["conv1"]
    assert history.steps.tolist() == [0, 2, 4, 6, 8, 10, 12]
    assert [bank.epoch for bank in history if not bank.within_epoch] == [0, 1, 2, 3]
    np.testing.assert_allclose(history.change()[1:], [0.5625, 0.5625, 0.5625, 0.25, 0.5625, 0.5625], rtol=1e-5)
    np.testing.assert_allclose(history.bank(3).weights, kept, rtol=1e-3)
    np.testing.assert_allclose(history.bank(2).weights * 1.5625**2, kept, rtol=1e-3)


def test_weights_that_cannot_be_read_at_such_an_epochs_end_do_not_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def action() -> None:
        with FilterRecorder(SmallNet(), tmp_path, plots=()) as recorder:
            recorder.snapshot(0)
            recorder.snapshot(0, 5)
            with monkeypatch.context() as broken:
                broken.setattr(Intake, "read", raising(Intake.read, RuntimeError("no luck"), lambda *_: True))
                recorder.snapshot(1, 5)
            recorder.snapshot(2, 9)

    (told,) = told_by(action)
    assert "no luck" in told
    assert load_history(tmp_path)["conv1"].steps.tolist() == [0, 5, 9]
