"""Where a monitor's values go: to every writer, one event for a layer at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from filterscope.events.tfrecords import quicken

#: What is computed or drawn together: words for it, and the kind of fault if it cannot be.
_Item = tuple[str, str]
_BUFFERED = "what was buffered", "flush"


class Outlet:
    """Collects values and writes them together: each event of its own costs as much as ten small values.

    A fault loses what it befell and nothing else.

    Args:
        writers: Where to.
        report: Told of what could not be made or written: its kind, and a message.
        pause: Called before each item: there the thread may be held up.
    """

    def __init__(
        self,
        writers: Sequence[SummaryWriter],
        report: Callable[[str, str], None],
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        self._writers, self._tell, self._pause = list(writers), report, pause
        self._collected: list[tuple[_Item, Summary.Value]] = []
        self._all_made = True

    @contextmanager
    def item(self, words: str, kind: str) -> Iterator[list[Summary.Value]]:
        """A list to fill, for the next event. What raises here is reported, and what is in the list by then goes out.

        Args:
            words: What this is, for a warning.
            kind: Of each kind of fault, the first one is a warning.
        """
        self._pause()
        item = words, kind
        values: list[Summary.Value] = []
        try:
            yield values
        except BaseException as error:  # a picture of the user's may even raise SystemExit
            self._all_made = False
            self._report(item, error)
        self._collected += [(item, value) for value in values]

    def send(self, step: int, time: float) -> bool:
        """Write what was collected, at a step and a time in seconds since 1970.

        Returns:
            Whether all could be made, and some writer took all of it.
        """
        collected, self._collected = self._collected, []
        all_made, self._all_made = self._all_made, True
        taken = [self._deliver(writer, collected, step, time) for writer in self._writers] if collected else []
        return all_made and (any(taken) or not collected)

    def flush(self) -> None:
        """Show TensorBoard what there is, and learn of a broken file before the next event goes into it."""
        for writer in self._writers:
            try:
                writer.flush()
            except Exception as error:
                self._report(_BUFFERED, error)
                _let_go_if_useless(writer)

    def _deliver(
        self, writer: SummaryWriter, collected: Sequence[tuple[_Item, Summary.Value]], step: int, time: float
    ) -> bool:
        """Write one event: if its file is closed or broke, into another one; if it is refused, value by value."""
        for _ in range(2):
            try:
                _write(writer, collected, step, time)
                return True
            except Exception as error:
                if _is_broken(writer):  # what it had not written yet is lost; one that is closed has lost nothing
                    self._report(_BUFFERED, error)
                if not _let_go_if_useless(writer):
                    break
        all_taken = True
        for each in collected:
            try:
                _write(writer, [each], step, time)
            except Exception as error:
                all_taken = False
                self._report(each[0], error)
                _let_go_if_useless(writer)
        return all_taken

    def _report(self, item: _Item, error: BaseException) -> None:
        reason = f"{type(error).__name__}: {error}"
        words, kind = item
        self._tell(kind, f"filterscope could not log {words} ({reason}); training goes on")


def file_writer(writer: SummaryWriter) -> Any:
    """What writes a ``SummaryWriter``'s events; another one after its file was let go.

    Checked with torch 2.13. Without the private method it is the one that the writer was made with.
    """
    make = getattr(writer, "_get_file_writer", None)
    return writer.file_writer if make is None else make()


def _write(writer: SummaryWriter, collected: Sequence[tuple[_Item, Summary.Value]], step: int, time: float) -> None:
    event = Event()
    event.summary.value.extend(value for _, value in collected)  # the one copy: they may be large
    if getattr(writer, "all_writers", writer) is None:  # it begins a file
        _prove_room(writer.log_dir, event.ByteSize())
    target = file_writer(writer)
    quicken(getattr(target, "event_writer", None))  # each time, for there is another one after a fault
    target.add_event(event, step, time)


def _prove_room(directory: str, size: int) -> None:
    """Raise what would keep so many bytes out of a new file: one that a writer fails to begin stays there, empty."""
    if os.path.isdir(directory):  # else it is made, or is no local one
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(bytes(size))
            file.flush()


def _queue(writer: SummaryWriter) -> Any:
    """Of events on their way into a writer's file. Checked with TensorBoard 2.21; without it, nothing is known."""
    return getattr(getattr(writer.file_writer, "event_writer", None), "_async_writer", None)


def _is_broken(writer: SummaryWriter) -> bool:
    return getattr(getattr(_queue(writer), "_worker", None), "exception", None) is not None


def _let_go_if_useless(writer: SummaryWriter) -> bool:
    """Have a writer open another file if its own is closed or broke: that one would refuse Lightning's events too."""
    is_useless = getattr(_queue(writer), "_closed", False) or _is_broken(writer)
    if is_useless:
        writer.all_writers = None  # torch's writer makes another one then
    return is_useless
