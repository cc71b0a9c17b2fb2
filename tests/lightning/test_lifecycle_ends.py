"""However a fit ends, what was due is written, once, and no thread is left."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping, LearningRateFinder
from torch.utils.data import DataLoader, IterableDataset

from filterscope import Conv1dFilterMonitor, FilterBank
from filterscope.plots.taps import TapsPicture
from tests.support.lifecycles import PLOTS, EveryStage, Hook, check
from tests.support.nets import SmallNet, TwoOptimizers, loader, make_trainer, series

LONG = 120.0  #: Seconds after which a wait counts as a hang.


class Endless(IterableDataset[Any]):
    """Samples without end or length."""

    def __iter__(self) -> Iterator[Any]:
        samples = series()
        while True:
            yield from (samples[i] for i in range(len(samples)))


def endless() -> DataLoader[Any]:
    return DataLoader(Endless(), batch_size=4)


def stop_after(batches: int) -> pl.Callback:
    def stop(trainer: Any, model: Any) -> None:
        trainer.should_stop = trainer.global_step >= batches

    return Hook("on_train_batch_end", stop)


def raise_after(epochs: int, error: BaseException) -> pl.Callback:
    def fail(trainer: Any, model: Any) -> None:
        if trainer.current_epoch + 1 == epochs:
            raise error

    return Hook("on_train_epoch_end", fail)


BOOM, CTRL_C = ValueError("boom"), KeyboardInterrupt()
ENDS: dict[str, tuple[Any, list[Any], dict[str, Any], list[int]]] = {
    # what ends the fit: model, other callbacks, options, steps of the snapshots
    "normal": (EveryStage, [], {"max_epochs": 3}, [0, 4, 8, 12]),
    "max_steps in mid-epoch": (SmallNet, [], {"max_steps": 6, "max_epochs": -1}, [0, 4, 6]),
    "max_time": (SmallNet, [], {"max_time": timedelta(microseconds=1), "max_epochs": 3}, [0, 1]),
    "no time": (SmallNet, [], {"max_time": timedelta(0), "max_epochs": 3}, []),
    "should_stop in mid-epoch": (SmallNet, [lambda: stop_after(6)], {"max_epochs": 30}, [0, 4, 6]),
    "early stopping": (EveryStage, [lambda: EarlyStopping("flat", patience=1)], {"max_epochs": 30}, [0, 4, 8]),
    "exception in the first batch": (lambda: EveryStage(BOOM, 1), [], {}, [0]),
    "exception in a batch": (lambda: EveryStage(BOOM, 7), [], {}, [0, 4, 6]),
    "exception after a snapshot": (SmallNet, [lambda: raise_after(2, BOOM)], {}, [0, 4, 8]),
    "Ctrl-C in a batch": (lambda: EveryStage(CTRL_C, 7), [], {}, [0, 4, 6]),
    "Ctrl-C after a snapshot": (SmallNet, [lambda: raise_after(2, CTRL_C)], {}, [0, 4, 8]),
    "no epochs": (SmallNet, [], {"max_epochs": 0}, []),
    "no batches": (SmallNet, [], {"limit_train_batches": 0}, []),
    "two optimisers by hand": (TwoOptimizers, [], {"max_epochs": 2}, [0, 4, 8]),
    "accumulated gradients": (SmallNet, [], {"max_epochs": 2, "accumulate_grad_batches": 3}, [0, 2, 4]),
    "endless data, max_steps": (SmallNet, [], {"max_steps": 5, "max_epochs": -1}, [0, 5]),
    "endless data, limited": (SmallNet, [], {"max_epochs": 2, "limit_train_batches": 3}, [0, 3, 6]),
    "learning rate finder": (SmallNet, [lambda: LearningRateFinder(num_training_steps=3)], {}, [0, 4, 8, 12]),
}


@pytest.mark.filterwarnings("ignore:The `pickle|Failed to compute")
@pytest.mark.parametrize(
    ("end", "last"), [(end, last) for end in ENDS for last in (True, False) if last or ENDS[end][1]]
)
def test_however_a_fit_ends_all_that_was_due_is_written_once(tmp_path: Path, end: str, last: bool) -> None:
    model, others, options, snapshots = ENDS[end]
    callbacks = [make() for make in others]
    callbacks.insert(len(callbacks) if last else 0, Conv1dFilterMonitor(plots=PLOTS))
    trainer = make_trainer(tmp_path, *callbacks, default_root_dir=tmp_path, **options)
    data = endless() if end.startswith("endless") else loader()
    arguments = (model(), data, loader()) if model is EveryStage else (model(), data)
    if "exception" in end:
        with pytest.raises(ValueError, match="boom") as raised:
            trainer.fit(*arguments)
        assert raised.value is BOOM
    elif "Ctrl-C" in end:
        with pytest.raises(SystemExit):  # what Lightning makes of it
            trainer.fit(*arguments)
    else:
        trainer.fit(*arguments)
    check(tmp_path, snapshots)


def test_off_the_cadence_an_exception_still_leaves_images_of_the_last_weights(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(every_n_epochs=2, plots=PLOTS), max_epochs=9)
    with pytest.raises(ValueError, match="boom"):
        trainer.fit(EveryStage(BOOM, 14), loader())
    check(tmp_path, [0, 8, 13])


SIGTERM_FIT = """
    import sys, time
    import pytorch_lightning as pl, torch
    from filterscope import Conv1dFilterMonitor
    from tests.support.nets import SmallNet, loader, make_trainer
    torch.set_num_threads(1)

    class Wait(pl.Callback):
        def on_train_batch_end(self, trainer, *rest):
            if trainer.global_step == 10:
                print("waiting", flush=True)
                while not trainer.received_sigterm:
                    time.sleep(0.01)

    monitor = Conv1dFilterMonitor(plots=("taps", "drift"))
    make_trainer(sys.argv[1], monitor, Wait(), max_epochs=50).fit(SmallNet(), loader())
    print("not reached", flush=True)
"""


def test_sigterm_leaves_images_of_the_last_weights(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(SIGTERM_FIT), str(tmp_path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        assert "waiting\n" in iter(process.stdout.readline, "")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=LONG)
    assert "not reached" not in out
    said = err.lower().replace(str(root), "").replace("filterscope watches 2 layers: conv1, conv2", "")
    assert "filterscope" not in said
    check(tmp_path, [0, 4, 8, 10])


@pytest.mark.pictures
def test_ctrl_c_while_the_last_images_are_drawn_loses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told, draw, main = threading.Event(), TapsPicture.update, threading.get_ident()

    def interrupt(self: TapsPicture, bank: FilterBank, moment: str | None = None, **given: Any) -> None:
        if moment is not None and moment.startswith("final") and not told.is_set():
            signal.pthread_kill(
                main, signal.SIGINT
            )  # the fit's thread waits for the drawing: Ctrl-C gets it out of there
            assert told.wait(LONG)
        draw(self, bank, moment, **given)

    monkeypatch.setattr(TapsPicture, "update", interrupt)
    trainer = make_trainer(
        tmp_path, Hook("on_exception", lambda *_: told.set()), Conv1dFilterMonitor(plots=PLOTS), max_epochs=2
    )
    with pytest.raises(SystemExit):
        trainer.fit(SmallNet(), loader())
    assert told.is_set()
    check(tmp_path, [0, 4, 8])
