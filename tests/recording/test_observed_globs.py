"""Globs that may mean what only a forward tells of, and models whose forwards are not observed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from filterscope import Conv1dFilterMonitor, FilterRecorder, load_history
from tests.recording.test_opening import Front, fit
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.zoo import Sinc

NOT_SEEN = "is there, a Linear, and was not seen to convolve; the layers are: conv1, conv2, sinc"


@pytest.mark.parametrize("layers", ["sinc", "s*", ["sinc"], "*sinc"])
def test_a_glob_of_a_module_waits_for_the_first_forward(tmp_path: Path, layers: Any) -> None:
    assert fit(tmp_path, Front(), layers=layers) == []
    assert list(load_history(tmp_path)) == ["sinc"]


@pytest.mark.parametrize(
    ("option", "value"), [("layers", ("conv1", "head")), ("sample_rate", {"conv1": 2.0, "head": 3.0})]
)
def test_a_module_that_does_not_convolve_is_told_once_and_ends_nothing(tmp_path: Path, option: str, value: Any) -> None:
    assert fit(tmp_path, Front(), **{option: value}) == [f"filterscope: {option}={value!r}: 'head' {NOT_SEEN}"]
    assert "conv1" in load_history(tmp_path)


def test_a_glob_that_matches_no_module_either_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"layers='sink': no layer matches 'sink'; the model has: conv1, conv2"):
        fit(tmp_path, Front(), layers="sink")


def test_one_number_gives_the_rates_of_all_layers(tmp_path: Path) -> None:
    assert fit(tmp_path, Front(), sample_rate=300.0) == []
    assert {name: history[-1].sample_rate for name, history in load_history(tmp_path).items()} == {
        "sinc": 300.0,
        "conv1": 100.0,
        "conv2": 100.0,
    }


def compiled_child() -> Front:
    model = Front()
    model.conv2.compile(backend="eager")
    return model


def scripted_child() -> Front:
    model: Any = Front()
    model.extra = torch.jit.script(nn.ReLU())
    return model


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (compiled_child, "it is compiled"),
        (lambda: torch.compile(Front(), backend="eager"), "it is compiled"),
        (scripted_child, "part of it is scripted"),
    ],
    ids=["a layer compiled", "all compiled", "a part scripted"],
)
def test_what_is_not_observed_is_read_by_its_modules_and_that_is_said(
    tmp_path: Path, make: Any, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=(), sample_rate=300.0), max_epochs=1)
    with caplog.at_level(logging.INFO):
        trainer.fit(make(), loader())
    histories = load_history(tmp_path)
    assert {name: history[-1].sample_rate for name, history in histories.items()} == {"conv1": 300.0, "conv2": None}
    said = [each.getMessage() for each in caplog.records if "filterscope watches" in each.getMessage()]
    assert said == [
        f"filterscope watches 2 layers: conv1, conv2; what other modules convolve with is not looked for: {why}"
    ]


def test_a_glob_of_a_module_cannot_wait_where_nothing_is_observed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="layers='sinc': 'sinc' is there, a Sinc, and was not seen to convolve"):
        make_trainer(tmp_path, Conv1dFilterMonitor("sinc"), max_epochs=1).fit(compiled_child(), loader())
    with pytest.raises(ValueError, match="'sinc' is there"):
        FilterRecorder(compiled_child(), tmp_path, layers="sinc")


class Counts:
    """Counts compilations."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, graph: Any, _: Any) -> Any:
        self.number += 1
        return graph.forward


class Function(SmallNet):
    """Calls a compiled function on what its layers give."""

    def __init__(self, backend: Any) -> None:
        super().__init__()
        self.sinc = Sinc()
        self.function = [torch.compile(self.squared, backend=backend, fullgraph=True)]

    @staticmethod
    def squared(x: Tensor, kernel: Tensor) -> Tensor:
        return nn.functional.conv1d(x, kernel * 2).square().sin()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.function[0](self.conv1(x), self.conv2.weight).mean(-1) + self.sinc(x).mean())


def test_compilations(tmp_path: Path) -> None:
    def number(make: Any, *callbacks: Any) -> int:
        torch.compiler.reset()
        counts = Counts()
        make_trainer(tmp_path, *callbacks, max_epochs=2).fit(make(counts), loader())
        return counts.number

    def modules(backend: Any) -> Any:
        return torch.compile(SmallNet(), backend=backend)

    for make in (modules, Function):
        bare = number(make)
        assert bare == 1
        assert number(make, Conv1dFilterMonitor(plots=())) == bare, make
    assert list(load_history(tmp_path)) == ["conv1", "conv2"]  # and the front end is not looked for
