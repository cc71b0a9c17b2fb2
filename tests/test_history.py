"""What a fit recorded comes back: the model's weights at every epoch, of the run, monitor and layers asked for."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EMAWeightAveraging, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.compat.tensorflow_stub.io import gfile
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from filterscope import Conv1dFilterMonitor, FilterBank, FilterHistory, blob, load_history
from tests.models import SmallNet, loader, make_trainer
from tests.test_fuzz import bank, event, record

EVENTS = "events.out.tfevents.1000000000.host.1.0"


def weights_of(module: Any) -> np.ndarray:
    """Filters x channels x taps, float32 or complex64, by torch."""
    weight = module.weight.detach().reshape(*module.weight.shape[:2], -1)
    return weight.to(torch.complex64 if weight.is_complex() else torch.float32, copy=True).numpy()


def halved(weights: np.ndarray) -> np.ndarray:
    """Rounded to float16, by torch."""
    given = torch.from_numpy(weights)
    if given.is_complex():
        return torch.view_as_complex(torch.view_as_real(given).half().float()).numpy()
    return given.half().float().numpy()


class Keep(pl.Callback):
    """Copies of the weights of layers by epochs completed, and of those after the fit."""

    def __init__(self, *layers: str) -> None:
        self.layers = layers or ("conv1", "conv2")
        self.at: dict[str, dict[int, np.ndarray]] = {layer: {} for layer in self.layers}
        self.final: dict[str, np.ndarray] = {}

    def take(self, model: Any, epoch: int) -> None:
        for layer in self.layers:
            module = model.get_submodule(layer)
            if not is_lazy(module.weight):
                self.at[layer][epoch] = weights_of(module)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if trainer.global_step == 0:
            self.take(pl_module, 0)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.take(pl_module, trainer.current_epoch + 1)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        self.final = {layer: weights_of(pl_module.get_submodule(layer)) for layer in self.layers}


class Edit(pl.Callback):
    """Changes the model in place at the end of an epoch; put before the monitor."""

    def __init__(self, epoch: int, change: Callable[[Any], Any]) -> None:
        self.epoch, self.change = epoch, change

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch + 1 == self.epoch:
            with torch.no_grad():
                self.change(pl_module)


def fit(
    path: Path,
    *before: pl.Callback,
    model: Any = None,
    keep: Sequence[str] = (),
    data: Any = None,
    more: Sequence[pl.Callback] = (),
    ckpt_path: Any = None,
    options: dict[str, Any] | None = None,
    **monitor: Any,
) -> Keep:
    """A fit without images, with a monitor between the callbacks ``before`` and ``more``."""
    pl.seed_everything(11)
    kept = Keep(*keep)
    callback = Conv1dFilterMonitor(plots=(), **monitor)
    trainer = make_trainer(path, *before, callback, *more, kept, **(options or {}))
    trainer.fit(SmallNet() if model is None else model, data or loader(), ckpt_path=ckpt_path)
    return kept


def check(history: FilterHistory, kept: dict[int, np.ndarray], epochs: Sequence[int], monitored: int = 10**6) -> None:
    """The history is that of these weights: exact at first, rounded to float16 from then on."""
    assert history.epochs.tolist() == list(epochs)
    assert history.steps.tolist() == [4 * epoch for epoch in epochs]
    first = kept[epochs[0]]
    assert history.weights.dtype == first.dtype
    assert history.weights.shape == (len(epochs), min(monitored, len(first)), *first.shape[1:])
    assert history.initial.weights.tobytes() == first.tobytes()
    assert history.initial.indices.tolist() == list(range(len(first)))
    assert (history.initial.epoch, history.initial.step) == (epochs[0], 4 * epochs[0])
    assert history.weights[0].tobytes() == np.ascontiguousarray(first[:monitored]).tobytes()
    for position, epoch in enumerate(epochs[1:], 1):
        np.testing.assert_array_equal(history.weights[position], halved(kept[epoch][:monitored]))
        assert not np.array_equal(kept[epoch], kept[epochs[0]])
    for each, epoch in zip(history, epochs, strict=True):
        assert (each.layer, each.epoch, each.step) == (history.layer, epoch, 4 * epoch)
        assert each.indices.tolist() == list(range(min(monitored, len(first))))
        assert each.total_filters == len(first)
        np.testing.assert_array_equal(history.bank(epoch).weights, each.weights)


def quiet_load(*arguments: Any, **known: Any) -> dict[str, FilterHistory]:
    """A load without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load_history(*arguments, **known)


