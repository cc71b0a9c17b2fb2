"""Which modules hold 1-D filters, and which of them a user means."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import FilterRecorder, load_history, read_filters
from filterscope.filters.checks import check_patterns, check_sample_rate
from filterscope.filters.selection import sample_rates, select
from filterscope.models.layers import find_layers
from tests.support.nets import SmallNet


class Special(nn.Conv1d):
    """A user's own convolution."""


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv1d(2, 4, 5)
        self.right = self.left


def names(model: Any) -> list[str]:
    return [layer.name for layer in find_layers(model)]


@pytest.mark.parametrize(
    ("module", "taps", "stride", "dilation", "transposed", "temporal"),
    [
        (nn.Conv1d(2, 4, 9, stride=3, dilation=2), 9, 3, 2, False, True),
        (nn.ConvTranspose1d(4, 2, 8, stride=4), 8, 4, 1, True, True),
        (Special(2, 4, 5), 5, 1, 1, False, True),
        (nn.Conv1d(2, 4, 1), 1, 1, 1, False, True),
        (nn.Conv2d(2, 4, (1, 7), stride=(2, 3), dilation=(4, 5)), 7, 3, 5, False, False),
        (nn.Conv2d(2, 4, (7, 1), stride=(2, 3), dilation=(4, 5)), 7, 2, 4, False, False),
        (nn.ConvTranspose2d(2, 4, (7, 1), stride=(2, 3), dilation=(4, 5)), 7, 2, 4, True, False),
    ],
)
def test_geometry_along_the_taps(
    module: nn.Module, taps: int, stride: int, dilation: int, transposed: bool, temporal: bool
) -> None:
    (layer,) = find_layers(nn.Sequential(module))
    assert layer.module is module
    assert (layer.taps, layer.stride, layer.dilation) == (taps, stride, dilation)
    assert (layer.transposed, layer.is_temporal) == (transposed, temporal)


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(1, 2, 3),
        nn.Conv2d(1, 2, (1, 1)),
        nn.Conv2d(1, 2, (3, 5)),
        nn.Conv3d(1, 2, (1, 1, 5)),
        nn.ConvTranspose2d(1, 2, (3, 5)),
        nn.Linear(3, 4),
        nn.Bilinear(2, 3, 4),
    ],
)
def test_other_modules_hold_no_1d_filters(module: nn.Module) -> None:
    assert find_layers(nn.Sequential(module)) == []


def test_layers_come_in_model_order_by_their_dotted_names() -> None:
    model = nn.ModuleDict(
        {
            "stem": nn.Conv1d(1, 2, 9),
            "blocks": nn.ModuleList(nn.Sequential(nn.Conv1d(2, 2, 3), nn.ReLU(), nn.Conv1d(2, 2, 1)) for _ in range(2)),
            "head": nn.Sequential(nn.Flatten(), nn.Linear(4, 2)),
            "decoder": nn.ConvTranspose1d(2, 1, 9),
        }
    )
    assert names(model) == ["stem", "blocks.0.0", "blocks.0.2", "blocks.1.0", "blocks.1.2", "decoder"]
    assert names(nn.Sequential(nn.Conv1d(1, 2, 3), nn.Sequential(nn.Conv1d(2, 2, 3)))) == ["0", "1.0"]


def test_a_shared_module_is_found_once() -> None:
    assert names(Shared()) == ["left"]


def test_a_convolution_itself_is_called_by_its_class() -> None:
    assert names(nn.Conv1d(1, 2, 3)) == ["Conv1d"]
    assert names(Special(1, 2, 3)) == ["Special"]
    assert names(torch.compile(nn.Conv1d(1, 2, 3))) == ["Conv1d"]


def test_names_are_free_of_what_torch_compile_adds() -> None:
    model = nn.Sequential(nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU()), nn.Conv1d(2, 2, 3))
    plain = names(model)
    compiled: Any = torch.compile(model[0])
    model[0] = compiled
    assert names(model) == plain == ["0.0", "1"]
    assert names(torch.compile(model)) == plain


