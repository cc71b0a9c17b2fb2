"""How did this filter get here? Look back at a training run: numbers, figures and an animation from its event files.

    pip install -e '.[examples]' && python examples/after_the_fact.py

Takes the newest run that examples/gunpoint.py wrote here, or trains a short one first if there is none (10 seconds).
No model and no checkpoint are needed, and nothing is trained again. The command line does the same without Python:

    filterscope summary runs/gunpoint/version_0
    filterscope plot    runs/gunpoint/version_0 --layer conv1 -o figures
    filterscope animate runs/gunpoint/version_0 --layer conv1 -o conv1.gif
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from filterscope import FilterHistory, load_history, plot_drift, plot_evolution, plot_filter
from filterscope.plots.animation import write_animation

RUNS = Path("runs/gunpoint")


def newest() -> tuple[Path, dict[str, FilterHistory]] | None:
    """The last run with filters, and what it recorded."""
    runs = sorted(RUNS.glob("version_*"), key=lambda run: int(run.name.removeprefix("version_")), reverse=True)
    for run in runs:
        try:
            return run, load_history(run)
        except ValueError:  # no filters there
            continue
    return None


def train() -> None:
    """A short run, in a process of its own."""
    subprocess.run([sys.executable, Path(__file__).with_name("gunpoint.py"), "--epochs", "20"], check=True)


def tell(history: FilterHistory) -> int:
    """Print a layer in numbers.

    Returns:
        The filter that turned most.
    """
    rotation = history.rotation()[-1]
    most = int(history[-1].indices[np.nanargmax(rotation)])
    rank = history.effective_rank()
    print(f"{history.layer}: epochs {history.epochs[0]} to {history.epochs[-1]}, weights {history.weights.shape}")
    print(f"  rotation: {np.nanmedian(rotation):.3f} in the median, {np.nanmax(rotation):.3f} for filter {most}")
    print(f"  effective rank: {rank[0]:.1f} at first, {rank[-1]:.1f} now")
    settled = history.convergence_epoch()
    print("  not yet settled" if settled is None else f"  near its last weights from epoch {settled} on")
    return most


def main() -> None:
    """Read, tell, draw."""
    found = newest()
    if found is None:
        train()
        found = newest()
    if found is None:
        raise SystemExit(f"no run with filters in {RUNS}")
    run, histories = found
    output = run / "figures"
    output.mkdir(exist_ok=True)
    for layer, history in histories.items():
        most = tell(history)
        figures = {
            "evolution": plot_evolution(history),
            "drift": plot_drift(history),
            f"filter{most}": plot_filter(history[-1], most, reference=history.reference),
        }
        for kind, figure in figures.items():
            figure.savefig(output / f"{layer}_{kind}.png")
        write_animation(history, output / f"{layer}.gif")
    print(f"figures and animations: {output}")


if __name__ == "__main__":
    main()
