"""Fits in which something goes wrong, and what they leave beside what a healthy one does.

The fixture is taken with ``pytest_plugins = ["tests.support.faults"]``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

from filterscope import Conv1dFilterMonitor
from tests.support import drawing
from tests.support.events import Logged
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.pictures import assert_same_picture
from tests.support.states import is_threadless, random_streams

EPOCHS, STEPS = 3, [0, 4, 8, 12]


@dataclass
class Outcome:
    """What a fit left behind."""

    state: dict[str, Tensor]
    random: str
    told: list[str]
    logged: Logged

    def steps(self, without: dict[str, set[int]] | None = None) -> dict[str, list[int]]:
        """Steps by tag; those of some tags left out."""
        gone = without or {}
        tags = {tag: sorted(set(self.logged.steps(tag)) - gone.get(tag, set())) for tag in self.logged.tags()}
        return {tag: steps for tag, steps in tags.items() if steps}


class At(pl.Callback):
    """Does something once so many epochs are done, before the monitor's turn: damage, or surgery on the model."""

    def __init__(self, epoch: int, act: Callable[[Any, Any], None], hook: str = "on_train_epoch_start") -> None:
        self.epoch, self.act = epoch, act
        setattr(self, hook, self._maybe)

    def _maybe(self, trainer: Any, model: Any, *rest: Any) -> None:
        if trainer.current_epoch == self.epoch:
            self.act(trainer, model)


def fit(log_dir: Path, *callbacks: pl.Callback, make: Callable[[], Any] = SmallNet) -> Outcome:
    """A fit of three epochs, which must come to its end."""
    pl.seed_everything(3)
    model = make()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer = make_trainer(log_dir, *callbacks, max_epochs=EPOCHS)
        trainer.fit(model, loader())
    assert trainer.current_epoch == EPOCHS
    assert is_threadless()
    told = [str(each.message) for each in caught if issubclass(each.category, RuntimeWarning)]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    return Outcome(state, random_streams()["torch"], told, Logged(log_dir))


def assert_same_training(one: Outcome, other: Outcome) -> None:
    assert one.state.keys() == other.state.keys()
    for name, value in one.state.items():
        assert torch.equal(value, other.state[name]), name
    assert one.random == other.random


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A fit in which nothing goes wrong; it trains as a fit without the monitor does."""
    with drawing.real():
        outcome = fit(tmp_path_factory.mktemp("healthy"), Conv1dFilterMonitor())
    assert_same_training(outcome, fit(tmp_path_factory.mktemp("plain")))
    assert outcome.told == []
    assert outcome.logged.steps("filters/conv1/taps") == STEPS
    return outcome


def assert_only_lost(outcome: Outcome, healthy: Outcome, lost: dict[str, set[int]]) -> None:
    """Training is the same, and so is what is logged, but for some steps of some tags."""
    assert_same_training(outcome, healthy)
    assert outcome.steps() == healthy.steps(without=lost)
    for tag, images in outcome.logged.images.items():
        sound = dict(healthy.logged.images[tag])
        for step, pixels in images:
            assert_same_picture(pixels, sound[step])
    for tag, values in outcome.logged.scalars.items():
        assert set(values) <= set(healthy.logged.scalars[tag]), tag


def raising(method: Any, error: Exception, when: Callable[..., bool]) -> Any:
    """A method that raises instead of working when a condition on its arguments holds."""

    def faulty(*args: Any, **kwargs: Any) -> Any:
        if when(*args, **kwargs):
            raise error
        return method(*args, **kwargs)

    return faulty


def once(number: int = 1) -> Callable[..., bool]:
    """A condition that holds at one call only, counted from 1."""
    calls: list[None] = []

    def when(*args: Any, **kwargs: Any) -> bool:
        calls.append(None)
        return len(calls) == number

    return when


def told_by(action: Any) -> list[str]:
    """What was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    return [str(each.message) for each in caught]
