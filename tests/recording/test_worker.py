"""The recording thread: nothing is dropped, nothing raises."""

from __future__ import annotations

import logging
import signal
import threading
import time
import warnings
from collections.abc import Callable
from functools import partial

import pytest

from filterscope.recording.faults import Faults
from filterscope.recording.worker import Worker
from tests.support.scripts import run_script

LONG = 60.0  #: Seconds after which a wait counts as a hang.
MB = 2**20


def fail(error: Exception) -> Callable[[], None]:
    def job() -> None:
        raise error

    return job


def test_jobs_are_done_in_order_on_one_other_thread() -> None:
    done: list[int] = []
    threads: set[int] = set()

    def note(number: int) -> None:
        done.append(number)
        threads.add(threading.get_ident())

    worker = Worker(Faults())
    for number in range(200):
        worker.submit(partial(note, number))
    worker.close()
    assert done == list(range(200))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_a_full_queue_makes_the_caller_wait_and_drops_nothing() -> None:
    started, gate = threading.Event(), threading.Event()
    done: list[int] = []
    submitted: list[int] = []
    worker = Worker(Faults(), capacity=2)

    def first() -> None:
        started.set()
        assert gate.wait(LONG)

    def produce() -> None:
        for number in range(10):
            worker.submit(partial(done.append, number))
            submitted.append(number)

    worker.submit(first)
    assert started.wait(LONG)
    producer = threading.Thread(target=produce)
    producer.start()
    producer.join(0.2)
    assert producer.is_alive()
    assert len(submitted) <= 2
    gate.set()
    producer.join(LONG)
    worker.close()
    assert done == submitted == list(range(10))


@pytest.mark.parametrize(("nbytes", "most"), [(40 * MB, 1), (20 * MB, 1), (10 * MB, 3), (MB, 4)])
def test_jobs_that_hold_much_wait_for_one_another_and_small_ones_are_counted(nbytes: int, most: int) -> None:
    started, gate = threading.Event(), threading.Event()
    done: list[int] = []
    taken: list[int] = []
    worker = Worker(Faults())

    def produce() -> None:
        for number in range(8):
            worker.wait_for_room(nbytes)
            taken.append(number)
            worker.submit(partial(done.append, number), nbytes)

    def hold() -> None:
        started.set()
        gate.wait(LONG)

    worker.submit(hold)
    assert started.wait(LONG)
    producer = threading.Thread(target=produce)
    producer.start()
    producer.join(0.2)
    assert producer.is_alive()
    assert len(taken) == most + (nbytes == MB)  # by count, the one that waits has taken its weights already
    gate.set()
    producer.join(LONG)
    worker.close()
    assert done == taken == list(range(8))


def test_close_does_all_that_is_queued_before_it_returns() -> None:
    gate, done = threading.Event(), []
    worker = Worker(Faults(), capacity=20)
    worker.submit(lambda: done.extend([] if gate.wait(LONG) else [-1]))
    for number in range(10):
        worker.submit(partial(done.append, number))
    closing = threading.Thread(target=worker.close)
    closing.start()
    assert done == []
    gate.set()
    closing.join(LONG)
    assert not closing.is_alive()
    assert done == list(range(10))


def test_a_close_that_is_interrupted_is_made_good_by_the_next_job() -> None:
    go_on = threading.Event()
    done: list[str] = []
    worker = Worker(Faults())

    def interrupt() -> None:
        while not worker._ending:
            time.sleep(0.001)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        go_on.wait(LONG)

    worker.submit(interrupt)
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background processes ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            worker.close()
    finally:
        signal.signal(signal.SIGINT, usual)
    go_on.set()
    worker.submit(partial(done.append, "later"))
    worker.close()
    assert done == ["later"]


def test_the_thread_is_gone_after_close() -> None:
    threads: list[threading.Thread] = []
    worker = Worker(Faults())
    worker.submit(lambda: threads.append(threading.current_thread()))
    worker.close()
    assert not threads[0].is_alive()
    assert threads[0] not in threading.enumerate()


def test_no_thread_starts_before_the_first_job() -> None:
    before = set(threading.enumerate())
    worker = Worker(Faults())
    assert set(threading.enumerate()) == before
    worker.close()
    worker.close()
    assert set(threading.enumerate()) == before


def test_a_closed_worker_can_be_used_again() -> None:
    done: list[str] = []
    worker = Worker(Faults())
    for word in ("first", "second", "third"):
        worker.submit(partial(done.append, word))
        worker.close()
    assert done == ["first", "second", "third"]


def test_a_job_that_raises_is_reported_and_later_jobs_run() -> None:
    done: list[int] = []
    worker = Worker(Faults())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        worker.submit(fail(ValueError("no luck")))
        worker.submit(lambda: done.append(1))
        worker.close()
    assert done == [1]
    assert [each.category for each in caught] == [RuntimeWarning]
    assert "ValueError: no luck" in str(caught[0].message)


def test_each_kind_of_fault_is_reported_once() -> None:
    worker = Worker(Faults())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            worker.submit(fail(ValueError("a")))
            worker.submit(fail(OSError("b")))
        worker.close()
        worker.submit(fail(ValueError("after closing")))
        worker.close()
    assert [str(each.message).split(": ", 1)[1] for each in caught] == ["ValueError: a", "OSError: b"]
    assert {each.category for each in caught} == {RuntimeWarning}


def test_warnings_turned_into_errors_do_not_raise(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []
    faults = Faults()
    worker = Worker(faults)
    with warnings.catch_warnings(), caplog.at_level(logging.DEBUG, logger="filterscope"):
        warnings.simplefilter("error")
        faults.report("kind", "said once")
        faults.report("kind", "said twice")
        worker.submit(fail(ValueError("no luck")))
        worker.submit(lambda: done.append(1))
        worker.close()
    assert done == [1]
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert said[:2] == [("WARNING", "said once"), ("DEBUG", "said twice")]
    assert said[2][0] == "WARNING"
    assert said[2][1].endswith("ValueError: no luck")
    assert len(said) == 3


def test_what_is_queued_when_the_process_exits_is_done_first() -> None:
    script = """
        import atexit, threading
        from filterscope.recording.faults import Faults
        from filterscope.recording.worker import Worker

        gate, worker = threading.Event(), Worker(Faults(), capacity=50)
        worker.submit(lambda: gate.wait(30) and None)
        for number in range(20):
            worker.submit(lambda number=number: print(number, flush=True))
        atexit.register(gate.set)  # runs first of all: until then, nothing is done
        print("end", flush=True)
    """
    assert run_script(script).stdout.split() == ["end", *map(str, range(20))]
