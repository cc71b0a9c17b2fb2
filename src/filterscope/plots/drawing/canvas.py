"""The sheet that every picture is drawn on: size, title strip, colours."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, cast

import numpy as np
from matplotlib import rcParams
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection
from matplotlib.figure import Figure, FigureBase, SubFigure
from matplotlib.patches import Patch
from matplotlib.transforms import Affine2D
from typing_extensions import TypeVar

from filterscope.filters.checks import check_flag, require
from filterscope.plots.drawing.captions import DOT
from filterscope.plots.drawing.colours import GREY, INK
from filterscope.plots.drawing.ground import ground_of, recolour, type_on
from filterscope.plots.drawing.lettering import QuickText, text_width
from filterscope.plots.drawing.reach import Reach

AnyArtist = TypeVar("AnyArtist", bound=Artist)

#: TensorBoard's image card is about 2:1 and scales by nearest neighbour: 900 x 430 pixels halve cleanly into it.
WIDTH, HEIGHT, DPI = 900, 430, 100

TITLE, TEXT, SMALL = 15, 12, 9
#: The smallest print of a line that has parts to spare, in points.
FINE = 8
#: Small print is up to a twentieth wider where it is fitted to whole pixels.
_SLACK = 0.95


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


#: What a picture is drawn on: a figure, if nothing else is given.
AnyFigure = TypeVar("AnyFigure", bound=FigureBase, default=Figure)


@dataclass(frozen=True)
class Frame(Generic[AnyFigure]):
    """Where a picture is drawn, on a new figure by default, and what of it beside the data.

    Raises:
        TypeError: ``title`` or ``colorbar`` is neither true nor false.
    """

    figure: AnyFigure | None = None
    title: bool = True
    colorbar: bool = True

    def __post_init__(self) -> None:
        check_flag("title", self.title)
        check_flag("colorbar", self.colorbar)

    def filled(self, sheet: Sheet) -> AnyFigure:
        """The figure of a sheet that was laid out here."""
        return cast("AnyFigure", sheet.figure)


#: Where a picture may be told to be drawn.
Target = FigureBase | Frame[Any] | None


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


class Plane(Axes):
    """Axes whose limits stay as drawn: numbers, lines and maps that belong to them stand beside them in the figure."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.set_navigate(False)
        self.set_autoscale_on(False)

    def span(self, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None) -> None:
        """Set limits, which are numbered by us."""
        if x is not None:
            super().set_xlim(*x)
        if y is not None:
            super().set_ylim(*y)

    def in_octaves(self) -> None:
        """Have a logarithmic axis of frequencies."""
        super().set_xscale("log")

    def _refuse(self, *_: Any, **__: Any) -> Any:
        """Of other limits and scales of the user's own, who would read wrong numbers beside them.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(
            "a picture of filterscope keeps its limits and scales, since the numbers beside it would not follow; "
            "bank.weights and frequency_response(bank) are what to draw on axes of your own"
        )

    set_xlim = set_ylim = set_xscale = set_yscale = autoscale = invert_xaxis = invert_yaxis = _refuse


class Sheet:
    """A figure with a title strip; hands out boxes and axes in pixels.

    Artists in ``moving`` change from one epoch to the next; all others are drawn alike for a whole run.

    On a figure of the user's own all type is of the size that matplotlib is set to, and everything laid out with it:
    points mean those of our own canvas everywhere, whose type is of ``TEXT`` points.

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
        self._reach = Reach(self.pixels)
        self.figure.add_artist(self._reach)
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
            if isinstance(artist, Collection):
                self._reach.collections.append(artist)
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

        These have dots between; the least is the last, or with ``keep_last`` the first.
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
        room = _SLACK * box.width

        def write(words: str) -> None:
            """As many of the parts into the first line as fit at full size."""
            parts = words.split(DOT)
            first = len(parts)
            while count > 1 and first > 1 and text_width(DOT.join(parts[:first]), TEXT, dpi=self.dpi) > room:
                first -= 1
            for line, shown in zip(lines, (parts[:first], parts[first:]), strict=False):
                self.fit(line, DOT.join(shown), room)

        return rest, write

    def caption(self, box: Box, words: str) -> QuickText:
        """A line of text centred just above a box."""
        line = self.write(box.left + box.width / 2, box.top - self.px(4), "", ha="center")
        self.fit(line, words, box.width)
        return line

    def axes(self, box: Box) -> Plane:
        """Axes that fill a box, to whole pixels: a place for data, without ticks (see ``scales``) or face."""
        box = box.snapped()
        low, width, height = box.top + box.height, box.width / self.width, box.height / self.height
        axes = Plane(self.figure, (box.left / self.width, 1 - low / self.height, width, height))
        self.figure.add_axes(axes)
        axes.set_axis_off()
        return axes
