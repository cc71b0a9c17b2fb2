"""A deep network's images stay within a budget, of which the initial and the final ones come first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from torch import nn

from filterscope import Conv1dFilterMonitor, FilterBank, FilterRecorder
from filterscope.recording import pictures
from filterscope.recording.schedule import IMAGES_PER_FIT, affordable, milestones, milestones_by_step
from tests.support.events import Logged
from tests.support.lifecycles import Hook
from tests.support.nets import SmallNet, loader, make_trainer


def mine(bank: FilterBank, *, reference: FilterBank) -> Figure:
    """A tiny picture."""
    return Figure((0.1, 0.1), 10)


def deep(layers: int) -> nn.Sequential:
    return nn.Sequential(*[nn.Conv1d(1, 1, 8) for _ in range(layers)])


def recorded(where: Path, model: nn.Module, snapshots: range, **options: Any) -> Logged:
    with FilterRecorder(model, where, save_filters=False, **options) as recorder:
        for epoch in snapshots:
            recorder.snapshot(epoch)
    return Logged(where)


def moments(logged: Logged, kind: str) -> dict[int, list[int]]:
    """Steps with an image of a kind, by layer."""
    parts = {tuple(tag.split("/")[1:]): logged.steps(tag) for tag in logged.images if tag != "filters/overview"}
    return {int(layer): steps for (layer, name), steps in parts.items() if name == kind}


def count(logged: Logged) -> int:
    return sum(map(len, logged.images.values()))


USUAL = [0, 1, 2, 3, 5, 6, 9, 12]


def test_a_few_layers_have_all_their_images(tmp_path: Path) -> None:
    logged = recorded(tmp_path, deep(8), range(13), total=13)
    assert moments(logged, "taps") == dict.fromkeys(range(8), USUAL)
    assert logged.steps("filters/overview") == USUAL[1:]
    assert "images are logged at" not in logged.texts["filters/layers"][0][1]


def test_a_deep_network_has_initial_and_final_images_and_some_in_the_middle(tmp_path: Path) -> None:
    logged = recorded(tmp_path, deep(50), range(13), total=13)
    middle = 9  # layers: 2 images each at first, 5 each at the end and 2 overviews leave 48 of 400
    for kind, first in (("taps", [0]), ("response", [0]), ("spectrum", []), ("evolution", []), ("drift", [])):
        expected = {layer: [*first, 5, 12] if layer < middle else [*first, 12] for layer in range(50)}
        assert moments(logged, kind) == expected, kind
    assert logged.steps("filters/overview") == [5, 12]
    assert count(logged) == 397 <= IMAGES_PER_FIT
    ((_, card),) = logged.texts["filters/layers"]
    assert "at most 1 moment between, of as many of the first layers as there are images left for" in card


def test_fewer_layers_keep_some_of_the_moments_between(tmp_path: Path) -> None:
    logged = recorded(tmp_path, deep(16), range(13), total=13)
    assert moments(logged, "taps") == {layer: [0, 2, 5, 9, 12] for layer in range(16)}
    assert logged.steps("filters/overview") == [2, 5, 9, 12]
    assert count(logged) == 356
    assert "at most 3 moments between, so that" in logged.texts["filters/layers"][0][1]


def test_chosen_layers_have_all_their_images(tmp_path: Path) -> None:
    logged = recorded(tmp_path, deep(61), range(13), total=13, layers="*", plots=("taps",))
    assert moments(logged, "taps") == dict.fromkeys(range(61), USUAL)
    assert "images are logged at" not in logged.texts["filters/layers"][0][1]


def test_pictures_of_the_users_own_count(tmp_path: Path) -> None:
    logged = recorded(tmp_path, deep(41), range(13), total=13, plots=("taps", "drift", mine))
    assert moments(logged, "mine") == moments(logged, "taps") == {layer: [0, 5, 12] for layer in range(41)}


def test_a_fit_that_goes_on_has_a_budget_of_its_own(tmp_path: Path) -> None:
    model = deep(61)
    recorded(tmp_path / "bare", model, range(2), total=13)
    with FilterRecorder(model, tmp_path / "run") as recorder:
        recorder.snapshot(0)
        recorder.snapshot(1)
    before = Logged(tmp_path / "run")
    logged = recorded(tmp_path / "run", model, range(2, 13), total=13)
    assert count(logged) - count(before) <= IMAGES_PER_FIT
    taps = moments(logged, "taps")
    assert all(steps[-1] == 12 for steps in taps.values())
    assert [5 in steps for steps in taps.values()] == [layer < 18 for layer in range(61)]
    assert 5 in logged.steps("filters/overview")


def test_layers_that_come_late_share_the_budget(tmp_path: Path) -> None:
    model = deep(1)
    with FilterRecorder(model, tmp_path, save_filters=False, total=13) as recorder:
        for epoch in range(13):
            if epoch == 1:
                model.extend(deep(49))
            recorder.snapshot(epoch)
    logged = Logged(tmp_path)
    assert count(logged) <= IMAGES_PER_FIT
    assert all(steps[-1] == 12 for steps in moments(logged, "drift").values())
    assert len(moments(logged, "drift")) == 50


class Deep(SmallNet):
    """Layers that are not in the way of the ones that are trained."""

    def __init__(self, more: int = 100) -> None:
        super().__init__()
        self.more = deep(more)


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, [0, 4, 8]), ({"plot_every_n_epochs": 1}, [0, *range(1, 9)]), ({"every_n_train_steps": 1}, [0, 4, 8])],
)
def test_a_trainer_has_it_too(tmp_path: Path, options: dict[str, Any], expected: list[int]) -> None:
    monitor = Conv1dFilterMonitor(plots=("taps",), save_filters=False, **options)
    trainer = make_trainer(tmp_path, monitor, max_epochs=8, limit_train_batches=1)
    trainer.fit(Deep(), loader())
    logged = Logged(tmp_path)
    assert logged.steps("filters/conv1/taps") == expected
    assert logged.steps("filters/more.99/taps") == expected


def test_layers_without_images_between_have_their_last_ones_after_a_fault_right_there(tmp_path: Path) -> None:
    def end(trainer: Any, *_: Any) -> None:
        if trainer.current_epoch == 2:
            raise RuntimeError("no more data")

    monitor = Conv1dFilterMonitor(plots=("taps",), save_filters=False)
    trainer = make_trainer(tmp_path, monitor, Hook("on_train_batch_start", end), max_epochs=3, limit_train_batches=1)
    with pytest.raises(RuntimeError, match="no more data"):
        trainer.fit(Deep(150), loader())
    logged = Logged(tmp_path)
    assert {tuple(logged.steps(tag)) for tag in logged.images} == {(0, 2)}  # of the middle, and the last ones
    assert len(logged.images) == 152
    assert logged.steps("filters/more.149/effective_rank") == logged.steps("filters/conv1/effective_rank") == [0, 2]


@pytest.mark.parametrize(
    ("initial", "later", "expected"), [(0, 0, 8), (20, 40, 8), (40, 80, 3), (122, 244, 1), (500, 1000, 1)]
)
def test_how_many_moments_there_are_images_for(initial: int, later: int, expected: int) -> None:
    assert affordable(initial, later) == expected


@pytest.mark.parametrize(
    ("total", "most", "expected"),
    [
        (256, 8, [1, 2, 4, 8, 16, 32, 64, 128]),
        (256, 4, [2, 8, 32, 128]),
        (256, 1, [16]),
        (3, 1, [2]),
        (1, 1, []),
        (None, 1, [16]),
        (None, 2, [4, 64]),
        (None, 5, [1, 4, 16, 64, 256]),
    ],
)
def test_moments_between_are_thinned_evenly(total: int | None, most: int, expected: list[int]) -> None:
    chosen = milestones(total, most=most)
    assert [epoch for epoch in range(1, 1000) if chosen(epoch)] == expected
    by_step = milestones_by_step(total, 1, most)
    assert [step for step in range(1, 1000) if by_step(step - 1, step)] == expected


@pytest.mark.pictures
def test_pictures_laid_out_anew_are_those_that_were_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = ((1, 2, 8), (2, 3, 8), (3, 2, 8), (2, 3, 8))
    model = nn.Sequential(*[nn.Conv1d(*shape) for shape in shapes])
    images = {}
    for most in (32, 1):
        monkeypatch.setattr(pictures, "MOST_PICTURES", most)
        logged = recorded(tmp_path / str(most), model, range(2), plots=("taps", "drift", "overview"))
        images[most] = {tag: [image for _, image in found] for tag, found in logged.images.items()}
    assert images[32].keys() == images[1].keys()
    for tag, found in images[32].items():
        np.testing.assert_array_equal(found, images[1][tag], tag)
