"""What a fit logs, when, and where: read back from the event files of real fits."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from torch import Tensor, nn

from filterscope import Conv1dFilterMonitor, FilterBank, load_history
from filterscope.plots import kinds
from filterscope.plots.taps import TapsPicture
from tests.support.events import Logged
from tests.support.nets import SmallNet, TwoOptimizers, loader, make_trainer
from tests.support.pictures import assert_shows, pixels_of
from tests.support.weights import Weights

SNAPSHOT_KINDS = {"weights", "rotation", "rms", "dead"}
MATRIX_KINDS = {"redundancy", "effective_rank"}


class Averaging(pl.Callback):
    """Copies other weights into the model at the end of training, as averaging callbacks do."""

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        with torch.no_grad():
            pl_module.conv2.weight.copy_(torch.arange(72.0).reshape(4, 6, 3) / 72 - 0.4)


class StopAt(pl.Callback):
    """Asks the Trainer to stop after a number of batches."""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        trainer.should_stop = trainer.global_step >= self.batches


def fit(tmp_path: Path, *callbacks: pl.Callback, model: Any = None, **options: Any) -> Logged:
    pl.seed_everything(3)
    make_trainer(tmp_path, *callbacks, **options).fit(SmallNet() if model is None else model, loader())
    return Logged(tmp_path)


def drawn(layer: str, initial: np.ndarray, now: np.ndarray, moment: str) -> np.ndarray:
    """The pixels that the ``taps`` image of these weights must have."""
    picture = TapsPicture(FilterBank(layer, now), FilterBank(layer, initial, epoch=0))
    picture.update(FilterBank(layer, now), moment)
    return pixels_of(picture.sheet)


SCHEDULES: list[tuple[int, dict[str, Any], Sequence[int], Sequence[int]]] = [
    # epochs, arguments, epochs of snapshots, epochs of images
    (1, {}, [0, 1], [0, 1]),
    (2, {}, range(3), [0, 1, 2]),
    (20, {"plots": ("evolution",)}, range(21), [0, 1, 2, 3, 4, 7, 9, 14, 20]),
    (1, {"every_n_epochs": 3, "plots": ("evolution",)}, [0, 1], [0, 1]),
    (3, {"every_n_epochs": 3, "plots": ("taps",)}, [0, 3], [0, 3]),
    (20, {"every_n_epochs": 3, "plots": ("taps",)}, [0, 3, 6, 9, 12, 15, 18, 20], [0, 3, 6, 9, 12, 18, 20]),
    (3, {"every_n_epochs": 7, "plots": ("taps",)}, [0, 3], [0, 3]),
    (20, {"every_n_epochs": 7, "plots": ("drift",)}, [0, 7, 14, 20], [0, 7, 14, 20]),
    (5, {"plot_every_n_epochs": 2, "plots": ("drift", "taps")}, range(6), [0, 2, 4, 5]),
    (7, {"every_n_epochs": 3, "plot_every_n_epochs": 2, "plots": ("taps",)}, [0, 3, 6, 7], [0, 3, 6, 7]),
    (4, {"plots": ()}, range(5), [0, 1, 2, 3, 4]),
    (3, {"plots": ("drift",)}, range(4), [0, 1, 2, 3]),
    (2, {"plots": ["response", "taps"]}, range(3), [0, 1, 2]),
]


@pytest.mark.parametrize(("epochs", "arguments", "snapshots", "images"), SCHEDULES)
def test_every_kind_is_logged_at_its_epochs_and_nothing_else_is(
    tmp_path: Path, epochs: int, arguments: dict[str, Any], snapshots: Sequence[int], images: Sequence[int]
) -> None:
    logged = fit(tmp_path, Conv1dFilterMonitor(**arguments), max_epochs=epochs)
    plots = arguments.get("plots", kinds.NAMES)
    steps = [4 * epoch for epoch in snapshots]
    drawn_at = [4 * epoch for epoch in images]
    expected = {"filters/layers": [0]} | ({"filters/overview": drawn_at[1:]} if kinds.OVERVIEW in plots else {})
    for layer, taps in (("conv1", 9), ("conv2", 3)):
        expected |= {f"filters/{layer}/{kind}": steps for kind in SNAPSHOT_KINDS}
        expected |= {f"filters/{layer}/{kind}": drawn_at for kind in MATRIX_KINDS}
        expected[f"filters/{layer}/change"] = steps[1:]
        for kind in set(plots) - {kinds.OVERVIEW}:
            picture = kinds.kind(kind)
            if picture.suits(taps, snapshots=2):
                expected[f"filters/{layer}/{kind}"] = drawn_at if picture.row is None else drawn_at[1:]
    assert {tag: logged.steps(tag) for tag in logged.tags()} == expected


def test_a_long_fit_logs_exactly_the_ten_images_that_tensorboard_shows(tmp_path: Path) -> None:
    monitor = Conv1dFilterMonitor(layers="conv2", plots=("taps", "drift"))
    logged = fit(tmp_path, monitor, Averaging(), max_epochs=100, limit_train_batches=1)
    assert logged.steps("filters/conv2/taps") == [0, 1, 2, 3, 6, 10, 18, 32, 56, 101]
    assert logged.steps("filters/conv2/drift") == [1, 2, 3, 6, 10, 18, 32, 56, 101]
    assert logged.steps("filters/conv2/rms") == list(range(102))


def test_scalars_are_those_of_the_weights_at_each_epochs_end(tmp_path: Path) -> None:
    probes = Weights("conv1"), Weights("conv2")
    logged = fit(tmp_path, Conv1dFilterMonitor(plots=()), *probes)
    for probe in probes:
        w = [probe.by_epoch[epoch].astype(np.float64) for epoch in range(4)]
        assert not np.array_equal(w[0], w[1])
        cosine = [(x * w[0]).sum() / np.sqrt((x**2).sum() * (w[0] ** 2).sum()) for x in w]
        size = [np.sqrt((x**2).sum(axis=(1, 2))) for x in w]
        wanted = {
            "rotation": [1 - c for c in cosine],
            "rms": [np.sqrt((x**2).mean()) for x in w],
            "dead": [(s < 0.01 * np.median(s)).mean() for s in size],
            "change": [np.linalg.norm(b - a) / np.linalg.norm(a) for a, b in pairwise(w)],
        }
        for kind, values in wanted.items():
            got = [value for _, value in logged.scalars[f"filters/{probe.layer}/{kind}"]]
            assert got == pytest.approx(values, rel=1e-5, abs=2e-7), (probe.layer, kind)


def test_matrix_measures_are_those_of_the_weights_at_milestones(tmp_path: Path) -> None:
    probe = Weights("conv1")
    logged = fit(tmp_path, Conv1dFilterMonitor(plots=()), probe, max_epochs=1)
    for row, epoch in enumerate((0, 1)):
        matrix = probe.by_epoch[epoch].reshape(6, 9).astype(np.float64)
        unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
        cosine = np.abs(unit @ unit.T) - np.eye(6)
        sigma = np.linalg.svd(matrix, compute_uv=False)
        share = sigma / sigma.sum()
        rank = np.exp(-(share * np.log(share)).sum())
        assert logged.scalars["filters/conv1/redundancy"][row][1] == pytest.approx(cosine.max(axis=1).mean(), rel=1e-5)
        assert logged.scalars["filters/conv1/effective_rank"][row][1] == pytest.approx(rank, rel=1e-5)


def test_histograms_hold_every_weight_between_the_true_extremes(tmp_path: Path) -> None:
    probes = Weights("conv1"), Weights("conv2")
    logged = fit(tmp_path, Conv1dFilterMonitor(plots=(), max_filters=2), *probes)
    for probe, count in zip(probes, (54, 72), strict=True):  # the whole layer, whatever max_filters is
        for epoch, (_, rows) in enumerate(logged.histograms[f"filters/{probe.layer}/weights"]):
            weights = probe.by_epoch[epoch]
            left, right, counts = rows.T
            assert counts.sum() == count == weights.size
            assert left[0] == pytest.approx(weights.min(), abs=1e-9)
            assert right[-1] == pytest.approx(weights.max(), abs=1e-9)
            assert 30 <= len(rows) <= 64
            np.testing.assert_allclose(right - left, (right[-1] - left[0]) / len(rows))
            edge = left[len(rows) // 2]
            assert counts[: len(rows) // 2].sum() == pytest.approx((weights < edge).sum(), abs=1)


@pytest.mark.pictures
def test_images_are_of_canvas_size_and_tell_epochs_apart(tmp_path: Path) -> None:
    logged = fit(tmp_path, Conv1dFilterMonitor(), max_epochs=2)
    layers = {"conv1": 9, "conv2": 3}
    wanted = {
        (layer, name) for layer in layers for name in kinds.LAYER_NAMES if kinds.kind(name).suits(layers[layer], 3)
    }
    assert set(logged.images) == {"filters/overview", *(f"filters/{layer}/{name}" for layer, name in wanted)}
    for tag, images in logged.images.items():
        for _, pixels in images:
            assert pixels.shape == (430, 900, 3), tag
            assert tuple(pixels[0, 0]) == (255, 255, 255), tag
            assert (pixels < 128).any(axis=2).sum() > 500, tag
        for (_, before), (_, after) in pairwise(images):
            assert (before != after).any(axis=2).sum() > 300, tag


@pytest.mark.pictures
def test_the_last_image_off_the_cadence_shows_the_final_weights_and_says_so(tmp_path: Path) -> None:
    probe = Weights("conv2")
    logged = fit(tmp_path, probe, Conv1dFilterMonitor(every_n_epochs=2, plots=("taps",)), max_epochs=3)
    images = logged.images["filters/conv2/taps"]
    assert [step for step, _ in images] == [0, 8, 12]
    for (_, pixels), epoch, moment in zip(images, (0, 2, 3), ("initial", "epoch 2", "final, epoch 3"), strict=True):
        wanted = drawn("conv2", probe.by_epoch[0], probe.by_epoch[epoch], moment)
        assert_shows(pixels, wanted)


def test_the_initial_weights_are_those_before_the_first_update(tmp_path: Path) -> None:
    pl.seed_everything(5)
    model = SmallNet()
    initial = model.conv1.weight.detach().numpy().copy()
    make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), max_epochs=1).fit(model, loader())
    logged = Logged(tmp_path)
    assert logged.scalars["filters/conv1/rms"][0] == (0, pytest.approx(np.sqrt((initial**2).mean()), rel=1e-6))
    assert logged.scalars["filters/conv1/rotation"][0] == (0, pytest.approx(0, abs=1e-7))
    assert logged.scalars["filters/conv1/rotation"][1][1] > 1e-4
    final = model.conv1.weight.detach().numpy()
    _, rows = logged.histograms["filters/conv1/weights"][1]
    assert [rows[0, 0], rows[-1, 1]] == pytest.approx([final.min(), final.max()], abs=1e-9)


@pytest.mark.parametrize("averaging_first", [True, False])
@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.pictures
def test_weights_copied_in_at_the_end_of_training_are_the_final_ones(
    tmp_path: Path, averaging_first: bool, every: int
) -> None:
    probe = Weights("conv2")
    monitor = Conv1dFilterMonitor(every_n_epochs=every, layers="conv2", plots=("taps", "drift"))
    callbacks = [Averaging(), monitor] if averaging_first else [monitor, Averaging()]
    logged = fit(tmp_path, probe, *callbacks, max_epochs=3)
    averaged = np.arange(72, dtype=np.float32).reshape(4, 6, 3) / 72 - 0.4
    np.testing.assert_allclose(probe.final, averaged, atol=1e-6)
    # Off the cadence the averaged weights are all that was read of the last epoch: one snapshot, at its own step.
    assert logged.steps("filters/conv2/rms") == ([0, 4, 8, 12, 13] if every == 1 else [0, 8, 12])
    assert logged.steps("filters/conv2/taps") == ([0, 4, 8, 13] if every == 1 else [0, 8, 12])
    rms = float(np.sqrt((averaged.astype(np.float64) ** 2).mean()))
    assert logged.scalars["filters/conv2/rms"][-1][1] == pytest.approx(rms, rel=1e-6)
    wanted = drawn("conv2", probe.by_epoch[0], probe.final, "final, epoch 3")
    assert_shows(logged.images["filters/conv2/taps"][-1][1], wanted)


@pytest.mark.parametrize(
    ("options", "stop", "snapshots", "images"),
    [
        ({"max_epochs": -1, "max_steps": 10}, None, [0, 4, 8, 10], [0, 4, 8, 10]),
        ({"max_epochs": -1}, 22, [0, 4, 8, 12, 16, 20, 22], [0, 4, 16, 22]),
        ({"max_epochs": 20}, 22, [0, 4, 8, 12, 16, 20, 22], [0, 4, 8, 12, 16, 22]),
        ({"max_epochs": 2, "limit_train_batches": 3, "accumulate_grad_batches": 2}, None, [0, 2, 4], [0, 2, 4]),
        (
            {"max_epochs": -1, "max_steps": 40, "limit_train_batches": 3, "accumulate_grad_batches": 2},
            None,
            [*range(0, 41, 2)],
            [0, 2, 4, 6, 8, 14, 18, 28, 40],
        ),
    ],
)
@pytest.mark.pictures
def test_a_fit_that_ends_elsewhere_still_ends_with_an_image_of_its_last_weights(
    tmp_path: Path, options: dict[str, Any], stop: int | None, snapshots: list[int], images: list[int]
) -> None:
    probe = Weights("conv2")
    stoppers = [] if stop is None else [StopAt(stop)]
    logged = fit(tmp_path, probe, Conv1dFilterMonitor(layers="conv2", plots=("taps",)), *stoppers, **options)
    assert logged.steps("filters/conv2/rms") == snapshots
    assert logged.steps("filters/conv2/taps") == images
    moment = f"final, epoch {len(snapshots) - 1}"
    wanted = drawn("conv2", probe.by_epoch[0], probe.final, moment)
    assert_shows(logged.images["filters/conv2/taps"][-1][1], wanted)


class Plateau(SmallNet):
    """Logs a metric that never improves."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.log("flat", 1.0, on_epoch=True, on_step=False)
        return super().training_step(batch, batch_idx)


