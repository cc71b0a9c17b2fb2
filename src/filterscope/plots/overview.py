"""The ``overview`` picture: how much each layer of the model changed, and when (runs only)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import LineCollection

from filterscope.filters import metrics
from filterscope.filters.arrays import Array
from filterscope.filters.history import FilterHistory, require_history
from filterscope.filters.words import plural
from filterscope.plots.drawing import captions, mosaic
from filterscope.plots.drawing.bars import ColourBar, rotation_bar
from filterscope.plots.drawing.canvas import SMALL, TEXT, AnyFigure, Box, Frame, Sheet, Target
from filterscope.plots.drawing.colours import GREY, INK, PALE, ROTATION_CMAP, rotation_share
from filterscope.plots.drawing.lettering import shortened, text_width
from filterscope.plots.drawing.limits import format_value
from filterscope.plots.drawing.times import TimeAxis

#: What the card means, in Markdown.
MEANING = "Layers by time: relative size of the step since the previous snapshot, on a log scale, and rotation."
CHANGE_CMAP = colormaps["viridis"]
#: What is undefined, or before a layer came.
_NOTHING = "#ffffff"


@dataclass(frozen=True)
class Course:
    """Two numbers of one layer at each of its snapshots; infinite where it held NaN or Inf.

    Attributes:
        layer: Dotted name.
        times: Epochs or steps, not decreasing: ``(E,)``.
        change: Relative size of the step since the snapshot before: ``(E,)``, NaN where undefined.
        rotation: Of the whole layer from its reference: ``(E,)``, NaN where undefined.
    """

    layer: str
    times: Array
    change: Array
    rotation: Array


def plot_overview(
    histories: Mapping[str, FilterHistory] | Sequence[FilterHistory],
    *,
    title: bool = True,
    colorbar: bool = True,
    figure: AnyFigure | None = None,
) -> AnyFigure:
    """Draw how much each layer changed, and when: layers downwards, time across.

    At the left ``change``, the relative size of the step since the previous snapshot, on a logarithmic scale: where
    it is high, the layer learns; where it falls, it settles. At the right the layer's rotation from its reference, in
    the colours of all pictures. White: undefined (the first snapshot has no step), or the layer was not there. Amber:
    NaN or infinite weights.

    Args:
        histories: Of the layers, in the order of their rows, such as ``load_history`` gives them. Numbers are of the
            monitored filters, but for the change of a recorded run, which is that of the whole layer.
        title: Whether kind and moment stand above.
        colorbar: Whether the bars that tell what colours mean are drawn.
        figure: Figure or subfigure to draw on, in type of the size that matplotlib is set to. Default: a new one.

    Returns:
        The figure drawn on. Where there are more layers than lines of text, some are named, and the title says so.

    Raises:
        TypeError: Not histories.
        ValueError: None of them.
    """
    if isinstance(histories, FilterHistory):
        raise TypeError("histories is one FilterHistory; give those of several layers: plot_overview([history])")
    shown = list(histories.values() if isinstance(histories, Mapping) else histories)
    for history in shown:
        require_history(history)
    if not shown:
        raise ValueError("histories is empty; give at least one FilterHistory, such as load_history(log_dir)")
    by_step = any(history.by_step for history in shown)
    frame = Frame(figure, title, colorbar)
    picture = OverviewPicture([history.layer for history in shown], frame)
    newest = max((history[-1] for history in shown), key=lambda bank: (bank.epoch or 0, bank.step or 0))
    unit = "step" if by_step else "epoch"
    picture.update([_course(history, by_step) for history in shown], unit, captions.moment(newest, by_step))
    return frame.filled(picture.sheet)


def _course(history: FilterHistory, by_step: bool) -> Course:
    reference = history.reference.weights
    rotation = np.array([metrics.layer_rotation(weights, reference) for weights in history.weights])
    finite = np.isfinite(history.weights).all(axis=(1, 2, 3))
    change, rotation = (np.where(finite, each, np.inf) for each in (history.change(), rotation))
    return Course(history.layer, history.steps if by_step else history.epochs, change, rotation)


class OverviewPicture:
    """The picture of :func:`plot_overview`, which can be redrawn for other moments of the same layers."""

    def __init__(self, layers: Sequence[str], figure: Target = None) -> None:
        self.sheet = sheet = Sheet(figure, "overview")
        self._layers = len(layers)
        body = sheet.body.shrink(top=sheet.px(18))
        is_narrow = sheet.is_narrow
        bar = sheet.px(76 if sheet.has_bars else 10)
        foot, head = sheet.px(36), sheet.px(18)
        half = (body.height - head) / 2 if is_narrow else body.height
        rows = half - foot
        size, every = self._lettering(rows / len(layers))
        room = body.width * (0.3 if is_narrow else 0.25)
        names = [shortened(name, size, room, sheet.dpi) for name in layers[::every]]
        left = max(text_width(name, size, dpi=sheet.dpi) for name in names) + sheet.px(7)
        gap = 0 if is_narrow else sheet.px(14)
        width = body.width - left - bar if is_narrow else (body.width - left - 2 * bar - gap) / 2
        places = [(0, 0), (0, half + head)] if is_narrow else [(0, 0), (width + bar + gap, 0)]
        self._note = f"{_ordinal(every)} layer named" if every > 1 else ""
        self._boxes = [Box(body.left + left + x, body.top + y, width, rows).snapped() for x, y in places]
        self._maps, self._times, frames = [], [], []
        heads = f"change{captions.DOT}since the snapshot before", f"rotation{captions.DOT}since the first"
        for box, caption in zip(self._boxes, heads, strict=True):
            sheet.caption(box, caption)
            if box is self._boxes[0] or is_narrow:
                self._write_names(box, names, size, every)
            self._maps.append(mosaic.PixelImage.in_box(sheet, box))
            self._times.append(TimeAxis(sheet, box))
            frame = [(box.left, box.top), (box.left + box.width, box.top)]
            frame += [(x, box.top + box.height) for x, _ in reversed(frame)]
            frames.append(sheet.add(LineCollection([[*frame, frame[0]]], colors=PALE, linewidths=0.8)))
        strips = [Box(box.left + box.width, box.top - sheet.px(23), bar, rows + sheet.px(34)) for box in self._boxes]
        self._bar = ColourBar(sheet, strips[0], CHANGE_CMAP, "", (0, 0.5, 1), moving=True)
        rotation_bar(sheet, strips[1], "")
        sheet.moving += [*self._maps, *frames]  # white ends of rows would hide the frames

    def _lettering(self, row: float) -> tuple[float, int]:
        """Size of the type of names, and one row in how many has one, if rows are so high in pixels."""
        size = TEXT if row >= self.sheet.px(1.25 * TEXT) else SMALL
        return size, int(np.ceil(self.sheet.px(1.25 * size) / row))

    def _write_names(self, box: Box, names: Sequence[str], size: float, every: int) -> None:
        sheet, tick = self.sheet, self.sheet.px(3)
        heights = box.top + (np.arange(0, self._layers, every) + 0.5) / self._layers * box.height
        sheet.add(LineCollection([[(box.left - tick, y), (box.left, y)] for y in heights], colors=GREY, linewidths=0.8))
        for y, name in zip(heights.tolist(), names, strict=True):
            sheet.write(box.left - 2 * tick, y, name, fontsize=size, color=INK, ha="right", va="center")

    def update(self, courses: Sequence[Course], unit: str, moment: str) -> None:
        """Redraw, with times in a unit, ``"epoch"`` or ``"step"``, and the newest snapshot's moment in the title."""
        times = np.unique(np.concatenate([course.times for course in courses]))
        change, rotation = (np.stack(each) for each in zip(*(_held(course, times) for course in courses), strict=True))
        positive = change[np.isfinite(change) & (change > 0)]
        top = int(np.ceil(np.log10(np.quantile(positive, 0.99)) - 1e-9)) if positive.size else 0
        decades = 2 if not positive.size or np.log10(positive.min()) >= top - 2.2 else 4
        low, middle, high = (format_value(10.0 ** (top - decades * each)) for each in (1, 0.5, 0))
        is_clipped = bool((change[~np.isnan(change)] < 0.99 * 10.0 ** (top - decades)).any())
        self._bar.set_labels(f"≤ {low}" if is_clipped else low, middle, high)
        with np.errstate(divide="ignore"):
            share = np.where(np.isinf(change), np.inf, np.maximum((np.log10(change) - top) / decades + 1, 0))
        turned = rotation_share(rotation)
        for values, cmap, image, box, axis in zip(
            (share, turned), (CHANGE_CMAP, ROTATION_CMAP), self._maps, self._boxes, self._times, strict=True
        ):
            laid = mosaic.lay_epochs(values.T, times, int(box.width)).T
            size = int(box.height), int(box.width)
            image.set_pixels(mosaic.heat(laid, *size, 1.0, cmap, one_sided=True, undefined=_NOTHING))
            axis.update(times, unit)
        self.sheet.set_title(plural(self._layers, "layer"), captions.joined(self._note, moment))


def _held(course: Course, times: Array) -> tuple[Array, Array]:
    """Change and rotation at other times: each holds until the layer's next snapshot; NaN before and after them."""
    place = np.searchsorted(course.times, times, side="right") - 1
    is_there = (place >= 0) & (times <= course.times[-1])
    change, rotation = (np.where(is_there, each[place], np.nan) for each in (course.change, course.rotation))
    return change, rotation


def _ordinal(number: int) -> str:
    """``every 2nd``, ``every 3rd``, ``every 11th``."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"every {number}{ending}"
