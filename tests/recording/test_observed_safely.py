"""Observing changes nothing that trains, and nothing of it is left, whatever a model does."""

from __future__ import annotations

import copy
import io
import pickle
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from filterscope import Conv1dFilterMonitor, FilterRecorder, load_history
from tests.recording.test_observed import Fit
from tests.support.faults import told_by
from tests.support.nets import loader, make_trainer
from tests.support.states import digest, random_streams


@dataclass
class Config:
    """What a module may hold beside its tensors."""

    count: int = 0


class Keeper(nn.Module):
    """A kernel made in its forward, which changes something that the module holds, by ``change``."""

    def __init__(self, held: Any, change: Callable[[Any], float]) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.linspace(-1, 1, 15).reshape(3, 1, 5))
        self.held, self.change = held, change

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(x, self.kernel.tanh() * (1 + self.change(self.held)))


def scaled(tensor: Tensor) -> float:
    return 0.01 * float(tensor.mul_(0.9).sum())


def counted(config: Any) -> float:
    config.count += 1
    return 0.01 * config.count


HELD: dict[str, tuple[Callable[[], Any], Callable[[Any], float]]] = {
    "a tensor in a list": (lambda: [torch.ones(2)], lambda held: scaled(held[0])),
    "a tensor in a tuple": (lambda: (torch.ones(2),), lambda held: scaled(held[0])),
    "a tensor deep within": (lambda: {"a": [deque([torch.ones(2)])]}, lambda held: scaled(held["a"][0][0])),
    "a generator of numpy's": (lambda: np.random.default_rng(3), lambda held: 0.01 * held.random()),
    "a generator of python's": (lambda: random.Random(3), lambda held: 0.01 * held.random()),
    "a generator of torch's": (
        lambda: torch.Generator().manual_seed(3),
        lambda held: 0.01 * float(torch.rand((), generator=held)),
    ),
    "an array": (lambda: np.ones(2), lambda held: 0.01 * float(np.multiply(held, 0.9, out=held).sum())),
    "a dataclass": (Config, counted),
}


def left_by(model: pl.LightningModule) -> dict[str, str]:
    """Hashes of what a fit leaves."""
    return {"state": digest(dict(model.state_dict()))} | random_streams()


def run(path: Path, make: Callable[[], nn.Module], *callbacks: pl.Callback, **options: Any) -> Fit:
    pl.seed_everything(5)
    model = Fit(make())
    make_trainer(path, *callbacks, max_epochs=2, **options).fit(model, loader())
    assert torch.overrides._get_current_function_mode() is None
    return model


def compare(path: Path, make: Callable[[], nn.Module], **options: Any) -> Fit:
    """The same training with and without the monitor; the model of the one with it."""
    bare = run(path / "bare", make, **options)
    watched = run(path / "watched", make, Conv1dFilterMonitor(plots=()), **options)
    assert left_by(watched) == left_by(bare)
    return watched


@pytest.mark.parametrize("name", HELD)
def test_what_a_module_holds_is_as_if_it_had_not_been_run_alone(tmp_path: Path, name: str) -> None:
    held, change = HELD[name]
    compare(tmp_path, lambda: Keeper(held(), change))
    assert list(load_history(tmp_path / "watched")) == ["body"]


class Counter:
    """What nobody knows how to copy."""

    count = 0


def test_a_module_that_holds_what_cannot_be_copied_is_not_run_alone(tmp_path: Path) -> None:
    told = told_by(lambda: compare(tmp_path, lambda: nn.Sequential(Keeper(Counter(), counted), nn.Conv1d(3, 2, 3))))
    said = [words for words in told if "filterscope" in words]
    assert len(said) == 1
    assert "'body.0': its module cannot be run alone (it holds a Counter, which it may change)" in said[0]
    assert list(load_history(tmp_path / "watched")) == ["body.1"]


class Maker(nn.Module):
    """Has its kernel made by a module of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.codes = nn.Parameter(torch.randn(3, 4))
        self.maker = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(x, self.maker(self.codes)[:, None])


def test_hooks_of_the_users_do_not_run_once_more(tmp_path: Path) -> None:
    calls: list[int] = []

    def make() -> nn.Module:
        calls.clear()
        body = Maker()
        for module in (body, body.maker):
            module.register_forward_hook(lambda *_: calls.append(1))
            module.register_forward_pre_hook(lambda *_: calls.append(1))
        return body

    compare(tmp_path, make)
    assert len(calls) == 4 * 8  # four hooks, eight batches
    assert list(load_history(tmp_path / "watched")) == ["body"]


class Teacher(nn.Module):
    """A frozen encoder in evaluation mode: torch computes it faster, with other last bits, where no mode is active."""

    def __init__(self) -> None:
        super().__init__()
        self.front = Keeper(None, lambda _: 0.0)
        self.lift = nn.Conv1d(3, 16, 3)
        self.teacher = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 1)

    def forward(self, x: Tensor) -> Tensor:
        self.teacher.eval()
        h = self.lift(self.front(x)).mT
        with torch.no_grad():
            target = self.teacher(h)
        return (h - target).square()


def test_the_fast_way_of_transformers_is_not_switched_off(tmp_path: Path) -> None:
    compare(tmp_path, Teacher)
    assert list(load_history(tmp_path / "watched")) == ["body.front", "body.lift"]


class Copies(Fit):
    """Copies and stores its model within the first batch."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        if batch_idx == 0:
            self.copies = [copy.deepcopy(self.body), pickle.loads(pickle.dumps(self.body))]
            torch.save(self.body, io.BytesIO())
            self.hooks = [len(each._forward_hooks) + len(each._forward_pre_hooks) for each in self.body.modules()]
        return loss