def test_early_stopping_ends_with_an_image_of_the_last_snapshot(tmp_path: Path) -> None:
    stopper = EarlyStopping("flat", patience=4, check_on_train_epoch_end=True)
    logged = fit(tmp_path, stopper, Conv1dFilterMonitor(plots=("taps",)), model=Plateau(), max_epochs=100)
    assert logged.steps("filters/conv1/rms") == [0, 4, 8, 12, 16, 20]
    assert logged.steps("filters/conv1/taps") == [0, 4, 8, 12, 20]


def test_steps_count_batches_whatever_the_number_of_optimisers(tmp_path: Path) -> None:
    logged = fit(tmp_path, Conv1dFilterMonitor(plots=()), model=TwoOptimizers(), max_epochs=2)
    assert logged.steps("filters/conv1/rms") == [0, 4, 8]


@pytest.mark.parametrize(
    ("layers", "chosen"), [("conv1", {"conv1"}), ("*2", {"conv2"}), (["conv2", "*1"], {"conv1", "conv2"})]
)
def test_globs_choose_layers(tmp_path: Path, layers: Any, chosen: set[str]) -> None:
    logged = fit(tmp_path, Conv1dFilterMonitor(layers=layers, plots=()), max_epochs=1)
    assert {tag.split("/")[1] for tag in logged.tags()} == chosen | {"layers"}


