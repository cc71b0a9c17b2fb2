"""Weights of a model or checkpoint, in every form in which torch stores them, read without changing the model."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from filterscope import read_filters
from tests.support.states import random_streams


def conv(kind: type = nn.Conv1d, out: int = 6, **options: Any) -> Any:
    torch.manual_seed(3)
    return kind(4, out, 5, **options)


def small() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv1d(1, 8, 31, stride=2), nn.ReLU(), nn.Conv1d(8, 4, 5, dilation=3, groups=2))


def read(module: nn.Module) -> np.ndarray:
    return read_filters(nn.Sequential(module))["0"].weights


def after_forward(module: Any) -> np.ndarray:
    """What the module convolves with, as its next forward pass in evaluation mode leaves it."""
    module.eval()
    with torch.no_grad():
        module(torch.zeros(1, module.in_channels, 40))
    return module.weight.detach().numpy()


def shake(module: nn.Module) -> None:
    """An optimiser step, without a forward pass after it."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.5 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(5)))


def pruned_twice(module: nn.Module) -> nn.Module:
    prune.random_unstructured(module, "bias", 0.5)
    prune.l1_unstructured(module, "weight", 0.3)
    prune.ln_structured(module, "weight", 0.3, n=2, dim=0)
    return module


OLD: dict[str, Callable[[Any], Any]] = {
    "weight_norm": lambda module: weight_norm(module),
    "weight_norm of the whole": lambda module: weight_norm(module, dim=None),  # type: ignore[arg-type]
    "weight_norm of channels": lambda module: weight_norm(module, dim=1),
    "spectral_norm": lambda module: spectral_norm(module),
    "pruned": lambda module: prune.l1_unstructured(module, "weight", 0.5),
    "pruned twice": pruned_twice,
}
NEW: dict[str, Callable[[Any], Any]] = {
    "new weight_norm": lambda module: parametrizations.weight_norm(module),
    "new weight_norm of the whole": lambda module: parametrizations.weight_norm(module, dim=None),  # type: ignore[arg-type]
    "new weight_norm of channels": lambda module: parametrizations.weight_norm(module, dim=1),
    "new spectral_norm": lambda module: parametrizations.spectral_norm(module),
}
ALL = OLD | NEW
pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")


def test_a_models_layers_with_their_geometry() -> None:
    model = small()
    first, last = read_filters(model, sample_rate=100).values()
    assert (first.layer, last.layer) == ("0", "2")
    np.testing.assert_array_equal(first.weights, model[0].get_parameter("weight").detach().numpy())
    np.testing.assert_array_equal(last.weights, model[2].get_parameter("weight").detach().numpy())
    assert (first.stride, first.dilation, first.groups, first.sample_rate) == (2, 1, 1, 100.0)
    assert (last.stride, last.dilation, last.groups, last.sample_rate) == (1, 3, 2, None)
    assert (first.epoch, first.step) == (None, None)


@pytest.mark.parametrize("kind", [nn.Conv1d, nn.ConvTranspose1d])
def test_a_bare_convolution_is_called_by_its_class(kind: type) -> None:
    module = conv(kind)
    ((name, bank),) = read_filters(module).items()
    assert name == bank.layer == kind.__name__
    assert bank.transposed == (kind is nn.ConvTranspose1d)
    assert bank.weights.shape == tuple(module.weight.shape)


@pytest.mark.parametrize("kernel", [(1, 5), (5, 1)])
def test_a_conv2d_with_a_side_of_one(kernel: tuple[int, int]) -> None:
    module = nn.Conv2d(2, 3, kernel)
    expected = module.weight.detach().numpy().reshape(3, 2, 5)
    np.testing.assert_array_equal(read(module), expected)
    np.testing.assert_array_equal(read_filters({"a.weight": module.weight})["a"].weights, expected)


def test_globs_and_rates_choose_layers_of_models_and_states_alike() -> None:
    model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.Conv1d(2, 2, 1), nn.Conv1d(2, 2, 5))
    for source in (model, model.state_dict()):
        assert list(read_filters(source)) == ["0", "2"]
        assert list(read_filters(source, "*")) == ["0", "1", "2"]
        banks = read_filters(source, ["2", "1"], {"2": 50})
        assert {name: bank.sample_rate for name, bank in banks.items()} == {"1": None, "2": 50.0}
        with pytest.raises(ValueError, match="no layer matches 'conv'"):
            read_filters(source, "conv")


@pytest.mark.parametrize("wrap", [dict, lambda state: {"state_dict": state, "epoch": 3, "lr_schedulers": []}])
def test_a_state_dict_or_checkpoint_reads_as_the_model(wrap: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    model = small()
    banks, expected = read_filters(wrap(model.state_dict())), read_filters(model)
    assert list(banks) == list(expected)
    for name, bank in banks.items():
        np.testing.assert_array_equal(bank.weights, expected[name].weights)


def test_a_compiled_models_state_has_clean_names() -> None:
    compiled: Any = torch.compile(nn.Sequential(nn.Conv1d(1, 2, 3)))
    model = nn.Sequential(compiled)
    assert list(read_filters(model.state_dict())) == list(read_filters(model)) == ["0.0"]


def test_banks_share_no_memory_with_the_model() -> None:
    model = small()
    state = model.state_dict()
    banks = [*read_filters(model).values(), *read_filters(state).values()]
    before = [bank.weights.copy() for bank in banks]
    shake(model)
    for bank, weights in zip(banks, before, strict=True):
        np.testing.assert_array_equal(bank.weights, weights)
        bank.weights[:] = 7.0
    assert not any((parameter == 7.0).any() for parameter in model.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.complex64])
