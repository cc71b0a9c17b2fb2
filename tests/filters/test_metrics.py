"""Numbers over filters, against formulas written out a second time."""

from __future__ import annotations

import numpy as np
import pytest

from filterscope.filters import metrics
from tests.support.arrays import normal


def filters(*rows: list[float]) -> np.ndarray:
    """Filters of one channel, given by their taps."""
    return np.array(rows, np.float32)[:, None, :]


def real(weights: np.ndarray) -> np.ndarray:
    """Filters as float64 vectors; complex ones as real and imaginary parts."""
    flat = weights.reshape(len(weights), -1)
    parts = [flat.real, flat.imag] if np.iscomplexobj(flat) else [flat]
    return np.concatenate(parts, axis=1).astype(np.float64)


def test_rotation_of_an_orthogonal_filter_is_one() -> None:
    now = filters([2, 0], [0, 3], [-5, 0], [1, 1])
    start = filters([1, 0], [1, 0], [1, 0], [1, 0])
    np.testing.assert_allclose(metrics.rotation(now, start), [0, 1, 2, 1 - np.sqrt(0.5)], atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_rotation_and_norms_follow_the_formulas(dtype: type) -> None:
    now, start = normal(9, 3, 7, seed=1, dtype=dtype), normal(9, 3, 7, seed=2, dtype=dtype)
    a, b = real(now), real(start)
    norms = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(metrics.norms(now), norms[0], rtol=1e-6)
    np.testing.assert_allclose(metrics.rotation(now, start), 1 - (a * b).sum(1) / norms[0] / norms[1], atol=1e-6)
    whole = 1 - (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)
    assert metrics.layer_rotation(now, start) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("angle", [1e-5, 1e-4, 1e-3, 0.1])
def test_small_rotations_are_right(angle: float) -> None:
    start = normal(50, 8, 31, seed=1)
    now = (start + angle * normal(50, 8, 31, seed=2)).astype(np.float32)
    a, b = real(now), real(start)
    unit = a / np.linalg.norm(a, axis=1, keepdims=True), b / np.linalg.norm(b, axis=1, keepdims=True)
    exact = np.square(unit[0] - unit[1]).sum(1) / 2  # without cancellation
    np.testing.assert_allclose(metrics.rotation(now, start), exact, rtol=1e-3)
    whole = np.square(a / np.linalg.norm(a) - b / np.linalg.norm(b)).sum() / 2
    assert metrics.layer_rotation(now, start) == pytest.approx(whole, rel=1e-3)


def test_rotation_of_a_view_in_another_memory_order() -> None:
    now, start = normal(4, 3, 5, seed=1), normal(4, 3, 5, seed=2)
    turned = np.asfortranarray(now)
    np.testing.assert_array_equal(metrics.rotation(turned, start), metrics.rotation(now, start))
    np.testing.assert_allclose(metrics.rotation(now[::2], start[::2]), metrics.rotation(now, start)[::2])


def test_scaling_a_filter_does_not_rotate_it() -> None:
    start = normal(5, 2, 9)
    for scale in (1e-6, 0.5, 1e30):
        np.testing.assert_allclose(metrics.rotation(start * np.float32(scale), start), 0, atol=1e-6)


def test_a_zero_norm_has_no_rotation() -> None:
    some, none = filters([1, 2], [0, 0], [0, 0]), filters([0, 0], [1, 2], [0, 0])
    assert np.isnan(metrics.rotation(some, none)).all()
    assert np.isnan(metrics.layer_rotation(none * 0, some))


def test_a_filter_with_nan_has_no_rotation_and_leaves_the_others_alone() -> None:
    rotation = metrics.rotation(filters([np.nan, 1], [0, 1]), filters([1, 1], [1, 0]))
    assert np.isnan(rotation[0])
    assert rotation[1] == 1


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_change_is_the_relative_step(dtype: type) -> None:
    now, before = normal(4, 2, 6, seed=3, dtype=dtype), normal(4, 2, 6, seed=4, dtype=dtype)
    step = np.linalg.norm(real(now) - real(before)) / np.linalg.norm(real(before))
    assert metrics.change(now, before) == pytest.approx(step, rel=1e-6)
    assert metrics.change(before, before) == 0


def test_change_from_zero_weights_is_undefined() -> None:
    assert np.isnan(metrics.change(normal(2, 1, 3), np.zeros((2, 1, 3), np.float32)))


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (filters([3, 4], [0, 0]), 2.5),
        (np.array([[[3 + 4j, 0]]], np.complex64), np.sqrt(12.5)),
        (np.full((2, 3, 4), 1e30, np.float32), 1e30),
        (np.empty((0, 1, 3), np.float32), 0.0),
    ],
)
def test_rms(weights: np.ndarray, expected: float) -> None:
    assert metrics.rms(weights) == pytest.approx(expected, rel=1e-6)


