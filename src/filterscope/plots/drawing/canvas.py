"""The sheet that every picture is drawn on: size, title strip, colours."""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps, rcParams
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure, FigureBase, SubFigure
from matplotlib.patches import Patch
from matplotlib.transforms import Affine2D

from filterscope.filters.checks import require
from filterscope.plots.drawing.captions import DOT
from filterscope.plots.drawing.ground import ground_of, recolour, type_on
from filterscope.plots.drawing.lettering import QuickText, text_width

Array = npt.NDArray[Any]
AnyArtist = TypeVar("AnyArtist", bound=Artist)

#: TensorBoard's image card is about 2:1 and scales by nearest neighbour: 900 x 430 pixels halve cleanly into it.
WIDTH, HEIGHT, DPI = 900, 430, 100

INK, GREY, PALE = "#111827", "#3d4653", "#c3cad3"
PLAIN = "#2f6db3"
DEAD_FACE, NONFINITE_FACE = "#e3e6ea", "#ffc44d"
TITLE, TEXT, SMALL = 15, 12, 9
#: The smallest print of a line that has parts to spare, in points.
FINE = 8
#: Small print is up to a twentieth wider where it is fitted to whole pixels.
_SLACK = 0.95

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


class FilterFigure(Figure):
    """A figure without pyplot that shows itself as the last line of a notebook cell."""

    def savefig(self, fname: Any, **options: Any) -> None:
        """Save it as it is on the screen, unless told otherwise: its dark type needs its white face."""
        super().savefig(fname, **({"facecolor": self.get_facecolor(), "transparent": False} | options))

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def new_figure() -> Figure:
    """An opaque white figure of the canvas size, unknown to pyplot."""
    figure = FilterFigure((WIDTH / DPI, HEIGHT / DPI), DPI, facecolor="white", frameon=True)
    figure.set_layout_engine("none")
    plain(figure.patch)
    FigureCanvasAgg(figure)
    return figure


def plain(artist: Artist) -> None:
    """Have an artist drawn alike whatever the user's style is.

    Each of these properties is taken from matplotlib's settings when an artist is made. To change the settings while we
    draw would change them for all threads, and with them what the user draws meanwhile.
    """
    artist.set_path_effects([])
    artist.set_sketch_params(None)
    if isinstance(artist, Collection | Patch):
        artist.set_antialiased(True)


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


@dataclass(frozen=True)
class Frame:
    """Where a picture is drawn, and what of it beside the data.

    Attributes:
        figure: Figure or subfigure; ``None`` for a new one.
        title: Whether the strip with the title is drawn.
        colorbar: Whether the bar of colours is.
    """

    figure: FigureBase | None = None
    title: bool = True
    colorbar: bool = True


#: Where a picture may be told to be drawn.
Target = FigureBase | Frame | None


@dataclass
class Box:
    """A rectangle in pixels of the figure, from the top left."""

    left: float
    top: float
    width: float
    height: float

    def snapped(self) -> Box:
        """This box on whole pixels, so that images in it are copied as they are."""
        left, top = round(self.left), round(self.top)
        return Box(left, top, max(round(self.left + self.width) - left, 1), max(round(self.top + self.height) - top, 1))

    def split_right(self, width: float) -> tuple[Box, Box]:
        """This box less a strip of ``width`` at its right, and the strip."""
        rest = Box(self.left, self.top, self.width - width, self.height)
        return rest, Box(self.left + rest.width, self.top, width, self.height)

    def split_bottom(self, height: float) -> tuple[Box, Box]:
        """This box less a strip of ``height`` at its bottom, and the strip."""
        rest = Box(self.left, self.top, self.width, self.height - height)
        return rest, Box(self.left, self.top + rest.height, self.width, height)

    def shrink(self, left: float = 0, top: float = 0, right: float = 0, bottom: float = 0) -> Box:
        """This box less margins."""
        return Box(self.left + left, self.top + top, self.width - left - right, self.height - top - bottom)


