"""What is remembered of a layer while it trains."""

from __future__ import annotations

import weakref
from dataclasses import replace

import numpy as np
import pytest

from filterscope import FilterBank, FilterHistory
from filterscope.filters import channels, metrics
from filterscope.plots import kinds
from filterscope.plots.picture import Options, rows_of
from filterscope.recording.track import MOST_ROWS, Track
from tests.support.arrays import normal
from tests.support.faults import raising


def snapshots(count: int, filters: int = 3, channels: int = 2, taps: int = 4, every: int = 1) -> list[FilterBank]:
    generator = np.random.default_rng(0)
    shape = (filters, channels, taps)
    return [FilterBank("conv", generator.normal(size=shape), epoch=every * i, step=10 * i) for i in range(count)]


EVOLUTION, DRIFT = kinds.kind("evolution"), kinds.kind("drift")


def new_track(bank: FilterBank, max_filters: int | None = None, channels: str = "auto") -> Track:
    return Track(bank, [kinds.kind(name) for name in kinds.LAYER_NAMES], Options(channels, max_filters))


def rows(followed: Track) -> np.ndarray:
    return channels.tap_rows(followed.rows(EVOLUTION), followed.head.weights, followed._options.channels)


def rotations(followed: Track) -> np.ndarray:
    return np.stack(followed.rows(DRIFT))


def track(banks: list[FilterBank], max_filters: int | None = None, channels: str = "auto") -> Track:
    followed = new_track(banks[0], max_filters, channels)
    for bank in banks:
        followed.add(bank)
    return followed


def test_history_is_thinned_but_keeps_first_and_last_at_every_length() -> None:
    banks = snapshots(700, channels=1, every=3)
    weights = np.stack([bank.weights for bank in banks])
    expected = (weights - weights[0])[:, :, 0].transpose(1, 0, 2)
    turned = np.stack([metrics.rotation(each, weights[0]) for each in weights])
    followed = new_track(banks[0])
    for count, bank in enumerate(banks, start=1):
        followed.add(bank)
        epochs = followed.times().values
        assert len(followed) == count
        assert len(epochs) <= MOST_ROWS
        assert (epochs[0], epochs[-1]) == (0, bank.epoch)
        assert (np.diff(epochs) > 0).all()
        kept = epochs // 3
        assert np.allclose(rows(followed), expected[:, kept], atol=1e-6)
        assert np.allclose(rotations(followed), turned[kept], atol=1e-6)


def test_up_to_128_snapshots_are_all_kept() -> None:
    assert MOST_ROWS == 128
    assert track(snapshots(128)).times().values.tolist() == list(range(128))


@pytest.mark.parametrize("count", [129, 200, 257, 512, 700])
def test_what_is_kept_is_evenly_spaced_and_no_less_than_half_the_rows(count: int) -> None:
    epochs = track(snapshots(count, filters=1, channels=1, taps=1)).times().values
    gaps = np.diff(epochs)[:-1]
    assert len(set(gaps.tolist())) == 1
    assert len(epochs) > MOST_ROWS // 2


def test_change_is_measured_from_the_snapshot_before_the_latest_which_is_held_no_longer() -> None:
    banks = snapshots(3)
    wanted = metrics.change(banks[2].weights, banks[1].weights)
    followed = new_track(banks[0])
    followed.add(banks[0])
    assert np.isnan(followed.measures()["change"])
    followed.add(banks[1])
    followed.add(banks[2])
    assert followed.measures()["change"] == wanted
    assert followed.latest is banks[2]
    assert followed.reference is banks[0]
    before = weakref.ref(banks[1])
    del banks
    assert before() is None


def test_history_covers_the_monitored_filters_and_the_reference_the_whole_layer() -> None:
    followed = track(snapshots(5, filters=9), max_filters=2)
    assert rows(followed).shape == (2, 5, 4)
    assert rotations(followed).shape == (5, 2)
    assert (followed.head.filters, followed.reference_head.filters) == (2, 2)
    assert (followed.latest.filters, followed.reference.filters) == (9, 9)


