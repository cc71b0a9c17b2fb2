"""Numbers that say how filters change: pure functions of arrays ``(filters, channels, taps)``.

A filter is the vector of its ``channels x taps`` weights. Complex filters count as real vectors of twice the
length. Sums run in float64: rotations of 1e-8 are right, and squares of all finite weights are finite. Where a formula
is undefined, the answer is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from filterscope.filters.arrays import Array

#: Weights that are worked on at a time: a layer may be large, and what is made for them stays in the cache.
_CHUNK = 30_000


def _rows(weights: Array) -> Array:
    """Filters as the rows of a real matrix ``(filters, channels taps)``."""
    rows = _flat(weights)
    return np.asarray(rows.view(np.float32) if np.iscomplexobj(rows) else rows)


def _flat(weights: Array) -> Array:
    return np.ascontiguousarray(weights).reshape(len(weights), int(np.prod(weights.shape[1:])))


def _dots(a: Array, b: Array) -> Array:
    """Row-wise inner products."""
    with np.errstate(invalid="ignore"):  # of infinite weights
        return np.asarray(np.einsum("ij,ij->i", a, b, dtype=np.float64))


def norms(weights: Array) -> Array:
    """Euclidean norm of every filter: shape ``(filters,)``."""
    rows = _rows(weights)
    return np.sqrt(_dots(rows, rows))


def rotation(weights: Array, reference: Array, sizes: Array | None = None, before: Array | None = None) -> Array:
    """``1 - cos(filter, reference filter)``: shape ``(filters,)``, 0 unmoved, 1 orthogonal, 2 reversed.

    Source: Carbonnelle and De Vleeschouwer, "Layer rotation", arXiv 1806.01603. NaN where either norm is zero.

    Args:
        weights: Shape ``(filters, channels, taps)``.
        reference: The same.
        sizes: Norms of the filters, if known.
        before: Norms of the reference filters, if known.
    """
    dots = _dots(_rows(weights), _rows(reference))
    return _rotation(dots, _known(sizes, weights), _known(before, reference))


def layer_rotation(weights: Array, reference: Array, sizes: Array | None = None, before: Array | None = None) -> float:
    """Rotation of the whole layer, taken as one vector; arguments as for :func:`rotation`."""
    dot = _dots(_rows(weights), _rows(reference)).sum(keepdims=True)
    totals = [np.atleast_1d(_total(each)) for each in (_known(sizes, weights), _known(before, reference))]
    return float(_rotation(dot, totals[0], totals[1])[0])


def _known(sizes: Array | None, weights: Array) -> Array:
    return norms(weights) if sizes is None else sizes


def _rotation(dot: Array, norm: Array, reference_norm: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        product = norm * reference_norm
        cosine = np.where(product > 0, dot / product, np.nan)
    return 1.0 - np.clip(cosine, -1.0, 1.0)


def _total(sizes: Array) -> float:
    """Norm of a layer from those of its filters."""
    return float(np.sqrt(np.sum(np.square(sizes))))


def change(weights: Array, previous: Array, before: Array | None = None) -> float:
    """``|W - W_previous| / |W_previous|`` over the layer; NaN if the previous weights were all zero.

    Args:
        weights: Shape ``(filters, channels, taps)``.
        previous: The same.
        before: Norms of the previous filters, if known.
    """
    total = _total(_known(before, previous))
    if not total > 0:
        return float("nan")
    most = max(_CHUNK // max(int(np.prod(weights.shape[1:])), 1), 1)  # filters
    with np.errstate(over="ignore", invalid="ignore"):
        steps = [norms(weights[i : i + most] - previous[i : i + most]) for i in range(0, len(weights), most)]
    return _total(np.concatenate(steps)) / total


def difference(weights: Array, reference: Array) -> Array:
    """``weights - reference``; 0 where nothing but rounding to float16 parts the two.

    A reference is recorded exactly and the snapshots after it are not: of a frozen layer, the rest would be noise.
    """
    now, then = (np.ascontiguousarray(each).view(np.float32).ravel() for each in (weights, reference))
    found = np.empty_like(now)
    with np.errstate(over="ignore", invalid="ignore"):
        for i in range(0, now.size, _CHUNK):
            a, b = now[i : i + _CHUNK], then[i : i + _CHUNK]
            part = np.subtract(a, b, out=found[i : i + _CHUNK])
            # Half an ulp is 2^-11 of a normal number, and 2^-25 of smaller ones: few are so near once a layer learns.
            near = np.flatnonzero(np.abs(part) <= np.maximum(np.abs(a) * 2.0**-10, 2.0**-25))
            a, b = a[near], b[near]
            part[near[(b.astype(np.float16) == a) | (a.astype(np.float16) == b)]] = 0
    return found.view(weights.dtype).reshape(weights.shape)


def rms(weights: Array, sizes: Array | None = None) -> float:
    """Root mean square of the layer's weights (of their magnitudes, if complex); ``sizes`` are norms, if known."""
    return _total(_known(sizes, weights)) / float(np.sqrt(max(weights.size, 1)))


