"""Every 1-D convolution that a forward performs is read, counted a second time below the functions that we look at."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from filterscope import FilterBank, read_filters
from tests.support.zoo import NAMES, Counted, Zoo


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


class Coder(nn.Module):
    """One way through filters that others have too, and with ``again`` through them once more."""

    def __init__(self, filters: nn.Module, convolve: Callable[..., Tensor], again: bool = False) -> None:
        super().__init__()
        self.filters, self.convolve, self.again = filters, convolve, again

    def forward(self, x: Tensor) -> Tensor:
        y = self.convolve(x, self.filters.taps, stride=4)
        return self.convolve(x + y.mean(), self.filters.taps, stride=4) if self.again else y


def test_filters_that_two_modules_share_are_a_layer_of_each_and_of_one_no_more() -> None:
    filters = nn.Module()
    filters.taps = nn.Parameter(torch.randn(8, 1, 16))
    model = nn.Sequential(Coder(filters, nn.functional.conv1d, True), Coder(filters, nn.functional.conv_transpose1d))
    banks = read_filters(model, inputs=batch())
    assert {name: (bank.transposed, bank.stride) for name, bank in banks.items()} == {"0": (False, 4), "1": (True, 4)}
    for bank in banks.values():
        np.testing.assert_array_equal(bank.weights, filters.taps.detach().numpy())


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


class Failing(nn.Conv1d):
    """Convolves, and then raises."""

    def forward(self, input: Tensor) -> Tensor:
        raise ArithmeticError(f"{super().forward(input).shape[0]} signals are too many")


def test_an_error_of_the_model_is_all_that_is_heard_of_it(recwarn: pytest.WarningsRecorder) -> None:
    with pytest.raises(ArithmeticError, match="2 signals"):
        read_filters(nn.Sequential(Failing(1, 4, 9)), inputs=batch())
    assert not recwarn.list


def test_torch_finds_no_hook_of_ours_when_a_model_is_compiled_later(recwarn: pytest.WarningsRecorder) -> None:
    read_filters(nn.Sequential(nn.Conv1d(1, 4, 9)), inputs=batch())
    torch.compile(nn.Sequential(nn.Conv1d(1, 2, 3)), backend="eager")(batch())
    assert not [each for each in recwarn.list if "global hooks" in str(each.message)]
