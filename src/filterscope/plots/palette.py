"""Colours of pictures as a palette of at most 255, which grows as pictures of a kind come."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_WHITE = np.uint32(0xFFFFFFFF)
_MOST = 255
_UNKNOWN = np.uint8(255)
#: Colours are told apart by six bits per channel.
_BINS = 1 << 18
#: Squared distances, in steps of six bits, at which another colour may stand in: for those that many pixels of a
#: picture have, for those that some have, and for others, which are mostly the soft edges of lines.
_MANY, _SOME = 2000, 100
_SAME, _NEAR, _FAR = 0, 1, 6
#: The most frequent colours of the first picture are taken as they are.
_TAKEN = 48


class Palette:
    """Numbers the colours of one picture after another.

    Pictures of a kind share most colours: to choose a palette for each anew would cost several times its PNG. A
    colour that none stands near enough to becomes a new entry. When there is no room, the palette is made anew, from
    the picture at hand. White is white.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._colours = np.array([_WHITE])
        self._table = np.full(_BINS, _UNKNOWN, np.uint8)
        self._table[-1] = 0

    def number(self, pixels: Array) -> tuple[Array, bytes]:
        """Number the pixels of a picture.

        Args:
            pixels: Opaque uint8 RGBA, ``(height, width, 4)``.

        Returns:
            The number of each pixel's colour, uint8 ``(height, width)``, and the colours, three bytes each.
        """
        packed = np.ascontiguousarray(pixels).view("<u4")[:, :, 0]
        where = np.flatnonzero(packed != _WHITE)  # often a small part
        drawn = packed.ravel().take(where)
        bins = _bins(drawn)
        numbers = self._table.take(bins)
        unknown = numbers == _UNKNOWN
        if unknown.any():
            if not self._learn(bins[unknown], drawn[unknown]):
                self._forget()
                self._learn(bins, drawn)
            numbers = self._table.take(bins)
        whole = np.zeros(packed.size, np.uint8)
        whole[where] = numbers
        return whole.reshape(packed.shape), self._colours[:, None].view(np.uint8)[:, :3].tobytes()

    def _learn(self, bins: Array, drawn: Array) -> bool:
        """Find or make an entry for each of these pixels' colours; False if some found none that is near enough."""
        counts = np.bincount(bins, minlength=_BINS)
        counts[-1] = 0
        present = np.flatnonzero(counts)
        present = present[np.argsort(-counts[present], kind="stable")]
        if not present.size:
            return True
        exact = np.zeros(_BINS, np.uint32)
        exact[bins] = drawn  # one pixel of each bin lends it its colour: flat areas keep theirs
        new = exact[present]
        begun = len(self._colours) == 1
        colours = [*self._colours, *new[:_TAKEN]] if begun else list(self._colours)
        six, known = _six(_bins(new)), _six(_bins(np.array(colours)))
        distance = sum(np.square(six[:, axis, None] - known[:, axis]) for axis in range(3))
        nearest, missed = distance.argmin(axis=1), distance.min(axis=1)
        count = counts[present]
        allowed = np.where(count > _MANY, _SAME, np.where(count > _SOME, _NEAR, _FAR))
        while (worst := int(np.argmax(missed - allowed))) >= 0 and missed[worst] > allowed[worst]:
            if len(colours) == _MOST:
                if not begun:
                    return False
                break
            distance = np.square(six - six[worst]).sum(axis=1)
            closer = distance < missed
            nearest[closer], missed[closer] = len(colours), distance[closer]
            colours.append(new[worst])
        self._colours = np.array(colours)
        self._table[present] = nearest
        return True


def _bins(packed: Array) -> Array:
    """The six-bit colours of packed RGBA."""
    return ((packed >> 2) & 0x3F) | ((packed >> 4) & 0xFC0) | ((packed >> 6) & 0x3F000)


def _six(bins: Array) -> Array:
    """Six-bit colours as integers ``(n, 3)``."""
    return np.stack([bins & 0x3F, bins >> 6 & 0x3F, bins >> 12], axis=1).astype(np.int32)