def test_dead_is_measured_against_the_median_and_not_the_maximum() -> None:
    size = np.array([1.0, 1.0, 1.0, 0.02, 0.009, 0.0, 1e6])  # median 1
    weights = (size[:, None, None] * np.ones((7, 1, 1))).astype(np.float32)
    assert metrics.dead(weights).tolist() == [False, False, False, False, True, True, False]
    assert metrics.dead(weights, threshold=0.5).tolist() == [False, False, False, True, True, True, False]


def test_a_filter_without_norm_is_always_dead() -> None:
    mostly_zero = filters([0, 0], [0, 0], [0, 0], [1, 0])  # median 0
    assert metrics.dead(mostly_zero).tolist() == [True, True, True, False]
    assert metrics.dead(mostly_zero * 0, threshold=0.0).all()


def test_a_diverged_filter_is_not_dead_and_does_not_move_the_median() -> None:
    weights = filters([np.nan, 0], [np.inf, 0], [1, 0], [1, 0], [0.001, 0])
    assert metrics.dead(weights).tolist() == [False, False, False, False, True]


def test_nonfinite_counts_weights() -> None:
    assert metrics.nonfinite(filters([np.nan, np.inf, -np.inf, 1], [0, 0, 0, 0])) == 3
    assert metrics.nonfinite(np.array([[[complex(1, np.nan), 2]]], np.complex64)) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_redundancy_compares_within_groups_only(groups: int, dtype: type) -> None:
    weights = normal(8, 2, 5, seed=5, dtype=dtype)
    vectors = real(weights)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    per_group, best = 8 // groups, []
    for o in range(8):
        rivals = [p for p in range(8) if p != o and p // per_group == o // per_group]
        best.append(max(abs(unit[o] @ unit[p]) for p in rivals))
    assert metrics.redundancy(weights, groups) == pytest.approx(np.mean(best), rel=1e-5)
    if groups == 1:
        assert metrics.redundancy(weights) == metrics.redundancy(weights, 1)


@pytest.mark.parametrize(
    ("rows", "groups", "expected"),
    [
        (([1, 0], [0, 1]), 1, 0.0),
        (([1, 2], [-3, -6]), 1, 1.0),
        (([1, 0], [1, 0], [0, 0], [np.nan, 1]), 1, 1.0),  # filters without a norm are left out
        (([1e30, 0], [2e30, 0], [0, 1e30]), 1, 2 / 3),
        (([1, 0], [1, 0]), 2, np.nan),
        (([1, 0], [0, 0]), 1, np.nan),
    ],
)
def test_redundancy_of_known_filters(rows: tuple[list[float], ...], groups: int, expected: float) -> None:
    assert metrics.redundancy(filters(*rows), groups) == pytest.approx(expected, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("shape", [(6, 2, 9), (30, 1, 7), (5, 5, 1)])
def test_effective_rank_is_the_exponential_of_the_entropy_of_singular_values(
    shape: tuple[int, ...], dtype: type
) -> None:
    weights = normal(*shape, seed=6, dtype=dtype)
    sigma = np.linalg.svd(weights.reshape(len(weights), -1).astype(np.complex128), compute_uv=False)
    share = sigma / sigma.sum()
    assert metrics.effective_rank(weights) == pytest.approx(np.exp(-(share * np.log(share)).sum()), rel=1e-4)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_effective_rank_of_copies_is_one_and_of_orthogonal_filters_their_number(scale: float) -> None:
    same = np.tile(normal(1, 2, 8), (6, 1, 1)) * np.float32(scale)
    assert metrics.effective_rank(same) == pytest.approx(1.0, abs=1e-4)
    assert metrics.effective_rank((np.eye(5) * scale).astype(np.float32)[:, None]) == pytest.approx(5.0, rel=1e-5)


@pytest.mark.parametrize("weights", [np.zeros((3, 1, 4)), np.full((3, 1, 4), np.nan)])
def test_effective_rank_without_finite_nonzero_weights_is_undefined(weights: np.ndarray) -> None:
    assert np.isnan(metrics.effective_rank(weights.astype(np.float32)))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([0, 5, 9.5, 10], 2),  # within 1 of the end from position 2 on
        ([0, 9.5, 5, 9.5, 10], 3),  # a visit that does not last does not count
        ([0, 0, 0, 10], None),  # nothing shows that it stays
        ([10, 10, 10], 0),
        ([0, np.nan, 9.5, 10], 2),
        ([0, 5, np.nan], None),  # an end that is not finite is near nothing
        ([7], None),
        ([float(i) for i in range(21)], None),  # straight on: near its end for a tenth of the time
        ([*map(float, range(17)), 16, 16, 16, 16], 15),  # within 1.6 of the end
        ([*map(float, range(18)), 17, 17, 17], 16),
        ([*map(float, range(19)), 18, 18], None),
    ],
)
def test_convergence_is_where_the_layer_stays_near_its_end(path: list[float], expected: int | None) -> None:
    weights = np.array(path, np.float32)[:, None, None, None] * np.ones((1, 2, 1, 3), np.float32)
    times = 5 * np.arange(len(path))
    assert metrics.convergence(weights, np.zeros((2, 1, 3), np.float32), times) == expected


