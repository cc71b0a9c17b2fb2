"""``filterscope animate``: frames, their times, their scale and their colours, decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from filterscope import FilterBank, FilterHistory, load_history
from filterscope.cli import animate, arguments, main
from filterscope.filters.channels import principal
from filterscope.plots import animation
from filterscope.plots.drawing.raster import Raster
from filterscope.plots.drawing.tiles import LineTiles
from filterscope.plots.response import ResponsePicture
from filterscope.plots.taps import TapsPicture
from tests.support.runs import history, write_run

EPOCHS = 6


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Filters that grow from epoch to epoch, but for the first."""
    rng = np.random.default_rng(0)
    weights = np.cumsum(rng.standard_normal((EPOCHS, 5, 1, 15)), axis=0)
    weights[:, 0] = weights[0, 0].astype(np.float16)  # what a run keeps of it, exactly
    return write_run(tmp_path_factory.mktemp("animate"), history("conv", weights))


def frames_of(path: Path) -> tuple[list[np.ndarray], list[float]]:
    """Pixels and times in ms."""
    with Image.open(path) as image:
        assert image.info.get("loop") == 0
        frames, times = [], []
        for frame in ImageSequence.Iterator(image):
            frames.append(np.asarray(frame.convert("RGB")).astype(int))
            times.append(frame.info["duration"])
    return frames, times


def expected(picture: TapsPicture | ResponsePicture) -> np.ndarray:
    return Raster(picture.sheet).pixels()[:, :, :3].astype(int)


