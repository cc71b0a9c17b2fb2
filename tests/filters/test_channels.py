"""Reductions of channels, against numpy's own singular value decomposition."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from filterscope.filters import channels
from tests.support.arrays import normal
from tests.support.scripts import run_script


def leading(weights: np.ndarray) -> np.ndarray:
    """Right singular vectors scaled by their singular values: ``(filters, taps)``, of any sign."""
    _, sigma, right = np.linalg.svd(weights.astype(np.complex128), full_matrices=False)
    return sigma[:, 0, None] * right[:, 0]


TWO = np.array([[[1, -2, 3], [4, 2, -3]]], np.float32)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("sum", [5, 0, 0]),
        ("mean", [2.5, 0, 0]),
        ("max", [4, 2, 3]),
        ("l2", [np.sqrt(17), np.sqrt(8), np.sqrt(18)]),
    ],
)
def test_reduction_of_two_channels(how: str, expected: list[float]) -> None:
    reduced = channels.reduce(TWO, how)
    assert reduced.shape == (1, 1, 3)
    np.testing.assert_allclose(reduced[0, 0], expected, rtol=1e-6)


def test_all_keeps_every_channel() -> None:
    np.testing.assert_array_equal(channels.reduce(TWO, "all"), TWO)


@pytest.mark.parametrize("how", ["sum", "mean", "max", "principal", "all", "auto"])
def test_one_channel_is_its_own_reduction(how: str) -> None:
    weights = normal(4, 1, 6)
    np.testing.assert_array_equal(channels.reduce(weights, how, -weights), weights)


def test_l2_of_one_channel_is_its_magnitude() -> None:
    weights = normal(4, 1, 6)
    np.testing.assert_allclose(channels.reduce(weights, "l2"), np.abs(weights), rtol=1e-6)


def test_complex_channels() -> None:
    weights = np.array([[[3 + 4j, 1], [1, -2j]]], np.complex64)
    np.testing.assert_allclose(channels.reduce(weights, "sum")[0, 0], [4 + 4j, 1 - 2j])
    np.testing.assert_allclose(channels.reduce(weights, "l2")[0, 0], [np.sqrt(26), np.sqrt(5)], rtol=1e-6)
    np.testing.assert_allclose(channels.reduce(weights, "max")[0, 0], [3 + 4j, -2j])  # of largest magnitude


@pytest.mark.parametrize(("count", "expected"), [(1, "all"), (8, "all"), (9, "principal"), (64, "principal")])
def test_auto_shows_all_up_to_eight_channels(count: int, expected: str) -> None:
    assert channels.resolve("auto", count) == expected
    assert channels.resolve("sum", count) == "sum"
    shown = channels.reduce(normal(3, count, 16), "auto")
    assert shown.shape == (3, count if expected == "all" else 1, 16)


@pytest.mark.parametrize("how", ["first", "", "SUM"])
def test_an_unknown_reduction_names_itself_and_what_works(how: str) -> None:
    with pytest.raises(ValueError, match=rf"channels={how!r}.*principal"):
        channels.check(how)
    with pytest.raises(ValueError, match="channels="):
        channels.reduce(TWO, how)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("shape", [(5, 3, 11), (5, 24, 9), (5, 7, 7), (2, 2, 1)])
def test_principal_is_the_leading_right_singular_vector_in_units_of_weight(shape: tuple[int, ...], dtype: type) -> None:
    weights = normal(*shape, seed=1, dtype=dtype)
    shown, expected = channels.principal(weights), leading(weights)
    assert shown.shape == (shape[0], 1, shape[2])
    assert shown.dtype == dtype
    inner = np.abs(np.sum(shown[:, 0] * expected.conj(), axis=1))  # free of sign and phase
    np.testing.assert_allclose(inner, np.sum(np.abs(expected) ** 2, axis=1), rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(shown[:, 0], axis=1), np.linalg.norm(expected, axis=1), rtol=1e-4)


@pytest.mark.parametrize("shape", [(3, 10), (20, 6)])
def test_principal_of_a_rank_one_filter_is_its_temporal_shape(shape: tuple[int, int]) -> None:
    mix, tone = normal(shape[0], seed=2), np.sin(np.arange(shape[1]) * 0.9).astype(np.float32)
    shown = channels.principal((mix[:, None] * tone)[None])[0, 0]
    expected = np.linalg.norm(mix) * tone
    expected *= np.sign(expected[np.abs(expected).argmax()])
    np.testing.assert_allclose(shown, expected, atol=2e-3 * np.abs(expected).max())


def test_without_a_reference_the_largest_tap_of_principal_is_positive() -> None:
    for dtype in (np.float32, np.complex64):
        shown = channels.principal(normal(20, 4, 9, seed=3, dtype=dtype))[:, 0]
        peak = shown[np.arange(20), np.abs(shown).argmax(axis=1)]
        assert (peak.real > 0).all()
        np.testing.assert_allclose(peak.imag, 0, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("shape", [(20, 4, 9), (20, 12, 5)])
def test_the_reference_fixes_sign_and_phase_of_principal(shape: tuple[int, ...], dtype: type) -> None:
    reference = normal(*shape, seed=4, dtype=dtype)
    now = reference + 0.3 * normal(*shape, seed=5, dtype=dtype)
    inner = np.sum(channels.principal(now, reference) * channels.principal(reference).conj(), axis=(1, 2))
    assert (inner.real > 0).all()
    np.testing.assert_allclose(inner.imag / np.abs(inner), 0, atol=1e-5)


def test_principal_does_not_blink_when_the_largest_tap_changes_side() -> None:
    def rank_one(taps: list[float]) -> np.ndarray:
        return (np.array([1.0, 2.0])[:, None] * np.array(taps)).astype(np.float32)[None]

    before, after = rank_one([1.0, -0.9, 0.1]), rank_one([0.9, -1.0, 0.1])
    assert channels.principal(after)[0, 0, 0] < 0  # alone, it is drawn upside down
    shown = channels.principal(after, before)
    np.testing.assert_allclose(shown[0, 0], np.sqrt(5) * np.array([0.9, -1.0, 0.1]), rtol=1e-3)


@pytest.mark.filterwarnings("error")
def test_a_broken_filter_is_nan_and_leaves_the_others_alone() -> None:
    weights = normal(4, 9, 5, seed=6)
    expected = channels.principal(weights)
    weights[1, 0, 0], weights[2, 3, 4] = np.nan, np.inf
    shown = channels.principal(weights)
    assert np.isnan(shown[1:3]).all()
    np.testing.assert_allclose(shown[[0, 3]], expected[[0, 3]], rtol=1e-4, atol=1e-5)


def test_principal_stays_finite_beside_a_broken_or_zero_reference() -> None:
    weights, reference = normal(3, 2, 5, seed=7), normal(3, 2, 5, seed=8)
    reference[0], reference[1] = np.nan, 0
    shown = channels.principal(weights, reference)
    np.testing.assert_allclose(np.linalg.norm(shown[:, 0], axis=1), np.linalg.norm(leading(weights), axis=1), rtol=1e-4)


@pytest.mark.parametrize("count", [3, 4, 9])
def test_principal_of_zeros_is_zero(count: int) -> None:
    np.testing.assert_array_equal(channels.principal(np.zeros((2, count, 4), np.float32)), np.zeros((2, 1, 4)))


@pytest.mark.parametrize("how", ["l2", "principal", "sum", "mean", "max"])
@pytest.mark.parametrize("scale", [1e-25, 1e30])
def test_tiny_and_huge_weights_are_reduced_like_others(how: str, scale: float) -> None:
    weights = normal(4, 3, 9, seed=9)
    scaled = weights * np.float32(scale)
    for factor in (None, -1):
        reference = None if factor is None else factor * scaled
        shown = channels.reduce(scaled, how, reference).astype(np.float64) / scale
        expected = channels.reduce(weights, how, None if factor is None else factor * weights)
        np.testing.assert_allclose(shown, expected, rtol=1e-3, atol=1e-4)


def test_a_logo_keeps_all_channels_less_their_mean_at_each_tap() -> None:
    given = normal(3, 4, 5)
    centred = channels.reduce(given, "logo")
    np.testing.assert_allclose(centred, given - given.mean(axis=1, keepdims=True), atol=1e-7)
    # Of a one-hot input the response changes by the same at every position.
    letters = np.random.default_rng(0).integers(0, 4, 30)
    one_hot = np.eye(4)[letters].T
    windows = np.lib.stride_tricks.sliding_window_view(one_hot, 5, axis=1)
    before, after = (np.einsum("fck,cpk->fp", weights, windows) for weights in (given, centred))
    np.testing.assert_allclose(before - after, (before - after)[:, :1].repeat(26, axis=1), atol=1e-5)
    np.testing.assert_array_equal(channels.reduce(given[:, :1], "logo"), given[:, :1])


def test_auto_is_a_logo_where_channels_are_letters() -> None:
    assert [channels.resolve(how, 4, True) for how in ("auto", "logo", "sum")] == ["logo", "logo", "sum"]
    assert [channels.resolve("logo", count) for count in (4, 9)] == ["all", "principal"]
    given = normal(3, 4, 5)
    np.testing.assert_array_equal(channels.tap_row(given, given, "logo"), channels.tap_row(given, given, "auto"))


def remembered(shown: Sequence[np.ndarray], reference: np.ndarray, how: str = "auto") -> np.ndarray:
    """What moments look like together: ``(filters, E, taps)``."""
    rows: list[np.ndarray] = []
    for each in shown:
        rows.append(channels.tap_row(each, reference, how, rows[-1] if rows else None))
    return channels.tap_rows(rows, shown[0], how)


def growing(count: int, taps: int, moments: int = 9, seed: int = 0) -> list[np.ndarray]:
    """Differences that begin with nothing, go in a direction of each filter's own, and have noise beside it."""
    mix, wave = normal(5, count, seed=seed), normal(5, taps, seed=seed + 1)
    planted = mix[:, :, None] * wave[:, None]
    return [
        share * planted + 0.05 * np.sqrt(share) * normal(5, count, taps, seed=seed + 2 + number)
        for number, share in enumerate(np.linspace(0, 1, moments, dtype=np.float32))
    ]


