"""Blobs that are no bank, damaged or contradict themselves are refused, and told apart."""

from __future__ import annotations

import json
import math
import time
from dataclasses import fields
from typing import Any

import pytest

from filterscope.events.blob import BlobError, Header, decode, decode_snapshot, encode, read_header
from tests.support.blobs import bank, by_hand, header_of, made


@pytest.mark.parametrize("version", [0, 3, 255, 256, 512, 65535])
def test_another_version_is_refused_with_what_to_do(version: int) -> None:
    blob = made(b"no JSON at all, for what a later version knows", b"\0" * 7, version=version)
    for read in (decode, read_header, lambda b: decode_snapshot([b])):
        with pytest.raises(BlobError, match=rf"version {version}; this filterscope reads 2: upgrade"):
            read(blob)


def test_errors_are_value_errors() -> None:
    assert issubclass(BlobError, ValueError)


@pytest.mark.parametrize("reference", [True, False])
def test_every_truncation_is_refused(reference: bool) -> None:
    blob = encode(bank((2, 1, 3), dtype=complex), reference=reference)
    for end in range(len(blob)):
        with pytest.raises(BlobError, match=r"(no|damaged) filter bank: .*(\b1 byte|\d+ bytes)\b"):
            decode(blob[:end])
    for more in (b"\0", b"\0\0\0\0", blob):
        with pytest.raises(BlobError, match=r"damaged filter bank: 2 x 1 x 3 weights .* take"):
            decode(blob + more)


