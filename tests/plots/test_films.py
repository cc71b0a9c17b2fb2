"""Animated files are written frame by frame, and decode to the very pixels that were given."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from filterscope import FilterHistory
from filterscope.plots.animation import FORMATS, write_animation
from tests.support.figures import noise

PALETTE = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)


def film_of(path: Path, frames: list[np.ndarray], times: list[int]) -> None:
    height, width = frames[0].shape
    with path.open("wb") as file:
        film = FORMATS[path.suffix](file, (width, height), PALETTE.tobytes(), len(frames))
        for i, (frame, milliseconds) in enumerate(zip(frames, times, strict=True)):
            film.add(frame, frames[i - 1] if i else None, milliseconds)
        film.close()


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("size", [(43, 91), (1, 1), (6, 300)])
def test_every_pixel_and_time_comes_back(suffix: str, size: tuple[int, int], tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, 255, size, np.uint8)]
    for place in range(4):
        changed = frames[-1].copy()
        corner = (place * size[0] // 5, place * size[1] // 5)
        changed[corner[0] : corner[0] + 3, corner[1] : corner[1] + 4] += 1
        frames += [np.minimum(changed, 254), frames[0]]
    frames += [frames[-1], rng.integers(0, 255, size, np.uint8)]  # one that changes nothing, one that changes all
    times = [20 + 10 * i for i in range(len(frames))]
    film_of(tmp_path / f"film{suffix}", frames, times)
    with Image.open(tmp_path / f"film{suffix}") as image:
        assert image.info["loop"] == 0
        assert getattr(image, "n_frames", 1) == len(frames)
        for decoded, frame, milliseconds in zip(ImageSequence.Iterator(image), frames, times, strict=True):
            np.testing.assert_array_equal(np.asarray(decoded.convert("RGB")), PALETTE[frame])
            assert decoded.info["duration"] == milliseconds


@pytest.mark.parametrize("suffix", FORMATS)
def test_no_frame_is_kept_once_it_is_written(suffix: str, tmp_path: Path) -> None:
    history = FilterHistory([noise(4, 1, 9, seed, epoch=seed) for seed in range(10)])
    images, held = [], []

    def watch(positions: Iterable[int]) -> Iterator[int]:
        tracemalloc.start()
        for position in positions:
            images.append(sum(type(each) is Image.Image for each in gc.get_objects()))
            held.append(tracemalloc.get_traced_memory()[0])
            yield position

    try:
        write_animation(history, tmp_path / f"film{suffix}", progress=watch)
    finally:
        tracemalloc.stop()
    assert len(images) == 10
    assert max(images[4:]) <= max(images[:4])
    assert max(held[4:]) - held[4] < 900 * 430  # less than one of the frames that came since
