"""PNG encoding with a palette."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from filterscope.plots.drawing.palette import Palette
from filterscope.plots.drawing.raster import encode
from tests.support.pictures import count_colours


def decode(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def canvas(rgb: np.ndarray) -> np.ndarray:
    return np.dstack([rgb, np.full(rgb.shape[:2], 255)]).astype(np.uint8)


def test_white_and_black_survive_and_few_colours_stay_within_four_levels() -> None:
    rng = np.random.default_rng(0)
    colours = np.vstack([[255, 255, 255], [0, 0, 0], rng.integers(0, 256, (100, 3))])
    picture = colours[rng.integers(0, len(colours), (43, 90))]
    got = decode(encode(canvas(picture), Palette()))
    assert got.shape == (43, 90, 3)
    assert np.abs(got - picture).max() < 4
    assert (got[(picture == 255).all(axis=2)] == 255).all()
    assert (got[(picture == 0).all(axis=2)] == 0).all()


def test_more_colours_than_a_palette_holds_become_their_nearest() -> None:
    ramp = np.linspace(0, 255, 256).round().astype(int)
    picture = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], 128), axis=2)
    got = decode(encode(canvas(picture), Palette()))
    assert count_colours(got) <= 255
    assert np.abs(got - picture).max() < 32


def test_rows_and_columns_stay_where_they_are() -> None:
    picture = np.full((20, 30, 3), 255)
    picture[2, 5], picture[17, 29] = (229, 20, 31), (70, 104, 172)
    got = decode(encode(canvas(picture), Palette()))
    assert np.abs(got[2, 5] - [229, 20, 31]).max() < 4
    assert np.abs(got[17, 29] - [70, 104, 172]).max() < 4
    assert (got == 255).all(axis=2).sum() == 598


def test_a_palette_learns_the_colours_of_later_pictures_and_keeps_those_it_knows() -> None:
    palette = Palette()
    first, second = np.full((2, 40, 60, 3), 255)
    first[5:15], second[5:15], second[25:35] = (70, 104, 172), (70, 104, 172), (229, 20, 31)
    for picture in (first, second, first):
        assert np.array_equal(decode(encode(canvas(picture), palette)), picture)


def test_a_palette_that_is_full_is_made_anew_for_the_picture_at_hand() -> None:
    palette = Palette()
    for blue in range(0, 256, 32):  # each has 64 colours that none of the others has
        levels = np.arange(8) * 36
        picture = np.stack(np.broadcast_arrays(levels[:, None], levels[None, :], blue), axis=2)
        picture = picture.repeat(20, axis=0).repeat(20, axis=1)
        assert np.array_equal(decode(encode(canvas(picture), palette)), picture), blue


def test_rare_colours_are_shown_by_ones_near_to_them() -> None:
    rng = np.random.default_rng(0)
    palette = Palette()
    for _ in range(3):  # soft edges: any blend of two colours and white
        share, white = rng.random((2, 60, 90, 1))
        picture = (share * [229, 20, 31] + (1 - share) * [70, 104, 172]) * (1 - white) + 255 * white
        got = decode(encode(canvas(picture), palette))
        assert np.abs(got - picture.astype(np.uint8)).max() <= 11
