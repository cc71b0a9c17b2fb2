"""Responses, against the definition summed tap by tap."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import FilterBank, frequency_response, read_filters
from filterscope.filters import spectrum
from tests.support.arrays import normal
from tests.support.scripts import run_script


def bank(weights: np.ndarray, **options: Any) -> FilterBank:
    return FilterBank("conv", weights, **options)


def direct(weights: np.ndarray, frequencies: np.ndarray, dilation: int = 1, rate: float = 1.0) -> np.ndarray:
    """``sqrt(sum_c |sum_k w[o, c, k] exp(2i pi f k d / fs)|^2)``: tap ``k`` meets a sample ``k d`` later than tap 0."""
    turns = np.outer(np.arange(weights.shape[2]) * dilation, frequencies) / rate
    return np.sqrt((np.abs(weights.astype(np.complex128) @ np.exp(2j * np.pi * turns)) ** 2).sum(axis=1))


def tones(taps: int) -> tuple[np.ndarray, np.ndarray]:
    """Filters that are tones of 2/K to 0.5 - 3/K cycles per tap in several phases, and those frequencies."""
    frequency, phase = np.meshgrid(np.linspace(2 / taps, 0.5 - 3 / taps, 23)[1:-1], np.arange(7) * 0.9)
    angle = 2 * np.pi * frequency.reshape(-1, 1) * np.arange(taps) + phase.reshape(-1, 1)
    return np.cos(angle)[:, None, :].astype(np.float32), frequency.ravel()


@pytest.mark.parametrize("sample_rate", [None, 16_000.0])
@pytest.mark.parametrize("dilation", [1, 2, 8])
@pytest.mark.parametrize("taps", [31, 64, 251])
def test_a_tone_is_found_within_a_quarter_of_the_resolution(
    taps: int, dilation: int, sample_rate: float | None
) -> None:
    weights, frequency = tones(taps)
    peak = spectrum.peak_frequency(bank(weights, dilation=dilation), sample_rate)
    error = np.abs(peak / (sample_rate or 1.0) - frequency / dilation)
    assert error.max() <= 0.25 / (taps * dilation)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("n_fft", [None, 96, 97, 100, 1024])
@pytest.mark.parametrize("dilation", [1, 2, 3, 8])
@pytest.mark.parametrize("channels", [1, 3, 20])  # 20 > taps: by their autocorrelation
def test_response_is_the_root_of_the_sum_of_squares_over_channels(
    channels: int, dilation: int, n_fft: int | None, dtype: type
) -> None:
    weights = normal(4, channels, 9, seed=channels, dtype=dtype)
    frequencies, magnitude = frequency_response(bank(weights, dilation=dilation), 250.0, n_fft)
    assert magnitude.shape == (4, len(frequencies))
    np.testing.assert_allclose(magnitude, direct(weights, frequencies, dilation, 250.0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e30])
def test_levels_of_more_channels_than_taps_are_right_down_to_40_db(scale: float, dtype: type) -> None:
    kernel = np.hanning(33)[1:-1] * np.sin(0.4 * np.pi * np.arange(31) + 1)  # quiet beside its one band
    weights = (normal(4, 200, 1, dtype=dtype) * kernel + 1e-3 * normal(4, 200, 31, seed=1, dtype=dtype)).astype(dtype)
    frequencies, magnitude = frequency_response(bank(weights * dtype(scale)))
    exact = 20 * np.log10(direct(weights, frequencies))
    exact -= exact.max(axis=1, keepdims=True)
    assert exact.min() < -40
    loud = exact > -40
    assert np.abs(spectrum.decibels(magnitude, -100.0) - exact)[loud].max() < 2e-3


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="times of threads are read from /proc")
def test_no_threads_of_numpys_compute_responses_which_would_spin_beside_training() -> None:
    program = """
import os, threading
import numpy as np
from filterscope import FilterBank, frequency_response

def spent():
    others = {*map(int, os.listdir("/proc/self/task"))} - {threading.get_native_id()}
    return sum(int(open(f"/proc/self/task/{each}/schedstat").read().split()[0]) for each in others)

