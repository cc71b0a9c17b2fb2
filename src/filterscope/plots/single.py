"""One filter, large, with axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import CircleCollection, LineCollection, PolyCollection
from matplotlib.transforms import Affine2D, IdentityTransform

from filterscope.filters import metrics
from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank, require_bank
from filterscope.filters.channels import real_rows, reduce
from filterscope.filters.words import plural
from filterscope.plots.drawing import captions, mosaic
from filterscope.plots.drawing.bars import ColourBar, set_limit, value_bar
from filterscope.plots.drawing.canvas import TEXT, AnyFigure, Box, Frame, Plane, Sheet
from filterscope.plots.drawing.colours import GREY, INK, PALE, PLAIN, SIGNED_CMAP, rotation_colours
from filterscope.plots.drawing.lettering import shortened, text_width
from filterscope.plots.drawing.limits import format_value, safe_limit
from filterscope.plots.drawing.logo import Letters, stack_heights
from filterscope.plots.drawing.reduction import outline, trace
from filterscope.plots.drawing.references import check_shape, name_of
from filterscope.plots.drawing.scales import (
    fitting_ticks,
    index_ticks,
    mark_below,
    mark_left,
    name_below,
    name_left,
    number_rows,
    round_ticks,
    tick_labels,
)
from filterscope.plots.drawing.tiles import STEM_TAPS

#: Up to so many channels are drawn as curves.
CURVES = 8
#: Points for the scale of several of them.
_BAR = 44


def plot_filter(
    bank: FilterBank,
    index: int,
    *,
    channel: int | None = None,
    reference: FilterBank | None = None,
    reference_name: str | None = None,
    title: bool = True,
    colorbar: bool = True,
    figure: AnyFigure | None = None,
) -> AnyFigure:
    """Draw one filter over its taps: as a curve (stems up to 8 taps), several channels one below the other.

    They share a scale, which a bar at the right tells. More than 8 channels are drawn as a heat map.

    Where channels are named by capital letters, all of them are drawn as a sequence logo, as in :func:`plot_taps`.

    Args:
        bank: Filters of a layer.
        index: The filter's number in the layer.
        channel: Draw this channel only.
        reference: The same filters at an earlier moment, or the same layer of another run, whatever its name there;
            drawn pale (not in the heat map, nor in a logo).
        reference_name: What to call the reference, such as ``"lr 0.1"``. Default: its moment, which is not told.
        title: Whether layer, kind and moment stand above.
        colorbar: Whether the bar that tells what colours mean is drawn.
        figure: Figure or subfigure to draw on, in type of the size that matplotlib is set to. Default: a new one.

    Returns:
        The figure drawn on.

    Raises:
        IndexError: The bank has no such filter or channel.
        ValueError: The reference has filters of another shape, or is named and not there.
    """
    require_bank(bank)
    kept = slice(None) if channel is None else slice(channel, channel + 1)
    if channel is not None and not 0 <= channel < bank.channels:
        raise IndexError(f"layer {bank.layer!r} has no channel {channel}; it has 0 to {bank.channels - 1}")
    weights = bank.weights[bank.position(index)][None, kept]
    rows = real_rows(weights)[0]
    parts = len(rows) // weights.shape[1]
    names = captions.channels(bank)[: parts * bank.channels]
    if channel is not None:
        names = names[parts * channel : parts * (channel + 1)]
    if bank.channel_names is None and parts == 1:
        names = [f"channel {name}" for name in names]
    one = f", channel {channel}" if bank.channel_names is None else f", {bank.channel_names[channel or 0]}"
    frame = Frame(figure, title, colorbar)
    sheet = Sheet(frame, f"filter {index}" + ("" if channel is None else one))
    is_logo = bank.is_lettered and channel is None
    then, turned, called = None, "", name_of(reference, reference_name)
    colour: Any = PLAIN
    if reference is not None:
        require_bank(reference)
        check_shape(reference, bank, bank.weights.shape[1:], reference.weights.shape[1:])
        before = reference.weights[reference.position(index)][None, kept]
        then = real_rows(before)[0]
        rotation = metrics.rotation(weights, before)
        turned = f"rotation {rotation[0]:.3f}" if np.isfinite(rotation[0]) else "rotation undefined"
        colour = tuple(rotation_colours(rotation, 1)[0])
    curves = len(rows) <= CURVES and not is_logo
    if called:
        turned = captions.joined(turned, f"pale: {called}") if curves else f"{turned} from {called}"
    is_heat = not (curves or is_logo)
    left = sheet.px(56)
    if (is_heat and bank.channel_names is not None) or (curves and len(rows) > 1):
        names = [shortened(name, TEXT, 0.3 * sheet.width, sheet.dpi) for name in names]
        left = max(text_width(name, TEXT, dpi=sheet.dpi) for name in names) + sheet.px(14)
    body = sheet.body.shrink(left=left, top=sheet.px(4), right=sheet.px(12), bottom=sheet.px(36))
    if is_heat:
        body, bar = ColourBar.beside(sheet, body, ColourBar.WIDTH - 8)
    several = curves and len(rows) > 1
    box = body.shrink(right=sheet.px(8 if is_heat else _BAR if several else 0)).snapped()
    axes = sheet.axes(box)
    axes.span(x=(-0.5, bank.taps - 0.5))
    if is_logo:
        _logo(sheet, axes, box, reduce(weights, "logo"), names)
    elif curves:
        step = 0.0
        if several:
            step = _rows_axis(sheet, axes, box, np.stack([rows, rows if then is None else then], axis=1), names)
        else:
            _weight_axis(sheet, axes, box, rows if then is None else np.concatenate([rows, then]))
        for row, name in enumerate(names):
            old, known = None if then is None else then[row], len(axes.collections)
            if bank.taps <= STEM_TAPS:
                _stems(sheet, axes, rows[row], old, colour, name, has_dots=not several)
            else:
                _curve(sheet, axes, int(box.width), rows[row], old, colour, name)
            below = Affine2D().translate(0, -row * step) + axes.transData
            for artist in axes.collections[known:]:
                if isinstance(artist, CircleCollection):
                    artist.set_offset_transform(below)
                else:
                    artist.set_transform(below)
    else:
        limit = safe_limit(rows)
        axes.span(y=(len(rows) - 0.5, -0.5))
        size = int(box.height), int(box.width)
        mosaic.PixelImage.in_axes(axes).set_pixels(mosaic.heat(rows, *size, limit, SIGNED_CMAP))
        if bank.channel_names is None:
            shown = index_ticks(len(rows))
            number_rows(sheet, box, (np.array(shown) + 0.5) / len(rows), shown, "channel")
        else:
            shown = index_ticks(len(rows), max(int(box.height / sheet.px(1.2 * TEXT)), 1))
            mark_left(sheet, box, 1 - (np.array(shown) + 0.5) / len(rows), [names[row] for row in shown])
        set_limit(value_bar(sheet, bar, False, "weight"), limit, False)
    ticks = np.zeros(1)
    if bank.taps > 1:
        ticks = fitting_ticks(sheet, 0, bank.taps - 1, box.width * (1 - 1 / bank.taps), 10, whole=True)
    mark_below(sheet, box, (ticks + 0.5) / bank.taps, tick_labels(ticks))
    name_below(sheet, box, "tap")
    broken = metrics.nonfinite(weights)
    shape = f"{plural(weights.shape[1], 'channel')} × {plural(bank.taps, 'tap')}"
    said = f"{broken} NaN or Inf" if broken else ""
    sheet.set_title(bank.layer, captions.joined(shape, turned, said, captions.moment(bank)))
    return frame.filled(sheet)


def _weight_axis(sheet: Sheet, axes: Plane, box: Box, rows: Array) -> None:
    """Number the weights at the left of a box, in a power of ten above it where they are large or small."""
    known = rows[np.isfinite(rows)].astype(np.float64)
    low, high = min(known.min(initial=0), 0), max(known.max(initial=0), 0)
    margin = 0.06 * (high - low or 2)
    low, high = low - margin, high + margin
    axes.span(y=(low, high))
    power = int(np.floor(np.log10(max(-low, high))))
    size = 1.0 if -1 <= power <= 2 else 10.0**power
    ticks = round_ticks(low / size, high / size, 6)
    mark_left(sheet, box, (ticks * size - low) / (high - low), tick_labels(ticks))
    name_left(sheet, box, "weight" if size == 1 else f"weight (1e{power})".replace("-", "−"), 46)
    zero, right = box.top + box.height * high / (high - low), box.left + box.width
    sheet.add(LineCollection([[(box.left, zero), (right, zero)]], colors=PALE, linewidths=1, zorder=-1))
    corner = [(box.left, box.top), (box.left, box.top + box.height), (right, box.top + box.height)]
    sheet.add(LineCollection([corner], colors=GREY, linewidths=0.8))


def _logo(sheet: Sheet, axes: Plane, box: Box, weights: Array, names: Sequence[str]) -> None:
    """Letters stacked by weight, ``(1, letters, taps)``."""
    up, down = (stack_heights(part) for part in (np.maximum(weights, 0), np.minimum(weights, 0)))
    _weight_axis(sheet, axes, box, np.concatenate([up, -down]))
    letters, edge = Letters(sheet, names, axes), safe_limit(up, down)
    letters.update(weights, np.array([-0.5]), np.zeros(1), 1.0, np.ones(1), edge)


def _rows_axis(sheet: Sheet, axes: Plane, box: Box, known: Array, names: Sequence[str]) -> float:
    """Name channels one below the other at the left of a box, and tell their scale at the right of it.

    Of what is ``known`` of each, ``(channels, values, taps)``, follows the weight from one to the next, which is
    returned: as little as keeps each off the next.
    """
    known = np.where(np.isfinite(known), known, 0)
    up, down = np.maximum(known.max(axis=1), 0), np.maximum(-known.min(axis=1), 0)
    reach = safe_limit(known)
    step = max(1.15 * float((down[:-1] + up[1:]).max()), 0.5 * reach)
    zeros = -step * np.arange(len(names))
    high, low = 1.1 * float(up[0].max()) + 0.1 * step, zeros[-1] - 1.1 * float(down[-1].max()) - 0.1 * step
    axes.span(y=(low, high))
    shares = (zeros - low) / (high - low)
    mark_left(sheet, box, shares, names)
    right, heights = box.left + box.width, box.top + (1 - shares) * box.height
    lines = [[(box.left, y), (right, y)] for y in heights]
    sheet.add(LineCollection(lines, colors=PALE, linewidths=1, zorder=-1))
    length = float(round_ticks(0, min(reach, step), 3)[-1])
    x, top = right + sheet.px(8), heights[-1] - length / (high - low) * box.height
    sheet.add(LineCollection([[(x, heights[-1]), (x, top)]], colors=GREY, linewidths=2))
    sheet.write(x + sheet.px(5), (heights[-1] + top) / 2, format_value(length), va="center", color=INK)
    sheet.write(right + sheet.px(_BAR + 8), top - sheet.px(5), "weight", ha="right")
    return step


def _stems(
    sheet: Sheet, axes: Axes, values: Array, old: Array | None, colour: Any, name: str, *, has_dots: bool
) -> None:
    """A channel as stems; dots at their ends would hide those of several channels."""
    x = np.arange(len(values))
    foot = np.stack([x, np.zeros(len(x))], axis=-1)

    def stems(heights: Array) -> list[Array]:
        return list(np.stack([foot, np.stack([x, heights], axis=-1)], axis=1))

    if old is not None:
        sheet.add(LineCollection(stems(old), colors=PALE, linewidths=12, zorder=1), axes)
    sheet.add(LineCollection(stems(values), colors=[colour], linewidths=6, label=name, zorder=2), axes)
    if not has_dots:
        return
    dots = CircleCollection(
        [(6.0 * sheet.scale) ** 2], offsets=np.stack([x, values], -1), offset_transform=axes.transData
    )
    dots.set(facecolor=colour, linewidth=0, zorder=3, transform=IdentityTransform())
    sheet.add(dots, axes)


def _curve(sheet: Sheet, axes: Axes, columns: int, values: Array, old: Array | None, colour: Any, name: str) -> None:
    """A channel as a curve on so many columns of pixels, what it was in pale behind."""
    taps = np.arange(len(values))
    now = np.stack(trace(taps, values, columns), axis=-1)
    if old is not None:
        then = np.stack(trace(taps, old, columns), axis=-1)
        sheet.add(LineCollection([then], colors=[colour], alpha=0.35, linewidths=1.5, zorder=2), axes)
        between = outline(taps, values, old, columns)
        between = between[np.isfinite(between).all(axis=1)]
        sheet.add(PolyCollection([between], facecolors=[colour], alpha=0.12, linewidths=0, zorder=1), axes)
    sheet.add(LineCollection([now], colors=[colour], linewidths=2, label=name, zorder=3), axes)
