"""Private names of other libraries may go: what stands on them then does less, and nothing breaks."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from filterscope import Conv1dFilterMonitor, FilterRecorder, load_history, read_filters
from filterscope.events.outlet import Outlet
from filterscope.lightning.trainer import current_step, is_last_batch, step_of_batch
from filterscope.models import modes
from filterscope.recording.resume import place_of
from tests.support.events import Logged
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.zoo import Sinc


def test_without_lightnings_counters_the_steps_of_the_optimiser_count() -> None:
    for loop in (SimpleNamespace(), None):
        trainer: Any = SimpleNamespace(global_step=7, fit_loop=SimpleNamespace(epoch_loop=loop))
        assert (current_step(trainer), step_of_batch(trainer), is_last_batch(trainer)) == (7, 7, False)


@pytest.mark.parametrize("name", ["_batches_that_stepped", "_should_accumulate", "_num_ready_batches_reached"])
def test_a_fit_is_recorded_without(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hidden:
        """Of a loop, for us alone: Lightning itself needs the name."""

        def __init__(self, loop: Any) -> None:
            self._loop = loop

        def __getattr__(self, asked: str) -> Any:
            if asked == name:
                raise AttributeError(asked)
            return getattr(self._loop, asked)

    def hidden(trainer: Any) -> Any:
        assert hasattr(trainer.fit_loop.epoch_loop, name)
        return SimpleNamespace(
            global_step=trainer.global_step, fit_loop=SimpleNamespace(epoch_loop=Hidden(trainer.fit_loop.epoch_loop))
        )

    for function in (current_step, step_of_batch, is_last_batch):
        seen = f"filterscope.lightning.callback.{function.__name__}"
        monkeypatch.setattr(seen, lambda trainer, of=function: of(hidden(trainer)))
    monitor = Conv1dFilterMonitor(plots=(), every_n_train_steps=2)
    make_trainer(tmp_path, monitor, max_epochs=2).fit(SmallNet(), loader())
    history = load_history(tmp_path)["conv1"]
    assert history.steps.tolist() == [0, 2, 4, 6, 8]
    assert [history.bank(epoch).step for epoch in (1, 2)] == [4, 8]


def _sent(outlet: Outlet, step: int) -> bool:
    with outlet.item("a number", "number") as values:
        values.append(Summary.Value(tag="number", simple_value=step))
    return outlet.send(step, 1.0)


def test_a_writer_without_private_names_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer: Any = SummaryWriter(str(tmp_path))
    monkeypatch.delattr(SummaryWriter, "_get_file_writer")
    monkeypatch.delattr(writer.file_writer.event_writer, "_file_name")
    assert place_of(writer).file == ""
    outlet = Outlet([writer], lambda kind, words: pytest.fail(words))
    with monkeypatch.context() as renamed:  # torch's own code needs it afterwards
        renamed.delattr(writer, "all_writers")
        assert _sent(outlet, 1)
    outlet.flush()
    assert Logged(tmp_path).scalars["number"] == [(1, 1.0)]
    writer.close()


@pytest.mark.parametrize("name", ["_worker", "_closed"])
def test_a_broken_file_is_told_where_its_queue_does_not_say_so(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer: Any = SummaryWriter(str(tmp_path))
    said: list[str] = []
    outlet = Outlet([writer], lambda kind, words: said.append(words))
    queue = writer.file_writer.event_writer._async_writer
    writer.file_writer.event_writer.close()

    class Without:
        """The queue, less a name."""

        def __getattr__(self, asked: str) -> Any:
            if asked == name:
                raise AttributeError(asked)
            return getattr(queue, asked)

    monkeypatch.setattr(writer.file_writer.event_writer, "_async_writer", Without())
    taken = _sent(outlet, 1)
    assert taken == (name == "_worker")  # told to be closed, it is opened anew
    assert bool(said) == (name == "_closed")


def test_without_torchs_stack_of_modes_layers_are_read_by_their_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modes, "_STACK", [None, *modes._STACK[1:]])
    model = nn.Sequential(Sinc(), nn.Conv1d(8, 2, 3))
    with FilterRecorder(model, tmp_path, plots=()) as recorder:
        recorder.snapshot(0)
        model(torch.zeros(1, 1, 64))
    assert list(load_history(tmp_path)) == ["1"]
    with pytest.raises(RuntimeError, match="does not let filterscope see what a forward performs"):
        read_filters(model, inputs=torch.zeros(1, 1, 64))