def events_of(path: Path) -> list[event_pb2.Event]:
    """Every event below a directory."""
    files = sorted(path.rglob("events.out.tfevents.*"))
    return [event_pb2.Event.FromString(each) for file in files for each in RawEventFileLoader(str(file)).Load()]


def write(directory: Path, events: Sequence[event_pb2.Event], name: str = EVENTS) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(b"".join(record(each.SerializeToString()) for each in events))
    return directory


def tiny(layers: Sequence[str] = ("a",), epochs: Sequence[int] = (0, 1, 2), tag: str = "filters") -> list[Any]:
    """Events of a run that is only a few bytes long."""
    return [
        event(f"{tag}/{layer}/bank", 4 * epoch, [blob.encode(bank(layer, epoch), order, epoch == epochs[0])])
        for epoch in epochs
        for order, layer in enumerate(layers)
    ]


# What comes back


class Net(SmallNet):
    """One layer of five channels, of any form, on three channels of input."""

    def __init__(self, conv: Any) -> None:
        super().__init__(channels=3)
        del self.conv1, self.conv2
        self.conv, self.head = conv, nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        shape = [-1 if side > 1 else 1 for side in self.conv.kernel_size]
        seen = self.conv(x.to(self.conv.weight.dtype).reshape(*x.shape[:2], *shape)).abs()
        return self.head(seen.flatten(2).mean(-1).to(self.head.weight.dtype))


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
        name, conv.kernel_size, conv.weight = "conv.0", (5,), conv[0].weight
    kept = fit(tmp_path, model=Net(conv), keep=[name], data=loader(channels=3), sample_rate=250)
    history = quiet_load(tmp_path)[name]
    check(history, kept.at[name], [0, 1, 2, 3])
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
        check(history, kept.at[layer], [0, 1, 2, 3], monitored or 6)
    rotation = found["conv1"].rotation()
    assert rotation.shape == (4, monitored or 6)
    w, r = kept.at["conv1"][3].astype(float), kept.at["conv1"][0].astype(float)
    cosine = (w * r).sum((1, 2)) / np.linalg.norm(w, axis=(1, 2)) / np.linalg.norm(r, axis=(1, 2))
    np.testing.assert_allclose(rotation[-1], (1 - cosine)[:monitored], rtol=0.02)


def test_by_default_64_filters_are_monitored_and_all_with_none(tmp_path: Path) -> None:
    model = SmallNet()
    model.conv1, model.conv2 = nn.Conv1d(1, 70, 9), nn.Conv1d(70, 4, 3)
    kept = fit(tmp_path / "default", model=model)
    check(quiet_load(tmp_path / "default")["conv1"], kept.at["conv1"], [0, 1, 2, 3], 64)
    kept = fit(tmp_path / "all", model=model, max_filters=None)
    check(quiet_load(tmp_path / "all")["conv1"], kept.at["conv1"], [0, 1, 2, 3])


def test_past_the_cap_of_a_model_the_initial_bank_holds_the_monitored_filters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filterscope.record.WHOLE_BYTES", 4 * (6 * 9 + 4 * 6 * 3) - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = fit(tmp_path, max_filters=2)
    for layer, history in quiet_load(tmp_path).items():
        first = kept.at[layer][0]
        assert history.initial.weights.tobytes() == first[:2].tobytes()
        assert (history.initial.indices.tolist(), history.initial.total_filters) == ([0, 1], len(first))
        np.testing.assert_array_equal(history.weights[3], halved(kept.at[layer][3][:2]))


def test_only_later_snapshots_are_rounded_and_weights_that_do_not_fit_float16_are_not(tmp_path: Path) -> None:
    edits = [
        Edit(1, lambda model: model.conv1.weight.mul_(3e6)),
        Edit(2, lambda model: model.conv1.weight.mul_(1e-14)),
        Edit(3, lambda model: model.conv1.weight.fill_(0.1).view(-1)[3:5].copy_(torch.tensor([np.nan, np.inf]))),
    ]
    kept = fit(tmp_path, *edits, options={"max_epochs": 3})
    history = quiet_load(tmp_path)["conv1"]
    for epoch in (0, 1, 2):
        assert history.bank(epoch).weights.tobytes() == kept.at["conv1"][epoch].tobytes()
    assert np.abs(history.weights[1]).max() > 65504
    assert 0 < np.abs(history.weights[2]).max() < 6e-5
    np.testing.assert_array_equal(history.weights[3], halved(kept.at["conv1"][3]))
    assert (np.isnan(history.weights[3]).sum(), np.isposinf(history.weights[3]).sum()) == (1, 1)


