"""The byte form of a bank: what goes in comes out, the bytes are where the format says, and damage is told apart."""

from __future__ import annotations

import itertools
import json
import math
import struct
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from filterscope import FilterBank
from filterscope.blob import (
    BlobError,
    Header,
    decode,
    decode_snapshot,
    describe,
    encode,
    encode_snapshot,
    read_header,
)

TINY = float(np.finfo(np.float16).smallest_normal)  #: 2 ** -14, below which float16 loses bits
SHAPES = [(1, 1, 1), (1, 1, 2), (2, 3, 5), (64, 1, 31), (7, 64, 9), (128, 1, 1), (1, 1, 4097), (3, 2, 1)]
FIELDS = ("layer", "total_filters", "epoch", "step", "stride", "dilation", "groups", "transposed", "sample_rate")


def bank(shape: tuple[int, int, int] = (4, 2, 5), *, layer: str = "conv1", seed: int = 0, **known: Any) -> FilterBank:
    """Normal weights; complex with ``dtype=complex``."""
    generator = np.random.default_rng(seed)
    weights = generator.standard_normal(shape)
    if known.pop("dtype", float) is complex:
        weights = weights + 1j * generator.standard_normal(shape)
    return FilterBank(layer, weights, **known)


def by_hand(blob: bytes) -> tuple[bytes, int, int, dict[str, Any], bytes]:
    """Magic, version, reserved, header and weights, read with nothing but ``struct`` and ``json``."""
    magic, version, reserved, length = struct.unpack("<8sHHI", blob[:16])
    return magic, version, reserved, json.loads(blob[16 : 16 + length].decode("utf-8")), blob[16 + length :]


def made(header: dict[str, Any] | bytes, weights: bytes = b"", *, version: int = 1, length: int | None = None) -> bytes:
    """A blob with any header, and the length that belongs to it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<8sHHI", b"FILTERS\n", version, 0, len(text) if length is None else length) + text + weights


def header_of(a_bank: FilterBank | None = None, **changed: Any) -> dict[str, Any]:
    return by_hand(encode(a_bank or bank()))[3] | changed


def halved(weights: np.ndarray) -> np.ndarray:
    """Float16 rounding by ``struct``, which shares no code with numpy's."""
    if np.iscomplexobj(weights):
        return halved(weights.real) + 1j * halved(weights.imag)
    flat = [float(value) for value in weights.ravel()]
    return np.array(struct.unpack(f"<{len(flat)}e", struct.pack(f"<{len(flat)}e", *flat))).reshape(weights.shape)


@contextmanager
def allocating_at_most(size: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_reference_comes_back_bit_for_bit(shape: tuple[int, int, int], kind: type) -> None:
    given = bank(shape, dtype=kind)
    back = decode(encode(given, reference=True))
    assert back.weights.shape == shape
    assert back.weights.dtype == (np.complex64 if kind is complex else np.float32)
    assert back.weights.tobytes() == given.weights.tobytes()
    np.testing.assert_array_equal(back.indices, np.arange(shape[0]))


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("shape", SHAPES)
def test_other_snapshots_come_back_rounded_to_float16(shape: tuple[int, int, int], kind: type) -> None:
    given = bank(shape, dtype=kind, seed=1)
    blob = encode(given)
    assert read_header(blob).dtype == "float16"
    np.testing.assert_array_equal(decode(blob).weights, halved(given.weights).astype(given.weights.dtype))


#: Every kind of float32 there is, as bits: zeros, denormals, the least and greatest normal, infinities, three NaNs.
ODD_BITS = [
    *(0x00000000, 0x80000000, 0x00000001, 0x807FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF),
    *(0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC12345, 0x7FC00001, 0x3F800001),
]


@pytest.mark.parametrize("kind", [np.float32, np.complex64])
def test_odd_numbers_keep_their_bits_in_a_reference(kind: type) -> None:
    bits = np.array(ODD_BITS * (2 if kind is np.complex64 else 1), np.uint32)
    weights = bits.view(kind).reshape(1, 1, -1)
    given = FilterBank.owning("conv1", weights)
    back = decode(encode(given, reference=True)).weights
    assert back.tobytes() == bits.tobytes()


@pytest.mark.filterwarnings("error")
def test_odd_numbers_stay_what_they_are_in_float16() -> None:
    given = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -65504.0, 1e-7, -1e-9, 2**-14, 2**-24, 2**-25, 1 + 2**-11]
    blob = encode(FilterBank("conv1", np.array(given).reshape(1, 1, -1)))
    assert read_header(blob).dtype == "float16"
    back = decode(blob).weights.ravel()
    # 1e-7 is between the denormals 1 and 2 x 2 ** -24; halfway goes to the even one.
    wanted = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -65504.0, 2 * 2.0**-24, -0.0, 2**-14, 2**-24, 0.0, 1.0]
    np.testing.assert_array_equal(back, np.array(wanted, np.float32))
    np.testing.assert_array_equal(np.signbit(back), np.signbit(wanted))