@pytest.mark.parametrize("kind", ["taps", "response"])
@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_every_epoch_is_a_frame(
    run_dir: Path, tmp_path: Path, suffix: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / f"conv{suffix}"
    assert main(["animate", str(run_dir), "--layer", "conv", "--kind", kind, "-o", str(output)]) == 0
    assert capsys.readouterr() == (f"{output}\n", "")
    assert [path.name for path in tmp_path.iterdir()] == [output.name]
    frames, times = frames_of(output)
    assert times == [100] * (EPOCHS - 1) + [1500]
    recorded = load_history(run_dir)["conv"]
    picture: TapsPicture | ResponsePicture
    if kind == "taps":
        picture = TapsPicture(recorded[0], recorded.reference)
        picture.follow(recorded)
    else:
        picture = ResponsePicture(recorded[0], recorded.reference)
    for frame, bank in zip(frames, recorded, strict=True):
        picture.update(bank)
        wanted = expected(picture)
        error = np.abs(frame - wanted)
        assert frame.shape == (430, 900, 3)
        assert (frame[(wanted == 255).all(axis=2)] == 255).all()
        assert error.mean() < 1
        assert error.max() <= 40  # soft edges of lines, in a palette of 255


def test_the_scale_is_that_of_all_epochs(run_dir: Path, tmp_path: Path) -> None:
    recorded = load_history(run_dir)["conv"]
    animation.write_animation(recorded, tmp_path / "conv.png")
    frames, _ = frames_of(tmp_path / "conv.png")
    tiles = TapsPicture(recorded[0], recorded.reference)._tiles
    assert isinstance(tiles, LineTiles)
    left, top = (int(number) for number in tiles.corners[0])
    first = np.stack(frames)[:, top : top + tiles.height, left : left + tiles.width]  # its weights never change
    assert (first < 200).any()
    assert (first == first[0]).all()
    assert len({frame[:30].tobytes() for frame in frames}) == EPOCHS  # the title tells the epoch


def test_a_sign_that_is_free_does_not_jump(tmp_path: Path) -> None:
    """The shape over taps turns by five degrees per epoch, half a turn in all: opposite to the reference at last."""
    channel, taps = np.random.default_rng(3).standard_normal(9), np.eye(2, 9)
    turns = [np.cos(a) * taps[0] + np.sin(a) * taps[1] for a in np.radians(np.arange(0, 180, 5))]
    weights = np.stack([np.outer(channel, turn) for turn in turns])[:, None].astype(np.float32)
    weights[20] = 0  # dead for an epoch
    recorded = FilterHistory(history("conv", weights))
    against_reference = np.stack([principal(each, weights[0])[0, 0] for each in weights])
    rows = np.stack(TapsPicture(recorded[0], recorded.reference).follow(recorded))[:, 0, 0]
    assert (rows[20] == 0).all()
    alive = np.delete(rows, 20, axis=0)
    assert (np.einsum("ek,ek->e", alive[1:], alive[:-1]) > 0).all()
    assert rows[-1] @ rows[0] < 0 < against_reference[-1] @ rows[0]
    np.testing.assert_allclose(np.abs(rows), np.abs(against_reference), rtol=1e-4, atol=1e-6)


def test_fewer_and_faster(run_dir: Path, tmp_path: Path) -> None:
    output = tmp_path / "conv.gif"
    assert main(["animate", str(run_dir), "--layer", "conv", "--every", "2", "--fps", "30", "-o", str(output)]) == 0
    frames, times = frames_of(output)
    assert times == [30, 30, 30, 1500]  # a GIF counts in hundredths: epochs 0, 2, 4 and the last, 5
    assert main(["animate", str(run_dir), "--layer", "conv", "-o", str(tmp_path / "all.gif")]) == 0
    every, _ = frames_of(tmp_path / "all.gif")
    for frame, position in zip(frames, (0, 2, 4, 5), strict=True):
        assert np.abs(frame - every[position]).mean() < 0.5
    with Image.open(tmp_path / "all.gif") as image:
        assert len(list(ImageSequence.Iterator(image))) == EPOCHS


def test_options_of_drawing(run_dir: Path, tmp_path: Path) -> None:
    output = tmp_path / "conv.png"
    options = ["--kind", "response", "--max-filters", "2", "--sample-rate", "100", "-o", str(output)]
    assert main(["animate", str(run_dir), "--layer", "conv", *options]) == 0
    recorded = load_history(run_dir)["conv"]
    picture = ResponsePicture(recorded[0], recorded.reference, 100, 2)
    picture.update(recorded[-1])
    assert np.abs(frames_of(output)[0][-1] - expected(picture)).mean() < 1


def test_a_file_is_replaced_and_that_is_said(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "conv.gif"
    argv = ["animate", str(run_dir), "--layer", "conv", "-o", str(output)]
    output.write_text("old")
    assert main(argv) == 0
    assert capsys.readouterr() == (f"{output}\n", f"filterscope: replaced {output}\n")
    whole = output.read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TapsPicture, "update", interrupted)
    assert main(argv) == 130
    assert capsys.readouterr() == ("", "")
    assert output.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [output]


def test_more_colours_than_a_palette_holds_and_many_filters(tmp_path: Path) -> None:
    """Heat tiles in red and blue, frames in rotation colours: white stays white, and every pixel close."""
    weights = np.cumsum(np.random.default_rng(1).standard_normal((4, 100, 3, 12)), axis=0).astype(np.float32)
    recorded = FilterHistory(history("conv", weights))
    animation.write_animation(recorded, tmp_path / "conv.gif", max_filters=None)
    picture = TapsPicture(recorded[0], recorded.reference, max_filters=None)
    rows = picture.follow(recorded)
    for frame, bank, row in zip(frames_of(tmp_path / "conv.gif")[0], recorded, rows, strict=True):
        picture.update(bank, rows=row)
        wanted = expected(picture)
        assert np.abs(frame - wanted).mean() < 4
        assert (frame[(wanted == 255).all(axis=2)] == 255).all()


def test_a_filter_that_diverges_spoils_no_scale(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).standard_normal((3, 4, 1, 9)).astype(np.float32)
    weights[2, 1] = np.nan
    recorded = FilterHistory(history("conv", weights))
    picture = TapsPicture(recorded[0], recorded.reference)
    picture.follow(recorded)
    assert picture._fixed_limits == pytest.approx(np.full(4, np.nanmax(np.abs(weights))))
    animation.write_animation(recorded, tmp_path / "conv.gif")
    assert len(frames_of(tmp_path / "conv.gif")[0]) == 3


def test_the_command_accepts_what_the_writer_does() -> None:
    assert arguments.frames_per_second(str(animation.MOST_FPS)) == animation.MOST_FPS
    for suffix in animation.FORMATS:
        assert animate.SUFFIXES.count(suffix) == 1
    assert len(animate.SUFFIXES) == len(animation.FORMATS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "conv.mp4"}, "end it in .gif, .webp, .png"),
        ({"kind": "drift"}, "use one of taps, change, response, spectrum"),
        ({"fps": 0}, "above 0 and at most 50"),
        ({"fps": float("nan")}, "above 0 and at most 50"),
        ({"every": 0}, "every=0 is below 1"),
    ],
)
def test_the_writer_refuses_what_cannot_work(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    recorded = FilterHistory([FilterBank("conv", np.ones((1, 1, 3)))])
    with pytest.raises(ValueError, match=message):
        animation.write_animation(recorded, tmp_path / options.pop("path", "conv.gif"), **options)
    assert list(tmp_path.iterdir()) == []
