"""What a fit recorded comes back: the model's weights at every epoch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from filterscope import load_history
from tests.support.averaging import ema
from tests.support.histories import Edit, check, fit, halved, quiet_load
from tests.support.nets import OneLayer, SmallNet, loader


def grouped() -> Any:
    return nn.Conv1d(3, 6, 5, stride=2, dilation=3, groups=3)


FORMS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "plain": (lambda: nn.Conv1d(3, 5, 9), {}),
    "transposed": (lambda: nn.ConvTranspose1d(3, 5, 9, stride=2), {"stride": 2, "transposed": True}),
    "row of a Conv2d": (lambda: nn.Conv2d(3, 5, (1, 9), stride=(1, 3), dilation=(1, 2)), {"stride": 3, "dilation": 2}),
    "column of a Conv2d": (lambda: nn.Conv2d(3, 5, (9, 1)), {}),
    "complex": (lambda: nn.Conv1d(3, 5, 9, dtype=torch.complex64), {}),
    "complex transposed": (lambda: nn.ConvTranspose1d(3, 5, 9, dtype=torch.complex64), {"transposed": True}),
    "bfloat16": (lambda: nn.Conv1d(3, 5, 9).bfloat16(), {}),
    "float16": (lambda: nn.Conv1d(3, 5, 9).half(), {}),
    "float64": (lambda: nn.Conv1d(3, 5, 9).double(), {}),
    "depthwise": (lambda: nn.Sequential(grouped(), nn.Conv1d(6, 5, 1)), {"stride": 2, "dilation": 3, "groups": 3}),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_weights_of_every_epoch_come_back(tmp_path: Path, form: str) -> None:
    make, known = FORMS[form]
    pl.seed_everything(3)
    conv = make()
    name = "conv"
    if isinstance(conv, nn.Sequential):
        whole: Any = conv
        name, whole.kernel_size, whole.weight = "conv.0", (5,), conv[0].weight
    kept = fit(tmp_path, model=OneLayer(conv), keep=[name], data=loader(channels=3), sample_rate=250)
    history = quiet_load(tmp_path)[name]
    check(history, kept[name].by_epoch, [0, 1, 2, 3])
    for each in (history.initial, *history):
        found = {field: getattr(each, field) for field in ("stride", "dilation", "groups", "transposed")}
        assert found == {"stride": 1, "dilation": 1, "groups": 1, "transposed": False} | known
        assert each.sample_rate == 250.0


@pytest.mark.parametrize("monitored", [1, 3, 5, 6, None])
def test_a_capped_layer_has_its_monitored_filters_and_a_whole_initial_bank(
    tmp_path: Path, monitored: int | None
) -> None:
    kept = fit(tmp_path, max_filters=monitored)
    found = quiet_load(tmp_path)
    for layer, history in found.items():
        check(history, kept[layer].by_epoch, [0, 1, 2, 3], monitored or 6)
    rotation = found["conv1"].rotation()
    assert rotation.shape == (4, monitored or 6)
    w, r = kept["conv1"].by_epoch[3].astype(float), kept["conv1"].by_epoch[0].astype(float)
    cosine = (w * r).sum((1, 2)) / np.linalg.norm(w, axis=(1, 2)) / np.linalg.norm(r, axis=(1, 2))
    np.testing.assert_allclose(rotation[-1], (1 - cosine)[:monitored], rtol=0.02)


def test_by_default_64_filters_are_monitored_and_all_with_none(tmp_path: Path) -> None:
    model = SmallNet()
    model.conv1, model.conv2 = nn.Conv1d(1, 70, 9), nn.Conv1d(70, 4, 3)
    kept = fit(tmp_path / "default", model=model)
    check(quiet_load(tmp_path / "default")["conv1"], kept["conv1"].by_epoch, [0, 1, 2, 3], 64)
    kept = fit(tmp_path / "all", model=model, max_filters=None)
    check(quiet_load(tmp_path / "all")["conv1"], kept["conv1"].by_epoch, [0, 1, 2, 3])


def test_past_the_cap_of_a_model_the_initial_bank_holds_the_monitored_filters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filterscope.recording.log.WHOLE_BYTES", 4 * (6 * 9 + 4 * 6 * 3) - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = fit(tmp_path, max_filters=2)
    for layer, history in quiet_load(tmp_path).items():
        first = kept[layer].by_epoch[0]
        assert history.initial.weights.tobytes() == first[:2].tobytes()
        assert (history.initial.indices.tolist(), history.initial.total_filters) == ([0, 1], len(first))
        np.testing.assert_array_equal(history.weights[3], halved(kept[layer].by_epoch[3][:2]))


def test_only_later_snapshots_are_rounded_and_weights_that_do_not_fit_float16_are_not(tmp_path: Path) -> None:
    edits = [
        Edit(1, lambda model: model.conv1.weight.mul_(3e6)),
        Edit(2, lambda model: model.conv1.weight.mul_(1e-14)),
        Edit(3, lambda model: model.conv1.weight.fill_(0.1).view(-1)[3:5].copy_(torch.tensor([np.nan, np.inf]))),
    ]
    kept = fit(tmp_path, *edits, options={"max_epochs": 3})
    history = quiet_load(tmp_path)["conv1"]
    for epoch in (0, 1, 2):
        assert history.bank(epoch).weights.tobytes() == kept["conv1"].by_epoch[epoch].tobytes()
    assert np.abs(history.weights[1]).max() > 65504
    assert 0 < np.abs(history.weights[2]).max() < 6e-5
    np.testing.assert_array_equal(history.weights[3], halved(kept["conv1"].by_epoch[3]))
    assert (np.isnan(history.weights[3]).sum(), np.isposinf(history.weights[3]).sum()) == (1, 1)


@pytest.mark.parametrize(("every", "epochs"), [(1, [0, 1, 2, 3, 4, 5]), (2, [0, 2, 4, 5]), (5, [0, 5]), (9, [0, 5])])
def test_epochs_and_steps_are_as_scheduled(tmp_path: Path, every: int, epochs: list[int]) -> None:
    kept = fit(tmp_path, every_n_epochs=every, options={"max_epochs": 5})
    for layer, history in quiet_load(tmp_path).items():
        check(history, kept[layer].by_epoch, epochs)
        assert history.epochs.dtype.kind == history.steps.dtype.kind == "i"


def test_a_fit_that_stops_in_mid_epoch_ends_where_it_stopped(tmp_path: Path) -> None:
    kept = fit(tmp_path, options={"max_epochs": -1, "max_steps": 6})
    history = quiet_load(tmp_path)["conv1"]
    assert history.steps.tolist() == [0, 4, 6]
    np.testing.assert_array_equal(history.weights[2], halved(kept["conv1"].final))


@pytest.mark.parametrize("every", [1, 2])
def test_averaged_weights_are_a_last_snapshot_of_their_own(tmp_path: Path, every: int) -> None:
    kept = fit(tmp_path, ema(0.9), every_n_epochs=every, options={"max_epochs": 2})
    history = quiet_load(tmp_path)["conv1"]
    assert history.epochs.tolist() == ([0, 1, 2, 2] if every == 1 else [0, 2, 2])
    assert history.steps.tolist() == ([0, 4, 8, 9] if every == 1 else [0, 8, 9])
    np.testing.assert_array_equal(history.weights[-2], halved(kept["conv1"].by_epoch[2]))
    np.testing.assert_array_equal(history.weights[-1], halved(kept["conv1"].final))
    assert not np.array_equal(history.weights[-2], history.weights[-1])
    np.testing.assert_array_equal(history.bank(2).weights, history.weights[-1])


def test_layers_come_in_the_order_of_the_model(tmp_path: Path) -> None:
    def net() -> Any:
        model: Any = SmallNet()
        del model.conv1, model.conv2
        model.z = nn.Conv1d(1, 4, 3)
        model.conv10 = nn.Conv1d(4, 4, 3)
        model.lazy = nn.LazyConv1d(4, 3)
        model.conv2 = nn.Conv1d(4, 4, 3)
        model.a = nn.Conv1d(4, 4, 3)
        names = ["z", "conv10", "lazy", "conv2", "a"]
        model.forward = lambda x: model.head(nn.Sequential(*map(model.get_submodule, names))(x).mean(-1))
        model.lazy.register_forward_hook(keep_first)
        return model

    def keep_first(lazy: Any, *_: Any) -> None:
        first.setdefault(0, lazy.weight.detach().numpy().copy())

    first: dict[int, Any] = {}  # weights of the lazy layer, which gets them in the first forward
    order = ["z", "conv10", "lazy", "conv2", "a"]
    kept = fit(tmp_path, model=net(), keep=order)
    found = quiet_load(tmp_path)
    assert list(found) == order
    for layer, history in found.items():
        check(history, kept[layer].by_epoch | (first if layer == "lazy" else {}), [0, 1, 2, 3])
    assert list(quiet_load(tmp_path, layers=["a", "conv*"])) == ["conv10", "conv2", "a"]


def test_a_layer_that_starts_at_zero_is_measured_from_its_first_weights(tmp_path: Path) -> None:
    model = SmallNet()
    nn.init.zeros_(model.conv1.weight)
    model.conv1.weight.requires_grad_(False)
    edit = Edit(2, lambda net: nn.init.normal_(net.conv1.weight))
    kept = fit(tmp_path, edit, model=model, options={"max_epochs": 4}, max_filters=2)
    history = quiet_load(tmp_path)["conv1"]
    assert history.epochs.tolist() == [0, 1, 2, 3, 4]
    assert not history.weights[:2].any()
    assert history.initial.epoch == 2
    assert history.initial.weights.tobytes() == kept["conv1"].by_epoch[2].tobytes()  # all six, exact
    np.testing.assert_array_equal(history.weights[2], kept["conv1"].by_epoch[2][:2])
    np.testing.assert_allclose(history.rotation()[2:], 0, atol=1e-6)


def test_a_layer_that_stays_at_zero_loads(tmp_path: Path) -> None:
    model = SmallNet()
    nn.init.zeros_(model.conv1.weight).requires_grad_(False)
    fit(tmp_path, model=model)
    history = quiet_load(tmp_path)["conv1"]
    assert (len(history), history.weights.any(), history.initial.weights.any()) == (4, False, False)
    assert (history.initial.epoch, history.initial.filters) == (0, 6)


class Resize(pl.Callback):
    """Another conv1 from the third epoch on."""

    def __init__(self, conv: Any) -> None:
        self.conv = conv

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == 2:
            pl_module.conv1 = self.conv


@pytest.mark.parametrize("taps", [7, 9])
def test_a_layer_resized_in_mid_fit_has_the_history_since(tmp_path: Path, taps: int) -> None:
    shape = (1, 6, taps) if taps == 7 else (1, 8, taps)  # other taps, or more filters than the six before
    model: Any = SmallNet()
    if taps == 9:
        model.conv2 = nn.LazyConv1d(4, 3)
        model.conv2(torch.zeros(1, 6, 9))
    conv = nn.Conv1d(*shape, padding=taps // 2)
    resize: list[pl.Callback] = [Resize(conv)]
    if taps == 9:
        model.forward = lambda x: model.head(model.conv2(model.conv1(x)[:, :6].relu()).mean(-1))
    kept = fit(tmp_path, *resize, model=model, options={"max_epochs": 4}, max_filters=5)
    with pytest.warns(
        UserWarning, match=r"layer 'conv1' had another shape .*until epoch 2: .*begins at epoch 3"
    ) as told:
        found = load_history(tmp_path)
    assert len(told) == 1
    history = found["conv1"]
    assert (history.epochs.tolist(), history.steps.tolist()) == ([3, 4], [12, 16])
    assert history.initial.weights.tobytes() == kept["conv1"].by_epoch[3].tobytes()
    assert history.initial.epoch == 3
    np.testing.assert_array_equal(history.weights[0], kept["conv1"].by_epoch[3][:5])
    check(found["conv2"], kept["conv2"].by_epoch, [0, 1, 2, 3, 4], 5)