@pytest.mark.parametrize("argument", [{"layers": ["conv1", "stem*"]}, {"sample_rate": {"stem*": 100.0}}])
def test_a_glob_that_matches_nothing_fails_before_training_and_lists_the_layers(
    tmp_path: Path, argument: dict[str, Any]
) -> None:
    model = SmallNet()
    before = model.conv1.weight.detach().clone()
    with pytest.raises(ValueError, match=rf"{next(iter(argument))}=.* no layer matches 'stem\*'; .*: conv1, conv2$"):
        fit(tmp_path, Conv1dFilterMonitor(**argument), model=model)
    assert torch.equal(model.conv1.weight, before)


class Electrodes(SmallNet):
    """A layer along time and one along nine electrodes, before the others."""

    def __init__(self) -> None:
        super().__init__()
        self.temporal = nn.Conv2d(1, 3, (1, 9), padding=(0, 4))
        self.spatial = nn.Conv2d(3, 1, (9, 1))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.spatial(self.temporal(x.repeat(1, 9, 1)[:, None]))[:, 0])


@pytest.mark.parametrize(
    ("rate", "rates"),
    [(None, [None, None]), (64.0, [64.0, None]), ({"spatial": 100.0}, [None, 100.0])],
)
def test_a_conv2d_has_a_response_along_time_and_never_along_electrodes(
    tmp_path: Path, rate: Any, rates: list[float | None]
) -> None:
    monitor = Conv1dFilterMonitor(sample_rate=rate, plots=("response",))
    logged = fit(tmp_path, monitor, model=Electrodes(), max_epochs=1)
    assert {*logged.images} == {"filters/temporal/response", "filters/conv1/response"}
    histories = load_history(tmp_path)
    assert [histories[name][-1].sample_rate for name in ("temporal", "spatial")] == rates
    assert [histories[name][-1].in_time for name in ("temporal", "spatial", "conv1")] == [True, False, True]
    assert logged.steps("filters/conv1/response") == [0, 4]
    assert logged.histograms["filters/spatial/weights"][0][1][:, 2].sum() == 27
