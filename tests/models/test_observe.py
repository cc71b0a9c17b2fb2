"""Every 1-D convolution that a forward performs is read, counted a second time below the functions that we look at."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from filterscope import FilterBank, read_filters


class Sinc(nn.Module):
    """Band-passes made of their edges, as in SincNet."""

    taps: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.low = nn.Parameter(torch.linspace(0.01, 0.3, 8))
        self.band = nn.Parameter(torch.full((8,), 0.1))
        self.register_buffer("taps", torch.arange(-15, 16).float())

    def forward(self, x: Tensor) -> Tensor:
        high = self.low + self.band
        wide, narrow = (2 * f[:, None] * torch.sinc(2 * f[:, None] * self.taps) for f in (high, self.low))
        return F.conv1d(x, (wide - narrow)[:, None], stride=3)


class Twice(nn.Module):
    """A free filterbank and a fixed one."""

    fixed: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.free = nn.Parameter(torch.randn(4, 8, 5))
        self.register_buffer("fixed", torch.randn(4, 8, 5))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(x, self.free) + F.conv1d(x, weight=self.fixed, stride=(1,))


class Standardised(nn.Conv1d):
    """Its kernel is not its weight."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight - self.weight.mean((1, 2), keepdim=True)
        return F.conv1d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Masked(nn.Conv1d):
    """Sees the past only."""

    def forward(self, x: Tensor) -> Tensor:
        mask = torch.ones_like(self.weight)
        mask[..., 2:] = 0
        return F.conv1d(x, self.weight * mask, self.bias, padding=2)


class Complex(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(3, 6, 7, dtype=torch.complex64))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(x.to(torch.complex64), self.kernel).abs()


