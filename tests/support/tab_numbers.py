"""The browser half's numbers: take the fixture with ``pytest_plugins = ["tests.support.tab_numbers"]``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import colour_tables
from tests.support.browser import page_of, profile

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: Playwright runs once in a process: the browser is that of the tab's tests.
pytest_plugins = ["tests.support.tab_fixtures"]

STATIC = colour_tables.FILE.parent.parent
HOST = "http://numbers.test"


@pytest.fixture(scope="module")
def modules(chrome: Browser) -> Iterator[Any]:
    """Calls an expression on the browser half's modules of numbers, given as ``numbers``."""
    with profile(chrome) as context:
        context.route(
            f"{HOST}/**",
            lambda route: route.fulfill(
                path=STATIC / route.request.url.removeprefix(f"{HOST}/")
            ) if route.request.url.endswith(".js") else route.fulfill(body="", content_type="text/html"),
        )  # fmt: skip
        with page_of(context, f"{HOST}/") as opened:
            rooms = ("spectrum", "measures", "format", "rows", "reduce", "direction", "letters", "find")
            names = [f"numbers/{name}" for name in rooms]
            names += ["draw/heat", "draw/colours", "draw/letters"]
            imports = "; ".join(f"Object.assign(numbers, await import('{HOST}/{name}.js'))" for name in names)
            opened.page.evaluate(f"async () => {{ window.numbers = {{}}; {imports} }}")
            yield lambda code, *given: opened.page.evaluate(f"given => {{ {code} }}", list(given))
