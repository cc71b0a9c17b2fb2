"""What a filter does to frequencies: magnitude response, peak.

Frequencies are in Hz where the sample rate is known, in cycles per sample (0 to 0.5) where it is not. The taps of
a transposed convolution sit on its output's time axis, so its rate there is ``stride`` times that of its input.

PyTorch correlates: tap ``k`` meets the sample ``k`` later than tap 0, so that a complex filter passes the frequency at
which it turns with the other sign. Transposed convolutions do convolve.
"""

from __future__ import annotations

import numpy as np

from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank, require_bank
from filterscope.filters.checks import check_count, check_rate

#: Below this kernel length a frequency response says little.
SHORTEST = 8

#: Complex numbers that one pass of the FFT may hold: 16 MB.
_FFT_ITEMS = 2_000_000


def tap_rate(bank: FilterBank, sample_rate: float | None = None) -> float:
    """Samples per second on the time axis of the taps (before dilation); 1.0 if no sample rate is known."""
    rate = bank.sample_rate if sample_rate is None else sample_rate
    if rate is None:
        return 1.0
    check_rate(rate)
    return float(rate) * (bank.stride if bank.transposed else 1)


def frequency_response(
    bank: FilterBank, sample_rate: float | None = None, n_fft: int | None = None
) -> tuple[Array, Array]:
    """Magnitude response of every filter, all channels together.

    ``H_oc(f) = sum_k w[o, c, k] exp(2i pi f k d / fs)`` and ``|H_o|(f) = sqrt(sum_c |H_oc(f)|^2)``: the power that
    the filter passes from white, independent channels. Not the spectrum of the channel mean, in which opposite
    signs cancel. A dilated filter repeats its response every ``fs / d``. Of a transposed convolution the exponent is
    negative, which only complex filters tell.

    Args:
        bank: ``F`` filters of ``K`` taps, dilation ``d``.
        sample_rate: Hz at the layer's input. Default: the bank's own; without any, cycles per sample.
        n_fft: Length of the Fourier transform of the zero-stuffed kernel. Default: at least 512, and at least four
            times the kernel's span ``(K - 1) d + 1``.

    Returns:
        Frequencies ``(F,)`` from 0 to fs/2 (complex filters: from -fs/2 to fs/2) and magnitudes ``(filters, F)``.

    Raises:
        ValueError: ``n_fft`` is shorter than the kernel's span, or ``sample_rate`` is not positive and finite.
    """
    require_bank(bank)
    rate = tap_rate(bank, sample_rate)
    if n_fft is not None:
        check_count("n_fft", n_fft)
    span = (bank.taps - 1) * bank.dilation + 1
    if n_fft is None:
        per_image = 1 << max(int(np.ceil(512 / bank.dilation)) - 1, 4 * bank.taps - 1, 1).bit_length()
        n_fft = per_image * bank.dilation
    elif n_fft < span:
        raise ValueError(f"n_fft={n_fft} is shorter than the dilated kernel; use at least {span}")
    weights = _convolved(bank.weights, bank.transposed)
    if n_fft % bank.dilation == 0 and n_fft // bank.dilation >= bank.taps:
        # Zero stuffing repeats the spectrum of the plain taps d times: one image is enough.
        magnitude = np.tile(_magnitude(weights, n_fft // bank.dilation), bank.dilation)
    else:
        stuffed = np.zeros((*weights.shape[:2], span), weights.dtype)
        stuffed[:, :, :: bank.dilation] = weights
        magnitude = _magnitude(stuffed, n_fft)
    if np.iscomplexobj(bank.weights):
        return np.fft.fftshift(np.fft.fftfreq(n_fft)) * rate, np.fft.fftshift(magnitude, axes=1)
    return np.fft.rfftfreq(n_fft) * rate, magnitude[:, : n_fft // 2 + 1]


def _convolved(weights: Array, transposed: bool) -> Array:
    """Weights whose Fourier transform has the magnitudes that the layer passes: of what is correlated, conjugate."""
    return weights if transposed or not np.iscomplexobj(weights) else weights.conj()


def _magnitude(weights: Array, n_fft: int) -> Array:
    """``sqrt(sum_c |FFT|^2)`` over the full circle of ``n_fft`` frequencies: float32 ``(filters, n_fft)``."""
    magnitude = _distinct(weights, n_fft)
    if np.iscomplexobj(weights):
        return magnitude
    return np.concatenate([magnitude, magnitude[:, 1 : (n_fft + 1) // 2][:, ::-1]], axis=1)


def _distinct(weights: Array, n_fft: int) -> Array:
    """:func:`_magnitude` without what repeats it: of real weights, ``n_fft // 2 + 1`` frequencies."""
    filters, channels, taps = weights.shape
    peak = np.abs(weights).max(axis=(1, 2), initial=0.0)
    broken = np.asarray(~np.isfinite(peak))
    scale = np.where(broken | (peak == 0), 1, peak)
    with np.errstate(invalid="ignore"):  # of infinite complex weights
        weights = np.where(broken[:, None, None], 0, weights / scale[:, None, None])
    is_complex = np.iscomplexobj(weights)
    magnitude = np.empty((filters, n_fft if is_complex else n_fft // 2 + 1), np.float32)
    many = channels > taps
    chunk = max(1, _FFT_ITEMS // (channels * taps + n_fft if many else channels * n_fft))
    for start in range(0, filters, chunk):
        part = weights[start : start + chunk]
        rows = _autocorrelation(part)[:, None] if many else part
        spectra = (np.fft.fft if is_complex else np.fft.rfft)(rows, n_fft)
        if many:
            power = np.maximum(2 * spectra[:, 0].real - rows[:, 0, :1].real, 0)
        else:
            power = np.sum(np.square(spectra.real) + np.square(spectra.imag), axis=1)
        magnitude[start : start + chunk] = np.sqrt(power)
    with np.errstate(over="ignore"):
        magnitude *= scale[:, None]
    magnitude[broken] = np.nan
    return magnitude


def _autocorrelation(weights: Array) -> Array:
    """Of filters ``(filters, channels, taps)``, summed over channels, from lag 0 on: float64 or complex128.

    Its transform is the power of all channels, in one row for each filter. Sums of products, and no matrix product: the
    threads of numpy's would spin in the way of training.
    """
    filters, channels, taps = weights.shape
    flat = weights.transpose(0, 2, 1).reshape(filters, -1).astype(np.result_type(weights, np.float64))
    lags = [
        np.einsum("fi,fi->f", flat[:, lag * channels :], flat[:, : (taps - lag) * channels].conj())
        for lag in range(taps)
    ]
    return np.stack(lags, axis=1)


def bounds(bank: FilterBank, sample_rate: float | None = None) -> tuple[float, float]:
    """The lowest and the highest frequency of :func:`baseband`."""
    high = tap_rate(bank, sample_rate) / (2 * bank.dilation)
    return -high if np.iscomplexobj(bank.weights) else 0.0, high


def baseband(bank: FilterBank, sample_rate: float | None = None) -> tuple[Array, Array]:
    """:func:`frequency_response` up to ``fs / (2 d)``: beyond it a dilated filter only repeats itself."""
    frequencies, magnitude = frequency_response(bank, sample_rate)
    kept = np.abs(frequencies) <= bounds(bank, sample_rate)[1] * (1 + 1e-9)
    return frequencies[kept], magnitude[:, kept]


def cumulative(weights: Array, most: int, transposed: bool = False) -> Array:
    """What the filters of a layer pass together: mean over filters of each one's magnitude, re its root mean square.

    1 where all filters pass all frequencies alike; level, and lower, where each passes a band of its own. A band that
    many filters have in common stands out. Source: the cumulative response of Palaz et al., arXiv 1609.09431, divided
    by the number of filters and frequencies.

    Args:
        weights: Shape ``(filters, channels, taps)``.
        most: Numbers to give at most: of more frequencies, the largest of every few.
        transposed: Whether the convolution is.

    Returns:
        Shape ``(F,)``, float32, from 0 to half the taps' rate (complex filters: from minus that). Zero filters and
        such with NaN or Inf are left out; where none is left, it is NaN, or infinite if one was not finite.
    """
    magnitude = _distinct(_convolved(weights, transposed), _length(weights.shape[2]))
    if np.iscomplexobj(weights):
        magnitude = np.fft.fftshift(magnitude, axes=1)
    peak = magnitude.max(axis=1, keepdims=True)
    kept = (np.isfinite(peak) & (peak > 0))[:, 0]
    if not kept.any():
        fill = np.nan if np.isfinite(peak).all() else np.inf
        return np.full(min(magnitude.shape[1], most), fill, np.float32)
    relative = magnitude[kept] / peak[kept]
    sizes = np.sqrt(np.einsum("fn,fn->f", relative, relative) / relative.shape[1])
    level = np.einsum("fn,f->n", relative, 1 / sizes) / len(relative)
    if len(level) > most:
        level = np.maximum.reduceat(level, np.arange(most) * len(level) // most)
    return np.asarray(level, np.float32)


def cumulative_frequencies(bank: FilterBank, most: int, sample_rate: float | None = None) -> Array:
    """Frequencies of the numbers of :func:`cumulative`, shape ``(F,)``; of every few the lowest."""
    n_fft = _length(bank.taps)
    count = n_fft if np.iscomplexobj(bank.weights) else n_fft // 2 + 1
    kept = min(count, most)
    low, high = bounds(bank, sample_rate)
    return np.asarray(low + np.arange(kept) * count // kept * (2 * high / n_fft))


def _length(taps: int) -> int:
    return 1 << (max(256, 4 * taps) - 1).bit_length()


def decibels(magnitude: Array, floor: float = -40.0) -> Array:
    """Magnitudes in dB re each filter's maximum, not below ``floor``; NaN for a filter that is zero or not finite."""
    peak = magnitude.max(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(np.isfinite(peak) & (peak > 0), magnitude / peak, np.nan)
        return np.asarray(np.maximum(20 * np.log10(relative), floor))


def peak_frequency(bank: FilterBank, sample_rate: float | None = None) -> Array:
    """Frequency of the largest magnitude of every filter: shape ``(filters,)``; NaN if it is zero or not finite.

    Magnitudes within 1e-5 dB of the largest are as large, and the lowest frequency among them counts: what is equal
    but for rounding has one peak everywhere.
    """
    return peaks(*baseband(bank, sample_rate))


def peaks(frequencies: Array, magnitude: Array) -> Array:
    """:func:`peak_frequency` of what :func:`baseband` gives."""
    peak = magnitude.max(axis=1)
    place = (magnitude >= peak[:, None] * 10 ** (-1e-5 / 20)).argmax(axis=1)
    return np.where(np.isfinite(peak) & (peak > 0), frequencies[place], np.nan)
