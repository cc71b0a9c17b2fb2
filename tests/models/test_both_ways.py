"""A model and its ``state_dict`` give the same banks; where they cannot, one warning says why."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.ao import quantization
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm

from filterscope import FilterBank, FilterRecorder, load_history, read_filters

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning", "ignore:torch.ao.quantization")


class Own(nn.Module):
    """A parametrization without tensors of its own, such as a bound on the norm."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight.clamp(-0.1, 0.1)


class Halves(nn.Module):
    """A parametrization of two tensors, which is no ``weight_norm``."""

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return torch.cat([left, right], -1)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return weight[..., :2], weight[..., 2:]


def under(module: nn.Module, *each: nn.Module) -> nn.Module:
    for one in each:
        parametrize.register_parametrization(module, "weight", one)
    return module


def conv(**options: Any) -> Any:
    return nn.Conv1d(4, 6, 5, **options)


def quantized(*modules: nn.Module) -> nn.Module:
    """Converted to integers, after one look at each module's range of values."""
    torch.backends.quantized.engine = "qnnpack"
    model = nn.Sequential(*modules).eval()
    model.qconfig = quantization.get_default_qconfig("qnnpack")
    ready = quantization.prepare(model)
    for module in ready:
        module.activation_post_process(torch.randn(2, 6, 20))
    return quantization.convert(ready)


def twice() -> nn.Module:
    block = nn.Sequential(conv(), nn.BatchNorm1d(6), nn.Conv1d(6, 2, 3, bias=False))
    return nn.ModuleDict({"left": block, "other": conv(), "right": block})


def tied() -> nn.Module:
    model = nn.ModuleDict({"left": conv(), "right": conv()})
    model["right"].weight = model["left"].weight
    return model


#: Models, and the layers that both ways give of them.
ZOO: dict[str, tuple[Callable[[], nn.Module], list[str]]] = {
    "Conv1d": (lambda: nn.Sequential(conv(), conv(bias=False), conv(groups=2)), ["0", "1", "2"]),
    "pointwise": (lambda: nn.Sequential(nn.Conv1d(4, 6, 1)), ["0"]),
    "ConvTranspose1d": (lambda: nn.Sequential(nn.ConvTranspose1d(4, 6, 5, groups=2)), ["0"]),
    "Conv2d": (
        lambda: nn.Sequential(*(nn.Conv2d(4, 6, kernel) for kernel in ((1, 5), (5, 1), (1, 1), (3, 5), 3))),
        ["0", "1"],
    ),
    "ConvTranspose2d": (
        lambda: nn.Sequential(*(nn.ConvTranspose2d(4, 6, kernel) for kernel in ((1, 5), (5, 1), (1, 1), 3))),
        ["0", "1"],
    ),
    "Conv3d": (lambda: nn.Sequential(nn.Conv3d(4, 6, (1, 1, 5)), nn.ConvTranspose3d(4, 6, 3)), []),
    "LayerNorm": (lambda: nn.Sequential(nn.LayerNorm((8, 16, 4)), nn.LayerNorm((8, 4, 1, 5)), nn.LayerNorm(4)), []),
    "no convolutions": (
        lambda: nn.Sequential(nn.Linear(3, 4), nn.Embedding(5, 4), nn.GRU(3, 4), nn.MultiheadAttention(4, 2)),
        [],
    ),
    "one module twice": (twice, ["left.0", "left.2", "other"]),
    "tied weights": (tied, ["left", "right"]),
    "lazy": (lambda: nn.Sequential(nn.LazyConv1d(4, 9), conv()), ["1"]),
    "meta": (lambda: nn.Sequential(nn.Conv1d(1, 4, 9, device="meta"), conv()), ["1"]),
    "half": (lambda: nn.Sequential(conv()).half(), ["0"]),
    "old weight_norm": (lambda: nn.Sequential(weight_norm(conv())), ["0"]),
    "old spectral_norm": (lambda: nn.Sequential(spectral_norm(conv())), ["0"]),
    "pruned": (lambda: nn.Sequential(prune.l1_unstructured(conv(), "weight", 0.5)), ["0"]),
    "weight_norm": (lambda: nn.Sequential(parametrizations.weight_norm(conv())), ["0"]),
    "spectral_norm": (lambda: nn.Sequential(parametrizations.spectral_norm(conv())), ["0"]),
    "normed linear layers": (lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 4))), []),
    "a parametrized bias": (lambda: nn.Sequential(parametrize.register_parametrization(conv(), "bias", Own())), ["0"]),
    "quantised": (lambda: quantized(conv(), nn.ConvTranspose1d(6, 4, 3), nn.Conv2d(2, 4, (1, 5))), ["0", "1", "2"]),
    "a layer called weight": (lambda: nn.ModuleDict({"weight": conv()}), ["weight"]),
}


def both(model: nn.Module) -> tuple[dict[str, FilterBank], dict[str, FilterBank], list[str]]:
    """Banks of a model and of its state, and what was told of the state."""
    banks = read_filters(model, "*")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stored = read_filters(model.state_dict(), "*")
    return banks, stored, [str(each.message) for each in caught]


