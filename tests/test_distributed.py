"""Two real processes on the CPU: every strategy is read in full, by rank 0 alone, and training is not touched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.events import Logged

ROOT = Path(__file__).parent.parent
SECONDS = 120


def fit(strategy: str, directory: Path, *flags: str) -> tuple[list[dict], str]:
    """Run a fit in two processes; a hang fails with what was printed so far."""
    command = [sys.executable, "-m", "tests.support.distributed_fit", strategy, str(directory), *flags]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as hang:
        pytest.fail(f"{strategy} hung for {SECONDS} s: {hang.stdout!r} {hang.stderr!r}")
    assert done.returncode == 0, done.stdout + done.stderr
    ranks = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"rank"')]
    return sorted(ranks, key=lambda rank: rank["rank"]), done.stderr


@pytest.mark.parametrize(
    "strategy", ["ddp", "ddp_spawn", "ddp_fork", "fsdp1", "fsdp1_flat", "fsdp1_root_only", "fsdp2"]
)
def test_recorded_weights_equal_those_of_the_whole_model_to_the_last_bit(strategy: str, tmp_path: Path) -> None:
    ranks, _ = fit(strategy, tmp_path)
    assert [rank["rank"] for rank in ranks] == [0, 1]
    assert [rank["compared"] for rank in ranks] == [6, 0]  # 2 layers x 3 epochs, on rank 0 alone
    logged = Logged(tmp_path)
    assert {tag for tag in logged.tags() if tag.endswith("/taps")} == {"filters/conv1/taps", "filters/conv2/taps"}
    assert logged.steps("filters/conv2/weights") == [0, 2, 4, 6]  # 4 batches, dealt to 2 ranks
    assert [int(counts[:, 2].sum()) for _, counts in logged.histograms["filters/conv1/weights"]] == [54] * 4
    assert len(list(tmp_path.rglob("events.out.tfevents.*"))) == 1


@pytest.mark.parametrize("strategy", ["ddp", "fsdp1", "fsdp2", "fsdp2_weight_norm"])
def test_every_rank_trains_as_without_the_monitor(strategy: str, tmp_path: Path) -> None:
    with_monitor, _ = fit(strategy, tmp_path / "with", "digest")
    without, _ = fit(strategy, tmp_path / "without", "digest", "without")
    assert [rank["digest"] for rank in with_monitor] == [rank["digest"] for rank in without]
    assert len({rank["digest"] for rank in without}) == (1 if strategy == "ddp" else 2)


def test_a_layer_that_cannot_be_read_is_left_out_with_one_warning(tmp_path: Path) -> None:
    ranks, errors = fit("fsdp2_spectral", tmp_path)
    assert [rank["compared"] for rank in ranks] == [3, 0]
    assert errors.count("cannot read layer 'conv1'") == 1
    assert not [tag for tag in Logged(tmp_path).tags() if "conv1" in tag]
    assert Logged(tmp_path).steps("filters/conv2/rms") == [0, 2, 4, 6]


def test_a_glob_that_matches_nothing_ends_the_fit_on_all_ranks(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.distributed_fit", "ddp", str(tmp_path), "bad_glob"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode != 0
    assert "no layer matches 'conf*'; the model has: conv1, conv2" in done.stderr
