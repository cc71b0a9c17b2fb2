"""Forks of a process that records: a child never waits for the recording thread, and leaves its work alone."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from filterscope import FilterBank, FilterRecorder
from filterscope.recording.faults import Faults
from filterscope.recording.worker import Worker
from tests.support.nets import SmallNet
from tests.support.scripts import run_script

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]

LONG = 60.0  #: Seconds after which a wait counts as a hang.


def test_a_forked_child_can_close_and_leaves_the_parents_jobs_alone() -> None:
    script = """
        import os, threading
        from filterscope.recording.faults import Faults
        from filterscope.recording.worker import Worker

        gate, worker = threading.Event(), Worker(Faults(), capacity=50)
        worker.submit(lambda: gate.wait(30) and None)
        worker.submit(lambda: print("done", flush=True))
        worker.submit(lambda: None, 2**30)
        child = os.fork()
        if child == 0:
            worker.wait_for_room(2**30)  # nobody takes what waits here
            worker.close()
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        gate.set()
        worker.close()
    """
    assert run_script(script).stdout.split() == ["done"]


def child_gets(lock: threading.Lock) -> bool:
    """Whether a forked child can take a lock."""
    child = os.fork()
    if child == 0:
        os._exit(0 if lock.acquire(timeout=3) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_fork_waits_for_the_part_in_hand_and_for_no_more() -> None:
    """The lock stands for those of libraries: matplotlib's ``Figure`` class has one."""
    lock, begun, done = threading.Lock(), threading.Event(), []
    worker = Worker(Faults())

    def job() -> None:
        for part in range(50):
            worker.pause()
            with lock:
                begun.set()
                time.sleep(0.02)  # what takes its time inside a library
            done.append(part)

    worker.submit(job)
    assert begun.wait(10)
    assert child_gets(lock)
    assert len(done) < 50
    worker.close()
    assert done == list(range(50))


def test_a_fork_waits_for_one_picture_and_not_for_the_snapshots_others(tmp_path: Path) -> None:
    begun = threading.Event()
    drawn: list[str] = []

    def held(bank: FilterBank, *, reference: FilterBank | None = None) -> Figure:
        drawn.append(bank.layer)
        begun.set()
        end = time.monotonic() + LONG
        while len(drawn) == 1 and not worker._fork_waits and time.monotonic() < end:
            time.sleep(0.001)
        return Figure(figsize=(1, 1))

    with FilterRecorder(SmallNet(), tmp_path, plots=(held,)) as recorder:
        recorder.snapshot(0)
        assert recorder._session is not None
        worker = recorder._session._worker
        recorder.snapshot(1)  # which has the first one drawn
        assert begun.wait(LONG)
        child = os.fork()
        if child == 0:
            os._exit(0 if drawn == ["conv1"] else 1)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0


def test_a_fork_from_the_thread_itself_does_not_wait() -> None:
    lock, seen = threading.Lock(), []
    worker = Worker(Faults())
    worker.submit(lambda: seen.append(child_gets(lock)))
    worker.close()
    assert seen == [True]


def test_a_fork_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filterscope.recording.worker.PATIENCE", 0.1)
    begun, go_on, lock = threading.Event(), threading.Event(), threading.Lock()
    worker = Worker(Faults())

    def hold() -> None:
        begun.set()
        go_on.wait(30)

    worker.submit(hold)
    assert begun.wait(10)
    assert child_gets(lock)  # nothing holds this one
    go_on.set()
    worker.close()