@pytest.mark.parametrize(("every", "epochs"), [(1, [0, 1, 2, 3, 4, 5]), (2, [0, 2, 4, 5]), (5, [0, 5]), (9, [0, 5])])
def test_epochs_and_steps_are_as_scheduled(tmp_path: Path, every: int, epochs: list[int]) -> None:
    kept = fit(tmp_path, every_n_epochs=every, options={"max_epochs": 5})
    for layer, history in quiet_load(tmp_path).items():
        check(history, kept.at[layer], epochs)
        assert history.epochs.dtype.kind == history.steps.dtype.kind == "i"


def test_a_fit_that_stops_in_mid_epoch_ends_where_it_stopped(tmp_path: Path) -> None:
    kept = fit(tmp_path, options={"max_epochs": -1, "max_steps": 6})
    history = quiet_load(tmp_path)["conv1"]
    assert history.steps.tolist() == [0, 4, 6]
    np.testing.assert_array_equal(history.weights[2], halved(kept.final["conv1"]))


@pytest.mark.parametrize("every", [1, 2])
def test_averaged_weights_are_a_last_snapshot_of_their_own(tmp_path: Path, every: int) -> None:
    kept = fit(tmp_path, EMAWeightAveraging(decay=0.9), every_n_epochs=every, options={"max_epochs": 2})
    history = quiet_load(tmp_path)["conv1"]
    assert history.epochs.tolist() == ([0, 1, 2, 2] if every == 1 else [0, 2, 2])
    assert history.steps.tolist() == ([0, 4, 8, 9] if every == 1 else [0, 8, 9])
    np.testing.assert_array_equal(history.weights[-2], halved(kept.at["conv1"][2]))
    np.testing.assert_array_equal(history.weights[-1], halved(kept.final["conv1"]))
    assert not np.array_equal(history.weights[-2], history.weights[-1])
    np.testing.assert_array_equal(history.bank(2).weights, history.weights[-1])


def test_layers_come_in_the_order_of_the_model(tmp_path: Path) -> None:
    def net() -> Any:
        model = SmallNet()
        del model.conv1, model.conv2
        model.z = nn.Conv1d(1, 4, 3)
        model.conv10 = nn.Conv1d(4, 4, 3)
        model.lazy = nn.LazyConv1d(4, 3)
        model.conv2 = nn.Conv1d(4, 4, 3)
        model.a = nn.Conv1d(4, 4, 3)
        names = ["z", "conv10", "lazy", "conv2", "a"]
        model.forward = lambda x: model.head(nn.Sequential(*map(model.get_submodule, names))(x).mean(-1))
        return model

    order = ["z", "conv10", "lazy", "conv2", "a"]
    kept = fit(tmp_path, model=net(), keep=order)
    found = quiet_load(tmp_path)
    assert list(found) == order
    for layer, history in found.items():
        check(history, kept.at[layer], [1, 2, 3] if layer == "lazy" else [0, 1, 2, 3])
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
    assert history.initial.weights.tobytes() == kept.at["conv1"][2].tobytes()  # all six, exact
    np.testing.assert_array_equal(history.weights[2], kept.at["conv1"][2][:2])
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
    model = SmallNet()
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
    assert history.initial.weights.tobytes() == kept.at["conv1"][3].tobytes()
    assert history.initial.epoch == 3
    np.testing.assert_array_equal(history.weights[0], kept.at["conv1"][3][:5])
    check(found["conv2"], kept.at["conv2"], [0, 1, 2, 3, 4], 5)


# Which run, monitor and layers


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Keep]:
    """A directory with one run, and what its model had."""
    path = tmp_path_factory.mktemp("one")
    return path, fit(path)


