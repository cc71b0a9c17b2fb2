"""What the user has set in matplotlib changes no picture of ours, and breaks none."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from cycler import cycler
from matplotlib import patheffects
from matplotlib.figure import Figure
from PIL import Image

from filterscope.filters.metrics import norms
from filterscope.plots import kinds
from filterscope.plots.drawing import lettering
from filterscope.plots.drawing.raster import Raster
from filterscope.plots.picture import Comparison, Options, Times
from tests.support.figures import KINDS, draw, noise
from tests.support.scripts import run_script

STYLES: dict[str, dict[str, Any] | str] = {
    "TeX": {"text.usetex": True},
    "mathematics": {"text.parse_math": True, "axes.formatter.use_mathtext": True, "axes.formatter.limits": (0, 0)},
    "minus": {"axes.unicode_minus": False, "axes.formatter.use_locale": True, "axes.formatter.useoffset": False},
    "font": {"font.family": ["serif"], "font.weight": "bold", "font.style": "italic", "font.size": 30.0},
    "rough type": {"text.hinting": "none", "text.antialiased": False, "text.color": "red"},
    "layout": {"figure.constrained_layout.use": True, "savefig.bbox": "tight", "figure.dpi": 40.0},
    "automatic layout": {"figure.autolayout": True, "figure.frameon": False, "figure.figsize": (3.0, 3.0)},
    "saved": {"savefig.dpi": 40, "savefig.facecolor": "black", "savefig.transparent": True},
    "images": {
        "image.interpolation": "bilinear",
        "image.cmap": "gray",
        "image.origin": "lower",
        "image.aspect": "equal",
    },
    "lines": {"lines.linestyle": "--", "lines.marker": "o", "lines.linewidth": 9.0, "lines.antialiased": False},
    "patches": {"patch.antialiased": False, "patch.force_edgecolor": True, "patch.linewidth": 5.0},
    "paths": {"path.simplify": False, "path.sketch": (1.0, 100.0, 2.0)},
    "colours": {"axes.prop_cycle": cycler(color="kr", linestyle=["-", ":"]), "axes.facecolor": "black"},
    "ticks": {"xtick.top": True, "xtick.minor.visible": True, "ytick.direction": "in", "xtick.labelbottom": False},
    "axes": {"axes.grid": True, "axes.labelweight": "bold", "axes.spines.left": False, "axes.labelpad": 30.0},
    "legend": {"legend.frameon": False, "legend.facecolor": "red", "legend.shadow": True},
    "effects": {"path.effects": [patheffects.withStroke(linewidth=4, foreground="w")]},
    **{name: name for name in ("dark_background", "classic", "fast", "ggplot", "seaborn-v0_8-poster", "grayscale")},
}


@contextlib.contextmanager
def style(name: str) -> Iterator[None]:
    from matplotlib import style as styles

    for kept in (lettering._glyph, lettering._line):
        kept.cache_clear()  # what was laid out in another style would hide what this one does
    with mpl.rc_context():
        mpl.rcdefaults()
        styles.use(STYLES[name])
        yield


def recorded() -> dict[str, np.ndarray]:
    """Every kind of picture as the recording draws it: made, brought up to date, rasterised."""
    images = {}
    for name, shapes in {
        "taps": [(8, 1, 31), (6, 1, 5), (20, 3, 9), (9, 5, 1)],
        "response": [(8, 1, 31), (3, 1, 300)],
        "evolution": [(8, 1, 9)],
        "drift": [(8, 1, 9)],
    }.items():
        for shape in shapes:
            banks = [replace(noise(*shape, seed), epoch=5 * seed, stride=2, sample_rate=16e3) for seed in range(2)]
            banks[1].weights[1], banks[1].weights[2, 0, 0] = 0, np.nan
            kind, then, options = kinds.kind(name), banks[0].weights, Options(max_filters=None)
            picture = kind.make(banks[0], banks[0], options, None)
            moments = [Comparison(bank.weights, then, norms(bank.weights), norms(then), False) for bank in banks]
            rows = [] if kind.row is None else [kind.row(moment, options) for moment in moments]
            kind.update(picture, banks[1], rows, Times(np.array([0, 5])))
            images[f"{name} {shape}"] = Raster(picture.sheet).pixels()
    return images


@pytest.fixture(scope="module")
def usual() -> dict[str, np.ndarray]:
    with mpl.rc_context():
        mpl.rcdefaults()
        return recorded()


@pytest.mark.parametrize("name", STYLES)
def test_recorded_pictures_are_the_same_in_every_style(name: str, usual: dict[str, np.ndarray]) -> None:
    with style(name):
        for picture, pixels in recorded().items():
            assert np.array_equal(pixels, usual[picture]), picture


@pytest.mark.filterwarnings("ignore:.*layout:UserWarning")  # matplotlib, of the figure that is not ours
@pytest.mark.parametrize("name", ["TeX", "font", "layout", "automatic layout", "saved", "effects", "dark_background"])
def test_plots_are_saved_legibly_in_every_style(name: str) -> None:
    bank, before = noise(4, 2, 31, epoch=3), noise(4, 2, 31, 1, epoch=0)
    with style(name):
        for kind in KINDS:
            stream = io.BytesIO()
            draw(kind, bank, before).savefig(stream, format="png")
            image = np.asarray(Image.open(stream).convert("RGBA"))
            assert image[2, 2].tolist() == [255, 255, 255, 255], kind
            strip = image[: len(image) // 15, :, :3]  # the title's
            assert 0.01 < (strip < 120).all(axis=2).mean() < 0.2, kind
            draw(kind, bank, before, Figure()).savefig(io.BytesIO(), format="svg")


def test_a_font_that_is_missing_changes_nothing_and_says_nothing(usual: dict[str, np.ndarray]) -> None:
    program = """
import hashlib, io, matplotlib
matplotlib.rcParams["font.family"] = ["No Such Font"]
from tests.plots.test_plots_styles import KINDS, draw, noise, recorded
for name, pixels in recorded().items():
    print(hashlib.sha256(pixels.tobytes()).hexdigest())
for kind in KINDS:
    for form in ("png", "svg"):
        draw(kind, noise(4, 2, 31), noise(4, 2, 31, 1)).savefig(io.BytesIO(), format=form)
"""
    done = run_script(program)
    assert done.stderr == ""
    assert done.stdout.split() == [hashlib.sha256(pixels.tobytes()).hexdigest() for pixels in usual.values()]