def dead(weights: Array, threshold: float = 0.01, sizes: Array | None = None) -> Array:
    """Filters whose norm is below ``threshold`` times the layer's median norm, or zero: bool ``(filters,)``.

    The median, not the maximum: a heavy tail of norms would make healthy filters look dead.
    """
    size = _known(sizes, weights)
    finite = size[np.isfinite(size)]
    median = float(np.median(finite)) if finite.size else 0.0
    return np.asarray((size == 0) | (size < threshold * median))


def nonfinite(weights: Array) -> int:
    """Number of NaN and infinite weights."""
    return int(weights.size - np.count_nonzero(np.isfinite(weights)))


def gram(rows: Array) -> Array:
    """Inner products of all pairs of rows: ``(n, n)``."""
    with np.errstate(invalid="ignore"):  # of infinite weights
        return np.asarray(rows @ rows.conj().T)


def redundancy(weights: Array, groups: int | Array = 1) -> float:
    """Mean over filters of the largest absolute cosine with another filter of the same group.

    0: all orthogonal; 1: every filter has a copy. Filters without a norm are left out; NaN if no group has two.

    Args:
        weights: Shape ``(filters, channels, taps)``.
        groups: How many equal groups the filters form, or the group number of each, ``(filters,)``.
    """
    rows = _matrix(weights)
    numbers = np.arange(len(rows)) * max(groups, 1) // max(len(rows), 1) if isinstance(groups, int) else groups
    return _redundancy(gram(rows[numbers == number]) for number in np.unique(numbers))


def effective_rank(weights: Array) -> float:
    """``exp(entropy(sigma / sum sigma))`` of the ``filters x (channels taps)`` matrix.

    Source: Roy and Vetterli, "The effective rank", EUSIPCO 2007. The singular values come from the smaller Gram
    matrix. NaN for all-zero or non-finite weights.
    """
    rows = _matrix(weights)
    return _effective_rank(gram(rows if rows.shape[0] <= rows.shape[1] else rows.T), np.linalg.eigvalsh)


def matrix_measures(
    weights: Array, groups: int, products: Callable[[Array], Array], eigenvalues: Callable[[Array], Array]
) -> tuple[float, float]:
    """Redundancy and effective rank, from one Gram matrix where it serves both.

    Args:
        weights: Shape ``(filters, channels, taps)``.
        groups: How many equal groups the filters form.
        products: Does what :func:`gram` does.
        eigenvalues: Gives those of a Hermitian matrix, in ascending order.
    """
    rows = _matrix(weights)
    is_wide = rows.shape[0] <= rows.shape[1]
    parts = [products(part) for part in np.array_split(rows, groups)]
    whole = parts[0] if groups == 1 and is_wide else products(rows if is_wide else rows.T)
    return _redundancy(parts), _effective_rank(whole, eigenvalues)


