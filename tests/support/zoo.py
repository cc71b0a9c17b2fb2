"""Modules that convolve in every way, in which filters are no module's weight, and a second count of what they do."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode


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
