"""Fixtures of the tests of the Filters tab: take them with ``pytest_plugins = ["tests.support.tab_fixtures"]``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import LOADERS, Served, chromium, page_of, profile, require_chromium, tensorboard
from tests.support.synthetic import STEPS, Layer, Run
from tests.support.tab import LAST, RUNS, Look, Tab, Written, model

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Three runs, the last of them with a second monitor."""
    directory = tmp_path_factory.mktemp("logs")
    runs = {name: Run(directory / name, model(i), LAST).add(range(LAST + 1)) for i, name in enumerate(RUNS)}
    Run(directory / RUNS[2], [Layer("conv1")], LAST, "teacher").add(range(3))
    return Written(directory, runs)


@pytest.fixture(scope="session")
def served(written: Written) -> Iterator[Served]:
    """TensorBoard with all of it loaded."""
    with tensorboard(written.directory, LOADERS["fast"]) as running:
        for name, run in written.runs.items():
            for tag in run.blobs:
                running.wait_for_step(name, tag, LAST * STEPS)
        running.wait_for_step(RUNS[2], "teacher/conv1/bank", 2 * STEPS)
        yield running


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    """One browser for all."""
    require_chromium()
    with chromium() as browser:
        yield browser


class Profiles:
    """A browser profile for every set of options that tests ask for: a second page there comes sooner."""

    def __init__(self, browser: Browser, stack: ExitStack) -> None:
        self._browser, self._stack = browser, stack
        self._known: dict[str, BrowserContext] = {}

    def of(self, **options: Any) -> BrowserContext:
        """The profile with some options of :func:`tests.support.browser.profile`."""
        key = repr(sorted(options.items()))
        if key not in self._known:
            self._known[key] = self._stack.enter_context(profile(self._browser, **options))
        return self._known[key]


@pytest.fixture(scope="session")
def profiles(chrome: Browser) -> Iterator[Profiles]:
    with ExitStack() as stack:
        yield Profiles(chrome, stack)


def past_overview(url: str) -> str:
    """An address that opens at a layer's taps, however many layers there are, and whatever was learned."""
    wanted = {"view": "layer", "mode": "taps", "sort": "index"}
    more = [f"p.filterscope.{key}={value}" for key, value in wanted.items() if f"p.filterscope.{key}=" not in url]
    return "&".join([url if "#" in url else f"{url}#", *more]).replace("#&", "#")


@pytest.fixture
def look(profiles: Profiles) -> Iterator[Look]:
    """Open pages; whatever went wrong in one of them fails the test."""
    tabs: list[Tab] = []
    with ExitStack() as stack:

        def look(url: str, overview: bool = False, **options: Any) -> Tab:
            found = stack.enter_context(page_of(profiles.of(**options), url if overview else past_overview(url)))
            tabs.append(Tab(found.page, found.problems, inside="plugin_entry" not in url))
            return tabs[-1]

        yield look
        for tab in tabs:
            assert tab.problems == []


@pytest.fixture
def tab(look: Look, served: Served) -> Tab:
    """The tab without TensorBoard around it, all epochs loaded, at the newest."""
    return look(served.frame).loaded().shows(LAST, "pulses")
