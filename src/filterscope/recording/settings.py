"""What a user asks of the monitor, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from filterscope.filters import channels as reductions
from filterscope.filters.checks import check_count, check_patterns, check_sample_rate

Plot = Literal["taps", "response", "evolution", "drift"]
PLOTS: tuple[Plot, ...] = get_args(Plot)


@dataclass(frozen=True)
class Settings:
    """Arguments of ``Conv1dFilterMonitor``; see there.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument has a value that cannot work.
    """

    layers: str | Sequence[str] | None = None
    every_n_epochs: int = 1
    plot_every_n_epochs: int | None = None
    plots: Sequence[Plot] = PLOTS
    channels: str = "auto"
    max_filters: int | None = 64
    save_filters: bool = True
    sample_rate: float | Mapping[str, float] | None = None
    tag: str = "filters"

    def __post_init__(self) -> None:
        check_patterns(self.layers)
        check_count("every_n_epochs", self.every_n_epochs)
        if self.plot_every_n_epochs is not None:
            check_count("plot_every_n_epochs", self.plot_every_n_epochs, ", or None for milestones")
        if self.max_filters is not None:
            check_count("max_filters", self.max_filters, ", or None for all filters")
        if not isinstance(self.save_filters, bool):
            raise TypeError(f"save_filters={self.save_filters!r} must be True or False")
        if isinstance(self.plots, str) or not isinstance(self.plots, Sequence):
            raise TypeError(f"plots={self.plots!r} must be a sequence of names, such as ('taps', 'drift')")
        for plot in self.plots:
            if plot not in PLOTS:
                raise ValueError(f"plots={self.plots!r}: {plot!r} is not a plot; use any of {', '.join(PLOTS)}")
        if not isinstance(self.channels, str):
            raise TypeError(f"channels={self.channels!r} must be one of {', '.join(reductions.CHANNELS)}")
        reductions.check(self.channels)
        check_sample_rate(self.sample_rate)
        if not isinstance(self.tag, str):
            raise TypeError(f"tag={self.tag!r} must be a string such as 'filters'")
        if not self.tag.strip() or self.tag != self.tag.strip("/"):
            raise ValueError(f"tag={self.tag!r} must not be empty, nor begin or end with a slash; use e.g. 'filters'")
        # What the caller does with a list or mapping afterwards is no concern of ours.
        object.__setattr__(self, "plots", tuple(self.plots))
        if isinstance(self.layers, Sequence) and not isinstance(self.layers, str):
            object.__setattr__(self, "layers", tuple(self.layers))
        if isinstance(self.sample_rate, Mapping):
            object.__setattr__(self, "sample_rate", dict(self.sample_rate))
