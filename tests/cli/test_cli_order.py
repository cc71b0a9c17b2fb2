"""``filterscope plot --sort --top``: filters in another order, in the files, under the numbers that they have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from filterscope import FilterBank, FilterHistory, load_history, plot_drift, plot_evolution, plot_response, plot_taps
from filterscope.cli import main
from filterscope.plots.response import ResponsePicture
from tests.cli.test_cli_plot import decoded, draw, png
from tests.support.runs import history, write_run

FILTERS, TAPS = 8, 32
#: Filters in each order, by which the run is made.
DRIFT, NORM, PEAK = ([5, 0, 7, 2, 4, 6, 1, 3], [2, 3, 7, 6, 0, 1, 4, 5], [6, 4, 1, 0, 5, 3, 2, 7])
ORDERS = {"drift": DRIFT, "norm": NORM, "peak": PEAK}


def weights() -> np.ndarray:
    """Three snapshots of tones, whose filters turn and grow and are pitched in orders of their own."""
    pitch, size, turn = (np.argsort(order) for order in (PEAK, NORM, DRIFT))
    time, window = np.arange(TAPS), np.hanning(TAPS + 2)[1:-1]
    angle = 2 * np.pi * (0.04 + 0.05 * pitch)[:, None] * time
    turned = (1.4 - 0.15 * turn)[:, None]
    moments = [np.cos(angle + share * turned) * window * (2.0 - 0.2 * size)[:, None] for share in (0, 0.5, 1)]
    return np.stack(moments)[:, :, None].astype(np.float32)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", history("conv", weights()))


def in_order(bank: FilterBank, order: list[int]) -> FilterBank:
    return bank.with_fields(weights=bank.weights[order], indices=bank.indices[order])


@pytest.mark.parametrize("top", [None, 5])
@pytest.mark.parametrize("by", ORDERS)
def test_tiles_and_rows_are_in_the_order_asked_for_with_their_own_numbers(
    by: str, top: int | None, run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = ORDERS[by]
    kinds = ("taps", "response", "evolution", "drift")
    asked = [word for name in kinds for word in ("--kind", name)]
    names = draw(capsys, run_dir, "--sort", by, *(() if top is None else ("--top", top)), *asked)
    recorded = load_history(run_dir)["conv"]
    last, reference = (in_order(bank, order) for bank in (recorded[-1], recorded.reference))
    moved = FilterHistory([in_order(bank, order) for bank in recorded], recorded.initial)
    response = ResponsePicture(last, reference, max_filters=top, in_order=by != "peak")
    wanted: list[Any] = [
        plot_taps(last, reference=reference, max_filters=top),
        response.sheet.figure,
        plot_evolution(moved, max_filters=top),
        plot_drift(moved, max_filters=top),
    ]
    for name, figure in zip(names, wanted, strict=True):
        np.testing.assert_array_equal(decoded(name), png(figure))
    by_number = plot_taps(recorded[-1], reference=recorded.reference, max_filters=top)
    assert (decoded(names[0]) != png(by_number)).any()
    unlabelled = plot_taps(last.with_fields(indices=np.arange(FILTERS)), max_filters=top)
    labelled = plot_taps(last, max_filters=top)
    assert (png(labelled) != png(unlabelled)).any()  # what is drawn of the order is its numbers too


def test_rows_of_the_response_are_by_peak_unless_another_order_is_asked_for(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = load_history(run_dir)["conv"]
    (name,) = draw(capsys, run_dir, "--kind", "response")
    plain = decoded(name)
    np.testing.assert_array_equal(plain, png(plot_response(recorded[-1], reference=recorded.reference)))
    (name,) = draw(capsys, run_dir, "--kind", "response", "--sort", "peak")
    np.testing.assert_array_equal(decoded(name), plain)
    (name,) = draw(capsys, run_dir, "--kind", "response", "--sort", "norm")
    assert (decoded(name) != plain).any()


def test_max_filters_chooses_first_and_top_of_what_it_leaves(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (name,) = draw(capsys, run_dir, "--kind", "taps", "--sort", "norm", "--max-filters", 6, "--top", 3)
    recorded = load_history(run_dir)["conv"]
    order = [each for each in NORM if each < 6]
    kept = [in_order(bank, [*order, 6, 7]) for bank in (recorded[-1], recorded.reference)]
    np.testing.assert_array_equal(decoded(name), png(plot_taps(kept[0], reference=kept[1], max_filters=3)))


def test_drift_is_that_of_the_epoch_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Filters 1 and 0 turn one after the other."""
    turn = np.array([[0, 0], [0.1, 1.0], [1.5, 1.0]])[..., None, None]
    time = np.arange(9)
    turning = np.cos(0.8 * time + turn).astype(np.float32)
    run_dir = write_run(tmp_path / "turns", history("conv", turning))
    recorded = load_history(run_dir)["conv"]
    for epoch, order in ((1, [1, 0]), (2, [0, 1])):
        (name,) = draw(capsys, run_dir, "--kind", "taps", "--sort", "drift", "--epoch", epoch)
        wanted = plot_taps(in_order(recorded[epoch], order), reference=in_order(recorded.reference, order))
        np.testing.assert_array_equal(decoded(name), png(wanted))


