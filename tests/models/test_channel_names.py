"""Names of channels in what is read of a model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from filterscope import read_filters

DNA = ("A", "C", "G", "T")


def model() -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(4, 8, 1), nn.Conv1d(8, 6, 5), nn.ConvTranspose1d(6, 2, 5))


@pytest.mark.parametrize("form", ["model", "state_dict", "inputs"])
@pytest.mark.parametrize(
    ("given", "expected"),
    [("ACGT", {"0": DNA}), ({"1": "ABCDEFGH", "2": ["l", "r"]}, {"1": tuple("ABCDEFGH"), "2": ("l", "r")}), (None, {})],
)
def test_names_are_read_in_every_form_of_a_model(form: str, given: Any, expected: dict[str, Any]) -> None:
    net: Any = model()
    if form == "state_dict":  # which does not tell a transposed one: its channels lie otherwise
        net = net[:2]
        given = {"1": "ABCDEFGH"} if isinstance(given, dict) else given
        expected = {name: names for name, names in expected.items() if name != "2"}
    inputs: Any = {"inputs": torch.zeros(1, 4, 32)} if form == "inputs" else {}
    found = read_filters(net.state_dict() if form == "state_dict" else net, "*", channel_names=given, **inputs)
    assert {name: bank.channel_names for name, bank in found.items() if bank.channel_names} == expected


def test_names_are_of_the_models_first_layer_and_not_of_the_first_one_read() -> None:
    assert read_filters(model(), channel_names="ACGT")["1"].channel_names is None
    with pytest.raises(ValueError, match="has 8 for the first layer, '0', whose filters read 4 channels"):
        read_filters(model(), "1", channel_names="ABCDEFGH")
    assert read_filters(nn.Conv1d(4, 2, 3), channel_names="ACGT")["Conv1d"].channel_names == DNA


def test_each_filter_of_a_group_reads_the_channels_of_its_group() -> None:
    net = nn.Sequential(nn.Conv1d(4, 8, 5, groups=2))
    assert read_filters(net, channel_names=["x", "y"])["0"].channel_names == ("x", "y")
    with pytest.raises(ValueError, match="has 4 for the first layer, '0', whose filters read 2 channels"):
        read_filters(net, channel_names="ACGT")


@pytest.mark.parametrize("given", [3, ["Fz", 3], {"0": 3}])
def test_what_names_nothing_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match=r"channel_names=.* is not names.*'ACGT'.*\['Fz', 'Cz'\]"):
        read_filters(model(), channel_names=given)
