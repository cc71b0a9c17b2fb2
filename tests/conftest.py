"""What every test needs."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
import torch

from tests.support import drawing
from tests.support.browser import NO_CHROMIUM

# Worker processes that compile for torch take longer to start than our models to compile.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
drawing.install()

#: Modules beside the tests that assert: their failures too show the values compared.
pytest.register_assert_rewrite(
    *(
        f"tests.support.{name}"
        for name in ("faults", "fuzz_watch", "histories", "lifecycles", "memory", "pictures", "resumes", "tab_fixtures")
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


@pytest.fixture(autouse=True)
def _heeds_ctrl_c() -> None:
    """Tests send it to their children, which ignore it if we do.

    A shell has what it starts in the background ignore it, and so does Lightning from a fit on that it ended.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Around a test and the fixtures that it is the first to ask for."""
    with drawing.real(item.get_closest_marker("pictures") is not None):
        return (yield)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say aloud that a part was not tried: among thousands of dots nobody sees an s."""
    skipped = sum(NO_CHROMIUM in str(report.longrepr) for report in terminalreporter.getreports("skipped"))
    if skipped:
        words = f"THE FILTERS TAB WAS NOT TRIED IN A BROWSER, {skipped} tests skipped: {NO_CHROMIUM}"
        terminalreporter.write_line(words, red=True, bold=True)
