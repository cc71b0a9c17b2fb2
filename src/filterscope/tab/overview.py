"""All layers of a run on one axis of time: how much each changed from snapshot to snapshot, and a scalar above."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from filterscope.events.blob import BlobError, Header
from filterscope.tab.provided import POINTS, NotThereError, Provided, heaviest, natural, scalar_tag

#: Digits of a change: more are not shown.
_DIGITS = 4


def choose(layers: Mapping[str, Any], scalars: Mapping[str, Any], wanted: str | None) -> str | None:
    """The scalar to show: the wanted one if there is such, else the first whose name holds ``loss``.

    Args:
        layers: Metadata of the run's layers, by tag.
        scalars: Metadata of the run's scalars, by tag.
        wanted: Name of one; empty for none of them; ``None`` where the user has not chosen.
    """
    if wanted == "" or wanted in scalars:
        return wanted or None
    return next((tag for tag in others(layers, scalars) if "loss" in tag.lower()), None)


def others(layers: Mapping[str, Any], scalars: Mapping[str, Any]) -> list[str]:
    """Names of the scalars that are not of a layer, in natural order."""
    stems = tuple(scalar_tag(tag, "") for tag in layers)
    return sorted((tag for tag in scalars if not tag.startswith(stems)), key=natural)


def content(
    there: Provided, run: str, layers: Mapping[str, Any], scalars: Mapping[str, Any], scalar: str | None
) -> dict[str, Any]:
    """What the browser reads.

    Args:
        there: Where it all comes from.
        run: Name of the run.
        layers: Metadata of its layers, by tag.
        scalars: Metadata of its scalars, by tag.
        scalar: Of :func:`choose`.

    Returns:
        ``run``; ``unit`` of time and ``clock``, pairs of step and epoch; ``scalars``, ``scalar`` and its ``curve`` of
        steps and values; ``changes``, for each layer that has logged any its tag, the number of its list of steps in
        ``axes``, and values, ``None`` where one is not finite: of weights that are no numbers none is logged.
    """
    changes = {tag: (scalar_tag(tag, "change"), scalar_tag(tag, "nonfinite")) for tag in layers}
    wanted = {tag: scalars[tag] for tag in [*chain(*changes.values()), scalar] if tag is not None and tag in scalars}
    read = there.read_scalars({run: wanted}, POINTS).get(run, {})
    axes: dict[tuple[int, ...], int] = {}
    found = []
    for tag, (change, nonfinite) in changes.items():
        broken = [datum.step for datum in read.get(nonfinite, ()) if datum.value > 0]
        steps, values = _by_step(read.get(change, ()), broken)
        if steps:
            found.append([tag, axes.setdefault(steps, len(axes)), values])
    unit, clock = _clock(there, run, layers)
    return {
        "run": run,
        "unit": unit,
        "clock": clock,
        "scalars": others(layers, scalars),
        "scalar": scalar,
        "curve": list(zip(*_by_step(read.get(scalar, ())), strict=True)) if scalar else [],
        "axes": list(axes),
        "changes": found,
    }


def _by_step(data: Sequence[Any], without: Sequence[int] = ()) -> tuple[tuple[int, ...], list[float | None]]:
    """Steps in order, and values in a short form; of several at one step the last that was logged.

    Args:
        data: What was logged.
        without: Steps at which there is none if none was logged.
    """
    steps, values = [datum.step for datum in data], [datum.value for datum in data]
    if without or steps != sorted(set(steps)):
        latest = dict.fromkeys(without, math.nan) | dict(zip(steps, values, strict=True))
        steps = sorted(latest)
        values = [latest[step] for step in steps]
    return tuple(steps), _short(np.array(values, float))


def _short(values: np.ndarray) -> list[float | None]:
    """So many digits of each, all at once: one after the other, 100 000 take a third of a second."""
    finite = np.isfinite(values)
    size = np.abs(values, where=finite, out=np.zeros_like(values))
    with np.errstate(divide="ignore"):
        magnitude = np.where(size > 0, np.floor(np.log10(size)), 0)
    # A power of ten with a positive exponent is exact, so that the quotient is what the digits say.
    places = _DIGITS - 1 - magnitude
    scale = 10.0 ** np.clip(np.abs(places), 0, 300)
    with np.errstate(all="ignore"):
        short = np.where(places >= 0, np.round(values * scale) / scale, np.round(values / scale) * scale)
    found: list[float | None] = short.tolist()
    for i in np.flatnonzero(~finite | ~np.isfinite(short)):
        found[i] = None if not finite[i] else float(values[i])
    return found


def _clock(there: Provided, run: str, layers: Mapping[str, Any]) -> tuple[str, list[tuple[int, int]]]:
    """What time is counted in, and steps with their epochs, from some snapshots of a layer that is quickly read."""
    whole = [tag for tag in layers if _is_whole(layers[tag])]
    if not whole:
        return "step", []
    newest = max(layers[tag].max_step or 0 for tag in whole)
    tag = min(whole, key=lambda each: (layers[each].max_step != newest, heaviest(layers[each].plugin_content)))
    try:
        headers = there.headers(run, tag, _spread)
    except NotThereError:  # gone since it was listed, or it claims too many parts
        return "step", []
    clock = [(step, header.epoch) for step, header in headers if header.epoch is not None]
    epochs = [epoch for _, epoch in clock]
    counted = len(clock) == len(headers) and epochs == sorted(epochs) and bool(epochs)
    by_step = any(header.within_epoch for _, header in headers)
    return ("epoch" if counted and not by_step else "step"), clock


def _is_whole(series: Any) -> bool:
    try:
        Header.from_json(series.plugin_content)
    except BlobError:
        return False
    return True


def _spread(count: int) -> Sequence[int]:
    """Positions at both ends, their neighbours, and some between: of two neighbours one is within an epoch, if any."""
    places = {0, 1, *(count * part // 8 for part in range(1, 8)), count - 2, count - 1}
    return sorted(place for place in places if 0 <= place < count)