def test_a_lazy_layer_is_found_and_keeps_its_name() -> None:
    model = nn.Sequential(nn.LazyConv1d(4, 9), nn.ReLU())
    (before,) = find_layers(model)
    assert (before.name, before.taps) == ("0", 9)
    model(torch.zeros(1, 3, 20))
    assert names(model) == ["0"]


TAPS = {"stem": 31, "conv1": 9, "conv10": 9, "block.0.conv": 3, "block.0.point": 1, "block.1.conv": 3, "Head.conv": 5}


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (None, ["stem", "conv1", "conv10", "block.0.conv", "block.1.conv", "Head.conv"]),
        ("*", list(TAPS)),
        ("conv1", ["conv1"]),
        ("conv1*", ["conv1", "conv10"]),
        ("conv?", ["conv1"]),
        ("*conv", ["block.0.conv", "block.1.conv", "Head.conv"]),
        ("block*", ["block.0.conv", "block.0.point", "block.1.conv"]),
        ("block.*.conv", ["block.0.conv", "block.1.conv"]),
        ("*.[1-9].*", ["block.1.conv"]),
        ("*point", ["block.0.point"]),
        (["conv10", "stem"], ["stem", "conv10"]),  # model order
        (("stem", "st*"), ["stem"]),
    ],
)
def test_globs_choose_by_whole_dotted_names(patterns: Any, expected: list[str]) -> None:
    assert select(TAPS, patterns) == expected


@pytest.mark.parametrize("patterns", ["conv", "head.conv", "Conv1", ["stem", "conv2"], "tem"])
def test_a_glob_that_matches_nothing_lists_the_layers(patterns: Any) -> None:
    missing = patterns if isinstance(patterns, str) else patterns[-1]
    with pytest.raises(ValueError, match=rf"no layer matches {missing!r}") as caught:
        select(TAPS, patterns)
    assert all(name in str(caught.value) for name in TAPS)


@pytest.mark.parametrize("patterns", [None, "*", "conv1"])
def test_a_model_without_layers_is_no_error(patterns: str | None) -> None:
    assert select({}, patterns) == []


def test_only_pointwise_layers_select_nothing_by_default() -> None:
    assert select({"a": 1, "b": 1}, None) == []


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (None, [None, None, None]),
        (16_000, [16_000.0, None, 4_000.0]),
        ({"stem": 100, "block.*": 50.5}, [100.0, 50.5, 50.5]),
        ({"block.1": 7}, [None, None, 7.0]),
        ({"block.1": 7, "*": 3}, [3.0, 3.0, 7.0]),  # the first glob that matches counts
        ({"*": 3, "block.1": 7}, [3.0, 3.0, 3.0]),
        (np.float32(250), [250.0, None, 62.5]),
    ],
)
def test_sample_rates_of_layers(rate: Any, expected: list[float | None]) -> None:
    rates = sample_rates(["stem", "block.0", "block.1"], rate, {"stem": 1.0, "block.1": 0.25})
    assert rates == dict(zip(["stem", "block.0", "block.1"], expected, strict=True))
    assert all(value is None or type(value) is float for value in rates.values())


def test_a_sample_rate_for_no_layer_lists_the_layers() -> None:
    with pytest.raises(ValueError, match=r"no layer matches 'sten'.*stem, block\.0"):
        sample_rates(["stem", "block.0"], {"*": 5, "sten": 100}, {})


def test_without_layers_there_are_no_sample_rates() -> None:
    assert sample_rates([], 100, {}) == sample_rates([], {"conv": 100}, {}) == {}


@pytest.mark.parametrize("layers", [None, "conv*", ["a"], ("a", "b.*")])
def test_good_patterns_pass(layers: Any) -> None:
    check_patterns(layers)


