"""Modules that hide what they are: scripted, traced, exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import read_filters
from filterscope.models.files import load_file

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
INPUT = torch.zeros(1, 2, 40)


def small() -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(2, 4, 5, stride=2), nn.ReLU(), nn.ConvTranspose1d(4, 2, 3))


HIDDEN: dict[str, Callable[[nn.Module], nn.Module]] = {
    "scripted": torch.jit.script,
    "traced": lambda model: torch.jit.trace(model, INPUT),
    "exported": lambda model: torch.export.export(model, (INPUT,)).module(),
}


@pytest.mark.parametrize("how", HIDDEN)
def test_layers_of_a_module_that_does_not_tell_what_it_is_are_said_and_its_state_is_read(how: str) -> None:
    plain = small()
    model = nn.Sequential(HIDDEN[how](plain), nn.Conv1d(2, 3, 7))
    with pytest.warns(UserWarning, match=r"left out '0\.0', '0\.2': .*read_filters\(model\.state_dict\(\)\)"):
        assert list(read_filters(model)) == ["1"]
    banks = read_filters(model.state_dict())
    assert list(banks) == ["0.0", "0.2", "1"]
    np.testing.assert_array_equal(banks["0.0"].weights, plain[0].get_parameter("weight").detach().numpy())


def test_a_module_that_fx_traced_is_read_as_it_is(recwarn: pytest.WarningsRecorder) -> None:
    banks = read_filters(torch.fx.symbolic_trace(small()))
    assert {name: bank.stride for name, bank in banks.items()} == {"0": 2, "2": 1}
    assert [each for each in recwarn if "left out" in str(each.message)] == []


def test_an_exported_program_is_no_module_and_has_a_state_dict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = torch.export.export(small(), (INPUT,))
    with pytest.raises(TypeError, match=r"got ExportedProgram; its \.state_dict is one"):
        read_filters(program)  # type: ignore[arg-type]
    assert list(read_filters(program.state_dict)) == ["0", "2"]
    monkeypatch.chdir(tmp_path)
    torch.export.save(program, "model.pt2")
    with pytest.raises(
        ValueError, match=r"^is a program of torch\.export; .*torch\.export\.load\('model\.pt2'\)"
    ) as told:
        load_file("model.pt2")
    exec(str(told.value).partition("can be read: ")[2], {"torch": torch})
    assert list(read_filters(load_file("weights.pt"))) == ["0", "2"]
