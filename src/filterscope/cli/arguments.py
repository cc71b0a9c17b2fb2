"""Options that several commands share, and what they accept."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from filterscope.filters.words import CHANNELS, FREQUENCIES, SCALES

Number = TypeVar("Number", int, float)


def add_path(parser: argparse.ArgumentParser, checkpoints: bool) -> None:
    """The argument that says where the filters are."""
    run = "directory of a run, or one with a single run somewhere below"
    parser.add_argument("path", metavar="PATH", help=f"{run}; or a checkpoint file" if checkpoints else run)


def add_tag(parser: argparse.ArgumentParser) -> None:
    """Which monitor of a run."""
    parser.add_argument("--tag", help="the monitor's tag, where a run had several")


def add_layers(parser: argparse.ArgumentParser, checkpoints: bool) -> None:
    """Which layers."""
    default = "all recorded" + (", or all of a checkpoint with more than one tap" if checkpoints else "")
    parser.add_argument(
        "--layer", metavar="GLOB", action="append", type=pattern, dest="layers",
        help="layers by their dotted names, such as conv1 or 'encoder.*' (* crosses dots); may be repeated. "
        f"Default: {default}",
    )  # fmt: skip


def add_drawing(parser: argparse.ArgumentParser, checkpoints: bool) -> argparse._ArgumentGroup:
    """How filters are drawn: a group that a command may add to."""
    most = "all that a run recorded" + (", 64 of a checkpoint" if checkpoints else "")
    group = parser.add_argument_group("drawing")
    group.add_argument(
        "--channels", choices=CHANNELS, default="auto",
        help="how a filter's channels are reduced to one, or stacked as the letters of a logo; auto (default): a logo "
        "where channels are letters, else all up to 8, their principal shape above",
    )  # fmt: skip
    group.add_argument(
        "--max-filters", metavar="N", type=count,
        help=f"draw the lowest-numbered filters only. Default: {most}",
    )  # fmt: skip
    group.add_argument(
        "--sample-rate", metavar="HZ", type=hertz,
        help="samples per second at the input of the first layer drawn; recorded rates of others follow. Default: as "
        "recorded",
    )  # fmt: skip
    group.add_argument(
        "--scale", choices=SCALES, default=SCALES[0],
        help="of the taps: one for the layer (default), or each filter to its own, its norm above",
    )  # fmt: skip
    group.add_argument(
        "--frequency", choices=FREQUENCIES, default=FREQUENCIES[0],
        help="axis of response and spectrum: linear (default), or log, which shows low frequencies in detail",
    )  # fmt: skip
    return group


def pattern(text: str) -> str:
    """A glob."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty name selects nothing; give one such as conv1 or 'encoder.*'")
    return text


def _number_that(
    read: Callable[[str], Number], fits: Callable[[Number], bool], otherwise: str
) -> Callable[[str], Number]:
    """A number that is fit, and what is said of others."""

    def check(text: str) -> Number:
        number = read(text)
        if not fits(number):
            raise argparse.ArgumentTypeError(f"{text!r} {otherwise}")
        return number

    return check


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer") from None


def _finite(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return number


def number_between(low: float, high: float) -> Callable[[str], float]:
    """A number from one to another."""
    return _number_that(_finite, lambda number: low <= number <= high, f"is out of range; give {low:g} to {high:g}")


count = _number_that(_integer, lambda number: number >= 1, "is below 1")
epoch = _number_that(_integer, lambda number: number >= 0, "is below 0; 0 is before training")
hertz = _number_that(_finite, lambda number: number > 0, "is not above 0; give Hz such as 16000")
frames_per_second = _number_that(
    _finite, lambda number: 0 < number <= 50, "must be above 0 and at most 50: viewers slow down what is faster"
)


def file_with(suffixes: Sequence[str]) -> Callable[[str], Path]:
    """A file name that ends in one of the suffixes."""

    def check(text: str) -> Path:
        path = Path(text)
        if path.suffix.lower() not in suffixes:
            raise argparse.ArgumentTypeError(f"{text!r} must end in {' or '.join(suffixes)}")
        return path

    return check
