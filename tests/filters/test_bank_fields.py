"""What a bank takes for its fields, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from filterscope import FilterBank, FilterHistory, dead_filters


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("layer", None, TypeError),
        ("layer", b"conv", TypeError),
        ("stride", 0, ValueError),
        ("stride", "2", TypeError),
        ("dilation", 0, ValueError),
        ("dilation", 1.5, TypeError),
        ("dilation", (2,), TypeError),
        ("groups", 0, ValueError),
        ("groups", True, TypeError),
        ("total_filters", 2.5, TypeError),
        ("epoch", 1.5, TypeError),
        ("epoch", "1", TypeError),
        ("step", np.nan, TypeError),
        ("sample_rate", "16000", TypeError),
        ("sample_rate", -5, ValueError),
        ("sample_rate", {"conv": 5}, TypeError),
        ("transposed", "no", TypeError),
        ("within_epoch", 2, TypeError),
        ("in_time", None, TypeError),
        ("channel_names", {"Fz", "Cz"}, TypeError),  # in no order
        ("channel_names", b"ab", TypeError),
        ("channel_names", [1, 2], TypeError),
        ("channel_names", {"conv": "AC"}, TypeError),
        ("channel_names", ["Fz", " "], ValueError),
        ("channel_names", "ACGT", ValueError),
    ],
)
def test_a_field_that_cannot_be_is_refused_by_name(field: str, value: Any, error: type[Exception]) -> None:
    given: dict[str, Any] = {"layer": "conv", field: value}
    with pytest.raises(error, match=field):
        FilterBank(weights=np.ones((3, 2, 5)), **given)
    with pytest.raises(error, match=field):
        FilterBank("conv", np.ones((3, 2, 5))).with_fields(**{field: value})


@pytest.mark.parametrize(
    ("indices", "error"), [([0.5, 1.5, 2.5], TypeError), ([0, 1, 1], ValueError), ([-1, 0, 1], ValueError)]
)
def test_indices_are_numbers_of_different_filters(indices: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="indices must be"):
        FilterBank("conv", np.ones((3, 1, 5)), np.array(indices))


def test_numbers_of_numpy_become_those_of_a_bank() -> None:
    bank = FilterBank("conv", np.ones((4, 2, 5)), epoch=np.uint8(3), stride=np.int64(2), in_time=np.bool_(False))  # type: ignore[arg-type]
    held = bank.epoch, bank.stride, bank.in_time
    assert held == (3, 2, False)
    assert [type(each) for each in held] == [int, int, bool]
    assert bank.with_fields(channel_names=["Fz", "Cz"]).channel_names == ("Fz", "Cz")


def test_other_values_of_fields_must_be_of_fields_and_fit() -> None:
    bank = FilterBank("conv", np.ones((4, 2, 5)), channel_names=("a", "b"))
    with pytest.raises(TypeError, match=r"no field sample_rte; it has layer, weights, .*sample_rate"):
        bank.with_fields(sample_rte=16000)
    with pytest.raises(ValueError, match=r"weights \(3, 2, 5\) and indices \(4,\) do not belong together"):
        bank.with_fields(weights=bank.weights[:3])
    with pytest.raises(ValueError, match=r"weights \(2, 5\) and indices \(4,\) do not belong together"):
        bank.with_fields(weights=bank.weights[0])
    with pytest.raises(ValueError, match="2 names, and weights 3 channels"):
        bank.with_fields(weights=np.ones((4, 3, 5), np.float32))
    with pytest.raises(TypeError, match="expected a ndarray, got list"):
        bank.with_fields(weights=[[[1.0]]])


@pytest.mark.parametrize(
    ("threshold", "error"),
    [(np.nan, ValueError), (np.inf, ValueError), (-1, ValueError), (1j, TypeError), ("", TypeError)],
)
def test_a_threshold_of_dead_filters_is_a_share(threshold: Any, error: type[Exception]) -> None:
    bank = FilterBank("conv", np.ones((4, 2, 5)))
    with pytest.raises(error, match="threshold="):
        dead_filters(bank, threshold)
    with pytest.raises(error, match="threshold="):
        FilterHistory([bank]).dead(threshold)
    assert not dead_filters(bank, 0).any()