class Elsewhere:
    """No Path, but something that has one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


WAYS: dict[str, Callable[[Path], Any]] = {
    "the run": lambda path: path / "run" / "version_0",
    "its parent": lambda path: path / "run",
    "further up": lambda path: path,
    "a string": lambda path: str(path / "run" / "version_0"),
    "a string with a slash at its end": lambda path: f"{path}/run/version_0/",
    "with dots": lambda path: path / "run" / ".." / "run" / "version_0",
    "relative": lambda path: os.path.relpath(path),
    "another PathLike": lambda path: Elsewhere(path),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_run_is_found_by_any_path_to_it(run: tuple[Path, Keep], way: str) -> None:
    path, kept = run
    found = quiet_load(WAYS[way](path))
    for layer in ("conv1", "conv2"):
        check(found[layer], kept.at[layer], [0, 1, 2, 3])


def test_a_run_is_found_from_its_own_directory(run: tuple[Path, Keep], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run[0] / "run" / "version_0")
    assert len(quiet_load(".")["conv1"]) == 4


def test_a_run_is_found_through_a_link(run: tuple[Path, Keep], tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(run[0] / "run" / "version_0")
    assert len(quiet_load(tmp_path / "link")["conv1"]) == 4


def test_a_moved_run_with_an_odd_name_loads(run: tuple[Path, Keep], tmp_path: Path) -> None:
    target = tmp_path / "größe [1] *? 'x'" / "lr=0.1,\n b"
    shutil.copytree(run[0] / "run" / "version_0", target)
    assert len(quiet_load(target)["conv1"]) == 4
    assert len(quiet_load(tmp_path)["conv1"]) == 4


def test_paths_of_other_file_systems_work_as_in_tensorboard(run: tuple[Path, Keep]) -> None:
    fsspec = pytest.importorskip("fsspec")
    if not hasattr(gfile, "_get_fsspec_filesystem"):
        pytest.skip("TensorBoard without fsspec")
    memory = fsspec.filesystem("memory")
    for file in run[0].rglob("events.out.tfevents.*"):
        memory.pipe(f"/runs/one/{file.name}", file.read_bytes())
    try:
        check(quiet_load("memory://runs/one")["conv1"], run[1].at["conv1"], [0, 1, 2, 3])
        check(quiet_load("memory://runs")["conv1"], run[1].at["conv1"], [0, 1, 2, 3])
    finally:
        memory.rm("/runs", recursive=True)


def test_runs_without_filters_beside_one_with_are_no_matter(run: tuple[Path, Keep], tmp_path: Path) -> None:
    shutil.copytree(run[0], tmp_path / "a")
    fit(tmp_path / "b", save_filters=False)
    (tmp_path / "c").mkdir()
    assert len(quiet_load(tmp_path)["conv1"]) == 4


def test_several_runs_are_an_error_that_lists_them(tmp_path: Path) -> None:
    for name in ("version_0", "version_1", "deep/er/version_2"):
        write(tmp_path / "logs" / name, tiny())
    with pytest.raises(ValueError, match="holds 3 runs") as raised:
        load_history(tmp_path / "logs")
    assert all(repr(name) in str(raised.value) for name in ("version_0", "version_1", "deep/er/version_2"))
    assert str(tmp_path / "logs") in str(raised.value)
    assert list(quiet_load(tmp_path / "logs" / "version_1")) == ["a"]


def test_a_run_that_has_others_below_can_be_loaded(tmp_path: Path) -> None:
    """As TensorBoardLogger(name="", version="") leaves them: there is no other directory to give."""
    write(tmp_path, tiny(epochs=(0, 1)))
    write(tmp_path / "version_0", tiny(epochs=(0, 1, 2)))
    assert quiet_load(tmp_path)["a"].epochs.tolist() == [0, 1]


def test_several_monitors_are_told_apart_by_their_tags(tmp_path: Path) -> None:
    others = [Conv1dFilterMonitor(plots=(), tag="filters/early", layers="conv1", every_n_epochs=2, max_filters=2)]
    kept = fit(tmp_path, *others)
    with pytest.raises(ValueError, match="several monitors: give tag=") as raised:
        load_history(tmp_path)
    assert "'filters'" in str(raised.value)
    assert "'filters/early'" in str(raised.value)
    found = quiet_load(tmp_path, tag="filters/early")
    assert list(found) == ["conv1"]
    check(found["conv1"], kept.at["conv1"], [0, 2, 3], 2)
    found = quiet_load(tmp_path, tag="filters")
    assert list(found) == ["conv1", "conv2"]
    check(found["conv1"], kept.at["conv1"], [0, 1, 2, 3])


@pytest.mark.parametrize("tag", ["x", "a/b", "filters/conv1", "bank", "conv1", "α β"])
def test_any_tag_will_do(tmp_path: Path, tag: str) -> None:
    fit(tmp_path, tag=tag, options={"max_epochs": 1})
    for given in (None, tag):
        assert list(quiet_load(tmp_path, tag=given)) == ["conv1", "conv2"]
    with pytest.raises(ValueError, match=r"tag='no such': the run in '.*' has") as raised:
        load_history(tmp_path, tag="no such")
    assert repr(tag) in str(raised.value)


@pytest.mark.parametrize("name", ["bank", "filters", "a/b", "a/bank", "größe", "a b", "weights", "filters/bank"])
def test_any_layer_name_will_do(tmp_path: Path, name: str) -> None:
    model = SmallNet()
    model.add_module(name, nn.Conv1d(1, 2, 3))
    kept = fit(tmp_path, model=model, keep=[name], layers=name, options={"max_epochs": 1})
    found = quiet_load(tmp_path)
    assert list(found) == [name]
    assert found[name].initial.weights.tobytes() == kept.at[name][0].tobytes()
    assert list(quiet_load(tmp_path, tag="filters")) == [name]


@pytest.mark.parametrize(
    ("layers", "chosen"),
    [
        (None, ["conv1", "conv2"]),
        ("conv1", ["conv1"]),
        ("conv*", ["conv1", "conv2"]),
        (["conv2", "conv1"], ["conv1", "conv2"]),
        (("*2", "conv2"), ["conv2"]),
        ("conv[13]", ["conv1"]),
    ],
)
def test_layers_are_chosen_by_globs(run: tuple[Path, Keep], layers: Any, chosen: list[str]) -> None:
    found = quiet_load(run[0], layers=layers)
    assert list(found) == chosen
    assert list(quiet_load(run[0], layers)) == chosen
    for layer, history in found.items():
        check(history, run[1].at[layer], [0, 1, 2, 3])


@pytest.mark.parametrize("layers", ["conf*", "CONV1", "conv", ["conv1", "head"]])
def test_a_glob_without_a_match_is_an_error_that_says_what_there_is(run: tuple[Path, Keep], layers: Any) -> None:
    wrong = layers if isinstance(layers, str) else layers[-1]
    with pytest.raises(ValueError, match="no layer matches") as raised:
        load_history(run[0], layers=layers)
    assert repr(wrong) in str(raised.value)
    assert str(raised.value).endswith("has: conv1, conv2")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"layers": 3}, TypeError),
        ({"layers": [3]}, TypeError),
        ({"layers": ""}, ValueError),
        ({"layers": []}, ValueError),
        ({"tag": 3}, TypeError),
        ({"tag": ["filters"]}, TypeError),
        ({"tag": ""}, ValueError),
        ({"log_dir": None}, TypeError),
        ({"log_dir": 3}, TypeError),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(run: tuple[Path, Keep], arguments: Any, error: type) -> None:
    with pytest.raises(error):
        load_history(**({"log_dir": run[0]} | arguments))


def test_a_pointwise_layer_that_was_recorded_is_loaded(tmp_path: Path) -> None:
    model = SmallNet()
    model.conv2 = nn.Conv1d(6, 4, 1)
    fit(tmp_path / "without", model=model)
    assert list(quiet_load(tmp_path / "without")) == ["conv1"]
    kept = fit(tmp_path / "with", model=model, layers="*")
    check(quiet_load(tmp_path / "with")["conv2"], kept.at["conv2"], [0, 1, 2, 3])


# What there is to read


def test_without_saved_filters_there_is_nothing_and_the_error_says_so(tmp_path: Path) -> None:
    fit(tmp_path, save_filters=False)
    for each in events_of(tmp_path):
        for value in each.summary.value:
            assert value.metadata.plugin_data.plugin_name != "filterscope"
            assert not value.tag.endswith("/bank")
    for path in (tmp_path, tmp_path / "run" / "version_0"):
        with pytest.raises(ValueError, match=r"no filters were recorded in .*save_filters"):
            load_history(path)


def test_what_is_not_there_is_an_error_that_says_so(run: tuple[Path, Keep], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no-such' does not exist"):
        load_history(tmp_path / "no-such")
    (file,) = run[0].rglob("events.out.tfevents.*")
    with pytest.raises(FileNotFoundError, match="is a file; give the directory"):
        load_history(file)
    with pytest.raises(ValueError, match=r"no filters were recorded in .*no event files"):
        load_history(tmp_path)
    (tmp_path / EVENTS).write_bytes(b"")
    with pytest.raises(ValueError, match="no filters were recorded in"):
        load_history(tmp_path)
    (tmp_path / EVENTS).write_bytes(b"no events at all, however long one reads on")
    with pytest.raises(ValueError, match="no filters were recorded in"):
        load_history(tmp_path)


def test_a_run_in_several_files_is_one(run: tuple[Path, Keep], tmp_path: Path) -> None:
    events = events_of(run[0])
    for part, begin in enumerate(range(0, len(events), 11)):
        write(tmp_path, events[begin : begin + 11], f"events.out.tfevents.{1_000_000_000 + part}.host.1.0")
    write(tmp_path, [], "events.out.tfevents.999.host.1.0")
    (tmp_path / "hparams.yaml").write_text("a: 1")
    (tmp_path / "checkpoints").mkdir()
    found = quiet_load(tmp_path)
    for layer in ("conv1", "conv2"):
        check(found[layer], run[1].at[layer], [0, 1, 2, 3])


def test_other_events_that_name_the_plugin_are_no_matter(tmp_path: Path) -> None:
    text = event_pb2.Event(step=3, summary=summary_pb2.Summary())
    value = text.summary.value.add(tag="filterscope/filterscope/bank", simple_value=1.0)
    value.metadata.plugin_data.plugin_name = "scalars"
    write(tmp_path, [text, *tiny(), text])
    assert quiet_load(tmp_path)["a"].epochs.tolist() == [0, 1, 2]


@pytest.mark.parametrize("odd", ["a directory", "a dangling link"])
def test_what_only_looks_like_an_event_file_is_no_matter(tmp_path: Path, odd: str) -> None:
    write(tmp_path, tiny())
    path = tmp_path / "events.out.tfevents.2000000000.host.1.0"
    if odd == "a directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    assert quiet_load(tmp_path)["a"].epochs.tolist() == [0, 1, 2]


def test_a_second_fit_into_one_directory_supersedes_the_first(tmp_path: Path) -> None:
    first = fit(tmp_path, options={"max_epochs": 4})
    second = fit(tmp_path, options={"max_epochs": 2}, data=loader(batch_size=8))
    history = quiet_load(tmp_path)["conv1"]
    assert (history.epochs.tolist(), history.steps.tolist()) == ([0, 1, 2], [0, 2, 4])
    np.testing.assert_array_equal(history.weights[2], halved(second.at["conv1"][2]))
    assert not np.array_equal(first.at["conv1"][2], second.at["conv1"][2])


def test_what_a_resumed_fit_repeats_resolves_to_the_newest(tmp_path: Path) -> None:
    saver = ModelCheckpoint(dirpath=tmp_path / "saved", filename="{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    options: dict[str, Any] = {"max_epochs": 4, "enable_checkpointing": True}
    first = fit(tmp_path, more=[saver], options=options, max_filters=3)
    logger = TensorBoardLogger(str(tmp_path), name="run", version=0)
    # Other batches from here on; the first fit's third and fourth epochs are undone.
    second = fit(
        tmp_path,
        Edit(3, lambda model: model.conv1.weight.add_(0.5)),
        ckpt_path=tmp_path / "saved" / "epoch=1.ckpt",
        options={"max_epochs": 5, "logger": logger},
        max_filters=3,
    )
    assert len(list((tmp_path / "run" / "version_0").glob("events.out.tfevents.*"))) == 2
    assert not np.array_equal(first.at["conv1"][3], second.at["conv1"][3])
    joined = {**first.at["conv1"], **second.at["conv1"]}
    check(quiet_load(tmp_path)["conv1"], joined, [0, 1, 2, 3, 4, 5], 3)
    np.testing.assert_array_equal(quiet_load(tmp_path)["conv1"].bank(3).weights, halved(second.at["conv1"][3][:3]))


def test_a_fit_resumed_in_a_new_directory_has_the_original_initial_bank_there(tmp_path: Path) -> None:
    saver = ModelCheckpoint(dirpath=tmp_path / "saved", filename="{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    options: dict[str, Any] = {"max_epochs": 2, "enable_checkpointing": True}
    first = fit(tmp_path, more=[saver], options=options, max_filters=3)
    logger = TensorBoardLogger(str(tmp_path), name="run", version=1)
    options = {"max_epochs": 4, "logger": logger}
    second = fit(tmp_path, ckpt_path=tmp_path / "saved" / "epoch=1.ckpt", options=options, max_filters=3)
    for layer, history in quiet_load(tmp_path / "run" / "version_1").items():
        assert history.initial.weights.tobytes() == first.at[layer][0].tobytes()
        assert history.initial.epoch == 0
        assert (history.epochs[-2:].tolist(), history.steps[-2:].tolist()) == ([3, 4], [12, 16])
        for epoch in (3, 4):
            np.testing.assert_array_equal(history.bank(epoch).weights, halved(second.at[layer][epoch][:3]))
        check(quiet_load(tmp_path / "run" / "version_0")[layer], first.at[layer], [0, 1, 2], 3)


@pytest.mark.parametrize(("before", "after"), [(3, 2), (2, 5), (3, None)])
def test_a_resume_with_another_max_filters_still_measures_from_the_original_initial_bank(
    tmp_path: Path, before: int, after: int | None
) -> None:
    saver = ModelCheckpoint(dirpath=tmp_path / "saved", filename="{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    options: dict[str, Any] = {"max_epochs": 2, "enable_checkpointing": True}
    first = fit(tmp_path, more=[saver], options=options, max_filters=before)
    fit(tmp_path, ckpt_path=tmp_path / "saved" / "epoch=1.ckpt", options={"max_epochs": 4}, max_filters=after)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the monitored filters are others: the rows before may be gone, and said to be
        found = load_history(tmp_path)
    for layer, history in found.items():
        assert history.epochs[-2:].tolist() == [3, 4]
        assert history.initial.epoch == 0
        assert history.initial.weights.tobytes() == first.at[layer][0].tobytes()


def test_a_resumed_fit_that_stopped_earlier_leaves_nothing_of_what_it_undid(tmp_path: Path) -> None:
    events = [*tiny(epochs=range(9)), *tiny(epochs=(3, 4))]
    write(tmp_path, events)
    assert quiet_load(tmp_path)["a"].epochs.tolist() == [0, 1, 2, 3, 4]


def test_the_newest_file_counts_whatever_the_digits_in_its_name(tmp_path: Path) -> None:
    """TensorBoard's writer numbers the files of a process: 9 is before 10, in the same second."""
    write(tmp_path, tiny(epochs=range(5)), "events.out.tfevents.1700000000.host.99.9")
    again = tiny(epochs=(2, 3))
    for each in again:
        each.wall_time += 1000
    write(tmp_path, again, "events.out.tfevents.1700000000.host.99.10")
    assert quiet_load(tmp_path)["a"].epochs.tolist() == [0, 1, 2, 3]


