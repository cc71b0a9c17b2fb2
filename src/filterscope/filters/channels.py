"""Reductions of a filter's input channels to one temporal shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from filterscope.filters.arrays import Array
from filterscope.filters.words import CHANNELS

#: Up to so many channels, ``"auto"`` shows each of them.
AUTO_LIMIT = 8

#: Numbers that tell a direction over channels, at most.
_MOST_MARKS = 16
#: Rows of matrices whose eigenvectors numpy finds on one thread, and quicker than steps to the first one would.
_MOST_EXACT = 16
#: Steps to an eigenvector, and the part of it, at which they end before, that may be others.
_MOST_STEPS, _TOLERANCE = 100, 1e-4


def check(channels: str) -> None:
    """Refuse with a ValueError what is none of :data:`CHANNELS`."""
    if channels not in CHANNELS:
        raise ValueError(f"channels={channels!r} is not a channel reduction; use one of {', '.join(CHANNELS)}")


def resolve(channels: str, count: int, is_lettered: bool = False) -> str:
    """What ``"auto"`` and ``"logo"`` mean: a logo of letters; else all channels up to 8, the principal shape above."""
    check(channels)
    if channels not in ("auto", "logo"):
        return channels
    return "logo" if is_lettered else "all" if count <= AUTO_LIMIT else "principal"


def reduce(weights: Array, channels: str, reference: Array | None = None) -> Array:
    """Reduce the channel axis of ``(filters, channels, taps)``.

    Args:
        weights: Filters.
        channels: ``"all"`` keeps every channel; ``"sum"``, ``"mean"`` and ``"max"`` are taken tap by tap
            (opposite signs cancel in the first two); ``"l2"`` is the root of the sum of squares, without sign;
            ``"principal"`` is the temporal shape of the best rank-one approximation, in units of weight;
            ``"logo"`` keeps every channel, less the mean of them all at each tap: to add a number to all channels of a
            tap changes nothing where the input is one-hot, but for the bias. ``"auto"`` as in :func:`resolve`.
        reference: Filters that fix the sign of ``"principal"``.

    Returns:
        Shape ``(filters, 1, taps)``; of all channels for ``"logo"``, or ``weights`` itself for ``"all"``.
    """
    how = channels if channels == "logo" else resolve(channels, weights.shape[1])
    if how == "all" or (weights.shape[1] == 1 and how != "l2"):
        return weights
    if how == "logo":
        with np.errstate(invalid="ignore"):  # of infinite weights
            return np.asarray(weights - weights.mean(axis=1, keepdims=True))
    if how == "l2":
        return l2(weights)[:, None]
    if how == "max" and np.iscomplexobj(weights):
        return np.take_along_axis(weights, np.abs(weights).argmax(axis=1)[:, None], axis=1)
    if how in ("sum", "mean", "max"):
        return np.asarray(getattr(weights, how)(axis=1, keepdims=True))
    return principal(weights, reference)


def tap_row(shown: Array, reference: Array, channels: str = "auto", before: Array | None = None) -> Array:
    """What must be remembered of a moment to show one temporal shape of every filter, by :func:`tap_rows`.

    Args:
        shown: Weights, or what they differ by: ``(filters, channels, taps)``.
        reference: Filters that fix the sign of ``"principal"``, at the first moment that is not all zero.
        channels: A reduction; ``"auto"`` and ``"all"`` as ``"principal"``. Complex weights have magnitudes only.
        before: What was remembered of the moment before, if there was one: directions keep their sign from there on,
            so that a picture that is drawn again never turns its colours round.

    Returns:
        Shape ``(filters, n)``, of as many numbers as taps, or of a few more for the direction.
    """
    if is_one_sided(shown, channels):
        return l2(shown)
    if not _is_along_principal(shown, channels):
        return np.asarray(reduce(shown, channels, reference)[:, 0])
    is_whole, taps = _is_kept_whole(shown), shown.shape[2]
    direction, shape = _leading(shown) if before is None or is_whole else _following(shown, before[:, -taps:])
    mark = _mark(direction)
    known = np.zeros_like(mark) if before is None else before[:, : mark.shape[1]]
    agreement = np.einsum("fm,fm->f", mark, known)
    is_first = ~known.any(axis=1)
    if is_first.any():
        anchor = principal(reference[is_first])[:, 0]
        agreement[is_first] = np.einsum("fk,fk->f", np.nan_to_num(shape[is_first]), np.nan_to_num(anchor))
    sign = np.where(agreement < 0, -1, 1)[:, None]
    mark = np.where(mark.any(axis=1, keepdims=True), sign * mark, known)  # of nothing, or NaN: as it was
    rest = shown.reshape(len(shown), -1) if is_whole else sign * shape
    return np.concatenate([mark, rest], axis=1).astype(np.float32)


def tap_rows(rows: Sequence[Array], shown: Array, channels: str = "auto") -> Array:
    """Temporal shapes of every filter at all moments.

    Where several channels are reduced to their principal shape, it is along the principal direction of the *newest*
    moment at all of them: one and the same sum of channels, so that moments compare. Of more channels than
    :data:`AUTO_LIMIT`, what a moment had beside a principal shape of its own is left out.

    Args:
        rows: One of each moment, from :func:`tap_row`, in the order of time.
        shown: Of one of them.
        channels: The reduction.

    Returns:
        Shape ``(filters, E, taps)``.
    """
    stacked = np.stack(rows, axis=1)
    if is_one_sided(shown, channels) or not _is_along_principal(shown, channels):
        return stacked
    filters, count, taps = shown.shape
    marks, rest = np.split(stacked, [stacked.shape[2] - (count * taps if _is_kept_whole(shown) else taps)], axis=2)
    newest = marks[:, -1]
    if _is_kept_whole(shown):
        return np.asarray(np.einsum("fc,feck->fek", newest, rest.reshape(filters, len(rows), count, taps)))
    return np.asarray(np.einsum("fm,fem->fe", newest, marks)[:, :, None] * rest)


def is_one_sided(weights: Array, channels: str) -> bool:
    """Whether :func:`tap_rows` gives magnitudes: of complex weights, and where they were asked for."""
    return bool(np.iscomplexobj(weights) or channels == "l2")


def _is_along_principal(shown: Array, channels: str) -> bool:
    return shown.shape[1] > 1 and channels not in ("sum", "mean", "max", "l2")


def _is_kept_whole(shown: Array) -> bool:
    """Whether few enough channels are remembered one by one."""
    return bool(shown.shape[1] <= AUTO_LIMIT)


def _mark(direction: Array) -> Array:
    """What is remembered of directions ``(filters, channels)``, to tell how near they are to one another.

    They themselves, or where they are long, their projections on fixed random ones: unit vectors whose inner products
    are about the same.
    """
    count = direction.shape[1]
    if count <= _MOST_MARKS:
        return direction
    mixed = np.einsum("fc,mc->fm", direction, np.random.default_rng(0).standard_normal((_MOST_MARKS, count)))
    size = np.linalg.norm(mixed, axis=1, keepdims=True)
    return np.asarray(mixed / np.where(size > 0, size, 1))


def real_rows(weights: Array) -> Array:
    """Complex channels as a real and an imaginary row each; real ones as they are."""
    if not np.iscomplexobj(weights):
        return weights
    return np.stack([weights.real, weights.imag], axis=2).reshape(len(weights), -1, weights.shape[2])


def l2(weights: Array) -> Array:
    """Root of the sum of squares over channels: ``(filters, channels, taps)`` to real ``(filters, taps)``."""
    sizes = np.abs(weights) if np.iscomplexobj(weights) else weights
    return np.asarray(np.sqrt(np.einsum("fck,fck->fk", sizes, sizes, dtype=np.float64)).astype(np.float32))


def principal(weights: Array, reference: Array | None = None) -> Array:
    """Temporal shape of the rank-one approximation of every ``channels x taps`` filter.

    The right singular vector scaled by its singular value. Its sign (its phase, if complex) is free: it is chosen so
    that the inner product with the reference filter's shape is positive, or without a reference so that its largest
    tap is.

    Returns:
        Shape ``(filters, 1, taps)``. NaN for a filter with non-finite weights.
    """
    peak = _peaks(weights)
    shape = _leading(weights / peak)[1]
    if reference is None:
        anchor = np.take_along_axis(shape, np.abs(shape).argmax(axis=1)[:, None], axis=1)[:, 0]
    else:
        anchor = np.einsum("fk,fk->f", shape, principal(reference / _peaks(reference))[:, 0].conj())
    size = np.abs(anchor)
    phase = np.where(size > 0, anchor, 1) / np.where(size > 0, size, 1)
    return np.asarray(((shape * phase.conj()[:, None])[:, None] * peak).astype(weights.dtype))


def _peaks(weights: Array) -> Array:
    """Largest magnitude of every filter, by which to divide so that squares stay in float32: ``(filters, 1, 1)``."""
    peak = np.abs(weights).max(axis=(1, 2), initial=0.0)[:, None, None]
    return np.where(np.isfinite(peak) & (peak > 0), peak, 1)


def _leading(weights: Array) -> tuple[Array, Array]:
    """The best rank-one approximation of every filter, a direction over channels and a shape over taps.

    By sums of products and eigenvalues of small matrices: a matrix product of numpy's, and its eigenvalues of matrices
    of more than about 32 rows, start threads that then spin in the way of training.

    Args:
        weights: Shape ``(filters, channels, taps)``, whose squares are finite.

    Returns:
        Directions ``(filters, channels)``, of length 1; shapes ``(filters, taps)``, in units of weight. Of zero filters
        both are zero; of such with NaN or infinite weights directions are zero and shapes NaN.
    """
    broken = np.asarray(~np.isfinite(weights).all(axis=(1, 2)))
    exact = np.where(broken[:, None, None], 0, weights).astype(np.result_type(weights, np.float64))
    if weights.shape[1] <= weights.shape[2]:
        direction = _first_eigenvector(np.einsum("fck,fdk->fcd", exact, exact.conj()))
    else:
        turned = np.ascontiguousarray(exact.transpose(0, 2, 1))
        direction = np.einsum("fck,fk->fc", exact, _first_eigenvector(np.einsum("fkc,flc->fkl", turned.conj(), turned)))
    size = np.sqrt(np.einsum("fc,fc->f", direction, direction.conj()).real)[:, None]
    direction = np.where(np.asarray(exact.any(axis=(1, 2)))[:, None], direction / np.where(size > 0, size, 1), 0)
    shape = np.einsum("fc,fck->fk", direction.conj(), exact)
    shape[broken] = np.nan
    return direction, shape


def _following(weights: Array, before: Array) -> tuple[Array, Array]:
    """What :func:`_leading` gives, but near shapes ``(filters, taps)`` of the moment before.

    Where two directions are about as strong, the first one of each moment by itself would jump from one to the other.
    """
    direction, shape = np.zeros(weights.shape[:2]), before.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(2):
            direction = np.einsum("fck,fk->fc", weights, shape, dtype=np.float64)
            direction /= np.sqrt(np.einsum("fc,fc->f", direction, direction))[:, None]
            shape = np.einsum("fc,fck->fk", direction, weights, dtype=np.float64)
    is_lost = ~np.isfinite(shape).all(axis=1)  # of nothing, or NaN, at one of both moments
    direction[is_lost], shape[is_lost] = _leading(weights[is_lost])
    return direction, shape


def _first_eigenvector(matrices: Array) -> Array:
    """The one of the largest eigenvalue of Hermitian matrices ``(count, n, n)`` without negative ones."""
    size = matrices.shape[-1]
    if size <= _MOST_EXACT:
        return np.asarray(np.linalg.eigh(matrices)[1][:, :, -1])
    vector = np.einsum("fij,j->fi", matrices, np.random.default_rng(0).standard_normal(size))
    for _ in range(_MOST_STEPS):
        vector /= np.maximum(np.sqrt(np.einsum("fi,fi->f", vector, vector.conj()).real), 1e-300)[:, None]
        following = np.einsum("fij,fj->fi", matrices, vector)
        value = np.einsum("fi,fi->f", vector.conj(), following)
        rest = following - value[:, None] * vector
        vector = following
        if (np.einsum("fi,fi->f", rest, rest.conj()).real <= (_TOLERANCE * value.real) ** 2).all():
            break
    return np.asarray(vector)
