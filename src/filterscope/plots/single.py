"""One filter, large, with axes."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from filterscope.filters import metrics
from filterscope.filters.bank import FilterBank
from filterscope.filters.checks import require
from filterscope.plots.drawing import captions, mosaic
from filterscope.plots.drawing.bars import ColourBar, set_limit, value_bar
from filterscope.plots.drawing.canvas import (
    GREY,
    INK,
    PALE,
    SIGNED_CMAP,
    SMALL,
    TEXT,
    Sheet,
    rotation_colours,
    safe_limit,
)
from filterscope.plots.drawing.tiles import STEM_TAPS
from filterscope.plots.taps import real_rows

#: Up to so many channels are drawn as curves.
CURVES = 8


def plot_filter(
    bank: FilterBank,
    index: int,
    *,
    channel: int | None = None,
    reference: FilterBank | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Draw one filter over its taps: a curve per channel (stems up to 8 taps), a heat map above 8 channels.

    Args:
        bank: Filters of a layer.
        index: The filter's number in the layer.
        channel: Draw this channel only.
        reference: The same filters at an earlier moment, drawn pale (not in the heat map).
        figure: Figure or subfigure to draw on. Default: a new one.

    Returns:
        The figure drawn on.

    Raises:
        IndexError: The bank has no such filter or channel.
        ValueError: The reference has filters of another shape.
    """
    require(bank, FilterBank, "read_filters gives a dict of them: choose one, such as banks['conv1']")
    kept = slice(None) if channel is None else slice(channel, channel + 1)
    if channel is not None and not 0 <= channel < bank.channels:
        raise IndexError(f"layer {bank.layer!r} has no channel {channel}; it has 0 to {bank.channels - 1}")
    weights = bank.weights[bank.position(index)][None, kept]
    rows = real_rows(weights)[0]
    sheet = Sheet(figure, bank.layer, f"filter {index}" if channel is None else f"filter {index}, channel {channel}")
    then, turned = None, ""
    colours = [colormaps["tab10"](i % 10) for i in range(len(rows))]
    if reference is not None:
        if reference.weights.shape[1:] != bank.weights.shape[1:]:
            raise ValueError(
                f"the reference's filters have shape {reference.weights.shape[1:]} and the bank's "
                f"{bank.weights.shape[1:]}; a reference is an earlier moment of the same filters"
            )
        before = reference.weights[reference.position(index)][None, kept]
        then = real_rows(before)[0]
        rotation = metrics.rotation(weights, before)
        turned = f"rotation {rotation[0]:.3f}"
        if len(rows) == 1:
            colours = [tuple(rotation_colours(rotation, 1)[0])]
    curves = len(rows) <= CURVES
    body = sheet.body.shrink(left=sheet.px(52), top=sheet.px(4), right=sheet.px(12), bottom=sheet.px(36))
    if not curves:
        body, bar = body.split_right(sheet.px(ColourBar.WIDTH - 8))
    box = body.shrink(right=0 if curves else sheet.px(8))
    axes = sheet.axes(box)
    taps = np.arange(bank.taps)
    if curves:
        axes.axhline(0, color=PALE, linewidth=1, zorder=0)
        complex_names = [f"{part} {c}" for c in range(weights.shape[1]) for part in ("real", "imaginary")]
        names = complex_names if np.iscomplexobj(weights) else [f"channel {c}" for c in range(len(rows))]
        for row, values in enumerate(rows):
            old = None if then is None else then[row]
            if bank.taps <= STEM_TAPS:
                x = taps + (row - (len(rows) - 1) / 2) * 0.8 / len(rows)
                if old is not None:
                    axes.vlines(x, 0, old, colors=PALE, linewidths=10 / len(rows) + 2, zorder=1)
                axes.vlines(x, 0, values, colors=[colours[row]], linewidths=5 / len(rows) + 1, zorder=2)
                axes.plot(x, values, "o", color=colours[row], label=names[row])
            else:
                if old is not None:
                    axes.plot(taps, old, color=colours[row], alpha=0.35, linewidth=1.5)
                    axes.fill_between(taps, old, values, color=colours[row], alpha=0.12, linewidth=0)
                axes.plot(taps, values, color=colours[row], linewidth=2, label=names[row])
        if len(rows) > 1:
            axes.legend(fontsize=TEXT - 2, loc="upper right", framealpha=0.85, edgecolor="none")
        axes.set_ylabel("weight", fontsize=TEXT, color=GREY)
        axes.ticklabel_format(axis="y", scilimits=(-2, 4))
        axes.yaxis.offsetText.set_fontsize(SMALL)
        axes.set_xlim(-0.5, bank.taps - 0.5)
        axes.spines[["top", "right"]].set_visible(False)
    else:
        limit = safe_limit(rows)
        axes.imshow(
            mosaic.colour(rows, limit, SIGNED_CMAP),
            aspect="auto",
            interpolation="nearest",
            extent=(-0.5, bank.taps - 0.5, len(rows) - 0.5, -0.5),
        )
        axes.set_ylabel("channel", fontsize=TEXT, color=GREY)
        set_limit(value_bar(sheet, bar, False, "weight"), limit, False)
    axes.set_xlabel("tap", fontsize=TEXT, color=GREY, labelpad=1)
    if bank.taps == 1:
        axes.set_xticks([0])
    else:
        intervals = sheet.tick_intervals(box.width, len(str(bank.taps)), 10)
        axes.xaxis.set_major_locator(MaxNLocator(intervals, integer=True))
    axes.tick_params(labelsize=TEXT, color=GREY, labelcolor=INK)
    broken = metrics.nonfinite(weights)
    shape = f"{captions.plural(weights.shape[1], 'channel')} × {captions.plural(bank.taps, 'tap')}"
    sheet.set_title(captions.joined(shape, turned, f"{broken} NaN or Inf" if broken else "", captions.moment(bank)))
    return sheet.figure
