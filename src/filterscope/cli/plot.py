"""``filterscope plot``: the pictures of TensorBoard, of any epoch, as files."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from filterscope.cli import source
from filterscope.cli.arguments import add_drawing, add_layers, add_path, add_tag, epoch
from filterscope.cli.console import UserError, note, progress, tell
from filterscope.cli.output import replacing, stems
from filterscope.filters.bank import FilterBank
from filterscope.filters.history import FilterHistory

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

SHORT = "pictures as PNG, SVG or PDF files"
DESCRIPTION = """\
Draw layers into files, and print their names: LAYER_KIND_epochNNNN.png for a
run, LAYER_KIND.png for a checkpoint. Files of these names that are there
already are replaced. Where a layer's name holds more than letters, digits and
._- there are underscores in its files' names, and a digest of the full name,
which keeps such layers apart.

  taps       every filter over its taps, coloured by its rotation
  response   magnitude response in dB, beside the initial one
  evolution  epochs by taps, difference from the initial filter (runs only)
  drift      rotation of every filter over the epochs (runs only)
"""
EXAMPLES = """\
examples:
  filterscope plot lightning_logs/version_0
  filterscope plot lightning_logs/version_0 --layer conv1 --epoch 0 --format svg
  filterscope plot lightning_logs/version_0 --kind drift -o figures
  filterscope plot last.ckpt --kind response --sample-rate 16000
"""

KINDS = ("taps", "response", "evolution", "drift")
#: Filters of a checkpoint that are drawn unless told otherwise, as by the monitor.
_CHECKPOINT_FILTERS = 64


@dataclass(frozen=True)
class _Picture:
    """One file to be: which, and how to draw it."""

    layer: str
    kind: str
    epoch: int | None
    draw: Callable[[], FigureBase]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_path(parser, checkpoints=True)
    add_layers(parser)
    add_tag(parser)
    parser.add_argument("--epoch", metavar="N", type=epoch, help="epochs completed, 0 before training; default: last")
    parser.add_argument(
        "--kind", choices=(*KINDS, "all"), action="append", dest="kinds",
        help="what to draw; may be repeated. Default: all that make sense for a layer",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, default=Path("filters"),
        help="directory for the files, made if there is none (default: filters)",
    )  # fmt: skip
    parser.add_argument("--format", choices=("png", "svg", "pdf"), default="png", help="default: png")
    add_drawing(parser)


def run(options: argparse.Namespace) -> None:
    """Draw, and print the files' names."""
    if source.is_run(options.path):
        histories = source.read_run(options.path, options.layers, options.tag)
        rates = source.sample_rates(list(histories), options.sample_rate)
        pictures = [p for name, history in histories.items() for p in _of_history(history, rates[name], options)]
        names = stems(histories)
    else:
        source.refuse_tag(options.path, options.tag)
        if options.epoch is not None:
            raise UserError(f"--epoch is for runs: {options.path!r} is a checkpoint of one moment")
        banks = source.read_checkpoint(options.path, options.layers, options.sample_rate)
        pictures = [picture for bank in banks.values() for picture in _of_bank(bank, options)]
        names = stems(banks)
    if not pictures:
        raise UserError("there is nothing to draw")
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UserError(f"-o {str(options.output)!r} is a file; give a directory") from error
    for picture in progress(pictures, "picture"):
        moment = "" if picture.epoch is None else f"_epoch{picture.epoch:04d}"
        path = options.output / f"{names[picture.layer]}_{picture.kind}{moment}.{options.format}"
        figure = picture.draw()
        with replacing(path, say=False) as part:
            figure.figure.savefig(part, format=options.format)
        tell(str(path))


def _wanted(bank: FilterBank, snapshots: int, options: argparse.Namespace) -> Iterator[str]:
    """Kinds to draw of a layer; a note for each that was asked for and cannot be."""
    from filterscope.filters.spectrum import SHORTEST

    named = options.kinds or ["all"]
    for kind in KINDS:
        asked = kind in named
        if not asked and "all" not in named:
            continue
        reason = _hindrance(kind, bank.taps, snapshots)
        if reason and asked:
            note(f"no {kind} of layer {bank.layer!r}: {reason}")
        elif not reason and (asked or kind != "response" or bank.taps >= SHORTEST):
            yield kind


def _hindrance(kind: str, taps: int, snapshots: int) -> str:
    if kind in ("response", "evolution") and taps == 1:
        return "it has a single tap"
    if kind in ("evolution", "drift") and snapshots < 2:
        return "it needs the directory of a run" if snapshots == 0 else "that begins with the second snapshot"
    return ""


def _of_bank(bank: FilterBank, options: argparse.Namespace) -> Iterator[_Picture]:
    from filterscope.plots.response import plot_response
    from filterscope.plots.taps import plot_taps

    most = options.max_filters or _CHECKPOINT_FILTERS
    draw: dict[str, Callable[[], FigureBase]] = {
        "taps": lambda: plot_taps(bank, channels=options.channels, max_filters=most),
        "response": lambda: plot_response(bank, max_filters=most),
    }
    for kind in _wanted(bank, 0, options):
        yield _Picture(bank.layer, kind, None, draw[kind])


def _of_history(history: FilterHistory, rate: float | None, options: argparse.Namespace) -> Iterator[_Picture]:
    from filterscope.plots.drift import plot_drift
    from filterscope.plots.evolution import plot_evolution
    from filterscope.plots.response import plot_response
    from filterscope.plots.taps import plot_taps

    if options.epoch is not None:
        if options.epoch not in history.epochs:
            note(f"nothing of layer {history.layer!r}: {_missing(history, options.epoch)}")
            return
        history = _until(history, options.epoch)
    bank, reference = history[-1], history.reference
    channels, most = options.channels, options.max_filters
    draw: dict[str, Callable[[], FigureBase]] = {
        "taps": lambda: plot_taps(bank, reference=reference, channels=channels, max_filters=most),
        "response": lambda: plot_response(bank, reference=reference, sample_rate=rate, max_filters=most),
        "evolution": lambda: plot_evolution(history, channels=channels, max_filters=most),
        "drift": lambda: plot_drift(history, max_filters=most),
    }
    for kind in _wanted(bank, len(history), options):
        yield _Picture(history.layer, kind, int(history.epochs[-1]), draw[kind])


def _until(history: FilterHistory, last: int) -> FilterHistory:
    banks = [bank for bank, number in zip(history, history.epochs, strict=True) if number <= last]
    return FilterHistory(banks, history.initial)


def _missing(history: FilterHistory, asked: int) -> str:
    near = history.epochs[np.argsort(np.abs(history.epochs - asked), kind="stable")[:2]]
    ends = f"{history.epochs[0]} to {history.epochs[-1]}"
    return f"no snapshot of epoch {asked}; there are {ends}, the nearest {' and '.join(map(str, np.unique(near)))}"
