"""Which layers a user means, at what rate they sample, and what their channels are called. No torch here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from filterscope.filters.words import plural


def select(
    taps: Mapping[str, int],
    patterns: str | Sequence[str] | None,
    *,
    must_match: bool = True,
    owner: str = "the model",
) -> list[str]:
    """Names that the patterns choose, in model order.

    Args:
        taps: Kernel length of every layer there is, by name.
        patterns: Globs on the whole dotted name, case-sensitive, where ``*`` crosses dots; ``None`` for every layer
            with more than one tap.
        must_match: Whether a pattern that matches nothing is an error.
        owner: What has the layers, for the error.

    Returns:
        Names of layers.

    Raises:
        ValueError: A pattern matches no layer. A model without any layer is no error.
    """
    if patterns is None:
        return [name for name, count in taps.items() if count > 1]
    globs = [patterns] if isinstance(patterns, str) else list(patterns)
    if taps and must_match:
        _require_matches(globs, taps, f"layers={patterns!r}", f"{owner} has")
    return [name for name in taps if any(matches(name, glob) for glob in globs)]


def _require_matches(globs: Iterable[str], names: Iterable[str], given: str, there: str) -> None:
    known = list(names)
    for glob in globs:
        if not any(matches(name, glob) for name in known):
            below = f"did you mean '{glob}.*'? " if any(name.startswith(f"{glob}.") for name in known) else ""
            raise ValueError(f"{given}: no layer matches {glob!r}; {below}{there}: {', '.join(known)}")


def matches(name: str, glob: str) -> bool:
    """Whether a glob means a layer: by its exact name, which may hold brackets, or as a pattern.

    A glob for a module means each of its convolutions, ``module#0`` and those that follow.
    """
    module, mark, number = name.rpartition("#")
    names = (name, module) if mark and number.isdecimal() else (name,)
    return any(each == glob or fnmatchcase(each, glob) for each in names)


def sample_rates(
    monitored: Sequence[str], sample_rate: float | Mapping[str, float] | None, *, must_match: bool = True
) -> dict[str, float | None]:
    """Sample rate at the input of each monitored layer.

    Args:
        monitored: Names of layers, in model order.
        sample_rate: Hz. A number is for the first layer only: deeper ones run slower after strides and pooling.
            A mapping names layers by globs, of which the first that matches counts.
        must_match: Whether a glob that matches nothing is an error.

    Returns:
        Rates by name, ``None`` where unknown.

    Raises:
        ValueError: A glob matches no monitored layer.
    """
    if sample_rate is None or not monitored:
        return dict.fromkeys(monitored)
    if isinstance(sample_rate, Mapping):
        if must_match:
            _require_matches(sample_rate, monitored, f"sample_rate={dict(sample_rate)!r}", "monitored layers are")
        return {
            name: next((float(rate) for glob, rate in sample_rate.items() if matches(name, glob)), None)
            for name in monitored
        }
    return {name: float(sample_rate) if name == monitored[0] else None for name in monitored}


ChannelNames = str | Sequence[str] | Mapping[str, str | Sequence[str]] | None


def channel_names(
    channels: Mapping[str, int], given: ChannelNames, *, must_fit: bool = True
) -> dict[str, tuple[str, ...] | None]:
    """Names of the input channels of each layer.

    Args:
        channels: How many each filter of every layer there is reads, by name, in model order; 0 if not known yet.
        given: Names, or a string of one letter for each, for the first layer. A mapping names layers by globs, of
            which the first that matches counts.
        must_fit: Whether a glob that matches nothing, or another number of names than of channels, is an error. Else
            such a layer has no names.

    Returns:
        Names by layer, ``None`` where unknown.

    Raises:
        ValueError: Says what does not fit.
    """
    if isinstance(given, Mapping):
        if must_fit and channels:
            _require_matches(given, channels, f"channel_names={dict(given)!r}", "the model has")
        found = {
            name: next((tuple(names) for glob, names in given.items() if matches(name, glob)), None)
            for name in channels
        }
    else:
        first = next(iter(channels), None)
        found = {name: tuple(given) if given is not None and name == first else None for name in channels}
    for name, names in found.items():
        count = channels[name]
        if names is not None and len(names) != count:
            if must_fit and count:
                which = "" if isinstance(given, Mapping) else "the first layer, "
                words = f"channel_names has {len(names)} for {which}{name!r}, whose filters read"
                raise ValueError(
                    f"{words} {plural(count, 'channel')}; give {count}, or name layers as in {{'conv1': 'ACGT'}}"
                )
            found[name] = None
    return found
