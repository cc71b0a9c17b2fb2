"""The Filters tab as a user sees it: runs whose weights are known, and what of them stands in the pixels."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FrameLocator, Locator, Page, expect

from filterscope.events import blob
from filterscope.filters import metrics
from filterscope.plots.drawing.colours import rotation_colours
from tests.support.synthetic import STEPS, Known, Layer, Run

#: Epochs of the fits.
LAST = 12
RUNS = ("a", "b", "run10")
SAMPLE_RATE = 100.0
#: Colour of what lies behind a filter, and what marks the shown epoch, in TensorBoard's light mode.
GHOST, ACCENT = (0xC3, 0xCA, 0xD3), (0xF5, 0x7C, 0x00)
#: CSS pixels of a large tile that its number takes, and those between its edge and its curve.
HEAD, PAD = 18, 5

expect.set_options(timeout=15_000)


def pulse_tap(run: int, number: int, epoch: int) -> int:
    """Where the only weight of a filter of ``pulses`` is. Filter 0 never moves."""
    return 4 if number == 0 else (4 + 3 * number + 2 * epoch + 5 * run) % 31


def pulses(run: int) -> Known:
    """Eight filters of one impulse each, of different height."""

    def weights(epoch: int) -> np.ndarray:
        result = np.zeros((8, 1, 31))
        for number in range(8):
            result[number, 0, pulse_tap(run, number, epoch)] = 0.3 + 0.1 * number
        return result

    return Known("pulses", weights)


def waves(run: int) -> Known:
    """Six windowed sinusoids whose frequency moves, three up and three down; they grow and shrink."""

    def weights(epoch: int) -> np.ndarray:
        number = np.arange(6)[:, None, None]
        start = 8 + 6 * np.array([3, 0, 5, 1, 4, 2])[:, None, None]
        frequency = start + (-1.0) ** number * 0.2 * epoch
        angle = 2 * np.pi * frequency * np.arange(64) / SAMPLE_RATE + (number + run) * epoch / 7
        return (1 + 0.1 * ((number * 5 + epoch) % 6)) * np.hanning(64) * np.cos(angle)

    # Whose raw filters are of the form that has names.
    return Known("waves", weights, fields={"sample_rate": SAMPLE_RATE, "channel_names": ("signal",)})


def cell(number: int, epoch: int) -> tuple[int, int]:
    """Channel and tap of the only weight of a filter of ``cells``."""
    return (number + epoch) % 3, (2 * number + epoch) % 9


def cells(run: int) -> Known:
    """Four filters of three channels with one weight each."""

    def weights(epoch: int) -> np.ndarray:
        result = np.zeros((4, 3, 9))
        for number in range(4):
            result[number, *cell(number, epoch)] = 1
        return result

    return Known("block.cells", weights)


def deep(run: int) -> Known:
    """Six filters of twelve channels that all have one shape: an impulse as in ``pulses``."""

    def weights(epoch: int) -> np.ndarray:
        strength = np.linspace(0.2, 1, 12)[None, :, None]
        return strength * pulses(run).weights(epoch)[1:7]

    return Known("block.deep", weights)


def model(run: int) -> list[Layer | Known]:
    """The layers of every run."""
    noise = Layer("noise", (64, 1, 31), seed=run, dead=(3,))
    return [pulses(run), waves(run), cells(run), deep(run), noise]


@dataclass
class Written:
    """A directory of runs, and what is in them."""

    directory: Path
    runs: dict[str, Run]

    def weights(self, layer: str, epoch: int, run: str = "a") -> np.ndarray:
        """The monitored filters as they were written, in the precision of the file."""
        return blob.decode(self.runs[run].blobs[f"filters/{layer}/bank"][epoch * STEPS][0]).weights

    def measures(self, layer: str, epoch: int, row: int) -> dict[str, float]:
        """Of a filter at one epoch, by our own formulas."""
        now, before, first = (self.weights(layer, at)[row : row + 1] for at in (epoch, epoch - 1, 0))
        return {
            "rotation": float(metrics.rotation(now, first)[0]),
            "change": metrics.change(now, before),
            "norm": float(metrics.norms(now)[0]),
        }

    def peak(self, layer: str, epoch: int, row: int) -> float:
        """Frequency that a filter passes most, in cycles per sample."""
        spectrum = np.square(np.abs(np.fft.rfft(self.weights(layer, epoch)[row], 512))).sum(axis=0)
        return float(np.argmax(spectrum) / 512)


class Tab:
    """A page that shows the tab.

    Attributes:
        page: Playwright's.
        view: The tab itself: the page, or the frame in TensorBoard's page.
        problems: As in ``Opened``; none may be left at the end of a test.
    """

    def __init__(self, page: Page, problems: list[str], inside: bool) -> None:
        self.page, self.problems = page, problems
        self.view: Page | FrameLocator = page.frame_locator("iframe") if inside else page

    def get(self, name: str, more: str = "") -> Locator:
        """What has a test id."""
        return self.view.locator(f'[data-testid="{name}"]{more}')

    @property
    def grid(self) -> Locator:
        """The canvas of tiles."""
        return self.get("grid")

    @property
    def epoch(self) -> int:
        """The shown one."""
        return int(self.grid.get_attribute("data-epoch") or "-1")

    @property
    def order(self) -> list[int]:
        """Numbers of the filters in the order of their tiles."""
        return [int(tile[0]) for tile in self._tiles()]

    def shows(self, epoch: int | None = None, layer: str | None = None) -> Tab:
        """Wait until it shows an epoch or a layer as it is."""
        expect(self.grid).to_be_visible()  # hidden between runs, with what it said of the one before
        if layer is not None:
            expect(self.grid).to_have_attribute("data-layer", layer)
        if epoch is not None:
            expect(self.grid).to_have_attribute("data-epoch", str(epoch))
        expect(self.grid).to_have_attribute("data-ready", "true")
        return self

    def loaded(self, count: int = LAST + 1) -> Tab:
        """Wait until so many snapshots are there."""
        self.shows()
        expect(self.grid).to_have_attribute("data-loaded", str(count))
        return self

    def choose(self, layer: str) -> Tab:
        """Click a layer."""
        self.view.locator(f'[data-testid="layer"][data-layer="{layer}"]').click()
        return self.shows(layer=layer)

    def choose_in_menu(self, layer: str) -> Tab:
        """Choose a layer in a window too narrow for the list to be open all the time, too."""
        if not self.get("layer-list").is_visible():
            self.view.get_by_role("button", name="Runs and layers").click()
        return self.choose(layer)

    def seek(self, epoch: int) -> Tab:
        """Move the slider; in the runs of these tests, positions are epochs."""
        self.get("scrubber").fill(str(epoch))
        return self.shows(epoch)

    def _tiles(self) -> list[list[float]]:
        return json.loads(self.grid.get_attribute("data-tiles") or "[]")

    def box(self, number: int) -> tuple[float, float, float, float]:
        """Left, top, width and height of a filter's tile on the page."""
        _, x, y, w, h = next(tile for tile in self._tiles() if tile[0] == number)
        around = self.grid.bounding_box()
        assert around is not None
        # The canvas is as high as what is in sight.
        return around["x"] + x, around["y"] + y - float(self.grid.get_attribute("data-top") or 0), w, h

    def point(self, number: int) -> tuple[float, float]:
        """The middle of a tile."""
        x, y, w, h = self.box(number)
        return x + w / 2, y + h / 2

    def click(self, number: int) -> None:
        """Click a filter."""
        self.page.mouse.click(*self.point(number))

    def tile(self, number: int) -> Picture:
        """A filter's tile as it is on the screen, the pointer elsewhere."""
        self.page.mouse.move(1, 1)
        x, y, w, h = self.box(number)
        return Picture.of(self.page.screenshot(clip={"x": x, "y": y, "width": w, "height": h}))

    def tab_to(self, wanted: Locator) -> None:
        """Go there with the Tab key."""
        for _ in range(60):
            self.page.keyboard.press("Tab")
            if wanted.evaluate("one => one === document.activeElement"):
                return
        pytest.fail("the Tab key does not come there")

    def saved(self, kind: str) -> tuple[str, bytes]:
        """Name and content of what a button saves: ``png``, ``csv`` or ``json``."""
        with self.page.expect_download() as waiting:
            self.get(f"save-{kind}").click()
        return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()

    def opened_at(self, row: int) -> Tab:
        """With the detail of a filter."""
        self.click(row)
        expect(self.get("detail")).to_have_attribute("data-filter", str(row))
        return self

    def plot(self, name: str) -> tuple[float, float, float, float]:
        """Left, top, width and height of a plot of the detail, by its words for screen readers."""
        canvas = self.get("detail").get_by_role("img", name=name)
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box is not None
        return box["x"], box["y"], box["width"], box["height"]

    def readout(self, name: str) -> str:
        """What is told of the place under the pointer in a plot of the detail."""
        figure = self.get("detail").locator("figure").filter(has=self.page.get_by_role("img", name=name))
        return figure.locator(".plot-readout").inner_text()

    def why(self, name: str) -> str:
        """What a screen reader says of a choice beside its name."""
        session = self.page.context.new_cdp_session(self.page)
        found = [node for node in session.send("Accessibility.getFullAXTree")["nodes"] if not node.get("ignored")]
        named = [node for node in found if node.get("name", {}).get("value") == name]
        combo = next(node for node in named if node["role"]["value"] == "combobox")
        return str(combo.get("description", {}).get("value", ""))

    def facts(self) -> dict[str, str]:
        """The numbers of the detail."""
        names = self.view.locator('[data-testid="detail"] dt').all_inner_texts()
        return dict(zip(names, self.view.locator('[data-testid="detail"] dd').all_inner_texts(), strict=True))