def test_rows_of_one_channel_are_signed_differences() -> None:
    banks = snapshots(4, channels=1)
    expected = np.stack([bank.weights[:, 0] - banks[0].weights[:, 0] for bank in banks], axis=1)
    np.testing.assert_allclose(rows(track(banks)), expected, atol=1e-6)


@pytest.mark.parametrize("transposed", [False, True])
def test_what_complex_filters_pass_is_remembered_as_it_is_drawn_from_the_history(transposed: bool) -> None:
    banks = [FilterBank("conv", normal(2, 1, 12, dtype=np.complex64), epoch=e, transposed=transposed) for e in (0, 1)]
    kind = kinds.kind("spectrum")
    found = track(banks).rows(kind)
    np.testing.assert_array_equal(found, rows_of(kind, FilterHistory(banks), Options()))


def test_channels_are_reduced_as_asked() -> None:
    banks = snapshots(4)
    expected = np.stack([(bank.weights - banks[0].weights).mean(axis=1) for bank in banks], axis=1)
    np.testing.assert_allclose(rows(track(banks, channels="mean")), expected, atol=1e-6)


def test_a_layer_that_starts_at_zero_is_measured_from_its_first_nonzero_snapshot() -> None:
    zeros = [FilterBank("conv", np.zeros((3, 2, 4)), epoch=epoch) for epoch in (0, 1)]
    banks = zeros + [FilterBank("conv", bank.weights, epoch=(bank.epoch or 0) + 2) for bank in snapshots(3)]
    followed = track(banks)
    start = banks[2].weights
    assert followed.reference is banks[2]
    np.testing.assert_allclose(rotations(followed)[2:], [metrics.rotation(b.weights, start) for b in banks[2:]])
    assert np.isnan(rotations(followed)[:2]).all()
    left = np.linalg.svd(banks[-1].weights - start)[0][:, :, 0]
    expected = np.stack([np.einsum("fc,fck->fk", left, bank.weights - start) for bank in banks], axis=1)
    signs = np.sign((rows(followed) * expected).sum(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(rows(followed), signs * expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (np.zeros((3, 2, 4), np.float32), True),
        (np.zeros((4, 2, 4), np.float32), False),
        (np.zeros((3, 2, 5), np.float32), False),
        (np.zeros((3, 2, 4), np.complex64), False),
    ],
)
def test_a_resized_layer_does_not_continue_a_track(weights: np.ndarray, expected: bool) -> None:
    assert track(snapshots(2)).fits(FilterBank("conv", weights)) is expected


def test_a_snapshot_that_fails_leaves_no_part_of_itself() -> None:
    banks, row = snapshots(4), DRIFT.row
    broken = raising(row, MemoryError("no room"), lambda moment, _: np.array_equal(moment.weights, banks[2].weights))
    followed = Track(banks[0], [EVOLUTION, replace(DRIFT, row=broken)], Options())
    for bank in banks[:2]:
        followed.add(bank)
    with pytest.raises(MemoryError):
        followed.add(banks[2])
    followed.add(banks[3])
    assert followed.times().values.tolist() == [0, 1, 3]
    assert [len(each) for each in followed._rows.values()] == [3, 3]


def test_a_snapshot_taken_back_leaves_no_trace_but_its_successor() -> None:
    for count in (2, 5, 128, 129, 130, 131, 300):
        banks = [bank.with_fields(within_epoch=True) for bank in snapshots(count + 1)]
        followed, straight = track(banks[:-1]), track([*banks[:-2], banks[-1]])
        followed.take_back()
        followed.add(banks[-1])
        assert len(followed) == len(straight) == count
        np.testing.assert_equal(followed.measures(), straight.measures())
        assert followed.times().values.tolist() == straight.times().values.tolist()
        np.testing.assert_array_equal(rows(followed), rows(straight))
        np.testing.assert_array_equal(rotations(followed), rotations(straight))


def test_the_axis_of_time_is_told_by_epochs_or_by_steps() -> None:
    followed = track(snapshots(4, every=2))
    assert (followed.times().values.tolist(), followed.times().unit) == ([0, 2, 4, 6], "epoch")
    assert (followed.times(by_step=True).values.tolist(), followed.times(by_step=True).unit) == (
        [0, 10, 20, 30],
        "step",
    )
