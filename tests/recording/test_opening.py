"""The first snapshot waits for the first forward, and for nothing else."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from filterscope import Conv1dFilterMonitor, FilterRecorder, load_history
from tests.support.events import Logged
from tests.support.faults import told_by
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.zoo import Sinc


class Front(SmallNet):
    """A layer that only a forward tells of, before two others; ``skip`` batches do nothing."""

    def __init__(self, skip: int = 0) -> None:
        super().__init__(channels=8)
        self.sinc, self.skip = Sinc(), skip

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.sinc(x))

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return None if batch_idx < self.skip and not self.current_epoch else super().training_step(batch, batch_idx)


LAYERS = ["conv1", "conv2", "sinc"]


def function_mode() -> Any:
    return torch.overrides._get_current_function_mode()


def hooks(model: nn.Module) -> int:
    return sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in model.modules())


def fit(
    path: Path, model: pl.LightningModule, *callbacks: pl.Callback, max_epochs: int = 2, **options: Any
) -> list[str]:
    """What was warned of."""
    trainer = make_trainer(path, Conv1dFilterMonitor(**({"plots": ()} | options)), *callbacks, max_epochs=max_epochs)
    try:
        told = told_by(lambda: trainer.fit(model, loader()))
    finally:
        assert function_mode() is None
        assert not hooks(model)
    return [each for each in told if "filterscope" in each]


def steps(path: Path) -> dict[str, list[int]]:
    return {name: history.steps.tolist() for name, history in load_history(path).items()}


def test_the_initial_snapshot_is_complete_and_of_the_weights_before_the_first_update(tmp_path: Path) -> None:
    model = Front()
    with torch.no_grad():
        high, low = model.sinc.low + model.sinc.band, model.sinc.low
        wide, narrow = (2 * f[:, None] * torch.sinc(2 * f[:, None] * model.sinc.taps) for f in (high, low))
    assert fit(tmp_path, model) == []
    assert steps(tmp_path) == {key: [0, 4, 8] for key in LAYERS}
    np.testing.assert_array_equal(load_history(tmp_path)["sinc"].initial.weights[:, 0], (wide - narrow).numpy())
    assert Logged(tmp_path).steps("filters/sinc/rms") == [0, 4, 8]
    assert len(Logged(tmp_path).texts["filters/layers"]) == 1


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")
@pytest.mark.parametrize("skip", [1, 3, 4])
def test_batches_that_do_nothing_are_followed_by_others_up_to_four(tmp_path: Path, skip: int) -> None:
    assert fit(tmp_path, Front(skip)) == []
    known = steps(tmp_path)
    assert known["conv1"][0] == 0
    assert ("sinc" in known) is (skip < 4)
    assert Logged(tmp_path).steps("filters/conv1/rms")[0] == 0


class Fails(Front):
    """Its forward raises behind the first layers, in some batch."""

    def __init__(self, batch: int) -> None:
        super().__init__()
        self.batch, self.seen = batch, -1

    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        features = self.conv1(self.sinc(x))
        if self.seen == self.batch:
            raise RuntimeError("no more")
        return self.head(self.conv2(features).mean(-1))


@pytest.mark.parametrize(("batch", "layers"), [(0, ["conv1", "conv2"]), (2, LAYERS)])
def test_a_forward_that_raises_leaves_nothing_behind_and_what_was_read_is_kept(
    tmp_path: Path, batch: int, layers: list[str]
) -> None:
    model = Fails(batch)
    with pytest.raises(RuntimeError, match="no more"):
        fit(tmp_path, model)
    assert steps(tmp_path) == {name: [0] if batch == 0 else [0, batch] for name in layers}


class Within(Front):
    """Its backward stands within a mode of its own."""

    automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizer: Any = self.optimizers()
        with torch.device("cpu"):
            inner = function_mode()
            loss = nn.functional.cross_entropy(self(batch[0]), batch[1])
            self.manual_backward(loss)
            assert function_mode() is inner
        optimizer.step()
        optimizer.zero_grad()


def test_a_mode_of_the_users_around_the_backward_keeps_its_place(tmp_path: Path) -> None:
    assert fit(tmp_path, Within()) == []
    assert steps(tmp_path) == {key: [0, 4, 8] for key in LAYERS}


class InPlace(nn.Module):
    """Its forward bounds its parameter in place, counts, draws, and fills a list."""

    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(3 * torch.randn(8, 1, 5))
        self.register_buffer("count", torch.zeros(()))
        self.calls: list[int] = []
        self.last = torch.zeros(3)
        self.generator = torch.Generator()

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.kernel.clamp_(-1, 1)
            self.count += 1
        self.calls.append(1)
        self.last += torch.rand(3, generator=self.generator)
        self.new = torch.rand(1)
        return nn.functional.conv1d(x, self.kernel * 2)


def test_a_module_that_changes_itself_is_as_if_it_had_not_been_run_alone(tmp_path: Path) -> None:
    def trained(*callbacks: pl.Callback) -> Front:
        torch.manual_seed(1)
        model: Any = Front()
        model.sinc = InPlace()
        make_trainer(tmp_path, *callbacks, max_epochs=2).fit(model, loader())
        return model

    watched, bare = trained(Conv1dFilterMonitor(plots=())), trained()
    assert "sinc" in load_history(tmp_path)
    for (name, one), other in zip(watched.state_dict().items(), bare.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    for name in ("last", "new", "calls"):
        assert str(getattr(watched.sinc, name)) == str(getattr(bare.sinc, name)), name
    assert torch.equal(watched.sinc.generator.get_state(), bare.sinc.generator.get_state())  # type: ignore[operator, union-attr]


def loop(model: nn.Module, count: int = 2) -> None:
    """Some steps, as anyone trains."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for x, label in list(loader())[:count]:
        nn.functional.cross_entropy(model(x), label).backward()
        optimizer.step()
        optimizer.zero_grad()


