"""Both halves give the same numbers: what Python computes for a table of cases, the browser's modules do too."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from filterscope import FilterBank
from filterscope.events import blob
from filterscope.filters import channels, metrics, spectrum
from filterscope.plots.drawing import mosaic
from filterscope.plots.drawing.limits import format_value, shared_limit
from filterscope.plots.drawing.reduction import envelope, signed_extremes
from filterscope.plots.response import ResponsePicture
from tests.support.arrays import normal

pytest_plugins = ["tests.support.tab_numbers"]


def sent(bank: FilterBank) -> tuple[list[float], dict[str, Any]]:
    """A bank as the browser has it: its numbers, and its header."""
    weights = bank.weights.view(np.float32) if np.iscomplexobj(bank.weights) else bank.weights
    header = json.loads(blob.describe(bank).to_json())
    return weights.ravel().astype(float).tolist(), header


def _near_tie() -> np.ndarray:
    """Two tones that differ by less than float32 holds."""
    taps = np.arange(64)
    return np.cos(2 * np.pi * 0.125 * taps) + (1 - 1e-9) * np.cos(2 * np.pi * 0.375 * taps)


#: Taps of filters, dilation, stride, whether transposed, sample rate.
BANKS = {
    "short": FilterBank("a", normal(20, 1, 3)),
    "audio": FilterBank("a", normal(20, 1, 31), sample_rate=16000.0),
    "beyond 128 taps": FilterBank("a", normal(20, 1, 129), sample_rate=16000.0),
    "long": FilterBank("a", normal(10, 2, 300)),
    "many channels": FilterBank("a", normal(10, 12, 9)),
    "dilated": FilterBank("a", normal(20, 3, 31), dilation=2),
    "dilated much": FilterBank("a", normal(20, 1, 31), dilation=7, stride=16),
    "strided": FilterBank("a", normal(10, 1, 31), stride=4, sample_rate=100.0),
    "transposed": FilterBank("a", normal(10, 1, 31), stride=4, transposed=True, sample_rate=100.0),
    "transposed and dilated": FilterBank("a", normal(10, 1, 31), stride=2, dilation=2, transposed=True),
    "complex": FilterBank("a", normal(10, 2, 31, dtype=np.complex64), stride=2),
    "complex and transposed": FilterBank("a", normal(10, 2, 31, dtype=np.complex64), transposed=True),
    "a near-tie": FilterBank("a", _near_tie()[None, None]),
    "zero and NaN": FilterBank("a", normal(3, 1, 16) * np.array([1, 0, np.nan])[:, None, None]),
}


@pytest.mark.parametrize("name", BANKS)
def test_peak_frequencies(modules: Any, name: str) -> None:
    found = modules(
        """const [weights, header] = given, of = Float32Array.from(weights, (each) => each ?? NaN);
        const axis = numbers.frequencyAxis(header);
        const peak = (powers) => numbers.peakFrequency(numbers.decibels(powers), axis);
        return numbers.responses(of, header, numbers.fftLength(header), peak);""",
        *_with_nulls(*sent(BANKS[name])),
    )
    np.testing.assert_allclose(np.array(found, float), spectrum.peak_frequency(BANKS[name]), rtol=1e-6, atol=1e-9)


def _with_nulls(weights: list[float], header: dict[str, Any]) -> tuple[list[float | None], dict[str, Any]]:
    return [each if math.isfinite(each) else None for each in weights], header


@pytest.mark.parametrize("name", BANKS)
def test_levels(modules: Any, name: str) -> None:
    found = modules(
        """const [weights, header] = given, of = Float32Array.from(weights, (each) => each ?? NaN);
        return numbers.responses(of, header, numbers.fftLength(header), (powers) => [...numbers.decibels(powers)]);""",
        *_with_nulls(*sent(BANKS[name])),
    )
    wanted = spectrum.decibels(spectrum.baseband(BANKS[name])[1])
    if not np.iscomplexobj(BANKS[name].weights):  # there the circle begins elsewhere
        np.testing.assert_allclose(np.array(found, float), wanted, atol=2e-3)


@pytest.mark.parametrize("name", BANKS)
def test_the_alias_is_marked_where_the_pictures_have_it(modules: Any, name: str) -> None:
    bank = BANKS[name]
    found = modules("return numbers.frequencyAxis(given[0]).alias", sent(bank)[1])
    picture = ResponsePicture(bank, None)
    axes = picture.sheet.figure.axes[0]
    box, (low, high) = axes.get_window_extent(), axes.get_xlim()
    behind = [each for each in picture.sheet.figure.findobj(LineCollection) if each.get_alpha() == 0.7]
    places = {float(segment[0, 0]) for each in behind for segment in each.get_segments()}
    marks = {low + (place - box.x0) / box.width * (high - low) for place in places}
    assert found is None if not marks else found == pytest.approx(max(marks))
    assert bool(marks) == (bank.stride > bank.dilation)


VALUES = [
    *(0, -0.0, 1, -1, 0.5, -0.5, 3.14159, 99.4, 99.5, 99.7, -99.7, 100, 123.456, 999.6, 9999.4, 9999.5, 9999.7, 1e4),
    *(12345, -12345, 0.001, 0.0009996, 0.00099, 0.00123, 1e-5, -2.7e-8, 1e30, math.nan, math.inf, -math.inf),
]


def test_values_as_text(modules: Any) -> None:
    code = "return given[0].map((text) => numbers.formatValue(Number(text)))"
    words = [repr(float(value)).replace("inf", "Infinity").replace("nan", "NaN") for value in VALUES]
    wanted = [format_value(float(value)) for value in VALUES]
    assert modules(code, words) == wanted
    assert wanted[9:12] == ["100", "−100", "100"]
    assert all(len(text) <= 6 for text in wanted)


def test_frequencies_as_text(modules: Any) -> None:
    given = [0, 0.25, 62.5, 999, 1000, 12_500, 2_500_000, 5e8, 2.5e9]
    code = "return given[0].map((each) => [numbers.formatFrequency(each, 'Hz'), numbers.formatTick(each)])"
    assert modules(code, given) == [
        ["0 Hz", "0"], ["0.250 Hz", "0.25"], ["62.5 Hz", "63"], ["999 Hz", "999"], ["1.00 kHz", "1k"],
        ["12.5 kHz", "13k"], ["2.50 MHz", "2.5M"], ["500 MHz", "500M"], ["2.50 GHz", "2.5G"],
    ]  # fmt: skip
    assert modules("return numbers.formatBounds([0, 31.25e6], 'Hz')") == "0 to 31.25 MHz"
    searches = ["peak 1-2 MHz", "peak 500k-1.5M", "peak 1-2 ghz", "peak 20 Hz - 1k"]
    found = modules("return given[0].map((each) => numbers.readSearch(each).peaks[0])", searches)
    assert found == [[1e6, 2e6], [5e5, 1.5e6], [1e9, 2e9], [20, 1000]]


@pytest.mark.parametrize("size", [1e-7, 1e-4, 0.01, 1, 3])
def test_rotation_norm_and_marks(modules: Any, size: float) -> None:
    start = normal(30, 4, 9, seed=1)
    now = (start + size * normal(30, 4, 9, seed=2)).astype(np.float32)
    now[3], now[4] = 0, now[4] * 1e-3
    found = modules(
        """const [now, start] = given.map((each) => Float32Array.from(each)), norms = numbers.norms(now, 30, 36);
        return [[...numbers.rotations(now, start, 30, 36)], [...norms], numbers.marks(norms)];""",
        now.ravel().astype(float).tolist(),
        start.ravel().astype(float).tolist(),
    )
    np.testing.assert_allclose(np.array(found[0], float), metrics.rotation(now, start), rtol=1e-6, atol=2e-15)
    np.testing.assert_allclose(found[1], metrics.norms(now), rtol=1e-12)
    assert [mark == "dead" for mark in found[2]] == metrics.dead(now).tolist()


@pytest.mark.parametrize("outlier", [1, 3, 100])
def test_the_limit_that_tiles_share(modules: Any, outlier: float) -> None:
    rows = normal(20, 1, 9)
    rows[7] *= outlier
    rows[:5] *= 0 if outlier > 50 else 1
    found = modules(
        """const peaks = numbers.peaks(Float32Array.from(given[0]), 20);
        return [numbers.sharedLimit(peaks, 0.5, 2), numbers.sharedLimit(peaks, 0.9, 4)];""",
        rows.ravel().tolist(),
    )
    assert found == pytest.approx([shared_limit(rows), shared_limit(rows, quantile=0.9, times=4)])


@pytest.mark.parametrize("name", BANKS)
def test_what_a_layer_passes(modules: Any, name: str) -> None:
    bank = BANKS[name]
    found = modules(
        """const [weights, header] = given, of = Float32Array.from(weights, (each) => each ?? NaN);
        const powers = numbers.responses(of, header, numbers.fftLength(header, 256), (each) => each);
        return [...numbers.cumulative(powers, header.complex)];""",
        *_with_nulls(*sent(bank)),
    )
    wanted = spectrum.cumulative(bank.weights, 1 << 20, bank.transposed)
    # Spread evenly from end to end of the axis: of complex filters the upper end is the lower one again.
    wanted = np.append(wanted, wanted[:1]) if np.iscomplexobj(bank.weights) else wanted
    np.testing.assert_allclose(np.array(found, float), wanted, rtol=2e-5)


def test_a_layer_that_passes_nothing_has_no_spectrum(modules: Any) -> None:
    assert modules("return [...numbers.cumulative([new Float64Array(129)], false)].every(Number.isNaN)") is True


def _growing(shape: tuple[int, ...], moments: int) -> np.ndarray:
    """Filters over time, the first of which are zero steps from one another, and one that ends as NaN."""
    steps = [normal(*shape, seed=10 + moment) * 0.3 for moment in range(moments)]
    history = normal(*shape, seed=5) + np.cumsum(steps, axis=0) - steps[0]
    history[:, 1] = history[0, 1] + np.linspace(0, 1, moments)[:, None, None] * normal(*shape[1:], seed=7)
    history[:, 2] = history[0, 2]
    history[-1, 3] = np.nan
    return history.astype(np.float32)


#: Filters over time, and by how much Python, which remembers less of many channels, may differ.
LEARNED = {
    "two channels": _growing((6, 2, 31), 6),
    "eight channels": _growing((5, 8, 9), 12),
    "more channels than taps": _growing((5, 7, 3), 9),
    "a first difference": _growing((5, 3, 16), 2),
}


@pytest.mark.parametrize("name", LEARNED)
def test_what_several_channels_learned_is_signed_alike(modules: Any, name: str) -> None:
    history = LEARNED[name]
    rows: list[np.ndarray] = []
    for weights in history:
        rows.append(channels.tap_row(weights - history[0], history[0], before=rows[-1] if rows else None))
    wanted = channels.tap_rows(rows, history[-1] - history[0])
    found = modules(
        """const [shape, history] = given, filters = shape[0], taps = shape[2];
        const moments = history.map((each) => Float32Array.from(each, (one) => one ?? NaN)), base = moments[0];
        const read = (at) => numbers.difference(moments[at], base);
        const directions = new numbers.Directions(shape, base, moments.map((_, at) => at), read);
        const order = moments.map((_, at) => at).reverse();
        const rows = new Map(order.map((at) => [at, directions.rows(at, read(at))]));
        const signs = directions.signs();
        return moments.map((_, at) => [...rows.get(at)].map((value, i) => signs[Math.floor(i / taps)] * value));""",
        history.shape[1:],
        [[float(one) if math.isfinite(one) else None for one in weights.ravel()] for weights in history],
    )
    shown = np.array(found, float).reshape(len(history), *wanted.shape[::2]).transpose(1, 0, 2)
    np.testing.assert_allclose(shown, wanted, atol=2e-4)


def test_many_channels_of_one_shape_learned_what_it_is(modules: Any) -> None:
    strengths, shape = normal(4, 20, seed=1), normal(4, 9, seed=2)
    history = np.stack([epoch * strengths[:, :, None] * shape[:, None] for epoch in range(3)]) + normal(4, 20, 9)
    rows: list[np.ndarray] = []
    for weights in history.astype(np.float32):
        rows.append(channels.tap_row(weights - history[0], history[0], before=rows[-1] if rows else None))
    wanted = channels.tap_rows(rows, history[-1] - history[0])[:, -1]
    found = modules(
        """const [shape, start, end] = given, base = Float32Array.from(start), now = Float32Array.from(end);
        const moved = numbers.difference(now, base);
        const directions = new numbers.Directions(shape, base, [0], () => moved), rows = directions.rows(0, moved);
        return [...rows].map((value, i) => directions.signs()[Math.floor(i / shape[2])] * value);""",
        history.shape[1:],
        history[0].ravel().tolist(),
        history[-1].ravel().tolist(),
    )
    np.testing.assert_allclose(np.reshape(found, wanted.shape), wanted, rtol=1e-3, atol=1e-3)


def test_both_know_what_rounding_to_half_floats_explains(modules: Any) -> None:
    exact = np.concatenate([normal(4000) * 10.0 ** (np.arange(4000) % 9 - 6), [0, 65504, 1 + 2**-11, 1 + 3 * 2**-11]])
    exact = np.tile(exact.astype(np.float32), 4)
    with np.errstate(over="ignore"):
        kept = exact.astype(np.float16)
    ups = np.nextafter(kept, np.float16(np.inf))
    given = np.where(np.arange(len(exact)) < 8008, kept, ups).astype(np.float32)
    pairs = [(given, exact), (exact, given), (given, kept.astype(np.float32)), (exact * np.float32(1.0001), exact)]
    for now, then in pairs:
        keep = np.isfinite(now) & np.isfinite(then)
        found = modules(
            "return [...numbers.difference(...given.map((each) => Float32Array.from(each)))]",
            now[keep].tolist(),
            then[keep].tolist(),
        )
        wanted = metrics.difference(now[keep], then[keep])
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
        assert 0 < (wanted == 0).sum() < keep.sum()


#: Values, and pixels for them.
REDUCED = {
    "as many": (normal(4, 9), (4, 9)),
    "columns": (normal(4, 80), (4, 67)),
    "many columns": (normal(2, 4096), (2, 5)),
    "rows": (normal(512, 3), (340, 3)),
    "both": (normal(100, 251), (31, 64)),
    "fewer than pixels": (normal(3, 5), (11, 12)),
    "a tone": (np.sin(2 * np.pi * 5 / 16 * np.arange(1024))[None], (1, 90)),
    "plus and minus alike": (np.tile([1.0, -1.0, -1.0, 1.0], 40)[None], (1, 50)),
}


@pytest.mark.parametrize("name", REDUCED)
def test_heat_maps_show_the_same_of_more_values_than_pixels(modules: Any, name: str) -> None:
    values, (height, width) = REDUCED[name]
    wanted = mosaic.shrink(mosaic.shrink(values, height, -2), width, -1)
    rows, columns = (
        np.arange(pixels) * count // pixels for pixels, count in zip((height, width), wanted.shape, strict=True)
    )
    limit = float(np.abs(values).max())
    found = modules(
        """const [values, rows, columns, [height, width], limit] = given, sheet = new Uint32Array(height * width);
        const scale = { table: Uint32Array.from({ length: 60001 }, (_, i) => i), low: -limit, high: limit, broken: 0 };
        const box = { x: 0, y: 0, w: width, h: height };
        numbers.paintHeat(sheet, width, box, Float64Array.from(values), 0, rows, columns, scale);
        return [...sheet]""",
        values.ravel().tolist(), *values.shape, (height, width), limit,
    )  # fmt: skip
    shown = np.reshape(found, (height, width)) / 30000 * limit - limit
    np.testing.assert_allclose(shown, wanted[rows][:, columns], atol=2e-5 * limit)


@pytest.mark.parametrize("name", [name for name, (values, _) in REDUCED.items() if len(values) == 1])
def test_lines_run_between_the_same_extremes(modules: Any, name: str) -> None:
    values, (_, columns) = REDUCED[name]
    found = modules(
        """const [values, columns] = given, ends = [0, 0];
        return Array.from({ length: columns }, (_, c) => {
          const first = numbers.blockStart(c, values.length, columns);
          numbers.extent(values, first, numbers.blockStart(c + 1, values.length, columns) - first, ends);
          return [...ends];
        });""",
        values[0].tolist(),
        columns,
    )
    np.testing.assert_array_equal(np.transpose(found), envelope(values[0], columns))


def test_the_stronger_of_two_moments_is_the_extreme_of_both(modules: Any) -> None:
    pairs = [(1, -2), (-2, 1), (-1, 1), (1, -1), (0, 0), (-3, -2), (math.nan, 1), (1, math.nan), (math.inf, -2)]
    code = "return given[0].map((pair) => String(numbers.stronger(...pair.map(Number))))"
    found = modules(code, [[repr(float(each)).replace("inf", "Infinity") for each in pair] for pair in pairs])
    wanted = [signed_extremes(np.array(pair, float), np.zeros(1, int), -1)[0] for pair in pairs]
    np.testing.assert_array_equal([float(each.replace("Infinity", "inf")) for each in found], wanted)
