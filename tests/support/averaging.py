"""Callbacks that average weights."""

from __future__ import annotations

import pytest
import pytorch_lightning as pl


def ema(decay: float) -> pl.Callback:
    """An exponential moving average of the weights; skips the test where Lightning has none, below 2.6."""
    kind = getattr(pl.callbacks, "EMAWeightAveraging", None)
    if kind is None:
        pytest.skip(f"Lightning {pl.__version__} has no EMAWeightAveraging")
    return kind(decay=decay)
