"""What TensorBoard's legacy loader has loaded, without the 10 µs that it takes for each scalar.

Its data provider makes an array of every value before it thins them out, and goes through all of them to list a tag:
100 layers of 1000 epochs take it 2 s. The multiplexer behind it, which plugins are given for as long as there is one,
has the values as they were read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tensorboard.util import tensor_util

_FLOAT = 1  # DT_FLOAT of TensorFlow's types


class Point(NamedTuple):
    """A scalar at a step: what a data provider's ``ScalarDatum`` has."""

    step: int
    wall_time: float
    value: float


class Listed(NamedTuple):
    """The newest moment of a tag, and what its writer said of it: what is read of a data provider's list."""

    max_step: int
    max_wall_time: float
    plugin_content: bytes


def listed(multiplexer: Any, plugin: str, run: str) -> dict[str, Listed]:
    """Tags of a run by what was written last, without a look at all that was."""
    found = {}
    for tag, content in multiplexer.PluginRunToTagToContent(plugin).get(run, {}).items():
        if written := events(multiplexer, run, tag):
            found[tag] = Listed(written[-1].step, written[-1].wall_time, content)
    return found


def read(multiplexer: Any, listed: Mapping[str, Mapping[str, Any]], points: int) -> dict[str, dict[str, list[Point]]]:
    """At most so many points of every listed scalar, evenly spaced, the last one among them.

    Args:
        multiplexer: TensorBoard's, of its legacy loader.
        listed: What there is, by run and tag, as the data provider lists it.
        points: At least 1.
    """
    return {run: {tag: _points(multiplexer, run, tag, points) for tag in tags} for run, tags in listed.items()}


def _points(multiplexer: Any, run: str, tag: str, points: int) -> list[Point]:
    chosen = thinned(standing(events(multiplexer, run, tag)), points)
    return [Point(event.step, event.wall_time, _value(event.tensor_proto)) for event in chosen]


def events(multiplexer: Any, run: str, tag: str) -> Sequence[Any]:
    """All that was written under a tag, in that order; nothing if it is gone since it was listed."""
    try:
        found: Sequence[Any] = multiplexer.Tensors(run, tag)
    except KeyError:
        return ()
    return found


def _value(tensor: Any) -> float:
    if tensor.dtype == _FLOAT and len(values := tensor.float_val) == 1:  # each look at it costs
        return float(values[0])
    return float(tensor_util.make_ndarray(tensor).item())


def standing(data: Sequence[Any]) -> Sequence[Any]:
    """What stands of what was written, in order of step: each datum supersedes what was of its step or later.

    TensorBoard's fast loader drops that itself. Its legacy one keeps it, and of two at one step reads the older.
    """
    kept: list[Any] = []
    for datum in data:
        while kept and kept[-1].step >= datum.step:
            kept.pop()
        kept.append(datum)
    return kept


def thinned(values: Sequence[Any], most: int) -> Sequence[Any]:
    """At most so many of them, evenly spaced, the last one always."""
    if len(values) <= most:
        return values
    return [values[((place + 1) * len(values) - 1) // most] for place in range(most)]