@pytest.mark.parametrize("how", ["auto", "all", "principal"])
@pytest.mark.parametrize("count", [2, 4, 8])
def test_moments_are_shown_along_the_principal_direction_of_the_newest(count: int, how: str) -> None:
    shown = [normal(5, count, 9, seed=seed) for seed in range(6)]
    left = np.linalg.svd(shown[-1])[0][:, :, 0]
    expected = np.einsum("fc,efck->fek", left, np.stack(shown))
    found = remembered(shown, normal(5, count, 9, seed=77), how)
    signs = np.sign((found * expected).sum(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(found, signs * expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("count", [9, 16, 17, 256])
def test_of_many_channels_what_was_learned_is_shown_with_its_sign(count: int) -> None:
    shown = growing(count, 15)
    found = remembered(shown, normal(5, count, 15, seed=77))
    left = np.linalg.svd(shown[-1])[0][:, :, 0]
    expected = np.einsum("fc,efck->fek", left, np.stack(shown))
    expected *= np.sign((found * expected).sum(axis=(1, 2), keepdims=True))
    assert (np.linalg.norm(found - expected, axis=(1, 2)) < 0.05 * np.linalg.norm(expected, axis=(1, 2))).all()
    assert (found.min(axis=(1, 2)) < 0).all()
    assert (found.max(axis=(1, 2)) > 0).all()


@pytest.mark.parametrize("count", [4, 40])
def test_what_turns_round_changes_its_colours_and_what_goes_on_keeps_them_at_every_redrawing(count: int) -> None:
    there = growing(count, 15)
    shown = [*there, *(-each for each in there[1:])]  # back over its start to the other side
    reference = normal(5, count, 15, seed=77)
    drawings = [remembered(shown[:last], reference) for last in range(2, len(shown) + 1)]
    for earlier, later in pairwise(drawings):
        same = (earlier[:, -1] * later[:, earlier.shape[1] - 1]).sum(axis=-1)
        assert (same > 0).all(), earlier.shape
    forth, back = drawings[-1][:, len(there) - 1], drawings[-1][:, -1]
    assert ((forth * back).sum(axis=-1) < -0.9 * np.linalg.norm(forth, axis=-1) * np.linalg.norm(back, axis=-1)).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [4, 40])
def test_a_moment_with_nan_hides_no_other_and_changes_no_sign(count: int) -> None:
    shown = growing(count, 15)
    reference = normal(5, count, 15, seed=77)
    expected = remembered(shown, reference)
    shown[4] = shown[4].copy()
    shown[4][2, 1, 3] = np.nan
    found = remembered(shown, reference)
    assert np.isnan(found[2, 4]).any()
    others = np.arange(len(shown)) != 4
    np.testing.assert_allclose(found[:, others], expected[:, others], rtol=0.02, atol=0.02)
    assert np.isfinite(remembered([np.full_like(shown[0], np.nan), *shown[1:4]], reference)[:, 1:]).all()


def test_complex_channels_and_those_reduced_otherwise_are_remembered_as_they_are() -> None:
    shown = [normal(3, 4, 6, seed=seed) for seed in range(3)]
    for how in ("sum", "mean", "max"):
        expected = np.stack([channels.reduce(each, how)[:, 0] for each in shown], axis=1)
        np.testing.assert_array_equal(remembered(shown, shown[0], how), expected)
    expected = np.stack([channels.l2(each) for each in shown], axis=1)
    np.testing.assert_array_equal(remembered(shown, shown[0], "l2"), expected)
    turning = [each.astype(np.complex64) * 1j for each in shown]
    np.testing.assert_allclose(remembered(turning, turning[0]), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, 40, 64), (4, 64, 40), (3, 33, 33)])
def test_principal_of_large_filters_is_the_leading_singular_vector(shape: tuple[int, ...]) -> None:
    for dtype in (np.float32, np.complex64):
        weights = normal(*shape, seed=1, dtype=dtype)
        weights += 3 * normal(shape[0], shape[1], 1, seed=2, dtype=dtype) * normal(shape[0], 1, shape[2], seed=3)
        shown, expected = channels.principal(weights)[:, 0], leading(weights)
        inner = np.abs(np.sum(shown * expected.conj(), axis=1))
        np.testing.assert_allclose(inner, np.sum(np.abs(expected) ** 2, axis=1), rtol=1e-4)


def test_principal_starts_no_thread() -> None:
    program = """
import threading, time
import numpy as np
from filterscope.filters import channels

weights = np.random.default_rng(0).normal(size=(64, 64, 251)).astype(np.float32)
channels.principal(weights)
process, thread = time.process_time(), time.thread_time()
for _ in range(5):
    channels.principal(weights)
    channels.tap_row(weights, weights)
process, thread = time.process_time() - process, time.thread_time() - thread
assert process < 1.1 * thread + 0.01, (process, thread)
"""
    run_script(program)
