"""What a run recorded of each layer, as its event files have it."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from filterscope.events import blob
from filterscope.events.files import events_of_run
from filterscope.filters import metrics
from filterscope.filters.bank import FilterBank
from filterscope.filters.history import ROUNDED, FilterHistory


@dataclass
class Fits:
    """Fits that recorded under one tag, one after the other: one that begins anew supersedes those before.

    Attributes:
        superseded: First and last epoch of each that is.
        left_out: Layers that the newest does not have.
    """

    superseded: list[tuple[int, int]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    _epochs: tuple[int, int] | None = None
    _last: tuple[int, float] = (-1, math.inf)

    def take(self, bank: FilterBank, time: float) -> int:
        """See the next snapshot of any layer and its wall time; the number of the fit that it is of."""
        epoch, (step, last_time) = bank.epoch or 0, self._last
        # The initial snapshot, all layers of which have one time, comes once in a fit.
        if epoch == 0 and not bank.within_epoch and step_of(bank) <= step and time > last_time and self._epochs:
            self.superseded.append(self._epochs)
            self._epochs = None
        first, last = self._epochs or (epoch, epoch)
        self._epochs, self._last = (min(first, epoch), max(last, epoch)), (step_of(bank), time)
        return len(self.superseded)


@dataclass
class RecordedLayer:
    """The snapshots of one layer in one run, in the order of their steps.

    Attributes:
        layer: Dotted name.
        tag: The monitor's tag.
        order: Position of the layer among those monitored.
        banks: The monitored filters at each snapshot.
        references: For each snapshot from which rotation was measured, all filters that were kept.
        changes: Change at each snapshot, of the whole layer, as it was logged; ``None`` where no numbers were.
        problems: What could not be read.
        fits: Fits under the same tag.
        fit: Number of the one that the newest snapshot is of.
    """

    layer: str
    tag: str
    order: int = 0
    banks: list[FilterBank] = field(default_factory=list)
    references: list[FilterBank | None] = field(default_factory=list)
    changes: list[float | None] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    fits: Fits = field(default_factory=Fits)
    fit: int = 0

    def take(self, header: blob.Header, bank: FilterBank, time: float = 0, change: float | None = None) -> None:
        """Add a snapshot. One at an earlier step than the last means that a fit went on from there: it supersedes."""
        step, fit = step_of(bank), self.fits.take(bank, time)
        if fit != self.fit:
            self.fit = fit
            self.banks, self.references, self.changes = [], [], []
        if self.banks and step_of(self.banks[-1]) == step and change is None:
            change = self.changes[-1]  # the same once more, as that of an epoch's end
        kept = step - 1 if header.after is None else min(header.after, step - 1)
        while self.banks and step_of(self.banks[-1]) > kept:
            del self.banks[-1], self.references[-1], self.changes[-1]
        self.order = header.order
        self.banks.append(bank.head(header.shape[0]))
        self.references.append(bank if header.reference else None)
        self.changes.append(change)

    def reference(self, last: int | None = None) -> FilterBank | None:
        """What the newest snapshot, or that of a last step, was measured from; ``None`` if it is not there."""
        known = (bank for bank in reversed(self.references) if bank is not None and bank.weights.any())
        return next((bank for bank in known if last is None or step_of(bank) <= last), None)

    def history(self) -> tuple[FilterHistory, str]:
        """The history since the layer last changed its shape or what it is measured from, and words on what that cost.

        Raises:
            BlobError: Nothing could be read.
        """
        if not self.banks:
            raise blob.BlobError(f"layer {self.layer!r}: nothing of it can be read; {self.problems[0]}")
        last, begin = self.banks[-1], len(self.banks)
        while begin and _is_alike(self.banks[begin - 1], last):
            begin -= 1
        words = "had another shape or other filters" if begin else ""
        reference = self.reference()
        if reference is not None and not covers(reference, last):
            reference = None
        since = begin
        while since < len(self.banks) - 1 and not is_measured_from(self.banks[since], reference):
            since += 1
        if since > begin:
            begin, words = since, "was measured from other weights"
        if words:
            words += f" until {_when(self.banks[begin - 1])}: its history begins at {_when(self.banks[begin])}"
        elif not self.problems and all(each is None for each in self.references):  # a damaged one has been told
            words = f"has lost its initial filters: rotation and difference are from those of {_when(self.banks[0])}"
        return FilterHistory(self.banks[begin:], reference, changes=self._changes(begin)), words

    def _changes(self, begin: int) -> list[float]:
        """Change at each snapshot from one on: as logged, else of the snapshots, where their rounding allows it."""
        found = [math.nan]
        for place in range(begin + 1, len(self.banks)):
            change = self.changes[place]
            if change is None:
                change = metrics.change(self.banks[place].weights, self.banks[place - 1].weights)
                change = change if change >= ROUNDED else math.nan
            found.append(change)
        return found


def _when(bank: FilterBank) -> str:
    return f"step {bank.step}" if bank.within_epoch else f"epoch {bank.epoch}"


def step_of(bank: FilterBank) -> int:
    """The step of a recorded bank."""
    return bank.step or 0


def is_measured_from(bank: FilterBank, reference: FilterBank | None) -> bool:
    """Whether a snapshot is compared with a reference: from its step on, and where the layer was still zero."""
    return reference is None or step_of(bank) >= step_of(reference) or not bank.weights.any()


def read_layers(directory: str) -> list[RecordedLayer]:
    """What monitors recorded into the event files right in a directory, in the order of first writing.

    Of several fits under one tag, layers that the newest does not have are left out.
    """
    found: dict[str, RecordedLayer] = {}
    fits: dict[str, Fits] = defaultdict(Fits)
    for event in events_of_run(directory):
        numbers = {value.tag: value.simple_value for value in event.summary.value if value.HasField("simple_value")}
        for value in event.summary.value:
            plugin = value.metadata.plugin_data
            if plugin.plugin_name == blob.PLUGIN:
                recorded = found.setdefault(value.tag, _begin(value.tag, plugin.content))
                stem = value.tag.removesuffix("/bank")
                # What is undefined leaves a gap beside the others, of which this one never is.
                change = numbers.get(f"{stem}/change", math.nan) if f"{stem}/dead" in numbers else None
                if (taken := _decoded(recorded, value.tag, event.step, list(value.tensor.string_val))) is not None:
                    recorded.fits = fits[recorded.tag]
                    recorded.take(*taken, event.wall_time, change)
    for recorded in found.values():
        if recorded.banks and recorded.fit < len(recorded.fits.superseded):
            recorded.fits.left_out.append(recorded.layer)
    return [each for each in found.values() if each.layer not in each.fits.left_out]


def _begin(tag: str, content: bytes) -> RecordedLayer:
    """A layer of which nothing is known but a summary's tag and the header that goes with it."""
    middle = tag.removesuffix("/bank")
    monitor, _, layer = middle.partition("/")
    try:
        named = blob.Header.from_json(content).layer
    except blob.BlobError:
        return RecordedLayer(layer or middle, monitor)
    return RecordedLayer(named, middle.removesuffix(named).removesuffix("/"))


