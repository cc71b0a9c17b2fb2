"""PNG encoding with a palette."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from filterscope.plots.raster import encode


def decode(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def canvas(rgb: np.ndarray) -> np.ndarray:
    return np.dstack([rgb, np.full(rgb.shape[:2], 255)]).astype(np.uint8)


def test_white_and_black_survive_and_few_colours_stay_within_four_levels() -> None:
    rng = np.random.default_rng(0)
    colours = np.vstack([[255, 255, 255], [0, 0, 0], rng.integers(0, 256, (100, 3))])
    picture = colours[rng.integers(0, len(colours), (43, 90))]
    got = decode(encode(canvas(picture)))
    assert got.shape == (43, 90, 3)
    assert np.abs(got - picture).max() < 4
    assert (got[(picture == 255).all(axis=2)] == 255).all()
    assert (got[(picture == 0).all(axis=2)] == 0).all()


def test_more_colours_than_a_palette_holds_become_their_nearest() -> None:
    ramp = np.linspace(0, 255, 256).round().astype(int)
    picture = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], 128), axis=2)
    got = decode(encode(canvas(picture)))
    assert len(np.unique(got.reshape(-1, 3), axis=0)) <= 128
    # The palette's colours are the most frequent ones: here ties, so errors are large but never another picture.
    assert np.corrcoef(got[..., 0].ravel(), picture[..., 0].ravel())[0, 1] > 0.5


def test_rows_and_columns_stay_where_they_are() -> None:
    picture = np.full((20, 30, 3), 255)
    picture[2, 5], picture[17, 29] = (229, 20, 31), (70, 104, 172)
    got = decode(encode(canvas(picture)))
    assert np.abs(got[2, 5] - [229, 20, 31]).max() < 4
    assert np.abs(got[17, 29] - [70, 104, 172]).max() < 4
    assert (got == 255).all(axis=2).sum() == 598
