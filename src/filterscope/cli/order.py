"""The order of a layer's filters: by a number of each, with their own numbers kept as labels."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from filterscope.cli.arguments import count
from filterscope.cli.console import UserError, note

if TYPE_CHECKING:
    from filterscope.filters.arrays import Array
    from filterscope.filters.bank import FilterBank
    from filterscope.filters.history import FilterHistory

SORTS = ("drift", "norm", "peak")
_OTHERS = "--sort norm and --sort peak need no history"


def add_order(group: argparse._ArgumentGroup) -> None:
    """Options of the order."""
    group.add_argument(
        "--sort", choices=SORTS,
        help="order of filters, which keep their numbers: drift (those that turned farthest first), norm (the largest "
        "first) or peak (the lowest frequency first). Default: by number, the response by peak",
    )  # fmt: skip
    group.add_argument("--top", metavar="N", type=count, help="draw the first N in the order of --sort only")


def check(options: argparse.Namespace, snapshots: int) -> None:
    """Refuse what has no order; ``snapshots`` of the layer that has most, 0 of a checkpoint."""
    if options.top is not None and options.sort is None:
        works = f"{' or '.join(SORTS)}; --max-filters {options.top} draws the lowest-numbered"
        raise UserError(f"--top {options.top} needs an order: add --sort {works}")
    if options.sort == "drift" and snapshots < 2:
        lacks = "has one moment only: give the directory of a run" if snapshots == 0 else "begins with the second one"
        what = f"{options.path!r} is a checkpoint, which" if snapshots == 0 else "this is the first snapshot, and drift"
        raise UserError(f"--sort drift: {what} {lacks}. {_OTHERS}")


def most(options: argparse.Namespace, otherwise: int | None) -> int | None:
    """How many filters to draw; ``None`` for all."""
    asked = [each for each in (options.top, options.max_filters) if each is not None]
    return min(asked, default=otherwise)


def of_bank(bank: FilterBank, options: argparse.Namespace) -> FilterBank:
    """A bank in the order asked for: of those that ``--max-filters`` leaves, with the others behind them."""
    rows = _rows(bank, None, options)
    return bank if rows is None else _reordered(bank, rows)


def of_history(history: FilterHistory, options: argparse.Namespace) -> FilterHistory:
    """A history in the order of its last snapshot; else as :func:`of_bank`."""
    from filterscope.filters.history import FilterHistory

    rows = _rows(history[-1], history if len(history) > 1 else None, options)
    if rows is None:
        return history
    banks = [_reordered(bank, rows) for bank in history]
    return FilterHistory(banks, history.initial, changes=history.change().tolist())


def _reordered(bank: FilterBank, rows: Array) -> FilterBank:
    return bank.with_fields(weights=bank.weights[rows], indices=bank.indices[rows])


def _rows(bank: FilterBank, history: FilterHistory | None, options: argparse.Namespace) -> Array | None:
    """Rows of the filters in the order asked for; ``None`` to leave them, with a note if they cannot be sorted."""
    if options.sort is None:
        return None
    hindrance = ""
    if options.sort == "drift" and history is None:
        hindrance = "it has one snapshot"
    elif options.sort == "peak":
        hindrance = "it has a single tap" if bank.taps == 1 else hindrance
        hindrance = "its channels are letters, which have no frequencies" if bank.is_lettered else hindrance
        hindrance = hindrance if bank.in_time else "its taps may not be samples in time"
    if hindrance:
        note(f"filters of layer {bank.layer!r} are in the order of their numbers, not by {options.sort}: {hindrance}")
        return None
    import numpy as np

    from filterscope.filters import metrics, spectrum

    first = bank.head(options.max_filters)
    if options.sort == "peak":
        keys = spectrum.peak_frequency(first)
    elif history is not None and options.sort == "drift":
        keys = -metrics.rotation(first.weights, history.reference.head(options.max_filters).weights)
    else:
        keys = -metrics.norms(first.weights)
    keys = np.where(np.isfinite(keys), keys, np.nan)  # NaN sorts last
    rows: Array = np.concatenate([np.argsort(keys, kind="stable"), np.arange(first.filters, bank.filters)])
    return rows
