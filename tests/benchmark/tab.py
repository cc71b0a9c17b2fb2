"""Measures what the Filters tab costs TensorBoard, and how fast its server half answers; prints a Markdown table.

    python -m tests.benchmark.tab              # about 3 minutes on 2 cores
    python -m tests.benchmark.tab --pairs 30   # more pairs of starts
    python -m tests.benchmark.tab --quick      # 2 pairs and 20 epochs, seconds

Starts are timed in pairs, one with the tab and one without, in turns: only their ratio says anything on a busy machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.support.browser import LOADERS, Served, tensorboard
from tests.support.synthetic import STEPS, Layer, Run

#: An M5's convolutions (Dai et al., 1610.00087).
M5 = {"conv1": (64, 1, 80), "conv2": (64, 64, 3), "conv3": (128, 64, 3), "conv4": (256, 128, 3)}
LARGE = (64, 1, 251)
TAG = "filters/conv1/bank"

_START = """
import sys
from tensorboard import default
from tensorboard.main import run_main
found = default._iter_entry_points
default._iter_entry_points = lambda group: [one for one in found(group) if one.name != {without!r}]
sys.argv[0] = "tensorboard"
run_main()
"""
_IMPORT = """
import time
import tensorboard.main
began = time.perf_counter()
import filterscope.tab.plugin
at_start = time.perf_counter()
import filterscope.tab.serve
print(at_start - began, time.perf_counter() - at_start)
"""


def start(logdir: Path, loader: str, without: str) -> tuple[float, float]:
    """Seconds until TensorBoard serves, and those of processor time that it took.

    Args:
        logdir: What to show.
        loader: One of ``LOADERS``.
        without: Name of the entry point to leave out.
    """
    script = _START.format(without=without)
    command = [sys.executable, "-c", script, f"--logdir={logdir}", "--port=0", "--host=127.0.0.1", LOADERS[loader]]
    began = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            if " at http://" in line:
                break
        seconds = time.perf_counter() - began
        process.terminate()
        process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    return seconds, used.ru_utime + used.ru_stime


def starts(logdir: Path, loader: str, pairs: int) -> list[str]:
    """Start-up with the tab against without."""
    for without in ("", "filterscope"):
        start(logdir, loader, without)
    ratios, times = [], []
    for pair in range(pairs):
        order = ("", "filterscope") if pair % 2 else ("filterscope", "")
        taken = {without: start(logdir, loader, without) for without in order}
        ratios.append([mine / bare for mine, bare in zip(taken[""], taken["filterscope"], strict=True)])
        times.append(taken[""][0])
    wall, processor = ([ratio[kind] for ratio in ratios] for kind in (0, 1))
    words = f"{pairs} pairs, {min(wall):.3f} to {max(wall):.3f}; {statistics.median(times):.2f} s with it"
    spread = f"{min(processor):.3f} to {max(processor):.3f}"
    return [
        row(f"start-up, {loader} loader, with the tab / without", statistics.median(wall), "1.05", words),
        row("the same, processor time", statistics.median(processor), "1.05", spread),
    ]


def imports(runs: int) -> list[str]:
    """What the module adds to TensorBoard's own imports."""
    found = []
    for _ in range(runs + 1):
        done = subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True)
        found.append([1000 * float(word) for word in done.stdout.split()])
    first, later = (statistics.median(column) for column in zip(*found[1:], strict=True))
    return [
        row("import of `board.plugin`, ms", first, "50", f"median of {runs} processes"),
        row("import of `board.serve`, ms", later, "50 with the above", "when TensorBoard makes the plugin"),
    ]


def timed(action: Callable[[], object]) -> float:
    """Milliseconds of one run."""
    began = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - began)


def answers(logdir: Path, loader: str, epochs: int) -> list[str]:
    """How long the answers take that a first picture and a whole history need."""
    began = time.perf_counter()
    with tensorboard(logdir, LOADERS[loader]) as served:
        served.wait_for_step("run", TAG, epochs * STEPS)
        loaded = time.perf_counter() - began
        steps = list(range(0, (epochs + 1) * STEPS, STEPS))
        asked: dict[str, Callable[[], object]] = {
            "`layers`": served.layers,
            "`snapshots`": lambda: served.steps("run", TAG),
            "`banks`, 2 snapshots": lambda: served.banks("run", TAG, steps[:: len(steps) - 1]),
            "`banks`, 16": lambda: served.banks("run", TAG, steps[-16:]),
            "`banks`, 256": lambda: served.banks("run", TAG, steps[:256]),
        }
        first = {name: timed(action) for name, action in asked.items()}
        picture = sum(list(first.values())[:3])
        words = f"{epochs} epochs of {'x'.join(map(str, LARGE))}, loaded {loaded:.1f} s after the start"
        rows = [row(f"{loader}: first `layers`, `snapshots`, 2 `banks`, ms", picture, "", words)]
        for name, action in asked.items():
            again = [timed(action) for _ in range(9)]
            words = f"{min(again):.0f} to {max(again):.0f}, the first {first[name]:.0f}"
            rows.append(row(f"{loader}: {name}, ms", statistics.median(again), "", words))
        parts = [steps[place : place + 256] for place in range(0, len(steps), 256)]
        everything = timed(lambda: [served.banks("run", TAG, part) for part in parts])
        return [*rows, row(f"{loader}: all {len(steps)} snapshots, ms", everything, "", "one after the other")]


