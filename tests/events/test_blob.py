"""The byte form of a bank: what goes in comes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from filterscope import FilterBank
from filterscope.events.blob import decode, encode, read_header
from tests.support.blobs import FIELDS, FULL, bank, by_hand, halved

TINY = float(np.finfo(np.float16).smallest_normal)  #: 2 ** -14, below which float16 loses bits
SHAPES = [(1, 1, 1), (1, 1, 2), (2, 3, 5), (64, 1, 31), (7, 64, 9), (128, 1, 1), (1, 1, 4097), (3, 2, 1)]


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
    weights: np.ndarray = bits.view(kind).reshape(1, 1, -1)
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
    weights: np.ndarray = (np.arange(12) - 6).reshape(2, 2, 3).astype(given)
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


NAMED = {"channel_names": ("Fz", "слой ß")}


@pytest.mark.parametrize(
    "known", [FULL, {}, {"epoch": 0, "step": 0}, {"sample_rate": 8000}, {"sample_rate": 1e-3}, NAMED, FULL | NAMED]
)
def test_every_field_comes_back(known: dict[str, Any]) -> None:
    given = bank(layer="encoder.0.conv", **known)
    back = decode(encode(given, order=3))
    for name in FIELDS:
        assert getattr(back, name) == getattr(given, name), name
        assert type(getattr(back, name)) is type(getattr(given, name)), name
    assert back.filters == 4


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