class Zoo(nn.Module):
    """One of each kind, one behind the other, and a functional one in the model itself."""

    def __init__(self) -> None:
        super().__init__()
        self.sinc = Sinc()
        self.twice = Twice()
        self.standard = Standardised(4, 6, 3, dilation=2)
        self.masked = Masked(6, 6, 5)
        self.grouped = nn.Conv1d(6, 6, 5, groups=2)
        self.complex = Complex()
        self.again = nn.Conv1d(3, 3, 3, padding="same")
        self.up = nn.ConvTranspose1d(3, 2, 7, stride=2)
        self.own = nn.Parameter(torch.randn(2, 2, 9))
        self.norm = nn.BatchNorm1d(2)
        self.plane = nn.Conv2d(1, 3, (1, 5), stride=(1, 2))
        self.square = nn.Conv2d(3, 1, 3, padding=1)
        self.pointwise = nn.Conv1d(2, 2, 1)
        self.idle = nn.Conv1d(1, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.complex(self.grouped(self.masked(self.standard(self.twice(self.sinc(x))))))
        x = self.norm(self.up(self.again(self.again(x))))
        x = F.dropout(F.conv1d(x, self.own), 0.5, self.training)
        if self.training:
            x = x + self.idle(x[:, :1]).mean()
        return self.square(self.plane(self.pointwise(x)[:, None]))


NAMES = ["Zoo", "sinc", "twice#0", "twice#1", "standard", "masked", "grouped", "complex", "again", "up", "plane"]


class Counted(TorchDispatchMode):
    """The weights of all convolutions, as the library below gets them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.weights: list[Tensor] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.convolution.default:
            self.weights.append(args[1].detach().clone())
        return func(*args, **(kwargs or {}))


def batch() -> Tensor:
    return torch.randn(2, 1, 400, generator=torch.Generator().manual_seed(3))


def quiet(read: Callable[[], dict[str, FilterBank]]) -> dict[str, FilterBank]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is idle is said: a test of its own
        return read()


def test_all_that_is_performed_is_read_to_the_last_bit() -> None:
    model = Zoo()
    banks = quiet(lambda: read_filters(model, "*", inputs=batch()))
    assert list(banks) == [*NAMES[:-1], "plane", "pointwise"]
    model.eval()
    with torch.no_grad(), Counted() as counted:
        model(batch())
    for name, bank in banks.items():
        kernels = [weight.reshape(*weight.shape[:2], -1).numpy() for weight in counted.weights]
        assert any(np.array_equal(kernel, bank.weights) for kernel in kernels) or name == "complex", name
    lines = [w for w in counted.weights if w.dim() == 3 or (w.shape[2] > 1) != (w.shape[3] > 1)]
    assert len(lines) >= len(banks)
    np.testing.assert_array_equal(banks["complex"].weights, model.complex.kernel.detach().numpy())
    assert (banks["sinc"].stride, banks["standard"].dilation, banks["grouped"].groups) == (3, 2, 2)
    assert (banks["up"].transposed, banks["up"].stride, banks["plane"].stride) == (True, 2, 2)


def test_what_is_not_performed_is_said() -> None:
    with pytest.warns(UserWarning, match="left out 'idle': not performed by the forward"):
        assert "idle" not in read_filters(Zoo(), inputs=batch())


def test_globs_choose_among_what_is_performed() -> None:
    model = Zoo()
    assert list(quiet(lambda: read_filters(model, "twice", inputs=batch()))) == ["twice#0", "twice#1"]
    assert list(quiet(lambda: read_filters(model, "*#1", inputs=batch()))) == ["twice#1"]
    banks = quiet(lambda: read_filters(model, ["sinc", "up"], {"sinc": 100.0}, inputs=batch()))
    assert [bank.sample_rate for bank in banks.values()] == [100.0, None]
    with pytest.raises(ValueError, match=r"no layer matches 'idle'; the forward on these inputs has: Zoo, sinc,"):
        quiet(lambda: read_filters(model, "idle", inputs=batch()))


def test_the_model_and_all_random_streams_are_left_as_they_were() -> None:
    model = Zoo().train()
    model.norm.eval()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    before = [dict(vars(module)) for module in model.modules()]
    streams = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    quiet(lambda: read_filters(model, inputs=batch()))
    assert torch.equal(torch.get_rng_state(), streams[0])
    assert random.getstate() == streams[1]
    np.testing.assert_equal(np.random.get_state(), streams[2])  # noqa: NPY002
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[name])
    for module, known in zip(model.modules(), before, strict=True):
        assert vars(module).keys() == known.keys()
        assert module.training == known["training"]
        assert not [*module._forward_hooks, *module._forward_pre_hooks]


def test_compiled_models_run_as_they_were_written() -> None:
    model = Zoo()
    model.grouped.compile()
    compiled: Any = torch.compile(model)
    assert list(quiet(lambda: read_filters(compiled, inputs=batch()))) == NAMES


class Keyed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3)

    def forward(self, signal: Tensor, *, scale: float = 1.0) -> Tensor:
        return self.conv(signal) * scale


@pytest.mark.parametrize("inputs", [(batch(),), {"signal": batch()}, {"signal": batch(), "scale": 2.0}, batch()])
def test_inputs_are_one_tensor_or_the_arguments(inputs: Any) -> None:
    assert list(read_filters(Keyed(), inputs=inputs)) == ["conv"]


@pytest.mark.parametrize("inputs", [torch.randn(1, 3, 50), {"sound": batch()}, ()])
def test_the_models_own_error_comes_with_a_hint(inputs: Any) -> None:
    model = Keyed()
    with pytest.raises((RuntimeError, TypeError)) as raised:
        read_filters(model, inputs=inputs)
    assert "inputs= must be what the model's forward takes" in raised.value.__notes__[0]
    assert (model.training, len(model.conv._forward_hooks)) == (True, 0)
    assert torch.overrides._get_current_function_mode() is None


def test_what_cannot_be_run_is_refused() -> None:
    with pytest.raises(TypeError, match=r"a tensor, a tuple of arguments or a dict of arguments by name, got list"):
        read_filters(Keyed(), inputs=[1])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a state_dict has nothing to run"):
        read_filters(Keyed().state_dict(), inputs=batch())
