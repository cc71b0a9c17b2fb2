"""A run whose layers have letters, names, a stride, many taps and many filters: what the tab has to explain."""

from __future__ import annotations

import numpy as np

from tests.support.synthetic import Known, Layer

#: Epochs of the fit.
END = 4
#: Hz, and of how many samples one is kept.
RATE, STRIDE = 8000.0, 4
NAMES = ("Fz", "C3", "<b>Pz")
#: Filter of ``long`` with one large tap of either sign among ripples.
LARGE, UP, DOWN = 1, 300, 700


def letters(epoch: int) -> np.ndarray:
    """Three filters; the first one has an A of 2 above all others at tap 2, which grows."""
    weights = np.zeros((3, 4, 9))
    weights[:, :, 6] = np.array([0.2, -0.1, 0.4, -0.5])
    weights[0, 0, 2] = 2 * epoch / END
    weights[1, 3, 4] = 1
    weights[2, 1, 4] = -1
    return weights


def cells(epoch: int) -> np.ndarray:
    """Two filters of three channels."""
    rows = np.arange(2 * 3 * 9).reshape(2, 3, 9) - 20.0
    return rows / 10 + (1 + rows % 3) * epoch


def strided(epoch: int) -> np.ndarray:
    """Windowed sinusoids."""
    number = np.arange(6)[:, None, None]
    return np.hanning(64) * np.cos(2 * np.pi * (0.05 + 0.06 * number + 0.004 * epoch) * np.arange(64))


def twisted(epoch: int) -> np.ndarray:
    """The same, complex: of one sign of frequency each."""
    number = np.arange(6)[:, None, None]
    return np.hanning(64) * np.exp(2j * np.pi * (0.05 + 0.06 * number + 0.004 * epoch) * np.arange(64))


def long(epoch: int) -> np.ndarray:
    """Four filters of plus and minus in turn, whose mean over any few taps is nothing."""
    ripple = 0.5 * (-1.0) ** np.arange(1024) * np.ones((4, 1, 1)) * (1 + epoch / END)
    ripple[LARGE, 0, [UP, DOWN]] = 2, -1.5
    return ripple


def model() -> list[Layer | Known]:
    """The layers; more than can be seen of the last one at once."""
    return [
        Known("letters", letters, fields={"channel_names": tuple("ACGT")}),
        Known("named", cells, fields={"channel_names": NAMES}),
        Known("strided", strided, fields={"sample_rate": RATE, "stride": STRIDE}),
        Known("twisted", twisted, fields={"sample_rate": RATE, "stride": STRIDE}),
        Known("long", long),
        Layer("many", (60, 1, 31), fields={"dilation": 2}),
    ]
