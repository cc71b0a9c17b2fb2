"""Arrays of noise."""

from __future__ import annotations

import numpy as np


def normal(*shape: int, seed: int = 0, dtype: type = np.float32) -> np.ndarray:
    """Normal numbers; both parts are, of a complex dtype."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=shape)
    if np.issubdtype(dtype, np.complexfloating):
        values = values + 1j * generator.normal(size=shape)
    return values.astype(dtype)
