"""What TensorBoard has loaded of a run's filters, read through its data provider: the same on both loaders."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

from tensorboard.data.provider import RunTagFilter

from filterscope.events.blob import PLUGIN, BlobError, Header, read_header
from filterscope.tab import scalars
from filterscope.tab.calls import side_by_side

#: Bytes of weights that are read for one request; a single snapshot always is.
MOST_BYTES = 256 * 2**20
#: Points of each scalar that are read for a layer; and those of all layers together, of which each has a share.
POINTS, ALL_POINTS, LEAST_POINTS = 1000, 50_000, 100
#: Points of a layer's rotation that are listed: it is drawn in the space of a word.
SPARK_POINTS = 120
#: Newest snapshots whose intervals are looked at.
_RECENT = 64
#: More than a data provider ever keeps: all snapshots are asked for.
_ALL = 2**31 - 1
#: A snapshot has two parts at most. TensorBoard would make up a name for each part that a damaged one claims.
_MOST_PARTS = 16
_SCALARS = ("rotation", "dead")
_FRAME = struct.Struct("<dII")
_SERVED, _BROKEN, _PASSING = 0, 1, 2
_FIELDS = ("order", "shape", "total_filters", "stride", "dilation", "groups", "transposed", "sample_rate", "complex")

#: What a data provider answers: something for every run and tag.
Series = Mapping[str, Mapping[str, Any]]


class NotThereError(LookupError):
    """A run or tag that TensorBoard does not have."""


class UnclearError(ValueError):
    """A request that cannot be answered as it is."""


class PassingError(RuntimeError):
    """Some of what was asked for could not be read, but may be another time.

    Args:
        content: What there is to serve.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__("some snapshots could not be read")
        self.content = content


