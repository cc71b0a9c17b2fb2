"""One snapshot in, summaries out. Everything here runs off the training thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from filterscope.events import blob, summaries
from filterscope.events.layers import covers, step_of
from filterscope.events.outlet import Outlet
from filterscope.filters import metrics
from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank
from filterscope.plots import kinds, overview, own
from filterscope.plots.drawing import captions
from filterscope.plots.picture import Kind, Options
from filterscope.recording import algebra, cards
from filterscope.recording.faults import Faults
from filterscope.recording.pictures import Pictures
from filterscope.recording.reading import Reading
from filterscope.recording.resume import Past
from filterscope.recording.schedule import BETWEEN, IMAGES_PER_FIT, affordable
from filterscope.recording.settings import Settings
from filterscope.recording.track import Track

#: Models with more bytes of 1-D filters keep only the monitored ones of the initial snapshot, too.
WHOLE_BYTES = 64 * 2**20


class SnapshotLog:
    """Writes what one monitor logs, layer by layer; a fault loses the item it befell and nothing else.

    Args:
        settings: What to log.
        writers: Where to.
        faults: Told of what could not be drawn or written.
        earlier: The log of an earlier fit, after whose last step this one goes on.
        pause: Called between parts of the work: there the thread may be held up.
    """

    def __init__(
        self,
        settings: Settings,
        writers: Sequence[SummaryWriter],
        faults: Faults,
        earlier: SnapshotLog | None = None,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings, self._faults = settings, faults
        self._outlet = Outlet(writers, faults.report, pause)
        self._tracks: dict[str, Track] = {}
        self._drawn = [kinds.kind(name) for name in settings.named if name in kinds.LAYER_NAMES]
        self._has_overview = kinds.OVERVIEW in settings.named
        self._options = Options(settings.channels, settings.max_filters, scale=settings.scale)
        self._pictures = Pictures(settings.named, self._options)
        self._meanings = {kind.name: kind.meaning for kind in self._drawn}
        self._meanings |= {kinds.OVERVIEW: overview.MEANING} if self._has_overview else {}
        self._meanings |= {function.__name__: own.meaning(function) for function in settings.own}
        self._diverged: set[str] = set()
        self._latest: tuple[int, Reading] | None = None  # the newest snapshot: its step and weights
        self._drawn_step: int | None = None
        self._images = 0  # drawn so far
        self._undrawn: set[str] = set()  # layers that there were no images left for at the last milestone
        self._in_table: frozenset[str] = frozenset()
        self._after: int | None = None  # the step that the record goes on from with the next snapshot
        self._by_step = settings.every_n_train_steps is not None  # the axis of time; else epochs
        self._last_step: int = -1 if earlier is None else earlier._last_step

    def resume(
        self, epoch: int, step: int, reading: Reading, past: Mapping[str, Past], last_step: int, is_elsewhere: bool
    ) -> None:
        """Go on from a checkpoint: its weights are no snapshot, but where the next change begins.

        Layers without a past are measured from the resumed weights. ``last_step`` is of what the directory holds and
        keeps, -1 for nothing; the past may have been recorded elsewhere.
        """
        self._last_step = max(self._last_step, last_step)
        self._after = None if last_step < 0 else max(step, last_step)
        self.recall(epoch, step, reading, past)
        for order, name in enumerate(reading.banks):
            reference_step = 0
            with self._outlet.item(f"the history of {name}", "history") as values:
                track = self._tracks[name]
                snapshots = past[name].snapshots if name in past else []
                track.add(track.latest, next((change for bank, change in snapshots if step_of(bank) == step), None))
                if is_elsewhere or track.reference is track.latest:
                    values += self._filters(order, track.reference, reading)
                    reference_step = step_of(track.reference)
            self._outlet.send(reference_step, reading.time)
        new = [self._tracks[name].latest for name in reading.banks if name in self._tracks]
        self._last_step = max([self._last_step, *(step_of(bank) for bank in new if bank.step != step)])
        self._after = None if self._after is None else max(self._after, self._last_step)

    def recall(self, epoch: int, step: int, reading: Reading, past: Mapping[str, Past]) -> None:
        """Begin with what was recorded before: what to measure from, and the rows of pictures of the whole history.

        What was recorded at this step or later is given up.
        """
        free = max(step, self._last_step + 1)  # a new reference takes no other snapshot's place
        for name, bank in reading.banks.items():
            with self._outlet.item(f"the history of {name}", "history"):
                known = past.get(name, Past())
                reference = known.reference
                if reference is None or not covers(reference, bank.head(self._settings.max_filters)):
                    self._begin(name, bank.with_fields(epoch=epoch, step=free))
                    continue
                track = self._begin(name, bank.with_fields(epoch=epoch, step=step), reference)
                for each, change in known.snapshots:
                    if step_of(each) < step:
                        self._by_step |= each.within_epoch
                        track.recall(each, change)

    def snapshot(
        self, epoch: int, step: int, reading: Reading, within_epoch: bool = False, replaces: bool = False
    ) -> None:
        """Log what is logged at every snapshot: raw filters, histogram and scalars.

        Averaged weights come after the last epoch's, at the same step, and a next fit may begin where they are: no
        two snapshots share a place, the later one comes after, unless it replaces the other.
        """
        self._last_step = step = max(step, self._last_step + (not replaces))
        self._by_step |= within_epoch
        self._latest = step, reading
        for order, (name, bank) in enumerate(reading.banks.items()):
            dated = bank.with_fields(epoch=epoch, step=step, within_epoch=within_epoch)
            if replaces and name in self._tracks:
                self._tracks[name].take_back()
            with self._outlet.item(f"the numbers of {name}", "numbers") as values:
                track = self._track(name, dated)
                track.add(dated)
                values += self._scalars(name, self._measures(name, track))
                values += self._histogram(name, track.latest.weights)
            with self._outlet.item(f"the filters of {name}", "raw filters") as values:
                values += self._filters(order, dated, reading)
            self._outlet.send(step, reading.time)
        if not self._in_table.issuperset(reading.banks):  # the first snapshot, or a lazy layer has come
            with self._outlet.item("the table of layers", "table") as values:
                of_signals = [kind.name for kind in self._drawn if kind.frequencies]
                banks, most = reading.banks.values(), self._settings.max_filters
                table = cards.layer_table(banks, most, self._meanings, reading.fixed, of_signals)
                if (between := self.affordable(reading)) < BETWEEN:
                    table += f"\n\n{cards.images_between(between, IMAGES_PER_FIT)}"
                words = "The monitored layers, and what each card means."
                values += [summaries.text(f"{self._settings.tag}/layers", table, words)]
            if self._outlet.send(step, reading.time):
                self._in_table = frozenset(reading.banks)
        self._after = None
        self._outlet.flush()

    def mark_end(self, epoch: int, reading: Reading) -> None:
        """Write the raw filters of the last snapshot once more: an epoch has ended with it, unknown to whom took it."""
        for order, (name, bank) in enumerate(reading.banks.items()):
            with self._outlet.item(f"the filters of {name}", "raw filters") as values:
                values += self._filters(order, bank.with_fields(epoch=epoch, step=self._last_step), reading)
            self._outlet.send(self._last_step, reading.time)
        self._outlet.flush()

    def affordable(self, reading: Reading) -> int:
        """How many milestones between the initial and the final one such a model has images for."""
        return affordable(self._count(reading, 1), self._count(reading, 2)) if self._settings.is_budgeted else BETWEEN

    def _count(self, reading: Reading, snapshots: int) -> int:
        """Images at one moment, of which there are so many snapshots by then."""
        of_layers = sum(len(self._kinds(bank, snapshots)) + len(self._settings.own) for bank in reading.banks.values())
        return of_layers + (self._has_overview and snapshots > 1)

    def milestone(self, mark: str = "", between: bool = False) -> None:
        """Log what is logged at milestones, for the latest snapshot: images and matrix measures. Once each.

        Args:
            mark: What to say before the moment in titles: ``"final"``, ``"interrupted"``.
            between: Whether it is neither the initial nor the final one: images are drawn as far as there are any to
                spare then, layer by layer.
        """
        if self._latest is None:
            return
        step, reading = self._latest
        is_new, missing = step != self._drawn_step, self._undrawn
        self._drawn_step, self._undrawn = step, set()
        is_bounded = between and self._settings.is_budgeted
        spare = IMAGES_PER_FIT - self._images - self._count(reading, 2) if is_bounded else math.inf
        tracks = {name: self._tracks[name] for name in reading.banks if name in self._tracks}
        if is_new and self._has_overview and spare >= 1 and any(len(track) > 1 for track in tracks.values()):
            spare, self._images = spare - 1, self._images + 1
            with self._outlet.item("the overview", "overview") as values:
                newest = max((track.latest for track in tracks.values()), key=lambda bank: bank.step or 0)
                values += [self._overview_image(list(tracks.values()), self._moment(newest, mark))]
            self._outlet.send(step, reading.time)
        for name, track in tracks.items():
            if not (is_new or name in missing):
                continue
            if is_new:
                with self._outlet.item(f"the matrix measures of {name}", "matrix measures") as values:
                    bank = track.latest
                    measures = metrics.matrix_measures(bank.weights, bank.groups, algebra.gram, algebra.eigenvalues)
                    values += self._scalars(name, dict(zip(("redundancy", "effective_rank"), measures, strict=True)))
            kinds_now = self._kinds(track.latest, len(track))
            count = len(kinds_now) + len(self._settings.own)
            spare -= count
            if spare >= 0 or len(track) == 1:  # a layer's initial images are not between
                self._images += count
                self._draw(name, track, kinds_now, mark)
            else:
                self._undrawn.add(name)
            self._outlet.send(step, reading.time)
        self._outlet.flush()

    def _draw(self, name: str, track: Track, kinds_now: Sequence[Kind], mark: str) -> None:
        """All images of a layer."""
        moment = self._moment(track.latest, mark)
        for kind in kinds_now:
            with self._outlet.item(f"the {kind.name} image of {name}", f"{kind.name} image") as values:
                values += [self._image(name, kind, track, moment)]
        for function in self._settings.own:
            kind_name = function.__name__
            with self._outlet.item(f"the {kind_name} image of {name}", f"{kind_name} image") as values:
                drawn = own.render(function, track.head, track.reference_head)
                values += [summaries.image(self._tag(name, kind_name), *drawn, own.meaning(function))]

    def _moment(self, bank: FilterBank, mark: str) -> str:
        """When a snapshot was taken, for titles; with a mark, even of a training that has not begun."""
        if not mark:
            return captions.moment(bank, self._by_step)
        return f"{mark}, step {bank.step}" if self._by_step else f"{mark}, epoch {bank.epoch}"

    def close(self) -> None:
        """Bring everything to the disk, and let go of canvases and weights: a fit that goes on reads them anew."""
        self._pictures.clear()
        self._tracks.clear()
        self._latest = None
        self._outlet.flush()

    def _track(self, name: str, bank: FilterBank) -> Track:
        track = self._tracks.get(name)
        return track if track is not None and track.fits(bank) else self._begin(name, bank)

    def _begin(self, name: str, bank: FilterBank, reference: FilterBank | None = None) -> Track:
        """A new track, measured from an earlier bank if there is one; of pictures that the layer will have."""
        self._tracks[name] = track = Track(bank, self._kinds(bank, 2), self._options, reference)
        return track

    def _measures(self, name: str, track: Track) -> dict[str, float]:
        """Numbers of a layer, by card."""
        measures = track.measures()
        broken = metrics.nonfinite(track.latest.weights)
        if broken or name in self._diverged:
            self._diverged.add(name)
            measures["nonfinite"] = float(broken)
        return measures

    def _scalars(self, name: str, measures: Mapping[str, float]) -> list[Summary.Value]:
        """Those that are undefined leave a gap."""
        defined = {self._tag(name, kind): value for kind, value in measures.items() if math.isfinite(value)}
        return [Summary.Value(tag=tag, simple_value=value) for tag, value in defined.items()]

    def _histogram(self, name: str, weights: Array) -> list[Summary.Value]:
        edges, counts = metrics.histogram(weights)
        tag = self._tag(name, "weights")
        return [summaries.histogram(tag, edges, counts, cards.NUMBERS["weights"])] if counts.size else []

    def _filters(self, order: int, bank: FilterBank, reading: Reading) -> list[Summary.Value]:
        """Raw filters of a layer, monitored ones or all."""
        if not self._settings.save_filters:
            return []
        track = self._tracks.get(bank.layer)
        is_reference = track is None or track.reference.step == bank.step
        size = reading.nbytes
        max_filters = self._settings.max_filters
        if is_reference and size > WHOLE_BYTES and bank.head(max_filters) is not bank:
            self._faults.report(
                "whole",
                f"the 1-D filters of this model take {size / 2**20:.0f} MiB: of the initial ones, only the monitored "
                f"(max_filters={max_filters}) are kept; should the fit be resumed, rotation is over those from then on",
            )
        blobs = blob.encode_snapshot(bank, max_filters, order, is_reference, size <= WHOLE_BYTES, self._after)
        return [summaries.filters(self._tag(bank.layer, "bank"), blobs, blob.header_text(blobs[0]))]

    def _kinds(self, bank: FilterBank, snapshots: int) -> list[Kind]:
        """Pictures that make sense for a layer of which there are so many snapshots."""
        in_time = bank.in_time and not bank.is_lettered
        return [kind for kind in self._drawn if kind.suits(bank.taps, snapshots, in_time)]

    def _image(self, name: str, kind: Kind, track: Track, moment: str) -> Summary.Value:
        drawn = self._pictures.of_layer(kind, track, self._by_step, moment)
        return summaries.image(self._tag(name, kind.name), *drawn, kind.meaning)

    def _overview_image(self, tracks: Sequence[Track], moment: str) -> Summary.Value:
        drawn = self._pictures.overview(tracks, self._by_step, moment)
        return summaries.image(f"{self._settings.tag}/{kinds.OVERVIEW}", *drawn, overview.MEANING)

    def _tag(self, name: str, kind: str) -> str:
        return f"{self._settings.tag}/{name}/{kind}"
