"""Words that several pictures share: shapes, moments, counts, marks."""

from __future__ import annotations

import numpy as np

from filterscope.filters import metrics
from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank
from filterscope.filters.words import listed, plural

#: Stands between the parts of a line.
DOT = " · "
#: Characters that names may take in a line that says other things too.
_LONG = 40


def moment(bank: FilterBank, by_step: bool = False) -> str:
    """When the bank was taken, by steps if it must be or was within an epoch: empty outside of training."""
    if bank.epoch is None:
        return ""
    if bank.within_epoch or (by_step and bank.step):
        return f"step {bank.step}"
    return "initial" if bank.epoch == 0 else f"epoch {bank.epoch}"


def since(reference: FilterBank) -> str:
    """What rotation is measured from, where that is not the beginning of training."""
    return f"since {moment(reference)}" if reference.epoch or reference.within_epoch else ""


def against(name: str) -> str:
    """What the picture compares with, if it was given a name."""
    return f"against {name}" if name else ""


def shape(bank: FilterBank) -> str:
    """``64 of 512 filters × 1 channel × 31 taps``."""
    count = plural(bank.total_filters, "filter")
    if bank.filters < bank.total_filters:
        count = f"{bank.filters} of {count}"
    kind = "complex channel" if np.iscomplexobj(bank.weights) else "channel"
    return f"{count} × {plural(bank.channels, kind)} × {plural(bank.taps, 'tap')}"


def taps(bank: FilterBank) -> str:
    """What lies along the tiles."""
    return f"taps 0 to {bank.taps - 1} →" if bank.taps > 1 else "one tap"


def clipped(which: Array, mark: str) -> str:
    """How many filters go beyond the scale, and how that is marked."""
    return f"{int(which.sum())} clipped: {mark}" if which.any() else ""


def channels(bank: FilterBank) -> list[str]:
    """What the rows of a filter are called: channels by their names or numbers, complex ones in two parts each."""
    names = [str(number) for number in range(bank.channels)] if bank.channel_names is None else bank.channel_names
    parts = ("real", "imaginary") if np.iscomplexobj(bank.weights) else ()
    return [f"{part} {name}" for name in names for part in parts] or list(names)


def channel_rows(bank: FilterBank) -> str:
    """``channels 0 to 5``, or their names if these are short: all of a few, the first and the last of many."""
    names = listed(bank.channel_names or ())
    return names if 0 < len(names) <= _LONG else f"channels 0 to {bank.channels - 1}"


def joined(*parts: str) -> str:
    """The parts that are not empty, with dots between."""
    return DOT.join(part for part in parts if part)


class Marks:
    """Which filters are dead or hold non-finite weights, and the words for it.

    The bank has all filters of the layer, whose median tells the dead; a picture shows the first so many of them.
    """

    def __init__(self, bank: FilterBank, shown: int) -> None:
        broken = np.asarray(~np.isfinite(bank.weights).all(axis=(1, 2)))
        self.nonfinite: Array = broken[:shown]
        self.dead: Array = metrics.dead(bank.weights)[:shown]  # a norm that is not finite is not small

    def word(self, row: int) -> str:
        """What to write beside a filter's number."""
        return "NaN" if self.nonfinite[row] else "dead" if self.dead[row] else ""

    def summary(self) -> str:
        """What to write in the title."""
        dead, broken = int(self.dead.sum()), int(self.nonfinite.sum())
        return joined(f"{dead} dead" if dead else "", f"{broken} with NaN or Inf" if broken else "")