def test_the_step_is_the_one_that_tensorboard_shows(tmp_path: Path) -> None:
    events = tiny()
    for each in events:
        each.step += 100
    write(tmp_path, events)
    history = quiet_load(tmp_path)["a"]
    assert history.steps.tolist() == [each.step for each in history] == [100, 104, 108]
    assert history.initial.step == 100


def altered(events: Sequence[event_pb2.Event], number: int, change: Callable[[bytes], bytes]) -> list[event_pb2.Event]:
    """Copies, of which one has its blobs changed."""
    copies = [event_pb2.Event.FromString(each.SerializeToString()) for each in events]
    strings = copies[number].summary.value[0].tensor.string_val
    strings[:] = [change(each) for each in strings]
    return copies


def renumbered(data: bytes) -> bytes:
    """As of a later version."""
    return data[:8] + b"\x02\x00" + data[10:]


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a newer version": (renumbered, "format version 2; this filterscope reads 1: upgrade"),
    "broken off": (lambda data: data[:-2], "damaged filter bank"),
    "no JSON": (lambda data: data.replace(b'"layer"', b"'layer'"), "header is not JSON"),
    "empty": (lambda data: b"", "no filter bank"),
    "a lack of fields": (lambda data: data.replace(b'"stride"', b'"strode"'), "lacks some of .*stride"),
}


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("how", DAMAGE)
def test_of_a_run_with_a_damaged_snapshot_the_rest_loads_with_a_warning(tmp_path: Path, how: str, number: int) -> None:
    change, reason = DAMAGE[how]
    write(tmp_path, altered(tiny(("a", "b")), 2 * number, change))
    with pytest.warns(UserWarning, match=rf"layer 'a': 1 .*step {4 * number}: .*{reason}") as told:
        found = load_history(tmp_path)
    assert (len(told), told[0].filename) == (1, __file__)
    assert list(found) == ["a", "b"]
    assert found["b"].epochs.tolist() == [0, 1, 2]
    assert found["a"].epochs.tolist() == [epoch for epoch in (0, 1, 2) if epoch != number]
    assert found["a"].initial.epoch == (1 if number == 0 else 0)
    np.testing.assert_array_equal(found["a"].initial.weights, found["a"].weights[0])
    np.testing.assert_array_equal(found["a"].weights[-1], halved(bank("a", 1 if number == 2 else 2).weights))