def test_the_largest_of_a_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    size = np.random.default_rng(0).permutation(200) + 1.0
    values = (size[:, None, None] * np.cos(np.arange(9))).astype(np.float32)
    values[7, 0, 3] = np.nan  # comes last
    torch.save({"conv.weight": torch.tensor(values)}, "weights.pt")
    size[7] = 0
    order = np.argsort(-size, kind="stable").tolist()
    bank = in_order(FilterBank("conv", values), order)
    (name,) = draw(capsys, "weights.pt", "--kind", "taps", "--sort", "norm")
    np.testing.assert_array_equal(decoded(name), png(plot_taps(bank, max_filters=64)))
    (name,) = draw(capsys, "weights.pt", "--kind", "taps", "--sort", "norm", "--top", "5")
    np.testing.assert_array_equal(decoded(name), png(plot_taps(bank, max_filters=5)))


def test_what_has_no_order_is_told_with_what_would_work(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"conv.weight": torch.randn(5, 1, 16)}, "weights.pt")
    works = "--sort norm and --sort peak need no history"
    for argv, words in (
        (("weights.pt", "--sort", "drift"), f"'weights.pt' is a checkpoint, .* give the directory of a run. {works}"),
        ((run_dir, "--sort", "drift", "--epoch", 0), f"this is the first snapshot, and drift begins .*{works}"),
        ((run_dir, "--top", 4), "--top 4 needs an order: add --sort drift or norm or peak; --max-filters 4 draws"),
    ):
        assert main(["plot", *map(str, argv)]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert not Path("filters").exists()
        with pytest.raises(AssertionError, match=words):
            raise AssertionError(err)
    with pytest.raises(SystemExit) as stop:
        main(["plot", str(run_dir), "--sort", "size"])
    assert stop.value.code == 2
    assert "choose from" in capsys.readouterr().err


def test_layers_without_frequencies_keep_their_order_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.random.default_rng(0).standard_normal((2, 6, 4, 9))
    banks = [*history("dna", values, channel_names=tuple("ACGT")), *history("mix", values[..., :1])]
    run_dir = write_run(tmp_path / "letters", banks)
    assert main(["plot", str(run_dir), "--kind", "taps", "--sort", "peak"]) == 0
    out, err = capsys.readouterr()
    assert "layer 'dna' are in the order of their numbers, not by peak: its channels are letters" in err
    assert "layer 'mix' are in the order of their numbers, not by peak: it has a single tap" in err
    for name, recorded in zip(out.split(), load_history(run_dir).values(), strict=True):
        np.testing.assert_array_equal(decoded(name), png(plot_taps(recorded[-1], reference=recorded.reference)))