class Sheet:
    """A figure with a title strip; hands out boxes and axes in pixels.

    Artists in ``moving`` change from one epoch to the next; all others are drawn alike for a whole run.

    On a figure of the user's own all type is of the size that matplotlib is set to, and everything laid out with it:
    points mean those of our own canvas everywhere, whose type is of ``TEXT`` points.

    Args:
        target: Figure or subfigure to draw on; ``None`` for a new one.
        kind: What the picture shows, in the title.

    Attributes:
        dpi: Pixels of 72 points.
        scale: Real points in one.
        ground: RGBA of what it lies on.
    """

    def __init__(self, target: Target, kind: str) -> None:
        frame = target if isinstance(target, Frame) else Frame(target)
        figure = frame.figure
        if figure is not None:
            require(figure, FigureBase, "figure= takes a matplotlib Figure or SubFigure")
        self.figure: Figure | SubFigure = new_figure() if figure is None else figure  # type: ignore[assignment]
        self.scale = 1.0 if figure is None else float(rcParams["font.size"]) / TEXT
        self.dpi = self.figure.dpi * self.scale
        self.has_title, self.has_bars = frame.title, frame.colorbar
        self.ground = ground_of(self.figure)
        self._type_on_dark = type_on(self.ground)
        self.width, self.height = float(self.figure.bbox.width), float(self.figure.bbox.height)
        #: From pixels, counted from the top left, to the canvas.
        self.pixels = Affine2D().scale(1 / self.width, -1 / self.height).translate(0, 1) + self.figure.transSubfigure
        self.moving: list[Artist] = []
        self._kind = kind
        self._titles: dict[str, str] = {}  # by layer
        self._title = self.write(0, 0, "", fontsize=TITLE, weight="bold", color=INK)
        self._subtitle = self.write(0, 0, "")
        self.moving += [self._title, self._subtitle]

    def add(self, artist: AnyArtist, axes: Axes | None = None) -> AnyArtist:
        """Add an artist whose coordinates are pixels, or data of axes.

        Axes of its own would take several milliseconds and a thousand objects.
        """
        plain(artist)
        if isinstance(artist, Collection) and self.scale != 1:
            artist.set_linewidth([self.scale * float(width) for width in np.atleast_1d(artist.get_linewidth())])
        if self._type_on_dark is not None:
            recolour(artist, self._type_on_dark, (INK, GREY))
        if axes is None:
            artist.set_transform(self.pixels)
            self.figure.add_artist(artist)
        else:
            axes.add_artist(artist)
        return artist

    def write(self, x: float, y: float, text: str, **style: Any) -> QuickText:
        """Text at a pixel of the figure, from the top left."""
        given: dict[str, Any] = {"fontsize": TEXT, "color": GREY, "va": "baseline"} | style
        return self.add(QuickText(x, y, text, **(given | {"fontsize": self.scale * given["fontsize"]})))

    @property
    def is_on_dark(self) -> bool:
        """Whether type, and what is of its colour, is light."""
        return self._type_on_dark is not None

    def px(self, points: float) -> float:
        """Points in pixels."""
        return points * self.dpi / 72

    @property
    def body(self) -> Box:
        """What the title strip leaves."""
        top = self.px(7 if not self.has_title else 42 if self.is_narrow else 27)
        return Box(self.px(6), top, self.width - self.px(12), self.height - top - self.px(5))

    @property
    def is_narrow(self) -> bool:
        """Whether title and subtitle have a line each."""
        return self.width < self.px(432)

    def set_title(self, layer: str, subtitle: str) -> None:
        """Layer and kind at the left, ``subtitle`` at the right, or below where the figure is narrow.

        A name is shortened from its beginning, once, to leave room for subtitles a little longer than the first.
        """
        if not self.has_title:
            return
        margin, room = self.px(7), self.width - self.px(14)
        narrow = self.is_narrow
        right = text_width(subtitle, TEXT, dpi=self.dpi)
        if layer not in self._titles:
            reserve = text_width("final, epoch 99", TEXT, dpi=self.dpi)
            left_room = room if narrow else max(room - right - reserve, room * 0.25)
            self._titles[layer] = self._fitting_title(layer, left_room)
        title = self._titles[layer]
        self._title.set_text(title)
        self._title.set_position((margin, self.px(18)))
        available = _SLACK * room if narrow else room - text_width(title, TITLE, True, self.dpi) - self.px(14)
        self.fit(self._subtitle, subtitle, available, keep_last=True)
        self._subtitle.set_horizontalalignment("left" if narrow else "right")
        self._subtitle.set_position((margin, self.px(34)) if narrow else (self.width - margin, self.px(18)))

    def _fitting_title(self, layer: str, room: float) -> str:
        title = f"{layer} · {self._kind}"
        widths = [text_width(character, TITLE, True, self.dpi) for character in title]
        if sum(widths) <= room:
            return title
        cut = 1
        while cut < len(layer) - 3 and sum(widths[cut:]) + text_width("…", TITLE, True, self.dpi) > room:
            cut += 1
        return "…" + title[cut:].lstrip(".")

    def fit(self, line: QuickText, words: str, room: float, *, keep_last: bool = False) -> None:
        """Write words into a line: in smaller print where they need it, and then without the least of their parts.

        Args:
            line: Where to.
            words: Parts with dots between.
            room: Pixels.
            keep_last: Whether the first part is the least important, and not the last.
        """
        most = TEXT / FINE * room
        while (width := text_width(words, TEXT, dpi=self.dpi)) > most and DOT in words:
            words = words.partition(DOT)[2] if keep_last else words.rpartition(DOT)[0]
        line.set_fontsize(self.scale * (min(TEXT, max(TEXT * room / width, FINE)) if width else TEXT))
        line.set_text(words)

    def footnote(self, area: Box) -> tuple[Box, Callable[[str], None]]:
        """An area less its foot, and what writes there how to read the picture: in two lines if it is narrow."""
        count = 2 if self.is_narrow else 1
        rest, box = area.split_bottom(self.px(17 * count))
        base = box.top + box.height - self.px(3)
        lines = [self.write(box.left + self.px(2), base - self.px(17 * above), "") for above in reversed(range(count))]
        self.moving += lines
        return rest, functools.partial(self._fit_lines, lines, _SLACK * box.width)

    def _fit_lines(self, lines: Sequence[QuickText], room: float, words: str) -> None:
        """Write words into lines, as many of their parts into the first as fit at full size."""
        parts = words.split(DOT)
        first = len(parts)
        while len(lines) > 1 and first > 1 and text_width(DOT.join(parts[:first]), TEXT, dpi=self.dpi) > room:
            first -= 1
        for line, shown in zip(lines, (parts[:first], parts[first:]), strict=False):
            self.fit(line, DOT.join(shown), room)

    def caption(self, box: Box, words: str, beyond: float = 0) -> QuickText:
        """A line of text centred just above a box, and ``beyond`` its sides if need be."""
        line = self.write(box.left + box.width / 2, box.top - self.px(4), "", ha="center")
        self.fit(line, words, box.width + 2 * beyond)
        return line

    def axes(self, box: Box) -> Axes:
        """Axes that fill a box, to whole pixels: a place for data, without ticks (see ``scales``) or face."""
        box = box.snapped()
        axes = self.figure.add_axes(
            (
                box.left / self.width,
                1 - (box.top + box.height) / self.height,
                box.width / self.width,
                box.height / self.height,
            )
        )
        axes.set_axis_off()
        return axes


