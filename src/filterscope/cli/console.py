"""What the command says beside its results: notes, warnings, progress; all of it on stderr."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

#: Seconds after which a user is told that work goes on.
PATIENCE = 1.0


class UserError(Exception):
    """Something that cannot be done, and that the user can put right; told in one line."""


def printable(text: str) -> str:
    """Text with its control characters spelt out: layer names come out of files that others wrote."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def note(message: str) -> None:
    """One line on stderr."""
    print(f"filterscope: {printable(' '.join(message.splitlines()))}", file=sys.stderr, flush=True)


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Show our own warnings as notes, without source lines; those of libraries are no concern of a user here."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        note(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", category=UserWarning, module="filterscope")
        # Matplotlib, by way of our text: names in other scripts are drawn as boxes, which is plain to see.
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        warnings.showwarning = show
        yield


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Say on a terminal what is under way, once it has taken a second."""
    shown = threading.Event()

    def show() -> None:
        shown.set()
        print(f"{printable(what)} ...", end="", file=sys.stderr, flush=True)

    timer = threading.Timer(PATIENCE, show)
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if timer.ident is not None:
            timer.join()
        if shown.is_set():
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def progress(items: Iterable[Any], unit: str) -> Any:
    """The items, with a bar on a terminal once they have taken a second."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    return tqdm(items, unit=unit, delay=PATIENCE, leave=False, disable=None, file=sys.stderr)


def tell(line: str) -> None:
    """One line of results on stdout, at once, above a bar if there is one."""
    from tqdm import tqdm

    with tqdm.external_write_mode(file=sys.stdout):
        print(line, flush=True)
