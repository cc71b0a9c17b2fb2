"""A picture brought up to date from a cached frame equals a fresh one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from filterscope import FilterBank, FilterHistory
from filterscope.plots.drawing.raster import Raster
from filterscope.plots.drift import DriftPicture
from filterscope.plots.evolution import EvolutionPicture, tap_rows
from filterscope.plots.response import ResponsePicture
from filterscope.plots.taps import TapsPicture
from tests.figures import noise, pixels

PICTURES: dict[str, Callable[[FilterBank], Any]] = {
    "taps": lambda first: TapsPicture(first, first, "auto", "layer", None),
    "response": lambda first: ResponsePicture(first, first),
    "evolution": lambda first: EvolutionPicture(first, first),
    "drift": lambda first: DriftPicture(first, first),
}


def redraw(kind: str, picture: Any, banks: list[FilterBank]) -> None:
    epochs = np.array([bank.epoch for bank in banks])
    if kind == "evolution":
        rows = np.stack([tap_rows(bank.weights, banks[0].weights) for bank in banks], axis=1)
        picture.update(banks[-1], rows, epochs)
    elif kind == "drift":
        picture.update(banks[-1], FilterHistory(banks).rotation(), epochs)
    else:
        picture.update(banks[-1])


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize(("filters", "channels", "taps"), [(8, 1, 31), (6, 1, 5), (3, 4, 9), (100, 1, 9), (9, 5, 1)])
def test_a_raster_brought_up_to_date_equals_a_fresh_figure(kind: str, filters: int, channels: int, taps: int) -> None:
    banks = [noise(filters, channels, taps, seed, epoch=4**seed - 1) for seed in range(3)]
    banks[1].weights[0] *= 30  # another scale in between
    banks[2].weights[1], banks[2].weights[2, 0, 0] = 0, np.nan
    cached, fresh = PICTURES[kind](banks[0]), PICTURES[kind](banks[0])
    raster = Raster(cached.sheet)
    for last in (1, 2, 3):
        redraw(kind, cached, banks[:last])
        got = raster.pixels()[:, :, :3].astype(int)
    redraw(kind, fresh, banks)
    wanted = pixels(fresh.sheet.figure)
    assert got.shape == wanted.shape == (430, 900, 3)
    assert (np.abs(got - wanted).max(axis=2) > 8).sum() <= 40


def test_curves_of_a_raster_stay_below_the_legend() -> None:
    low_pass = FilterBank("conv", np.stack([np.hanning(9 + 2 * i)[:9] for i in range(3)])[:, None])
    picture = ResponsePicture(low_pass, low_pass)
    got = Raster(picture.sheet).pixels()[:, :, :3].astype(int)
    assert (np.abs(got - pixels(picture.sheet.figure)).max(axis=2) > 8).sum() <= 40
