"""The sample rate of every layer follows from one number, or is unknown; it is never wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from filterscope import read_filters


def conv(channels: int = 1, out: int = 1, taps: int = 5, **options: Any) -> nn.Conv1d:
    return nn.Conv1d(channels, out, taps, **options)


class Model(nn.Module):
    """Runs a function of its layers, ``first`` and ``second``."""

    def __init__(self, how: Callable[[Any, Tensor], Tensor], first: Any = None, second: Any = None) -> None:
        super().__init__()
        self.how = how
        self.first, self.second = first or conv(), second or conv()

    def forward(self, x: Tensor) -> Tensor:
        return self.how(self, x)


def between(*parts: Callable[[Tensor], Tensor], first: Any = None, second: Any = None) -> Model:
    """One layer, some functions, and another layer."""

    def how(model: Any, x: Tensor) -> Tensor:
        x = model.first(x)
        for part in parts:
            x = part(x)
        return model.second(x)

    return Model(how, first, second)


def rates(model: nn.Module, samples: int = 1000) -> list[float | None]:
    """Of both layers at a signal of 1000 Hz."""
    banks = read_filters(model, ["first", "second"], 1000.0, inputs=torch.randn(2, 1, samples))
    return [bank.sample_rate for bank in banks.values()]


def shuffled(x: Tensor) -> Tensor:
    """Channels become samples, as in a sub-pixel convolution."""
    return x.reshape(x.shape[0], 1, 3, x.shape[-1]).permute(0, 1, 3, 2).reshape(x.shape[0], 1, -1)


def resampled(x: Tensor) -> Tensor:
    """Two samples for every three, by a bank of two filters."""
    kernel = torch.hann_window(14)[1:-1].reshape(2, 1, 6)
    return F.conv1d(x, kernel, stride=3).transpose(1, 2).reshape(x.shape[0], 1, -1)[..., :200]


#: What lies between two layers, and the rate of the second, at 1000 Hz.
CHAINS: dict[str, tuple[Model, float | None]] = {
    "nothing": (between(), 1000.0),
    "a stride": (between(first=conv(stride=3)), 1000 / 3),
    "a stride and pooling": (between(lambda x: F.max_pool1d(x, 4), first=conv(stride=5)), 50.0),
    "dilation": (between(first=conv(dilation=7)), 1000.0),
    "same padding": (between(first=conv(taps=31, padding="same")), 1000.0),
    "circular padding": (between(first=conv(taps=31, padding=15, padding_mode="circular")), 1000.0),
    "explicit padding": (between(lambda x: F.pad(x, (30, 7)), second=conv(taps=31)), 1000.0),
    "transposed": (between(first=nn.ConvTranspose1d(1, 1, 8, stride=4)), 4000.0),
    "pooling that overlaps": (between(lambda x: F.avg_pool1d(x, 75, 15)), 1000 / 15),
    "pooling by a module": (between(nn.MaxPool1d(3, 2, 1), nn.BatchNorm1d(1), nn.ReLU()), 500.0),
    "pooling twice": (between(nn.AvgPool1d(3), nn.AvgPool1d(3)), 1000 / 9),
    "every other sample": (between(lambda x: x[..., ::2]), 500.0),
    "a crop": (between(lambda x: x[:, :, 100:-313]), 1000.0),
    "half of a crop": (between(lambda x: x[..., : x.shape[-1] // 2]), 1000.0),
    "twice after another": (between(lambda x: torch.cat([x, x], -1)), 1000.0),
    "repeated": (between(lambda x: x.repeat(1, 1, 3)), 1000.0),
    "upsampled": (between(lambda x: F.interpolate(x, scale_factor=2)), 2000.0),
    "channels become samples": (between(shuffled, first=conv(out=3)), 3000.0),
    "samples of channels one after another": (between(lambda x: x.reshape(2, 1, -1), first=conv(out=3)), None),
    "frames": (between(lambda x: x[..., :900].reshape(-1, 1, 30)), None),
    "unfolded frames": (between(lambda x: x.unfold(-1, 30, 10).reshape(-1, 1, 30)), None),
    "a spectrum": (between(lambda x: torch.fft.rfft(x).abs()), None),
    "a spectrogram": (between(lambda x: torch.stft(x[:, 0], 64, 10, return_complex=True).abs()[:, :1, :]), None),
    "a dense layer over time": (between(nn.Linear(996, 498)), None),
    "pooling to a number of samples": (between(nn.AdaptiveAvgPool1d(500)), None),
    "resampled by two thirds": (between(resampled), 2000 / 3),
    "a recurrent layer": (between(lambda x: nn.LSTM(1, 1, batch_first=True)(x.mT)[0].mT), 1000.0),
    "mean over time and back": (between(lambda x: x * x.mean(-1, keepdim=True)), 1000.0),
    "a gate": (between(lambda x: x * conv(taps=1)(F.adaptive_avg_pool1d(x, 1)).sigmoid()), 1000.0),
    "attention": (between(lambda x: x + x.mT.matmul(x).softmax(-1).matmul(x.mT).mT), 1000.0),
    "a half": (between(lambda x: x.chunk(2, -1)[0]), 1000.0),
    "a part": (between(lambda x: x.split([400, 596], -1)[1]), 1000.0),
    "a crop, channels last": (between(lambda x: x.mT[:, :498].mT), 1000.0),
    "padding, channels last": (between(lambda x: F.pad(x.mT, (0, 0, 996, 0)).mT), 1000.0),
    "twice after another, channels last": (between(lambda x: torch.cat([x.mT, x.mT], 1).mT), 1000.0),
    "turned and back": (between(lambda x: x.permute(2, 0, 1).permute(1, 2, 0)), 1000.0),
    "another axis": (between(lambda x: x[:, None].squeeze(1)), 1000.0),
    "power mean pooling": (between(nn.LPPool1d(2, 4)), 250.0),
    "pooling undone": (between(lambda x: F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), [2])), None),
    "the largest": (between(lambda x: x.topk(498, -1).values), None),
    "sorted": (between(lambda x: x.sort(-1).values), None),
    "chosen": (between(lambda x: x.index_select(-1, torch.arange(498))), None),
    "each twice": (between(lambda x: x.repeat_interleave(2, -1)), 2000.0),
    "a mean for all": (between(lambda x: x.mean(-1, keepdim=True).expand(-1, -1, 996)), None),
    "products over time": (between(lambda x: torch.einsum("bct,ts->bcs", x, torch.ones(996, 498))), None),
    "a function of numpy's": (between(lambda x: torch.from_numpy(x.detach().numpy())), None),
}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", CHAINS)
def test_what_lies_between_two_layers_is_undone_or_ends_what_is_known(name: str) -> None:
    model, expected = CHAINS[name]
    found = rates(model)
    assert found[0] == 1000.0
    assert found[1] is None if expected is None else found[1] == pytest.approx(expected)


def test_a_layer_across_channels_is_not_in_time() -> None:
    """As in efficient channel attention, and in mixers."""
    model = nn.Sequential(conv(out=64), Turn(), nn.Conv1d(996, 996, 3, padding=1), Turn(), conv(64))
    banks = list(read_filters(model, sample_rate=1000.0, inputs=torch.randn(2, 1, 1000)).values())
    assert [(bank.sample_rate, bank.in_time) for bank in banks] == [(1000.0, True), (None, False), (None, True)]


class Turn(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


def test_a_layer_at_two_rates_has_none() -> None:
    model = Model(lambda model, x: model.second(model.first(x)).mean() + model.second(F.avg_pool1d(x, 2)).mean())
    assert rates(model) == [1000.0, None]


def test_a_kernel_as_long_as_its_axis_is_not_in_time() -> None:
    model = nn.Sequential(plane(1, 25), plane(128, 1))
    banks = list(read_filters(model, sample_rate=250.0, inputs=torch.randn(2, 1, 128, 100)).values())
    assert [bank.in_time for bank in banks][1] is False
    assert banks[1].sample_rate is None


def test_a_kernel_of_31_taps_on_150_samples() -> None:
    model = between(nn.MaxPool1d(2), first=conv(taps=31), second=conv(taps=31))
    assert rates(model, 150) == [1000.0, 500.0]


def test_branches_meet_at_their_common_rate() -> None:
    def how(model: Any, x: Tensor) -> Tensor:
        slow = model.first(x)  # stride 4
        up = F.interpolate(slow, size=x.shape[-1])
        return model.second(x + up)

    assert rates(Model(how, conv(stride=4, padding=2))) == [1000.0, 1000.0]


def test_branches_side_by_side_have_the_rate_of_the_signal() -> None:
    model = Model(lambda model, x: torch.cat([model.first(x)[..., :900], model.second(x)[..., :900]], 1), conv(taps=9))
    assert rates(model) == [1000.0, 1000.0]


def test_a_second_signal_has_a_rate_of_its_own() -> None:
    def how(model: Any, both: Any) -> Tensor:
        return model.first(both[0]).mean(-1) + model.second(both[1]).mean(-1)

    inputs = ((torch.randn(2, 1, 1600), torch.randn(2, 1, 100)),)
    banks = read_filters(Model(how), sample_rate=1000.0, inputs=inputs)
    assert [bank.sample_rate for bank in banks.values()] == [1000.0, None]


def plane(height: int, width: int, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(1, 1, (height, width), **options)


def test_kernels_along_the_long_side_are_in_time_and_others_never() -> None:
    model = nn.Sequential(plane(1, 25), plane(22, 1), nn.AvgPool2d((1, 75), (1, 15)), plane(1, 9))
    banks = list(read_filters(model, sample_rate=250.0, inputs=torch.randn(2, 1, 22, 1125)).values())
    assert [bank.sample_rate for bank in banks] == [250.0, None, pytest.approx(250 / 15)]
    assert [bank.in_time for bank in banks] == [True, False, True]


def test_lines_that_become_signals_keep_their_rate() -> None:
    model = nn.Sequential(plane(9, 1, stride=(2, 1)), nn.Flatten(2), conv(taps=9))
    banks = list(read_filters(model, sample_rate=100.0, inputs=torch.randn(2, 1, 400, 1)).values())
    assert [bank.sample_rate for bank in banks] == [100.0, 50.0]


def test_a_square_input_says_nothing() -> None:
    (bank,) = read_filters(plane(1, 9), sample_rate=100.0, inputs=torch.randn(2, 1, 40, 40)).values()
    assert (bank.sample_rate, bank.in_time) == (None, False)


def test_globs_name_rates_outright() -> None:
    model = between(first=conv(stride=3))
    banks = read_filters(model, sample_rate={"second": 7.0}, inputs=torch.randn(2, 1, 100))
    assert [bank.sample_rate for bank in banks.values()] == [None, 7.0]


def test_without_a_forward_only_the_first_layer_is_known() -> None:
    model = nn.Sequential(conv(stride=2), conv())
    assert [bank.sample_rate for bank in read_filters(model, sample_rate=8.0).values()] == [8.0, None]
    assert [bank.sample_rate for bank in read_filters(model, "1", sample_rate=8.0).values()] == [None]
