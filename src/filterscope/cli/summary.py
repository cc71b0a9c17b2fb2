"""``filterscope summary``: a table of layers."""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from filterscope.cli import inputs
from filterscope.cli.arguments import add_layers, add_path, add_tag
from filterscope.cli.console import printable
from filterscope.filters.words import listed

if TYPE_CHECKING:
    from filterscope.filters.bank import FilterBank
    from filterscope.filters.history import FilterHistory

SHORT = "a table of layers: how far their filters turned, and when they settled"
DESCRIPTION = """\
Print a line for each layer, in model order.

Of a run: the epochs recorded (steps, where snapshots were taken by steps);
rotation from the initial filters (0 unmoved, 1 orthogonal); change, the
relative size of the last step, as it was logged for the whole layer; dead
filters, of how many; effective rank, at first and now; convergence epoch or
step, from which on the layer stays within a tenth of its way of its last
weights ("–": it has not stayed there for a fifth of the time, and may still be
on its way). All but change are of the recorded filters: "64 of 512" where a run
kept some only.
Of a checkpoint: dead filters, of how many, effective rank, redundancy, root
mean square.
"""
EXAMPLES = """\
examples:
  filterscope summary lightning_logs/version_0
  filterscope summary lightning_logs/version_0 --layer 'encoder.*' --csv
  filterscope summary lightning_logs/version_0 --json | jq '.[].rotation'
  filterscope summary last.ckpt
"""

Row = dict[str, Any]

#: Of a layer, in the table; JSON and CSV have all of it.
_LONGEST_NAME = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_path(parser, checkpoints=True)
    add_layers(parser, checkpoints=True)
    add_tag(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a JSON list with an object per layer; null where undefined")
    form.add_argument("--csv", action="store_true", help="comma-separated values with a header; empty where undefined")


def run(options: argparse.Namespace) -> None:
    """Print the table."""
    if inputs.is_run(options.path):
        rows = [of_history(history) for history in inputs.histories(options.path, options.layers, options.tag).values()]
        cells = [_history_cells(row) for row in rows]
    else:
        inputs.refuse_tag(options.path, options.tag)
        rows = [of_bank(bank) for bank in inputs.banks(options.path, options.layers).values()]
        cells = [_bank_cells(row) for row in rows]
    if options.json:
        print(json.dumps(rows, indent=2, allow_nan=False))
    elif options.csv:
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | {"channel_names": " ".join(row["channel_names"] or ())} for row in rows)
    else:
        print(_table(cells))


def of_history(history: FilterHistory) -> Row:
    """A run's layer in numbers; ``None`` where undefined."""
    from filterscope.filters import metrics

    now, reference = history.weights[-1], history.reference.weights
    return _shape(history[-1]) | {
        "snapshots": len(history),
        "by_step": history.by_step,
        "first_epoch": int(history.epochs[0]),
        "last_epoch": int(history.epochs[-1]),
        "first_step": int(history.steps[0]),
        "last_step": int(history.steps[-1]),
        "rotation": _defined(metrics.layer_rotation(now, reference)),
        "change": _defined(float(history.change()[-1])),
        **_health(history[-1]),
        "effective_rank_first": _defined(metrics.effective_rank(history.weights[0])),
        "effective_rank": _defined(metrics.effective_rank(now)),
        "convergence_epoch": history.convergence_epoch(),
        "convergence_step": None if (settled := history.convergence()) is None else int(history.steps[settled]),
    }


def of_bank(bank: FilterBank) -> Row:
    """A checkpoint's layer in numbers; ``None`` where undefined."""
    from filterscope.filters import metrics

    return _shape(bank) | {
        **_health(bank),
        "effective_rank": _defined(metrics.effective_rank(bank.weights)),
        "redundancy": _defined(metrics.redundancy(bank.weights)),
        "rms": _defined(metrics.rms(bank.weights)),
    }


def _shape(bank: FilterBank) -> Row:
    names = ("layer", "filters", "total_filters", "channels", "taps", "channel_names")
    return {name: getattr(bank, name) for name in names}


def _health(bank: FilterBank) -> Row:
    """``dead`` is the share, which is what TensorBoard's card of that name shows."""
    from filterscope.filters import metrics

    dead = metrics.dead(bank.weights)
    broken = metrics.nonfinite(bank.weights)
    return {"dead": _defined(dead.mean()), "dead_filters": int(dead.sum()), "nonfinite": broken}


def _defined(value: float) -> float | None:
    """A float32's rounding does not go beyond seven digits."""
    return float(f"{value:.7g}") if math.isfinite(value) else None


def _layer_cells(row: Row) -> Row:
    name = printable(row["layer"])
    held = row["filters"] if row["filters"] == row["total_filters"] else f"{row['filters']} of {row['total_filters']}"
    return {
        # The end of a long name tells more than its beginning.
        "layer": name if len(name) <= _LONGEST_NAME else "…" + name[1 - _LONGEST_NAME :],
        "filters × channels × taps": f"{held} × {row['channels']} × {row['taps']}",
        "channels": printable(listed(row["channel_names"] or ())),
    }


def _health_cells(row: Row) -> Row:
    share = f" ({100 * row['dead']:.2g} %)" if row["dead_filters"] else ""
    return {"dead": f"{row['dead_filters']} of {row['filters']}{share}", "NaN or Inf": str(row["nonfinite"])}


def _history_cells(row: Row) -> Row:
    unit = "step" if row["by_step"] else "epoch"
    first, last = row[f"first_{unit}"], row[f"last_{unit}"]
    return _layer_cells(row) | {
        f"{unit}s": f"{first} to {last}" if row["snapshots"] > 1 else str(last),
        "snapshots": str(row["snapshots"]),
        "rotation": _number(row["rotation"], ".3f"),
        "change": _number(row["change"], ".2g"),
        **_health_cells(row),
        "effective rank": f"{_number(row['effective_rank_first'], '.1f')} → {_number(row['effective_rank'], '.1f')}",
        f"convergence {unit}": _number(row[f"convergence_{unit}"], "d"),
    }


def _bank_cells(row: Row) -> Row:
    return _layer_cells(row) | {
        **_health_cells(row),
        "effective rank": _number(row["effective_rank"], ".1f"),
        "redundancy": _number(row["redundancy"], ".3f"),
        "rms": _number(row["rms"], ".3g"),
    }


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _table(rows: Sequence[Row]) -> str:
    """Columns in line: names at the left, numbers at the right. None where all weights are finite, or nothing known."""
    needless = {"NaN or Inf": "0", "channels": ""}
    shown = [name for name in rows[0] if any(row[name] != needless.get(name) for row in rows)]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in shown}
    lines = []
    for row in ({name: name for name in widths}, *rows):
        layer, *numbers = shown
        cells = [row[layer].ljust(widths[layer]), *(row[name].rjust(widths[name]) for name in numbers)]
        lines.append("  ".join(cells))
    return "\n".join(lines)
