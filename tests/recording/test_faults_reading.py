"""Weights that cannot be read in mid-fit cost their snapshot only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor, nn
from torch.nn.utils import parametrize

from filterscope import Conv1dFilterMonitor
from filterscope.models.gather import gather
from filterscope.recording import reading
from tests.support.faults import STEPS, Outcome, assert_same_training, fit, once, raising
from tests.support.nets import SmallNet

pytest_plugins = ["tests.support.faults"]


class Unreadable(nn.Module):
    """A parametrization that can be evaluated in training, and fails at chosen readings of the monitor."""

    def __init__(self, at: set[int] | None = None) -> None:
        super().__init__()
        self.at, self.readings = at, 0

    def forward(self, weight: Tensor) -> Tensor:
        if self.training:
            return weight
        self.readings += 1
        if self.at is None or self.readings in self.at:
            raise ValueError("do not look")
        return weight


def with_parametrization(at: set[int] | None) -> Callable[[], SmallNet]:
    def make() -> SmallNet:
        model = SmallNet()
        parametrize.register_parametrization(model.conv1, "weight", Unreadable(at), unsafe=True)
        return model

    return make


@pytest.mark.parametrize(
    ("at", "steps"),
    [(None, []), ({1}, STEPS), ({1, 2}, [4, 8, 12]), ({3}, [0, 4, 12]), ({5}, STEPS)],
    ids=["always", "initial weights", "and after the first forward", "one epoch", "final weights"],
)
def test_a_layer_that_cannot_be_read_costs_its_snapshot_only(
    tmp_path: Path, healthy: Outcome, at: set[int] | None, steps: list[int]
) -> None:
    outcome = fit(tmp_path / "run", Conv1dFilterMonitor(plots=("taps",)), make=with_parametrization(at))
    assert_same_training(outcome, fit(tmp_path / "plain", make=with_parametrization(at)))
    assert outcome.logged.steps("filters/conv1/rms") == steps
    assert outcome.logged.steps("filters/conv1/taps") == steps
    for kind in ("rms", "weights", "taps"):
        assert outcome.logged.steps(f"filters/conv2/{kind}") == STEPS
    assert len(outcome.told) == 1
    assert all(word in outcome.told[0] for word in ("'conv1'", "do not look"))


@pytest.mark.parametrize(("number", "gone"), [(1, 0), (3, 8), (5, None)], ids=["initial", "one epoch", "final"])
def test_a_reading_that_fails_costs_its_snapshot_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Outcome, number: int, gone: int | None
) -> None:
    monkeypatch.setattr(reading, "gather", raising(gather, RuntimeError("no luck"), once(number)))
    outcome = fit(tmp_path, Conv1dFilterMonitor(plots=("taps", "drift")))
    assert_same_training(outcome, healthy)
    for kind in ("rms", "weights", "taps"):
        assert outcome.logged.steps(f"filters/conv1/{kind}") == [step for step in STEPS if step != gone]
    assert outcome.logged.steps("filters/conv1/drift")[-1] == 12
    assert len(outcome.told) == 1
    assert all(word in outcome.told[0] for word in ("snapshot", "no luck"))
