"""Modules of the shape of PEFT's, which itself pulls in transformers; they compute as peft 0.21 does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn


class Lora(nn.Module):
    """A convolution with adapters around it, as ``peft.tuners.lora.Conv1d``: they run beside it, in ``forward``."""

    def __init__(self, base: nn.Conv1d, *names: str, dora: bool = False, rank: int = 2) -> None:
        super().__init__()
        self.base_layer = base
        self.lora_A, self.lora_B, self.lora_magnitude_vector = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        self.scaling: dict[str, float] = {}
        self.active_adapters: list[str] = list(names)
        self.merged_adapters: list[str] = []
        self.disable_adapters = False
        for name in names:
            self.lora_A[name] = nn.Conv1d(base.in_channels, rank, base.kernel_size[0], bias=False)
            self.lora_B[name] = second = nn.Conv1d(rank, base.out_channels, 1, bias=False)
            nn.init.normal_(second.weight, std=0.5)
            self.scaling[name] = 2.0 + len(self.scaling)
            if dora:
                norm = base.weight.detach().norm(dim=(1, 2), keepdim=True).transpose(0, 1)
                self.lora_magnitude_vector[name] = nn.Module()
                self.lora_magnitude_vector[name].weight = nn.Parameter(1.7 * norm)

    @property
    def merged(self) -> bool:
        return bool(self.merged_adapters)

    def get_base_layer(self) -> nn.Module:
        return self.base_layer

    def get_delta_weight(self, name: str) -> Tensor:
        first: Any = self.lora_A[name]
        second: Any = self.lora_B[name]
        product = nn.functional.conv1d(first.weight.transpose(0, 1), second.weight)
        return product.transpose(0, 1) * self.scaling[name]

    def merge(self) -> None:
        for name in self.active_adapters:
            self.base_layer.weight.data += self.get_delta_weight(name).detach()
            self.merged_adapters.append(name)

    def forward(self, x: Tensor) -> Tensor:
        result: Any = self.base_layer(x)
        if self.disable_adapters or self.merged:
            return result
        for name in filter(self.lora_A.__contains__, self.active_adapters):
            own = self.lora_B[name](self.lora_A[name](x)) * self.scaling[name]
            if name in self.lora_magnitude_vector:
                both = self.base_layer.weight + self.get_delta_weight(name)
                norm = both.norm(dim=(1, 2), keepdim=True).transpose(0, 1).detach()
                scale = self.lora_magnitude_vector[name].weight / norm
                result = result + (scale - 1) * (result - self.base_layer.get_parameter("bias")[:, None]) + scale * own
            else:
                result = result + own
        return result


class Whole(nn.Module):
    """A layer that is trained as a whole, as ``peft.utils.other.ModulesToSaveWrapper``: a copy for each adapter."""

    def __init__(self, original: nn.Conv1d, *names: str) -> None:
        super().__init__()
        self.original_module = original
        self.modules_to_save = nn.ModuleDict({name: _like(original) for name in names})
        self.active_adapters = list(names[:1])
        self.disable_adapters = False

    def forward(self, x: Tensor) -> Tensor:
        return self.modules_to_save[self.active_adapters[0]](x)


def _like(module: nn.Conv1d) -> nn.Conv1d:
    return nn.Conv1d(module.in_channels, module.out_channels, module.kernel_size[0])


class PeftModel(nn.Module):
    """A model with what ``get_peft_model`` puts around it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.peft_config: dict[str, Any] = {"default": SimpleNamespace()}
        inner: Any = nn.Module()
        inner.model, inner.targeted_module_names = model, ["conv"]
        self.base_model = inner

    def get_base_model(self) -> Any:
        return self.base_model.model

    def forward(self, x: Tensor) -> Tensor:
        return self.base_model.model(x)


class Plain(nn.Module):
    """Two convolutions in a row."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 6, 9)
        self.head = nn.Conv1d(6, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv(x))


def impulse_response(module: nn.Module, channels: int = 2, taps: int = 9) -> Any:
    """What a module convolves with, ``filters x channels x taps``, as its ``forward`` tells."""
    length = 2 * taps - 1
    with torch.no_grad():
        silence = module(torch.zeros(1, channels, length))
        pulses = torch.zeros(channels, channels, length)
        pulses[range(channels), range(channels), taps - 1] = 1
        return (module(pulses) - silence).flip(-1).transpose(0, 1).numpy()
