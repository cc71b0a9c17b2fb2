"""What every test needs."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.support import drawing

drawing.install()

#: Modules beside the tests that assert: their failures too show the values compared.
pytest.register_assert_rewrite(
    *(
        f"tests.support.{name}"
        for name in ("faults", "fuzz_watch", "histories", "lifecycles", "pictures", "resumes", "tab_fixtures")
    )
)


@pytest.fixture(autouse=True, scope="session")
def _one_torch_thread() -> None:
    """Tiny fits are many times faster without threads that wait for one another."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Weights that a test makes are the same whatever ran before it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the stream that libraries draw from
    torch.manual_seed(0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[object]:
    """Around a test and the fixtures that it is the first to ask for."""
    with drawing.real(item.get_closest_marker("pictures") is not None):
        return (yield)