def test_weights_of_other_types_are_cast(dtype: torch.dtype) -> None:
    module = conv().to(dtype)
    expected = module.weight.detach().to(torch.complex64 if dtype.is_complex else torch.float32).numpy()
    for weights in (read(module), read_filters(nn.Sequential(module).state_dict())["0"].weights):
        assert weights.dtype == expected.dtype
        np.testing.assert_array_equal(weights, expected)


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("kind", [nn.Conv1d, nn.ConvTranspose1d])
def test_the_weight_is_that_of_the_next_forward_pass(kind: type, form: str) -> None:
    module = ALL[form](conv(kind))
    shake(module)
    weights = read(module)
    np.testing.assert_allclose(weights, after_forward(module), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("kind", [nn.Conv1d, nn.ConvTranspose1d])
def test_a_state_dict_reads_as_the_model_in_every_form(kind: type, form: str) -> None:
    module = ALL[form](conv(kind))
    shake(module)
    banks = read_filters({"net.0." + key: value for key, value in module.state_dict().items()})
    assert list(banks) == ["net.0"]
    np.testing.assert_allclose(banks["net.0"].weights, read(module), rtol=1e-5, atol=1e-6)


def test_a_square_transposed_convolution_under_spectral_norm_is_read_from_its_state() -> None:
    module = parametrizations.spectral_norm(conv(nn.ConvTranspose1d, out=4))  # both of its axes have length 4
    banks = read_filters({"net." + key: value for key, value in module.state_dict().items()})
    np.testing.assert_allclose(banks["net"].weights, read(module), rtol=1e-5, atol=1e-6)


def test_an_orthogonal_parametrization_is_read() -> None:
    module = parametrizations.orthogonal(conv())
    shake(module)
    weights = read(module)
    np.testing.assert_allclose(weights, after_forward(module), rtol=1e-5, atol=1e-6)


class Noise(nn.Module):
    """A parametrization that draws random numbers while it trains."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight + torch.randn_like(weight) if self.training else weight + 0 * torch.randn_like(weight)


@pytest.mark.parametrize("form", [*ALL, "orthogonal", "noise"])
@pytest.mark.parametrize("training", [True, False])
def test_reading_leaves_the_model_and_random_numbers_as_they_are(form: str, training: bool) -> None:
    module = conv()
    if form == "orthogonal":
        parametrizations.orthogonal(module)
    elif form == "noise":
        nn.utils.parametrize.register_parametrization(module, "weight", Noise())
    else:
        ALL[form](module)
    model = nn.Sequential(module).train(training)
    state = copy.deepcopy(model.state_dict())
    flags = [part.training for part in model.modules()]
    stream = random_streams()["torch"]
    weights = read(module)
    assert random_streams()["torch"] == stream
    assert [part.training for part in model.modules()] == flags
    for key, value in model.state_dict().items():
        assert torch.equal(value, state[key]), key
    np.testing.assert_array_equal(read(module), weights)


def test_the_gradient_graph_of_a_reading_is_none_of_the_models() -> None:
    module = weight_norm(conv())
    loss = module(torch.ones(1, 4, 9)).sum()
    read(module)
    loss.backward()
    assert module.weight_g.grad is not None


def test_a_layer_without_weights_yet_is_left_out() -> None:
    lazy = nn.Sequential(nn.LazyConv1d(4, 9), nn.Conv1d(4, 2, 3))
    for source in (lazy, lazy.state_dict()):
        assert list(read_filters(source)) == ["1"]
    lazy(torch.zeros(1, 3, 20))
    assert list(read_filters(lazy)) == ["0", "1"]


def test_a_layer_on_the_meta_device_is_left_out() -> None:
    assert list(read_filters(nn.Sequential(nn.Conv1d(1, 4, 9, device="meta"), nn.Conv1d(4, 2, 3)))) == ["1"]


def test_a_state_dict_on_the_meta_device_is_left_out() -> None:
    model = nn.Sequential(nn.Conv1d(1, 4, 9, device="meta"), nn.Conv1d(4, 2, 3))
    assert list(read_filters(model.state_dict())) == ["1"]


def test_a_model_without_1d_filters_has_none() -> None:
    assert read_filters(nn.Linear(3, 4)) == {}


@pytest.mark.parametrize("model", [None, "model.ckpt", [nn.Conv1d(1, 2, 3)], torch.zeros(2, 1, 3), nn.Conv1d])
def test_what_is_no_model_is_refused(model: Any) -> None:
    with pytest.raises(TypeError, match="must be a torch module or a state_dict, got"):
        read_filters(model)


def test_a_class_is_told_from_its_instance() -> None:
    with pytest.raises(TypeError, match="got the class Linear; give an instance, not the class"):
        read_filters(nn.Linear)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", [{}, {"epoch": 3}, {"state_dict": {}}])
def test_a_mapping_without_tensors_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no tensors"):
        read_filters(state)


@pytest.mark.parametrize(
    ("options", "error"), [({"layers": 3}, TypeError), ({"layers": []}, ValueError), ({"sample_rate": 0}, ValueError)]
)
def test_bad_arguments_are_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(options))):
        read_filters(small(), **options)


def test_a_parametrization_that_fails_names_its_layer() -> None:
    class Failing(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            raise RuntimeError("no luck")

    module = conv()
    nn.utils.parametrize.register_parametrization(module, "weight", Failing(), unsafe=True)
    with pytest.raises(ValueError, match=r"layer '0' cannot be read.*no luck"):
        read(module)
    assert module.training