def test_convergence_goes_by_times_and_not_by_the_number_of_snapshots() -> None:
    weights = np.array([0, 5, 10, 10, 10], np.float32)[:, None, None, None] * np.ones((1, 2, 1, 3), np.float32)
    nothing = np.zeros((2, 1, 3), np.float32)
    assert metrics.convergence(weights, nothing, np.array([0, 10, 20, 30, 40])) == 2
    assert metrics.convergence(weights, nothing, np.array([0, 90, 98, 99, 100])) is None


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("bins", [30, 40, 64])
def test_histogram_agrees_with_numpy(bins: int, dtype: type) -> None:
    weights = normal(20, 3, 11, seed=7, dtype=dtype)
    values = np.abs(weights) if np.iscomplexobj(weights) else weights
    edges, counts = metrics.histogram(weights, bins)
    expected, expected_edges = np.histogram(values.astype(np.float64), bins)
    np.testing.assert_array_equal(edges, expected_edges)
    assert np.abs(counts - expected).sum() <= 2  # a value on an edge may fall on either side
    assert counts.sum() == values.size


@pytest.mark.parametrize("value", [0.0, 1.0, -0.25, 1e30, -1e30, 1e-30, 16777216.0])
def test_histogram_of_a_constant_has_room_around_it(value: float) -> None:
    edges, counts = metrics.histogram(np.full((2, 3, 4), value, np.float32))
    assert (np.diff(edges) > 0).all()
    assert edges[0] < np.float32(value) < edges[-1]
    assert counts.sum() == 24


@pytest.mark.parametrize("scale", [1e-38, 1e30, 1e38])
def test_histogram_of_tiny_and_huge_weights_keeps_all(scale: float) -> None:
    weights = (np.linspace(-3, 3, 60) * scale).astype(np.float32).reshape(5, 3, 4)
    edges, counts = metrics.histogram(weights, 30)
    assert np.isfinite(edges).all()
    assert counts.tolist() == [2] * 30


def test_histogram_leaves_out_nan_and_infinity() -> None:
    edges, counts = metrics.histogram(filters([np.nan, np.inf, -np.inf, 1, 2]))
    assert (edges[0], edges[-1], counts.sum()) == (1, 2, 2)


@pytest.mark.parametrize("weights", [np.empty((0, 1, 3)), np.full((1, 1, 2), np.nan)])
def test_histogram_of_nothing_is_empty(weights: np.ndarray) -> None:
    edges, counts = metrics.histogram(weights.astype(np.float32))
    assert edges.size == counts.size == 0


def test_no_filters_have_no_numbers() -> None:
    none = np.empty((0, 1, 4), np.float32)
    assert metrics.norms(none).shape == metrics.rotation(none, none).shape == metrics.dead(none).shape == (0,)
    assert np.isnan(metrics.redundancy(none))
    assert np.isnan(metrics.effective_rank(none))


@pytest.mark.filterwarnings("error")
def test_weights_that_stay_infinite_are_undefined_without_a_warning() -> None:
    weights, zero = filters([np.inf, 1], [2, 3]), np.zeros((2, 1, 2), np.float32)
    assert np.isnan(metrics.change(weights, weights))
    assert np.isnan(metrics.layer_rotation(weights, weights))
    assert np.isnan(metrics.rotation(weights, zero)).all()
    assert metrics.rotation(weights, weights)[1] == 0