def plain() -> nn.Module:
    return nn.Sequential(Keeper(None, float_of_nothing), nn.Conv1d(3, 2, 3))


def float_of_nothing(_: Any) -> float:
    return 0.0


def test_a_model_may_be_copied_and_stored_while_it_is_observed(tmp_path: Path) -> None:
    model = Copies(plain())
    make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), max_epochs=1).fit(model, loader())
    assert {*model.hooks} == {0}
    for other in model.copies:
        assert not sum(len(each._forward_hooks) for each in other.modules())
    assert list(load_history(tmp_path)) == ["body.0", "body.1"]


class Stops(Fit):
    """Ends its first batch in some way, behind its layers."""

    def __init__(self, body: nn.Module, error: BaseException) -> None:
        super().__init__(body)
        self.errors = [error]

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        super().training_step(batch, batch_idx)
        raise self.errors[0]


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_several_monitors_leave_nothing_behind_when_a_fit_ends_at_once(tmp_path: Path, error: BaseException) -> None:
    monitors = [Conv1dFilterMonitor(plots=(), tag=f"tag{i}") for i in range(3)]
    before = len(torch.nn.modules.module._global_forward_hooks)
    with pytest.raises((RuntimeError, KeyboardInterrupt, SystemExit)):
        make_trainer(tmp_path, *monitors, max_epochs=1).fit(Stops(plain(), error), loader())
    assert torch.overrides._get_current_function_mode() is None
    assert len(torch.nn.modules.module._global_forward_hooks) == before


class Around(pl.Callback):
    """A mode of the user's own around each forward."""

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.mode = torch.device("cpu")
        self.mode.__enter__()

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Any) -> None:
        self.mode.__exit__(None, None, None)


@pytest.mark.parametrize("is_first", [True, False])
def test_modes_of_the_users_keep_their_order(tmp_path: Path, is_first: bool) -> None:
    monitors = [Conv1dFilterMonitor(plots=(), tag="a"), Conv1dFilterMonitor(plots=(), tag="b")]
    callbacks = [Around(), *monitors] if is_first else [*monitors, Around()]
    run(tmp_path, plain, *callbacks)
    for tag in "ab":
        histories = load_history(tmp_path, tag=tag)
        assert {name: history.steps.tolist() for name, history in histories.items()} == {
            "body.0": [0, 4, 8],
            "body.1": [0, 4, 8],
        }


class ByHand(Fit):
    """Goes backward without Lightning."""

    automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizer: Any = self.optimizers()
        super().training_step(batch, batch_idx).backward()
        optimizer.step()
        optimizer.zero_grad()


def test_initial_kernels_are_of_before_the_first_update_however_one_goes_backward(tmp_path: Path) -> None:
    model = ByHand(plain())
    expected = model.body[0].kernel.detach().tanh().numpy().copy()  # type: ignore[index]
    make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), max_epochs=1).fit(model, loader())
    np.testing.assert_array_equal(load_history(tmp_path)["body.0"].initial.weights, expected)


class Frozen(Fit):
    """Its front end rests at first, as under ``toggle_optimizer`` or while a head is tuned."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.body[0].requires_grad_(bool(self.current_epoch))  # type: ignore[index]
        return super().training_step(batch, batch_idx)


def test_what_depends_on_a_parameter_learns_though_it_is_frozen_now(tmp_path: Path) -> None:
    make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), max_epochs=2).fit(Frozen(plain()), loader())
    rotation = load_history(tmp_path)["body.0"].rotation()
    assert (rotation[1] < 1e-7).all()
    assert (rotation[2] > 1e-7).any()


class Outside(Fit):
    """Another network convolves too, which is not part of the model."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__(body)
        self.others = [lambda x: frozen(x)]

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return super().training_step(batch, batch_idx) + 0 * self.others[0](batch[0]).sum()


def frozen(x: Tensor) -> Tensor:
    return plain()(x)


def test_networks_that_are_not_the_models_are_no_layers_of_it(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), max_epochs=1)
    told = told_by(lambda: trainer.fit(Outside(plain()), loader()))
    assert [words for words in told if "filterscope" in words] == []
    assert list(load_history(tmp_path)) == ["body.0", "body.1"]


class Vmapped(nn.Module):
    """Stand-ins for several kernels cost themselves only."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels = nn.Parameter(torch.randn(2, 3, 1, 5))
        self.last = nn.Conv1d(3, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.vmap(lambda kernel: F.conv1d(x, kernel))(self.kernels).mean(0))


def test_kernels_that_are_several_at_once_cost_themselves_only(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), max_epochs=1)
    told = told_by(lambda: trainer.fit(Fit(Vmapped()), loader()))
    assert [words for words in told if "filterscope could not" in words] == []
    assert list(load_history(tmp_path)) == ["body.last"]


def test_inputs_leave_what_the_model_holds_as_it_was(tmp_path: Path) -> None:
    model = Keeper([torch.ones(2)], lambda held: scaled(held[0]))
    FilterRecorder(model, tmp_path, inputs=torch.zeros(1, 1, 9))
    assert torch.equal(model.held[0], torch.ones(2))


class Asks(nn.Module):
    """Another network, which is not part of it, convolves before it does."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(3, 1, 5))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(x, self.kernel.tanh() + 0 * asked(x).sum())


def asked(x: Tensor) -> Tensor:
    return nn.Conv1d(1, 3, 5, bias=False).requires_grad_(False)(x)


def test_what_other_networks_convolve_with_is_not_taken_for_its_own(tmp_path: Path) -> None:
    body = Asks()
    expected = body.kernel.detach().tanh().numpy().copy()
    make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), max_epochs=1).fit(Fit(body), loader())
    np.testing.assert_array_equal(load_history(tmp_path)["body"].initial.weights, expected)
