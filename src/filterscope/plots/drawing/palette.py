"""Colours of pictures as a palette of at most 255, which grows as pictures of a kind come."""

from __future__ import annotations

import numpy as np

from filterscope.filters.arrays import Array
from filterscope.plots.drawing.colours import DEAD_FACE, GREY, INK, NONFINITE_FACE, PALE, rgba

_WHITE = np.uint32(0xFFFFFFFF)
_MOST = 255
_UNKNOWN = np.uint8(255)
#: Colours are told apart by six bits per channel.
_BINS = 1 << 18
#: Squared distances, in steps of six bits, at which another colour may stand in: for those that many pixels of a
#: picture have, for those that some have, and for others, which are mostly the soft edges of lines.
_MANY, _SOME = 2000, 100
_SAME, _NEAR, _FAR = 0, 3, 6
#: Of a first picture so few colours are all taken as they are; of one with more, its most frequent.
_FEW, _TAKEN = 128, 48
#: Colours of flat areas, which every palette holds to the last bit.
_FLAT = (DEAD_FACE, NONFINITE_FACE, PALE, GREY, INK)


class Palette:
    """Numbers the colours of one picture after another.

    Pictures of a kind share most colours: to choose a palette for each anew would cost several times its PNG. A
    colour that none stands near enough to becomes a new entry. When there is no room, the palette is made anew, from
    the picture at hand. White is white.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        flat = np.array([(rgba(colour) * 255).round().astype(np.uint8) for colour in _FLAT]).view("<u4")[:, 0]
        self._colours = np.concatenate([[_WHITE], flat])
        self._table = np.full(_BINS, _UNKNOWN, np.uint8)
        self._table[_bins(self._colours)] = np.arange(len(self._colours))
        self._is_new = True

    def number(self, pixels: Array) -> tuple[Array, bytes]:
        """The numbers, uint8 ``(height, width)``, of opaque uint8 RGBA, and all colours so far, three bytes each."""
        packed = np.ascontiguousarray(pixels).view("<u4").ravel()
        numbers = self._look_up(packed)
        unknown = np.flatnonzero(numbers == _UNKNOWN)
        if unknown.size and self._learn(packed[unknown]):
            numbers[unknown] = self._look_up(packed[unknown])
        elif unknown.size:
            self._forget()
            self._learn(packed[self._look_up(packed) == _UNKNOWN])
            numbers = self._look_up(packed)
        return numbers.reshape(pixels.shape[:2]), self._colours[:, None].view(np.uint8)[:, :3].tobytes()

    def _look_up(self, packed: Array) -> Array:
        """The numbers of pixels: ``_UNKNOWN`` for those of unknown colour."""
        return self._table.take(_bins(packed))

    def _learn(self, drawn: Array) -> bool:
        """Find or make an entry for each of these pixels' colours; False if some found none that is near enough."""
        present, new, count = _tally(drawn)
        taken = 0 if not self._is_new else _FEW if len(new) <= _FEW else _TAKEN
        colours = [*self._colours, *new[:taken]]
        six, known = _six(present), _six(_bins(np.array(colours)))
        distance = np.square(six[:, :, None] - known[:, None]).sum(axis=0, dtype=np.int16)
        nearest, missed = distance.argmin(axis=1), distance.min(axis=1)
        allowed = np.where(count > _MANY, _SAME, np.where(count > _SOME, _NEAR, _FAR)).astype(np.int16)
        while missed[worst := int(np.argmax(missed - allowed))] > allowed[worst]:
            if len(colours) == _MOST:
                if not self._is_new:
                    return False
                break
            distance = np.square(six - six[:, worst, None]).sum(axis=0, dtype=np.int16)
            closer = distance < missed
            nearest[closer], missed[closer] = len(colours), distance[closer]
            colours.append(new[worst])
        self._colours = np.array(colours)
        self._table[present] = nearest
        self._is_new = False
        return True


def _tally(drawn: Array) -> tuple[Array, Array, Array]:
    """Bins that pixels fall into, the fullest first; a colour of each, and its pixels. Sorting takes five times."""
    bins = _bins(drawn)
    is_present = np.zeros(_BINS, bool)
    is_present[bins] = True
    present = np.flatnonzero(is_present)
    place = np.empty(_BINS, np.int32)
    place[present] = np.arange(len(present))
    places = place.take(bins)
    colours = np.empty(len(present), np.uint32)
    colours[places] = drawn
    count = np.bincount(places)
    order = np.argsort(-count, kind="stable")
    return present[order], colours[order], count[order]


def _bins(packed: Array) -> Array:
    """The six-bit colours of packed RGBA."""
    return ((packed >> 2) & 0x3F) | ((packed >> 4) & 0xFC0) | ((packed >> 6) & 0x3F000)


def _six(bins: Array) -> Array:
    """Six-bit colours ``(3, n)``; their squared distances stay below 12000."""
    return np.stack([bins & 0x3F, bins >> 6 & 0x3F, bins >> 12]).astype(np.int16)
