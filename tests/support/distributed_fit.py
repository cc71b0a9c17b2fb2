"""Two-process fits on the CPU, run as a program: python -m tests.support.distributed_fit DIRECTORY STRATEGY ....

Fails with a traceback if what is recorded differs from the model. Every rank prints lines of JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy, FSDPStrategy, ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.fsdp.wrap import ModuleWrapPolicy
from torch.nn.utils import parametrizations

from filterscope import Conv1dFilterMonitor
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.states import random_streams
from tests.support.zoo import Sinc

#: Strategies under which every rank's training is held against one without the monitor.
TWICE = ("ddp", "ddp_made", "fsdp1", "fsdp2", "fsdp2_weight_norm")


class CpuFsdpStrategy(FSDPStrategy):
    """Lightning and torch refuse FSDP on the CPU unless the device is named."""

    def _setup_model(self, model: nn.Module) -> nn.Module:
        return FullyShardedDataParallel(model, device_id=torch.device("cpu"), **self.kwargs)


class FullyShardedNet(SmallNet):
    """Sharded by FSDP2; ``conv2`` is a unit of its own, ``conv1`` belongs to the root."""

    def configure_model(self) -> None:
        assert self.device_mesh is not None
        mesh = self.device_mesh["data_parallel"]
        fully_shard(self.conv2, mesh=mesh)
        fully_shard(self, mesh=mesh)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self(batch[0])


class SpectralNet(FullyShardedNet):
    """One layer that cannot be read outside of forward under FSDP2."""

    def __init__(self) -> None:
        super().__init__()
        parametrizations.spectral_norm(self.conv1)


class WeightNormNet(FullyShardedNet):
    def __init__(self) -> None:
        super().__init__()
        parametrizations.weight_norm(self.conv1)


class Talks(nn.Module):
    """Asks the other rank for a part of the kernel that it makes."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(4, 1, 5))

    def forward(self, x: Tensor) -> Tensor:
        mean = self.kernel.detach().mean()
        torch.distributed.all_reduce(mean)
        return nn.functional.conv1d(x, self.kernel - mean, padding=2)


class MadeNet(SmallNet):
    """Filters that are made in forwards, in front of others."""

    def __init__(self) -> None:
        super().__init__(channels=12)
        self.sinc, self.talks = Sinc(), Talks()

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.cat([self.sinc(x), self.talks(x)[..., : (x.shape[-1] - 28) // 3]], 1))


def whole_weights(trainer: pl.Trainer, model: nn.Module) -> dict[str, torch.Tensor]:
    """All parameters in full, gathered in one go; on every rank. (FSDP's own state dict crashes on the CPU.)"""
    if isinstance(trainer.model, FullyShardedDataParallel):
        with FullyShardedDataParallel.summon_full_params(trainer.model, writeback=False):
            return {
                name.replace("_fsdp_wrapped_module.", ""): module.weight.detach().clone()
                for name, module in model.named_modules()
                if isinstance(module, nn.Conv1d)
                for name in [f"{name}.weight"]
            }
    state = trainer.strategy.lightning_module_state_dict()
    return {name: getattr(value, "full_tensor", lambda value=value: value)() for name, value in state.items()}


def say(**facts: Any) -> None:
    """A line of JSON in one write, so that two ranks cannot share a line."""
    os.write(1, f"{json.dumps(facts)}\n".encode())


class Compare(pl.Callback):
    """Holds what the monitor recorded against a gathering of the whole model."""

    def __init__(self, monitor: Conv1dFilterMonitor, strategy: str) -> None:
        self.monitor, self.strategy = monitor, strategy
        self.compared = 0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        whole = whole_weights(trainer, pl_module)
        session = self.monitor._session
        if trainer.global_rank != 0 or session is None or session.intake.last is None:
            return
        for name, bank in session.intake.last[1].banks.items():
            key = f"{name}.weight"
            if key in whole:
                np.testing.assert_array_equal(bank.weights, whole[key].detach().cpu().numpy())
                self.compared += 1

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        say(strategy=self.strategy, rank=trainer.global_rank, compared=self.compared)


def strategy_of(name: str) -> Any:
    if name.startswith("ddp"):
        starts: dict[str, Any] = {"ddp_spawn": "spawn", "ddp_fork": "fork"}
        return DDPStrategy(start_method=starts.get(name, "popen"))
    if name.startswith("fsdp1"):
        policy = ModuleWrapPolicy({nn.Conv1d})
        wrapped: dict[str, Any] = {} if name == "fsdp1_root_only" else {"auto_wrap_policy": policy}
        return CpuFsdpStrategy(use_orig_params=name != "fsdp1_flat", **wrapped)
    return ModelParallelStrategy(data_parallel_size=2, tensor_parallel_size=1)


def model_of(name: str) -> pl.LightningModule:
    pl.seed_everything(3)
    nets = {
        "ddp_made": MadeNet,
        "fsdp2": FullyShardedNet,
        "fsdp2_spectral": SpectralNet,
        "fsdp2_weight_norm": WeightNormNet,
    }
    return nets.get(name, SmallNet)()


class Digest(pl.Callback):
    """Prints a hash of this rank's parameters, optimiser state and random state."""

    def __init__(self, strategy: str) -> None:
        self.strategy = strategy

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        digest = digest_of(pl_module, trainer.optimizers[0])
        say(strategy=self.strategy, rank=trainer.global_rank, digest=digest)


def digest_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> str:
    """A hash of this rank's parameters, buffers, optimiser state and random state."""
    digest = hashlib.sha256(random_streams()["torch"].encode())
    tensors = [*model.parameters(), *model.buffers()]
    for state in optimizer.state.values():
        tensors += [value for value in state.values() if isinstance(value, torch.Tensor)]
    for tensor in tensors:
        local = getattr(tensor, "to_local", lambda tensor=tensor: tensor)()
        digest.update(local.detach().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def refused(directory: Path, strategy: str) -> str:
    """What a fit with a glob that matches nothing raises."""
    monitor = Conv1dFilterMonitor(layers="conf*")
    try:
        make_trainer(directory, monitor, strategy=strategy_of(strategy), devices=2).fit(model_of(strategy), loader())
    except ValueError as error:
        return str(error)
    return ""


def fits(name: str, directory: Path) -> None:
    """A fit that is compared, and for some one with the monitor and one without."""
    for path in ("compared", "with", "without") if name in TWICE else ("compared",):
        monitor = Conv1dFilterMonitor()
        ours: dict[str, list[pl.Callback]] = {
            # Alone: it gathers the whole model, and what it leaves whole would have another digest.
            "compared": [monitor, Compare(monitor, name)],
            "with": [monitor, Digest(name)],
            "without": [Digest(name)],
        }
        trainer = make_trainer(directory / path, *ours[path], strategy=strategy_of(name), devices=2)
        trainer.fit(model_of(name), loader(), loader() if name == "fsdp2" else None)


def main(root: str, *names: str) -> None:
    """Fits with each of some strategies, one after the other."""
    for name in names:
        fits(name, Path(root, name))
        if name == "ddp":
            say(strategy=name, rank=int(os.environ["LOCAL_RANK"]), refused=refused(Path(root, "refused"), name))


if __name__ == "__main__":
    main(*sys.argv[1:])
