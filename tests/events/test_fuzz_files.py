"""Three thousand damaged event files: read, or refused with the errors that are documented. Never a crash.

``python -m pytest tests/events/test_fuzz_files.py -s`` prints what came of them.
"""

from __future__ import annotations

import random
import resource
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tensorboard.compat.proto import event_pb2

from filterscope import FilterBank, FilterHistory, load_history
from filterscope.events import blob
from filterscope.events.layers import step_of
from tests.support.event_files import bank, event, record
from tests.support.fuzz_watch import LONGEST, MOST, Watch
from tests.support.mutations import BYTEWISE, GOOD, mutated, split_ok, truncate

pytest_plugins = ["tests.support.fuzz_watch"]

FILES = 3000
#: What readers may take for any file, however small: as much as TensorBoard's own.
BUFFER = 16 * 2**20
Make = Callable[[random.Random], bytes]


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
        (layer, step_of(bank)): bank.weights.tobytes() for layer, each in sound.items() for bank in each
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
        read = {(name, step_of(bank)): bank.weights.tobytes() for name, each in found.items() for bank in each}
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
        blob.encode(FilterBank("a", np.ones((1, 1, 1)), indices=np.array([i]), total_filters=4000)) for i in range(4000)
    ]
    data = record(event("filters/a/bank", 0, parts).SerializeToString())
    (tmp_path / "events.out.tfevents.1.host.1.0").write_bytes(data)
    start = time.process_time()
    load_history(tmp_path)
    assert time.process_time() - start < LONGEST
