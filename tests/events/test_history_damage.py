"""Snapshots that cannot be read cost themselves alone, and are told of."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.compat.proto import event_pb2

from filterscope import FilterBank, load_history
from filterscope.events import blob, files, tfrecords
from tests.support.event_files import EVENTS, bank, event, record, tiny, write
from tests.support.histories import halved, quiet_load


def altered(events: Sequence[event_pb2.Event], number: int, change: Callable[[bytes], bytes]) -> list[event_pb2.Event]:
    """Copies, of which one has its blobs changed."""
    copies = [event_pb2.Event.FromString(each.SerializeToString()) for each in events]
    strings = copies[number].summary.value[0].tensor.string_val
    strings[:] = [change(each) for each in strings]
    return copies


def renumbered(data: bytes) -> bytes:
    """As of a later version."""
    return data[:8] + b"\x03\x00" + data[10:]


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a newer version": (renumbered, "format version 3; this filterscope reads 2: upgrade"),
    "broken off": (lambda data: data[:-2], "damaged filter bank"),
    "no JSON": (lambda data: data.replace(b'"layer"', b"'layer'"), "header is not JSON"),
    "empty": (lambda data: b"", "no filter bank"),
    "a lack of fields": (lambda data: data.replace(b'"stride"', b'"strode"'), "lacks some of .*stride"),
}


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("how", DAMAGE)
def test_of_a_run_with_a_damaged_snapshot_the_rest_loads_with_a_warning(tmp_path: Path, how: str, number: int) -> None:
    change, reason = DAMAGE[how]
    write(tmp_path, altered(tiny(("a", "b")), 2 * number, change))
    with pytest.warns(UserWarning, match=rf"layer 'a': 1 .*step {4 * number}: .*{reason}") as told:
        found = load_history(tmp_path)
    assert (len(told), told[0].filename) == (1, __file__)
    assert list(found) == ["a", "b"]
    assert found["b"].epochs.tolist() == [0, 1, 2]
    assert found["a"].epochs.tolist() == [epoch for epoch in (0, 1, 2) if epoch != number]
    assert found["a"].initial.epoch == (1 if number == 0 else 0)
    np.testing.assert_array_equal(found["a"].initial.weights, found["a"].weights[0])
    np.testing.assert_array_equal(found["a"].weights[-1], halved(bank("a", 1 if number == 2 else 2).weights))


def test_a_run_without_its_first_file_says_what_it_is_measured_from(tmp_path: Path) -> None:
    """As where a directory was moved or deleted while the training that writes there went on."""
    write(tmp_path, tiny(("a", "b"), (0, 1, 2, 3))[4:])
    words = "layer 'a', 'b' has lost its initial filters: rotation and difference are from those of epoch 2"
    with pytest.warns(UserWarning, match=words) as told:
        found = load_history(tmp_path)["a"]
    assert len(told) == 1
    assert (found.initial.epoch, found.epochs.tolist()) == (2, [2, 3])

    within = [bank(epoch=1).with_fields(step=step, within_epoch=True) for step in (6, 7)]
    write(tmp_path, [event("filters/a/bank", int(each.step or 0), [blob.encode(each)]) for each in within])
    with pytest.warns(UserWarning, match="difference are from those of step 6"):
        load_history(tmp_path)


def test_other_warnings_are_heard_while_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters of warnings are those of all threads, and the recording one reads files while others train."""
    for number, epochs in enumerate([(0, 1), (2, 3)]):
        write(tmp_path, tiny(epochs=epochs), f"events.out.tfevents.{number}.host")
    read: list[Path] = []

    def reads(path: Any) -> Any:
        read.append(path)
        warnings.warn("of somebody else", UserWarning, stacklevel=1)
        return tfrecords.read_records(path)

    monkeypatch.setattr(files, "read_records", reads)
    with pytest.warns(UserWarning, match="of somebody else") as heard:
        assert len(load_history(tmp_path)["a"]) == 4
    assert len(heard) == len(read) >= 4


