"""Fits of layers that keep their weights in unusual forms: what is logged are the weights they convolve with."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import LambdaCallback
from torch import Tensor, nn
from torch.ao.nn import qat
from torch.ao.quantization import get_default_qat_qconfig
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm

from filterscope import Conv1dFilterMonitor
from tests.support.events import Logged
from tests.support.nets import OneLayer, SmallNet, loader, make_trainer

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")


def impulse_response(conv: Any) -> Tensor:
    """The weights of a convolution as it answers unit impulses: ``(filters, channels, taps)``."""
    channels, taps = conv.in_channels, max(conv.kernel_size)
    transposed = isinstance(conv, nn.ConvTranspose1d)
    length = 1 if transposed else 2 * taps - 1
    impulses = torch.zeros(channels, channels, length, dtype=next(conv.parameters()).dtype)
    impulses[range(channels), range(channels), length // 2] = 1
    sides = [length if side > 1 else 1 for side in conv.kernel_size]
    training = [module for module in conv.modules() if module.training]
    conv.eval()
    with torch.no_grad():
        answer = conv(impulses.reshape(channels, channels, *sides)).reshape(channels, -1, taps)
    for module in training:
        module.training = True
    return answer if transposed else answer.flip(-1).transpose(0, 1)


def attribute(conv: Any) -> Tensor:
    return conv.weight


class Probe(LambdaCallback):
    """Takes the weights when the monitor does, but after it, so that it finds the layer as training left it."""

    def __init__(self, layer: str, read: Callable[[Any], Tensor] = impulse_response) -> None:
        super().__init__(on_train_start=self.take, on_before_backward=self.take_first, on_train_epoch_end=self.take)
        self.layer, self.read = layer, read
        self.weights: list[np.ndarray] = []

    def take_first(self, trainer: Any, model: nn.Module, loss: Any) -> None:
        """Of a lazy layer, after the first forward."""
        if not self.weights:
            self.take(trainer, model)

    def take(self, trainer: Any, model: nn.Module) -> None:
        module = model.get_submodule(self.layer)
        if not any(is_lazy(parameter) for parameter in module.parameters()):
            weight = self.read(module).detach()
            kind = torch.complex128 if weight.is_complex() else torch.float64
            self.weights.append(weight.to(kind, copy=True).numpy())


def fit(path: Path, model: Any, *probes: pl.Callback, **options: Any) -> tuple[Logged, list[str]]:
    """A fit read back, and every warning of the monitor."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer = make_trainer(path, Conv1dFilterMonitor(), *probes, **options)
        trainer.fit(model, loader(channels=3 if isinstance(model, OneLayer) else 1))
    told = [str(each.message) for each in caught]
    return Logged(path), [words for words in told if "filterscope" in words]


def layers_of(logged: Logged) -> set[str]:
    return {tag.split("/")[1] for tag in logged.tags()} - {"layers", "overview"}


def check(logged: Logged, layer: str, weights: Sequence[np.ndarray], steps: Sequence[int]) -> None:
    """Compare what is logged of a layer with these weights."""
    flat = [w.ravel() for w in weights]
    size = [np.sqrt((np.abs(w) ** 2).sum()) for w in flat]
    wanted = {
        "rms": [s / np.sqrt(w.size) for w, s in zip(flat, size, strict=True)],
        "rotation": [1 - (w * flat[0].conj()).sum().real / (s * size[0]) for w, s in zip(flat, size, strict=True)],
        "change": [np.linalg.norm(b - a) / np.linalg.norm(a) for a, b in pairwise(flat)],
    }
    for kind, values in wanted.items():
        tag = f"filters/{layer}/{kind}"
        assert logged.steps(tag) == list(steps)[-len(values) :], kind
        assert [value for _, value in logged.scalars[tag]] == pytest.approx(values, rel=1e-5, abs=3e-7), kind
    tag = f"filters/{layer}/weights"
    assert logged.steps(tag) == list(steps)
    for (_, rows), w in zip(logged.histograms[tag], flat, strict=True):
        flattened = np.abs(w) if np.iscomplexobj(w) else w
        left, right, counts = rows.T
        assert [left[0], right[-1]] == pytest.approx([flattened.min(), flattened.max()], rel=1e-5, abs=1e-7)
        np.testing.assert_allclose(right - left, (right[-1] - left[0]) / len(rows), rtol=1e-6)
        inner = np.searchsorted(left[1:], flattened, side="right")  # the last bin takes its right edge, too
        assert counts.sum() == flattened.size
        assert np.abs(counts - np.bincount(inner, minlength=len(rows))).sum() <= 2  # rounding at an edge
    assert logged.steps(f"filters/{layer}/taps")[0] == steps[0]


