"""What is shown of more values than there are pixels: the extremes of each block, and never a mean.

Plus and minus cancel in a mean: a filter of a high frequency would look as if it were dead.
"""

from __future__ import annotations

import numpy as np

from filterscope.filters.arrays import Array

#: Blocks of up to so many values are reduced value by value: numpy's reduceat takes several times as long for them.
_SHORT = 8


def block_starts(count: int, blocks: int) -> Array:
    """Where each of at most ``count`` blocks of nearly equal length begins among so many values."""
    return np.arange(blocks) * count // blocks


def signed_extremes(values: Array, starts: Array, axis: int) -> Array:
    """The value of largest magnitude in each block, with its sign; of plus and minus alike the plus.

    Blocks begin at ``starts``, from 0 on, rising. One that holds NaN or Inf is NaN or Inf; with both, Inf.
    """
    most, least = (_by_block(each, values, starts, axis) for each in (np.maximum, np.minimum))
    extremes = np.where(most >= -least, most, least)
    if np.isnan(extremes).any():
        extremes[_by_block(np.fmax, np.abs(values), starts, axis) == np.inf] = np.inf
    return np.asarray(extremes)


def _by_block(reduce: np.ufunc, values: Array, starts: Array, axis: int) -> Array:
    ends = np.append(starts[1:], values.shape[axis])
    longest = int((ends - starts).max())
    if longest > _SHORT:
        return np.asarray(reduce.reduceat(values, starts, axis))
    result = values.take(starts, axis)
    for offset in range(1, longest):
        result = reduce(result, values.take(np.minimum(starts + offset, ends - 1), axis))
    return np.asarray(result)


def envelope(values: Array, blocks: int) -> tuple[Array, Array]:
    """The least and the largest value of each block along the last axis: ``(..., blocks)`` both; NaN where one is."""
    starts = block_starts(values.shape[-1], blocks)
    return _by_block(np.minimum, values, starts, -1), _by_block(np.maximum, values, starts, -1)


def trace(places: Array, values: Array, columns: int) -> tuple[Array, Array]:
    """Corners of a line through values, no more than an eye can tell apart on so many columns of pixels.

    Args:
        places: Of the values along the line, rising: ``(..., n)``.
        values: Shape ``(..., n)``.
        columns: Values beyond so many become the least and the largest of each column, in the order in which the line
            mostly runs through them.

    Returns:
        Places and values of the corners: ``(..., m)`` both, ``m`` at most twice ``columns``.
    """
    count = values.shape[-1]
    if count <= columns:
        return places, values
    starts = block_starts(count, columns)
    ends = np.append(starts[1:], count) - 1
    least, most = envelope(values, columns)
    falls = values[..., ends] < values[..., starts]
    corners = np.stack([np.where(falls, most, least), np.where(falls, least, most)], axis=-1)
    middles = (places[..., starts] + places[..., ends]) / 2
    return np.repeat(middles, 2, axis=-1), corners.reshape(*values.shape[:-1], -1)


def outline(places: Array, now: Array, then: Array, columns: int) -> Array:
    """The area between two lines; of such with more values than columns of pixels, all that both run through.

    Returns:
        Corners, there and back: ``(..., m, 2)``.
    """
    if now.shape[-1] > columns:
        places, _ = envelope(places, columns)
        (least, most), (lower, upper) = envelope(now, columns), envelope(then, columns)
        now, then = np.minimum(least, lower), np.maximum(most, upper)
    there, back = np.stack([places, now], axis=-1), np.stack([places, then], axis=-1)
    return np.concatenate([there, np.flip(back, axis=-2)], axis=-2)
