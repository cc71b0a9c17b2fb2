"""Files that the command writes: their names, and that they are complete or not there."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filterscope.cli.console import UserError, note

#: Of a layer's name; the longest file name that common file systems take is 255 bytes.
_LONGEST = 80


def stems(layers: Iterable[str]) -> dict[str, str]:
    """The beginning of a file name for each layer.

    Letters, digits, dots, dashes and underscores stay as they are; other characters become underscores, long names are
    cut. Where that loses anything a digest of the full name follows, so that a layer's files are called alike whatever
    other layers are drawn. So it does where names differ in case only, which some file systems do not tell apart.
    """
    plain = {layer: re.sub(r"[^A-Za-z0-9._-]+", "_", layer).lstrip(".-")[:_LONGEST] or "layer" for layer in layers}
    kept = Counter(stem.casefold() for layer, stem in plain.items() if stem == layer)
    return {
        layer: stem if stem == layer and kept[stem.casefold()] == 1 else f"{stem}-{_digest(layer)}"
        for layer, stem in plain.items()
    }


def _digest(layer: str) -> str:
    return hashlib.sha256(layer.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def check_writable(path: Path) -> None:
    """Refuse a file that cannot be written, before the work is done."""
    if path.is_dir():
        raise UserError(f"-o {str(path)!r} is a directory; give the name of a file in it")
    if not path.parent.is_dir():
        raise UserError(f"-o {str(path)!r}: there is no directory {str(path.parent)!r}")


@contextmanager
def replacing(path: Path, say: bool = True) -> Iterator[Path]:
    """What to write to in place of a file, in its directory: what is there stays whole until the new one is.

    That there was one already is noted, unless ``say`` is false.
    """
    there = path.exists()
    target = path.resolve()  # a link goes on to point at it
    part = target.with_name(f".filterscope-{os.getpid()}{path.suffix}")
    try:
        yield part
        os.replace(part, target)
    except OSError as error:
        if error.filename is not None and Path(error.filename) == part:
            error.filename = str(path)  # what the user named, and not where it is made
        raise
    finally:
        part.unlink(missing_ok=True)
    if there and say:
        note(f"replaced {path}")
