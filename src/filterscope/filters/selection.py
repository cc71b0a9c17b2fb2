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
    modules: Mapping[str, str] | None = None,
    waits: bool = False,
) -> list[str]:
    """Names that the patterns choose, in model order.

    Args:
        taps: Kernel length of every layer there is, by name.
        patterns: Globs on the whole dotted name, case-sensitive, where ``*`` crosses dots; ``None`` for every layer
            with more than one tap.
        must_match: Whether a pattern that matches nothing is an error.
        owner: What has the layers, for the error.
        modules: What kind of module there is, by all names, for the error.
        waits: Whether a module may turn out to be a layer, so that a pattern that matches one is no error.

    Returns:
        Names of layers.

    Raises:
        ValueError: A pattern matches no layer. A model without any layer is no error.
    """
    if patterns is None:
        return [name for name, count in taps.items() if count > 1]
    globs = as_globs(patterns)
    if must_match and taps and (wrong := unmatched(globs, taps, f"{owner} has", modules or {}, waits)):
        raise ValueError(f"layers={patterns!r}: {wrong[0]}")
    return [name for name in taps if any(matches(name, glob) for glob in globs)]


def as_globs(patterns: str | Iterable[str]) -> list[str]:
    """Patterns, of which there may be one."""
    return [patterns] if isinstance(patterns, str) else list(patterns)


def unmatched(
    globs: Iterable[str], names: Iterable[str], there: str, modules: Mapping[str, str], waits: bool = False
) -> list[str]:
    """What is wrong with each glob that matches no layer, and what would work; arguments as for :func:`select`."""
    known, wrong = list(names), []
    for glob in globs:
        if any(matches(name, glob) for name in known):
            continue
        module, mark, number = glob.rpartition("#")
        meant = module if mark and number.isdecimal() else glob
        named = [name for name in modules if matches(name, meant)]
        if named and waits:
            continue
        below = f"did you mean '{glob}.*'? " if any(name.startswith(f"{glob}.") for name in known) else ""
        what = f"no layer matches {glob!r}"
        if named:
            kind = modules[named[0]]
            article = "an" if kind[:1] in "AEIOU" else "a"
            what = f"{named[0]!r} is there, {article} {kind}, and was not seen to convolve"
        wrong.append(f"{what}; {below}{there}: {', '.join(known) or 'none'}")
    return wrong


def matches(name: str, glob: str) -> bool:
    """Whether a glob means a layer: by its exact name, which may hold brackets, or as a pattern.

    A glob for a module means each of its convolutions, ``module#0`` and those that follow.
    """
    module, mark, number = name.rpartition("#")
    names = (name, module) if mark and number.isdecimal() else (name,)
    return any(each == glob or fnmatchcase(each, glob) for each in names)


def sample_rates(
    monitored: Sequence[str],
    sample_rate: float | Mapping[str, float] | None,
    ratios: Mapping[str, float],
    *,
    must_match: bool = True,
    modules: Mapping[str, str] | None = None,
    waits: bool = False,
) -> dict[str, float | None]:
    """Sample rate at the input of each monitored layer.

    Args:
        monitored: Names of layers, in model order.
        sample_rate: Hz. A number is that of the signal which the first convolution meets. A mapping names layers by
            globs, of which the first that matches counts.
        ratios: Samples at a layer's input per sample of that signal, by name, as far as they are known.
        must_match: Whether a glob that matches nothing is an error.
        modules: As for :func:`select`.
        waits: The same.

    Returns:
        Rates by name, ``None`` where unknown.

    Raises:
        ValueError: A glob matches no monitored layer.
    """
    if isinstance(sample_rate, Mapping):
        there = "monitored layers are"
        if must_match and monitored and (wrong := unmatched(sample_rate, monitored, there, modules or {}, waits)):
            raise ValueError(f"sample_rate={dict(sample_rate)!r}: {wrong[0]}")
        return {
            name: next((float(rate) for glob, rate in sample_rate.items() if matches(name, glob)), None)
            for name in monitored
        }
    return {
        name: None if sample_rate is None or name not in ratios else float(sample_rate) * ratios[name]
        for name in monitored
    }


def first_alone(in_time: Mapping[str, bool]) -> dict[str, float]:
    """Ratios for :func:`sample_rates` where no forward was seen: the first layer meets the signal, if it is in time.

    Args:
        in_time: Whether taps are samples in time, of every layer that the model has, in model order.
    """
    return {name: 1.0 for name in list(in_time)[:1] if in_time[name]}


ChannelNames = str | Sequence[str] | Mapping[str, str | Sequence[str]] | None


def channel_names(
    channels: Mapping[str, int],
    given: ChannelNames,
    *,
    must_fit: bool = True,
    modules: Mapping[str, str] | None = None,
    waits: bool = False,
) -> dict[str, tuple[str, ...] | None]:
    """Names of the input channels of each layer.

    Args:
        channels: How many each filter of every layer there is reads, by name, in model order; 0 if not known yet.
        given: Names, or a string of one letter for each, for the first layer. A mapping names layers by globs, of
            which the first that matches counts.
        must_fit: Whether a glob that matches nothing, or another number of names than of channels, is an error. Else
            such a layer has no names.
        modules: As for :func:`select`.
        waits: The same.

    Returns:
        Names by layer, ``None`` where unknown.

    Raises:
        ValueError: Says what does not fit.
    """
    if isinstance(given, Mapping):
        if must_fit and channels and (wrong := unmatched(given, channels, "the model has", modules or {}, waits)):
            raise ValueError(f"channel_names={dict(given)!r}: {wrong[0]}")
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
