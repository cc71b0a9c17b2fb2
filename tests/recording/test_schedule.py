"""When images are logged."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from filterscope.recording.schedule import (
    IMAGES_PER_TAG,
    milestones,
    milestones_by_step,
    planned_epochs,
    planned_steps,
)


def between(total: int, every: int = 1, plot_every: int | None = None, planned: int | None = -1) -> list[int]:
    """Milestones among the snapshots of a fit, without the initial and the final one."""
    chosen = milestones(total if planned == -1 else planned, every, plot_every)
    return [epoch for epoch in range(every, total, every) if chosen(epoch)]


@pytest.mark.parametrize(
    ("total", "every", "expected"),
    [
        (256, 1, [1, 2, 4, 8, 16, 32, 64, 128]),
        (6561, 1, [1, 3, 9, 27, 81, 243, 729, 2187]),
        (1280, 5, [5, 10, 20, 40, 80, 160, 320, 640]),
        (3, 1, [1, 2]),
        (1, 1, []),
        (7, 10, []),
    ],
)
def test_milestones_are_spaced_geometrically(total: int, every: int, expected: list[int]) -> None:
    assert between(total, every) == expected


@pytest.mark.parametrize("every", [1, 2, 3, 7, 50])
def test_ten_images_at_most_and_those_early(every: int) -> None:
    assert IMAGES_PER_TAG == 10
    for total in [*range(1, 130), 200, 300, 999, 1000, 5000, 20_000]:
        chosen = between(total, every)
        assert len(chosen) + 2 <= 10, total
        if total > every:
            assert chosen[0] == every, total
        gaps = [b - a for a, b in itertools.pairwise(chosen)]
        assert all(b >= a - every for a, b in itertools.pairwise(gaps)), (total, chosen)  # up to rounding


@pytest.mark.parametrize(("total", "least"), [(10, 5), (30, 7), (60, 8), (1000, 8)])
def test_the_slots_are_used(total: int, least: int) -> None:
    assert len(between(total)) >= least


@pytest.mark.parametrize(
    ("every", "expected"),
    [(1, [1, 4, 16, 64, 256, 1024, 4096, 16384]), (3, [3, 6, 18, 66, 258, 1026, 4098, 16386])],
)
def test_without_a_planned_end_milestones_are_powers_of_four(every: int, expected: list[int]) -> None:
    assert between(300_000, every, planned=None) == expected


def test_a_milestone_between_snapshots_moves_to_the_next_one() -> None:
    chosen = milestones(None, every_n_epochs=10)
    assert [epoch for epoch in range(10, 400, 10) if chosen(epoch)] == [10, 20, 70, 260]


@pytest.mark.parametrize(
    ("every", "plot_every", "expected"),
    [
        (1, 1, list(range(1, 24))),
        (1, 5, [5, 10, 15, 20]),
        (2, 6, [6, 12, 18]),
        (2, 3, [4, 6, 10, 12, 16, 18, 22]),  # 3 and 9 fall between snapshots
        (5, 2, [5, 10, 15, 20]),
        (4, 10, [12, 20]),
    ],
)
def test_a_cadence_of_images_overrides_milestones(every: int, plot_every: int, expected: list[int]) -> None:
    assert between(24, every, plot_every) == expected
    assert between(24, every, plot_every, planned=None) == expected


@pytest.mark.parametrize(
    ("max_epochs", "max_steps", "steps_per_epoch", "expected"),
    [
        (20, -1, 100, 20),
        (0, -1, 100, 0),
        (-1, -1, 100, None),
        (None, -1, 100, None),
        (None, 250, 100, 3),
        (-1, 300, 100, 3),
        (2, 1000, 100, 2),
        (50, 1000, 100, 10),
        (None, 100, math.inf, None),
        (7, 100, math.inf, 7),
        (None, 0, 10, 0),
        (None, 5, 0, None),
        (None, 5, 2.5, 2),
    ],
)
def test_planned_epochs(max_epochs: int | None, max_steps: int, steps_per_epoch: float, expected: int | None) -> None:
    assert planned_epochs(max_epochs, max_steps, steps_per_epoch) == expected


@pytest.mark.parametrize("total", [1, 99, 100, 101, 500, 2000, 123_457])
@pytest.mark.parametrize("steps_per_epoch", [30, 100, 1000, 10**9])
def test_ten_images_at_most_where_snapshots_are_taken_by_steps(total: int, steps_per_epoch: int) -> None:
    is_milestone = milestones_by_step(total, 100)
    snapshots = sorted({*range(100, total + 1, 100), *range(steps_per_epoch, total + 1, steps_per_epoch), total})
    drawn = [now for before, now in zip([0, *snapshots], snapshots, strict=False) if is_milestone(before, now)]
    assert len({0, *drawn, total}) <= IMAGES_PER_TAG
    if total > 2000:
        assert len({0, *drawn, total}) == IMAGES_PER_TAG
        assert drawn[0] <= 100 + steps_per_epoch


def test_a_milestone_between_snapshots_by_steps_moves_to_the_later_one() -> None:
    is_milestone = milestones_by_step(None, 10)  # at 10, 40, 160, ...
    assert [is_milestone(*pair) for pair in ((0, 9), (9, 12), (12, 39), (39, 41), (41, 160), (160, 161))] == [
        False, True, False, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "steps", "epochs"),
    [
        ((10, -1, 7, 1), 70, 10),
        ((None, 20, 7, 1), 20, 3),
        ((-1, 20, 7, 2), 10, 2),
        ((10, 20, 7, 2), 10, 2),
        ((1, 2000, 7, 1), 7, 1),
        ((-1, -1, 7, 1), None, None),
        ((-1, 2000, float("inf"), 1), 2000, None),
        ((3, -1, float("inf"), 1), None, 3),
        ((0, -1, float("inf"), 1), 0, 0),
    ],
)
def test_planned_steps_count_batches_and_not_optimisers(
    arguments: tuple[Any, ...], steps: int | None, epochs: int | None
) -> None:
    assert planned_steps(*arguments) == steps
    assert planned_epochs(*arguments) == epochs
