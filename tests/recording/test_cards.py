"""The overview of the model and the layers' spectra, as a training logs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import FilterBank, FilterHistory, FilterRecorder, load_history, plot_overview, plot_spectrum
from filterscope.plots import kinds, overview
from filterscope.plots.picture import Options
from filterscope.recording.track import MOST_ROWS, Track
from tests.support.events import Logged
from tests.support.figures import noise, pixels
from tests.support.nets import SmallNet
from tests.support.resumes import first_fit, resumed


def moved(model: nn.Module, size: float) -> None:
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(size * torch.randn_like(weights) * weights.abs().mean())


def record(where: Path, model: nn.Module, epochs: range, **options: Any) -> Logged:
    with FilterRecorder(model, where, total=13, **options) as recorder:
        for epoch in epochs:
            moved(model, 0.3 / (1 + epoch) if epoch else 0)
            recorder.snapshot(epoch)
    return Logged(where)


def off(image: np.ndarray, other: np.ndarray) -> float:
    """Share of pixels that differ, by more than a palette's rounding."""
    return float((np.abs(image.astype(int) - other).max(axis=2) > 24).mean())


@pytest.mark.pictures
def test_both_are_logged_from_the_second_snapshot_on_and_show_what_the_python_functions_do(tmp_path: Path) -> None:
    logged = record(tmp_path, SmallNet(), range(5), sample_rate=8000.0, plots=("overview", "spectrum"))
    histories = load_history(tmp_path)
    assert set(logged.images) == {"filters/overview", "filters/conv1/spectrum"}  # conv2 has three taps
    for tag, figure in (
        ("filters/overview", plot_overview(histories)),
        ("filters/conv1/spectrum", plot_spectrum(histories["conv1"])),
    ):
        assert logged.steps(tag) == [1, 2, 3, 4]
        image = logged.images[tag][-1][1]
        assert image.shape == (430, 900, 3)
        assert off(image, pixels(figure)) < 0.02, tag  # "epoch 4" is the final one, and filters were rounded


@pytest.mark.parametrize(
    ("plots", "expected"),
    [((), set()), (("overview",), {"filters/overview"}), (("spectrum",), {"filters/conv1/spectrum"})],
)
def test_plots_chooses_them(tmp_path: Path, plots: Any, expected: set[str]) -> None:
    logged = record(tmp_path, SmallNet(), range(3), plots=plots)
    assert set(logged.images) == expected
    ((_, card),) = logged.texts["filters/layers"]
    for name in ("overview", "spectrum"):
        assert (f"| {name} |" in card) == (name in plots)


def test_by_default_both_are_there_and_the_text_card_says_what_they_mean(tmp_path: Path) -> None:
    logged = record(tmp_path, SmallNet(), range(2))
    assert {"filters/overview", "filters/conv1/spectrum"} <= set(logged.images)
    ((_, card),) = logged.texts["filters/layers"]
    assert f"| overview | {overview.MEANING} |" in card
    assert f"| spectrum | {kinds.kind('spectrum').meaning} |" in card
    assert logged.descriptions["filters/overview"] == overview.MEANING


@pytest.mark.pictures
def test_the_overview_of_a_resumed_fit_has_all_epochs(tmp_path: Path) -> None:
    checkpoint, _ = first_fit(tmp_path, "after the epoch", plots=())
    resumed(tmp_path, checkpoint, 0, plots=("overview",))
    found = load_history(tmp_path / "run" / "version_0")
    logged = Logged(tmp_path / "run" / "version_0")
    assert off(logged.images["filters/overview"][-1][1], pixels(plot_overview(found))) < 0.02
    for history in found.values():
        assert len(history) == 6
        assert np.isfinite(history.change()[1:]).all()


@pytest.mark.pictures
def test_the_overview_of_a_recorder_that_goes_on_has_all_epochs(tmp_path: Path) -> None:
    model = SmallNet()
    record(tmp_path, model, range(3), plots=())
    logged = record(tmp_path, model, range(3, 6), plots=("overview",))
    wanted = plot_overview(load_history(tmp_path))
    assert off(logged.images["filters/overview"][-1][1], pixels(wanted)) < 0.1  # the change from epoch 2 is not known


def course(banks: list[FilterBank], max_filters: int | None = None) -> overview.Course:
    followed = Track(banks[0], [], Options(max_filters=max_filters))
    for bank in banks:
        followed.add(bank)
    return followed.course()


@pytest.mark.parametrize("count", [5, 128, 129, 300])
def test_a_track_remembers_change_and_rotation_of_what_it_keeps(count: int) -> None:
    banks = [noise(3, 1, 4, seed, epoch=2 * seed) for seed in range(count)]
    kept = course(banks)
    assert len(kept.times) <= MOST_ROWS
    assert (kept.times[0], kept.times[-1]) == (0, 2 * (count - 1))
    whole = of_all(banks)
    np.testing.assert_allclose(kept.change, whole.change[kept.times // 2], rtol=1e-6)
    np.testing.assert_allclose(kept.rotation, whole.rotation[kept.times // 2], atol=1e-7)


def of_all(banks: list[FilterBank]) -> overview.Course:
    return overview._course(FilterHistory(banks), by_step=False)


def test_of_a_snapshot_with_nan_both_numbers_are_infinite_and_of_zeros_undefined() -> None:
    banks = [noise(3, 1, 4, seed, epoch=seed) for seed in range(4)]
    banks[0].weights[:] = 0
    banks[2].weights[1, 0, 2] = np.nan
    kept = course(banks)
    assert np.isnan(kept.rotation[0])
    assert np.isnan(kept.change[:2]).all()
    assert kept.rotation[1] == 0
    assert np.isposinf([kept.change[2], kept.rotation[2]]).all()
    assert np.isfinite(kept.rotation[3])


def test_what_was_recorded_before_a_resume_has_its_logged_change() -> None:
    banks = [noise(3, 1, 4, seed, epoch=seed, step=seed) for seed in range(5)]
    followed = Track(banks[2], [], Options(), banks[0])
    followed.recall(banks[0], None)
    followed.recall(banks[1], 0.25)
    followed.add(banks[2], 0.125)  # what the fit was resumed from
    followed.add(banks[3])
    kept = followed.course()
    assert kept.times.tolist() == [0, 1, 2, 3]
    assert np.isnan(kept.change[0])
    assert kept.change[1:3].tolist() == [0.25, 0.125]
    np.testing.assert_allclose(kept.change[3], of_all(banks).change[3], rtol=1e-6)
    np.testing.assert_allclose(kept.rotation, of_all(banks).rotation[:4], atol=1e-7)


def test_a_layer_too_short_for_spectra_costs_none(tmp_path: Path) -> None:
    lengths = []
    row = kinds.kind("spectrum").row
    assert row is not None

    def counted(moment: Any, options: Options) -> Any:
        lengths.append(moment.weights.shape[2])
        return row(moment, options)

    object.__setattr__(kinds.kind("spectrum"), "row", counted)
    try:
        record(tmp_path, SmallNet(), range(3))
    finally:
        object.__setattr__(kinds.kind("spectrum"), "row", row)
    assert set(lengths) == {9}


def test_a_spectrum_remembers_two_kilobytes_of_a_moment_whatever_the_length_of_the_filters() -> None:
    kind = kinds.kind("spectrum")
    for taps in (8, 251, 16000):
        followed = Track(noise(2, 1, taps), [kind], Options())
        followed.add(noise(2, 1, taps))
        (row,) = followed.rows(kind)
        assert row.nbytes <= 2048
