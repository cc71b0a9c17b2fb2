"""Numbers that say how filters change: pure functions of arrays ``(filters, channels, taps)``.

A filter is the vector of its ``channels x taps`` weights. Complex filters count as real vectors of twice the
length. A filter's sums run in float32, a layer's in float64. Where a formula is undefined, the answer is NaN.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: Weights that a histogram takes at a time, so that its steps stay in the processor's cache.
_CHUNK = 1 << 15
#: Edge of the blocks of a matrix product. OpenBLAS starts threads above 64 x 64 x 64.
_BLOCK = 64


def _rows(weights: Array) -> Array:
    """Filters as the rows of a real matrix ``(filters, channels taps)``."""
    rows = np.ascontiguousarray(weights).reshape(len(weights), int(np.prod(weights.shape[1:])))
    return np.asarray(rows.view(np.float32) if np.iscomplexobj(rows) else rows)


def _dots(a: Array, b: Array) -> Array:
    """Row-wise inner products, float64; finite for all finite float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        quick = np.einsum("ij,ij->i", a, b)
    if np.isfinite(quick).all() and (quick.size == 0 or np.abs(quick).min() > 1e-30):
        return np.asarray(quick.astype(np.float64))
    # Squares of huge and of tiny weights leave the range of float32.
    return np.asarray(np.einsum("ij,ij->i", a, b, dtype=np.float64, optimize=False))


def norms(weights: Array) -> Array:
    """Euclidean norm of every filter: shape ``(filters,)``."""
    rows = _rows(weights)
    return np.sqrt(_dots(rows, rows))


def rotation(weights: Array, reference: Array) -> Array:
    """``1 - cos(filter, reference filter)``: shape ``(filters,)``, 0 unmoved, 1 orthogonal, 2 reversed.

    Source: Carbonnelle and De Vleeschouwer, "Layer rotation", arXiv 1806.01603. NaN where either norm is zero.
    """
    rows, reference_rows = _rows(weights), _rows(reference)
    return _rotation(_dots(rows, reference_rows), norms(weights), norms(reference))


def layer_rotation(weights: Array, reference: Array) -> float:
    """Rotation of the whole layer, taken as one vector."""
    rows, reference_rows = _rows(weights), _rows(reference)
    sizes = [np.atleast_1d(_total(norms(each))) for each in (weights, reference)]
    return float(_rotation(_dots(rows, reference_rows).sum(keepdims=True), sizes[0], sizes[1])[0])


def _rotation(dot: Array, norm: Array, reference_norm: Array) -> Array:
    product = norm * reference_norm
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.where(product > 0, dot / product, np.nan)
    return 1.0 - np.clip(cosine, -1.0, 1.0)


def _total(sizes: Array) -> float:
    """Norm of a layer from those of its filters."""
    return float(np.sqrt(np.sum(np.square(sizes))))


def change(weights: Array, previous: Array) -> float:
    """``|W - W_previous| / |W_previous|`` over the layer; NaN if the previous weights were all zero."""
    before = _total(norms(previous))
    return _total(norms(weights - previous)) / before if before > 0 else float("nan")


def rms(weights: Array) -> float:
    """Root mean square of the layer's weights (of their magnitudes, if complex)."""
    return _total(norms(weights)) / float(np.sqrt(max(weights.size, 1)))


def dead(weights: Array, threshold: float = 0.01) -> Array:
    """Filters whose norm is below ``threshold`` times the layer's median norm, or zero: bool ``(filters,)``.

    The median, not the maximum: a heavy tail of norms would make healthy filters look dead.
    """
    size = norms(weights)
    finite = size[np.isfinite(size)]
    median = float(np.median(finite)) if finite.size else 0.0
    return np.asarray((size == 0) | (size < threshold * median))


def nonfinite(weights: Array) -> int:
    """Number of NaN and infinite weights."""
    return int(weights.size - np.count_nonzero(np.isfinite(weights)))


def gram(rows: Array) -> Array:
    """Inner products of all pairs of rows: ``rows @ rows.conj().T``, ``(n, n)``.

    Block by block: a product of larger matrices would start threads, which take the cores from training and go on
    waiting at full speed for a tenth of a second.
    """
    count, length = rows.shape
    products = np.empty((count, count), rows.dtype)
    for i in range(0, count, _BLOCK):
        for j in range(i, count, _BLOCK):
            left, right = rows[i : i + _BLOCK], rows[j : j + _BLOCK].conj()
            parts = (left[:, k : k + _BLOCK] @ right[:, k : k + _BLOCK].T for k in range(0, length, _BLOCK))
            block = functools.reduce(operator.iadd, parts)
            products[i : i + _BLOCK, j : j + _BLOCK] = block
            products[j : j + _BLOCK, i : i + _BLOCK] = block.conj().T
    return products


