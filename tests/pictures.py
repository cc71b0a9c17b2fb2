"""Pixels of a picture, and whether the image in an event file shows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from filterscope.plots.raster import Raster


def pixels_of(sheet: Any) -> np.ndarray:
    """Height x width x RGB, in full colour."""
    return Raster(sheet).pixels()[:, :, :3].copy()


def assert_shows(image: np.ndarray, wanted: np.ndarray) -> None:
    """An image in a palette shows these pixels: another line, number or tile would differ by far more."""
    assert image.shape == wanted.shape
    assert np.abs(image.astype(int) - wanted).max() < 16
    assert (image[(wanted == 255).all(axis=2)] == 255).all()
