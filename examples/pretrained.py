"""Look at the 1-D filters of a trained model: no training, no model code, only its weights.

    pip install -e '.[examples]' && python examples/gunpoint.py
    python examples/pretrained.py runs/gunpoint/version_0/checkpoints/*.ckpt -o filters

Takes a Lightning checkpoint or a file of ``torch.save(model.state_dict(), ...)``. Stride, dilation and groups are not
stored in such files; with the model at hand, ``filterscope.read_filters(model)`` knows them.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import torch

from filterscope import FilterBank, plot_filter, plot_response, plot_taps, read_filters


def load(path: Path) -> Any:
    """What a file of weights holds. Nothing in it is executed."""
    if not path.is_file():
        raise SystemExit(f"{path}: there is no such file")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror or error}") from error
    except Exception as error:  # what holds something else can fail in any way
        raise SystemExit(f"{path}: neither a Lightning checkpoint nor a saved state_dict, or damaged") from error


def save_plots(bank: FilterBank, stem: str, directory: Path) -> None:
    """Draw one layer's filters into PNG files whose names begin with ``stem``."""
    first = int(bank.indices[0])
    figures = {"taps": plot_taps(bank), f"filter{first}": plot_filter(bank, first)}
    if bank.taps > 1:  # a single weight passes all frequencies alike
        figures["response"] = plot_response(bank)
    for kind, figure in figures.items():
        path = directory / f"{stem}_{kind}.png"
        figure.savefig(path)
        print(path)


def main() -> None:
    """Read, select, draw."""
    parser = argparse.ArgumentParser(description="Draw the 1-D filters of a trained model as PNG files.")
    parser.add_argument("checkpoint", type=Path, help="a Lightning checkpoint, or a saved state_dict")
    parser.add_argument("-o", "--output", type=Path, default=Path("filters"), help="directory (default: filters)")
    parser.add_argument(
        "--layers", nargs="+", metavar="GLOB", help="such as 'conv*'; default: all layers with more than one tap"
    )
    options = parser.parse_args()

    weights = load(options.checkpoint)
    try:
        banks = read_filters(weights, options.layers)
    except (TypeError, ValueError) as error:
        raise SystemExit(f"{options.checkpoint}: {error}") from error
    if not banks:
        kind = "1-D filters" if options.layers else "1-D filters with more than one tap (--layers '*' takes all)"
        raise SystemExit(f"{options.checkpoint}: it holds no {kind}")
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        for number, (layer, bank) in enumerate(banks.items()):
            # A name can hold what a file's must not, slashes for one; the number keeps two apart that then look alike.
            save_plots(bank, f"{number:02d}_{re.sub(r'[^A-Za-z0-9._-]+', '_', layer)[:80]}", options.output)
    except OSError as error:
        raise SystemExit(f"cannot write to {options.output}: {error.strerror or error}") from error


if __name__ == "__main__":
    main()
