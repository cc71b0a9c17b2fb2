"""Reductions of a filter's input channels to one temporal shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from filterscope.filters.words import CHANNELS

Array = npt.NDArray[Any]

#: Up to so many channels, ``"auto"`` shows each of them.
AUTO_LIMIT = 8


def check(channels: str) -> None:
    """Refuse an unknown reduction.

    Raises:
        ValueError: ``channels`` is none of :data:`CHANNELS`.
    """
    if channels not in CHANNELS:
        raise ValueError(f"channels={channels!r} is not a channel reduction; use one of {', '.join(CHANNELS)}")


def resolve(channels: str, count: int, is_lettered: bool = False) -> str:
    """What ``"auto"`` and ``"logo"`` mean for a layer.

    Args:
        channels: A reduction.
        count: Channels of the layer.
        is_lettered: Whether they are letters.

    Returns:
        For both a logo of letters; else all channels up to 8, their principal shape above.
    """
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
        return np.asarray(weights - weights.mean(axis=1, keepdims=True))
    if how == "sum":
        return np.asarray(weights.sum(axis=1, keepdims=True))
    if how == "mean":
        return np.asarray(weights.mean(axis=1, keepdims=True))
    if how == "l2":
        return l2(weights)[:, None]
    if how == "max":
        if not np.iscomplexobj(weights):
            return np.asarray(weights.max(axis=1, keepdims=True))
        return np.take_along_axis(weights, np.abs(weights).argmax(axis=1)[:, None], axis=1)
    return principal(weights, reference)


def tap_row(shown: Array, reference: Array, channels: str = "auto") -> Array:
    """One temporal shape for every filter of a moment: real ``(filters, taps)``.

    Args:
        shown: Weights, or what they differ by: ``(filters, channels, taps)``.
        reference: Filters that fix the sign of ``"principal"``.
        channels: A reduction. Where nothing signed reduces several channels, it is the root of the sum of squares.
    """
    if is_one_sided(shown, channels):
        return l2(shown)
    return np.asarray(reduce(shown, channels, reference)[:, 0])


def is_one_sided(weights: Array, channels: str) -> bool:
    """Whether :func:`tap_row` gives magnitudes: of complex weights, and of channels that nothing signed reduces."""
    several = weights.shape[1] > 1 and channels in ("auto", "all", "logo")
    return bool(np.iscomplexobj(weights) or channels == "l2" or several)


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

    The right singular vector scaled by its singular value, from the eigenvectors of the smaller Gram matrix. Its
    sign (its phase, if complex) is free: it is chosen so that the inner product with the reference filter's shape
    is positive, or without a reference so that its largest tap is.

    Args:
        weights: Shape ``(filters, channels, taps)``.
        reference: Same shape, or ``None``.

    Returns:
        Shape ``(filters, 1, taps)``. NaN for a filter with non-finite weights.
    """
    peak = _peaks(weights)
    shape = _principal(weights / peak)
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


def _principal(weights: Array) -> Array:
    broken = np.asarray(~np.isfinite(weights).all(axis=(1, 2)))
    safe = np.where(broken[:, None, None], 0, weights)
    hermitian = safe.conj().transpose(0, 2, 1)
    if safe.shape[1] <= safe.shape[2]:
        left = np.linalg.eigh(safe @ hermitian)[1][:, :, -1]
        shape = np.einsum("fc,fck->fk", left.conj(), safe)
    else:
        values, vectors = np.linalg.eigh(hermitian @ safe)
        shape = np.sqrt(np.maximum(values[:, -1:], 0)) * vectors[:, :, -1].conj()
    shape[broken] = np.nan
    return np.asarray(shape)