def same(one: Mapping[str, FilterBank], other: Mapping[str, FilterBank]) -> None:
    assert list(one) == list(other)
    for name, bank in one.items():
        np.testing.assert_allclose(bank.weights, other[name].weights, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ZOO)
def test_a_model_and_its_state_dict_give_the_same(kind: str) -> None:
    make, layers = ZOO[kind]
    torch.manual_seed(2)
    banks, stored, told = both(make())
    assert told == []
    assert list(banks) == layers
    same(banks, stored)


#: Weights that a ``state_dict`` holds in part.
PARTS: dict[str, Callable[[], nn.Module]] = {
    "a parametrization of one's own": lambda: under(conv(), Own()),
    "of two tensors": lambda: under(conv(), Halves()),
    "above weight_norm": lambda: under(parametrizations.weight_norm(conv()), Own()),
    "below spectral_norm": lambda: parametrizations.spectral_norm(under(conv(), Own())),
    "orthogonal": lambda: parametrizations.orthogonal(conv()),
}


@pytest.mark.parametrize("kind", PARTS)
def test_what_a_state_dict_holds_in_part_is_left_out_with_one_warning(tmp_path: Path, kind: str) -> None:
    model = nn.ModuleDict({"first": PARTS[kind](), "plain": conv(), "again": PARTS[kind]()})
    banks, stored, told = both(model)
    assert list(banks) == ["first", "plain", "again"]
    assert list(stored) == ["plain"]
    assert ["'first', 'again': what its parametrization does" in words for words in told] == [True]
    torch.save(model.state_dict(), tmp_path / "weights.pt")  # which keeps the names that tell of the second one
    with pytest.warns(UserWarning, match="'first', 'again'"):
        assert list(read_filters(torch.load(tmp_path / "weights.pt"))) == ["plain"]


def test_many_layers_that_are_left_out_are_counted() -> None:
    model = nn.Sequential(*(under(conv(), Own()) for _ in range(11)))
    with pytest.warns(UserWarning, match=r"'0', '1', .*'7' and 3 more: what"):
        assert read_filters(model.state_dict()) == {}


@pytest.mark.parametrize("module", [nn.Bilinear(3, 5, 4), nn.LayerNorm((8, 16, 4), bias=False)])
def test_what_has_a_convolutions_names_and_shapes_cannot_be_told_from_one(module: nn.Module) -> None:
    banks, stored, _ = both(nn.Sequential(module))
    assert (list(banks), list(stored)) == ([], ["0"])  # as the documentation says


def test_a_quantised_layer_is_recorded_as_the_numbers_that_it_convolves_with(tmp_path: Path) -> None:
    model: Any = quantized(nn.Conv1d(4, 6, 5, stride=2, dilation=3))
    wanted = model[0].weight().dequantize().numpy()
    bank = read_filters(model)["0"]
    np.testing.assert_array_equal(bank.weights, wanted)
    assert (bank.stride, bank.dilation, bank.groups, bank.transposed) == (2, 3, 1, False)
    with FilterRecorder(model, tmp_path, plots=()) as recorder:
        recorder.snapshot(0)
    np.testing.assert_array_equal(load_history(tmp_path)["0"].initial.weights, wanted)


def test_a_weight_of_integers_is_no_filter() -> None:
    assert read_filters({"packed.weight": torch.ones(4, 2, 5, dtype=torch.int8)}) == {}


def _broken() -> dict[str, Any]:
    torch.manual_seed(0)
    return {
        "good.weight": torch.randn(4, 2, 5),
        "graph.weight": torch.randn(4, 2, 5),
        "graph.adjacency": torch.eye(3).to_sparse(),
        "norm.weight_g": torch.randn(7),
        "norm.weight_v": torch.randn(4, 2, 5),
        "spectral.weight_orig": torch.randn(4, 2, 5),
        "spectral.weight_u": torch.randn(9),
        "spectral.weight_v": torch.randn(3),
        "claims.weight": torch.randn(1).expand(100, 100, 500),
        "sparse.weight": torch.randn(4, 2, 5).to_sparse(),
    }


def test_one_odd_tensor_costs_its_own_layer_and_is_named() -> None:
    with pytest.warns(UserWarning, match="left out") as said:
        banks = read_filters(_broken())
    assert list(banks) == ["good", "graph"]
    (warning,) = said
    for name in ("norm", "spectral", "claims", "sparse"):
        assert repr(name) in str(warning.message)
    assert "(100, 100, 500) claims more numbers than are stored" in str(warning.message)


def test_names_that_are_no_text_are_left_alone() -> None:
    class Endless:
        """Takes for ever to print."""

        def __str__(self) -> str:
            raise AssertionError("printed")

        __repr__ = __str__

    state: dict[Any, Any] = {"conv.weight": torch.randn(2, 1, 3), Endless(): torch.randn(2, 1, 3)}
    assert list(read_filters(state)) == ["conv"]