def test_a_record_damaged_on_the_disk_costs_itself_alone(tmp_path: Path) -> None:
    records = [record(each.SerializeToString()) for each in tiny(("a", "b"))]
    for number in range(len(records)):
        middle = len(records[number]) // 2
        hit = bytearray(records[number])
        hit[middle] ^= 1
        (tmp_path / EVENTS).write_bytes(b"".join([*records[:number], hit, *records[number + 1 :]]))
        with pytest.warns(UserWarning, match=f"{EVENTS}' is damaged") as told:
            found = load_history(tmp_path)
        assert len(told) == (2 if number < 2 else 1)  # initial filters are missed, too
        for layer, history in found.items():
            lost = number // 2 if layer == "ab"[number % 2] else None
            assert history.epochs.tolist() == [epoch for epoch in (0, 1, 2) if epoch != lost]


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="has no file that opens, and cannot be read")
def test_a_file_that_cannot_be_read_is_told_and_leaves_the_others(tmp_path: Path) -> None:
    write(tmp_path, tiny())
    (tmp_path / "events.out.tfevents.2000000000.host.1.0").symlink_to("/proc/self/mem")
    with pytest.warns(UserWarning, match=r"2000000000\.host\.1\.0' cannot be read \(.*Input/output error") as told:
        assert load_history(tmp_path)["a"].epochs.tolist() == [0, 1, 2]
    assert len(told) == 1


def test_many_damaged_snapshots_of_a_layer_are_one_warning(tmp_path: Path) -> None:
    events = tiny(epochs=range(6))
    for number, change in ((1, renumbered), (2, renumbered), (4, DAMAGE["empty"][0])):
        events = altered(events, number, change)
    write(tmp_path, events)
    with pytest.warns(UserWarning, match="layer 'a': 3 snapshots") as told:
        assert load_history(tmp_path)["a"].epochs.tolist() == [0, 3, 5]
    assert len(told) == 1
    assert "(step 4: a filter bank of format version 3" in str(told[0].message)  # the first of them


@pytest.mark.parametrize("tag", ["filters", "my/own/filters"])
@pytest.mark.parametrize("how", DAMAGE)
def test_a_run_of_which_nothing_can_be_read_is_an_error_that_says_why(tmp_path: Path, how: str, tag: str) -> None:
    change, reason = DAMAGE[how]
    events = tiny(("conv.0", "b"), tag=tag)
    for number in range(len(events)):
        events = altered(events, number, change)
    write(tmp_path, events)
    for given in (None, tag):
        with pytest.raises(ValueError, match=f"nothing of it can be read; .*{reason}"):
            load_history(tmp_path, tag=given)


@pytest.mark.parametrize("tag", ["filters", "my/own/filters"])
def test_a_layer_of_which_nothing_can_be_read_leaves_the_others(tmp_path: Path, tag: str) -> None:
    events = tiny(("a", "b"), tag=tag)
    for number in (1, 3, 5):
        events = altered(events, number, renumbered)
    write(tmp_path, events)
    assert quiet_load(tmp_path, layers="a")["a"].epochs.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"layer 'b': nothing of it can be read.*upgrade"):
        load_history(tmp_path, layers="b")


def instead(stray: bytes, _: bytes) -> bytes:
    return stray


def test_a_snapshot_of_another_layer_than_its_tag_says_is_a_damaged_one(tmp_path: Path) -> None:
    for number in (0, 1, 2):
        stray = blob.encode(bank("b", number), 0, number == 0)
        write(tmp_path, altered(tiny(), number, partial(instead, stray)))
        with pytest.warns(UserWarning, match="layer 'a': 1 snapshot"):
            found = load_history(tmp_path)
        assert list(found) == ["a"]
        assert found["a"].epochs.tolist() == [epoch for epoch in (0, 1, 2) if epoch != number]


def test_a_part_of_another_layer_is_damage(tmp_path: Path) -> None:
    whole = blob.encode_snapshot(bank("a", 0, filters=3), 2, 0, True, True)
    other = blob.encode(FilterBank("b", np.ones((1, 1, 3)), np.array([7]), 9, epoch=5), 3, True)
    with pytest.raises(blob.BlobError, match="do not belong together"):
        blob.decode_snapshot([whole[0], other])
