"""Matrix measures as the recording thread computes them: by torch."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from filterscope.filters import metrics
from filterscope.recording import algebra
from tests.support.arrays import normal


def decaying(rate: float) -> np.ndarray:
    """Filters whose singular values fall by a factor from one to the next."""
    left, _, right = np.linalg.svd(normal(24, 40, seed=2, dtype=np.float64), full_matrices=False)
    return ((left * rate ** np.arange(24)) @ right).astype(np.float32).reshape(24, 8, 5)


CASES = {
    "wide": normal(40, 16, 3),
    "complex": normal(40, 16, 3, dtype=np.complex64),
    "tall": normal(70, 1, 9),
    "square": normal(130, 130, 1),
    "decaying a little": decaying(0.9),
    "decaying": decaying(0.6),
    "decaying fast": decaying(0.2),
    "copies": np.tile(normal(3, 4, 8), (6, 1, 1)),
    "huge": normal(20, 8, 3) * np.float32(1e30),
    "tiny": normal(20, 8, 3) * np.float32(1e-30),
    "one filter": normal(1, 4, 9),
    "a zero filter": normal(20, 8, 3) * (np.arange(20) != 4)[:, None, None].astype(np.float32),
    "all zero": np.zeros((5, 2, 3), np.float32),
    "NaN": np.where(np.arange(20)[:, None, None] == 4, np.nan, normal(20, 8, 3)).astype(np.float32),
    "infinite": np.where(np.arange(20)[:, None, None] == 4, np.inf, normal(20, 8, 3)).astype(np.float32),
    "one filter tiny": normal(20, 8, 3) * np.where(np.arange(20) == 4, 1e-25, 1)[:, None, None].astype(np.float32),
}


def assert_agree(weights: np.ndarray, groups: int = 1) -> None:
    redundancy, rank = metrics.matrix_measures(weights, groups, algebra.gram, algebra.eigenvalues)
    assert redundancy == pytest.approx(metrics.redundancy(weights, groups), rel=1e-5, nan_ok=True)
    assert rank == pytest.approx(metrics.effective_rank(weights), rel=1e-5, nan_ok=True)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_both_measures_at_once_agree_with_each_of_them_in_double_precision(case: str, groups: int) -> None:
    assert_agree(CASES[case], groups)


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_they_agree_too_where_the_user_has_products_rounded(precision: str) -> None:
    usual = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        assert_agree(CASES["wide"])
    finally:
        torch.set_float32_matmul_precision(usual)


@pytest.mark.parametrize("count", [1, 65])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_a_gram_matrix_is_numpys(count: int, dtype: type) -> None:
    rows = normal(count, 30, dtype=dtype)
    np.testing.assert_allclose(algebra.gram(rows), metrics.gram(rows), rtol=1e-12, atol=1e-12)


def test_one_thread_for_the_recording_thread_leaves_all_others_theirs() -> None:
    usual, counts = torch.get_num_threads(), []

    def record() -> None:
        algebra.use_one_thread()
        counts.append(torch.get_num_threads())

    for target in (record, lambda: counts.append(torch.get_num_threads())):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    assert counts == [1, usual]
    assert torch.get_num_threads() == usual
