"""Fits draw pictures only where a test looks at them: drawing is most of what a small fit costs.

A test that looks is marked ``@pytest.mark.pictures``; a fixture that others look at draws inside :func:`real`.
Elsewhere an image is one pixel under the same tag, at the same step.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image

from filterscope.events import summaries
from filterscope.plots.kinds import OVERVIEW
from filterscope.plots.overview import MEANING
from filterscope.plots.picture import Kind
from filterscope.recording.log import SnapshotLog

_draw, _draw_overview = SnapshotLog._image, SnapshotLog._overview_image
_is_real = True


def _pixel() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (1, 1)).save(stream, "PNG")
    return stream.getvalue()


_PIXEL = _pixel()


def _image(log: SnapshotLog, name: str, kind: Kind, *rest: Any) -> Any:
    if _is_real:
        return _draw(log, name, kind, *rest)
    return summaries.image(log._tag(name, kind.name), _PIXEL, 1, 1, kind.meaning)


def _overview_image(log: SnapshotLog, *rest: Any) -> Any:
    if _is_real:
        return _draw_overview(log, *rest)
    return summaries.image(f"{log._settings.tag}/{OVERVIEW}", _PIXEL, 1, 1, MEANING)


@contextmanager
def real(drawn: bool = True) -> Iterator[None]:
    """Whether fits draw from here on."""
    global _is_real
    before, _is_real = _is_real, drawn
    try:
        yield
    finally:
        _is_real = before


def install() -> None:
    """Have fits ask."""
    SnapshotLog._image = _image  # type: ignore[method-assign,assignment]
    SnapshotLog._overview_image = _overview_image  # type: ignore[method-assign,assignment]
