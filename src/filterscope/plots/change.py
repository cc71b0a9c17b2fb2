"""The taps' ``change``, frame by frame: what was learned of every filter, weight minus initial weight."""

from __future__ import annotations

from filterscope.filters import metrics
from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank
from filterscope.plots.taps import TapsPicture


class ChangePicture(TapsPicture):
    """Tiles of the difference from a reference, which it needs: zero at first, in the colour of the rotation."""

    name, quantity = "change", "difference"

    def _shown(self, bank: FilterBank) -> Array:
        assert self._reference is not None
        return metrics.difference(bank.weights, self._reference.weights)

    def _since(self, moment: str) -> str:
        return f"from {self._name or moment}"
