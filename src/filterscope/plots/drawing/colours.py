"""The colours of pictures, and where a rotation lies among them."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap

from filterscope.filters.arrays import Array

INK, GREY, PALE = "#111827", "#3d4653", "#c3cad3"
PLAIN = "#2f6db3"
DEAD_FACE, NONFINITE_FACE = "#e3e6ea", "#ffc44d"

#: Rotation has one colour map and one scale everywhere, so that epochs, layers and runs compare: grey unmoved, blue at
#: 0.1, purple at 0.5, red orthogonal, orange reversed.
_TONES = ((0, "#98a3af"), (0.21, "#3a86c8"), (0.4, "#6558cc"), (0.6, "#9a34a8"), (0.73, "#cc1f78"), (0.86, "#e5141f"))
ROTATION_CMAP = LinearSegmentedColormap.from_list("filterscope_rotation", [*_TONES, (1, "#c96a00")])
#: The ticks of the scale and where they lie on it, with straight lines between. The first epochs turn filters by
#: hundredths, and those of trained audio and DNA end between 0.6 and 1.1: both have room.
ROTATION_TICKS, ROTATION_SHARES = (0, 0.02, 0.1, 0.5, 1, 2), (0, 0.12, 0.3, 0.58, 0.86, 1)
SIGNED_CMAP = colormaps["RdBu_r"]
#: The warm half of the signed map: magnitudes without sign, white where nothing is.
ONE_SIDED_CMAP = LinearSegmentedColormap.from_list("filterscope_one_sided", SIGNED_CMAP(np.linspace(0.5, 1.0, 128)))
DECIBEL_CMAP = colormaps["magma"].with_extremes(bad=DEAD_FACE)


def rotation_share(rotation: Array) -> Array:
    """Where rotations lie on their scale, from 0 to 1; what is not finite stays so."""
    return np.where(np.isinf(rotation), rotation, np.interp(rotation, ROTATION_TICKS, ROTATION_SHARES))


def rotation_colours(rotation: Array | None, count: int) -> Array:
    """RGBA of every filter: by its rotation, one plain colour without a reference, pale where undefined."""
    if rotation is None:
        return np.tile(rgba(PLAIN), (count, 1))
    colours: Array = ROTATION_CMAP(rotation_share(np.nan_to_num(rotation)))
    colours[~np.isfinite(rotation)] = rgba(PALE)
    return colours


def rgba(colour: str) -> Array:
    """A ``#rrggbb`` colour as four floats."""
    return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] + [1.0])
