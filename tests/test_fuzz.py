"""Ten thousand damaged blobs and event files: read, or refused with the errors that are documented. Never a crash.

``python -m pytest tests/test_fuzz.py -s`` prints what came of them.
"""

from __future__ import annotations

import json
import random
import resource
import struct
import sys
import time
import traceback
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from filterscope import FilterBank, FilterHistory, blob, load_history
from filterscope.board import summaries

BLOBS, SNAPSHOTS, FILES = 6000, 1000, 3000
#: Seconds of CPU after which one case counts as a hang, and bytes that one case may take. The inputs have 1 to 10 kB.
LONGEST, MOST = 5.0, 4 * 2**20
#: What readers may take for any file, however small: as much as TensorBoard's own.
BUFFER = 16 * 2**20
#: Bytes by which the process may grow over all cases of one test: protobuf's memory is not seen by tracemalloc.
GROWTH = 128 * 2**20

Make = Callable[[random.Random], bytes]


def bank(layer: str = "a", epoch: int = 0, filters: int = 3, kind: type = float, taps: int = 3) -> FilterBank:
    """Weights that tell layer and epoch."""
    generator = np.random.default_rng([ord(layer[0]), epoch])
    weights = generator.standard_normal((filters, 1, taps))
    if kind is complex:
        weights = weights * (1 + 0.5j)
    return FilterBank(layer, weights, epoch=epoch, step=4 * epoch, sample_rate=100.0)


def record(payload: bytes, length: int | None = None) -> bytes:
    """An event file's record: both checksums are right, whatever it holds and claims."""
    size = struct.pack("<Q", len(payload) if length is None else length)
    sums = struct.pack("<I", masked_crc32c(size)), struct.pack("<I", masked_crc32c(payload))
    return size + sums[0] + payload + sums[1]


def event(tag: str, step: int, blobs: Sequence[bytes]) -> event_pb2.Event:
    """What the recorder writes for one layer at one snapshot."""
    value = summaries.filters(tag, list(blobs), b"{}")
    return event_pb2.Event(wall_time=1e9 + step, step=step, summary=summary_pb2.Summary(value=[value]))