class Provided:
    """The filters that a data provider has.

    Args:
        provider: TensorBoard's data provider.
        context: The request's, as the provider wants it.
        experiment: Name of the experiment; mostly empty.
        multiplexer: What the legacy loader has behind its data provider.
    """

    def __init__(self, provider: Any, context: Any, experiment: str, multiplexer: Any = None) -> None:
        self._provider, self._context, self._multiplexer = provider, context, multiplexer
        self._where = {"ctx": context, "experiment_id": experiment}
        self.experiment = experiment
        self._nudge = partial(provider.list_plugins, **self._where)

    def listed(self, chosen: RunTagFilter | None = None) -> Series:
        """Metadata of layers' snapshots, by run and tag."""
        return self._ask(self._provider.list_blob_sequences, plugin_name=PLUGIN, run_tag_filter=chosen)

    def scalars_listed(self, listed: Series) -> Series:
        """Metadata of the scalars that are shown with layers."""
        chosen = _beside(listed)
        if chosen is None:
            return {}
        if self._multiplexer is None:
            return self._ask(self._provider.list_scalars, plugin_name="scalars", run_tag_filter=chosen)
        found = {run: scalars.listed(self._multiplexer, "scalars", run) for run in listed}
        return {run: {tag: tags[tag] for tag in tags if tag in chosen.tags} for run, tags in found.items()}

    def scalars(self, listed: Series, found: Series) -> Series:
        """The scalars that are shown with layers: all runs and tags in one call.

        Args:
            listed: The layers.
            found: Their scalars, as :meth:`scalars_listed` has them.
        """
        share = ALL_POINTS // (len(_SCALARS) * max(sum(map(len, listed.values())), 1))
        return self.read_scalars(found, min(max(share, LEAST_POINTS), POINTS))

    def of_run(self, run: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Metadata of a run's layers, and of all its scalars, by tag."""
        if self._multiplexer is not None:
            found = [scalars.listed(self._multiplexer, plugin, run) for plugin in (PLUGIN, "scalars")]
            return found[0], found[1]
        chosen = RunTagFilter(runs=[run])
        values = self._ask(self._provider.list_scalars, plugin_name="scalars", run_tag_filter=chosen).get(run, {})
        return self.listed(chosen).get(run, {}), values

    def likely_run(self, name: str | None) -> str | None:
        """The run of that name if it has filters, else the first one that has; ``None`` where none has."""
        runs = [run for run, tags in self.listed().items() if tags]
        return name if name in runs else min(runs, key=natural, default=None)

    def read_scalars(self, found: Series, points: int) -> Series:
        """At most so many points of all listed scalars, in one call."""
        tags = {tag for run in found.values() for tag in run}
        if not tags:  # an empty choice would mean all
            return {}
        if self._multiplexer is not None:
            return scalars.read(self._multiplexer, found, points)
        chosen = RunTagFilter(runs=list(found), tags=list(tags))
        return self._ask(self._provider.read_scalars, plugin_name="scalars", run_tag_filter=chosen, downsample=points)

    def headers(self, run: str, tag: str, positions: Callable[[int], Sequence[int]]) -> list[tuple[int, Header]]:
        """Steps and headers of some snapshots of a layer; damaged ones are left out.

        Args:
            run: Any text.
            tag: Any text.
            positions: From the number of snapshots to the ones that are wanted, in order.
        """
        data = self.snapshots(run, tag)
        chosen = [data[place] for place in positions(len(data))]
        found = side_by_side([partial(self._bank, datum) for datum in chosen], self._nudge)
        banks = zip(chosen, found, strict=True)
        return [(datum.step, read_header(content)) for datum, (status, content) in banks if status == _SERVED]

    def runs_without_filters(self) -> list[str]:
        """Runs that a monitor logged to, by its scalars, without raw filters."""
        scalars = self._ask(self._provider.list_scalars, plugin_name="scalars")
        return sorted(run for run, tags in scalars.items() if any(_is_monitored(tag, tags) for tag in tags))

    def snapshots(self, run: str, tag: str, wanted: int = 1) -> list[Any]:
        """What stands of one layer, in order of step, without the weights.

        Args:
            run: Any text.
            tag: Any text.
            wanted: Number of snapshots whose weights will be read.

        Raises:
            NotThereError: TensorBoard has no such run or tag, or what it has is no bank.
            UnclearError: The weights of so many are too much for one answer.
        """
        chosen = RunTagFilter(runs=[run], tags=[tag])
        series = self.listed(chosen).get(run, {}).get(tag)
        if series is None:
            raise NotThereError(f"no filters under the tag {tag!r} in the run {run!r}; reload for those there are")
        if _is_bloated(series):
            raise NotThereError(f"the filters under the tag {tag!r} in the run {run!r} are damaged")
        at_once = max(1, MOST_BYTES // heaviest(series.plugin_content))
        if wanted > at_once:
            raise UnclearError(
                f"{wanted} snapshots of {tag!r} are too much for one answer; ask for {at_once} at a time"
            )
        if self._multiplexer is not None:
            return list(scalars.standing(scalars.events(self._multiplexer, run, tag)))
        read = self._provider.read_blob_sequences
        data = self._ask(read, plugin_name=PLUGIN, run_tag_filter=chosen, downsample=_ALL)
        return sorted(data.get(run, {}).get(tag, ()), key=lambda datum: datum.step)

    def banks(self, steps: Sequence[int], data: Sequence[Any | None]) -> bytes:
        """Snapshots of a layer in the form that the browser reads.

        For each, step (float64), status (uint32), length (uint32), and as many bytes, filled up to a multiple of 8:
        the blob, or for status 1 words on what is wrong with it.

        Args:
            steps: Those asked for.
            data: Of :meth:`snapshots`, one for each step, ``None`` where there is none.

        Raises:
            PassingError: With the same content, of which a part may come out better another time.
        """
        banks = side_by_side([partial(self._bank, datum) for datum in data], self._nudge)
        pieces: list[bytes] = []
        for step, (status, content) in zip(steps, banks, strict=True):
            pieces += [_FRAME.pack(step, status != _SERVED, len(content)), content, bytes(-len(content) % 8)]
        if any(status == _PASSING for status, _ in banks):
            raise PassingError(b"".join(pieces))
        return b"".join(pieces)

    def _bank(self, datum: Any | None) -> tuple[int, bytes]:
        """Status and content of a snapshot."""
        if datum is None:
            return _BROKEN, b"no snapshot of this step: TensorBoard has not loaded it, or has let it go"
        try:
            content = self._first_part(datum)
        except Exception as error:
            return _PASSING, _excuse(error).encode()
        if content is None:
            return _BROKEN, b"damaged filter bank: it is empty"
        try:
            read_header(content)
        except BlobError as error:
            return _BROKEN, str(error).encode()
        except Exception as error:
            return _BROKEN, f"damaged filter bank: {type(error).__name__}".encode()
        return _SERVED, content

    def _first_part(self, datum: Any) -> bytes | None:
        if self._multiplexer is not None:
            return next(iter(datum.tensor_proto.string_val), None)
        part = next(iter(datum.values), None)
        return None if part is None else self._provider.read_blob(ctx=self._context, blob_key=part.blob_key)

    def _ask(self, call: Callable[..., Series], **what: Any) -> Series:
        return side_by_side([partial(call, **self._where, **what)], self._nudge)[0]


def _excuse(error: Exception) -> str:
    if "borrowed string" in str(error):
        return (
            "TensorBoard's fast loader cannot read blobs whose run or tag holds a quotation mark, a backslash or a "
            "line break: start TensorBoard with --load_fast=false"
        )
    return f"TensorBoard could not read this snapshot ({type(error).__name__}); reload"


def layers(listed: Series, beside: Series) -> list[dict[str, Any]]:
    """Every run and its layers, in the form that the browser reads: runs in natural order, layers in model order."""
    runs = []
    for run in sorted(listed, key=natural):
        found = [_layer(tag, series, beside.get(run, {})) for tag, series in listed[run].items()]
        found.sort(key=lambda each: (natural(each["monitor"]), _place(each["order"]), natural(each["layer"])))
        runs.append({"run": run, "layers": found})
    return runs


def _layer(tag: str, series: Any, beside: Mapping[str, Any]) -> dict[str, Any]:
    monitor, _, layer = tag.removesuffix("/bank").partition("/")
    known: dict[str, Any] = dict.fromkeys(_FIELDS)
    problem = f"damaged filter bank: {series.max_length} parts" if _is_bloated(series) else None
    try:
        header = Header.from_json(series.plugin_content)
    except BlobError as error:
        problem = str(error)
    else:
        known = {name: getattr(header, name) for name in _FIELDS}
        if tag.endswith(f"/{header.layer}/bank"):  # a monitor's tag may hold slashes, too
            monitor, layer = tag.removesuffix(f"/{header.layer}/bank"), header.layer
    moment = {"max_step": series.max_step or 0, "latest": finite(series.max_wall_time)}
    data = {kind: beside.get(scalar_tag(tag, kind), ()) for kind in _SCALARS}
    moment["interval"] = _interval(data["dead"])
    curves = {"rotation": _curve(data["rotation"]), "dead": _turns(_curve(data["dead"]))}
    return {"tag": tag, "monitor": monitor, "layer": layer, **known, **moment, **curves, "problem": problem}


def for_sparks(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same with as much of each rotation as is drawn."""
    for run in runs:
        for layer in run["layers"]:
            layer["rotation"] = scalars.thinned(layer["rotation"], SPARK_POINTS)
    return runs


def finite(time: float | None) -> float:
    """A wall time that JSON can hold; 0 for one that is unknown or no number."""
    return time if time is not None and math.isfinite(time) else 0.0


def _curve(data: Sequence[Any]) -> list[tuple[int, float]]:
    return [(datum.step, datum.value) for datum in data if math.isfinite(datum.value)]


def _turns(curve: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Where a value turns into another one, and both ends: all that there is to know of one that mostly stays."""
    last = len(curve) - 1
    return [point for i, point in enumerate(curve) if i in (0, last) or point[1] != curve[i - 1][1]]


def _interval(data: Sequence[Any]) -> float | None:
    """Seconds that usually pass between two snapshots; ``None`` for fewer than two. ``dead`` is logged at each."""
    times = sorted(datum.wall_time for datum in data[-_RECENT:] if math.isfinite(datum.wall_time))
    return median(later - earlier for earlier, later in pairwise(times)) if len(times) > 1 else None


def _beside(listed: Series) -> RunTagFilter | None:
    """The scalars that are logged beside banks; ``None`` without banks, since an empty choice would mean all."""
    tags = {scalar_tag(tag, kind) for found in listed.values() for tag in found for kind in _SCALARS}
    return RunTagFilter(runs=list(listed), tags=list(tags)) if tags else None


def scalar_tag(tag: str, kind: str) -> str:
    """Tag of a scalar that is logged beside a bank."""
    return f"{tag.removesuffix('/bank')}/{kind}"


def _is_monitored(tag: str, tags: Mapping[str, Any]) -> bool:
    stem, _, kind = tag.rpartition("/")
    return kind == "rotation" and f"{stem}/rms" in tags and f"{stem}/dead" in tags


def _is_bloated(series: Any) -> bool:
    return (series.max_length or 0) > _MOST_PARTS


def heaviest(content: bytes) -> int:
    """Bytes of weights that a snapshot may have, by its layer's metadata; 1 if that is damaged."""
    try:
        header = Header.from_json(content)
    except BlobError:
        return 1
    return math.prod(header.shape) * 4 * (1 + header.complex)


def _place(order: int | None) -> float:
    return math.inf if order is None else order


def natural(name: str) -> list[Any]:
    """Sorts ``conv2`` before ``conv10``, whatever the length of the numbers."""
    parts: list[Any] = re.split("([0-9]+)", name)
    for place in range(1, len(parts), 2):
        digits = parts[place].lstrip("0")
        parts[place] = (len(digits), digits)
    return [*parts, name]
