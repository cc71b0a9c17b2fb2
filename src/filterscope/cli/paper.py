"""Pictures at a size of the user's own, as for paper."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filterscope.cli.arguments import number_between
from filterscope.cli.console import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Inches, pixels per inch and points of type of TensorBoard's pictures, and what goes with a size of the user's own.
_CARD = (9.0, 4.3), 100.0, 12.0
_PAPER = 300.0, 7.0
#: Pixels of a side that can be drawn.
_MOST_PIXELS = 30_000
#: Sizes of type across and down, below which words would lie on one another.
_LEAST = 18, 15


def add_paper(parser: argparse.ArgumentParser) -> None:
    """Options of a figure's size."""
    group = parser.add_argument_group("paper", "Without any of these, pictures are those of TensorBoard.")
    group.add_argument(
        "--size", metavar="WxH", type=_size, help="inches of a picture, such as 3.3x2.2, a column of most papers"
    )
    group.add_argument(
        "--dpi", metavar="N", type=number_between(20, 2400),
        help="pixels of an inch, of heat maps in SVG and PDF too. Default: 300 with --size, else 100",
    )  # fmt: skip
    group.add_argument(
        "--font-size", metavar="PT", type=number_between(2, 72),
        help="points of the type, which lines and marks follow. Default: 7 with --size, else 12",
    )  # fmt: skip


def _size(text: str) -> tuple[float, float]:
    """``3.3x2.2``."""
    found = re.fullmatch(r"([0-9.]+)[xX×]([0-9.]+)", text.strip())
    try:
        width, height = map(float, found.groups() if found else ())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give inches across and down such as 3.3x2.2") from None
    if not 1 <= min(width, height) <= max(width, height) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r}: give 1 to 100 inches, such as 3.3x2.2")
    return width, height


@contextmanager
def figure(options: argparse.Namespace) -> Iterator[Figure | None]:
    """What to draw a picture on, and to save it within; ``None`` for a figure of our own."""
    if options.size is None and options.dpi is None and options.font_size is None:
        yield None
        return
    import matplotlib as mpl
    from matplotlib.figure import Figure

    size, dpi, points = _CARD if options.size is None else (options.size, *_PAPER)
    dpi = options.dpi or dpi
    if max(size) * dpi > _MOST_PIXELS:
        pixels = " x ".join(f"{side * dpi:.0f}" for side in size)
        raise UserError(f"a picture of {pixels} pixels is too large; give less of --size or --dpi")
    points = options.font_size or points
    if any(72 * side < least * points for side, least in zip(size, _LEAST, strict=True)):
        inches = " x ".join(f"{side:g}" for side in size)
        raise UserError(
            f"{inches} inches have no room for type of {points:g} points; give more --size or less --font-size"
        )
    # A tight box, which a user's own settings may ask for, would change the size.
    with mpl.rc_context({"font.size": points, "savefig.bbox": None}):
        yield Figure(size, dpi)
