"""Layers that come, go or change in mid-fit: training goes on to the last bit, and what is there is logged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn

from filterscope import Conv1dFilterMonitor, load_history
from tests.support.events import Logged
from tests.support.faults import STEPS, At, assert_same_training, fit
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.weights import Weights, rotation

pytestmark = pytest.mark.pictures


def replace(name: str, make: Callable[[], nn.Module]) -> Callable[[Any, Any], None]:
    """Surgery: another module in the place of one, trained on."""

    def act(trainer: Any, model: Any) -> None:
        setattr(model, name, make())
        trainer.optimizers = [model.configure_optimizers()]

    return act


SURGERY: dict[str, tuple[Callable[[Any, Any], None], list[int], list[int]]] = {
    # what is done to the model after the first epoch, and then the steps of conv2 and of conv3
    "removed": (
        replace("conv2", lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.Unflatten(1, (4, 2)))),
        [0, 4],
        [],
    ),
    "renamed": (replace("conv2", lambda: nn.Sequential(nn.Conv1d(6, 4, 3, padding=1))), [0, 4], []),
    "added": (replace("conv3", lambda: nn.Conv1d(1, 2, 5)), STEPS, [8, 12]),
    "resized": (replace("conv2", lambda: nn.Conv1d(6, 4, 5, padding=2)), STEPS, []),
}


@pytest.mark.parametrize("name", SURGERY)
def test_layers_that_come_go_or_change_in_mid_fit(tmp_path: Path, name: str) -> None:
    operate, conv2, conv3 = SURGERY[name]
    outcome = fit(tmp_path / "run", At(1, operate), Conv1dFilterMonitor(plots=("taps", "evolution", "drift")))
    assert_same_training(outcome, fit(tmp_path / "plain", At(1, operate)))
    logged = outcome.logged
    gone = name in ("removed", "renamed")
    assert outcome.told == (["filterscope no longer finds layer 'conv2': its record stops here"] if gone else [])
    assert logged.steps("filters/conv1/rms") == logged.steps("filters/conv1/taps") == STEPS
    assert logged.steps("filters/conv2/rms") == logged.steps("filters/conv2/taps") == conv2
    assert logged.steps("filters/conv3/rms") == logged.steps("filters/conv3/taps") == conv3
    assert logged.steps("filters/conv2.0/rms") == ([8, 12] if name == "renamed" else [])
    if name == "resized":  # a new history begins
        rotation = dict(logged.scalars["filters/conv2/rotation"])
        assert rotation[4] > 1e-5
        assert rotation[8] == pytest.approx(0, abs=1e-7)
        assert rotation[12] > 1e-5
        assert logged.steps("filters/conv2/change") == [4, 12]
        assert logged.steps("filters/conv2/drift") == logged.steps("filters/conv2/evolution") == [4, 12]
        assert logged.histograms["filters/conv2/weights"][2][1][:, 2].sum() == 6 * 4 * 5


def test_a_pattern_that_matches_nothing_any_more_ends_nothing(tmp_path: Path) -> None:
    operate = SURGERY["renamed"][0]
    outcome = fit(tmp_path / "run", At(1, operate), Conv1dFilterMonitor(layers="conv2", sample_rate={"conv2": 9.0}))
    assert_same_training(outcome, fit(tmp_path / "plain", At(1, operate)))
    assert outcome.logged.steps("filters/conv2/rms") == outcome.logged.steps("filters/conv2/taps") == [0, 4]
    assert not [tag for tag in outcome.logged.tags() if "conv1" in tag]
    assert outcome.told == ["filterscope no longer finds layer 'conv2': its record stops here"]


def test_each_of_several_layers_that_go_is_named_once(tmp_path: Path) -> None:
    class Wandering(SmallNet):
        def __init__(self) -> None:
            super().__init__()
            self.extra = nn.ModuleDict({name: nn.Conv1d(1, 2, 3) for name in "abc"})

    def swap(gone: str) -> Callable[[Any, Any], None]:
        def act(trainer: Any, model: Any) -> None:
            model.extra = nn.ModuleDict({name: nn.Conv1d(1, 2, 3) for name in "abc" if name not in gone})

        return act

    swaps = [At(epoch, swap(gone)) for epoch, gone in ((1, "ab"), (2, "a"))]
    outcome = fit(tmp_path, *swaps, Conv1dFilterMonitor(plots=()), make=Wandering)
    assert outcome.told == [
        f"filterscope no longer finds layer 'extra.{name}': its record stops here" for name in ("a", "b")
    ]
    steps = [outcome.logged.steps(f"filters/extra.{name}/rms") for name in "abc"]
    assert steps == [[0, 4], [0, 4, 12], STEPS]


def test_a_layer_resized_before_a_resume_is_measured_from_its_first_filters_of_that_size(tmp_path: Path) -> None:
    first, second = Weights("conv2"), Weights("conv2")
    saver = ModelCheckpoint(dirpath=tmp_path, filename="{step}", save_on_train_epoch_end=True)
    resize = At(1, SURGERY["resized"][0])
    trainer = make_trainer(
        tmp_path / "first", resize, first, Conv1dFilterMonitor(), saver, max_epochs=3, enable_checkpointing=True
    )
    trainer.fit(SmallNet(), loader())
    model = SmallNet()
    model.conv2 = nn.Conv1d(6, 4, 5, padding=2)
    resumed = make_trainer(tmp_path / "second", second, Conv1dFilterMonitor(), max_epochs=4)
    resumed.fit(model, loader(), ckpt_path=tmp_path / "step=12.ckpt")
    wanted = rotation(second.at[16], first.at[8])
    assert Logged(tmp_path / "second").scalars["filters/conv2/rotation"] == [(16, pytest.approx(wanted, abs=2e-7))]
    history = load_history(tmp_path / "second")["conv2"]
    assert history.reference.weights.shape == (4, 6, 5)
    np.testing.assert_array_equal(history.reference.weights, first.at[8])