def flip(data: bytes, r: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(r.choice((1, 1, 1, 2, 4, 16))):
        if changed:
            changed[r.randrange(len(changed))] ^= 1 << r.randrange(8)
    return bytes(changed)


def overwrite(data: bytes, r: random.Random) -> bytes:
    changed, start = bytearray(data), r.randrange(len(data) + 1)
    filler = r.choice((b"\0", b"\xff", b"\x80", b"[", b'"', b"9", b"FILTERS\n", r.randbytes(8)))
    changed[start : start + r.randrange(64)] = filler * r.randrange(1, 9)
    return bytes(changed)


def truncate(data: bytes, r: random.Random) -> bytes:
    return data[: r.randrange(len(data) + 1)]


def drop(data: bytes, r: random.Random) -> bytes:
    start, end = sorted(r.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + data[end:]


def repeat(data: bytes, r: random.Random) -> bytes:
    start, end = sorted(r.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start:end] * r.choice((1, 1, 2, 7)) + data[end:]


def swap(data: bytes, r: random.Random) -> bytes:
    one, two, three = sorted(r.randrange(len(data) + 1) for _ in range(3))
    return data[:one] + data[two:three] + data[one:two] + data[three:]


BYTEWISE = (flip, flip, overwrite, truncate, drop, repeat, swap)

GOOD = [
    blob.encode(bank("a", 1)),
    blob.encode(bank("a", 0), reference=True),
    blob.encode(bank("b", 2, kind=complex), order=1),
    blob.encode(bank("c" * 40, 3, filters=1, taps=40)),
    *blob.encode_snapshot(bank("d", 0, filters=9), 4, 2, True, True),
]
VALUES: list[Any] = [
    *(None, True, False, 0, 1, 2, 3, -1, -(2**31), 2**31, 2**32, 2**53 - 1, 2**53, 2**63, 2**64, 10**30, 10**4000),
    *(0.0, 0.5, -0.5, 1e-300, 1e300, float("nan"), float("inf"), "", "a", "float16", "float32", "O", "\ud800", "\0"),
    *([], [0], [1, 2, 3], [3, 1, 3], [2**20] * 3, [2**31, 2**31, 4], [0, 1, 2], list(range(500)), [[]], {}, {"a": 1}),
    *([-1, -1, 9], [3, 1, -3], [3.0, 1.0, 3.0], [True, True, True], ["3", "1", "3"], "x" * 5000, [None] * 3),
]


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[16 : 16 + length]), data[16 + length :]


def joined(header: Any, weights: bytes, version: int = 1, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<8sHHI", b"FILTERS\n", version, 0, len(text) if length is None else length) + text + weights


def edit_header(data: bytes, r: random.Random) -> bytes:
    """Other values of some fields; the length is right, and often so many weights are there as the header says."""
    header, weights = split(data)
    for _ in range(r.choice((1, 1, 1, 2, 3))):
        header[r.choice(list(header))] = r.choice(VALUES)
    if r.random() < 0.2:
        del header[r.choice(list(header))]
    if r.random() < 0.25:
        weights = (weights * 20)[: r.choice((0, 2, 4, 6, 8, 12, 18, 24, 36, 72, 80, 160))]
    return joined(header, weights)


def reshape(data: bytes, r: random.Random) -> bytes:
    """A shape, dtype and numbering that go with the bytes, or nearly so."""
    header, weights = split(data)
    header["dtype"] = r.choice(("float16", "float32"))
    header["complex"] = r.random() < 0.5
    header["shape"] = [r.randrange(1, 5) for _ in range(3)]
    size = int(np.prod(header["shape"])) * (2 if header["dtype"] == "float16" else 4) * (1 + header["complex"])
    header["indices"] = r.choice((None, sorted(r.sample(range(9), header["shape"][0]))))
    header["total_filters"] = r.randrange(1, 12)
    return joined(header, (weights * 40)[: size + r.choice((0, 0, 0, 0, -1, 1, 2))])


def edit_header_text(data: bytes, r: random.Random) -> bytes:
    header, weights = split(data)
    return joined(r.choice(BYTEWISE)(json.dumps(header).encode(), r), weights)


def nest(data: bytes, r: random.Random) -> bytes:
    header, weights = split(data)
    depth, (left, right) = r.randrange(1, 2000), r.choice(((b"[", b"]"), (b'{"a":', b"1}")))
    text = json.dumps(header | {r.choice(list(header)): "@"}).encode()
    return joined(text.replace(b'"@"', left * depth + right * depth), weights)


def edit_prefix(data: bytes, r: random.Random) -> bytes:
    header, weights = split(data)
    length = r.choice((None, 0, 1, 7, 8, 2**16, 2**20, 2**20 + 1, 2**31 - 1, 2**31, 2**32 - 1, r.randrange(2**10)))
    return joined(header, weights, r.choice((0, 1, 1, 1, 2, 256, 65535)), length)


def splice(data: bytes, r: random.Random) -> bytes:
    other = r.choice(GOOD)
    return data[: r.randrange(len(data) + 1)] + other[r.randrange(len(other) + 1) :]


def exchange(data: bytes, r: random.Random) -> bytes:
    """The header of one with the weights of another."""
    return joined(split(data)[0], split(r.choice(GOOD))[1])


def noise(data: bytes, r: random.Random) -> bytes:
    return data[: r.choice((0, 8, 10, 16))] + r.randbytes(r.randrange(200))


STRUCTURAL = (edit_header, edit_header, reshape, edit_header_text, nest, edit_prefix, splice, exchange, noise)


def mutated(data: bytes, r: random.Random) -> tuple[bytes, str]:
    how = r.choice(BYTEWISE + STRUCTURAL + STRUCTURAL)
    return how(data, r), how.__name__


class Watch:
    """Runs cases; counts what came of them, and holds each to its limits of time and memory."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.most, self.every = MOST, 1
        self.slowest, self.largest = 0.0, 0

    def __call__(self, case: Any, act: Callable[[], Any]) -> Any:
        if traced := sum(self.outcomes.values()) % self.every == 0:
            tracemalloc.start()
        start, answer = time.process_time(), None
        try:
            answer = act()
            self.outcomes["read"] += 1
        except ValueError as error:  # the only error that is documented for what is there
            self._check(error, case)
        self.slowest = max(self.slowest, time.process_time() - start)
        if traced:
            self.largest = max(self.largest, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert self.slowest < LONGEST, case
        assert self.largest < self.most, case
        return answer

    def _check(self, error: Exception, case: Any) -> None:
        """Every error was foreseen, and is in our words."""
        assert type(error) in (ValueError, blob.BlobError), case
        assert 20 < len(str(error)) < 20_000, case
        where = traceback.extract_tb(error.__traceback__)[-1].filename
        assert "filterscope" in where, (case, where, error)
        self.outcomes[type(error).__name__] += 1

    def report(self, name: str) -> None:
        print(
            f"\n{name}: {sum(self.outcomes.values())} cases, {dict(self.outcomes)}, slowest {self.slowest * 1e3:.0f} "
            f"ms, largest {self.largest / 2**20:.2f} MiB"
        )


@pytest.fixture
def watch(request: pytest.FixtureRequest) -> Iterator[Watch]:
    watch, before = Watch(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield watch
    tracemalloc.stop()
    watch.report(request.node.name)
    unit = 1 if sys.platform == "darwin" else 1024
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < GROWTH


def check_bank(found: FilterBank, header: blob.Header) -> None:
    """What must hold of any bank that was read, however odd its origin."""
    assert found.weights.shape == header.shape
    assert found.weights.dtype == (np.complex64 if header.complex else np.float32)
    assert found.weights.nbytes <= 2 * header.weight_bytes
    assert found.indices.shape == (found.filters,)
    assert (np.diff(found.indices) > 0).all()
    assert 0 <= found.indices[0] <= found.indices[-1] < found.total_filters
    assert min(found.stride, found.dilation, found.groups, header.order + 1) >= 1
    assert found.sample_rate is None or 0 < found.sample_rate < np.inf
    assert type(found.layer) is str
    again = blob.decode(blob.encode(found, header.order, reference=True))
    assert again.weights.tobytes() == found.weights.tobytes()


def test_mutated_blobs_are_read_or_refused(watch: Watch) -> None:
    r, hows = random.Random(1), Counter[str]()
    for number in range(BLOBS):
        data, how = mutated(r.choice(GOOD), r)
        hows[how] += 1
        header = watch((number, how), lambda data=data: blob.read_header(data))
        try:
            found = blob.decode(data)
        except blob.BlobError:
            assert header is None, (number, how)  # whoever lists a layer can also load it
            continue
        assert header is not None, (number, how)
        check_bank(found, header)
    assert sum(watch.outcomes.values()) == BLOBS
    assert min(watch.outcomes["read"], watch.outcomes["BlobError"]) > 300
    assert set(hows) == {how.__name__ for how in BYTEWISE + STRUCTURAL}


def test_mutated_snapshots_of_several_blobs_are_read_or_refused(watch: Watch) -> None:
    r, pairs = random.Random(2), [blob.encode_snapshot(bank("d", 0, filters=9), m, 0, True, True) for m in (1, 4, 8)]
    for number in range(SNAPSHOTS):
        blobs = list(r.choice(pairs))
        for _ in range(r.randrange(1, 3)):
            place = r.randrange(len(blobs) + 1)
            act = r.randrange(4)
            if act == 0:
                blobs.insert(place, r.choice(r.choice(pairs)))
            elif act == 1:
                blobs = blobs[place:] + blobs[:place]
            elif blobs:
                place = min(place, len(blobs) - 1)
                blobs[place] = mutated(blobs[place] if split_ok(blobs[place]) else GOOD[0], r)[0]
        found = watch(number, lambda blobs=blobs: blob.decode_snapshot(blobs))
        if found is not None:
            assert (np.diff(found.indices) > 0).all()
            assert found.weights.shape[0] == found.indices.size == sum(blob.read_header(b).shape[0] for b in blobs)
            assert found.indices[-1] < found.total_filters, number
    assert min(watch.outcomes["read"], watch.outcomes["BlobError"]) > 50


def split_ok(data: bytes) -> bool:
    try:
        split(data)
    except (ValueError, RecursionError, struct.error):
        return False
    return True


def good_events() -> list[event_pb2.Event]:
    """Three snapshots of two layers, of which the first is capped."""
    events = [event_pb2.Event(wall_time=1e9, file_version="brain.Event:2")]
    for epoch in range(3):
        for order, (layer, cap) in enumerate((("a", 2), ("b", None))):
            blobs = blob.encode_snapshot(bank(layer, epoch), cap, order, epoch == 0, True)
            events.append(event(f"filters/{layer}/bank", 4 * epoch, blobs))
    return events


EVENTS = good_events()
RECORDS = [record(each.SerializeToString()) for each in EVENTS]


def mutate_bytes(r: random.Random) -> bytes:
    """Damage on the disk or in transit: checksums tell."""
    return r.choice(BYTEWISE)(b"".join(RECORDS), r)


def mutate_order(r: random.Random) -> bytes:
    """Whole records lost, repeated or in another order; then, perhaps, broken off."""
    chosen = r.sample(RECORDS, r.randrange(len(RECORDS) + 1))
    chosen += r.choices(RECORDS, k=r.randrange(3))
    whole = b"".join(chosen)
    return whole if r.random() < 0.5 else truncate(whole, r)


def mutate_payload(r: random.Random) -> bytes:
    """Protocol buffers that are damaged, in records whose checksums are right."""
    payloads = [each.SerializeToString() for each in EVENTS]
    for _ in range(r.choice((1, 1, 2, 5))):
        place = r.randrange(len(payloads))
        payloads[place] = r.choice(BYTEWISE)(payloads[place], r)
    return b"".join(map(record, payloads))


def mutate_blob(r: random.Random) -> bytes:
    """Damaged blobs in sound events."""
    events = [event_pb2.Event.FromString(each.SerializeToString()) for each in EVENTS]
    for _ in range(r.choice((1, 1, 2, 5))):
        strings = r.choice(events[1:]).summary.value[0].tensor.string_val
        place = r.randrange(len(strings))
        strings[place] = mutated(strings[place] if split_ok(strings[place]) else GOOD[0], r)[0]
    return b"".join(record(each.SerializeToString()) for each in events)


TAGS = ["", "/", "bank", "/bank", "filters", "filters//bank", "filters/a", "a/bank", "x/y/a/bank", "filters/b/bank"]
STEPS = [0, -1, 1, 4, 5, 8, 2**31, 2**62, -(2**63), 2**63 - 1]


def mutate_event(r: random.Random) -> bytes:
    """Events that say what no recorder says, around sound blobs."""
    events = [event_pb2.Event.FromString(each.SerializeToString()) for each in EVENTS]
    for _ in range(r.choice((1, 1, 2, 5))):
        chosen = r.choice(events[1:])
        value = chosen.summary.value[0]
        act = r.randrange(7)
        if act == 0:
            value.tag = r.choice([*TAGS, "x" * 2000, "filters/\u2028/bank", "filters/a/bank/bank"])
        elif act == 1:
            chosen.step = r.choice(STEPS)
        elif act == 2:
            del value.tensor.string_val[:]
        elif act == 3:
            value.tensor.string_val.extend(r.choices(GOOD, k=r.choice((1, 1, 2, 30))))
        elif act == 4:
            value.tensor.dtype, value.tensor.tensor_content = 1, r.randbytes(12)
        elif act == 5:
            value.simple_value = 1.0
        else:
            chosen.summary.value.add().CopyFrom(r.choice(EVENTS[1:]).summary.value[0])
    return b"".join(record(each.SerializeToString()) for each in events)


def mutate_framing(r: random.Random) -> bytes:
    """Lengths that lie, with the checksum that belongs to them."""
    records, place = list(RECORDS), r.randrange(len(RECORDS))
    payload = EVENTS[place].SerializeToString()
    near = len(payload) + r.choice((-4, -1, 1, 4, 12, 16, 100))
    records[place] = record(payload, r.choice((0, near, near, 2**16, 2**30, 2**31, 2**32, 2**40, 2**63, 2**64 - 1)))
    return b"".join(records)


KINDS = (mutate_bytes, mutate_order, mutate_payload, mutate_blob, mutate_event, mutate_framing)
#: What was really recorded: bytes of the monitored filters by layer and step.
RECORDED = {
    (layer, 4 * epoch): blob.decode_snapshot(
        blob.encode_snapshot(bank(layer, epoch), 2 if layer == "a" else None, 0, epoch == 0, False)
    ).weights.tobytes()
    for layer in "ab"
    for epoch in range(3)
}


def check_histories(found: dict[str, FilterHistory]) -> None:
    for layer, history in found.items():
        assert history.layer == layer
        assert len(history) == len(history.epochs) == len(history.steps) == len(history.weights) >= 1
        assert (history.steps[1:] > history.steps[:-1]).all()
        assert (history.epochs[1:] >= history.epochs[:-1]).all()
        assert set(history[0].indices) <= set(history.initial.indices)
        assert len(repr(history)) < 10_000


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_event_files_are_read_or_refused(tmp_path: Path, watch: Watch, kind: Make) -> None:
    r, path, told = random.Random(kind.__name__), tmp_path / "events.out.tfevents.1.host.1.0", Counter[str]()
    watch.most, watch.every = BUFFER + MOST, 10  # checksums in Python are very slow when traced
    path.write_bytes(b"".join(RECORDS))
    sound = load_history(tmp_path)
    assert {
        (layer, int(bank.step)): bank.weights.tobytes() for layer, each in sound.items() for bank in each
    } == RECORDED
    for number in range(FILES // len(KINDS)):
        path.write_bytes(kind(r))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = watch((kind.__name__, number), lambda: load_history(tmp_path))
        told.update(each.category.__name__ for each in caught)
        messages = [str(each.message) for each in caught]
        assert all("layer" in words or f"{str(path)!r} is damaged" in words for words in messages), (number, messages)
        assert max(map(len, messages), default=0) < 20_000, number
        if found is None:
            continue
        check_histories(found)
        if kind in (
            mutate_bytes,
            mutate_order,
            mutate_framing,
        ):  # checksums tell: nothing is read that was not recorded
            for layer, history in found.items():
                for each in history:
                    assert RECORDED[layer, each.step] == each.weights.tobytes(), number
    assert set(told) <= {"UserWarning"}
    assert sum(watch.outcomes.values()) == FILES // len(KINDS)
    assert watch.outcomes["read"] > 50


def test_a_damaged_snapshot_costs_no_other(tmp_path: Path, watch: Watch) -> None:
    r, path, damaged = random.Random(3), tmp_path / "events.out.tfevents.1.host.1.0", 0
    watch.most, watch.every = BUFFER + MOST, 10
    while damaged < FILES // len(KINDS):
        place = r.randrange(1, len(EVENTS))
        hit = event_pb2.Event.FromString(EVENTS[place].SerializeToString())
        strings = hit.summary.value[0].tensor.string_val
        part = r.randrange(len(strings))
        strings[part] = mutated(strings[part], r)[0]
        try:
            blob.decode_snapshot(strings)
        except blob.BlobError as error:
            reason = str(error)
        else:
            continue  # not to be told from what was recorded
        damaged += 1
        path.write_bytes(b"".join([*RECORDS[:place], record(hit.SerializeToString()), *RECORDS[place + 1 :]]))
        layer = hit.summary.value[0].tag.split("/")[1]
        with pytest.warns(UserWarning, match=f"layer '{layer}': 1 snapshots? cannot be read") as caught:
            found = watch(damaged, lambda: load_history(tmp_path))
        assert len(caught) == 1
        assert f"step {hit.step}: {reason}" in str(caught[0].message)
        assert Path(caught[0].filename).name == Path(__file__).name
        read = {(name, int(bank.step)): bank.weights.tobytes() for name, each in found.items() for bank in each}
        assert read == {where: kept for where, kept in RECORDED.items() if where != (layer, hit.step)}
        if hit.step > 0:
            assert all(history.initial.filters == 3 for history in found.values())


@pytest.mark.parametrize("length", [2**31, 2**34, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_record_that_claims_to_be_huge_ends_the_file_and_no_more(tmp_path: Path, length: int) -> None:
    data = b"".join(RECORDS) + record(b"filterscope", length) + RECORDS[-1]
    (tmp_path / "events.out.tfevents.1.host.1.0").write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = load_history(tmp_path)
    assert {layer: history.steps.tolist() for layer, history in found.items()} == {"a": [0, 4, 8], "b": [0, 4, 8]}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 2**10


def test_many_tiny_parts_of_one_snapshot_take_time_in_proportion(tmp_path: Path) -> None:
    parts = [
        blob.encode(FilterBank("a", np.ones((1, 1, 1)), indices=[number], total_filters=4000)) for number in range(4000)
    ]
    data = record(event("filters/a/bank", 0, parts).SerializeToString())
    (tmp_path / "events.out.tfevents.1.host.1.0").write_bytes(data)
    start = time.process_time()
    load_history(tmp_path)
    assert time.process_time() - start < LONGEST
