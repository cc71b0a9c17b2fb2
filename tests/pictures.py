"""Pixels of a picture, as the image in an event file must have them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from filterscope.plots.raster import Raster


def pixels_of(sheet: Any) -> np.ndarray:
    """Height x width x RGB."""
    return np.asarray(Image.open(io.BytesIO(Raster(sheet).png())).convert("RGB"))
