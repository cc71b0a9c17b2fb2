"""Decoding takes little more memory than the weights, and none on the word of a header alone."""

from __future__ import annotations

import time

import pytest

from filterscope.events.blob import BlobError, decode, decode_snapshot, encode
from tests.support.blobs import bank, header_of, made
from tests.support.memory import allocating_at_most


@pytest.mark.parametrize("length", [2**31 - 1, 2**31, 2**32 - 1, 10_000, 2**20 + 1])
def test_a_header_that_claims_to_be_long_is_refused_before_it_is_read(length: int) -> None:
    blob = made(header_of(), b"\0" * 80, length=length)
    with allocating_at_most(20_000), pytest.raises(BlobError, match=f"cannot hold a header of {length}"):
        decode(blob)


def test_a_long_header_is_refused_even_where_its_bytes_are_there() -> None:
    blob = made(header_of(), b" " * 2**25, length=2**25)
    with allocating_at_most(20_000), pytest.raises(BlobError, match="cannot hold a header"):
        decode(blob)


HUGE = [
    [2**40, 1, 1],
    [1, 2**40, 1],
    [1, 1, 2**52],
    [2**20, 2**20, 2**20],
    [2**31, 2**31, 4],  # wraps to 0 in 64 bits
    [2**32, 2**32, 1],
    [2**53 - 1] * 3,
    [46341, 46341, 1],  # wraps to a negative number in 32 bits
]


@pytest.mark.parametrize("shape", HUGE)
@pytest.mark.parametrize("weights", [b"", b"\0" * 80])
def test_a_header_that_claims_a_huge_shape_is_refused_before_anything_is_allocated(
    shape: list[int], weights: bytes
) -> None:
    for dtype, pairs in (("float16", False), ("float32", True)):
        header = header_of(shape=shape, dtype=dtype, complex=pairs, total_filters=2**53 - 1)
        blob, start = made(header, weights), time.process_time()
        with allocating_at_most(50_000), pytest.raises(BlobError, match=r"damaged filter bank: .* take"):
            decode(blob)
        with allocating_at_most(50_000), pytest.raises(BlobError, match=r"damaged filter bank: .* take"):
            decode_snapshot([blob, blob])
        assert time.process_time() - start < 1


def test_decoding_takes_little_more_memory_than_the_weights() -> None:
    given = bank((64, 64, 251))
    for reference in (True, False):
        blob = encode(given, reference=reference)
        with allocating_at_most(int(2.2 * given.weights.nbytes)):
            decode(blob)