@pytest.mark.parametrize(
    ("layers", "error"),
    [
        ("", ValueError),
        ([], ValueError),
        ((), ValueError),
        (["conv", ""], ValueError),
        (3, TypeError),
        ([3], TypeError),
        ([None], TypeError),
        ({"conv"}, TypeError),
        (b"conv", TypeError),
        (True, TypeError),
    ],
)
def test_bad_patterns_are_refused_by_name_and_value(layers: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        check_patterns(layers)
    assert f"layers={layers!r}" in str(caught.value)


@pytest.mark.parametrize("rate", [None, 1, 0.5, 16_000.0, np.float32(3), np.int64(3), {"conv*": 16_000}])
def test_good_sample_rates_pass(rate: Any) -> None:
    check_sample_rate(rate)


@pytest.mark.parametrize(
    ("rate", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        ({}, ValueError),
        ({"conv": 0}, ValueError),
        ("16k", TypeError),
        (True, TypeError),
        (1j, TypeError),
        ([16_000], TypeError),
        ({"conv": None}, TypeError),
        ({"conv": "16k"}, TypeError),
        ({"conv": {"a": 1}}, TypeError),
        ({3: 16_000}, TypeError),
    ],
)
def test_bad_sample_rates_are_refused_by_name_and_value(rate: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="sample_rate=") as caught:
        check_sample_rate(rate)
    shown = repr(rate), *(repr(value) for value in (rate.values() if isinstance(rate, dict) else ()))
    assert any(f"sample_rate={value}" in str(caught.value) for value in shown)


class PlainSizes(nn.Conv1d):
    """A convolution that pads by hand, and keeps plain numbers where torch keeps tuples."""

    def __init__(self) -> None:
        super().__init__(1, 4, 5, stride=2, dilation=3)
        self.kernel_size, self.stride, self.dilation = 5, 2, 3  # type: ignore[assignment]


class PlainSquare(nn.Conv2d):
    def __init__(self) -> None:
        super().__init__(1, 4, 3)
        self.kernel_size = 3  # type: ignore[assignment]


def test_sizes_may_be_plain_numbers() -> None:
    model = nn.Sequential(PlainSizes(), PlainSquare(), nn.Conv2d(1, 2, (1, 7)))
    (first, second) = find_layers(model)
    assert (first.name, first.taps, first.stride, first.dilation) == ("0", 5, 2, 3)
    assert (second.name, second.taps) == ("2", 7)
    bank = read_filters(model)["0"]
    assert (bank.weights.shape, bank.stride, bank.dilation) == ((4, 1, 5), 2, 3)


def test_names_with_brackets_are_found_and_a_prefix_is_told() -> None:
    model = nn.ModuleDict({"conv[0]": nn.Conv1d(1, 2, 5), "encoder": nn.Sequential(nn.Conv1d(1, 2, 5))})
    assert list(read_filters(model, "conv[0]")) == ["conv[0]"]
    assert read_filters(model, "conv*", {"conv[0]": 100})["conv[0]"].sample_rate == 100
    words = r"no layer matches 'encoder'; did you mean 'encoder\.\*'\? the model has: conv\[0\], encoder\.0"
    with pytest.raises(ValueError, match=words):
        read_filters(model, "encoder")


class OddShape(nn.Conv1d):
    """A convolution whose weight is one vector, which its forward folds."""

    def __init__(self) -> None:
        super().__init__(1, 2, 5)
        self.weight = nn.Parameter(torch.randn(10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv1d(x, self.weight.view(2, 1, 5))


def test_a_weight_of_another_shape_costs_its_own_layer_only(tmp_path: Path) -> None:
    model = nn.Sequential(OddShape(), nn.Conv1d(2, 3, 5))
    recorder = FilterRecorder(model, tmp_path, plots=())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        recorder.snapshot(0)
        recorder.snapshot(1)
        recorder.close()
    assert len([each for each in caught if "cannot read layer '0'" in str(each.message)]) == 1
    history = load_history(tmp_path)
    assert list(history) == ["1"]
    assert history["1"].epochs.tolist() == [0, 1]


def test_another_default_device_changes_nothing(tmp_path: Path) -> None:
    model = SmallNet()
    torch.set_default_device("meta")
    try:
        bank = read_filters(model)["conv1"]
        with FilterRecorder(model, tmp_path, plots=()) as recorder:
            recorder.snapshot(0)
    finally:
        torch.set_default_device(None)
    np.testing.assert_array_equal(bank.weights, model.conv1.weight.detach().numpy())
    np.testing.assert_array_equal(load_history(tmp_path)["conv1"].initial.weights, bank.weights)
