"""Faults around the monitor: files that break, no thread, warnings that are errors. Training goes on."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filterscope import Conv1dFilterMonitor
from filterscope.models.gather import gather
from filterscope.plots.taps import TapsPicture
from filterscope.recording import reading
from tests.support.faults import At, Outcome, assert_only_lost, assert_same_training, fit, once, raising
from tests.support.scripts import run_script

pytest_plugins = ["tests.support.faults"]
pytestmark = pytest.mark.pictures

#: The event file's own thread dies of a full disk, and says so.
DEAD_THREAD = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


def test_a_writer_that_is_closed_opens_another_file_and_loses_nothing(tmp_path: Path, healthy: Outcome) -> None:
    outcome = fit(tmp_path, At(1, lambda trainer, _: trainer.logger.experiment.close()), Conv1dFilterMonitor())
    assert_only_lost(outcome, healthy, {})
    assert outcome.told == []


class Full:
    """A file on a full disk."""

    def write(self, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None:
        pass

    close = flush


def fill_the_disk(trainer: Any, model: Any) -> None:
    trainer.logger.experiment.file_writer.event_writer._async_writer._writer._writer = Full()


def close_the_file(trainer: Any, model: Any) -> None:
    trainer.logger.experiment.file_writer.event_writer.close()


def tmp_beside(directory: str) -> str:
    return f"{directory}_moved_away"


def remove_the_directory(trainer: Any, model: Any) -> None:
    Path(trainer.logger.log_dir).rename(tmp_beside(trainer.logger.log_dir))  # at once: a thread is writing there


@DEAD_THREAD
@pytest.mark.parametrize("damage", [fill_the_disk, close_the_file, remove_the_directory])
def test_an_event_file_that_breaks_does_not_end_the_fit_and_later_snapshots_are_logged(
    tmp_path: Path, healthy: Outcome, damage: Callable[[Any, Any], None]
) -> None:
    outcome = fit(tmp_path, At(1, damage), Conv1dFilterMonitor(plots=("drift",)))
    assert_same_training(outcome, healthy)
    assert max(outcome.logged.steps("filters/conv2/rms")) == 12
    assert max(outcome.logged.steps("filters/conv2/drift")) == 12
    # A closed file loses nothing: what it refuses goes into another one.
    assert bool(outcome.told) == (damage is not close_the_file)
    assert all(words.startswith("filterscope could not log") for words in outcome.told)


THREADLESS = """
    import sys, threading, warnings
    import torch
    from filterscope import Conv1dFilterMonitor
    from tests.support.nets import SmallNet, loader, make_trainer

    class Thread(threading.Thread):
        def start(self):
            if self.name == "filterscope":
                raise RuntimeError("can't start new thread")
            super().start()

    threading.Thread = Thread
    torch.set_num_threads(1)
    trainer = make_trainer(sys.argv[1], Conv1dFilterMonitor(), max_epochs=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(SmallNet(), loader())
    print("epochs:", trainer.current_epoch)
    print("told:", *[each.message for each in caught if each.category is RuntimeWarning])
"""


def test_a_thread_that_cannot_start_does_not_end_the_fit(tmp_path: Path) -> None:
    done = run_script(THREADLESS, str(tmp_path))  # a hang is a failure
    assert "epochs: 3\n" in done.stdout
    assert "can't start new thread" in done.stdout.partition("told:")[2]


def test_warnings_turned_into_errors_end_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, healthy: Outcome
) -> None:
    monkeypatch.setattr(TapsPicture, "update", raising(None, ValueError("no ink"), lambda *_: True))
    monkeypatch.setattr(reading, "gather", raising(gather, RuntimeError("no luck"), once(3)))
    strict = At(0, lambda *_: warnings.simplefilter("error"))  # as of here Lightning itself warns of nothing
    outcome = fit(tmp_path, strict, Conv1dFilterMonitor())
    assert_same_training(outcome, healthy)
    assert outcome.told == []
    assert outcome.logged.steps("filters/conv1/drift") == [4, 12]
    assert outcome.logged.steps("filters/conv1/taps") == []
    logged = [record.getMessage() for record in caplog.records if record.name == "filterscope"]
    assert len([words for words in logged if "no ink" in words]) == 1
    assert len([words for words in logged if "no luck" in words]) == 1
