"""A snapshot of several blobs: the monitored filters first, and all parts of one layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from filterscope.events.blob import BlobError, decode, decode_snapshot, encode, encode_snapshot, read_header
from tests.support.blobs import FIELDS, FULL, bank, halved


@pytest.mark.parametrize(("max_filters", "sizes"), [(4, [4, 6]), (1, [1, 9]), (9, [9, 1]), (10, [10]), (None, [10])])
def test_a_whole_reference_comes_in_parts_of_which_the_first_is_the_monitored_one(
    max_filters: int | None, sizes: list[int]
) -> None:
    given = bank((10, 2, 3), **FULL | {"total_filters": 10})
    blobs = encode_snapshot(given, max_filters, order=2, reference=True, whole=True)
    headers = [read_header(blob) for blob in blobs]
    assert [header.shape for header in headers] == [(size, 2, 3) for size in sizes]
    assert all(header.reference and header.dtype == "float32" and header.order == 2 for header in headers)
    assert all(header.total_filters == 10 for header in headers)
    np.testing.assert_array_equal(decode(blobs[0]).weights, given.weights[: sizes[0]])
    back = decode_snapshot(blobs)
    assert back.weights.tobytes() == given.weights.tobytes()
    assert back.indices.tolist() == list(range(10))
    for name in FIELDS:
        assert getattr(back, name) == getattr(given, name), name


@pytest.mark.parametrize(("reference", "whole"), [(True, False), (False, True), (False, False)])
def test_other_snapshots_hold_the_monitored_filters_only(reference: bool, whole: bool) -> None:
    given = bank((10, 2, 3))
    blobs = encode_snapshot(given, 4, 0, reference, whole)
    assert [read_header(blob).shape for blob in blobs] == [(4, 2, 3)]
    assert read_header(blobs[0]).total_filters == 10
    back = decode_snapshot(blobs)
    wanted = given.weights[:4] if reference else halved(given.weights[:4]).astype(np.float32)
    np.testing.assert_array_equal(back.weights, wanted)
    assert (back.indices.tolist(), back.total_filters) == ([0, 1, 2, 3], 10)


def test_parts_of_a_complex_layer_come_back_whole() -> None:
    given = bank((5, 2, 3), dtype=complex)
    back = decode_snapshot(encode_snapshot(given, 2, 0, True, True))
    assert back.weights.tobytes() == given.weights.tobytes()


def parts(**other: Any) -> tuple[bytes, bytes]:
    """Two parts of a layer of ten filters, of which the second may differ in its form."""
    first, second = encode_snapshot(bank((10, 2, 3)), 4, 0, True, True)
    if other:
        shape = other.pop("shape", (6, 2, 3))
        second = encode(bank(shape, indices=range(4, 4 + shape[0]), total_filters=10, **other), 0, True)
    return first, second


APART: dict[str, Callable[[], list[bytes]]] = {
    "none": list,
    "in the wrong order": lambda: list(parts()[::-1]),
    "the same twice": lambda: [parts()[0]] * 2,
    "overlapping": lambda: [parts()[0], encode(bank((10, 2, 3)), 0, True)],
    "of other taps": lambda: list(parts(shape=(6, 2, 4))),
    "of other channels": lambda: list(parts(shape=(6, 1, 3))),
    "one of them complex": lambda: list(parts(dtype=complex)),
    "one of them damaged": lambda: [parts()[0], parts()[1][:-1]],
    "the first of them empty": lambda: [b"", parts()[1]],
}


@pytest.mark.parametrize("how", APART)
def test_parts_that_do_not_belong_together_are_refused(how: str) -> None:
    with pytest.raises(BlobError, match="filter bank"):
        decode_snapshot(APART[how]())


@pytest.mark.parametrize("count", [64, 300, 5_000])
def test_a_snapshot_of_a_layer_with_many_filters_can_be_read_again(count: int) -> None:
    given = bank((count, 1, 2))
    back = decode_snapshot(encode_snapshot(given, 64, 0, True, True))
    assert back.weights.tobytes() == given.weights.tobytes()
