"""What every test needs."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_torch_thread() -> None:
    """Tiny fits are many times faster without threads that wait for one another."""
    torch.set_num_threads(1)