def conv(kind: type = nn.Conv1d, kernel: Any = 9, **options: Any) -> Any:
    pl.seed_everything(3)
    return kind(3, 5, kernel, bias=False, **options)


class Jitter(nn.Module):
    """A parametrization that draws while it trains."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight.tanh() + torch.randn_like(weight) if self.training else weight.tanh()


def pruned(module: Any) -> Any:
    return prune.ln_structured(prune.l1_unstructured(module, "weight", 0.3), "weight", 0.3, n=2, dim=0)


FORMS: dict[str, Callable[[], Any]] = {
    "float16": lambda: conv().half(),
    "bfloat16": lambda: conv().bfloat16(),
    "float64": lambda: conv().double(),
    "complex64": lambda: conv(dtype=torch.complex64),
    "transposed": lambda: conv(nn.ConvTranspose1d),
    "row of a Conv2d": lambda: conv(nn.Conv2d, (1, 9)),
    "column of a Conv2d": lambda: conv(nn.Conv2d, (9, 1)),
    "spectral_norm": lambda: parametrizations.spectral_norm(conv()),
    "weight_norm": lambda: parametrizations.weight_norm(conv()),
    "orthogonal": lambda: parametrizations.orthogonal(conv()),
    "jitter": lambda: parametrize.register_parametrization(conv(), "weight", Jitter()),
    "weight_norm under jitter": lambda: parametrize.register_parametrization(
        parametrizations.weight_norm(conv()), "weight", Jitter()
    ),
    "bfloat16 weight_norm": lambda: parametrizations.weight_norm(conv().bfloat16()),
    "transposed spectral_norm": lambda: parametrizations.spectral_norm(conv(nn.ConvTranspose1d)),
    "old spectral_norm": lambda: spectral_norm(conv()),
    "old weight_norm": lambda: weight_norm(conv()),
    "old weight_norm of a Conv2d": lambda: weight_norm(conv(nn.Conv2d, (1, 9))),
    "pruned": lambda: pruned(conv()),
    "quantisation-aware": lambda: conv(qat.Conv1d, qconfig=get_default_qat_qconfig("fbgemm")),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_logged_are_the_weights_that_the_layer_convolves_with(tmp_path: Path, form: str) -> None:
    model = OneLayer(FORMS[form]())
    # In quantisation-aware training, those weights before they are rounded: what is trained.
    probe = Probe("conv", attribute if form == "quantisation-aware" else impulse_response)
    logged, told = fit(tmp_path, model, probe, max_epochs=2)
    assert (told, layers_of(logged)) == ([], {"conv"})
    assert len(logged.images) == 6
    assert not np.allclose(probe.weights[0], probe.weights[2], rtol=1e-3)
    check(logged, "conv", probe.weights, [0, 4, 8])


BY_HAND: dict[str, Callable[[Any], Tensor]] = {
    "weight_norm": lambda m: m.weight_g * m.weight_v / m.weight_v.norm(dim=(1, 2), keepdim=True),
    "spectral_norm": lambda m: m.weight_orig / (m.weight_u @ m.weight_orig.flatten(1) @ m.weight_v),
    "pruned": lambda m: m.weight_orig * m.weight_mask,
}


@pytest.mark.parametrize("form", BY_HAND)
def test_old_norms_and_masks_are_those_of_what_the_optimiser_left(tmp_path: Path, form: str) -> None:
    make: dict[str, Any] = {"weight_norm": weight_norm, "spectral_norm": spectral_norm, "pruned": pruned}
    model = OneLayer(make[form](conv()))
    probe = Probe("conv", BY_HAND[form])
    logged, told = fit(tmp_path, model, probe, max_epochs=2)
    assert told == []
    check(logged, "conv", probe.weights, [0, 4, 8])
    # The attribute itself is what the last batch's forward pass left.
    stale = float(model.conv.weight.detach().double().square().mean().sqrt())
    assert logged.scalars["filters/conv/rms"][-1][1] != pytest.approx(stale, rel=1e-6)


def changed(edit: Callable[[Any], Any]) -> Any:
    """A ``SmallNet`` after an edit."""
    pl.seed_everything(3)
    model = SmallNet()
    edit(model)
    return model


def make_lazy(model: Any) -> None:
    model.conv2 = nn.LazyConv1d(4, 3, padding=1)


@pytest.mark.parametrize("sanity", [True, False])
def test_a_lazy_layer_appears_with_its_first_weights_and_is_measured_from_them(tmp_path: Path, sanity: bool) -> None:
    model, probe = changed(make_lazy), Probe("conv2", attribute)
    if sanity:
        model.val_dataloader, model.validation_step = loader, lambda batch, batch_idx: model(batch[0]).sum()
    logged, told = fit(tmp_path, model, probe)
    assert (told, layers_of(logged)) == ([], {"conv1", "conv2"})
    assert logged.steps("filters/conv1/rms") == [0, 4, 8, 12]
    check(logged, "conv2", probe.weights, [0, 4, 8, 12])
    assert logged.scalars["filters/conv2/rotation"][-1][1] > 1e-4


def test_a_layer_that_appears_later_is_in_the_table_of_layers(tmp_path: Path) -> None:
    logged, _ = fit(tmp_path, changed(make_lazy))
    assert all(f"| `{layer}` |" in logged.texts["filters/layers"][-1][1] for layer in ("conv1", "conv2"))


def add_absent(model: Any) -> None:
    model.spare = nn.Conv1d(1, 4, 9, device="meta")
    model.spare._apply = lambda fn, recurse=True: model.spare  # Lightning cannot move it, and shall not try


def make_later(model: Any) -> None:
    model.conv2 = nn.Sequential(model.conv2)
    model.configure_model = lambda: model.conv2.append(nn.Conv1d(4, 4, 5))


def compile_both(model: Any) -> None:
    model.conv1.compile(backend="eager")
    model.conv2 = torch.compile(model.conv2, backend="eager")


def use_twice(model: Any) -> None:
    shared = nn.Conv1d(6, 6, 3, padding=1)
    model.conv2 = nn.Sequential(shared, shared, model.conv2)
    model.also = shared


def tie(model: Any) -> None:
    model.twin = nn.Conv1d(6, 4, 3)
    model.twin.weight = model.conv2.weight


#: Models by what is special about them, and where the layers that are logged are to be found.
BOTH = {"conv1": "conv1", "conv2": "conv2"}
MODELS: dict[str, tuple[Callable[[Any], Any], dict[str, str]]] = {
    "made in configure_model": (make_later, {"conv1": "conv1", "conv2.0": "conv2.0", "conv2.1": "conv2.1"}),
    "on the meta device": (add_absent, BOTH),
    "compiled": (compile_both, BOTH | {"conv2": "conv2._orig_mod"}),
    "used twice": (use_twice, {"conv1": "conv1", "conv2.0": "conv2.1", "conv2.2": "conv2.2"}),
    "tied": (tie, BOTH | {"twin": "conv2"}),
}


@pytest.mark.parametrize("kind", MODELS)
def test_layers_are_logged_once_under_the_names_that_users_know(tmp_path: Path, kind: str) -> None:
    edit, paths = MODELS[kind]
    probes = {name: Probe(path, attribute) for name, path in paths.items()}
    logged, told = fit(tmp_path, changed(edit), *probes.values(), max_epochs=2)
    assert (told, layers_of(logged)) == ([], set(paths))
    for name, probe in probes.items():
        check(logged, name, probe.weights, [0, 4, 8])


def test_a_frozen_layer_rests_until_it_is_unfrozen(tmp_path: Path) -> None:
    thaw = LambdaCallback(on_train_epoch_start=lambda trainer, m: m.conv1.requires_grad_(trainer.current_epoch > 1))
    model, probe = changed(lambda model: model.conv1.requires_grad_(False)), Probe("conv1", attribute)
    logged, told = fit(tmp_path, model, thaw, probe)
    assert told == []
    check(logged, "conv1", probe.weights, [0, 4, 8, 12])
    for kind, rest in (("rotation", 3), ("change", 2)):
        values = [value for _, value in logged.scalars[f"filters/conv1/{kind}"]]
        assert values[:rest] == pytest.approx([0.0] * rest, abs=1e-12)
        assert values[rest] > 1e-5


@pytest.mark.parametrize("form", [nn.Module.train, parametrizations.weight_norm])
def test_a_layer_that_deepspeed_partitions_is_skipped_with_one_warning(tmp_path: Path, form: Any) -> None:
    def partition(model: Any) -> None:
        model.conv1 = form(nn.Conv1d(1, 6, 9, padding=4, bias=False))
        for number, parameter in enumerate(model.conv1.parameters()):
            parameter.ds_id = number

    logged, told = fit(tmp_path, changed(partition))
    assert layers_of(logged) == {"conv2"}
    assert logged.steps("filters/conv2/rms") == [0, 4, 8, 12]
    assert ["'conv1'" in words and "DeepSpeed" in words for words in told] == [True]
