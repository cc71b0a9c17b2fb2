"""``filterscope export``: a run's filters as numpy arrays in one file."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from filterscope.cli import inputs
from filterscope.cli.arguments import add_layers, add_path, add_tag, file_with
from filterscope.cli.console import doing, tell
from filterscope.cli.output import check_writable, replacing
from filterscope.version import __version__

if TYPE_CHECKING:
    from filterscope.filters.history import FilterHistory

SHORT = "every epoch's filters as numpy arrays"
DESCRIPTION = """\
Write what a run recorded into one compressed .npz file, which numpy reads
without filterscope, torch or TensorBoard. A file that is there already is
replaced once the new one is complete, and a line on stderr says so.

Layers are numbered in model order: 'layers' holds their names. For number 0

  weights_0          (epochs, filters, channels, taps), float32 or complex64
  epochs_0           (epochs,): epochs completed, 0 before training
  steps_0            (epochs,): on TensorBoard's step axis
  indices_0          (filters,): each filter's number in its layer
  initial_0          (filters, channels, taps): what rotation is measured
                     from; all filters of the layer
  initial_indices_0  its filters' numbers

'meta' is JSON text: names again, exact whatever characters they hold, stride,
dilation, groups, sample rate, channel names.
"""
EXAMPLES = """\
examples:
  filterscope export lightning_logs/version_0 -o filters.npz
  filterscope export lightning_logs/version_0 --layer 'encoder.*' -o encoder.npz

in Python:
  stored = np.load("filters.npz")
  number = stored["layers"].tolist().index("conv1")
  weights = stored[f"weights_{number}"]
  stride = json.loads(str(stored["meta"]))["layers"][number]["stride"]
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_path(parser, checkpoints=False)
    add_layers(parser, checkpoints=False)
    add_tag(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=file_with((".npz",)), required=True, help="file to write, .npz"
    )


def run(options: argparse.Namespace) -> None:
    """Write the file, and print its name."""
    import numpy as np

    check_writable(options.output)
    inputs.require_run(options.path, "filterscope export")
    histories = list(inputs.histories(options.path, options.layers, options.tag).values())
    with replacing(options.output) as part, doing(f"writing {options.output}"):
        np.savez_compressed(part, **arrays(histories))
    tell(str(options.output))


def arrays(histories: list[FilterHistory]) -> dict[str, Any]:
    """What the file holds, by key."""
    import numpy as np

    meta = {"filterscope": __version__, "layers": [_meta(history) for history in histories]}
    held: dict[str, Any] = {
        # Names are not keys: a zip archive would not keep all of them apart.
        "layers": np.array([history.layer for history in histories], dtype=np.str_),
        "meta": np.array(json.dumps(meta)),
    }
    for number, history in enumerate(histories):
        held |= {
            f"weights_{number}": history.weights,
            f"epochs_{number}": history.epochs,
            f"steps_{number}": history.steps,
            f"indices_{number}": history[0].indices,
            f"initial_{number}": history.initial.weights,
            f"initial_indices_{number}": history.initial.indices,
        }
    return held


def _meta(history: FilterHistory) -> dict[str, Any]:
    names = "layer total_filters stride dilation groups transposed sample_rate channel_names"
    initial = {"initial_epoch": history.initial.epoch, "initial_step": history.initial.step}
    return {name: getattr(history[-1], name) for name in names.split()} | initial
