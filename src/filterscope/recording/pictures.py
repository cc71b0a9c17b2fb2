"""Pictures drawn again and again as a model trains, on sheets that are kept: images out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from filterscope.plots import kinds
from filterscope.plots.drawing.palette import Palette
from filterscope.plots.drawing.raster import Raster
from filterscope.plots.overview import OverviewPicture
from filterscope.plots.picture import Kind, Options, Picture
from filterscope.recording.track import Track

#: Pictures that are kept to be drawn again, of 2 MB each.
MOST_PICTURES = 32

#: A PNG, its width and its height in pixels.
Drawn = tuple[bytes, int, int]


class Pictures:
    """Draws what tracks remember.

    Args:
        names: Of the pictures.
        options: How they are drawn.
    """

    def __init__(self, names: Sequence[str], options: Options) -> None:
        self._options = options
        self._kept: dict[Hashable, tuple[Any, Raster]] = {}  # by layout, the one used last at the end
        self._palettes = {name: Palette() for name in names}

    def of_layer(self, kind: Kind, track: Track, by_step: bool, moment: str) -> Drawn:
        """A picture of a layer at its latest snapshot; the title says its moment, the axis of time may be of steps."""
        head, reference = track.head, track.reference_head

        def make() -> Picture:
            return kind.make(head, reference, self._options, None)

        picture, raster = self._kept_or(make, kind.layout(head), kind.name)
        kind.update(picture, track.latest, track.rows(kind), track.times(by_step), moment, reference)
        return raster.png(), *raster.size

    def overview(self, tracks: Sequence[Track], by_step: bool, moment: str) -> Drawn:
        """The picture of all layers."""
        names = [track.latest.layer for track in tracks]
        layout = (kinds.OVERVIEW, *names)
        picture, raster = self._kept_or(lambda: OverviewPicture(names), layout, kinds.OVERVIEW)
        courses = [track.course(by_step) for track in tracks]
        picture.update(courses, "step" if by_step else "epoch", moment)
        return raster.png(), *raster.size

    def clear(self) -> None:
        """Let go of the canvases."""
        self._kept.clear()

    def _kept_or(self, make: Callable[[], Any], layout: Hashable, name: str) -> tuple[Any, Raster]:
        """What pictures of a layout are drawn with, one after another: one takes 2 MB and long to lay out."""
        known = self._kept.pop(layout, None)
        if known is None:
            made = make()
            known = made, Raster(made.sheet, self._palettes[name])
        self._kept[layout] = known
        if len(self._kept) > MOST_PICTURES:
            oldest, _ = self._kept.pop(next(iter(self._kept)))
            oldest.sheet.figure.clear()  # its parts hold one another: they would wait for the garbage collector
        return known