UP, DOWN = np.float32(np.inf), np.float32(-np.inf)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("place", ["real", "imaginary"])
@pytest.mark.parametrize(
    ("largest", "dtype"),
    [
        (65504.0, "float16"),
        (-65504.0, "float16"),
        (np.nextafter(np.float32(65504), UP), "float32"),
        (np.nextafter(np.float32(-65504), DOWN), "float32"),
        (65519.0, "float32"),  # would still round to 65504
        (65520.0, "float32"),  # would round to infinity
        (3e38, "float32"),
        (TINY, "float16"),
        (np.nextafter(np.float32(TINY), np.float32(0)), "float32"),
        (-1e-5, "float32"),
        (1e-45, "float32"),
        (0.0, "float16"),
    ],
)
def test_weights_too_large_or_too_small_for_float16_are_kept_in_float32(largest: float, dtype: str, place: str) -> None:
    largest = float(largest)
    weights: Any = np.array([0.0, largest / 2, largest, 0.0], np.float32).reshape(2, 1, 2)
    weights = weights * 1j if place == "imaginary" else weights
    blob = encode(FilterBank("conv1", weights))
    assert read_header(blob).dtype == dtype
    back = decode(blob).weights
    if dtype == "float32":
        np.testing.assert_array_equal(back, FilterBank("conv1", weights).weights)
    assert np.isfinite(back).all()


def test_nan_and_infinity_do_not_decide_about_the_others() -> None:
    for rest, dtype in ((1.0, "float16"), (1e5, "float32"), (1e-8, "float32"), (0.0, "float16")):
        blob = encode(FilterBank("conv1", np.array([np.nan, np.inf, rest]).reshape(1, 1, 3)))
        assert read_header(blob).dtype == dtype
    for alone in (np.nan, np.inf):
        back = decode(encode(FilterBank("conv1", np.full((2, 1, 3), alone)))).weights
        np.testing.assert_array_equal(back, np.full((2, 1, 3), alone))


@pytest.mark.parametrize("given", [np.float16, np.float32, np.float64, np.int16, np.complex64, np.complex128])
def test_weights_of_any_dtype_are_kept(given: type) -> None:
    weights = (np.arange(12) - 6).reshape(2, 2, 3).astype(given)
    np.testing.assert_array_equal(decode(encode(FilterBank("conv1", weights))).weights, weights)


@pytest.mark.parametrize("reference", [True, False])
@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("order", ["C", "F", "transposed", "every other"])
def test_the_order_in_memory_does_not_matter(order: str, kind: type, reference: bool) -> None:
    weights = np.array(bank((4, 6, 8), dtype=kind).weights)
    given: Any = {
        "C": weights,
        "F": np.asfortranarray(weights),
        "transposed": weights.transpose(2, 1, 0),
        "every other": weights[::2, ::3, ::-2],
    }[order]
    wanted = np.ascontiguousarray(given)
    if not reference:
        wanted = halved(wanted).astype(wanted.dtype)
    np.testing.assert_array_equal(decode(encode(FilterBank("conv1", given), reference=reference)).weights, wanted)


FULL: dict[str, Any] = {
    "epoch": 17,
    "step": 2**40,
    "stride": 2,
    "dilation": 3,
    "groups": 4,
    "transposed": True,
    "sample_rate": 16000.5,
    "total_filters": 512,
}


@pytest.mark.parametrize("known", [FULL, {}, {"epoch": 0, "step": 0}, {"sample_rate": 8000}, {"sample_rate": 1e-3}])
def test_every_field_comes_back(known: dict[str, Any]) -> None:
    given = bank(layer="encoder.0.conv", **known)
    back = decode(encode(given, order=3))
    for name in FIELDS:
        assert getattr(back, name) == getattr(given, name), name
        assert type(getattr(back, name)) is type(getattr(given, name)), name
    assert back.filters == 4


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


