"""A watch over cases of damage: what came of them, and what they took.

The fixture is taken with ``pytest_plugins = ["tests.support.fuzz_watch"]``.
"""

from __future__ import annotations

import resource
import sys
import time
import traceback
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from filterscope.events import blob

#: Seconds of CPU after which one case counts as a hang, and bytes that one case may take. The inputs have 1 to 10 kB.
LONGEST, MOST = 5.0, 4 * 2**20
#: Bytes by which the process may grow over all cases of one test: protobuf's memory is not seen by tracemalloc.
GROWTH = 128 * 2**20


class Watch:
    """Runs cases; counts what came of them, and holds each to its limits of time and memory."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.most, self.every = MOST, 1
        self.slowest, self.largest = 0.0, 0

    def __call__(self, case: Any, act: Callable[[], Any]) -> Any:
        if traced := sum(self.outcomes.values()) % self.every == 0:
            tracemalloc.start()
        start, answer = time.process_time(), None
        try:
            answer = act()
            self.outcomes["read"] += 1
        except ValueError as error:  # the only error that is documented for what is there
            self._check(error, case)
        self.slowest = max(self.slowest, time.process_time() - start)
        if traced:
            self.largest = max(self.largest, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert self.slowest < LONGEST, case
        assert self.largest < self.most, case
        return answer

    def _check(self, error: Exception, case: Any) -> None:
        """Every error was foreseen, and is in our words."""
        assert type(error) in (ValueError, blob.BlobError), case
        assert 20 < len(str(error)) < 20_000, case
        where = traceback.extract_tb(error.__traceback__)[-1].filename
        assert "filterscope" in where, (case, where, error)
        self.outcomes[type(error).__name__] += 1

    def report(self, name: str) -> None:
        print(
            f"\n{name}: {sum(self.outcomes.values())} cases, {dict(self.outcomes)}, slowest {self.slowest * 1e3:.0f} "
            f"ms, largest {self.largest / 2**20:.2f} MiB"
        )


@pytest.fixture
def watch(request: pytest.FixtureRequest) -> Iterator[Watch]:
    watch, before = Watch(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield watch
    tracemalloc.stop()
    watch.report(request.node.name)
    unit = 1 if sys.platform == "darwin" else 1024
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < GROWTH
