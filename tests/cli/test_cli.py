"""The command as a whole: help, exit status, what it imports, how it ends; and its table of layers."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import filterscope
from filterscope.cli import console, main
from tests.support.runs import fit, history, write_run
from tests.support.scripts import run_script

#: Buffers its output, as for a user: what is left in a buffer must not fail again when Python ends.
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
SCRIPT = str(Path(sys.executable).with_name("filterscope"))


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(tmp_path_factory.mktemp("cli"))


def command(*argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The installed console script."""
    return subprocess.run([SCRIPT, *argv], cwd=cwd, capture_output=True, text=True, timeout=120)


def modules_of(*argv: str) -> set[str]:
    """Top-level names of what the command imports, in a fresh process."""
    script = (
        "import json, sys\nfrom filterscope.cli import main\n"
        f"try:\n    main({list(argv)!r})\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    return set(json.loads(run_script(script).stdout.splitlines()[-1]))


def test_help_teaches_by_example() -> None:
    done = command("--help")
    assert done.returncode == 0
    for name in ("summary", "plot", "animate", "export"):
        assert f"filterscope {name} lightning_logs/version_0" in done.stdout
        assert f"filterscope {name} lightning_logs/version_0" in command(name, "--help").stdout


@pytest.mark.parametrize("name", ["summary", "plot", "animate", "export"])
def test_help_fits_a_terminal_and_tells_of_what_the_command_takes(name: str) -> None:
    text = command(name, "--help").stdout
    sentences = text.partition("positional arguments:")[0].partition("\n\n")[2]
    assert max(map(len, sentences.splitlines())) <= 80
    assert ("checkpoint" in text) == (name in ("summary", "plot"))


def test_version_also_as_a_module() -> None:
    module = [sys.executable, "-m", "filterscope", "--version"]
    printed = subprocess.run(module, capture_output=True, text=True, timeout=60, check=True).stdout
    assert command("--version").stdout == printed == f"filterscope {filterscope.__version__}\n"


def test_help_and_the_summary_of_a_run_import_nothing_heavy(run_dir: Path) -> None:
    heavy = {"torch", "pytorch_lightning", "lightning", "matplotlib", "PIL"}
    for argv in (["--help"], *([name, "--help"] for name in ("summary", "plot", "animate", "export"))):
        assert modules_of(*argv).isdisjoint(heavy | {"tensorboard", "numpy"})
    assert modules_of("summary", str(run_dir)).isdisjoint(heavy)
    assert modules_of("plot", str(run_dir), "-o", str(run_dir / "x")).isdisjoint({"torch", "pytorch_lightning"})


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["look"],
        ["summary"],
        ["summary", "RUN", "--json", "--csv"],
        ["summary", "RUN", "--layer", " "],
        ["summary", "RUN", "--lay", "conv1"],
        ["plot", "RUN", "--kind", "hologram"],
        ["plot", "RUN", "--epoch", "-1"],
        ["plot", "RUN", "--epoch", "last"],
        ["plot", "RUN", "--max-filters", "0"],
        ["plot", "RUN", "--sample-rate", "nan"],
        ["plot", "RUN", "--format", "bmp"],
        ["animate", "RUN", "-o", "a.gif"],
        ["animate", "RUN", "--layer", "conv1"],
        ["animate", "RUN", "--layer", "conv1", "-o", "a.mp4"],
        ["animate", "RUN", "--layer", "conv1", "-o", "a.gif", "--fps", "0"],
        ["animate", "RUN", "--layer", "conv1", "-o", "a.gif", "--fps", "51"],
        ["export", "RUN", "-o", "filters.mat"],
    ],
)
def test_wrong_usage_is_status_2(
    argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        main(argv)
    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: filterscope")
    assert "error: " in err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["summary", "nowhere"], "'nowhere' does not exist"),
        (["summary", "empty"], "no filters were recorded in 'empty' (no event files)"),
        (["summary", "bare"], "no filters were recorded in 'bare' (1 run without filters)"),
        (["summary", "two"], "'two' holds 2 runs: 'a', 'b'; give the directory of one of them"),
        (["summary", "tags"], "several monitors: give --tag one of 'filters', 'more'"),
        (["summary", "tags", "--tag", "most"], "--tag 'most': the run in 'tags' has 'filters', 'more'"),
        (["summary", "two/a", "--layer", "head"], "no layer matches 'head'; the run in two/a has: conv"),
        (["summary", "text.pt"], "'text.pt' is neither a checkpoint nor a saved state_dict, or it is damaged"),
        (["summary", "half.pt"], "'half.pt' is neither a checkpoint nor a saved state_dict, or it is damaged"),
        (["summary", "module.pt"], "'module.pt' holds its weights in Python objects, such as a whole model"),
        (
            ["summary", "sharded"],
            "'sharded' is a sharded checkpoint; this makes a file of it that can be read: python -m",
        ),
        (
            ["plot", "script.pt"],
            "'script.pt' is a TorchScript archive; this makes a file of it that can be read: torch.",
        ),
        (["export", "sharded", "-o", "a.npz"], "'sharded' is a sharded checkpoint"),
        (["summary", "tensor.pt"], "'tensor.pt' holds a Tensor"),
        (["summary", "linear.pt"], "'linear.pt' holds no 1-D filters with more than one tap (--layer '*' takes all)"),
        (["summary", "numbers.pt"], "'numbers.pt': no tensors in this mapping (it holds epoch)"),
        (["summary", "conv.pt", "--layer", "head"], "'conv.pt': no layer matches 'head'; the model has: conv"),
        (["summary", "two/a/events.out.tfevents.1"], "is one event file; give its directory, 'two/a'"),
        (["plot", "two/a", "--epoch", "9"], "no snapshot of epoch 9; there are 0 to 2, the nearest 1 and 2"),
        (["plot", "two/a", "--epoch", "0", "--kind", "drift"], "no drift of layer 'conv'"),
        (["plot", "conv.pt", "--kind", "drift"], "no drift of layer 'conv': it needs the directory of a run"),
        (["plot", "conv.pt", "--epoch", "1"], "--epoch is for runs"),
        (["plot", "conv.pt", "-o", "text.pt"], "-o 'text.pt' is a file; give a directory"),
        (["animate", "conv.pt", "--layer", "conv", "-o", "a.gif"], "'filterscope animate' needs a history"),
        (["animate", "tags", "--tag", "more", "--layer", "*", "-o", "a.gif"], "matches conv, head; an animation"),
        (["animate", "one", "--layer", "conv", "-o", "a.gif"], "layer 'conv' has one snapshot only"),
        (["animate", "two/a", "--layer", "conv", "-o", "no/a.gif"], "there is no directory 'no'"),
        (["animate", "two/a", "--layer", "conv", "-o", "dir.gif"], "-o 'dir.gif' is a directory"),
        # A directory that takes no files from anyone: told is the name that was given, not that of a part.
        (["animate", "two/a", "--layer", "conv", "-o", "/proc/a.gif"], "filterscope: /proc/a.gif: No such file"),
        (["export", "two/a", "-o", "/proc/a.npz"], "filterscope: /proc/a.npz: No such file"),
        (["plot", "conv.pt", "-o", "/proc"], "filterscope: /proc/conv_taps.png: No such file"),
        (["export", "conv.pt", "-o", "a.npz"], "'filterscope export' needs a history"),
        (["export", "empty", "-o", "a.npz"], "no filters were recorded in 'empty'"),
    ],
)
def test_what_cannot_be_done_is_told_without_a_traceback(
    argv: list[str], message: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = set(elsewhere.rglob("*"))
    assert main(argv) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert all(line.startswith("filterscope: ") for line in err.splitlines())
    assert len(err.splitlines()) <= 2
    assert set(elsewhere.rglob("*")) == there


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs and files of every kind that a user may point at."""
    top = tmp_path_factory.mktemp("places")
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((3, 2, 1, 9))
    for name in ("a", "b"):
        write_run(top / "two" / name, history("conv", weights))
    (event_file,) = (top / "two" / "a").iterdir()
    event_file.rename(event_file.with_name("events.out.tfevents.1"))
    write_run(top / "tags", history("conv", weights))
    write_run(top / "tags", [*history("conv", weights), *history("head", weights)], tag="more")
    write_run(top / "one", history("conv", weights[:1]))
    write_run(top / "bare", [])
    for name in ("empty", "dir.gif"):
        (top / name).mkdir()
    (top / "text.pt").write_text("hello")
    torch.save(nn.Conv1d(1, 2, 9), top / "module.pt")
    (top / "half.pt").write_bytes((top / "module.pt").read_bytes()[:1000])
    torch.save(torch.zeros(2, 1, 9), top / "tensor.pt")
    torch.save(nn.Linear(2, 2).state_dict(), top / "linear.pt")
    torch.save({"epoch": 3}, top / "numbers.pt")
    torch.jit.save(torch.jit.script(nn.Conv1d(1, 2, 9)), top / "script.pt")
    (top / "sharded").mkdir()
    (top / "sharded" / ".metadata").touch()
    torch.save({"conv.weight": torch.randn(2, 1, 9)}, top / "conv.pt")
    return top


@pytest.fixture
def elsewhere(places: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(places)
    return places


def test_the_script_fails_without_a_traceback(tmp_path: Path) -> None:
    done = command("summary", "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "filterscope: 'nowhere' does not exist\n")


class Payload:
    """What a malicious pickle does when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marker = tmp_path / "marker"
    weight = torch.ones(2, 1, 9)
    torch.save({"state_dict": {"conv.weight": weight}, "x": Payload(marker)}, tmp_path / "bad.ckpt")
    assert main(["summary", str(tmp_path / "bad.ckpt"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert ([row["layer"] for row in json.loads(out)], err) == (["conv"], "")
    assert not marker.exists()


def test_a_quantised_state_dict_is_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weight = torch.quantize_per_tensor(torch.ones(2, 1, 9), 0.5, 0, torch.qint8)
    torch.save({"conv.weight": weight}, tmp_path / "integers.pt")
    assert main(["summary", str(tmp_path / "integers.pt"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert ([row["rms"] for row in json.loads(out)], err) == ([1.0], "")


@pytest.fixture(scope="module")
def many_layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that takes a while to draw."""
    path = tmp_path_factory.mktemp("many") / "many.pt"
    torch.save({f"blocks.{i}.conv.weight": torch.randn(64, 1, 31) for i in range(40)}, path)
    return path


def begin_to_plot(many_layers: Path, cwd: Path) -> subprocess.Popen[str]:
    """The command, when it has just printed its first file."""
    argv = [SCRIPT, "plot", str(many_layers)]
    process = subprocess.Popen(argv, cwd=cwd, env=BUFFERED, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "filters/blocks.0.conv_taps.png\n"
    return process


def test_ctrl_c_is_silent_and_leaves_whole_files_only(many_layers: Path, tmp_path: Path) -> None:
    process = begin_to_plot(many_layers, tmp_path)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    files = list((tmp_path / "filters").iterdir())
    assert 1 <= len(files) < 80
    assert all(path.read_bytes().endswith(b"IEND\xaeB`\x82") and path.suffix == ".png" for path in files)


def test_a_closed_pipe_is_no_traceback(many_layers: Path, tmp_path: Path) -> None:
    process = begin_to_plot(many_layers, tmp_path)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == ""
    process.stderr.close()


def test_a_full_disk_is_told(places: Path) -> None:
    with open("/dev/full", "w") as full:
        argv = [SCRIPT, "summary", str(places / "conv.pt")]
        done = subprocess.run(argv, env=BUFFERED, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "filterscope: No space left on device\n")


def test_damaged_snapshots_are_told_in_one_line(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).standard_normal((3, 2, 1, 9))
    write_run(tmp_path, history("conv", weights), damaged=2)
    done = command("summary", str(tmp_path), "--csv")
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("filterscope: layer 'conv': 2 snapshots cannot be read (step 10000: ")
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert row["snapshots"] == "3"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals_and_for_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, patience, is_shown in ((Terminal(), 0, True), (Terminal(), 60, False), (io.StringIO(), 0, False)):
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(console, "PATIENCE", patience)
        assert list(console.progress(range(5), "frame")) == [0, 1, 2, 3, 4]
        assert ("5" in stream.getvalue()) is is_shown


def test_other_peoples_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.note("layer 'a\x1b[31m' is\nred")
    assert capsys.readouterr().err == "filterscope: layer 'a\\x1b[31m' is red\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_what_is_said_goes_nowhere_where_a_stream_is_closed(places: Path, tmp_path: Path, closed: str) -> None:
    def run(*argv: object) -> tuple[int, str, str]:
        line = " ".join(shlex.quote(str(each)) for each in (SCRIPT, *argv))
        done = subprocess.run(f"{line} {closed}", shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    code, out, err = run("plot", places / "conv.pt", "--kind", "taps", "-o", "drawn")
    assert (code, err) == (0, "")
    assert [path.suffix for path in (tmp_path / "drawn").iterdir()] == [".png"]
    assert bool(out) == (closed == "2>&-")
    code, out, err = run("summary", "nowhere")
    assert (code, out) == (1, "")
    assert ("does not exist" in err) == (closed == ">&-")
