"""How far lines and areas that are no axes' reach, for who crops a figure."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import Collection
from matplotlib.transforms import Bbox, Transform


class Reach(Artist):
    """Stands for collections of a figure in its tight bounding box, where matplotlib counts those of axes alone.

    Args:
        pixels: The transform that they have.

    Attributes:
        collections: Those.
    """

    def __init__(self, pixels: Transform) -> None:
        super().__init__()
        self._pixels = pixels
        self.collections: list[Collection] = []

    def get_window_extent(self, renderer: Any = None) -> Bbox:
        """Of all that are visible."""
        boxes = [each.get_datalim(self._pixels) for each in self.collections if each.get_visible()]
        known = [box for box in boxes if np.isfinite(box.get_points()).all()]
        return Bbox.union(known).transformed(self._pixels) if known else Bbox.null()
