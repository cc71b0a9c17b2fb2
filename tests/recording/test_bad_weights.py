"""Weights as they should not be: NaN, Inf, zeros, single taps, single filters, none at all. Nothing ends a fit."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from filterscope import Conv1dFilterMonitor, FilterBank
from filterscope.plots import kinds
from filterscope.plots.taps import TapsPicture
from tests.support.events import Logged
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.pictures import assert_shows, pixels_of

AMBER = (255, 196, 77)


class SetWeights(pl.Callback):
    """Writes the weights of ``conv1`` at the end of every epoch; stands before the monitor."""

    def __init__(self, weights: Callable[[int], Tensor | None]) -> None:
        self.weights = weights

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        new = self.weights(trainer.current_epoch + 1)
        if new is not None:
            with torch.no_grad():
                pl_module.conv1.weight.copy_(new)


def fit(tmp_path: Path, *callbacks: pl.Callback, model: Any = None, **options: Any) -> tuple[Logged, list[str]]:
    """A fit read back, and every warning that is not about Lightning itself."""
    pl.seed_everything(3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_trainer(tmp_path, *callbacks, **options).fit(SmallNet() if model is None else model, loader())
    told = [str(each.message) for each in caught]
    lightnings = ("treespec", "number of training batches", "available but not used", "many workers")
    return Logged(tmp_path), [words for words in told if not any(each in words for each in lightnings)]


def ramp() -> Tensor:
    """Six filters of nine taps: 0.01, 0.02, ... 0.54."""
    return torch.arange(1.0, 55.0).reshape(6, 1, 9) / 100


def amber(image: np.ndarray) -> int:
    return int((np.abs(image.astype(int) - AMBER).max(axis=2) <= 2).sum())


def values(logged: Logged, kind: str, layer: str = "conv1") -> dict[int, float]:
    return dict(logged.scalars.get(f"filters/{layer}/{kind}", []))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.pictures
def test_non_finite_weights_are_counted_left_out_and_shown_in_amber(tmp_path: Path, bad: float) -> None:
    def poison(epoch: int) -> Tensor | None:
        weights = ramp()
        if epoch == 2:
            weights[2, 0, 3:5] = bad
        return weights

    logged, told = fit(tmp_path, SetWeights(poison), Conv1dFilterMonitor(layers="conv1"), max_epochs=4)
    assert told == []
    assert values(logged, "nonfinite") == {8: 2, 12: 0, 16: 0}  # from the first time that it is not 0
    _, rows = logged.histograms["filters/conv1/weights"][2]
    assert rows[:, 2].sum() == 52
    assert [rows[0, 0], rows[-1, 1]] == pytest.approx([0.01, 0.54], abs=1e-7)
    assert np.isfinite(rows).all()
    for kind in ("rotation", "rms", "change", "redundancy", "effective_rank", "dead"):
        assert all(math.isfinite(value) for value in values(logged, kind).values()), kind
    assert 8 not in values(logged, "rms")
    assert 8 not in values(logged, "rotation")
    assert values(logged, "rms")[12] == pytest.approx(float(ramp().square().mean().sqrt()), rel=1e-5)
    assert values(logged, "change").get(12) is None  # there is nothing to measure from
    assert values(logged, "change")[16] == 0
    for kind in ("taps", "drift"):
        images = dict(logged.images[f"filters/conv1/{kind}"])
        assert amber(images[8]) > 200, kind
        assert amber(images[4]) == 0, kind
    assert amber(dict(logged.images["filters/conv1/taps"])[16]) == 0
    assert amber(dict(logged.images["filters/conv1/drift"])[16]) > 200  # the epoch that was broken stays visible
    assert amber(dict(logged.images["filters/conv1/evolution"])[16]) > 20
    assert logged.steps("filters/conv1/response") == [0, 4, 8, 12, 16]


@pytest.mark.pictures
def test_a_model_that_diverges_altogether_ends_its_fit_without_a_word(tmp_path: Path) -> None:
    model = SmallNet(lr=1e30)
    logged, told = fit(tmp_path, Conv1dFilterMonitor(), model=model, max_epochs=3)
    assert told == []
    assert not torch.isfinite(model.conv1.weight).any()
    assert values(logged, "nonfinite") == {4: 54, 8: 54, 12: 54}
    assert logged.steps("filters/conv1/weights") == [0]  # no finite weight, no histogram
    assert logged.steps("filters/conv1/rms") == [0]
    assert logged.steps("filters/conv1/taps") == [0, 4, 8, 12]
    assert amber(logged.images["filters/conv1/taps"][-1][1]) > 10_000


@pytest.mark.pictures
def test_dead_filters_are_counted_and_drawn(tmp_path: Path) -> None:
    weights = ramp()
    weights[1], weights[4] = 0, 1e-4  # zero, and far below a hundredth of the median norm
    logged, told = fit(tmp_path, SetWeights(lambda _: weights), Conv1dFilterMonitor(layers="conv1"), max_epochs=1)
    assert told == []
    assert values(logged, "dead") == {0: 0, 4: pytest.approx(2 / 6)}
    grey = (logged.images["filters/conv1/taps"][1][1] == (0xE3, 0xE6, 0xEA)).all(axis=2).sum()
    assert grey > 2000


def test_a_layer_that_goes_to_zero_altogether(tmp_path: Path) -> None:
    model = SmallNet(lr=0)
    logged, told = fit(
        tmp_path, SetWeights(lambda _: torch.zeros(6, 1, 9)), Conv1dFilterMonitor(), model=model, max_epochs=2
    )
    assert told == []
    assert values(logged, "dead") == {0: 0, 4: 1, 8: 1}
    assert values(logged, "rms")[8] == 0
    assert values(logged, "change") == {4: 1}  # all of it went at once; from zero no relative step is defined
    assert list(values(logged, "rotation")) == [0]
    assert list(values(logged, "redundancy")) == list(values(logged, "effective_rank")) == [0]
    assert [rows[:, 2].sum() for _, rows in logged.histograms["filters/conv1/weights"]] == [54, 54, 54]
    assert logged.steps("filters/conv1/response") == logged.steps("filters/conv1/taps") == [0, 4, 8]


@pytest.mark.pictures
def test_a_layer_that_starts_at_zero_is_measured_from_its_first_weights(tmp_path: Path) -> None:
    model = SmallNet(lr=0)
    nn.init.zeros_(model.conv1.weight)
    moved = ramp().flip(2)
    weights = {1: torch.zeros(6, 1, 9), 2: ramp(), 3: moved}
    logged, told = fit(tmp_path, SetWeights(weights.get), Conv1dFilterMonitor(layers="conv1"), model=model)
    assert told == []
    first, last = ramp().double(), moved.double()
    turned = 1 - float((first * last).sum() / first.square().sum())
    assert values(logged, "rotation") == {8: pytest.approx(0, abs=1e-7), 12: pytest.approx(turned, rel=1e-4)}
    assert values(logged, "dead") == {0: 1, 4: 1, 8: 0, 12: 0}
    assert 8 not in values(logged, "change")
    initial = FilterBank("conv1", ramp().numpy(), epoch=2)
    picture = TapsPicture(FilterBank("conv1", moved.numpy()), initial)
    picture.update(FilterBank("conv1", moved.numpy()), "final, epoch 3")
    assert_shows(logged.images["filters/conv1/taps"][-1][1], pixels_of(picture.sheet))


class Pointwise(SmallNet):
    """A one-tap kernel, and a layer of a single filter."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, 6, 1)
        self.conv2 = nn.Conv1d(6, 1, 3, padding=1)
        self.head = nn.Linear(1, 2)


