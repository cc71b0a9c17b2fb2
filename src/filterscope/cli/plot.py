"""``filterscope plot``: the pictures of TensorBoard, of any epoch, as files."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from filterscope.cli import inputs, order
from filterscope.cli.arguments import add_drawing, add_layers, add_path, add_tag, epoch
from filterscope.cli.console import UserError, note, progress, tell
from filterscope.cli.hindrances import hindrance_to
from filterscope.cli.order import add_order
from filterscope.cli.output import replacing, stems
from filterscope.cli.paper import add_paper, figure
from filterscope.plots.kinds import LAYER_NAMES, NAMES, OVERVIEW, kind, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure, FigureBase

    from filterscope.filters.bank import FilterBank
    from filterscope.filters.history import FilterHistory
    from filterscope.plots.picture import Kind, Options

KINDS = "\n".join(f"  {name:9}  {words(name)}" for name in NAMES)
SHORT = "pictures as PNG, SVG or PDF files"
DESCRIPTION = f"""\
Draw layers into files, and print their names: LAYER_KIND_epochNNNN.png for a
run (_stepNNNNNN where snapshots were taken by steps), LAYER_KIND.png for a
checkpoint; for the overview, overview_epochNNNN.png. Files of these names that
are there already are replaced. Where a layer's name holds more than letters,
digits and ._- there are underscores in its files' names, and a digest of the
full name, which keeps such layers apart.

{KINDS}
"""
EXAMPLES = """\
examples:
  filterscope plot lightning_logs/version_0
  filterscope plot lightning_logs/version_0 --layer conv1 --epoch 0 --format svg
  filterscope plot lightning_logs/version_0 --kind drift -o figures
  filterscope plot last.ckpt --kind response --sample-rate 16000
  filterscope plot lightning_logs/version_0 --sort drift --top 16
  filterscope plot lightning_logs/version_0 --size 3.3x2.2 --format pdf
"""

#: Filters of a checkpoint that are drawn unless told otherwise, as by the monitor.
_CHECKPOINT_FILTERS = 64


@dataclass(frozen=True)
class _Picture:
    """One file to be: which, and how to draw it."""

    layer: str  # empty for all of them
    kind: str
    moment: str
    draw: Callable[[Figure | None], FigureBase]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_path(parser, checkpoints=True)
    add_layers(parser, checkpoints=True)
    add_tag(parser)
    moment = parser.add_mutually_exclusive_group()
    moment.add_argument("--epoch", metavar="N", type=epoch, help="epochs completed, 0 before training; default: last")
    moment.add_argument("--step", metavar="N", type=epoch, help="the snapshot at a step, of a run that has such")
    parser.add_argument(
        "--kind", choices=(*NAMES, "all"), action="append", dest="kinds",
        help="what to draw; may be repeated. Default: all that make sense for a layer",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, default=Path("filters"),
        help="directory for the files, made if there is none (default: filters)",
    )  # fmt: skip
    parser.add_argument("--format", choices=("png", "svg", "pdf"), default="png", help="default: png")
    add_order(add_drawing(parser, checkpoints=True))
    add_paper(parser)


def run(options: argparse.Namespace) -> None:
    """Draw, and print the files' names."""
    if inputs.is_run(options.path):
        histories = inputs.histories(options.path, options.layers, options.tag)
        rates = _rates(histories, options.sample_rate)
        cut = [each for history in histories.values() if (each := _until(history, options))]
        order.check(options, max(map(len, cut), default=2))
        pictures = [picture for history in cut for picture in _of_history(history, rates.get(history.layer), options)]
        pictures += _of_run(cut, options)
        names = stems(histories)
    else:
        inputs.refuse_tag(options.path, options.tag)
        for name in ("epoch", "step"):
            if getattr(options, name) is not None:
                raise UserError(f"--{name} is for runs: {options.path!r} is a checkpoint of one moment")
        order.check(options, 0)
        banks = inputs.banks(options.path, options.layers, options.sample_rate)
        pictures = [picture for bank in banks.values() for picture in _of_bank(bank, options)]
        if OVERVIEW in (options.kinds or ()):
            note(f"no {OVERVIEW}: it needs the directory of a run")
        names = stems(banks)
    if not pictures:
        raise UserError("there is nothing to draw")
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UserError(f"-o {str(options.output)!r} is a file; give a directory") from error
    for picture in progress(pictures, "picture"):
        stem = f"{names[picture.layer]}_{picture.kind}" if picture.layer else picture.kind
        path = options.output / f"{stem}{picture.moment}.{options.format}"
        with figure(options) as target:
            drawn = picture.draw(target)
            with replacing(path, say=False) as part:
                drawn.figure.savefig(part, format=options.format)
        tell(str(path))