def test_a_record_damaged_on_the_disk_costs_itself_alone(tmp_path: Path) -> None:
    records = [record(each.SerializeToString()) for each in tiny(("a", "b"))]
    for number in range(len(records)):
        middle = len(records[number]) // 2
        hit = bytearray(records[number])
        hit[middle] ^= 1
        (tmp_path / EVENTS).write_bytes(b"".join([*records[:number], hit, *records[number + 1 :]]))
        with pytest.warns(UserWarning, match=f"{EVENTS}' is damaged") as told:
            found = load_history(tmp_path)
        assert len(told) == 1
        for layer, history in found.items():
            lost = number // 2 if layer == "ab"[number % 2] else None
            assert history.epochs.tolist() == [epoch for epoch in (0, 1, 2) if epoch != lost]


def test_many_damaged_snapshots_of_a_layer_are_one_warning(tmp_path: Path) -> None:
    events = tiny(epochs=range(6))
    for number in (1, 2, 4):
        events = altered(events, number, renumbered)
    write(tmp_path, events)
    with pytest.warns(UserWarning, match="layer 'a': 3 snapshots") as told:
        assert load_history(tmp_path)["a"].epochs.tolist() == [0, 3, 5]
    assert len(told) == 1
    assert "upgrade" in str(told[0].message)