def format_value(value: float) -> str:
    """A number in at most about six characters, with a true minus."""
    size = abs(value)
    if not math.isfinite(value):
        text = "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
    elif value == 0 or 1e-3 <= size < 99.5:
        text = f"{value:.2g}" if value else "0"
    elif 99.5 <= size < 9999.5:
        text = f"{value:.0f}"
    else:
        digits, exponent = f"{value:.0e}".split("e")
        text = f"{digits}e{int(exponent)}"
    return text.replace("-", "−")


def peaks(rows: Array) -> Array:
    """Largest finite magnitude of every filter of ``(filters, rows, taps)``; 0 where there is none."""
    return np.asarray(np.max(np.abs(rows), axis=(1, 2), initial=0.0, where=np.isfinite(rows)))


def safe_limit(*arrays: Array | None) -> float:
    """Largest finite magnitude of all arrays; 1 where everything is zero or nothing is finite."""
    largest = [float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a))) for a in arrays if a is not None]
    return max(largest, default=0.0) or 1.0


def shared_limit(rows: Array, before: Array | None = None, *, quantile: float = 0.5, times: float = 2) -> float:
    """The value at the end of the scale that all tiles share.

    So many times a quantile of the filters' own largest values, zero ones aside, unless none is larger: twice the
    median has half of the tiles use half of their height at least, whatever a few large filters do.
    """
    largest, sizes = safe_limit(rows, before), peaks(rows)
    known = sizes[sizes > 0]
    return min(times * float(np.quantile(known, quantile)), largest) if known.size else largest


def is_clipped(rows: Array, limits: Array) -> Array:
    """Which filters of ``(filters, rows, taps)`` go beyond their limits, by more than rounding."""
    return np.asarray(peaks(rows) > limits * (1 + 1e-6))
