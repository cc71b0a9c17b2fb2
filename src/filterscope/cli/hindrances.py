"""Why a picture of a layer cannot be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filterscope.filters.bank import FilterBank
    from filterscope.plots.picture import Kind


def hindrance_to(kind: Kind, bank: FilterBank, snapshots: int, frequency: str) -> str:
    """What stands in the way of a picture, after "no response of layer 'conv1':"; empty if nothing does.

    Of a checkpoint there are 0 snapshots.
    """
    if bank.taps < kind.taps:
        return "it has a single tap"
    if kind.frequencies and bank.is_lettered:
        return "its channels are letters of a sequence, which is no signal in time"
    if kind.frequencies and not bank.in_time:
        return "its taps may not be samples in time"
    if kind.frequencies and frequency == "log" and bank.weights.dtype.kind == "c":
        return "complex filters have negative frequencies, for which --frequency log has no place"
    if kind.row is not None and snapshots < 2:
        return "it needs the directory of a run" if snapshots == 0 else "that begins with the second snapshot"
    return ""