def many(logdir: Path, loader: str, layers: int, epochs: int) -> list[str]:
    """How long the list of many layers takes, and the overview of all of them."""
    with tensorboard(logdir, LOADERS[loader]) as served:
        served.wait_for_step("run", f"filters/block{layers - 1}/bank", epochs * STEPS)
        taken = [timed(served.layers) for _ in range(5)]
        version = {"If-None-Match": served.plugin("layers").headers["ETag"]}
        same = [timed(lambda: served.plugin("layers", version)) for _ in range(5)]
        whole = [timed(lambda: served.plugin("overview")) for _ in range(5)]
        alone = [timed(lambda: served.steps("run", "filters/block0/bank")) for _ in range(5)]
    words = f"{layers} layers of {epochs} epochs; unchanged {statistics.median(same):.0f} ms"
    ratio = statistics.median(whole) / statistics.median(alone)
    return [
        row(f"{loader}: `layers` of many, ms", statistics.median(taken), "", words),
        row(f"{loader}: `overview` of many, ms", statistics.median(whole), "", f"{min(whole):.0f} to {max(whole):.0f}"),
        row(f"{loader}: the same, times the `snapshots` of one layer", ratio, "", "medians of 5"),
    ]


def resident(served: Served) -> float:
    """MiB that TensorBoard and its data server hold."""
    family = [served.pid]
    for task in Path(f"/proc/{served.pid}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has ended meanwhile
            family += map(int, Path(task, "children").read_text().split())
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in family]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20


def memory(full: Path, bare: Path, loader: str, epochs: int) -> list[str]:
    """What the banks of an M5 add to what TensorBoard holds."""
    held = {}
    for logdir in (bare, full):
        with tensorboard(logdir, LOADERS[loader]) as served:
            last = "conv4" if logdir is full else "conv1"
            served.wait_for_step("run", f"filters/{last}/bank", epochs * STEPS if logdir is full else 0)
            held[logdir] = resident(served)
            if logdir is full:
                for name in M5:
                    served.banks("run", f"filters/{name}/bank", range(0, (epochs + 1) * STEPS, STEPS))
                after = resident(served)
    size = sum(path.stat().st_size for path in full.rglob("*") if path.is_file()) / 2**20
    words = f"{held[bare]:.0f} without them, {after:.0f} after all were served; {epochs} epochs, {size:.1f} MiB on disk"
    return [row(f"{loader}: memory with an M5's banks, MiB", held[full], "", words)]


def row(name: str, value: float, goal: str, words: str) -> str:
    """A line of the table."""
    return f"| {name} | {value:.3g} | {goal} | {words} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    pairs, epochs, layers = (2, 20, 3) if given.quick else (given.pairs, 1000, 100)
    print("| figure | value | goal | spread |\n| --- | --- | --- | --- |", flush=True)

    def show(rows: list[str]) -> None:
        print("\n".join(rows), flush=True)

    with tempfile.TemporaryDirectory() as directory:
        # As where packages are installed: compiled once, not at every start.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(directory, "cache"))
        large, crowd, m5, bare = (Path(directory, name) for name in ("large", "crowd", "m5", "bare"))
        Run(large / "run", [Layer("conv1", LARGE)], epochs).add(range(epochs + 1))
        Run(crowd / "run", [Layer(f"block{number}", (4, 1, 3)) for number in range(layers)], epochs).add(
            range(epochs + 1)
        )
        Run(m5 / "run", [Layer(name, shape) for name, shape in M5.items()], 100).add(range(101))
        Run(bare / "run", [Layer("conv1", (1, 1, 1))], 1).add(range(2))
        show(imports(7))
        for loader in LOADERS:
            show(starts(bare, loader, pairs))
        for loader in LOADERS:
            show(answers(large, loader, epochs))
            show(many(crowd, loader, layers, epochs))
            show(memory(m5, bare, loader, 100))


if __name__ == "__main__":
    main()