def redundancy(weights: Array, groups: int | Array = 1) -> float:
    """Mean over filters of the largest absolute cosine with another filter of the same group.

    0: all orthogonal; 1: every filter has a copy. Filters without a norm are left out; NaN if no group has two.

    Args:
        weights: Shape ``(filters, channels, taps)``.
        groups: How many equal groups the filters form, or the group number of each, ``(filters,)``.
    """
    best: list[Array] = []
    rows = _rows(weights)
    numbers = np.arange(len(rows)) * max(groups, 1) // max(len(rows), 1) if isinstance(groups, int) else groups
    for number in np.unique(numbers):
        group = rows[numbers == number]
        size = np.sqrt(_dots(group, group))
        kept = np.isfinite(size) & (size > 0)
        if kept.sum() < 2:
            continue
        unit = group[kept] / size[kept, None].astype(np.float32)
        cosine = np.abs(gram(unit))
        np.fill_diagonal(cosine, 0.0)
        best.append(cosine.max(axis=1))
    return float(np.mean(np.minimum(np.concatenate(best), 1.0))) if best else float("nan")


def effective_rank(weights: Array, eigenvalues: Callable[[Array], Array] = np.linalg.eigvalsh) -> float:
    """``exp(entropy(sigma / sum sigma))`` of the ``filters x (channels taps)`` matrix.

    Source: Roy and Vetterli, "The effective rank", EUSIPCO 2007. The singular values come from the smaller Gram
    matrix. NaN for all-zero or non-finite weights.

    Args:
        weights: Shape ``(filters, channels, taps)``.
        eigenvalues: Gives those of a Hermitian matrix, in ascending order.
    """
    matrix = np.ascontiguousarray(weights).reshape(len(weights), int(np.prod(weights.shape[1:])))
    if not np.isfinite(matrix).all():
        return float("nan")
    peak = float(np.abs(matrix).max(initial=0.0))
    if peak == 0:
        return float("nan")
    matrix = (matrix / peak).astype(np.complex128 if np.iscomplexobj(matrix) else np.float64)
    squares = eigenvalues(gram(matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T))
    # Rounding leaves eigenvalues of about 1e-16 where the true ones are 0; their roots would count.
    sigma = np.sqrt(squares[squares > squares[-1] * len(squares) * np.finfo(np.float64).eps])
    share = sigma / sigma.sum()
    return float(np.exp(-np.sum(share * np.log(share))))


def convergence(weights: Array, reference: Array) -> int:
    """Position of the first snapshot from which the layer stays near its last weights.

    The first ``e`` with ``|W_e' - W_E| <= 0.1 |W_0 - W_E|`` for every ``e' >= e``; ``weights`` is
    ``(E, filters, channels, taps)``.
    """
    distance = np.array([norms((snapshot - weights[-1])[None])[0] for snapshot in weights])
    far = np.flatnonzero(~(distance <= 0.1 * norms((reference - weights[-1])[None])[0]))
    return int(min(far[-1] + 1, len(weights) - 1)) if far.size else 0


def histogram(weights: Array, bins: int = 40) -> tuple[Array, Array]:
    """Uniform histogram of the finite weights (of their magnitudes, if complex).

    Returns:
        Edges ``(bins + 1,)`` and counts ``(bins,)``, float64. The counts sum to the number of finite weights; both
        are empty where there is none.
    """
    values = np.abs(weights).ravel() if np.iscomplexobj(weights) else weights.ravel()
    finite = np.isfinite(values)
    if not finite.all():
        values = values[finite]
    if values.size == 0:
        return np.empty(0), np.empty(0)
    low, high = float(values.min()), float(values.max())
    if low == high:
        # A bin needs a width: one that is small beside the value, yet survives float64.
        margin = max(abs(low) * 1e-3, 1e-6)
        low, high = low - margin, high + margin
    counts = np.zeros(bins, np.int64)
    for start in range(0, values.size, _CHUNK):
        part = values[start : start + _CHUNK].astype(np.float64)
        position = ((part - low) * (bins / (high - low))).astype(np.int64)
        counts += np.bincount(np.minimum(position, bins - 1), minlength=bins)
    return np.linspace(low, high, bins + 1), counts.astype(np.float64)