@pytest.mark.parametrize("tag", ["filters", "my/own/filters"])
@pytest.mark.parametrize("how", DAMAGE)
def test_a_run_of_which_nothing_can_be_read_is_an_error_that_says_why(tmp_path: Path, how: str, tag: str) -> None:
    change, reason = DAMAGE[how]
    events = tiny(("conv.0", "b"), tag=tag)
    for number in range(len(events)):
        events = altered(events, number, change)
    write(tmp_path, events)
    for given in (None, tag):
        with pytest.raises(ValueError, match=f"nothing of it can be read; .*{reason}"):
            load_history(tmp_path, tag=given)


@pytest.mark.parametrize("tag", ["filters", "my/own/filters"])
def test_a_layer_of_which_nothing_can_be_read_leaves_the_others(tmp_path: Path, tag: str) -> None:
    events = tiny(("a", "b"), tag=tag)
    for number in (1, 3, 5):
        events = altered(events, number, renumbered)
    write(tmp_path, events)
    assert quiet_load(tmp_path, layers="a")["a"].epochs.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"layer 'b': nothing of it can be read.*upgrade"):
        load_history(tmp_path, layers="b")


def test_a_snapshot_of_another_layer_than_its_tag_says_is_a_damaged_one(tmp_path: Path) -> None:
    for number in (0, 1, 2):
        stray = blob.encode(bank("b", number), 0, number == 0)
        write(tmp_path, altered(tiny(), number, lambda data, stray=stray: stray))
        with pytest.warns(UserWarning, match="layer 'a': 1 snapshot"):
            found = load_history(tmp_path)
        assert list(found) == ["a"]
        assert found["a"].epochs.tolist() == [epoch for epoch in (0, 1, 2) if epoch != number]


