"""Plain loops in two processes on the CPU: python -m torch.distributed.run ... -m tests.support.distributed_loop DIR.

Fails with a traceback if what is recorded differs from the model. Every rank prints lines of JSON.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import torch.distributed
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.fsdp.wrap import ModuleWrapPolicy
from torch.nn.parallel import DistributedDataParallel

from filterscope import FilterRecorder, load_history
from tests.support.distributed_fit import digest_of, say
from tests.support.nets import SmallNet, loader


class Net(SmallNet):
    """``SmallNet`` whose forward is its loss, as wrappers see calls of ``forward`` alone."""

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:  # type: ignore[override]
        return nn.functional.cross_entropy(super().forward(x), labels)


def _fsdp1(model: nn.Module) -> nn.Module:
    policy = ModuleWrapPolicy({nn.Conv1d})
    return FullyShardedDataParallel(model, auto_wrap_policy=policy, device_id=torch.device("cpu"), use_orig_params=True)


def _fsdp2(model: Any) -> nn.Module:
    mesh = init_device_mesh("cpu", (2,))
    fully_shard(model.conv2, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def _fabric(model: nn.Module) -> nn.Module:
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
    fabric.launch()
    return fabric.setup(model)


WRAPS: dict[str, Callable[[Any], Any]] = {
    "ddp": DistributedDataParallel,
    "ddp and compile": lambda model: torch.compile(DistributedDataParallel(model), backend="eager"),
    "fsdp1": _fsdp1,
    "fsdp2": _fsdp2,
    "fabric": _fabric,
}


def whole(model: nn.Module) -> dict[str, Tensor]:
    """Weights of the convolutions in full, on every rank."""
    context = (
        FullyShardedDataParallel.summon_full_params(model, writeback=False)
        if isinstance(model, FullyShardedDataParallel)
        else torch.no_grad()
    )
    with context:
        convolutions = [module for module in model.modules() if isinstance(module, nn.Conv1d)]
        found = [getattr(each.weight, "full_tensor", lambda each=each: each.weight)() for each in convolutions]
        return {f"conv{i}": weight.detach().clone() for i, weight in enumerate(found, 1)}


def loop(kind: str, directory: Path, records: bool, compares: bool) -> None:
    """Three epochs; what was recorded is held against the model, or the model's digest is told."""
    rank = torch.distributed.get_rank()
    pl.seed_everything(3 + rank)
    model = Net()
    torch.manual_seed(5)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    wrapped = WRAPS[kind](model)
    optimizer = torch.optim.SGD(wrapped.parameters(), lr=0.05, momentum=0.9)
    recorder = FilterRecorder(wrapped, directory, plots=("drift",)) if records else None
    kept = []
    for epoch in range(4):
        for i, (x, labels) in enumerate(loader() if epoch else ()):
            if i % 2 == rank:
                optimizer.zero_grad()
                wrapped(x, labels).backward()
                optimizer.step()
        if recorder is not None:
            recorder.snapshot(epoch, 2 * epoch)
        if compares:
            kept.append(whole(wrapped))
    if recorder is not None:
        recorder.close()
    if not compares:
        say(strategy=kind, rank=rank, digest=digest_of(model, optimizer))
        return
    torch.distributed.barrier()  # rank 0 has written
    if rank == 0:
        for name, history in load_history(directory).items():
            now = kept[-1][name].numpy()
            np.testing.assert_array_equal(history.initial.weights, kept[0][name].numpy())
            np.testing.assert_allclose(history.weights[-1], now, rtol=1e-3, atol=1e-6)
    say(strategy=kind, rank=rank, files=len(list(directory.rglob("events*"))))


def main(root: str) -> None:
    """Each way to wrap a model: compared, with a recorder, without."""
    torch.distributed.init_process_group("gloo")
    for kind in WRAPS:
        loop(kind, Path(root, kind), records=True, compares=True)
        for records in (True, False):
            loop(kind, Path(root, f"{kind} again"), records=records, compares=False)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
