"""Several fits in one directory: the newest counts, in the order of recording, and what it supersedes is said."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from torch import nn

from filterscope import Conv1dFilterMonitor, FilterRecorder, load_history
from filterscope.cli import main
from tests.support.event_files import events_of, tiny, write
from tests.support.events import Logged
from tests.support.histories import fit, quiet_load
from tests.support.nets import SmallNet, directory_of, loader, make_trainer
from tests.support.weights import Weights, rotation


def _named(second: int) -> str:
    return f"events.out.tfevents.{second}.host.1.0"


def _at(events: list[Any], time: float) -> list[Any]:
    """A moment later at each snapshot: all layers of one have its time."""
    for before, event in zip([None, *events], events, strict=False):
        time += before is not None and before.step != event.step
        event.wall_time = time
    return events


def test_a_resume_on_a_machine_whose_clock_is_behind_comes_after_what_it_goes_on_from(tmp_path: Path) -> None:
    saver = ModelCheckpoint(dirpath=tmp_path / "saved", filename="{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    fit(tmp_path, more=[saver], options={"max_epochs": 3, "enable_checkpointing": True})
    logger = TensorBoardLogger(str(tmp_path), name="run", version=0)
    fit(tmp_path, ckpt_path=tmp_path / "saved" / "epoch=2.ckpt", options={"max_epochs": 6, "logger": logger})
    directory = tmp_path / "run" / "version_0"
    first, second = sorted(directory.glob("events.out.tfevents.*"), key=lambda path: path.stat().st_mtime_ns)
    later = events_of(_moved(second, tmp_path / "later"))
    for event in later:
        event.wall_time -= 90
    write(directory, later, _named(1))
    assert first.exists()
    assert quiet_load(directory)["conv1"].epochs.tolist() == list(range(7))


def _moved(file: Path, directory: Path) -> Path:
    directory.mkdir()
    return file.rename(directory / file.name).parent


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (1, 0, 2), (2, 1, 0)])
def test_files_are_in_the_order_of_recording_whatever_the_clocks_said(tmp_path: Path, order: tuple[int, ...]) -> None:
    parts = [range(3), range(3, 6), range(6, 8)] if order != (2, 1, 0) else [range(3), range(3, 6), ()]
    for place, part in zip(order, parts, strict=True):
        write(tmp_path, _at(tiny(epochs=tuple(part)), 100.0 * place + 1), _named(place))
    assert quiet_load(tmp_path)["a"].epochs.tolist() == list(range(8 if order != (2, 1, 0) else 6))


def test_a_new_fit_after_a_resumed_one_supersedes_both(tmp_path: Path) -> None:
    for place, part in enumerate([range(3), range(2, 6), range(2)]):
        write(tmp_path, _at(tiny(epochs=tuple(part)), 100.0 * place), _named(place))
    with pytest.warns(UserWarning, match="an older record too, of epochs 0 to 5: the newest supersedes"):
        assert load_history(tmp_path)["a"].epochs.tolist() == [0, 1]


class _Deeper(SmallNet):
    def __init__(self) -> None:
        super().__init__()
        self.conv3 = nn.Conv1d(4, 4, 3)


def test_layers_that_the_newest_fit_lacks_are_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(tmp_path, model=_Deeper(), options={"max_epochs": 3})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the monitor says so, too
        fit(tmp_path, options={"max_epochs": 1})
    with pytest.warns(UserWarning, match=r"epochs 0 to 3: the newest.*; only there is 'conv3', left out") as said:
        found = load_history(tmp_path)
    assert len(said) == 1
    assert list(found) == ["conv1", "conv2"]
    assert found["conv1"].epochs.tolist() == [0, 1]
    assert main(["summary", str(tmp_path), "--json"]) == 0
    assert "'conv3', left out" in capsys.readouterr().err


def test_a_layer_that_comes_first_in_the_newest_fit_only_is_kept(tmp_path: Path) -> None:
    write(tmp_path, _at([*tiny(("b", "c"), epochs=(0, 1)), *tiny(("a", "b"), epochs=(0,))], 1.0))
    with pytest.warns(UserWarning, match="only there is 'c', left out"):
        assert list(load_history(tmp_path)) == ["a", "b"]


def test_rounds_of_fresh_trainers_on_one_model_are_said(tmp_path: Path) -> None:
    model, logger = SmallNet(), TensorBoardLogger(str(tmp_path), name="run", version=0)
    for _ in range(3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the monitor says so, too
            make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), logger=logger, max_epochs=2).fit(model, loader())
    with pytest.warns(UserWarning, match="2 older records too, of epochs 0 to 2, 0 to 2") as said:
        assert load_history(tmp_path)["conv1"].steps.tolist() == [0, 4, 8]
    assert len(said) == 1


def test_a_second_model_under_one_trainer_is_measured_from_its_own_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    first, second = SmallNet(), SmallNet()
    ends, weights = Weights(), Weights()
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), ends, max_epochs=2)
    trainer.fit(first, loader())
    callbacks = vars(trainer)["callbacks"]
    callbacks[callbacks.index(ends)] = weights
    begin = second.conv1.weight.detach().clone().numpy()
    trainer.fit_loop.max_epochs = 4
    trainer.fit(second, loader())
    logged = dict(Logged(tmp_path).scalars["filters/conv1/rotation"])
    assert sorted(logged) == [0, 4, 8, 12, 16]  # the first model's last snapshot is still there
    with pytest.warns(UserWarning, match="'conv1', 'conv2' was measured from other weights until epoch 2"):
        history = load_history(tmp_path)["conv1"]
    assert history.initial.weights.tobytes() == begin.tobytes()
    assert (history.epochs.tolist(), history.steps.tolist()) == ([2, 3, 4], [9, 12, 16])
    wanted = [rotation(weights.at[step], begin) for step in (12, 16)]
    assert [logged[12], logged[16]] == pytest.approx(wanted, abs=2e-7)
    assert main(["summary", str(tmp_path), "--json"]) == 0
    assert f'"rotation": {wanted[1]:.3f}'[:-1] in capsys.readouterr().out


def test_a_recorder_that_goes_on_measures_from_the_reference_in_force(tmp_path: Path) -> None:
    torch.manual_seed(0)
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), max_epochs=1)
    trainer.fit(SmallNet(), loader())
    trainer.fit_loop.max_epochs = 2
    model = SmallNet()
    begin = model.conv1.weight.detach().clone().numpy()
    trainer.fit(model, loader())
    directory = directory_of(trainer)
    with FilterRecorder(model, directory, plots=()) as recorder:
        recorder.snapshot(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = load_history(directory)["conv1"]
    assert history.epochs.tolist() == [1, 2, 3]
    assert history.initial.weights.tobytes() == begin.tobytes()
    number = Logged(directory).scalars["filters/conv1/rotation"][-1][1]
    assert number == pytest.approx(rotation(model.conv1.weight.detach().numpy(), begin), abs=2e-7)
    assert np.isfinite(history.change()[1])


def _recorded(directory: Path, *epochs: range) -> None:
    """Fits of a model one after the other, each into a file of its own; ten steps an epoch."""
    model = SmallNet()
    for each in epochs:
        with warnings.catch_warnings(), FilterRecorder(model, directory, plots=()) as recorder, torch.no_grad():
            warnings.simplefilter("ignore")
            for epoch in each:
                recorder.snapshot(epoch, 10 * epoch)
                model.conv1.weight += 0.1 * torch.randn_like(model.conv1.weight)


@pytest.mark.parametrize(
    ("fits", "epochs"),
    [
        ((range(5, 8), range(4)), [0, 1, 2, 3]),  # a warm start, and a new fit
        ((range(10, 13), range(5, 13), range(13, 16)), list(range(5, 16))),
        ((range(3), range(3, 5), range(5, 7)), list(range(7))),
    ],
)
def test_a_fit_that_does_not_begin_at_step_0_keeps_its_place(
    tmp_path: Path, fits: tuple[range, ...], epochs: list[int]
) -> None:
    _recorded(tmp_path, *fits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is superseded is said, by tests of its own
        assert load_history(tmp_path)["conv1"].epochs.tolist() == epochs


def test_a_fit_that_stopped_at_its_initial_snapshot_is_superseded_too(tmp_path: Path) -> None:
    write(tmp_path, _at(tiny(("a", "b"), epochs=(0,)), 1.0), _named(1))
    write(tmp_path, _at(tiny(("a",), epochs=(0, 1)), 5.0), _named(5))
    with pytest.warns(UserWarning, match="of epochs 0: the newest.*only there is 'b', left out"):
        assert load_history(tmp_path)["a"].epochs.tolist() == [0, 1]


def test_a_layer_that_comes_back_brings_nothing_of_a_fit_that_is_superseded(tmp_path: Path) -> None:
    write(tmp_path, _at(tiny(("a", "b"), epochs=(0, 1)), 1.0), _named(1))
    write(tmp_path, _at(tiny(("a",), epochs=(0, 1)), 5.0), _named(5))
    write(tmp_path, _at(tiny(("a", "b"), epochs=(2, 3)), 9.0), _named(9))
    with pytest.warns(UserWarning, match="of epochs 0 to 1: the newest supersedes what came before$"):
        found = load_history(tmp_path)
    assert (found["a"].epochs.tolist(), found["b"].epochs.tolist()) == ([0, 1, 2, 3], [2, 3])
