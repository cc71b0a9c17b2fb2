"""The ``taps`` picture: every filter over its taps, coloured by its rotation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from filterscope.filters import channels as reductions
from filterscope.filters import metrics
from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank, require_bank
from filterscope.filters.checks import check_choice
from filterscope.filters.words import SCALES, Scale
from filterscope.plots.drawing import captions, mosaic
from filterscope.plots.drawing.bars import ColourBar, rotation_bar, set_limit, value_bar
from filterscope.plots.drawing.canvas import TEXT, AnyFigure, Box, Frame, Sheet, Target
from filterscope.plots.drawing.colours import DEAD_FACE, SIGNED_CMAP, rotation_colours
from filterscope.plots.drawing.lettering import shortened
from filterscope.plots.drawing.limits import format_value, is_clipped, peaks, safe_limit, shared_limit
from filterscope.plots.drawing.logo import fair_limit, stack_heights
from filterscope.plots.drawing.references import name_of, same_filters
from filterscope.plots.drawing.scales import (
    fitting_names,
    index_ticks,
    mark_below,
    name_below,
    number_rows,
    tick_intervals,
)
from filterscope.plots.drawing.tiles import LINE_TILES, STEM_TAPS, STEM_TILES, HeatTiles, LineTiles, LogoTiles
from filterscope.plots.picture import Kind, Options, Picture

#: Square points for each letter's stack, below which ``"auto"`` does not draw a logo: it could not be read.
LETTER_AREA = 30


def plot_taps(
    bank: FilterBank,
    *,
    reference: FilterBank | None = None,
    reference_name: str | None = None,
    channels: str = "auto",
    scale: Scale = "layer",
    max_filters: int | None = 64,
    title: bool = True,
    colorbar: bool = True,
    figure: AnyFigure | None = None,
) -> AnyFigure:
    """Draw all filters of a layer, one tile each.

    A tile is a line over the taps (stems up to 8 taps) where a filter has one channel or its channels are reduced
    to one, and a ``channels x taps`` heat map otherwise, or for more than 64 filters, 32 of up to 8 taps. With a
    reference, the colour of the line or frame is the filter's rotation, and the area between a line and its reference
    is shaded. One-tap kernels are drawn as one matrix, filters by channels; complex channels as a real and an imaginary
    row. Dead filters are grey, filters with NaN or infinite weights amber.

    Where channels are named by capital letters, a tile is a sequence logo: the letters of each tap stacked by weight,
    positive ones upwards, negative ones downwards, the largest outermost. The mean over the letters is taken off at
    each tap, which changes nothing where the input is one-hot (but for the bias). The colour of a strip before each
    logo is the filter's rotation.

    Args:
        bank: Filters to draw.
        reference: The same filters at an earlier moment, or the same layer of another run, whatever its name there.
        reference_name: What to call the reference, such as ``"lr 0.1"``. Default: by its moment.
        channels: ``"all"``, ``"sum"``, ``"mean"``, ``"max"``, ``"l2"``, ``"principal"``, ``"logo"``; ``"auto"`` shows
            a logo where channels are letters that have room enough to be read, else all up to 8 channels and their
            principal shape above.
        scale: ``"layer"``: all tiles share their limits, at most twice the median of the filters' largest weights: what
            goes beyond has a dark edge, or corner, and its largest weight above; higher stacks of letters are drawn
            smaller, with their height above. ``"filter"``: each has its own, and its norm is printed.
        max_filters: Draw the lowest-numbered ones only; ``None`` for all.
        title: Whether layer, kind and moment stand above.
        colorbar: Whether the bar that tells what colours mean is drawn.
        figure: Figure or subfigure to draw on, in type of the size that matplotlib is set to. Default: a new one.

    Returns:
        The figure drawn on.

    Raises:
        ValueError: Unknown ``channels`` or ``scale``, a reference of another shape, a name without a reference, or
            ``"logo"`` where channels are no letters.
    """
    require_bank(bank)
    if channels == "logo" and not bank.is_lettered:
        known = "none" if bank.channel_names is None else ", ".join(bank.channel_names)
        raise ValueError(
            f"channels='logo' needs channels named by one capital letter each, and {bank.layer!r} has {known}; give "
            "e.g. read_filters(model, channel_names='ACGT')"
        )
    frame = Frame(figure, title, colorbar)
    picture = TapsPicture(bank, reference, channels, scale, max_filters, frame, reference_name)
    return frame.filled(picture.sheet)


class TapsPicture:
    """The picture of :func:`plot_taps`, which can be redrawn for another moment, and another layer of the shape.

    Attributes:
        name: What it shows, in the title.
        quantity: What tiles and their scale tell.
    """

    name, quantity = "taps", "weight"

    def __init__(
        self,
        bank: FilterBank,
        reference: FilterBank | None = None,
        channels: str = "auto",
        scale: Scale = "layer",
        max_filters: int | None = 64,
        figure: Target = None,
        reference_name: str | None = None,
    ) -> None:
        require_bank(bank)
        check_choice("scale", scale, SCALES)
        self._name = name_of(reference, reference_name)
        first = bank.head(max_filters)
        self.sheet = Sheet(figure, self.name)
        area, self._write_foot = self.sheet.footnote(self.sheet.body)
        room = area.width * area.height / (self.sheet.px(1) ** 2 * max(first.filters, 1) * first.taps)
        is_lettered = bank.is_lettered and bank.taps > 1 and (channels == "logo" or room >= LETTER_AREA)
        self._channels = reductions.resolve(channels, bank.channels, is_lettered)
        if bank.taps == 1 and channels in ("auto", "logo"):
            self._channels = "all"
        self._scale, self._max_filters = scale, max_filters
        self._reference = None if reference is None else same_filters(reference, first, max_filters)
        rows = self._rows(first)
        most = STEM_TILES if bank.taps <= STEM_TAPS else LINE_TILES
        lines = rows.shape[1] == 1 and first.filters <= most and bank.taps > 1
        self._limit_bar: ColourBar | None = None
        self._fixed_limits: Array | None = None
        is_logo = self._channels == "logo"
        if self._reference is not None or not (lines or is_logo):
            area, bar = ColourBar.beside(self.sheet, area)
            if bank.taps == 1 or self._reference is None:
                self._limit_bar = value_bar(self.sheet, bar, False, self.quantity)
            else:
                rotation_bar(self.sheet, bar)
        self._tiles: _Matrix | LineTiles | HeatTiles | LogoTiles
        if bank.taps == 1:
            self._tiles = _Matrix(self.sheet, area, rows, first)
        elif is_logo:
            self._tiles = LogoTiles(self.sheet, area, first.indices, first.channel_names or (), bank.taps)
        elif lines:
            self._tiles = LineTiles(self.sheet, area, first.indices, bank.taps)
        else:
            names = captions.channels(first) if first.channel_names and self._channels == "all" else ()
            self._tiles = HeatTiles(self.sheet, area, first.indices, names)
        self.update(bank)

    def _shown(self, bank: FilterBank) -> Array:
        """What is drawn of a bank's filters, before channels are reduced."""
        return bank.weights

    def _rows(self, bank: FilterBank) -> Array:
        """What tiles show: real ``(filters, rows, taps)``."""
        anchor = None if self._reference is None else self._reference.weights
        return reductions.real_rows(reductions.reduce(self._shown(bank), self._channels, anchor))

    def _reach(self, rows: Array) -> Array:
        """What the scale must hold of rows: of letters, how far their stacks do."""
        return stack_heights(rows) if self._channels == "logo" else rows

    def _limits(self, reach: Array, before: Array | None) -> Array:
        """The value at the edge of each tile."""
        if self._scale == "filter":
            pairs = zip(reach, reach if before is None else before, strict=True)
            return np.array([safe_limit(*pair) for pair in pairs])
        limit = fair_limit(reach) if self._channels == "logo" else shared_limit(reach, before)
        return np.full(len(reach), limit)

    def follow(self, banks: Iterable[FilterBank]) -> list[Array]:
        """Prepare for the frames of an animation: fix the scale to the one that all of them need together.

        Returns:
            Rows of each moment, for :meth:`update`. The free sign of ``"principal"`` is chosen from moment to moment:
            against a reference far away it could change between two frames that are alike.
        """
        then = None if self._reference is None else self._reference.weights
        followed: list[Array] = []
        last: Array | None = None
        for bank in banks:
            shown = reductions.reduce(self._shown(bank.head(self._max_filters)), self._channels, then)
            if self._channels == "principal" and last is not None:
                shown = shown * _phase(shown, last)
            # A filter that is zero or NaN for a while comes back with the sign that it had.
            known = np.asarray(np.isfinite(shown).all(axis=(1, 2)) & shown.any(axis=(1, 2)))
            last = shown if last is None else np.where(known[:, None, None], shown, last)
            followed.append(reductions.real_rows(shown))
        before = None if self._reference is None else self._reach(self._rows(self._reference))
        sizes = np.max([peaks(self._reach(rows)) for rows in followed], axis=0)
        self._fixed_limits = self._limits(sizes[:, None, None], before)
        return followed

    def update(
        self,
        bank: FilterBank,
        moment: str | None = None,
        rows: Array | None = None,
        reference: FilterBank | None = None,
    ) -> None:
        """Redraw, as :meth:`Kind.update` does; ``rows`` may be those of :meth:`follow`."""
        whole, bank = bank, bank.head(self._max_filters)
        if reference is not None:
            self._reference = same_filters(reference, bank, self._max_filters)
        rows = self._rows(bank) if rows is None else rows
        marks = captions.Marks(whole, bank.filters)
        before = None if self._reference is None else self._rows(self._reference)
        rotation = None if self._reference is None else metrics.rotation(bank.weights, self._reference.weights)
        colours = rotation_colours(rotation, bank.filters)
        reach, reached = self._reach(rows), None if before is None else self._reach(before)
        limits = self._limits(reach, reached) if self._fixed_limits is None else self._fixed_limits
        clipped = is_clipped(reach, limits)
        numbers = metrics.norms(self._shown(bank)) if self._scale == "filter" else peaks(reach)
        words = [format_value(float(number)) for number in numbers]
        if self._scale == "layer":
            words = [f"±{word}" if cut else "" for word, cut in zip(words, clipped, strict=True)]
        if isinstance(self._tiles, _Matrix):
            self._tiles.update(rows, limits, marks)
        else:
            self._tiles.set_words([marks.word(i) or word for i, word in enumerate(words)])
            if isinstance(self._tiles, LineTiles):
                self._tiles.update(rows[:, 0], None if before is None else before[:, 0], limits, colours, marks)
            elif isinstance(self._tiles, LogoTiles):
                self._tiles.update(rows, limits, None if rotation is None else colours, marks)
            else:
                self._tiles.update(rows, limits, colours, marks)
        limit = float(limits[0]) if self._scale == "layer" else None
        if self._limit_bar is not None:
            set_limit(self._limit_bar, limit, False)
        self._write_foot(self._how_to_read(bank, limit, clipped))
        when = captions.moment(bank) if moment is None else moment
        against = captions.against(self._name)
        self.sheet.set_title(bank.layer, captions.joined(captions.shape(bank), marks.summary(), against, when))

    def _how_to_read(self, bank: FilterBank, limit: float | None, clipped: Array) -> str:
        is_matrix, is_logo = (isinstance(self._tiles, kind) for kind in (_Matrix, LogoTiles))
        if limit is None:
            above = ", norm above" if not isinstance(self._tiles, _Matrix) and self._tiles.grid.head else ""
            size = f"each {'row' if is_matrix else 'tile'} to its own scale{above}"
        else:
            mark = "dark corner"
            if isinstance(self._tiles, LineTiles):
                mark = "light edge" if self.sheet.is_on_dark else "dark edge"
            more = f"{int(clipped.sum())} filters clipped" if is_matrix and clipped.any() else ""
            more = "higher stacks drawn smaller" if is_logo and clipped.any() else more
            size = captions.joined(f"{self.quantity} ±{format_value(limit)}", more or captions.clipped(clipped, mark))
        if is_matrix:
            return captions.joined(f"one tap: {self.quantity}s as a matrix", size)
        reduced = "" if bank.channels == 1 or self._channels == "all" else f"{self._channels} of channels"
        then = ""
        if self._reference is not None:
            then = self._since(captions.moment(self._reference) or "reference")
        turned = f"rotation from {self._name}" if self._name else "rotation"
        if is_logo:
            reduced = "letters by weight, centred at each tap"
            then = f"strip: {turned}" if self._reference is not None else ""
        if isinstance(self._tiles, HeatTiles):
            size = f"red +, blue −, {size}"
            then = f"frame: {turned}" if self._reference is not None else ""
            if self._channels == "all" and bank.channels > 1:
                reduced = f"{captions.channel_rows(bank)} ↓"
            if np.iscomplexobj(bank.weights):
                reduced = captions.joined(reduced, "each real, imaginary")
        return captions.joined(captions.taps(bank), reduced, size, then)

    def _since(self, moment: str) -> str:
        """What is told of the area between a line and its reference, which was taken at a moment."""
        return f"shaded: difference from {self._name}" if self._name else f"shaded: moved since {moment}"


