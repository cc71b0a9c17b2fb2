"""Measures how fast the Filters tab draws in a real browser; prints a Markdown table.

    python -m tests.benchmark.tab_browser           # about 2 minutes on 2 cores
    python -m tests.benchmark.tab_browser --quick   # small layers, seconds

Times are those of Chromium without a GPU. "First picture" is the median of five fresh profiles, with TensorBoard up and
its data loaded, from the request for the page (the tab alone, or TensorBoard's page with it) to the first drawn grid,
or to the first drawn map of all layers.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.browser import LOADERS, Served, chromium, opened, tensorboard
from tests.support.synthetic import STEPS, Layer, Run
from tests.support.tab import Tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TAG = "filters/conv1/bank"
MODES = ("taps", "change", "response", "evolution")


@dataclass(frozen=True)
class Case:
    """A layer, how long it was trained, and the goals in milliseconds."""

    shape: tuple[int, int, int]
    epochs: int
    first: int
    step: int

    def __str__(self) -> str:
        return f"{' x '.join(map(str, self.shape))}, {self.epochs} epochs"


CASES = (Case((64, 1, 251), 1000, 1000, 16), Case((512, 64, 5), 200, 2000, 100))
QUICK = (Case((8, 1, 31), 30, 1000, 16),)

#: As many steps as are asked for, one in each frame; times of script and of frames, sorted.
_STEP = """
async (slider, steps) => {
    performance.clearMeasures();
    const frames = [];
    let last = null;
    for (let i = 0; i <= steps; i++) {
        slider.value = (Number(slider.value) + 7) % (Number(slider.max) + 1);
        slider.dispatchEvent(new Event("input"));
        const now = await new Promise(requestAnimationFrame);
        if (last !== null) frames.push(now - last);
        last = now;
    }
    const script = performance.getEntriesByName("filterscope:step").map(entry => entry.duration);
    const sorted = values => values.sort((a, b) => a - b);
    return {script: sorted(script), frames: sorted(frames)};
}
"""


def share(values: list[float], part: float) -> float:
    """A quantile of sorted values."""
    return values[min(int(part * len(values)), len(values) - 1)]


def first_picture(browser: Browser, served: Served, url: str) -> tuple[float, float]:
    """Milliseconds to the first grid: since the page was opened, and since the tab in it was."""
    with opened(browser, url) as found:
        tab = Tab(found.page, found.problems, inside=url == served.tab)
        tab.shows()
        clock = "[performance.timeOrigin, performance.getEntriesByName('filterscope:first')[0].startTime]"
        origin, own = tab.view.locator("html").evaluate(f"() => {clock}")
        return origin + own - found.page.evaluate("performance.timeOrigin"), own


def first_overview(browser: Browser, served: Served) -> float:
    """Milliseconds from the request for the tab to the first overview."""
    with opened(browser, served.frame) as found:
        mark = "performance.getEntriesByName('filterscope:overview')[0]"
        return float(found.page.wait_for_function(f"{mark}?.startTime").json_value())


def overviews(browser: Browser, directory: Path, layers: int, epochs: int) -> list[str]:
    """Rows of the first table: all layers of a run, with the ratio to one of them alone."""
    Run(directory, [Layer(f"block{number}", (4, 1, 3)) for number in range(layers)], epochs).add(range(epochs + 1))
    rows = []
    for loader, flag in LOADERS.items():
        with tensorboard(directory.parent, flag) as served:
            served.wait_for_step(directory.name, f"filters/block{layers - 1}/bank", epochs * STEPS, seconds=600)
            layer = f"{served.frame}#p.filterscope.view=layer"
            alone = statistics.median(first_picture(browser, served, layer)[1] for _ in range(5))
            own = statistics.median(first_overview(browser, served) for _ in range(5))
            what = f"overview of {layers} layers, {epochs} epochs; {own / alone:.2f} times one of them"
            rows.append(f"| {what} | {loader} | the tab | {own:.0f} | {own:.0f} | 1000 |")
    return rows


def stepping(tab: Tab, steps: int) -> str:
    """Quantiles of script and frames."""
    found: dict[str, list[float]] = tab.get("scrubber").evaluate(_STEP, steps)
    assert len(found["script"]) > 0.9 * steps
    cells = [f"{share(found[kind], part):.1f}" for kind in ("script", "frames") for part in (0.5, 0.95)]
    return " | ".join(cells)


def measure(browser: Browser, case: Case, directory: Path, steps: int) -> tuple[list[str], list[str]]:
    """Rows of the two tables."""
    Run(directory, [Layer("conv1", case.shape, max_filters=None)], case.epochs).add(range(case.epochs))
    firsts, rows = [], []
    for loader, flag in LOADERS.items():
        with tensorboard(directory.parent, flag) as served:
            served.wait_for_step(directory.name, TAG, (case.epochs - 1) * STEPS)
            for what, url in (("the tab", served.frame), ("TensorBoard's page", served.tab)):
                times = [first_picture(browser, served, url) for _ in range(5)]
                whole, own = (statistics.median(column) for column in zip(*times, strict=True))
                firsts.append(f"| {case} | {loader} | {what} | {whole:.0f} | {own:.0f} | {case.first} |")
            if loader == "fast":
                rows = [*steps_of(browser, case, served, steps)]
    return firsts, rows


def steps_of(browser: Browser, case: Case, served: Served, steps: int) -> list[str]:
    """Stepping in every mode, then with a filter in detail."""
    rows = []
    with opened(browser, served.frame) as found:
        tab = Tab(found.page, found.problems, inside=False).shows()
        loaded: Any = {"timeout": 120_000}
        found.page.wait_for_function(
            f"document.querySelector('[data-testid=grid]').dataset.loaded >= {case.epochs}", **loaded
        )
        for mode in (*MODES, "detail"):
            tab.get(f"mode-{'taps' if mode == 'detail' else mode}").click()
            if mode == "detail":
                tab.click(tab.order[0])
                tab.get("detail").wait_for()
            stepping(tab, 20)
            rows.append(f"| {case} | {mode} | {stepping(tab, steps)} | {case.step} |")
        assert found.problems == []
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small layers")
    parser.add_argument("--steps", type=int, default=200)
    given = parser.parse_args()
    firsts: list[str] = []
    rows: list[str] = []
    with tempfile.TemporaryDirectory() as directory, chromium() as browser:
        for number, case in enumerate(QUICK if given.quick else CASES):
            first, row = measure(browser, case, Path(directory, str(number), "run"), given.steps)
            firsts += first
            rows += row
        firsts += overviews(browser, Path(directory, "many", "run"), *((8, 30) if given.quick else (100, 1000)))
    print("| layer | loader | opened | first picture, ms | after opening the tab, ms | goal, ms |")
    print("| --- | --- | --- | ---: | ---: | ---: |", *firsts, sep="\n")
    print("\n| layer | shown | script p50, ms | script p95, ms | frame p50, ms | frame p95, ms | goal, ms |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |", *rows, sep="\n")


if __name__ == "__main__":
    main()