@dataclass
class Picture:
    """Pixels ``(height, width, 3)`` of a tile."""

    pixels: np.ndarray

    @classmethod
    def of(cls, png: bytes) -> Picture:
        """Decode a screenshot."""
        return cls(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int))

    @property
    def plot(self) -> np.ndarray:
        """The part that the filter is drawn in."""
        return self.pixels[HEAD:-PAD, PAD:-PAD]

    def mask(self, colour: tuple[int, ...], tolerance: int = 24) -> np.ndarray:
        """Where the plot has a colour."""
        return np.abs(self.plot - colour).max(axis=2) <= tolerance

    def count(self, colour: tuple[int, ...], tolerance: int = 24) -> int:
        """How many pixels of the plot have a colour."""
        return int(self.mask(colour, tolerance).sum())

    def peak(self, colour: tuple[int, ...], tolerance: int = 40) -> tuple[float, float]:
        """Where the highest point in a colour is: share of the width, and pixels above the plot's lower edge."""
        rows, columns = self.mask(colour, tolerance).nonzero()
        assert rows.size, f"nothing in {colour}"
        top = rows.min()
        return (columns[rows <= top + 1].mean() + 0.5) / self.plot.shape[1], self.plot.shape[0] - top

    def peak_tap(self, colour: tuple[int, ...], taps: int = 31, tolerance: int = 40) -> int:
        """The tap at which a curve is highest."""
        return round(self.peak(colour, tolerance)[0] * taps - 0.5)


def rotation_colour(rotation: float) -> tuple[int, ...]:
    """The colour that a rotation has everywhere."""
    return tuple(round(255 * part) for part in rotation_colours(np.array([rotation]), 1)[0][:3])


def number(text: str) -> float:
    """A shown number; a unit after it does not matter."""
    return float(text.split()[0].replace("−", "-"))


def agrees(text: str, value: float, digits: int = 2) -> bool:
    """Whether a shown number is a value rounded to so many digits."""
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1) if value else 1e-3
    return abs(number(text) - value) <= 0.501 * unit


#: Opens a page; whatever goes wrong in it fails the test.
Look = Callable[..., Tab]