def _rates(histories: Mapping[str, FilterHistory], first: float | None) -> dict[str, float]:
    """Rates that follow from one of the first layer: all were recorded of one signal."""
    if first is None:
        return {}
    recorded = {name: history[-1].sample_rate for name, history in histories.items()}
    name, known = next(iter(recorded.items()))
    ratios = {each: rate / known for each, rate in recorded.items() if rate and known}
    return {each: first * ratio for each, ratio in ratios.items()} | {name: first}


def _wanted(bank: FilterBank, snapshots: int, options: argparse.Namespace) -> Iterator[Kind]:
    """Kinds to draw of a layer; a note for each that was asked for and cannot be."""
    named = options.kinds or ["all"]
    if options.channels == "logo" and not bank.is_lettered:
        note(f"no logo of layer {bank.layer!r}: its channels are not named by a capital letter each; drawn as by auto")
    is_signal = bank.in_time and not bank.is_lettered
    for each in map(kind, LAYER_NAMES):
        if each.name not in named and not ("all" in named and each.suits(bank.taps, snapshots, is_signal)):
            continue
        if hindrance := hindrance_to(each, bank, snapshots, options.frequency):
            note(f"no {each.name} of layer {bank.layer!r}: {hindrance}")
        else:
            yield each


def _of_bank(bank: FilterBank, options: argparse.Namespace) -> Iterator[_Picture]:
    how = _how(None, options, order.most(options, _CHECKPOINT_FILTERS))
    bank = order.of_bank(bank, options)
    for each in _wanted(bank, 0, options):
        yield _Picture(bank.layer, each.name, "", partial(_drawn, each, bank, how))


def _drawn(kind: Kind, bank: FilterBank, options: Options, target: Figure | None) -> FigureBase:
    return kind.make(bank, None, options, target).sheet.figure


def _how(rate: float | None, options: argparse.Namespace, most: int | None) -> Options:
    from filterscope.plots.picture import Options

    is_by_peak = options.sort in (None, "peak")
    return Options(options.channels, most, rate, options.frequency, options.scale, in_order=not is_by_peak)


def _until(history: FilterHistory, options: argparse.Namespace) -> FilterHistory | None:
    """A history up to the moment asked for; a note where it has no such moment."""
    from filterscope.filters.history import FilterHistory

    if options.epoch is None and options.step is None:
        return history
    try:
        end = history.position(options.epoch, step=options.step) + 1
    except KeyError:
        note(f"nothing of layer {history.layer!r}: {_missing(history, options.epoch, options.step)}")
        return None
    return FilterHistory(list(history)[:end], history.initial, changes=history.change()[:end].tolist())


def _moment(history: FilterHistory, options: argparse.Namespace) -> str:
    by_step = options.step is not None or (options.epoch is None and history.by_step)
    return f"_step{history.steps[-1]:06d}" if by_step else f"_epoch{history.epochs[-1]:04d}"


def _of_history(history: FilterHistory, rate: float | None, options: argparse.Namespace) -> Iterator[_Picture]:
    from filterscope.plots.picture import draw

    how, moment = _how(rate, options, order.most(options, None)), _moment(history, options)
    history = order.of_history(history, options)
    for each in _wanted(history[-1], len(history), options):
        yield _Picture(history.layer, each.name, moment, partial(draw, each, history, how))


def _of_run(histories: list[FilterHistory], options: argparse.Namespace) -> Iterator[_Picture]:
    from filterscope.plots.overview import plot_overview

    if not histories or not {OVERVIEW, "all"} & set(options.kinds or ["all"]):
        return
    if max(map(len, histories)) > 1:
        newest = max(histories, key=lambda history: history.steps[-1])
        moment = _moment(newest, options)
        yield _Picture("", OVERVIEW, moment, lambda target: plot_overview(histories, figure=target))
    elif OVERVIEW in (options.kinds or ()):
        note(f"no {OVERVIEW}: that begins with the second snapshot")


def _missing(history: FilterHistory, epoch: int | None, step: int | None) -> str:
    unit, asked, there = ("step", step, history.steps) if epoch is None else ("epoch", epoch, history.epochs)
    near = sorted(sorted(set(there.tolist())), key=lambda each: abs(each - asked))[:2]
    words = " and ".join(map(str, sorted(near)))
    return f"no snapshot of {unit} {asked}; there are {there[0]} to {there[-1]}, the nearest {words}"
