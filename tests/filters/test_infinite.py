"""Weights that came apart give NaN, and no warnings from within numpy."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest

from filterscope import FilterBank, FilterHistory, dead_filters, frequency_response, plot_spectrum, plot_taps

START = np.random.default_rng(0).normal(size=(6, 4, 4, 15))


@pytest.fixture(autouse=True)
def _strict() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def history(weights: np.ndarray, channel_names: str | None = None) -> FilterHistory:
    names = None if channel_names is None else tuple(channel_names)
    return FilterHistory([FilterBank("conv", w, epoch=e, channel_names=names) for e, w in enumerate(weights)])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, complex(np.inf, np.nan)])
@pytest.mark.parametrize("names", [None, "ACGT"])
def test_a_filter_that_came_apart_spoils_its_own_numbers_only(value: complex, names: str | None) -> None:
    weights = START.astype(np.complex64 if isinstance(value, complex) else np.float32)
    whole = history(weights, names)
    weights[2:, 1, 0, :2] = value
    broken = history(weights, names)
    assert broken.convergence_epoch() is None
    assert np.isnan(broken.rotation()[2:, 1]).all()
    assert np.array_equal(np.delete(broken.rotation(), 1, axis=1), np.delete(whole.rotation(), 1, axis=1))
    magnitude, expected = (frequency_response(each[-1])[1] for each in (broken, whole))
    assert np.isnan(magnitude[1]).all()
    assert np.array_equal(np.delete(magnitude, 1, axis=0), np.delete(expected, 1, axis=0))
    assert not dead_filters(broken[-1]).any()
    plot_taps(broken[-1], reference=broken[0])
    plot_spectrum(broken)


def test_what_is_too_large_for_float32_is_infinite() -> None:
    bank = FilterBank("conv", np.full((1, 2, 15), 3e38))
    _, magnitude = frequency_response(bank)
    assert magnitude[0, 0] == np.inf
    assert np.isfinite(magnitude).any()