def _decoded(recorded: RecordedLayer, tag: str, step: int, blobs: list[bytes]) -> tuple[blob.Header, FilterBank] | None:
    """A snapshot's header and bank; what is wrong with it is noted."""
    try:
        header = blob.read_header(blobs[0] if blobs else b"")
        if not tag.endswith(f"{header.layer}/bank"):
            raise blob.BlobError(f"it is of layer {header.layer!r}")
        bank = blob.decode_snapshot(blobs).with_fields(step=step)
    except blob.BlobError as error:
        recorded.problems.append(f"step {step}: {error}")
        return None
    if not recorded.banks:
        recorded.layer = header.layer
        recorded.tag = tag.removesuffix("/bank").removesuffix(header.layer).removesuffix("/")
    return header, bank


def _is_alike(bank: FilterBank, last: FilterBank) -> bool:
    """Whether a bank holds the same filters, in the same form, as a later one."""
    return covers(bank, last) and bank.filters == last.filters


def covers(bank: FilterBank, last: FilterBank) -> bool:
    """Whether a bank holds the filters of a later one, and maybe others, in the same form."""
    same = bank.weights.shape[1:] == last.weights.shape[1:] and bank.weights.dtype == last.weights.dtype
    held = bool(np.isin(last.indices, bank.indices).all())
    return same and held and bank.total_filters == last.total_filters
