"""A real TensorBoard and a real browser, for the tests of the Filters tab."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

Found = TypeVar("Found")

#: How the two loaders are chosen.
LOADERS = {"fast": "--load_fast=true", "legacy": "--load_fast=false"}

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_ROOT = Path(__file__).parents[2]


def wait_for(condition: Callable[[], Found], what: str, seconds: float = 60) -> Found:
    """Ask again and again until the answer is true, and return it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what}; the last answer was {found!r:.500}")
        time.sleep(0.02)
    return found


@dataclass
class Reply:
    """An answer over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be strict JSON."""

        def refuse(word: str) -> None:
            raise ValueError(f"{word} is not JSON")

        return json.loads(self.body, parse_constant=refuse)


def frames(body: bytes) -> list[tuple[float, int, bytes]]:
    """Step, status and content of each part of ``banks``: a strict reading of their form."""
    found, place = [], 0
    while place < len(body):
        step, status, length = struct.unpack_from("<dII", body, place)
        content = body[place + 16 : place + 16 + length]
        end = place + 16 + length
        place = end + -length % 8
        assert len(content) == length
        assert body[end:place] == bytes(-length % 8)
        found.append((step, status, content))
    assert place == len(body)
    return found


@dataclass
class Served:
    """A TensorBoard that runs.

    Attributes:
        url: Of its page, path prefix included, without a slash at the end.
        pid: Its process.
        log: What it printed.
    """

    url: str
    pid: int
    log: Path

    @property
    def tab(self) -> str:
        """URL of TensorBoard's page, opened at the Filters tab."""
        return f"{self.url}/#filterscope"

    @property
    def frame(self) -> str:
        """URL of the tab alone, without TensorBoard around it."""
        return f"{self.url}/data/plugin_entry.html?name=filterscope"

    def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> Reply:
        """Any path below the page, exactly as given."""
        request = urllib.request.Request(f"{self.url}/{path}", method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Reply(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, dict(error.headers), error.read())

    def plugin(self, route: str, headers: dict[str, str] | None = None, **query: Any) -> Reply:
        """A route of the tab."""
        return self.ask(f"data/plugin/filterscope/{route}" + (f"?{urlencode(query)}" if query else ""), headers=headers)

    def layers(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What ``layers`` says, by run and tag."""
        return {run["run"]: {one["tag"]: one for one in run["layers"]} for run in self.plugin("layers").json["runs"]}

    def steps(self, run: str, tag: str) -> list[int]:
        """Steps of a layer's snapshots."""
        return [step for step, _ in self.plugin("snapshots", run=run, tag=tag).json["snapshots"]]

    def banks(self, run: str, tag: str, steps: Iterable[int]) -> list[tuple[float, int, bytes]]:
        """Step, status and content of every snapshot asked for."""
        reply = self.plugin("banks", run=run, tag=tag, steps=",".join(map(str, steps)))
        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/octet-stream"), reply.body
        return frames(reply.body)

    def wait_for_step(self, run: str, tag: str, step: int, seconds: float = 60) -> None:
        """Wait until a layer and its scalars have been loaded up to a step."""

        def newest() -> float:
            layer = self.layers().get(run, {}).get(tag)
            return min(layer["max_step"], layer["rotation"][-1][0]) if layer and layer["rotation"] else -math.inf

        wait_for(lambda: newest() >= step, f"step {step} of {tag!r} in {run!r}", seconds)


NO_CHROMIUM = "no Chromium at /usr/bin/chromium or on the PATH; on Debian: apt-get install chromium"


@contextmanager
def tensorboard(logdir: Path | str | None, *flags: str, before: str = "") -> Iterator[Served]:
    """Run TensorBoard on a free port until the block ends.

    Args:
        logdir: What to show; ``None`` if the flags say it.
        flags: More flags, such as those of :data:`LOADERS`, ``--path_prefix`` or ``--reload_interval``.
        before: Python to run first in its process.
    """
    where = [] if logdir is None else ["--logdir", str(logdir)]
    prefix = next((flag.partition("=")[2] for flag in flags if flag.startswith("--path_prefix=")), "")
    script = f"{before}\nimport sys\nfrom tensorboard.main import run_main\nsys.argv[0] = 'tensorboard'\nrun_main()"
    command = [sys.executable, "-c", script, *where, "--host=127.0.0.1", "--port=0", *flags]
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory, "log.txt")
        # Its own temporary directory: TensorBoard leaves notes there that other ones read.
        environment = {**os.environ, "TMPDIR": directory, "TMP": directory}
        with log.open("wb") as file:
            process = subprocess.Popen(command, stdout=file, stderr=file, cwd=_ROOT, env=environment)
        try:
            served = Served(_address(process, log, prefix), process.pid, log)
            wait_for(lambda: served.ask("data/plugins_listing").status == 200, "the first answer")
            yield served
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _address(process: subprocess.Popen[bytes], log: Path, prefix: str) -> str:
    def found() -> str | None:
        if process.poll() is not None:
            raise RuntimeError(f"TensorBoard ended with {process.returncode}:\n{log.read_text()}")
        told = re.search(r"at http://[^:]+:(\d+)/", log.read_text())
        return told[1] if told else None

    return f"http://127.0.0.1:{wait_for(found, 'TensorBoard to start')}{prefix}"


def executable() -> str:
    """Where Chromium is.

    Raises:
        FileNotFoundError: Nowhere.
    """
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name, path=f"/usr/bin{os.pathsep}{os.environ.get('PATH', '')}"):
            return found
    raise FileNotFoundError(NO_CHROMIUM)


