"""Pictures that users might make, and that go wrong in all the ways that they can."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure

from filterscope import FilterBank


def norms(bank: FilterBank, *, reference: FilterBank) -> Figure:
    """How large every filter is: a bar each.

    This line is not on the card.
    """
    figure = Figure(figsize=(4, 2), dpi=50)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.bar(bank.indices, np.linalg.norm(bank.weights, axis=(1, 2)))
    axes.plot(bank.indices, np.linalg.norm(reference.weights, axis=(1, 2)), "k_")
    return figure


def with_pyplot(bank: FilterBank, *, reference: FilterBank) -> Figure:
    figure, axes = pyplot.subplots(figsize=(3, 3))
    axes.imshow(bank.weights[:, 0] - reference.weights[:, 0])
    return figure


def vandal(bank: FilterBank, *, reference: FilterBank) -> Figure:
    bank.weights[:] = 77
    reference.weights[:] = 78
    return Figure()


def raising(bank: FilterBank, *, reference: FilterBank) -> Figure:
    raise ValueError(f"no picture of {bank.layer}")


def leaving(bank: FilterBank, *, reference: FilterBank) -> Figure:
    raise SystemExit(3)


def nothing(bank: FilterBank, *, reference: FilterBank) -> Any:
    return None


def axes_only(bank: FilterBank, *, reference: FilterBank) -> Any:
    return Figure().add_subplot()


def forgetful(bank: FilterBank) -> Figure:
    return Figure()