def test_a_part_of_another_layer_is_damage(tmp_path: Path) -> None:
    whole = blob.encode_snapshot(bank("a", 0, filters=3), 2, 0, True, True)
    other = blob.encode(FilterBank("b", np.ones((1, 1, 3)), [7], 9, epoch=5), 3, True)
    with pytest.raises(blob.BlobError, match="do not belong together"):
        blob.decode_snapshot([whole[0], other])


# The histories themselves


def test_a_history_pickles(run: tuple[Path, Keep]) -> None:
    history = quiet_load(run[0])["conv1"]
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(history, protocol)
        back = pickle.loads(data)
        check(back, run[1].at["conv1"], [0, 1, 2, 3])
        assert repr(back) == repr(history)
        np.testing.assert_array_equal(back.rotation(), history.rotation())
        np.testing.assert_array_equal(back.reference.weights, history.reference.weights)
        assert all(np.shares_memory(each.weights, back.weights) for each in back)
    assert pickle.loads(pickle.dumps(quiet_load(run[0])))["conv2"].steps.tolist() == [0, 4, 8, 12]


def test_a_pickled_history_takes_its_weights_once(tmp_path: Path) -> None:
    events = [
        event("filters/a/bank", epoch, [blob.encode(bank("a", epoch, 64, taps=64), 0, epoch == 0)])
        for epoch in range(10)
    ]
    history = quiet_load(write(tmp_path, events))["a"]
    assert len(pickle.dumps(history)) < 1.5 * history.weights.nbytes


def test_the_measures_of_a_history_are_those_of_the_fit(run: tuple[Path, Keep]) -> None:
    scalars = {
        (value.tag, each.step): float(value.tensor.float_val[0] if value.tensor.float_val else value.simple_value)
        for each in events_of(run[0])
        for value in each.summary.value
        if value.tag.endswith(("/rms", "/change"))
    }
    for layer, history in quiet_load(run[0]).items():
        for kind, values in (("rms", history.rms()), ("change", history.change())):
            logged = [scalars.get((f"filters/{layer}/{kind}", step), np.nan) for step in history.steps.tolist()]
            np.testing.assert_allclose(values, logged, rtol=0.02, atol=1e-4, equal_nan=True)


def test_loading_needs_no_torch_and_no_lightning(run: tuple[Path, Keep]) -> None:
    code = f"""
import pickle, sys
from filterscope import load_history
found = load_history({str(run[0])!r})
assert [history.weights.shape for history in found.values()] == [(4, 6, 1, 9), (4, 4, 6, 3)]
found["conv1"].rotation(), found["conv1"].convergence_epoch(), pickle.dumps(found)
heavy = {{"torch", "pytorch_lightning", "lightning", "matplotlib", "tensorflow"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
