"""What a record goes on from: the directories of earlier fits, and what is said of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from filterscope.events.layers import read_layers
from filterscope.recording.resume import Past, PastRun, from_state, joined, locate, place_of, read_past, to_state

#: What follows where nothing of the past is found.
_ANEW = "rotation is measured from the weights that the fit was resumed from"


class PastRuns:
    """Where a record is made, and where those were that it goes on from.

    Args:
        tag: The monitor's.
        report: Told of what is missing: a kind of fault, and what to say.
        writers: Where the record is made; empty where none is.
        before: Those of an earlier fit that this one goes on from.
    """

    def __init__(
        self,
        tag: str,
        report: Callable[[str, str], None],
        writers: Sequence[SummaryWriter],
        before: PastRuns | None = None,
    ) -> None:
        self._tag, self._report = tag, report
        self._place = place_of(writers[0]) if writers else PastRun("", "", -1)
        self._runs: list[PastRun] = [] if before is None else joined(before._runs, before._place)

    @property
    def directory(self) -> str:
        """Where the record is made."""
        return self._place.directory

    def begin_at(self, step: int) -> None:
        """The record goes on after a step."""
        self._place = replace(self._place, start=step)

    def find(self, state: Mapping[str, Any], checkpoint: str | os.PathLike[str]) -> None:
        """The runs that a checkpoint tells of, in the place of any others."""
        runs = from_state(state)
        self._runs = locate(runs, checkpoint)
        if missing := len(runs) - len(self._runs):
            gone = [run.directory for run in runs if run.file not in {found.file for found in self._runs}]
            then = _ANEW if missing == len(runs) else "the pictures lack those epochs"
            self._report("history", f"filterscope no longer finds what it recorded in {', '.join(gone)}; {then}")

    def state(self, seen: Sequence[str]) -> dict[str, Any]:
        """What a checkpoint keeps, with the names of layers that a forward told of."""
        return to_state(joined(self._runs, self._place), seen)

    def recall(self, epoch: int, step: int) -> tuple[dict[str, Past], int, bool]:
        """What was recorded before, the last step in the directory, and whether what is there is from elsewhere.

        For the recording thread: event files take time to read.
        """
        past: dict[str, Past] = {}
        here: dict[str, Past] = {}
        is_elsewhere = not self._runs or self._runs[-1].directory != self._place.directory
        try:
            past = read_past(self._runs, self._tag, epoch, step)
            here = read_past([self._place], self._tag, epoch, step) if is_elsewhere else past
        except Exception as error:
            self._report("history", f"filterscope cannot read what it recorded before ({error}); {_ANEW}")
        if self._runs and not any(layer.reference for layer in past.values()):
            where = ", ".join(run.directory for run in self._runs)
            self._report("history", f"filterscope finds no filters recorded before in {where}; {_ANEW}")
        return past, max((layer.last_step for layer in here.values()), default=-1), is_elsewhere

    def tell_superseded(self) -> None:
        """Warn if there is an older record in this one's place; for the recording thread, too."""
        epochs = [bank.epoch for each in read_layers(self.directory) if each.tag == self._tag for bank in each.banks]
        if epochs:
            self._report(
                "superseded",
                f"filterscope: {self.directory} holds an older record under tag={self._tag!r}, of epochs {epochs[0]} "
                f"to {epochs[-1]}: this one supersedes it. To keep both, give each a directory or a tag of its own",
            )
