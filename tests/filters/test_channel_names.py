"""Which layer's channels a user's names are for."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from filterscope import FilterBank
from filterscope.filters.selection import channel_names

LAYERS = {"stem": 4, "blocks.0.conv": 16, "blocks.1.conv": 16, "head": 2}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, {}),
        ("ACGT", {"stem": ("A", "C", "G", "T")}),
        (["Fz", "Cz", "Pz", "Oz"], {"stem": ("Fz", "Cz", "Pz", "Oz")}),
        ({"head": "AB"}, {"head": ("A", "B")}),
        ({"stem": "ACGT", "*": "ABCDEFGHIJKLMNOP", "head": "AB"}, None),
        (
            {"blocks.*": "ABCDEFGHIJKLMNOP"},
            dict.fromkeys(("blocks.0.conv", "blocks.1.conv"), tuple("ABCDEFGHIJKLMNOP")),
        ),
    ],
)
def test_names_are_for_the_first_layer_or_for_those_that_globs_name(given: Any, expected: Any) -> None:
    if expected is None:  # the first glob that matches counts, and is wrong for the head
        with pytest.raises(ValueError, match="16 for 'head', whose filters read 2 channels"):
            channel_names(LAYERS, given)
        return
    assert channel_names(LAYERS, given) == dict.fromkeys(LAYERS) | expected
    assert channel_names(LAYERS, given, must_fit=False) == dict.fromkeys(LAYERS) | expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("ACG", "channel_names has 3 for the first layer, 'stem', whose filters read 4 channels; give 4, or name"),
        (["Fz"], "channel_names has 1 for the first layer, 'stem', whose filters read 4 channels"),
        ({"blocks.*": "ACGT"}, "channel_names has 4 for 'blocks.0.conv', whose filters read 16 channels"),
        ({"sten": "ACGT"}, "no layer matches 'sten'; the model has: stem, blocks.0.conv"),
    ],
)
def test_what_does_not_fit_is_told_with_both_numbers_or_left_out(given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        channel_names(LAYERS, given)
    assert channel_names(LAYERS, given, must_fit=False) == dict.fromkeys(LAYERS)


def test_a_lazy_layer_has_no_names_before_its_channels_are_known() -> None:
    assert channel_names({"lazy": 0, "conv": 2}, "ACGT") == {"lazy": None, "conv": None}
    assert channel_names({}, "ACGT") == {} == channel_names({}, {"stem": "ACGT"})


def test_a_bank_takes_as_many_names_as_it_has_channels() -> None:
    weights = np.zeros((3, 4, 5))
    assert FilterBank("conv", weights).channel_names is None
    assert FilterBank("conv", weights, channel_names="ACGT").channel_names == ("A", "C", "G", "T")  # type: ignore[arg-type]
    bank = FilterBank("conv", weights, channel_names=("Fz", "Cz", "Pz", "Oz"))
    assert bank.head(2).channel_names == bank.channel_names
    with pytest.raises(ValueError, match="channel_names has 2 names, and weights 4 channels"):
        FilterBank("conv", weights, channel_names=("Fz", "Cz"))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("A", "C"), True),
        (("Ω", "Ж"), True),
        (("x", "y"), False),
        (("A", "C2"), False),
        (("A", "1"), False),
        (None, False),
    ],
)
def test_capital_letters_are_those_of_a_sequence(names: Any, expected: bool) -> None:
    assert FilterBank("conv", np.zeros((3, 2, 5)), channel_names=names).is_lettered == expected
    assert not FilterBank("conv", np.zeros((3, 2, 5), complex), channel_names=names).is_lettered
    assert not FilterBank("conv", np.zeros((3, 1, 5)), channel_names=names and names[:1]).is_lettered
