"""``filterscope animate --kind change`` and ``spectrum``: frames that tell of time, decoded; scales and axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from filterscope import FilterHistory, load_history, plot_spectrum
from filterscope.cli import main
from filterscope.plots.change import ChangePicture
from filterscope.plots.drawing.tiles import LineTiles
from filterscope.plots.response import ResponsePicture
from filterscope.plots.taps import TapsPicture
from tests.cli.test_cli_animate import expected, frames_of
from tests.support.figures import DEAD, heights, near, pixels, words
from tests.support.runs import history, write_run

EPOCHS, FILTERS, TAPS = 5, 4, 17


def growing() -> np.ndarray:
    """Noise that tones of ever larger size are added to: filter 0 stays, filter 3 grows most."""
    noise = np.random.default_rng(0).standard_normal((FILTERS, 1, TAPS))
    tones = np.cos(np.outer([0.4, 0.8, 1.2, 1.6], np.arange(TAPS)))[:, None]
    size = np.array([0, 0.3, 1, 3])[:, None, None]
    return np.stack([noise + epoch * size * tones for epoch in range(EPOCHS)]).astype(np.float16).astype(np.float32)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("kinds"), history("conv", growing()))


def animated(run_dir: Path, output: Path, *options: str) -> list[np.ndarray]:
    assert main(["animate", str(run_dir), "--layer", "conv", *options, "-o", str(output)]) == 0
    return frames_of(output)[0]


def tiles_of(frames: list[np.ndarray], tiles: LineTiles) -> np.ndarray:
    """What frames show of each filter: ``(filters, frames, height, width, 3)``."""
    corners = tiles.corners.astype(int)
    return np.stack([np.stack(frames)[:, y : y + tiles.height, x : x + tiles.width] for x, y in corners])


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_frames_of_the_change_begin_with_nothing_and_grow(run_dir: Path, tmp_path: Path, suffix: str) -> None:
    frames = animated(run_dir, tmp_path / f"conv{suffix}", "--kind", "change")
    recorded = load_history(run_dir)["conv"]
    picture = ChangePicture(recorded[0], recorded.reference)
    assert isinstance(picture._tiles, LineTiles)
    shown = tiles_of(frames, picture._tiles)
    ink = (shown < 200).any(axis=-1).sum(axis=(2, 3))
    assert (shown[:, 0] == shown[0, 0]).all()  # nothing is learned yet: a line at zero in each tile
    assert (shown[0] == shown[0, 0]).all()  # the filter that stays as it was
    for number in (1, 2, 3):
        assert len({frame.tobytes() for frame in shown[number]}) == EPOCHS
    assert (np.diff(ink[3]) > 0).all()
    assert ink[3, -1] > 3 * ink[0, -1]


def test_lines_of_the_change_are_differences_to_one_scale_in_the_colours_of_rotation() -> None:
    recorded = FilterHistory(history("conv", growing()))
    picture, taps = (make(recorded[0], recorded.reference) for make in (ChangePicture, TapsPicture))
    rows = picture.follow(recorded)
    limits = picture._fixed_limits
    assert limits is not None
    for bank, row in zip(recorded, rows, strict=True):
        picture.update(bank, rows=row)
        taps.update(bank)
        difference = (bank.weights - recorded.reference.weights)[:, 0]
        drawn = heights(picture.sheet.figure)
        tall = drawn.max() / max(np.clip(difference / limits[0], -1, 1).max(), 1e-9)
        np.testing.assert_allclose(drawn, np.clip(difference / limits[0], -1, 1) * tall, atol=0.5)
        for tiles in (picture._tiles, taps._tiles):
            assert isinstance(tiles, LineTiles)
        colours = [np.asarray(each._tiles._front.get_color()) for each in (picture, taps)]  # type: ignore[union-attr]
        np.testing.assert_array_equal(colours[0], colours[1])
    said = words(picture.sheet.figure)
    assert "conv · change" in said
    assert "difference ±" in said
    assert "from initial" in said
    assert "dead" not in said


@pytest.mark.parametrize("kind", ["taps", "change"])
def test_each_filter_to_its_own_scale_which_holds_all_frames(run_dir: Path, tmp_path: Path, kind: str) -> None:
    frames = animated(run_dir, tmp_path / "conv.png", "--kind", kind, "--scale", "filter")
    recorded = load_history(run_dir)["conv"]
    make = TapsPicture if kind == "taps" else ChangePicture
    picture = make(recorded[0], recorded.reference, scale="filter")
    rows = picture.follow(recorded)
    anchor = 0 if kind == "taps" else recorded.reference.weights
    largest = np.abs(recorded.weights - anchor).max(axis=(0, 2, 3))
    assert picture._fixed_limits is not None
    np.testing.assert_allclose(picture._fixed_limits, np.where(largest, largest, 1), rtol=1e-6)
    for frame, bank, row in zip(frames, recorded, rows, strict=True):
        picture.update(bank, rows=row)
        assert np.abs(frame - expected(picture)).mean() < 1
    assert np.abs(frames[-1] - animated(run_dir, tmp_path / "one.png", "--kind", kind)[-1]).mean() > 0.5


@pytest.mark.parametrize("axis", ["linear", "log"])
def test_frames_of_the_spectrum_fill_its_map(run_dir: Path, tmp_path: Path, axis: str) -> None:
    options = ("--kind", "spectrum", "--sample-rate", "1000", "--frequency", axis)
    frames = animated(run_dir, tmp_path / "conv.png", *options)
    assert len({frame[60:200].tobytes() for frame in frames}) == EPOCHS  # the curve
    unknown = [near(frame[230:360, 90:700], DEAD, 6).mean() for frame in frames]
    assert (np.diff(unknown) < -0.1).all()
    assert unknown[0] > 0.7
    assert unknown[-1] == 0
    recorded = load_history(run_dir)["conv"]
    whole = pixels(plot_spectrum(recorded, sample_rate=1000, frequency=axis))  # type: ignore[arg-type]
    assert np.abs(frames[-1] - whole.astype(int)).mean() < 1


def test_a_logarithmic_axis_of_the_response(run_dir: Path, tmp_path: Path) -> None:
    (*_, frame) = animated(run_dir, tmp_path / "conv.png", "--kind", "response", "--frequency", "log")
    recorded = load_history(run_dir)["conv"]
    picture = ResponsePicture(recorded[0], recorded.reference, frequency="log")
    picture.update(recorded[-1])
    assert np.abs(frame - expected(picture)).mean() < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--kind", "taps", "--frequency", "log"), "--frequency log is for --kind response or spectrum"),
        (("--kind", "change", "--frequency", "log"), "--frequency log is for --kind response or spectrum"),
        (("--kind", "spectrum", "--scale", "filter"), "--scale filter is for --kind taps or change"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    options: tuple[str, ...], message: str, run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["animate", str(run_dir), "--layer", "conv", *options, "-o", str(tmp_path / "conv.gif")]) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_layer_without_frequencies_has_no_spectrum(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "run", history("conv", growing()[..., :1]))
    assert main(["animate", str(run), "--layer", "conv", "--kind", "spectrum", "-o", str(tmp_path / "a.gif")]) == 1
    assert "no spectrum of layer 'conv': it has a single tap" in capsys.readouterr().err
    assert main(["animate", str(run), "--layer", "conv", "--kind", "change", "-o", str(tmp_path / "a.gif")]) == 0
