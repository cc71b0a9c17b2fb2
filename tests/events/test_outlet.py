"""What the outlet writes: each value once, to every writer that takes it, whatever happens to the others."""

from __future__ import annotations

import resource
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer import record_writer
from torch.utils.tensorboard import FileWriter, SummaryWriter

from filterscope.events.outlet import Outlet, file_writer
from filterscope.recording.faults import Faults
from tests.support.events import Logged
from tests.support.faults import raising


class Bench:
    """An outlet with writers of its own, and what it warned of."""

    def __init__(self, tmp_path: Path, count: int = 1) -> None:
        self.directories = [tmp_path / str(number) for number in range(count)]
        self.writers = [SummaryWriter(str(directory)) for directory in self.directories]
        self.outlet = Outlet(self.writers, Faults().report)
        self.told: list[str] = []

    def send(self, step: int, *tags: str, fault: Exception | None = None) -> bool:
        """One event of an item with these values, at the end of which something may go wrong."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with self.outlet.item(f"the values of {tags}", "values") as values:
                values += [Summary.Value(tag=tag, simple_value=step) for tag in tags]
                if fault is not None:
                    raise fault
            is_whole = self.outlet.send(step, 1e9 + step)
            self.outlet.flush()
        self.told += [str(each.message) for each in caught]
        return is_whole

    def logged(self, number: int = 0) -> dict[str, list[int]]:
        """Steps of each tag in a writer's files, in the order of writing."""
        self.writers[number].close()
        scalars = Logged(self.directories[number]).scalars
        return {tag: [step for step, _ in values] for tag, values in scalars.items()}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    for writer in made.writers:
        writer.close()


def test_values_of_several_items_share_one_event(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []
    monkeypatch.setattr(FileWriter, "add_event", lambda _, event, *where: events.append((event.summary, where)))
    for tags in (["a", "b"], ["c"]):
        with bench.outlet.item("values", "values") as values:
            values += [Summary.Value(tag=tag, simple_value=1) for tag in tags]
    assert bench.outlet.send(7, 5.0)
    ((summary, where),) = events
    assert [value.tag for value in summary.value] == ["a", "b", "c"]
    assert where == (7, 5.0)
    assert bench.outlet.send(8, 6.0)  # nothing to write is nothing lost
    assert len(events) == 1


def test_what_was_made_before_a_fault_goes_out(bench: Bench) -> None:
    assert not bench.send(1, "a", "b", fault=ArithmeticError("no sense"))
    assert bench.send(2, "a")
    assert bench.logged() == {"a": [1, 2], "b": [1]}
    assert len(bench.told) == 1
    assert "could not log the values of ('a', 'b') (ArithmeticError: no sense)" in bench.told[0]


def test_a_value_that_is_refused_leaves_the_others_and_none_comes_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(writer: Any, event: Any, *where: Any) -> bool:
        return any(value.tag == "b" for value in event.summary.value)

    monkeypatch.setattr(FileWriter, "add_event", raising(FileWriter.add_event, ValueError("refused"), here))
    assert not bench.send(1, "a", "b", "c")
    assert bench.logged() == {"a": [1], "c": [1]}
    assert len(bench.told) == 1


def test_an_event_that_is_refused_as_a_whole_is_tried_once_and_goes_out_value_by_value(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[list[str]] = []

    def of_several(writer: Any, event: Any, *where: Any) -> bool:
        tried.append([value.tag for value in event.summary.value])
        return len(event.summary.value) > 1

    monkeypatch.setattr(FileWriter, "add_event", raising(FileWriter.add_event, ValueError("too large"), of_several))
    assert bench.send(1, "a", "b")  # nothing of it is lost
    assert tried == [["a", "b"], ["a"], ["b"]]
    assert bench.logged() == {"a": [1], "b": [1]}
    assert bench.told == []


def test_a_closed_file_loses_nothing(bench: Bench) -> None:
    assert bench.send(1, "a")
    file_writer(bench.writers[0]).event_writer.close()
    assert bench.send(2, "a", "b")
    assert bench.logged() == {"a": [1, 2], "b": [2]}
    assert bench.told == []


def test_every_file_gets_quick_checksums(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = raising(record_writer.masked_crc32c, AssertionError("slow"), lambda content: b"ours" in content)
    monkeypatch.setattr(record_writer, "masked_crc32c", ours)  # TensorBoard's own
    assert bench.send(1, "ours")
    file_writer(bench.writers[0]).event_writer.close()
    assert bench.send(2, "ours")  # into another file
    assert bench.logged() == {"ours": [1, 2]}
    assert bench.told == []


class Full:
    """A file on a full disk."""

    def write(self, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        """Nothing to bring to the disk."""

    def close(self) -> None:
        """Nothing to close."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_file_that_breaks_loses_what_was_on_its_way_and_the_next_event_comes_once(bench: Bench) -> None:
    assert bench.send(1, "a")
    file_writer(bench.writers[0]).event_writer._async_writer._writer._writer = Full()
    bench.send(2, "a")  # the thread that writes fails later
    for step in (3, 4):
        assert bench.send(step, "a", "b")
    logged = bench.logged()
    assert logged["a"][0] == 1
    assert logged["a"][-2:] == logged["b"] == [3, 4]
    assert len(bench.told) == 1
    assert "what was buffered (OSError" in bench.told[0]


@contextmanager
def no_room() -> Iterator[None]:
    """Files can be made, as on a full disk, and nothing can be written to any."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_full_disk_gets_no_files_until_there_is_room_again(bench: Bench) -> None:
    assert bench.send(1, "a")
    with no_room():
        for step in range(2, 9):
            bench.send(step, "a", "b")
    assert len(list(bench.directories[0].iterdir())) == 1
    assert len(bench.told) == 2  # what was on its way, and the values after it
    assert bench.send(9, "a", "b")
    assert bench.logged() == {"a": [1, 9], "b": [9]}


def test_of_two_writers_one_that_always_refuses_costs_the_other_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, 2)
    refusing = bench.writers[0]._get_file_writer()
    monkeypatch.setattr(
        FileWriter,
        "add_event",
        raising(FileWriter.add_event, OSError("refused"), lambda writer, *_: writer is refusing),
    )
    for step in (1, 2):
        assert bench.send(step, "a", "b")
    assert bench.logged(1) == {"a": [1, 2], "b": [1, 2]}
    assert bench.logged(0) == {}
    assert len(bench.told) == 1