bank = FilterBank("conv", np.random.default_rng(0).normal(size=(64, 512, 31)))
before = spent()
frequency_response(bank)
print(spent() - before)
"""
    done = run_script(program, environment=os.environ | {"OPENBLAS_NUM_THREADS": "4"})
    assert int(done.stdout) < 5_000_000  # nanoseconds


@pytest.mark.parametrize("dilation", [1, 2, 3, 8])
def test_response_of_a_dilated_filter_is_that_of_the_zero_stuffed_kernel(dilation: int) -> None:
    weights = normal(3, 1, 11)
    stuffed = np.zeros((3, 10 * dilation + 1))
    stuffed[:, ::dilation] = weights[:, 0]
    frequencies, magnitude = frequency_response(bank(weights, dilation=dilation))
    n_fft = 2 * (len(frequencies) - 1)
    assert n_fft >= max(512, 2 * stuffed.shape[1])
    np.testing.assert_allclose(frequencies, np.fft.rfftfreq(n_fft))
    np.testing.assert_allclose(magnitude, np.abs(np.fft.rfft(stuffed, n_fft)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_fft", [None, 512, 513])
@pytest.mark.parametrize("dilation", [1, 8])
@pytest.mark.parametrize("shape", [(5, 1, 31), (5, 3, 31), (5, 40, 31)])
def test_parseval(shape: tuple[int, ...], dilation: int, n_fft: int | None) -> None:
    weights = normal(*shape, seed=3)
    frequencies, magnitude = frequency_response(bank(weights, dilation=dilation), n_fft=n_fft)
    length = n_fft or 2 * (len(frequencies) - 1)
    twice = np.full(len(frequencies), 2.0)  # every frequency but 0 and 0.5 has a negative twin
    twice[(frequencies == 0) | (frequencies == 0.5)] = 1.0
    energy = np.sum(twice * magnitude.astype(np.float64) ** 2, axis=1) / length
    np.testing.assert_allclose(energy, np.sum(weights.astype(np.float64) ** 2, axis=(1, 2)), rtol=1e-5)


def test_a_complex_filter_has_a_two_sided_response() -> None:
    tone = np.exp(2j * np.pi * 0.2 * np.arange(64)).astype(np.complex64)[None, None]
    frequencies, magnitude = frequency_response(bank(tone), 1000.0)
    assert (np.diff(frequencies) > 0).all()
    assert frequencies[0] == -500
    assert frequencies[-1] < 500
    assert abs(frequencies[magnitude[0].argmax()] - (-200)) <= 1000 * 0.25 / 64
    assert np.sum(magnitude[0].astype(np.float64) ** 2) / len(frequencies) == pytest.approx(64, rel=1e-5)
    assert spectrum.peak_frequency(bank(tone, dilation=2), 1000.0)[0] == pytest.approx(-100, abs=1000 * 0.25 / 128)


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("kind", [nn.Conv1d, nn.ConvTranspose1d])
def test_a_complex_filter_passes_what_torch_has_it_pass(kind: Any, dilation: int) -> None:
    layer = kind(1, 1, 12, dilation=dilation, bias=False, dtype=torch.complex64)
    layer.weight.data = torch.from_numpy(normal(1, 1, 12, seed=5, dtype=np.complex64))
    frequencies, magnitude = frequency_response(next(iter(read_filters(layer).values())))
    passed = []
    for place in range(0, len(frequencies), 37):
        tone = torch.exp(2j * torch.pi * frequencies[place] * torch.arange(64)).to(torch.complex64)
        with torch.no_grad():
            out = layer(tone[None, None])[0, 0, 30:40].abs()  # where all taps meet the tone
        passed.append(out.numpy())
    np.testing.assert_allclose(np.array(passed), np.tile(magnitude[0, ::37, None], 10), rtol=1e-3)


@pytest.mark.parametrize("transposed", [False, True])
def test_the_cumulative_response_of_a_complex_filter_is_its_response(transposed: bool) -> None:
    weights = normal(1, 2, 12, seed=5, dtype=np.complex64)
    magnitude = frequency_response(bank(weights, transposed=transposed), n_fft=256)[1][0]
    level = spectrum.cumulative(weights, 10**6, transposed)
    np.testing.assert_allclose(level, magnitude / np.sqrt((magnitude**2).mean()), rtol=1e-4)


def test_opposite_channels_do_not_cancel() -> None:
    weights = np.stack([np.ones(16), -np.ones(16)]).astype(np.float32)[None]
    magnitude = frequency_response(bank(weights))[1]
    assert magnitude[0, 0] == pytest.approx(16 * np.sqrt(2), rel=1e-6)


@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e30])
def test_response_scales_with_the_weights(scale: float) -> None:
    weights = normal(3, 2, 16)
    scaled = frequency_response(bank(weights * np.float32(scale)))[1]
    np.testing.assert_allclose(scaled / scale, frequency_response(bank(weights))[1], rtol=1e-4, atol=1e-5)


def test_many_filters_are_computed_as_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = normal(30, 2, 9)
    whole = frequency_response(bank(weights))[1]
    monkeypatch.setattr(spectrum, "_FFT_ITEMS", 4000)  # a few filters at a time
    np.testing.assert_array_equal(frequency_response(bank(weights))[1], whole)


def test_the_taps_of_a_transposed_convolution_run_at_its_outputs_rate() -> None:
    weights = normal(2, 1, 16)
    plain = frequency_response(bank(weights, stride=4), 100.0)[0]
    transposed = frequency_response(bank(weights, stride=4, transposed=True), 100.0)[0]
    assert plain[-1] == 50
    assert transposed[-1] == 200


def test_the_banks_sample_rate_counts_unless_another_is_given() -> None:
    known = bank(normal(2, 1, 16), sample_rate=8000.0)
    assert frequency_response(known)[0][-1] == 4000
    assert frequency_response(known, 100.0)[0][-1] == 50
    assert frequency_response(bank(normal(2, 1, 16)))[0][-1] == 0.5


def test_n_fft_must_hold_the_dilated_kernel() -> None:
    dilated = bank(normal(1, 1, 9), dilation=4)  # spans 33 samples
    assert frequency_response(dilated, n_fft=33)[1].shape == (1, 17)
    with pytest.raises(ValueError, match=r"n_fft=32 .*33"):
        frequency_response(dilated, n_fft=32)


@pytest.mark.parametrize("sample_rate", [0, 0.0, -1.0, float("nan"), float("inf")])
def test_a_bad_sample_rate_is_refused(sample_rate: float) -> None:
    with pytest.raises(ValueError, match=rf"sample_rate={sample_rate!r}"):
        frequency_response(bank(normal(1, 1, 9)), sample_rate)
    with pytest.raises(ValueError, match="sample_rate"):
        frequency_response(bank(normal(1, 1, 9), sample_rate=sample_rate))


def test_decibels_are_relative_to_each_filters_own_maximum() -> None:
    shown = spectrum.decibels(np.array([[1, 10, 0.2], [5e-3, 0, 5e-2]]))
    np.testing.assert_allclose(shown, [[-20, 0, 20 * np.log10(0.02)], [-20, -40, 0]])
    np.testing.assert_allclose(spectrum.decibels(np.array([[1.0, 1e-9]]), floor=-60), [[0, -60]])


def test_a_response_has_no_more_frequencies_than_are_promised() -> None:
    for taps, dilation, points in ((9, 1, 512), (128, 1, 512), (129, 1, 1024), (9, 3, 768), (9, 1000, 64_000)):
        assert len(frequency_response(bank(normal(1, 1, taps), dilation=dilation))[0]) == points // 2 + 1


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e30])
def test_the_peak_of_small_and_large_filters_is_that_of_others(scale: float) -> None:
    weights = normal(20, 2, 16)
    peaks = spectrum.peak_frequency(bank(weights * np.float32(scale)))
    np.testing.assert_array_equal(peaks, spectrum.peak_frequency(bank(weights)))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("broken", [0.0, np.nan, np.inf])
def test_a_zero_or_diverged_filter_has_no_spectrum_and_leaves_the_others_alone(broken: float) -> None:
    weights = normal(3, 2, 16)
    expected = spectrum.decibels(frequency_response(bank(weights))[1])
    before = spectrum.peak_frequency(bank(weights))
    weights[1] = broken
    shown = spectrum.decibels(frequency_response(bank(weights))[1])
    assert np.isnan(shown[1]).all()
    np.testing.assert_allclose(shown[[0, 2]], expected[[0, 2]], atol=1e-3)
    now = spectrum.peak_frequency(bank(weights))
    assert np.isnan(now[1])
    np.testing.assert_allclose(now[[0, 2]], before[[0, 2]], rtol=1e-5)


@pytest.mark.parametrize("dilation", [1, 2, 3, 8])
def test_the_peak_of_a_dilated_filter_is_not_taken_from_a_spectral_image(dilation: int) -> None:
    weights = normal(100, 2, 16, seed=9)
    filters = bank(weights, dilation=dilation)
    peak = spectrum.peak_frequency(filters, 100.0)
    assert peak.max() <= 50 / dilation
    frequencies, magnitude = spectrum.baseband(filters, 100.0)
    assert (frequencies[0], frequencies[-1]) == pytest.approx((0, 50 / dilation))
    np.testing.assert_allclose(direct(weights, peak, dilation, 100.0).diagonal(), magnitude.max(axis=1), rtol=1e-4)


def waves(*frequencies: float, taps: int = 128) -> np.ndarray:
    return np.stack([np.cos(2 * np.pi * f * np.arange(taps)) * np.hanning(taps) for f in frequencies])[:, None]


def test_a_layer_that_passes_all_alike_has_a_cumulative_response_of_one() -> None:
    impulses = np.zeros((5, 2, 9), np.float32)
    impulses[np.arange(5), np.arange(5) % 2, np.arange(5)] = [1, -3, 1e-20, 1e20, 7]
    np.testing.assert_allclose(spectrum.cumulative(impulses, 300), 1, rtol=1e-5)


def test_the_cumulative_response_is_the_mean_of_responses_of_equal_power() -> None:
    weights = waves(0.1, 0.1, 0.3) * np.array([1, 5, 0.01])[:, None, None]
    level = spectrum.cumulative(weights, 10**6)
    magnitude = frequency_response(FilterBank("", weights), n_fft=512)[1]
    expected = (magnitude / np.sqrt((magnitude**2).mean(axis=1, keepdims=True))).mean(axis=0)
    np.testing.assert_allclose(level, expected, rtol=1e-5, atol=1e-6)
    low, high = (level[round(2 * f * (len(level) - 1))] for f in (0.1, 0.3))
    assert low == pytest.approx(2 * high, rel=0.02)


def test_zero_and_broken_filters_are_left_out_of_the_cumulative_response() -> None:
    weights = np.concatenate([waves(0.1, 0.3), np.zeros((2, 1, 128))]).astype(np.float32)
    weights[3, 0, 5] = np.nan
    np.testing.assert_array_equal(spectrum.cumulative(weights, 200), spectrum.cumulative(weights[:2], 200))
    assert np.isnan(spectrum.cumulative(weights[2:3], 200)).all()
    assert np.isposinf(spectrum.cumulative(weights[2:], 200)).all()


@pytest.mark.parametrize("taps", [1024, 16000])
def test_of_many_frequencies_a_few_numbers_are_kept_and_no_tone_is_lost(taps: int) -> None:
    level = spectrum.cumulative(waves(0.01, 0.31, taps=taps), 128)
    assert level.shape == (128,)
    assert level.dtype == np.float32
    whole = spectrum.cumulative(waves(0.01, 0.31, taps=taps), 10**6)
    assert level.max() == whole.max()
    for tone in (0.01, 0.31):
        near = slice(round(256 * tone) - 2, round(256 * tone) + 3)
        assert level[near].max() > 5 * np.median(level)


def test_complex_filters_have_negative_frequencies_in_their_cumulative_response() -> None:
    wave = np.exp(2j * np.pi * 0.25 * np.arange(64))[None, None].astype(np.complex64)
    level = spectrum.cumulative(wave, 400)
    assert level.argmax() / len(level) == pytest.approx(0.25, abs=0.01)
