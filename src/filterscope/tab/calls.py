"""Calls to TensorBoard's data provider side by side, without the wait that its data server has for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Result = TypeVar("Result")

#: Seconds after which an answer is taken to be held back, and how much longer the next wait is.
_PATIENCE, _GROWTH = 0.002, 1.5

# Their threads start when they are first needed; a nudge that is held back itself must not keep the next from leaving.
_calls = ThreadPoolExecutor(8, thread_name_prefix="filterscope")
_nudges = ThreadPoolExecutor(4, thread_name_prefix="filterscope")


def side_by_side(calls: Iterable[Callable[[], Result]], nudge: Callable[[], object]) -> list[Result]:
    """Results of calls in their order; the error of the first that failed.

    The data server sends every answer in two packets and holds the second back until the first is acknowledged
    (Nagle's algorithm). The kernel puts that off by 40 ms, unless it has something to send that takes it along.

    Args:
        calls: What is asked for.
        nudge: A call as cheap as can be, made again and again while the answers are out.
    """
    pending = [_calls.submit(call) for call in calls]
    patience = _PATIENCE
    while wait(pending, patience).not_done:
        _nudges.submit(nudge)
        patience *= _GROWTH
    return [each.result() for each in pending]
