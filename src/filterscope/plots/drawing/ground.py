"""What a picture lies on, where that is the user's own: type must be read on a dark ground too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba, to_rgba_array
from matplotlib.figure import FigureBase
from matplotlib.patches import PathPatch
from matplotlib.text import Text

from filterscope.filters.arrays import Array


def ground_of(figure: FigureBase) -> tuple[float, ...]:
    """RGBA of what a picture lies on."""
    faces = (figure.get_facecolor(), figure.figure.get_facecolor())  # a subfigure's is clear by default
    return next((face for face in map(to_rgba, faces) if face[3] > 0.5), (1.0, 1.0, 1.0, 1.0))


def type_on(ground: tuple[float, ...]) -> Array | None:
    """RGBA of type where the ground is dark: the style's own, if that can be read there."""
    if _lightness(ground) > 0.5:
        return None
    own = to_rgba(rcParams["text.color"])
    return np.array(own if _lightness(own) > 0.5 else (1.0, 1.0, 1.0, 1.0))


def _lightness(colour: Any) -> float:
    return float(np.dot(colour[:3], (0.2126, 0.7152, 0.0722)))


def recolour(artist: Artist, colour: Array, dark: Sequence[str]) -> None:
    """Draw in a colour what would be drawn in those of type on white."""

    def is_type(given: Any) -> bool:
        return any(np.allclose(to_rgba_array(given)[:, :3], to_rgba(each)[:3]) for each in dark)

    if isinstance(artist, Text) and is_type(artist.get_color()):
        artist.set_color(tuple(colour))
    elif isinstance(artist, LineCollection):
        drawn = to_rgba_array(artist.get_edgecolor())
        if len(drawn) and is_type(drawn):
            drawn[:, :3] = colour[:3]  # what is pale stays so
            artist.set_color([tuple(each) for each in drawn])
    elif isinstance(artist, PathPatch) and is_type(artist.get_facecolor()):
        artist.set_facecolor(tuple(colour))
