"""A thread that does jobs in order, off the training thread. It knows nothing of filters."""

from __future__ import annotations

import atexit
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable

from filterscope.recording.faults import Faults

Job = Callable[[], None]

#: Bytes that may wait with the jobs that hold them; a single job may hold more.
MOST_BYTES = 32 * 2**20
#: Seconds that a fork waits for a thread to come to a point at which it holds no lock of a library.
PATIENCE = 5.0


class Worker:
    """One thread and its queue.

    The queue is bounded, in jobs and in bytes, and blocks the caller when it is full: nothing is dropped. The thread
    starts with the first job; what is queued is done before the process exits.

    Args:
        faults: Told of jobs that raise; the next job goes on.
        capacity: Jobs that may wait.
        prepare: Done first in the thread, before the first job is taken.
    """

    def __init__(self, faults: Faults, capacity: int = 4, prepare: Job | None = None) -> None:
        self._faults, self._prepare = faults, prepare
        self._queue: queue.Queue[tuple[Job, int] | None] = queue.Queue(capacity)
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._ending = False  # the thread was told to end, and is not known to have ended
        self._is_copy = False  # in a forked child, which has the object, but no thread
        self._at_work = threading.Lock()  # held while a job is done
        self._fork_waits = False
        _workers.add(self)

    def wait_for_room(self, nbytes: int) -> None:
        """Wait until a job that holds so many bytes may be queued; to be asked before they are taken."""
        if self._is_copy:
            return  # nobody takes from the queue here
        with self._queue.not_full:  # told whenever a job is taken
            self._queue.not_full.wait_for(lambda: not (waiting := self._waiting()) or waiting + nbytes <= MOST_BYTES)

    def _waiting(self) -> int:
        """Bytes that wait."""
        return sum(item[1] for item in self._queue.queue if item is not None)

    def submit(self, job: Job, nbytes: int = 0) -> None:
        """Queue a job, which holds so many bytes; wait while the queue is full."""
        if self._is_copy:  # its files are the parent's
            self._faults.report("fork", "filterscope records in the process that began to, and not in a fork of it")
            return
        if self._ending:
            self.close()  # Ctrl-C cut an earlier one short
        if self._thread is None:
            ready, ended = threading.Event(), threading.Event()
            thread = threading.Thread(target=self._run, args=(ready, ended), name="filterscope", daemon=True)
            thread.start()
            self._thread, self._ended = thread, ended
            atexit.register(self.close)
            ready.wait()
        self._queue.put((job, nbytes))

    def close(self) -> None:
        """Do all that is queued, then end the thread. A later job starts a new one."""
        if self._thread is None:
            return
        if not self._ending:
            self._queue.put(None)
            self._ending = True
        self._ended.wait()  # a join that Ctrl-C interrupts would count as the thread's end (Python 3.11)
        self._thread.join()
        self._thread, self._ending = None, False
        atexit.unregister(self.close)

    def is_current(self) -> bool:
        """Whether it is this thread that asks: it cannot wait for itself."""
        return threading.current_thread() is self._thread

    def pause(self) -> None:
        """Between two parts of a job: let a fork that waits go first."""
        if self._fork_waits and self.is_current():
            self._at_work.release()
            try:
                while self._fork_waits:
                    time.sleep(0.001)
            finally:
                self._at_work.acquire()

    def _before_fork(self) -> bool:
        """Wait until the thread is at rest, and keep it there; whether it is.

        What it does takes locks, of matplotlib's ``Figure`` class for one. A child would have them as they are, and
        nobody to release them.
        """
        if self._thread is None or self.is_current():
            return False
        self._fork_waits = True
        rests = self._at_work.acquire(timeout=PATIENCE)
        self._fork_waits = False
        return rests

    def _after_fork_in_child(self) -> None:
        """There is no thread here, and what it had in hand is done in the parent."""
        self._thread, self._ending, self._is_copy = None, False, True
        self._at_work = threading.Lock()

    def _run(self, ready: threading.Event, ended: threading.Event) -> None:
        try:
            if self._prepare is not None:
                self._do(self._prepare)
            ready.set()
            while (item := self._queue.get()) is not None:
                self._do(item[0])
                del item  # its weights may go before the next one comes
        finally:
            ended.set()

    def _do(self, job: Job) -> None:
        try:
            with self._at_work:
                job()
        except BaseException as error:  # even SystemExit must not leave the queue without a reader
            kind = f"{type(error).__name__} in a job"
            self._faults.report(kind, f"filterscope lost what it was recording: {type(error).__name__}: {error}")


_workers: weakref.WeakSet[Worker] = weakref.WeakSet()
_resting: list[Worker] = []


def _before_fork() -> None:
    _resting[:] = [worker for worker in list(_workers) if worker._before_fork()]


def _after_fork_in_parent() -> None:
    while _resting:
        _resting.pop()._at_work.release()


def _after_fork_in_child() -> None:
    _resting.clear()
    for worker in list(_workers):
        worker._after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
