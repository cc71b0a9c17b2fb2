"""The bytes of a bank are where the format says, and a blob made by hand is read."""

from __future__ import annotations

import itertools
import json
import struct

import numpy as np
import pytest

from filterscope import FilterBank
from filterscope.events.blob import Header, decode, describe, encode, header_text, read_header
from tests.support.blobs import FULL, bank, by_hand, header_of, made


def test_the_header_says_what_is_inside() -> None:
    given = bank((2, 3, 5), layer="stem", dtype=complex, indices=[4, 9], **FULL)
    header = read_header(encode(given, order=7, reference=True))
    assert header == Header(
        layer="stem",
        order=7,
        reference=True,
        shape=(2, 3, 5),
        dtype="float32",
        complex=True,
        indices=(4, 9),
        **FULL,
    )
    assert header == describe(given, 7, True)
    assert header.weight_bytes == 2 * 3 * 5 * 8
    assert read_header(encode(bank())).indices is None
    assert not read_header(encode(bank())).reference


@pytest.mark.parametrize("length", range(9))
def test_weights_are_aligned_whatever_the_header_takes(length: int) -> None:
    given = bank((3, 2, 5), layer="x" * length)
    for blob in (encode(given), encode(given, reference=True)):
        start = len(blob) - len(by_hand(blob)[4])
        assert start % 8 == 0
        text = blob[16:start]
        assert text.rstrip(b" ") + b" " * (len(text) - len(text.rstrip(b" "))) == text
        assert len(text) - len(text.rstrip(b" ")) < 8


def test_bytes_are_where_the_format_says() -> None:
    weights = np.array([1.0, -2.0, 0.5, 65504.0, 0.0, 2.0**-24]).reshape(2, 1, 3)
    given = FilterBank("é", weights, np.array([3, 8]), 10, epoch=2, step=40, stride=2, sample_rate=100.0)
    blob = encode(given, order=1)
    magic, version, reserved, header, tail = by_hand(blob)
    assert (magic, version, reserved) == (b"FILTERS\n", 1, 0)
    assert blob[8:12] == b"\x01\x00\x00\x00"  # little-endian
    assert header == {
        "layer": "é",
        "order": 1,
        "reference": False,
        "shape": [2, 1, 3],
        "dtype": "float16",
        "complex": False,
        "indices": [3, 8],
        "total_filters": 10,
        "epoch": 2,
        "step": 40,
        "stride": 2,
        "dilation": 1,
        "groups": 1,
        "transposed": False,
        "sample_rate": 100.0,
    }
    assert tail == bytes.fromhex("003c 00c0 0038 ff7b 0000 0100")
    tail = by_hand(encode(given, reference=True))[4]
    assert tail == struct.pack("<6f", *weights.ravel())
    assert tail[:8] == bytes.fromhex("0000803f 000000c0")


def test_a_blob_with_names_is_one_that_the_first_version_refuses() -> None:
    given = bank()
    named = encode(given.with_fields(channel_names=("Fz", "Cz")))
    assert named[:12] == b"FILTERS\n\x02\x00\x00\x00"  # which it says is of a newer version
    assert by_hand(named)[3] == by_hand(encode(given))[3] | {"channel_names": ["Fz", "Cz"]}
    assert by_hand(named)[4] == by_hand(encode(given))[4]
    assert decode(named).channel_names == ("Fz", "Cz")


def test_complex_numbers_are_pairs_in_filter_channel_tap_order() -> None:
    given = bank((2, 3, 4), dtype=complex)
    wanted = [
        part
        for f, c, k in itertools.product(range(2), range(3), range(4))
        for part in (given.weights[f, c, k].real, given.weights[f, c, k].imag)
    ]
    assert by_hand(encode(given, reference=True))[4] == struct.pack("<48f", *wanted)
    assert by_hand(encode(given))[4] == struct.pack("<48e", *map(float, wanted))


def test_a_blob_made_by_hand_is_read() -> None:
    numbers = struct.pack("<6e", *(1.5, -2.0, 0.0, 4.0, 5.0, 6.0))
    header = header_of(shape=[2, 1, 3], dtype="float16", indices=[1, 5], total_filters=6, sample_rate=44100)
    blob = made(json.dumps(header | {"of a later minor version": [1, {}]}, indent=3).encode(), numbers)
    back = decode(blob)
    np.testing.assert_array_equal(back.weights.ravel(), [1.5, -2.0, 0.0, 4.0, 5.0, 6.0])
    assert (back.indices.tolist(), back.sample_rate, back.total_filters) == ([1, 5], 44100, 6)


@pytest.mark.parametrize("layer", ["conv1", "a" * 5, "é", "ends in spaces  "])
def test_the_text_of_a_header_is_what_is_read_from_it(layer: str) -> None:
    blob = encode(bank((3, 2, 5)).with_fields(layer=layer), order=1)
    assert header_text(blob) == read_header(blob).to_json()
