"""The list of pictures, in the order of their cards: settings, recorder, table of cards, command and tests ask it.

A picture of a layer is a module beside this one that has a ``KIND`` and the name that is given here. They are loaded
when they are first drawn, since that takes matplotlib.
"""

from __future__ import annotations

import ast
import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from filterscope.plots.picture import Kind

PlotName = Literal["taps", "response", "spectrum", "evolution", "drift", "overview"]
NAMES: tuple[PlotName, ...] = get_args(PlotName)
#: The one that shows all layers: a picture of the model, and no ``Kind`` of picture of a layer.
OVERVIEW: PlotName = "overview"
LAYER_NAMES: tuple[PlotName, ...] = tuple(name for name in NAMES if name != OVERVIEW)


def words(name: str) -> str:
    """What a picture shows, in half a line: the end of its module's docstring, read without loading it."""
    spec = importlib.util.find_spec(f"filterscope.plots.{name}")
    assert spec is not None
    source = Path(str(spec.origin)).read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0].partition(": ")[2].rstrip(".")


@cache
def kind(name: str) -> Kind:
    """What the picture of a layer, by its name, says of itself."""
    found: Kind = importlib.import_module(f"filterscope.plots.{name}").KIND
    return found