def _matrix(weights: Array) -> Array:
    """Filters as rows, in double precision."""
    rows = _flat(weights)
    return np.asarray(rows.astype(np.complex128 if np.iscomplexobj(rows) else np.float64))


def _redundancy(grams: Iterable[Array]) -> float:
    """From the inner products within each group of filters."""
    best: list[Array] = []
    for products in grams:
        size = np.sqrt(np.diagonal(products).real)
        kept = np.isfinite(size) & (size > 0)
        if kept.sum() < 2:
            continue
        inner = products.real if kept.all() else products.real[np.ix_(kept, kept)]
        cosine = np.abs(inner / size[kept])
        np.fill_diagonal(cosine, 0.0)
        best.append(cosine.max(axis=1) / size[kept])
    return float(np.mean(np.minimum(np.concatenate(best), 1.0))) if best else float("nan")


def _effective_rank(products: Array, eigenvalues: Callable[[Array], Array]) -> float:
    """From the smaller Gram matrix."""
    if not products.size or not np.isfinite(products).all() or not products.any():
        return float("nan")
    squares = eigenvalues(products)
    # Rounding leaves eigenvalues of about 1e-16 where the true ones are 0; their roots would count.
    sigma = np.sqrt(squares[squares > squares[-1] * len(squares) * np.finfo(np.float64).eps])
    share = sigma / sigma.sum()
    return float(np.exp(-np.sum(share * np.log(share))))


def convergence(weights: Array, reference: Array, times: Array) -> int | None:
    """Position of the first snapshot from which the layer stays near its last weights; ``None`` if it may still move.

    The first ``e`` with ``|W_e' - W_E| <= 0.1 |W_0 - W_E|`` for every ``e' >= e``. A layer that goes straight on is
    near its last weights for the last tenth of the time: one that has settled there has stayed for a fifth at least.

    Args:
        weights: Shape ``(E, filters, channels, taps)``.
        reference: ``W_0``, shape ``(filters, channels, taps)``.
        times: Shape ``(E,)``, rising: epochs or steps.
    """
    with np.errstate(invalid="ignore"):  # of infinite weights
        distance = np.array([norms((each - weights[-1])[None])[0] for each in (reference, *weights)])
    far = np.flatnonzero(~(distance[1:] <= 0.1 * distance[0]))
    position = int(far[-1]) + 1 if far.size else 0
    if position >= len(weights) - 1:
        return None
    return position if times[-1] - times[position] >= 0.2 * (times[-1] - times[0]) else None


def histogram(weights: Array, bins: int = 40) -> tuple[Array, Array]:
    """Uniform histogram of the finite weights (of their magnitudes, if complex).

    Returns:
        Edges ``(bins + 1,)`` and counts ``(bins,)``, float64. The counts sum to the number of finite weights; both
        are empty where there is none.
    """
    values = np.abs(weights).ravel() if np.iscomplexobj(weights) else weights.ravel()
    if values.size and not np.isfinite([values.min(), values.max()]).all():
        values = values[np.isfinite(values)]
    if values.size == 0:
        return np.empty(0), np.empty(0)
    low, high = float(values.min()), float(values.max())
    if low == high:
        # A bin needs a width: one that is small beside the value, yet survives float64.
        margin = max(abs(low) * 1e-3, 1e-6)
        low, high = low - margin, high + margin
    counts = np.zeros(bins + 1, np.int64)  # the largest weights lie at the end of the last bin
    for start in range(0, values.size, _CHUNK):  # numpy's own takes three times as long
        position = (values[start : start + _CHUNK].astype(np.float64) - low) * (bins / (high - low))
        counts += np.bincount(position.astype(np.int32), minlength=bins + 1)
    counts[-2] += counts[-1]
    return np.linspace(low, high, bins + 1), counts[:-1].astype(np.float64)
