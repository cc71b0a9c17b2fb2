"""A picture brought up to date from a cached frame equals a fresh one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from filterscope import FilterBank
from filterscope.filters.metrics import norms
from filterscope.plots import kinds
from filterscope.plots.drawing.raster import Raster
from filterscope.plots.picture import Comparison, Kind, Options, Times
from filterscope.plots.response import ResponsePicture
from tests.support.figures import noise, pixels

OPTIONS = Options(max_filters=None)


def redraw(kind: Kind, picture: Any, banks: list[FilterBank]) -> None:
    then = banks[0].weights
    moments = [Comparison(bank.weights, then, norms(bank.weights), norms(then)) for bank in banks]
    rows = [] if kind.row is None else [kind.row(moment, OPTIONS) for moment in moments]
    kind.update(picture, banks[-1], rows, Times(np.array([bank.epoch for bank in banks])))


@pytest.mark.parametrize("name", kinds.NAMES)
@pytest.mark.parametrize(("filters", "channels", "taps"), [(8, 1, 31), (6, 1, 5), (3, 4, 9), (100, 1, 9), (9, 5, 1)])
def test_a_raster_brought_up_to_date_equals_a_fresh_figure(name: str, filters: int, channels: int, taps: int) -> None:
    banks = [noise(filters, channels, taps, seed, epoch=4**seed - 1) for seed in range(3)]
    banks[1].weights[0] *= 30  # another scale in between
    banks[2].weights[1], banks[2].weights[2, 0, 0] = 0, np.nan
    kind = kinds.kind(name)
    cached, fresh = (kind.make(banks[0], banks[0], OPTIONS, None) for _ in range(2))
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
