"""``filterscope animate``: how a layer's filters came about, epoch by epoch."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from filterscope.cli import inputs
from filterscope.cli.arguments import add_drawing, add_path, add_tag, count, file_with, frames_per_second, pattern
from filterscope.cli.console import UserError, progress, tell
from filterscope.cli.hindrances import hindrance_to
from filterscope.cli.output import check_writable, replacing
from filterscope.filters.words import FREQUENCIES, SCALES

if TYPE_CHECKING:
    from filterscope.filters.history import FilterHistory

SHORT = "a layer's epochs as an animated GIF, WebP or PNG"
DESCRIPTION = """\
Write a frame for every snapshot recorded, all of them to one scale, with the
epoch, or the step, in the title. It repeats for ever, and rests on the last
frame. A file that is there already is replaced once the new one is complete,
and a line on stderr says so. Frames are written one by one: many take no more
memory than few.
"""
EXAMPLES = """\
examples:
  filterscope animate lightning_logs/version_0 --layer conv1 -o conv1.gif
  filterscope animate lightning_logs/version_0 --layer conv1 --kind response \\
      --fps 20 -o conv1.webp
  filterscope animate lightning_logs/version_0 --layer conv1 --kind change \\
      --scale filter -o conv1.gif
  filterscope animate lightning_logs/version_0 --layer conv1 --every 9 -o conv1.png
"""

#: What can be animated.
KINDS = {
    "taps": "every filter (default)",
    "change": "what was learned of it, its difference from the initial one",
    "response": "frequencies of each filter",
    "spectrum": "those of the layer up to then",
}
SUFFIXES = (".gif", ".webp", ".png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_path(parser, checkpoints=False)
    parser.add_argument(
        "--layer", metavar="NAME", type=pattern, required=True,
        help="the layer's dotted name, or a glob that matches one layer only",
    )  # fmt: skip
    add_tag(parser)
    parser.add_argument(
        "--kind", choices=tuple(KINDS), default="taps",
        help="what a frame shows: " + "; ".join(f"{name}, {words}" for name, words in KINDS.items()),
    )  # fmt: skip
    parser.add_argument(
        "--fps", metavar="N", type=frames_per_second, default=10.0, help="frames per second, at most 50 (default: 10)"
    )
    parser.add_argument(
        "--every", metavar="N", type=count, default=1, help="every so many-th snapshot, and the last (default: 1)"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=file_with(SUFFIXES), required=True,
        help="file to write; .gif, .webp or .png (APNG) names the format",
    )  # fmt: skip
    add_drawing(parser, checkpoints=False)


def run(options: argparse.Namespace) -> None:
    """Draw, and print the file's name."""
    check_writable(options.output)
    inputs.require_run(options.path, "filterscope animate")
    histories = inputs.histories(options.path, [options.layer], options.tag)
    if len(histories) > 1:
        raise UserError(f"--layer {options.layer!r} matches {', '.join(histories)}; an animation shows one of them")
    (history,) = histories.values()
    if len(history) < 2:
        raise UserError(f"layer {history.layer!r} has one snapshot only: use 'filterscope plot'")
    _check(history, options)
    from filterscope.plots.animation import write_animation

    with replacing(options.output) as part:
        try:
            write_animation(
                history,
                part,
                kind=options.kind,
                fps=options.fps,
                every=options.every,
                channels=options.channels,
                max_filters=options.max_filters,
                sample_rate=options.sample_rate,
                scale=options.scale,
                frequency=options.frequency,
                progress=lambda positions: progress(positions, "frame"),
            )
        except ValueError as error:
            raise UserError(str(error)) from error
    tell(str(options.output))


def _check(history: FilterHistory, options: argparse.Namespace) -> None:
    """Refuse what a layer does not have, and options that would do nothing."""
    from filterscope.plots.kinds import kind

    if options.kind in ("taps", "change"):
        if options.frequency != FREQUENCIES[0]:
            raise UserError(f"--frequency {options.frequency} is for --kind response or spectrum")
    elif hindrance := hindrance_to(kind(options.kind), history[0], len(history), options.frequency):
        raise UserError(f"no {options.kind} of layer {history.layer!r}: {hindrance}")
    elif options.scale != SCALES[0]:
        raise UserError(f"--scale {options.scale} is for --kind taps or change")
