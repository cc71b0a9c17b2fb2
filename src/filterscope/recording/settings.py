"""What a user asks of the monitor, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filterscope.filters import channels as reductions
from filterscope.filters.checks import (
    check_channel_names,
    check_choice,
    check_count,
    check_flag,
    check_patterns,
    check_sample_rate,
)
from filterscope.filters.selection import ChannelNames
from filterscope.filters.words import SCALES, Scale, are_letters
from filterscope.plots.kinds import NAMES, PlotName
from filterscope.recording.cards import NUMBERS

#: Last segments of tags that pictures of the user's own cannot have.
TAKEN = {*NAMES, *NUMBERS, "bank", "layers"}


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
    plots: Sequence[PlotName | Callable[..., Any]] = NAMES
    channels: str = "auto"
    max_filters: int | None = 64
    save_filters: bool = True
    sample_rate: float | Mapping[str, float] | None = None
    tag: str = "filters"
    every_n_train_steps: int | None = None
    channel_names: ChannelNames = None
    scale: Scale = "layer"

    def __post_init__(self) -> None:
        check_patterns(self.layers)
        check_count("every_n_epochs", self.every_n_epochs)
        if self.plot_every_n_epochs is not None:
            check_count("plot_every_n_epochs", self.plot_every_n_epochs, ", or None for milestones")
        if self.every_n_train_steps is not None:
            check_count("every_n_train_steps", self.every_n_train_steps, ", or None for epochs' ends only")
        if self.max_filters is not None:
            check_count("max_filters", self.max_filters, ", or None for all filters")
        check_flag("save_filters", self.save_filters)
        _check_plots(self.plots)
        if not isinstance(self.channels, str):
            raise TypeError(f"channels={self.channels!r} must be one of {', '.join(reductions.CHANNELS)}")
        reductions.check(self.channels)
        check_sample_rate(self.sample_rate)
        check_choice("scale", self.scale, SCALES)
        check_channel_names(self.channel_names)
        named = self.channel_names.values() if isinstance(self.channel_names, Mapping) else [self.channel_names or ()]
        if self.channels == "logo" and not any(map(are_letters, named)):
            raise ValueError(
                f"channels='logo' stacks capital letters, and channel_names={self.channel_names!r} has none; give e.g. "
                "channel_names='ACGT', or {'conv1': 'ACGT'}"
            )
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
        if isinstance(self.channel_names, Mapping):
            frozen = {glob: tuple(names) for glob, names in self.channel_names.items()}
            object.__setattr__(self, "channel_names", frozen)
        elif self.channel_names is not None:
            object.__setattr__(self, "channel_names", tuple(self.channel_names))

    @property
    def is_budgeted(self) -> bool:
        """Whether the number of images is bounded: not where the user chose which ones to see."""
        return self.plot_every_n_epochs is None and self.layers is None

    @property
    def named(self) -> list[PlotName]:
        """Pictures of ours to draw, in the order of their cards."""
        return [name for name in NAMES if name in self.plots]

    @property
    def own(self) -> list[Callable[..., Any]]:
        """Pictures of the user's own."""
        return [plot for plot in self.plots if callable(plot)]


def _check_plots(plots: Any) -> None:
    if isinstance(plots, str) or not isinstance(plots, Sequence):
        raise TypeError(f"plots={plots!r} must be a sequence of names or functions, such as ('taps', 'drift')")
    works = f"use any of {', '.join(NAMES)}, or functions of your own"
    names = []
    for plot in plots:
        if callable(plot):
            name = getattr(plot, "__name__", None)
            if not isinstance(name, str) or not name.isidentifier():
                raise ValueError(f"plots: {plot!r} has no name for its tag; give a function made with def")
            if name in TAKEN:
                raise ValueError(f"plots: {name!r} is what filterscope logs itself; give your function another name")
            names.append(name)
        elif plot in NAMES:
            names.append(plot)
        else:
            raise ValueError(f"plots={plots!r}: {plot!r} is not a plot; {works}")
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"plots={plots!r} has {', '.join(sorted(twice))} twice; give each once")