def test_every_damaged_bit_of_the_magic_and_the_version_is_refused() -> None:
    blob = bytearray(encode(bank((2, 1, 3))))
    for bit in range(8 * 10):
        blob[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BlobError, match="no filter bank" if bit < 64 else "version"):
            decode(bytes(blob))
        blob[bit // 8] ^= 1 << bit % 8
    decode(bytes(blob))


NONSENSE: list[Any] = [None, True, False, -1, 0, 0.5, 1.0, 1e300, 2**53, 10**400, "1", "", [], [1], {}, [None], [[1]]]
LIKELY: dict[str, Any] = {"epoch": 3, "step": 12, "sample_rate": 8000.0, "channel_names": ("Fz", "Cz")}
#: What each field may hold, among all this nonsense.
ALLOWED: dict[str, list[Any]] = {
    "layer": ["1", ""],
    "order": [0],
    "reference": [True, False],
    "shape": [],
    "dtype": [],
    "complex": [False],
    "indices": [None],
    "total_filters": [],
    "epoch": [None, -1, 0],
    "step": [None, -1, 0],
    "stride": [],
    "dilation": [],
    "groups": [],
    "transposed": [True, False],
    "within_epoch": [True, False],
    "in_time": [True, False],
    "after": [None, -1, 0],
    "sample_rate": [None, 0.5, 1.0, 1e300],
    "channel_names": [None],
}


def is_in(value: Any, values: list[Any]) -> bool:
    return any(type(value) is type(each) and value == each for each in values)


@pytest.mark.parametrize("name", [field.name for field in fields(Header)])
def test_a_field_with_a_value_that_cannot_be_is_refused_by_name(name: str) -> None:
    found, weights = by_hand(
        encode(bank(indices=[1, 3, 5, 7], total_filters=9, within_epoch=True, in_time=False, **LIKELY), after=9)
    )[3:]
    for value in NONSENSE:
        blob = made(found | {name: value}, weights)
        if is_in(value, ALLOWED[name]):
            decode(blob)
        else:
            with pytest.raises(BlobError, match="damaged filter bank: "):
                decode(blob)
            if type(value) is not type(found[name]):
                with pytest.raises(BlobError, match=f"its header has {name}="):
                    decode(blob)
    del found[name]
    if name in ("within_epoch", "in_time", "after", "channel_names"):  # written only where they are so
        kept = decode(made(found, weights))
        left_out = (not kept.within_epoch, kept.in_time, kept.channel_names is None)
        assert left_out == (name == "within_epoch", name == "in_time", name == "channel_names")
        return
    with pytest.raises(BlobError, match=f"lacks some of .*{name}"):
        decode(made(found, weights))


HOSTILE: dict[str, dict[str, Any]] = {
    "two axes": {"shape": [4, 10]},
    "four axes": {"shape": [4, 2, 5, 1]},
    "an empty axis": {"shape": [4, 2, 0]},
    "a negative axis": {"shape": [-4, -2, 5]},
    "a real axis": {"shape": [4.0, 2, 5]},
    "a truth as axis": {"shape": [40, True, True]},
    "other taps": {"shape": [4, 2, 6]},
    "fewer taps": {"shape": [4, 2, 4]},
    "another dtype": {"dtype": "float32"},
    "an unknown dtype": {"dtype": "float64"},
    "a dtype of numpy": {"dtype": "<f2"},
    "objects": {"dtype": "O"},
    "complex that are not": {"complex": True},
    "too few numbers": {"indices": [0, 1, 2]},
    "too many numbers": {"indices": [0, 1, 2, 3, 4], "total_filters": 9},
    "no numbers": {"indices": []},
    "numbers twice": {"indices": [0, 1, 1, 2]},
    "numbers out of order": {"indices": [0, 2, 1, 3]},
    "negative numbers": {"indices": [-1, 0, 1, 2]},
    "real numbers": {"indices": [0.0, 1.0, 2.0, 3.0]},
    "numbers beyond the layer": {"indices": [0, 1, 2, 4]},
    "fewer filters than it holds": {"total_filters": 3},
    "numbers beyond int64": {"indices": [0, 1, 2, 2**64], "total_filters": 2**65},
    "a negative rate": {"sample_rate": -1.0},
    "a rate of nothing": {"sample_rate": 0.0},
    "a rate without end": {"sample_rate": math.inf},
    "no rate": {"sample_rate": math.nan},
    "fewer names than channels": {"channel_names": ["Fz"]},
    "more names than channels": {"channel_names": ["Fz", "Cz", "Pz"]},
    "a name of nothing": {"channel_names": ["Fz", " "]},
    "a name that is none": {"channel_names": ["Fz", 3]},
    "names in one": {"channel_names": "AC"},
}


@pytest.mark.parametrize("how", HOSTILE)
def test_headers_that_contradict_themselves_or_their_weights_are_refused(how: str) -> None:
    blob = made(header_of(**HOSTILE[how]), by_hand(encode(bank()))[4])
    for read in (decode, read_header):
        with pytest.raises(BlobError, match="damaged filter bank: ") as raised:
            read(blob)
        assert len(str(raised.value)) < 400


NOT_HEADERS: dict[str, bytes] = {
    "empty": b"",
    "spaces": b" " * 64,
    "null": b"null",
    "a list": b"[]",
    "a number": b"3",
    "a string of the fields": b'"layer order reference"',
    "no object": b"{}",
    "broken off": json.dumps(header_of()).encode()[:-1],
    "two objects": json.dumps(header_of()).encode() * 2,
    "not UTF-8": b'{"layer": "\xff\xfe"}',
    "zeros": b"\0" * 64,
    "deep": b"[" * 100_000,
    "deep and whole": b'{"layer":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "a long number": b'{"layer":' + b"1" * 100_000 + b"}",
}


@pytest.mark.parametrize("how", NOT_HEADERS)
def test_what_is_no_header_is_refused(how: str) -> None:
    start = time.process_time()
    with pytest.raises(BlobError, match="damaged filter bank: its header") as raised:
        decode(made(NOT_HEADERS[how], b"\0" * 80))
    assert len(str(raised.value)) < 400
    assert time.process_time() - start < 5


@pytest.mark.parametrize("depth", [*range(80, 120), *range(900, 1100, 5), 5_000])
def test_deep_values_are_refused_whatever_the_recursion_limit(depth: int) -> None:
    for name in ("shape", "layer", "indices"):
        text = json.dumps(header_of() | {name: "@"}).replace('"@"', "[" * depth + "]" * depth)
        with pytest.raises(BlobError, match="damaged filter bank: its header"):
            decode(made(text.encode()))
