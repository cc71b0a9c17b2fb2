"""Runs whose snapshots were taken by steps: every command tells steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from filterscope import FilterBank, FilterHistory, load_history, plot_drift, plot_taps
from filterscope.cli import main
from filterscope.plots.kinds import LAYER_NAMES
from filterscope.plots.taps import TapsPicture
from tests.support.figures import pixels
from tests.support.pictures import pixels_of
from tests.support.runs import write_run

#: Epoch, step, and whether it is within an epoch: epochs of 700 steps, a snapshot every 300.
MOMENTS = [(0, 0, False), (0, 300, True), (0, 600, True), (1, 700, False), (1, 900, True)]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    weights = np.random.default_rng(0).normal(size=(3, 1, 9)) + np.linspace(0, 1, 5)[:, None, None, None]
    banks = [
        FilterBank("conv", each, epoch=epoch, step=step, within_epoch=within)
        for each, (epoch, step, within) in zip(weights, MOMENTS, strict=True)
    ]
    return write_run(tmp_path_factory.mktemp("steps"), banks)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said_by(capsys: pytest.CaptureFixture[str], *argv: object) -> list[str]:
    assert main([str(each) for each in argv]) == 0
    return capsys.readouterr().out.splitlines()


def drawn(path: str) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_summary_has_steps_for_epochs(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, line = said_by(capsys, "summary", run_dir)
    assert "  steps  " in head
    assert "convergence step" in head
    assert "epoch" not in head
    assert "0 to 900" in line
    assert line.rstrip().endswith("–")  # it goes straight on


def test_summary_tells_the_step_from_which_on_a_layer_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = np.random.default_rng(0).normal(size=(3, 1, 9)) + np.array([0, 4, 5, 5, 5])[:, None, None, None]
    banks = [
        FilterBank("conv", each, epoch=epoch, step=step, within_epoch=within)
        for each, (epoch, step, within) in zip(weights, MOMENTS, strict=True)
    ]
    assert said_by(capsys, "summary", write_run(tmp_path / "run", banks))[1].rstrip().endswith("  600")


def test_plot_names_files_by_step_and_draws_the_snapshot_asked_for(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = load_history(run_dir)["conv"]
    assert said_by(capsys, "plot", run_dir, "-o", ".") == [
        *(f"conv_{name}_step000900.png" for name in LAYER_NAMES),
        "overview_step000900.png",
    ]
    (name,) = said_by(capsys, "plot", run_dir, "--kind", "taps", "--step", 300, "-o", ".")
    assert name == "conv_taps_step000300.png"
    assert np.array_equal(drawn(name), pixels(plot_taps(history[1], reference=history.reference)))
    (name,) = said_by(capsys, "plot", run_dir, "--kind", "drift", "--epoch", 1, "-o", ".")
    assert name == "conv_drift_epoch0001.png"  # up to the end of that epoch, at step 700
    assert np.array_equal(drawn(name), pixels(plot_drift(FilterHistory(list(history)[:4], history.initial))))


def test_a_step_that_is_not_there_is_told_with_the_nearest(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(run_dir), "--step", "650"]) == 1
    assert "no snapshot of step 650; there are 0 to 900, the nearest 600 and 700" in capsys.readouterr().err


def test_epoch_and_step_together_are_wrong_usage(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plot", str(run_dir), "--step", "300", "--epoch", "1"])
    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_animate_tells_the_step_of_every_frame(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said_by(capsys, "animate", run_dir, "--layer", "conv", "-o", "steps.png")
    history = load_history(run_dir)["conv"]
    with Image.open("steps.png") as image:
        frames = [np.asarray(each.convert("RGB")) for each in ImageSequence.Iterator(image)]
    assert len(frames) == len(MOMENTS)
    frame = frames[3]  # an epoch's end
    picture = TapsPicture(history[0], history.reference)
    picture.follow(history)
    picture.update(history[3], "step 700")
    title = pixels_of(picture.sheet)[:40]
    assert (np.abs(frame[:40].astype(int) - title).max(axis=2) > 40).sum() < 20
    picture.update(history[3], "epoch 1")
    other = pixels_of(picture.sheet)[:40]
    assert (np.abs(frame[:40].astype(int) - other).max(axis=2) > 40).sum() > 100