def test_one_tap_kernels_asked_for_by_glob_get_what_makes_sense_for_them(tmp_path: Path) -> None:
    logged, told = fit(tmp_path, Conv1dFilterMonitor(layers="*"), model=Pointwise(), max_epochs=1)
    assert told == []
    logged_kinds = {tag.removeprefix("filters/conv1/") for tag in logged.tags("filters/conv1/")}
    numbers = {"weights", "rotation", "rms", "dead", "change", "redundancy", "effective_rank"}
    assert logged_kinds == numbers | {name for name in kinds.LAYER_NAMES if kinds.kind(name).suits(taps=1, snapshots=2)}
    assert logged_kinds.isdisjoint({"response", "evolution"})
    assert logged.steps("filters/conv1/taps") == [0, 4]
    assert values(logged, "redundancy") == {0: pytest.approx(1, abs=1e-6), 4: pytest.approx(1, abs=1e-6)}
    assert values(logged, "effective_rank") == {0: pytest.approx(1), 4: pytest.approx(1)}


def test_one_tap_kernels_are_left_alone_by_default(tmp_path: Path) -> None:
    logged, told = fit(tmp_path, Conv1dFilterMonitor(plots=()), model=Pointwise(), max_epochs=1)
    assert told == []
    assert {tag.split("/")[1] for tag in logged.tags()} == {"conv2", "layers"}


def test_a_layer_of_one_filter_has_no_redundancy_and_every_picture(tmp_path: Path) -> None:
    logged, told = fit(tmp_path, Conv1dFilterMonitor(), model=Pointwise(), max_epochs=1)
    assert told == []
    assert "filters/conv2/redundancy" not in logged.tags()
    assert values(logged, "effective_rank", "conv2") == {0: pytest.approx(1), 4: pytest.approx(1)}
    assert values(logged, "dead", "conv2") == {0: 0, 4: 0}
    assert logged.steps("filters/conv2/evolution") == logged.steps("filters/conv2/drift") == [4]


class Dense(SmallNet):
    """No 1-D filters at all."""

    def __init__(self) -> None:
        super().__init__()
        del self.conv1, self.conv2
        self.head = nn.Linear(64, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x[:, 0])


class OnlyPointwise(Dense):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv1d(1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.mix(x))


@pytest.mark.parametrize(("model", "layers"), [(Dense, None), (Dense, "conv*"), (OnlyPointwise, None)])
def test_a_model_without_filters_trains_with_one_warning(tmp_path: Path, model: Any, layers: str | None) -> None:
    logged, told = fit(tmp_path, Conv1dFilterMonitor(layers=layers), model=model(), max_epochs=2)
    assert len(told) == 1
    assert "no 1-D filters" in told[0]
    assert model.__name__ in told[0]
    assert ("layers='*'" in told[0]) is (model is OnlyPointwise)
    assert logged.tags() == set()


@pytest.mark.parametrize("scale", [1e30, 1e-30, 1e-42])
def test_extreme_magnitudes_are_logged_in_full(tmp_path: Path, scale: float) -> None:
    weights = ramp() * scale
    logged, told = fit(
        tmp_path, SetWeights(lambda _: weights), Conv1dFilterMonitor(layers="conv1"), model=SmallNet(lr=0), max_epochs=2
    )
    assert told == []
    exact = weights.double().square().mean().sqrt().item()
    sizes = values(logged, "rms")
    assert [sizes[4], sizes[8]] == pytest.approx([exact, exact], rel=1e-4)
    for _, rows in logged.histograms["filters/conv1/weights"]:
        assert rows[:, 2].sum() == 54
    for kind in kinds.LAYER_NAMES:
        assert logged.steps(f"filters/conv1/{kind}")[-2:] == [4, 8], kind