def test_a_recorder_sees_the_next_forward_in_training(tmp_path: Path) -> None:
    model = Front()
    with FilterRecorder(model, tmp_path, plots=()) as recorder:
        recorder.snapshot(0)
        model.eval()
        model(torch.zeros(1, 1, 64))
        assert hooks(model) == 2
        copied, stored = copy.deepcopy(model).train(), pickle.loads(pickle.dumps(model)).train()
        for other in (copied, stored):  # have nothing to do with the record
            other(torch.zeros(1, 1, 64))
        model.train()
        loop(model)
        assert not hooks(model)
        recorder.snapshot(1)
    assert steps(tmp_path) == {key: [0, 1] for key in LAYERS}
    assert function_mode() is None


def test_a_recorder_with_inputs_knows_all_layers_at_once(tmp_path: Path) -> None:
    model = Front()
    with FilterRecorder(model, tmp_path, inputs=torch.zeros(1, 1, 64), plots=()) as recorder:
        assert not hooks(model)
        recorder.snapshot(0)
        recorder.snapshot(1)
    assert steps(tmp_path) == {key: [0, 1] for key in LAYERS}


def test_a_recorder_without_a_forward_records_what_modules_tell(tmp_path: Path) -> None:
    model = Front()
    with FilterRecorder(model, tmp_path, plots=()) as recorder:
        recorder.snapshot(0)
        recorder.snapshot(1)
        loop(model)
        recorder.snapshot(2)  # the third knows more
    assert steps(tmp_path) == {"conv1": [0, 1, 2], "conv2": [0, 1, 2], "sinc": [2]}
    assert not hooks(model)


@pytest.mark.parametrize(
    ("inputs", "error"), [(torch.zeros(1, 3, 64), RuntimeError), ((), TypeError), ([1], TypeError)]
)
def test_a_recorder_with_wrong_inputs_is_refused_with_the_models_own_error(
    tmp_path: Path, inputs: Any, error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        FilterRecorder(SmallNet(), tmp_path, inputs=inputs)
    said = str(raised.value) + "".join(getattr(raised.value, "__notes__", ()))
    assert "inputs" in said


def test_inputs_are_refused_where_they_would_change_the_model_or_cannot_be_seen(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="would give the lazy layers of this model their weights: run it once before"):
        FilterRecorder(nn.LazyConv1d(2, 3), tmp_path, inputs=torch.zeros(1, 1, 9))
    with pytest.raises(ValueError, match="cannot be run through this model: it is compiled; leave them out"):
        FilterRecorder(torch.compile(SmallNet()), tmp_path, inputs=torch.zeros(1, 1, 64))  # type: ignore[arg-type]