def require_chromium() -> None:
    """Skip a test where there is no Chromium, but fail it where ``CI`` is set: there it must have been installed."""
    try:
        executable()
    except FileNotFoundError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium without a screen until the block ends."""
    from playwright.sync_api import sync_playwright

    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Opened:
    """A page, and everything that went wrong in it.

    Attributes:
        page: Playwright's.
        problems: Console errors, errors that nothing caught, violations of the content security policy, and files
            that were not there.
    """

    page: Page
    problems: list[str] = field(default_factory=list)


_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI}`);
});
"""


@contextmanager
def profile(
    browser: Browser, width: int = 1600, height: int = 1000, dark: bool = False, scale: float = 1, **more: Any
) -> Iterator[BrowserContext]:
    """A fresh profile, with a cache of its own, until the block ends.

    Args:
        browser: Of :func:`chromium`.
        width: Of the window, in CSS pixels.
        height: Of the window.
        dark: Whether the system prefers dark colours.
        scale: Device pixels for each CSS pixel.
        more: For Playwright's ``new_context``.
    """
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        device_scale_factor=scale,
        **more,
    )
    try:
        context.add_init_script(_REPORT_VIOLATIONS)
        yield context
    finally:
        context.close()


@contextmanager
def page_of(context: BrowserContext, url: str) -> Iterator[Opened]:
    """Open a page until the block ends; the profile's page is used again, which is three times as fast as a new one."""
    page = context.pages[0] if context.pages else context.new_page()
    page.goto("about:blank")
    result = Opened(page)
    listeners, size = watch(result), page.viewport_size
    try:
        page.goto(url)
        yield result
    finally:
        if size is not None and page.viewport_size != size:  # a test's own, which the next one would have
            page.set_viewport_size(size)
        for event, listener in listeners.items():
            page.remove_listener(event, listener)


@contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[Opened]:
    """Open a page in a fresh profile until the block ends; options as for :func:`profile`."""
    with profile(browser, **options) as context, page_of(context, url) as result:
        yield result


def watch(result: Opened) -> dict[Any, Callable[[Any], Any]]:
    """Collect what goes wrong in a page from now on; returns what listens, by event."""
    page, problems = result.page, result.problems

    def console(message: Any) -> None:
        where = message.location.get("url", "")
        # TensorBoard looks for its own typeface in the wrong place when it has a path prefix, and a tab opened alone
        # has no icon.
        if message.type == "error" and "/font-roboto/" not in where and not where.endswith("/favicon.ico"):
            problems.append(f"console: {message.text} ({where})")

    listeners: dict[Any, Callable[[Any], Any]] = {
        "console": console,
        "pageerror": lambda error: problems.append(f"page: {error}"),
        "crash": lambda _: problems.append("the page crashed"),
        "dialog": lambda dialog: (problems.append(f"dialog: {dialog.message}"), dialog.dismiss()),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    return listeners
