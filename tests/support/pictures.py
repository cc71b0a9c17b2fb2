"""Pixels of a picture, and whether the image in an event file shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from filterscope.plots.drawing.raster import Raster


def pixels_of(sheet: Any) -> np.ndarray:
    """Height x width x RGB, in full colour."""
    return Raster(sheet).pixels()[:, :, :3].copy()


def count_colours(pixels: np.ndarray | Image.Image) -> int:
    """How many colours a picture has; numpy sorts all of its pixels for that, which takes 30 times as long."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.asarray(pixels, np.uint8))
    return len(image.convert("RGB").getcolors(image.width * image.height) or ())


def assert_shows(image: np.ndarray, wanted: np.ndarray) -> None:
    """An image in a palette shows these pixels: another line, number or tile would differ by far more."""
    _assert_near(image, wanted, 11)


def assert_same_picture(image: np.ndarray, other: np.ndarray) -> None:
    """Two images show the same, though the palette of each depends on what was drawn before."""
    _assert_near(image, other, 22)


def _assert_near(image: np.ndarray, wanted: np.ndarray, levels: int) -> None:
    assert image.shape == wanted.shape
    assert np.abs(image.astype(int) - wanted).max() <= levels
    assert (image[(wanted == 255).all(axis=2)] == 255).all()
