"""What pictures of one bank show: taps, channels, rotation, responses, and what is broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from filterscope import FilterBank, FilterHistory, plot_drift, plot_evolution, plot_filter, plot_response, plot_taps
from filterscope.plots.drawing.mosaic import PixelImage
from tests.support.figures import (
    AMBER,
    DEAD,
    GREY,
    KINDS,
    ORANGE,
    curves,
    draw,
    front,
    heights,
    near,
    noise,
    pixels,
    widest,
    words,
)


@pytest.mark.parametrize("channels", [1, 3])
def test_dead_and_broken_filters_are_marked(channels: int) -> None:
    before, bank = noise(6, channels, 31), noise(6, channels, 31, 1, epoch=7)
    healthy = pixels(plot_taps(bank, reference=before))
    assert not near(healthy, AMBER).any()
    bank.weights[1] = 0
    bank.weights[4, 0, 5] = np.nan
    figure = plot_taps(bank, reference=before)
    image = pixels(figure)
    assert [text.get_text() for text in figure.findobj(Text)].count("dead") == 1
    assert [text.get_text() for text in figure.findobj(Text)].count("NaN") == 1
    assert "1 dead · 1 with NaN or Inf · epoch 7" in words(figure)
    assert near(image, AMBER).sum() > 300
    assert near(image, DEAD).sum() > 5000
    history = FilterHistory([replace(before, epoch=0), bank])
    for figure in (plot_evolution(history), plot_drift(history), plot_response(bank, reference=before)):
        assert "1 dead · 1 with NaN or Inf" in words(figure)
    # Neither filter has a rotation: a row of six each, in the second half, which is the second snapshot's.
    drift = plot_drift(history)
    for colour in (AMBER, DEAD):
        share = near(pixels(drift), colour).sum() / np.prod(widest(drift).bbox.size)
        assert share == pytest.approx(1 / 6 / 2, rel=0.05)


def test_lines_take_the_colour_of_their_rotation() -> None:
    before, bank = noise(3, 1, 31), noise(3, 1, 31)
    bank.weights[0] *= 3  # longer, not turned
    bank.weights[1] *= -1
    bank.weights[2, 0, :16] *= -0.2
    colours = np.asarray(front(plot_taps(bank, reference=before)).get_colors())
    np.testing.assert_allclose(colours[0], to_rgba(GREY), atol=0.01)
    np.testing.assert_allclose(colours[1], to_rgba(ORANGE), atol=0.01)
    assert np.abs(colours[2] - colours[0]).max() > 0.1
    assert {"0.02", "0.1", "0.5", "1", "2"} <= set(words(plot_taps(bank, reference=before)).splitlines())
    plain = np.asarray(front(plot_taps(bank)).get_colors())
    np.testing.assert_allclose(plain, np.tile(to_rgba("#2f6db3"), (len(plain), 1)), atol=0.01)


def test_tiles_share_a_scale_or_print_their_norms() -> None:
    weights = np.zeros((2, 1, 10))
    weights[0, 0, :2], weights[1, 0, 5:7] = (3, -4), (0.6, 0.8)
    bank = FilterBank("conv", weights)
    shared, own = plot_taps(bank), plot_taps(bank, scale="filter")
    np.testing.assert_allclose(heights(shared)[1, 5:7] / heights(shared)[0, 0], [0.2, 0.8 / 3], rtol=1e-5)
    np.testing.assert_allclose(heights(own)[1, 6], -heights(own)[0, 1], rtol=1e-5)
    assert {"5", "1"} <= set(words(own).splitlines())  # norms: 3-4-5, and 0.6-0.8-1
    assert "5" not in words(shared).splitlines()


@pytest.mark.parametrize(("filters", "word"), [(20, "edge"), (80, "corner")])
def test_filters_beyond_the_shared_scale_are_counted_and_tell_their_largest_weight(filters: int, word: str) -> None:
    bank = noise(filters, 1, 31)
    even = words(plot_taps(bank, max_filters=None))
    assert "clipped" not in even
    bank.weights[3, 0, 7], bank.weights[11, 0, 9] = -7.5, 9.5
    figure = plot_taps(bank, max_filters=None)
    limit = 2 * float(np.median(np.abs(bank.weights).max(axis=(1, 2))))
    assert f"weight ±{limit:.2g} · 2 clipped: dark {word}" in words(figure)
    assert {"±7.5", "±9.5"} <= set(words(figure).splitlines()) or filters > 64
    assert "clipped" not in words(plot_taps(bank, max_filters=None, scale="filter"))
    with pytest.raises(ValueError, match="scale='tile' is not known; use 'layer' or 'filter'"):
        plot_taps(bank, scale="tile")  # type: ignore[arg-type]


@pytest.mark.parametrize("taps", [1, 3])
def test_a_scale_of_their_own_shows_the_weights_of_small_filters(taps: int) -> None:
    bank = noise(70, 4, taps)
    bank.weights[:35] *= 0.01
    small = slice(80, 200) if taps == 1 else slice(80, 180)  # rows of pixels of filters below 35
    layer, own = (pixels(plot_taps(bank, max_filters=None, scale=scale))[small] for scale in ("layer", "filter"))
    dark = [int((image.min(axis=2) < 60).sum()) for image in (layer, own)]
    assert dark[1] > dark[0] + 2000
    figure = plot_taps(bank, max_filters=None, scale="filter")
    assert "to its own scale" in words(figure)
    assert {"−max", "max"} <= set(words(figure).splitlines())


@pytest.mark.parametrize("taps", [2, 3, 8])
def test_many_short_kernels_are_cells_and_few_are_stems(taps: int) -> None:
    """Stems of 64 filters were 1 to 5 pixels high."""
    now, before = noise(64, 1, taps), noise(64, 1, taps, 1)
    image = max(plot_taps(now, reference=before).findobj(PixelImage), key=lambda each: each._pixels.size)
    assert image._pixels.shape[1] > 500
    coloured = (np.ptp(image._pixels[..., :3].astype(int), axis=2) > 40).mean()
    assert coloured > 0.3
    assert len(front(plot_taps(now.head(32), reference=before.head(32))).get_segments()) == 32 * taps


def test_one_tap_is_never_called_taps_0_to_0() -> None:
    now, before = noise(5, 3, 1, epoch=2), noise(5, 3, 1, 1, epoch=0)
    for kind in KINDS:
        assert "0 to 0" not in words(draw(kind, now, before))
    assert "one tap" in words(draw("evolution", now, before))


TWO = np.array([[[1, -2, 0, 2, 3, 0, 0, 0, 1.0], [-1, 1, 0, 2, -4, 0, 0, 0, 0.0]]], np.float32)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ("sum", [0, -1, 0, 4, -1, 0, 0, 0, 1]),
        ("mean", [0, -0.5, 0, 2, -0.5, 0, 0, 0, 0.5]),
        ("max", [1, 1, 0, 2, 3, 0, 0, 0, 1]),
        ("l2", [2**0.5, 5**0.5, 0, 8**0.5, 5, 0, 0, 0, 1]),
    ],
)
def test_channels_are_reduced_as_asked(channels: str, expected: list[float]) -> None:
    figure = plot_taps(FilterBank("conv", TWO), channels=channels)
    got = heights(figure)[0]
    np.testing.assert_allclose(got / np.abs(got).max(), np.array(expected) / np.abs(expected).max(), atol=1e-5)
    assert f"{channels} of channels" in words(figure)
    assert f"weight ±{np.abs(expected).max():g}" in words(figure)


def test_principal_is_the_common_shape_and_auto_takes_it_above_eight_channels() -> None:
    shape = np.sin(np.arange(15) / 2).astype(np.float32)
    weights = (np.linspace(0.1, 1, 9)[:, None] * shape)[None]
    bank = FilterBank("conv", weights)
    for figure in (plot_taps(bank, channels="principal"), plot_taps(bank)):
        got = heights(figure)[0]
        np.testing.assert_allclose(got / got[3], shape / shape[3], atol=1e-4)
        assert "principal of channels" in words(figure)
    few = plot_taps(FilterBank("conv", weights[:, :8]))
    assert "channels 0 to 7 ↓" in words(few)
    assert few.findobj(PixelImage)


def test_a_filter_is_drawn_tap_by_tap() -> None:
    bank, before = noise(4, 2, 12), noise(4, 2, 12, 1)
    lines = dict(curves(plot_filter(bank, 2)))
    assert list(lines) == ["channel 0", "channel 1"]
    for channel in (0, 1):
        assert np.array_equal(lines[f"channel {channel}"][:, 1], bank.weights[2, channel])
    one = plot_filter(bank, 3, channel=1, reference=before)
    drawn = [points[:, 1] for _, points in curves(one)]
    assert any(np.array_equal(each, before.weights[3, 1]) for each in drawn)
    assert not any(np.array_equal(each, bank.weights[3, 0]) for each in drawn)
    a, b = bank.weights[3, 1].astype(float), before.weights[3, 1].astype(float)
    assert f"rotation {1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b):.3f}" in words(one)
    kept = replace(bank, indices=np.array([3, 8, 9, 20]), total_filters=30)
    assert np.array_equal(dict(curves(plot_filter(kept, 9)))["channel 0"][:, 1], bank.weights[2, 0])


@pytest.mark.filterwarnings("error")
def test_complex_filters_are_drawn() -> None:
    now, before = (replace(b, weights=b.weights + 1j * b.weights[::-1]) for b in (noise(5, 1, 9), noise(5, 1, 9, 1)))
    for kind in KINDS:
        figure = draw(kind, now, before)
        assert (pixels(figure) < 200).any(axis=2).sum() > 500
        if kind != "filter":
            assert "complex channel" in words(figure)
    assert widest(plot_response(now)).get_xlim() == pytest.approx((-0.5, 0.5), abs=2e-3)


def test_response_peaks_where_the_filter_resonates() -> None:
    taps = np.arange(64)
    tones = np.stack([np.cos(2 * np.pi * hertz / 100 * taps) * np.hanning(64) for hertz in (30, 12)])[:, None]
    bank = FilterBank("conv", tones, stride=4, sample_rate=100.0)
    figure = plot_response(bank)
    axes = widest(figure)
    drawn = curves(figure)
    for label, hertz in (("filter 0", 30), ("filter 1", 12)):
        x, y = dict(drawn)[label].T
        assert x[np.argmax(y)] == pytest.approx(hertz, abs=0.5)
        assert (max(y), min(y)) == (pytest.approx(0, abs=1e-5), -40)
    assert axes.get_xlim() == pytest.approx((0, 50))
    assert "frequency (Hz)" in words(figure)
    assert "dashed: stride alias" in words(figure)
    box, lines = axes.get_window_extent(), [each.get_segments() for each in figure.findobj(LineCollection)]
    alias = box.x0 + 12.5 / 50 * box.width  # fs / (2 s)
    upright = [segments[0] for segments in lines if len(segments) == 1]
    assert any(np.allclose(points[:, 0], alias) and np.ptp(points[:, 1]) == box.height for points in upright)
    assert "repeats" not in words(figure)


@pytest.mark.parametrize("filters", [2, 9], ids=["curves", "maps"])
def test_that_a_dilated_layer_goes_on_above_the_axis_is_said(filters: int) -> None:
    bank, before = noise(filters, 1, 31, dilation=3), noise(filters, 1, 31, 1, dilation=3)
    assert "dilation 3: repeats above" in words(plot_response(bank))
    assert "dilation 3: repeats above" in words(plot_response(bank, reference=before))


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_response_does_not_depend_on_the_size_of_weights(scale: float) -> None:
    bank = noise(6, 2, 15)
    image, same = (pixels(plot_response(replace(bank, weights=bank.weights * np.float32(s)))) for s in (1, scale))
    assert (np.abs(image.astype(int) - same).max(axis=2) > 8).mean() < 0.001


def test_the_dead_are_told_by_the_whole_layer_not_by_what_is_drawn() -> None:
    bank = noise(64, 1, 31)
    bank.weights[:8] *= 1e-4
    words_of = [text.get_text() for text in plot_taps(bank, max_filters=8).findobj(Text)]
    assert words_of.count("dead") == 8


@pytest.mark.parametrize("filters", [3, 20])
def test_a_reference_that_knows_no_dilation_or_rate_has_the_banks(filters: int) -> None:
    """One from a ``state_dict`` is the same filters, and has the same axis."""
    now, before = noise(filters, 1, 31, 1), noise(filters, 1, 31, 2)
    axis = {"dilation": 3, "stride": 4, "sample_rate": 16000.0}
    bare = plot_response(now.with_fields(**axis), reference=before)
    known = plot_response(now.with_fields(**axis), reference=before.with_fields(**axis))
    np.testing.assert_array_equal(pixels(bare), pixels(known))


@pytest.mark.parametrize("broken", [0.0, np.nan])
def test_a_rotation_that_is_undefined_is_not_a_number_in_the_title(broken: float) -> None:
    bank = noise(3, 1, 9)
    figure = plot_filter(bank, 1, reference=bank.with_fields(weights=bank.weights * np.float32(broken)))
    assert "rotation undefined" in words(figure)
    assert "nan" not in words(figure)