class _Matrix:
    """A one-tap layer as one heat map, filters by channels."""

    def __init__(self, sheet: Sheet, area: Box, rows: Array, bank: FilterBank) -> None:
        box = area.shrink(left=sheet.px(46), top=sheet.px(2), right=sheet.px(6), bottom=sheet.px(34))
        box = box.snapped()
        axes = sheet.axes(box)
        self._size = int(box.height), int(box.width)
        filters, channels = rows.shape[:2]
        axes.span((-0.5, channels - 0.5), (filters - 0.5, -0.5))
        self._image = mosaic.PixelImage.in_axes(axes)
        parts = channels // bank.channels if np.iscomplexobj(bank.weights) and channels >= bank.channels else 1
        most = max(tick_intervals(sheet, box.width, len(str(channels)), 12), 2)
        ticks = index_ticks(channels // parts, most)
        names: Sequence[str] | None = bank.channel_names if channels == parts * bank.channels else None
        if names is not None:
            names = [shortened(name, TEXT, 0.2 * box.width, sheet.dpi) for name in names]
            ticks = fitting_names(sheet, names, box.width)
        labels = [str(tick) if names is None else names[tick] for tick in ticks]
        mark_below(sheet, box, (np.array(ticks) * parts + 0.5) / channels, labels)
        name_below(sheet, box, "channel")
        ticks = index_ticks(filters)
        number_rows(sheet, box, (np.array(ticks) + 0.5) / filters, bank.indices[ticks].tolist(), "filter")
        sheet.moving.append(self._image)

    def update(self, rows: Array, limits: Array, marks: captions.Marks) -> None:
        """Redraw ``(filters, channels, 1)``, each filter up to its limit."""
        shown = np.where(marks.dead[:, None], np.nan, rows[:, :, 0] / limits[:, None])
        shown = np.where(np.isfinite(rows[:, :, 0]), shown, np.inf)
        self._image.set_pixels(mosaic.heat(shown, *self._size, 1.0, SIGNED_CMAP, undefined=DEAD_FACE))


def _phase(rows: Array, last: Array) -> Array:
    """What makes each filter's inner product with its last row positive, as a factor: ``(filters, 1, 1)``."""
    product = np.einsum("fck,fck->f", last, rows.conj())
    size = np.abs(product)
    sure = np.isfinite(size) & (size > 0)
    return np.where(sure, product / np.where(sure, size, 1), 1).astype(rows.dtype)[:, None, None]


def _make(bank: FilterBank, reference: FilterBank | None, options: Options, figure: Target) -> Picture:
    return TapsPicture(bank, reference, options.channels, options.scale, options.max_filters, figure)


KIND = Kind(
    "taps",
    "Every filter over its taps. Colour: **rotation** from its initial filter (grey 0: unmoved, red 1: orthogonal).",
    _make,
)