NAMES = {
    "dots": "encoder.blocks.0.conv",
    "Unicode": "καρδιά.エンコーダ.Größe",
    "beyond the basic plane": "\U0001f9e0.\U00020000",
    "lone surrogate": "conv\ud800",
    "composed and decomposed": "é.e\u0301",
    "quotes": "a\"b'c`d",
    "slashes": "a/b\\c//",
    "braces": '{"layer": "other"}',
    "control characters": "a\nb\tc\x00d\x1f\x7f",
    "line separators": "a\u2028b\u2029",
    "spaces": "  padded  ",
    "300 characters": "x" * 300,
    "10,000 characters": "ü" * 10_000,
    "empty": "",
    "magic": "FILTERS\n",
}


@pytest.mark.parametrize("name", NAMES)
def test_any_layer_name_comes_back(name: str) -> None:
    blob = encode(bank(layer=NAMES[name]))
    assert decode(blob).layer == read_header(blob).layer == NAMES[name]
    assert len(by_hand(blob)[4]) == 4 * 2 * 5 * 2


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
    given = FilterBank("é", weights, [3, 8], 10, epoch=2, step=40, stride=2, sample_rate=100.0)
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


def test_a_decoded_bank_is_one_of_its_own() -> None:
    blob = encode(bank(), reference=True)
    back = decode(blob)
    back.weights[...] = 0  # writable, and no view of the bytes
    np.testing.assert_array_equal(decode(blob).weights, bank().weights)
    assert encode(decode(blob), reference=True) == blob


@pytest.mark.parametrize("indices", [[0, 1, 2, 3], [2, 3, 4, 5], [0, 7, 8, 99], [1000, 10**6, 10**9, 2**40]])
def test_original_filter_numbers_come_back(indices: list[int]) -> None:
    given = bank(indices=indices, total_filters=indices[-1] + 1)
    back = decode(encode(given))
    assert back.indices.tolist() == indices
    assert back.indices.dtype == np.int64
    assert back.total_filters == indices[-1] + 1
    assert by_hand(encode(given))[3]["indices"] == (None if indices == [0, 1, 2, 3] else indices)


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


@pytest.mark.parametrize("version", [0, 2, 3, 255, 256, 65535])
def test_another_version_is_refused_with_what_to_do(version: int) -> None:
    blob = made(b"no JSON at all, for what a later version knows", b"\0" * 7, version=version)
    for read in (decode, read_header, lambda b: decode_snapshot([b])):
        with pytest.raises(BlobError, match=rf"version {version}; this filterscope reads 1: upgrade"):
            read(blob)


def test_errors_are_value_errors() -> None:
    assert issubclass(BlobError, ValueError)


@pytest.mark.parametrize("reference", [True, False])
def test_every_truncation_is_refused(reference: bool) -> None:
    blob = encode(bank((2, 1, 3), dtype=complex), reference=reference)
    for end in range(len(blob)):
        with pytest.raises(BlobError, match=r"(no|damaged) filter bank: .*\d+ bytes"):
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
LIKELY: dict[str, Any] = {"epoch": 3, "step": 12, "sample_rate": 8000.0}
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
    "sample_rate": [None, 0.5, 1.0, 1e300],
}


def is_in(value: Any, values: list[Any]) -> bool:
    return any(type(value) is type(each) and value == each for each in values)


@pytest.mark.parametrize("name", [field.name for field in fields(Header)])
def test_a_field_with_a_value_that_cannot_be_is_refused_by_name(name: str) -> None:
    found, weights = by_hand(encode(bank(indices=[1, 3, 5, 7], total_filters=9, **LIKELY)))[3:]
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
    "a rate without end": {"sample_rate": math.inf},
    "no rate": {"sample_rate": math.nan},
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
        text = json.dumps(header_of(**{name: "@"})).replace('"@"', "[" * depth + "]" * depth)
        with pytest.raises(BlobError, match="damaged filter bank: its header"):
            decode(made(text.encode()))


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


@pytest.mark.parametrize("count", [64, 300, 5_000])
def test_a_snapshot_of_a_layer_with_many_filters_can_be_read_again(count: int) -> None:
    given = bank((count, 1, 2))
    back = decode_snapshot(encode_snapshot(given, 64, 0, True, True))
    assert back.weights.tobytes() == given.weights.tobytes()
