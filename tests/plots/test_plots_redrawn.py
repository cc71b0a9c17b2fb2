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
    moments = [Comparison(bank.weights, then, norms(bank.weights), norms(then), False) for bank in banks]
    rows = [] if kind.row is None else [kind.row(moment, OPTIONS) for moment in moments]
    kind.update(picture, banks[-1], rows, Times(np.array([bank.epoch for bank in banks])), reference=banks[0])


@pytest.mark.parametrize("name", kinds.LAYER_NAMES)
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


@pytest.mark.parametrize("name", kinds.LAYER_NAMES)
@pytest.mark.parametrize(("filters", "channels", "taps"), [(8, 1, 31), (3, 4, 9), (70, 1, 8), (9, 5, 1)])
def test_layers_of_a_layout_in_turn_on_one_picture_equal_those_on_their_own(
    name: str, filters: int, channels: int, taps: int
) -> None:
    kind, facts = kinds.kind(name), {"stride": 4, "sample_rate": 8000.0}
    layers = {}
    for start, layer in enumerate(("stem", "a.long.name" * 9)):
        banks = [noise(filters, channels, taps, 9 * start + e, layer, epoch=3 * e + start, **facts) for e in range(3)]
        layers[layer] = banks
    stem, other = layers.values()
    other[0].weights[0] *= 50  # a scale, an order of peaks, and marks of its own
    other[1].weights[1], other[2].weights[2, 0, 0] = 0, np.nan
    assert kind.layout(stem[0]) == kind.layout(other[0])
    shared = kind.make(stem[0], stem[0], OPTIONS, None)
    raster = Raster(shared.sheet)
    alone = {layer: kind.make(banks[0], banks[0], OPTIONS, None) for layer, banks in layers.items()}
    rasters = {layer: Raster(picture.sheet) for layer, picture in alone.items()}
    for last in (1, 2, 3):
        seen = []
        for layer, banks in layers.items():
            redraw(kind, shared, banks[:last])
            redraw(kind, alone[layer], banks[:last])
            seen.append(raster.pixels().copy())
            assert np.array_equal(seen[-1], rasters[layer].pixels()), (layer, last)
        assert not np.array_equal(seen[0], seen[1])


def test_only_pictures_of_frequencies_ask_for_the_same_axis_of_frequencies() -> None:
    bank = noise(8, 1, 31)
    for facts in ({"stride": 2}, {"dilation": 2}, {"transposed": True}, {"sample_rate": 100.0}):
        apart = {
            name
            for name in kinds.LAYER_NAMES
            if kinds.kind(name).layout(bank) != kinds.kind(name).layout(bank.with_fields(layer="other", **facts))
        }
        assert apart == {"response", "spectrum"}, facts
