"""A picture, number or event that fails in mid-fit is all that is lost: training goes on to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from torch.utils.tensorboard import FileWriter

from filterscope import Conv1dFilterMonitor, FilterBank
from filterscope.filters import metrics
from filterscope.plots.kinds import LAYER_NAMES
from filterscope.plots.overview import OverviewPicture
from filterscope.plots.picture import Kind
from tests.support.faults import STEPS, Outcome, assert_only_lost, assert_same_training, fit, once, raising

pytest_plugins = ["tests.support.faults"]
pytestmark = pytest.mark.pictures


@pytest.mark.parametrize(("kind", "epoch"), [*((kind, 1) for kind in LAYER_NAMES), ("taps", 3)])
def test_a_picture_that_fails_once_is_all_that_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Outcome, kind: str, epoch: int
) -> None:
    def here(drawn: Kind, picture: Any, bank: FilterBank, *rest: Any) -> bool:
        return (drawn.name, bank.layer, bank.epoch) == (kind, "conv1", epoch)

    monkeypatch.setattr(Kind, "update", raising(Kind.update, ValueError("no ink"), here))
    outcome = fit(tmp_path, Conv1dFilterMonitor())
    assert_only_lost(outcome, healthy, {f"filters/conv1/{kind}": {4 * epoch}})
    assert len(outcome.told) == 1
    assert all(word in outcome.told[0] for word in (f"the {kind} image of conv1", "no ink", "training goes on"))


def test_an_overview_that_fails_once_is_all_that_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Outcome
) -> None:
    faulty = raising(OverviewPicture.update, ValueError("no ink"), once(2))
    monkeypatch.setattr(OverviewPicture, "update", faulty)
    outcome = fit(tmp_path, Conv1dFilterMonitor())
    assert_only_lost(outcome, healthy, {"filters/overview": {8}})
    assert len(outcome.told) == 1
    assert all(word in outcome.told[0] for word in ("the overview", "no ink", "training goes on"))


def test_pictures_that_always_fail_are_told_once_a_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Outcome
) -> None:
    def here(kind: Kind, *rest: Any) -> bool:
        return kind.name in ("taps", "drift")

    monkeypatch.setattr(Kind, "update", raising(Kind.update, MemoryError("no ink"), here))
    outcome = fit(tmp_path, Conv1dFilterMonitor())
    lost = {f"filters/{layer}/{kind}": set(STEPS) for layer in ("conv1", "conv2") for kind in ("taps", "drift")}
    assert_only_lost(outcome, healthy, lost)
    assert [[kind in told for kind in ("taps image", "drift image")] for told in outcome.told] == [
        [True, False],
        [False, True],
    ]


@pytest.mark.parametrize(
    ("owner", "name", "number"), [(Image.Image, "save", 1), (FigureCanvasAgg, "draw", 1), (FigureCanvasAgg, "draw", 2)]
)
def test_an_image_that_cannot_be_rendered_or_encoded_is_all_that_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Outcome, owner: Any, name: str, number: int
) -> None:
    monkeypatch.setattr(owner, name, raising(getattr(owner, name), OSError("no canvas"), once(number)))
    outcome = fit(tmp_path, Conv1dFilterMonitor())
    kind = ("taps", "response")[number - 1]
    assert_only_lost(outcome, healthy, {f"filters/conv1/{kind}": {0}})
    assert len(outcome.told) == 1
    assert f"the {kind} image of conv1 (OSError: no canvas)" in outcome.told[0]


LOST_VALUES = {
    # refused value: its name in the warning
    "weights": "the numbers of conv1",
    "rms": "the numbers of conv1",
    "redundancy": "the matrix measures of conv1",
    "evolution": "the evolution image of conv1",
}


def refuse(monkeypatch: pytest.MonkeyPatch, tag: str, step: int) -> None:
    def here(writer: Any, event: Any, global_step: Any = None, walltime: Any = None) -> bool:
        return global_step == step and any(value.tag == tag for value in event.summary.value)

    monkeypatch.setattr(FileWriter, "add_event", raising(FileWriter.add_event, OSError("refused"), here))


@pytest.mark.parametrize("kind", LOST_VALUES)
def test_a_value_that_is_refused_is_all_that_is_lost_though_others_share_its_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Outcome, kind: str
) -> None:
    refuse(monkeypatch, f"filters/conv1/{kind}", 8)
    outcome = fit(tmp_path, Conv1dFilterMonitor())
    assert_only_lost(outcome, healthy, {f"filters/conv1/{kind}": {8}})
    assert len(outcome.told) == 1
    assert LOST_VALUES[kind] in outcome.told[0]


def test_a_table_that_is_refused_is_tried_again_at_the_next_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "filters/layers", 0)
    outcome = fit(tmp_path, Conv1dFilterMonitor(plots=()))
    assert outcome.logged.steps("filters/layers") == [4]
    assert len(outcome.told) == 1
    assert "the table of layers" in outcome.told[0]


def test_numbers_that_cannot_be_computed_cost_their_layer_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Outcome
) -> None:
    def here(weights: Any, *rest: Any) -> bool:
        return weights.shape == (6, 1, 9)

    monkeypatch.setattr(metrics, "rms", raising(metrics.rms, ArithmeticError("no sense"), here))
    outcome = fit(tmp_path, Conv1dFilterMonitor(plots=()))
    assert_same_training(outcome, healthy)
    for kind in ("weights", "rotation", "rms"):
        assert outcome.logged.steps(f"filters/conv2/{kind}") == STEPS
    assert outcome.logged.steps("filters/layers") == [0]
    assert len(outcome.told) == 1
    assert all(word in outcome.told[0] for word in ("conv1", "no sense"))
