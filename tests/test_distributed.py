"""Two real processes on the CPU: every strategy is read in full, by rank 0 alone, and training is not touched.

Processes take long to start, so that a family of strategies is launched once, for all that is asked of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from filterscope import load_history
from tests.support.distributed_fit import TWICE
from tests.support.events import Logged

ROOT = Path(__file__).parent.parent
SECONDS = 240
FAMILIES = (
    ("ddp", "ddp_made", "fsdp1", "fsdp1_flat", "fsdp1_root_only", "fsdp2", "fsdp2_weight_norm", "fsdp2_spectral"),
    ("ddp_fork", "ddp_spawn"),
)
#: All of whose layers can be compared with the model's own.
WHOLE = ("ddp", "ddp_spawn", "ddp_fork", "fsdp1", "fsdp1_flat", "fsdp1_root_only", "fsdp2")


#: Wrappers of models in a loop of one's own.
LOOPS = ("ddp", "ddp and compile", "fsdp1", "fsdp2", "fabric")


@dataclass
class Launch:
    """What two ranks printed, and the directory of their files."""

    directory: Path
    lines: list[dict[str, Any]]
    errors: str

    def said(self, strategy: str, key: str) -> list[Any]:
        """Values of a key, by rank and then in the order in which they were printed."""
        lines = [line for line in self.lines if line["strategy"] == strategy and key in line]
        return [line[key] for rank in (0, 1) for line in lines if line["rank"] == rank]


def launch(family: tuple[str, ...], directory: Path) -> Launch:
    """Run fits in two processes, or loops; a hang fails with what was printed so far."""
    command = [sys.executable, "-m", "tests.support.distributed_fit", str(directory), *family]
    if family == LOOPS:
        two = ["torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]
        command = [sys.executable, "-m", *two, "tests.support.distributed_loop", str(directory)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as hang:
        pytest.fail(f"{family} hung for {SECONDS} s: {hang.stdout!r} {hang.stderr!r}")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"strategy"')]
    return Launch(directory, lines, done.stderr)


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The launch of a strategy's family, when it is first asked for."""
    known: dict[tuple[str, ...], Launch] = {}

    def of(strategy: str, families: Sequence[tuple[str, ...]] = FAMILIES) -> Launch:
        family = next(each for each in families if strategy in each)
        if family not in known:
            known[family] = launch(family, tmp_path_factory.mktemp(family[0]))
        return known[family]

    return of


@pytest.mark.parametrize("strategy", WHOLE)
def test_recorded_weights_equal_those_of_the_whole_model_to_the_last_bit(strategy: str, launched: Any) -> None:
    found = launched(strategy)
    assert found.said(strategy, "compared") == [6, 0]  # 2 layers x 3 epochs, on rank 0 alone
    directory = found.directory / strategy / "compared"
    logged = Logged(directory)
    assert {tag for tag in logged.tags() if tag.endswith("/taps")} == {"filters/conv1/taps", "filters/conv2/taps"}
    assert logged.steps("filters/conv2/weights") == [0, 2, 4, 6]  # 4 batches, dealt to 2 ranks
    assert [int(counts[:, 2].sum()) for _, counts in logged.histograms["filters/conv1/weights"]] == [54] * 4
    assert len(list(directory.rglob("events.out.tfevents.*"))) == 1


@pytest.mark.parametrize("strategy", TWICE)
def test_every_rank_trains_as_without_the_monitor(strategy: str, launched: Any) -> None:
    with_0, without_0, with_1, without_1 = launched(strategy).said(strategy, "digest")
    assert (with_0, with_1) == (without_0, without_1)
    assert (without_0 == without_1) is strategy.startswith("ddp")


def test_what_a_forward_makes_is_recorded_by_rank_0_and_never_waits_for_the_other(launched: Any) -> None:
    found = launched("ddp_made")
    histories = load_history(found.directory / "ddp_made" / "with")
    assert {name: history.steps.tolist() for name, history in histories.items()} == {
        name: [0, 2, 4, 6] for name in ("conv1", "conv2", "sinc")
    }
    assert "'talks': its module cannot be run alone (it talks to other ranks)" in found.errors


def test_a_layer_that_cannot_be_read_is_left_out_with_one_warning(launched: Any) -> None:
    found = launched("fsdp2_spectral")
    assert found.said("fsdp2_spectral", "compared") == [3, 0]
    assert found.errors.count("cannot read layer 'conv1'") == 1
    logged = Logged(found.directory / "fsdp2_spectral")
    assert not [tag for tag in logged.tags() if "conv1" in tag]
    assert logged.steps("filters/conv2/rms") == [0, 2, 4, 6]


def test_a_glob_that_matches_nothing_ends_the_fit_on_all_ranks(launched: Any) -> None:
    message = "layers='conf*': no layer matches 'conf*'; the model has: conv1, conv2"
    assert launched("ddp").said("ddp", "refused") == [message] * 2


@pytest.mark.parametrize("wrapped", LOOPS)
def test_a_recorder_in_a_plain_loop_reads_every_wrapped_model_and_leaves_it_alone(wrapped: str, launched: Any) -> None:
    found = launched(wrapped, (LOOPS,))
    assert found.said(wrapped, "files") == [1, 1]  # rank 0 alone opened the directory
    with_0, without_0, with_1, without_1 = found.said(wrapped, "digest")
    assert (with_0, with_1) == (without_0, without_1)
    logged = Logged(next((found.directory / wrapped).glob("events*")).parent)
    assert logged.steps("filters/conv1/rms")[:4] == [0, 2, 4, 6]
    assert {tag.split("/")[1] for tag in logged.tags()} == {"conv1", "conv2", "layers"}
