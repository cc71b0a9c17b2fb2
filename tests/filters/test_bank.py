"""Banks and histories."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from filterscope import FilterBank, FilterHistory, dead_filters


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def history(epochs: list[int], filters: int = 5, head: int | None = None) -> FilterHistory:
    """Random banks; ``head`` filters of each, beside the whole initial one."""
    banks = [FilterBank("conv", normal(filters, 2, 7, seed=i), epoch=e, step=10 * e) for i, e in enumerate(epochs)]
    return FilterHistory([bank.head(head) for bank in banks], banks[0])


@pytest.mark.parametrize("shape", [(4,), (4, 5), (4, 3, 5, 1)])
def test_weights_have_three_axes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(filters, channels, taps\), got \(4,"):
        FilterBank("conv", normal(*shape))


@pytest.mark.parametrize("indices", [[0, 1], [[0, 1, 2]], [0, 1, 2, 3]])
def test_there_is_one_index_per_filter(indices: Any) -> None:
    with pytest.raises(ValueError, match=r"indices must have shape \(3,\)"):
        FilterBank("conv", normal(3, 1, 5), np.array(indices))


@pytest.mark.parametrize(
    ("given", "held"),
    [
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float32),
        (np.int64, np.float32),
        (np.complex64, np.complex64),
        (np.complex128, np.complex64),
    ],
)
def test_weights_are_float32_or_complex64(given: type, held: type) -> None:
    bank = FilterBank("conv", np.arange(6).reshape(1, 2, 3).astype(given))
    assert bank.weights.dtype == held
    assert bank.weights.ravel().tolist() == [0, 1, 2, 3, 4, 5]


def test_defaults_describe_a_plain_whole_layer() -> None:
    bank = FilterBank("conv", normal(3, 2, 5))
    assert (bank.filters, bank.channels, bank.taps, bank.total_filters) == (3, 2, 5, 3)
    assert bank.indices.tolist() == [0, 1, 2]
    assert (bank.epoch, bank.step, bank.sample_rate) == (None, None, None)
    assert (bank.stride, bank.dilation, bank.groups, bank.transposed) == (1, 1, 1, False)


def test_position_finds_a_filter_by_its_number() -> None:
    bank = FilterBank("conv", normal(3, 1, 5), np.array([7, 2, 40]), total_filters=64)
    assert [bank.position(index) for index in (7, 2, 40)] == [0, 1, 2]
    with pytest.raises(IndexError, match=r"'conv' has no filter 3 .* 2 to 40"):
        bank.position(3)
    with pytest.raises(IndexError):
        bank.position(-1)


def test_head_keeps_the_lowest_numbers_and_the_total() -> None:
    bank = FilterBank("conv", normal(6, 1, 5), epoch=3, step=9, stride=2, sample_rate=50.0)
    head = bank.head(4)
    np.testing.assert_array_equal(head.weights, bank.weights[:4])
    assert head.indices.tolist() == [0, 1, 2, 3]
    assert (head.total_filters, head.epoch, head.step, head.stride, head.sample_rate) == (6, 3, 9, 2, 50.0)
    for enough in (6, 100, None):
        assert bank.head(enough) is bank
    assert head.head(2).total_filters == 6


def test_dead_filters_of_a_bank() -> None:
    weights = np.ones((4, 1, 5), np.float32)
    weights[1], weights[2] = 0, 0.05
    assert dead_filters(FilterBank("conv", weights)).tolist() == [False, True, False, False]
    assert dead_filters(FilterBank("conv", weights), threshold=0.1).tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    "other",
    [
        FilterBank("other", normal(3, 1, 5)),
        FilterBank("conv", normal(3, 2, 5)),
        FilterBank("conv", normal(2, 1, 5)),
        FilterBank("conv", normal(3, 1, 5), np.array([1, 2, 3])),
    ],
)
def test_a_history_holds_one_layer_of_one_shape_and_the_same_filters(other: FilterBank) -> None:
    with pytest.raises(ValueError, match="'conv'"):
        FilterHistory([FilterBank("conv", normal(3, 1, 5)), other])


def test_a_history_needs_a_bank() -> None:
    with pytest.raises(ValueError, match="at least one"):
        FilterHistory([])


def test_the_reference_must_fit_the_filters() -> None:
    with pytest.raises(ValueError, match="initial bank of 'conv'"):
        FilterHistory([FilterBank("conv", normal(3, 1, 5))], FilterBank("conv", normal(3, 1, 7)))


def test_a_history_is_a_sequence_of_banks() -> None:
    past = history([0, 1, 4])
    assert len(past) == 3
    assert [bank.epoch for bank in past] == [0, 1, 4]
    assert (past[0].epoch, past[-1].epoch) == (0, 4)
    with pytest.raises(IndexError):
        past[3]
    assert past.epochs.tolist() == [0, 1, 4]
    assert past.steps.tolist() == [0, 10, 40]
    assert past.weights.shape == (3, 5, 2, 7)
    np.testing.assert_array_equal(past.weights[1], past[1].weights)


def test_banks_outside_of_training_are_numbered() -> None:
    past = FilterHistory([FilterBank("conv", normal(1, 1, 3)), FilterBank("conv", normal(1, 1, 3))])
    assert past.epochs.tolist() == past.steps.tolist() == [0, 1]


def test_bank_by_epoch_is_the_last_one_logged_for_it() -> None:
    past = history([0, 2, 2, 5])
    assert past.bank(2) is past[2]
    assert past.bank(5) is past[3]
    with pytest.raises(KeyError, match=r"epoch 3; there are 0, 2, 5"):
        past.bank(3)


def test_rotation_change_and_rms_of_a_history() -> None:
    past = history([0, 1, 2])
    flat = past.weights.astype(np.float64).reshape(3, 5, -1)
    norm = np.linalg.norm(flat, axis=2)
    np.testing.assert_allclose(past.rotation(), 1 - (flat * flat[0]).sum(2) / norm / norm[0], atol=1e-6)
    size = np.linalg.norm(norm, axis=1)
    steps = [np.linalg.norm(flat[i] - flat[i - 1]) / size[i - 1] for i in (1, 2)]
    np.testing.assert_allclose(past.change(), [np.nan, *steps], rtol=1e-6)
    np.testing.assert_allclose(past.rms(), size / np.sqrt(5 * 14), rtol=1e-6)
    assert past.dead().shape == (3, 5)
    assert past.effective_rank().shape == past.redundancy().shape == (3,)


def test_rotation_of_some_filters_is_against_the_same_numbers_of_the_whole_initial_bank() -> None:
    initial = FilterBank("conv", normal(6, 1, 5), epoch=0)
    chosen = np.array([4, 1])
    banks = [FilterBank("conv", initial.weights[chosen] * scale, chosen, total_filters=6) for scale in (2, -1)]
    past = FilterHistory(banks, initial)
    np.testing.assert_allclose(past.rotation(), [[0, 0], [2, 2]], atol=1e-6)
    assert past.initial is initial
    assert past.reference.indices.tolist() == [4, 1]
    np.testing.assert_array_equal(past.reference.weights, initial.weights[chosen])


def test_a_layer_that_starts_at_zero_is_measured_from_its_first_nonzero_snapshot() -> None:
    zero, first = np.zeros((3, 1, 5), np.float32), normal(3, 1, 5)
    banks = [FilterBank("conv", weights, epoch=i) for i, weights in enumerate([zero, zero, first, -first])]
    past = FilterHistory(banks)
    assert past.initial is banks[2]
    rotation = past.rotation()
    assert np.isnan(rotation[:2]).all()
    np.testing.assert_allclose(rotation[2:], [[0] * 3, [2] * 3], atol=1e-6)
    np.testing.assert_allclose(past.change(), [np.nan, np.nan, np.nan, 2], rtol=1e-6)


def test_convergence_epoch_is_an_epoch_and_not_a_position() -> None:
    end = np.ones((2, 1, 3), np.float32)
    banks = [FilterBank("conv", end * share, epoch=e) for e, share in [(0, 0.1), (3, 0.5), (6, 0.95), (9, 1.0)]]
    assert FilterHistory(banks).convergence_epoch() == 6


def test_convergence_goes_by_epochs_unless_snapshots_were_taken_by_steps() -> None:
    end = np.ones((2, 1, 3), np.float32)
    banks = [
        FilterBank("conv", end * share, epoch=epoch, step=step)
        for epoch, step, share in ((0, 0, 0), (10, 90, 5), (20, 98, 10), (30, 99, 10), (40, 100, 10))
    ]
    assert FilterHistory(banks, banks[0]).convergence_epoch() == 20
    banks[1] = replace(banks[1], within_epoch=True)
    assert FilterHistory(banks, banks[0]).convergence_epoch() is None  # it has stood for two steps of a hundred


@pytest.mark.parametrize(
    ("changes", "settled"), [([0, 0], 0), ([1e-5, 0], None), ([0, 1e-5], None), ([0, np.nan], None)]
)
def test_a_way_that_rounding_hides_has_settled_only_if_no_change_was_logged(
    changes: list[float], settled: int | None
) -> None:
    banks = [FilterBank("conv", np.ones((2, 1, 3)), epoch=epoch) for epoch in range(3)]
    assert FilterHistory(banks, changes=[np.nan, *changes]).convergence_epoch() == settled


def test_a_history_of_one_snapshot_has_not_settled() -> None:
    assert FilterHistory([FilterBank("conv", np.ones((2, 1, 3)))], changes=[np.nan]).convergence_epoch() is None


def test_a_history_is_made_of_a_list() -> None:
    bank = FilterBank("conv", normal(3, 1, 5))
    for given in (bank, {"conv": bank}, iter([bank])):
        with pytest.raises(TypeError, match=r"expected a Sequence, got .*; give a list of FilterBanks of one layer"):
            FilterHistory(given)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a FilterBank, got ndarray"):
        FilterHistory([bank], bank.weights)  # type: ignore[arg-type]


def test_redundancy_compares_filters_of_one_group_though_not_all_are_held() -> None:
    whole = FilterBank("conv", normal(8, 2, 7), groups=2)  # filters 0 to 3 and 4 to 7
    copied = whole.weights.copy()
    copied[4:6] = copied[:2]  # copies, but of another group's filters
    whole = replace(whole, weights=copied)
    flat = copied[:6].reshape(6, -1).astype(np.float64)
    unit = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    cosine = np.abs(unit @ unit.T)
    np.fill_diagonal(cosine, 0)
    expected = np.concatenate([cosine[:4, :4].max(axis=1), cosine[4:, 4:].max(axis=1)]).mean()
    assert FilterHistory([whole.head(6)], whole).redundancy()[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("clone", [lambda each: pickle.loads(pickle.dumps(each)), copy.deepcopy])
def test_a_history_survives_pickling(clone: object) -> None:
    past = history([0, 1, 3], head=2)
    again = clone(past)  # type: ignore[operator]
    assert repr(again) == repr(past) == "FilterHistory('conv', 3 snapshots, epochs 0 to 3, 2 x 2 x 7, 2 of 5 filters)"
    np.testing.assert_array_equal(again.weights, past.weights)
    np.testing.assert_array_equal(again.rotation(), past.rotation())
    assert again.initial.filters == 5
    assert again.bank(3).total_filters == 5


def test_a_repr_is_a_line_that_tells_what_is_held() -> None:
    bank = FilterBank("conv1", normal(64, 1, 31), epoch=12, step=48)
    assert repr(bank) == "FilterBank('conv1', epoch 12, 64 x 1 x 31)"
    assert repr(bank.head(4)) == "FilterBank('conv1', epoch 12, 4 x 1 x 31, 4 of 64 filters)"
    assert repr(replace(bank, within_epoch=True)) == "FilterBank('conv1', step 48, 64 x 1 x 31)"
    assert repr(FilterBank("conv1", normal(2, 3, 4))) == "FilterBank('conv1', 2 x 3 x 4)"
    whole, few = FilterHistory([bank]), FilterHistory([bank.head(4)], bank)
    assert repr(whole) == "FilterHistory('conv1', 1 snapshot, epoch 12, 64 x 1 x 31)"
    assert repr(few) == "FilterHistory('conv1', 1 snapshot, epoch 12, 4 x 1 x 31, 4 of 64 filters)"


def test_redundancy_of_a_depthwise_layer_is_undefined_though_not_all_filters_are_held() -> None:
    whole = FilterBank("conv", normal(8, 1, 7), groups=8)
    assert np.isnan(FilterHistory([whole], whole).redundancy()[0])
    assert np.isnan(FilterHistory([whole.head(4)], whole).redundancy()[0])


def test_a_bank_is_a_moment_that_later_changes_of_the_array_do_not_reach() -> None:
    live = np.ones((2, 1, 3), np.float32)
    bank = FilterBank("conv", live)
    live *= -1
    np.testing.assert_array_equal(bank.weights, np.ones((2, 1, 3)))


def test_banks_out_of_the_order_of_their_epochs_are_refused() -> None:
    banks = [FilterBank("conv", np.ones((1, 1, 3)), epoch=epoch) for epoch in (5, 2)]
    with pytest.raises(ValueError, match=r"order of their epochs, got \[5, 2\]"):
        FilterHistory(banks)


@pytest.mark.parametrize(("count", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("a", TypeError)])
def test_a_bad_number_of_filters_is_refused(count: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="max_filters="):
        FilterBank("conv", np.ones((4, 1, 3))).head(count)  # type: ignore[arg-type]


def stepped() -> FilterHistory:
    """Two epochs of 7 steps, a snapshot every 5: epochs' ends at 7 and 14."""
    moments = [(0, 0, False), (0, 5, True), (1, 7, False), (1, 10, True), (2, 14, False), (2, 15, True)]
    weights = np.random.default_rng(0).normal(size=(6, 2, 1, 5))
    banks = [
        FilterBank("conv", each, epoch=epoch, step=step, within_epoch=within)
        for each, (epoch, step, within) in zip(weights, moments, strict=True)
    ]
    return FilterHistory(banks)


def test_a_bank_is_found_by_the_end_of_its_epoch_or_by_its_step() -> None:
    history = stepped()
    assert history.by_step
    assert [history.bank(epoch).step for epoch in (0, 1, 2)] == [0, 7, 14]
    assert [history.bank(step=step).epoch for step in (0, 5, 7, 10, 15)] == [0, 0, 1, 1, 2]
    assert history.position(step=10) == 3
    assert "steps 0 to 15" in repr(history)
    with pytest.raises(KeyError, match="no snapshot of epoch 3; there are 0, 1, 2"):
        history.bank(3)
    with pytest.raises(KeyError, match="no snapshot at step 6; there are 0, 5, 7, 10, 14, 15"):
        history.bank(step=6)
    for wrong in ({}, {"epoch": 1, "step": 7}):
        with pytest.raises(TypeError, match="give an epoch, or step="):
            history.bank(**wrong)
    assert not FilterHistory([history[0], history[2]]).by_step
