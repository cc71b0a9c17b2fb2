"""Layers that PEFT wraps: what is shown is what they convolve with, under the name that they have without it."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from filterscope import FilterRecorder, load_history, read_filters
from tests.support.adapters import Lora, PeftModel, Plain, Whole, impulse_response
from tests.support.states import digest, random_streams


def adapted(*names: str, **options: Any) -> Any:
    torch.manual_seed(5)
    model: Any = Plain()
    model.conv = Lora(model.conv, *(names or ("default",)), **options)
    return model


def merged() -> Any:
    model: Any = adapted()
    model.conv.merge()
    return model


def changed(model: Any, **fields: Any) -> Any:
    for name, value in fields.items():
        setattr(model.conv, name, value)
    return model


def normed() -> Any:
    model: Any = adapted()
    parametrizations.weight_norm(model.conv.base_layer)
    with torch.no_grad():
        model.conv.base_layer.parametrizations.weight.original0.mul_(1.5)
    return model


FORMS: dict[str, Callable[[], Any]] = {
    "LoRA": adapted,
    "DoRA": lambda: adapted(dora=True),
    "two active": lambda: adapted("a", "b"),
    "two active DoRA": lambda: adapted("a", "b", dora=True),
    "one of two active": lambda: changed(adapted("a", "b"), active_adapters=["b"]),
    "none active": lambda: changed(adapted(), active_adapters=[]),
    "one that this layer has not": lambda: changed(adapted(), active_adapters=["default", "elsewhere"]),
    "disabled": lambda: changed(adapted(), disable_adapters=True),
    "merged": merged,
    "over weight_norm": normed,
}


@pytest.mark.parametrize("form", FORMS)
def test_the_weight_is_the_one_that_forward_convolves_with(form: str) -> None:
    model = FORMS[form]()
    banks = read_filters(model, "*")
    assert list(banks) == ["conv", "head"]
    np.testing.assert_allclose(banks["conv"].weights, impulse_response(model.conv), atol=2e-6)


def test_half_precision_is_read() -> None:
    model: Any = adapted().half()
    wanted = model.conv.base_layer.weight + model.conv.get_delta_weight("default")
    np.testing.assert_allclose(read_filters(model)["conv"].weights, wanted.detach().float().numpy(), rtol=1e-3)


@pytest.mark.parametrize("wrap", [nn.Identity(), PeftModel], ids=["injected", "PeftModel"])
def test_names_are_those_of_the_model_without_adapters(wrap: Any) -> None:
    model = nn.ModuleDict({"net": wrap(Plain()), "base_model": wrap(adapted())})
    assert list(read_filters(model, "*")) == ["net.conv", "net.head", "base_model.conv", "base_model.head"]


def test_a_layer_that_is_trained_as_a_whole_is_its_active_copy() -> None:
    model: Any = PeftModel(adapted())
    original = model.base_model.model.head
    whole = model.base_model.model.head = Whole(original, "a", "b")
    copies: list[tuple[list[str], Any]] = [
        (["b"], whole.modules_to_save["b"].weight),
        (["a"], whole.modules_to_save["a"].weight),
        ([], original.weight),
    ]
    for active, weight in copies:
        whole.active_adapters = active
        banks = read_filters(model, "*")
        assert list(banks) == ["conv", "head"]
        np.testing.assert_array_equal(banks["head"].weights, weight.detach().numpy())
    whole.active_adapters, whole.disable_adapters = ["a"], True
    np.testing.assert_array_equal(read_filters(model)["head"].weights, original.weight.detach().numpy())


class Turning(Lora):
    """Adapters that turn the weight, as OFT does: what ``get_delta_weight`` gives is not to be added."""

    def __init__(self, base: nn.Conv1d) -> None:
        super().__init__(base, "default")
        self.oft_R = self.lora_A
        del self.lora_A


def turned() -> Any:
    model: Any = Plain()
    model.conv = Turning(model.conv)
    return model


def grouped() -> Any:
    model: Any = Plain()
    model.conv = Lora(nn.Conv1d(2, 6, 9, groups=2), "default")
    return model


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (grouped, "LoRA joins the groups"),
        (turned, r"Turning can be read once merge\(\)"),
        (lambda: changed(merged(), disable_adapters=True), r"merged and disabled; unmerge\(\)"),
    ],
)
def test_what_no_weight_tells_is_said_and_not_shown(tmp_path: Path, make: Callable[[], Any], reason: str) -> None:
    with pytest.raises(ValueError, match=f"layer 'conv' cannot be read.*{reason}"):
        read_filters(make())
    with pytest.warns(RuntimeWarning, match=reason), FilterRecorder(make(), tmp_path, plots=()) as recorder:
        recorder.snapshot(0)
    assert list(load_history(tmp_path)) == ["head"]


def test_a_history_goes_on_as_adapters_are_added_and_trained(tmp_path: Path) -> None:
    torch.manual_seed(5)
    model: Any = Plain()
    before = read_filters(model)["conv"].weights
    with FilterRecorder(model, tmp_path, plots=()) as recorder:
        recorder.snapshot(0)
        model.conv = Lora(model.conv, "default")
        recorder.snapshot(1)
    after = impulse_response(model.conv)
    history = load_history(tmp_path)["conv"]
    assert history.epochs.tolist() == [0, 1]
    np.testing.assert_allclose(history.weights[1], after, rtol=1e-3, atol=1e-3)
    a, b = before.reshape(6, -1).astype(float), after.reshape(6, -1).astype(float)
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(history.rotation()[1], 1 - cosine, atol=2e-3)
    assert history.rotation()[1].max() > 0.1


@pytest.mark.parametrize("dora", [False, True])
def test_training_with_adapters_is_the_same_with_and_without_us(tmp_path: Path, dora: bool) -> None:
    def train(recorder: FilterRecorder | None, model: nn.Module) -> str:
        torch.manual_seed(9)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        for epoch in range(3):
            if recorder is not None:
                recorder.snapshot(epoch)
            optimizer.zero_grad()
            model(torch.randn(2, 2, 20)).square().mean().backward()
            optimizer.step()
        return digest([model.state_dict(), optimizer.state_dict()["state"], random_streams()])

    model = adapted(dora=dora)
    plain = train(None, copy.deepcopy(model))
    with FilterRecorder(model, tmp_path, plots=()) as recorder:
        assert train(recorder, model) == plain


def state_of(model: nn.Module, keep: str = "") -> dict[str, Any]:
    """Of a ``PeftModel`` around a model, or what PEFT saves of it: the adapters alone, without their name."""
    state = PeftModel(model).state_dict()
    return {key.replace(".default.", "."): state[key] for key in state if keep in key} if keep else state


@pytest.mark.parametrize(("keep", "layers"), [("", ["head"]), ("lora_", [])])
def test_a_state_dict_says_that_it_does_not_tell_an_adapters_scale(keep: str, layers: list[str]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert list(read_filters(state_of(adapted(), keep), "*")) == layers
    (told,) = [str(each.message) for each in caught]
    assert "'conv'" in told
    assert "adapters" in told
    assert "head" not in told


@pytest.mark.parametrize("names", [["a"], ["a", "b"]])
def test_a_state_dict_has_a_layer_that_is_trained_as_a_whole_where_it_has_one_copy(names: list[str]) -> None:
    model: Any = Plain()
    model.head = Whole(model.head, *names)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        banks = read_filters(PeftModel(model).state_dict())
    assert list(banks) == ["conv", "head"][: 3 - len(names)]
    assert ["'head'" in str(each.message) for each in caught] == [True] * (len(names) - 1)
    for name, bank in banks.items():
        np.testing.assert_array_equal(bank.weights, read_filters(PeftModel(model))[name].weights)


def test_names_like_those_of_adapters_are_no_adapters() -> None:
    model = nn.ModuleDict(
        {
            "block": nn.ModuleDict({"base_layer": nn.Conv1d(1, 2, 3), "norm": nn.BatchNorm1d(2)}),
            "lora_gate": nn.Conv1d(1, 2, 5),
            "original_module": nn.Conv1d(1, 2, 7),
            "base_model": nn.ModuleDict({"model": nn.Conv1d(1, 2, 9)}),
        }
    )
    names = ["block.base_layer", "lora_gate", "original_module", "base_model.model"]
    assert list(read_filters(model)) == list(read_filters(model.state_dict())) == names


class _Own(nn.Module):
    """A module of a user's that has names of PEFT's."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.active_adapters, self.merged, self.peft_config = ["default"], False, {"default": None}


@pytest.mark.parametrize(
    "names",
    [
        ("base_layer", "ia3_gate", "other"),
        ("base_layer", "hra_net"),
        ("conv", "lora_A", "lora_B"),
        ("base_model", "head"),
    ],
)
def test_names_of_peft_alone_make_no_adapters(names: tuple[str, ...]) -> None:
    model = _Own(
        **{name: nn.Sequential(nn.Conv1d(2, 3, 5)) if "hra" in names[-1] else nn.Conv1d(2, 3, 5) for name in names}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        banks, stored = read_filters(model), read_filters(model.state_dict())
    assert list(banks) == list(stored)
    assert len(banks) == len(names)
