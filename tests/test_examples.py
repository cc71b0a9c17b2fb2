"""The examples, each by the command in its header, from another directory, with what it printed and logged."""

from __future__ import annotations

import io
import os
import re
import runpy
import shlex
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from filterscope import load_history
from filterscope.plots import kinds
from tests.support.events import Logged
from tests.support.pictures import count_colours

pytest.importorskip("aeon")
pytestmark = pytest.mark.pictures

EXAMPLES = Path(__file__).parents[1] / "examples"
TRAINING = (
    "gunpoint.py", "any_loop.py", "streaming.py", "basic_motions.py", "motifs.py", "sinc.py", "lightning_cli/main.py"
)  # fmt: skip
#: Both data sets make 5 batches per epoch.
BATCHES = 5


def header_command(example: str) -> list[str]:
    """The command that an example's header names."""
    found = re.search(rf"^.*?(python examples/{example}.*)$", (EXAMPLES / example).read_text(), re.MULTILINE)
    assert found, f"{example} does not say how to run it"
    return shlex.split(found[1])


def command_in(cwd: Path, example: str, *more: str) -> list[str]:
    """An example's own command, the path of the script first, with what a shell would make of its wildcards."""
    argv = []
    for word in header_command(example)[1:]:
        if "*" in word:
            argv += [str(path.relative_to(cwd)) for path in cwd.glob(word)]
        else:
            argv.append(re.sub("^examples", EXAMPLES.as_posix(), word))
    return [*argv, *more]


def run(example: str, cwd: Path, *more: str) -> str:
    """Run an example's own command in ``cwd``, in this process; its standard output.

    A process of its own takes as long to load torch and Lightning as most of them run: one example has one.
    """
    argv = command_in(cwd, example, *more)
    printed, errors = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch, redirect_stdout(printed), redirect_stderr(errors),
        warnings.catch_warnings(record=True) as warned,
    ):  # fmt: skip
        patch.chdir(cwd)
        patch.setattr(sys, "argv", argv)
        runpy.run_path(argv[0], run_name="__main__")
    assert not [each for each in warned if "filterscope could not" in str(each.message)]
    assert "filterscope could not" not in errors.getvalue()
    return printed.getvalue()


def accuracy(printed: str) -> float:
    """Per cent, as printed."""
    return float(re.findall(r"^test accuracy: (\d+\.\d)%$", printed, re.MULTILINE)[-1])


def log_dir(printed: str) -> str:
    """What the printed TensorBoard command is for; it is the last line."""
    found = re.fullmatch(r"look at the filters: tensorboard --logdir (\S+)", printed.splitlines()[-1])
    assert found
    return found[1]


def all_images(layers: set[str]) -> dict[str, set[str]]:
    """What :func:`by_layer` gives where every layer has every picture."""
    return {str(kind): layers for kind in kinds.LAYER_NAMES} | {kinds.OVERVIEW: {""}}


def by_layer(tags: dict[str, list[Any]]) -> dict[str, set[str]]:
    """Layer names by the last segment of their tags."""
    kinds: dict[str, set[str]] = {}
    for tag in tags:
        root, _, rest = tag.partition("/")
        if root == "filters":
            layer, _, kind = rest.rpartition("/")
            kinds.setdefault(kind, set()).add(layer)
    return kinds


def check_logged(logged: Logged, sizes: dict[str, int], epochs: list[int], drawn: list[int], every: int = 1) -> None:
    """Every layer's histograms, scalars and images at the epochs where they are due.

    Args:
        logged: The run.
        sizes: Number of weights by layer.
        epochs: Epochs with a snapshot.
        drawn: Epochs with images.
        every: Cadence of snapshots.
    """
    steps, at = [BATCHES * epoch for epoch in epochs], [BATCHES * epoch for epoch in drawn]
    assert epochs == list(range(0, epochs[-1] + 1, every))
    assert len(at) <= 10
    assert by_layer(logged.histograms) == {"weights": set(sizes)}
    for layer, size in sizes.items():
        histograms = logged.histograms[f"filters/{layer}/weights"]
        assert [step for step, _ in histograms] == steps
        assert [bins[:, 2].sum() for _, bins in histograms] == [size] * len(steps)
        for kind in ("rotation", "rms", "dead"):
            assert logged.steps(f"filters/{layer}/{kind}") == steps
        assert logged.steps(f"filters/{layer}/change") == steps[1:]
        assert logged.steps(f"filters/{layer}/effective_rank") == at
        assert logged.scalars[f"filters/{layer}/rotation"][0][1] == pytest.approx(0, abs=1e-6)
        assert logged.scalars[f"filters/{layer}/rotation"][-1][1] > 1e-4
        assert logged.steps(f"filters/{layer}/taps") == at
    for tag in logged.images:
        kind = tag.rpartition("/")[2]
        assert logged.steps(tag) == (at if kind in ("taps", "response") else at[1:]), tag
        assert {image.shape for _, image in logged.images[tag]} == {(430, 900, 3)}


@pytest.fixture(scope="module")
def gunpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Where the whole GunPoint example ran, as a command, and what it printed."""
    cwd = tmp_path_factory.mktemp("gunpoint")
    # On a busy machine, threads that wait for each other cost such small models more than they gain.
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, *command_in(cwd, "gunpoint.py")]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "filterscope could not" not in done.stderr
    return cwd, done.stdout


@pytest.mark.parametrize("example", TRAINING)
def test_header_installs_what_is_needed(example: str) -> None:
    assert re.search(r"pip install -e '\.\[examples\]' &&\s+python examples/", (EXAMPLES / example).read_text())


def test_gunpoint(gunpoint: tuple[Path, str]) -> None:
    cwd, printed = gunpoint
    assert accuracy(printed) > 90
    assert log_dir(printed) == "runs/gunpoint/version_0"
    logged = Logged(cwd / log_dir(printed))
    layers = {"conv1": 64 * 31, "conv2": 64 * 64 * 9}
    check_logged(logged, layers, list(range(61)), [0, 1, 2, 3, 5, 8, 13, 22, 36, 60])
    assert by_layer(logged.images) == all_images(set(layers))


def test_any_loop(tmp_path: Path) -> None:
    printed = run("any_loop.py", tmp_path, "--epochs", "40")
    assert len(re.findall(r"^test accuracy, (?:plain|under fabric): (?:8|9)\d\.\d%$", printed, re.MULTILINE)) == 2
    assert log_dir(printed) == "runs"
    layers = {"conv1": 64 * 31, "conv2": 64 * 64 * 9}
    histories = [load_history(tmp_path / "runs" / name) for name in ("plain", "fabric")]
    for found, name in zip(histories, ("plain", "fabric"), strict=True):
        logged = Logged(tmp_path / "runs" / name)
        assert by_layer(logged.images) == all_images(set(layers))
        steps = logged.steps("filters/conv1/taps")
        assert (len(steps), steps[0], steps[-1]) == (10, 0, 40)
        assert {layer: len(history) for layer, history in found.items()} == dict.fromkeys(layers, 41)
    for layer in layers:  # one seed, one training
        np.testing.assert_array_equal(histories[0][layer].weights, histories[1][layer].weights)


def test_streaming(tmp_path: Path) -> None:
    printed = run("streaming.py", tmp_path, "--steps", "200", "--every", "10")
    assert accuracy(printed) >= 80
    assert log_dir(printed) == "runs/streaming/version_0"
    directory = tmp_path / log_dir(printed)
    histories, logged = load_history(directory), Logged(directory)
    assert {name: history.steps.tolist() for name, history in histories.items()} == {
        name: [*range(0, 201, 10)] for name in ("conv1", "conv2")
    }
    assert histories["conv1"].by_step
    assert logged.steps("filters/conv1/taps") == [0, 10, 20, 30, 40, 50, 70, 100, 140, 200]
    assert by_layer(logged.images) == all_images({"conv1", "conv2"})


def test_sinc(tmp_path: Path) -> None:
    printed = run("sinc.py", tmp_path)
    assert accuracy(printed) >= 80
    least, most = map(float, re.findall(r"lower edges moved by (\d\.\d+) to (\d\.\d+) Hz", printed)[0])
    assert 0 <= least < 1 < most
    directory = tmp_path / log_dir(printed)
    histories = load_history(directory)
    rates = {name: (history[-1].sample_rate, history[-1].weights.shape) for name, history in histories.items()}
    assert rates == {"sinc": (10.0, (12, 1, 41)), "conv": (2.5, (32, 72, 9))}
    assert (histories["sinc"].rotation()[-1] > 0.5).sum() > 3
    assert by_layer(Logged(directory).images) == all_images({"sinc", "conv"})


def test_basic_motions(tmp_path: Path) -> None:
    printed = run("basic_motions.py", tmp_path)
    assert accuracy(printed) >= 90
    assert log_dir(printed) == "runs/basic_motions/version_0"
    logged = Logged(tmp_path / log_dir(printed))
    layers = {"stem": 24 * 6 * 15} | {f"blocks.{i}.depthwise": 24 * 9 for i in range(3)}
    check_logged(logged, layers, list(range(31)), [0, 1, 2, 4, 5, 8, 13, 20, 30])
    assert by_layer(logged.images) == all_images(set(layers))
    (_, table), *rest = logged.texts["filters/layers"]
    assert not rest
    assert "10 Hz" in table
    assert "pointwise" not in table


def test_motifs(tmp_path: Path) -> None:
    printed = run("motifs.py", tmp_path)
    assert accuracy(printed) > 95
    assert log_dir(printed) == "runs/motifs/version_0"
    logged, bank = Logged(tmp_path / log_dir(printed)), load_history(tmp_path / log_dir(printed))["conv1"][-1]
    assert bank.channel_names == ("A", "C", "G", "T")
    logos = bank.weights - bank.weights.mean(axis=1, keepdims=True)
    spelled = ["".join(np.array(bank.channel_names)[logo.argmax(axis=0)]) for logo in logos]
    for motif in ("TGACTCA", "CACGTG", "AGATAAG", "CCAAT"):
        (which, *_) = (number for number, letters in enumerate(spelled) if motif in letters)
        begin = spelled[which].index(motif)
        tallest = logos[which].max(axis=0)
        inside = np.arange(len(tallest)) - begin
        assert tallest[(inside >= 0) & (inside < len(motif))].min() > np.median(tallest)
    of_signals = {kind for kind in kinds.LAYER_NAMES if kinds.kind(kind).frequencies}
    assert of_signals == {"response", "spectrum"}
    images = all_images({"conv1"})
    assert by_layer(logged.images) == {kind: layers for kind, layers in images.items() if kind not in of_signals}


def test_lightning_cli(tmp_path: Path) -> None:
    more = ("--trainer.callbacks.every_n_epochs=2", "--trainer.max_epochs=4", "--trainer.enable_progress_bar=false")
    printed = run("lightning_cli/main.py", tmp_path, *more)
    assert 0 <= accuracy(printed) <= 100
    assert log_dir(printed) == "runs/lightning_cli/version_0"
    logged = Logged(tmp_path / log_dir(printed))
    layers = {"conv1": 32 * 31, "conv2": 32 * 32 * 9}
    check_logged(logged, layers, [0, 2, 4], [0, 2, 4], every=2)
    assert by_layer(logged.images) == {kind: set(layers) for kind in ("taps", "evolution", "drift")}


def check_pngs(paths: list[Path]) -> None:
    """Decodable, of the canvas size, and with something drawn below the title."""
    for path in paths:
        with Image.open(path) as image:
            assert image.size == (900, 430), path
            assert count_colours(image.crop((0, 60, *image.size))) > 20, path


def test_pretrained_draws_a_checkpoint(gunpoint: tuple[Path, str]) -> None:
    cwd, _ = gunpoint
    printed = run("pretrained.py", cwd)
    paths = sorted((cwd / "filters").iterdir())
    kinds = ("filter0", "response", "taps")
    assert [path.name for path in paths] == [
        f"{layer}_{kind}.png" for layer in ("00_conv1", "01_conv2") for kind in kinds
    ]
    assert sorted(printed.splitlines()) == [str(path.relative_to(cwd)) for path in paths]
    check_pngs(paths)


Pretrained = Callable[..., None]


@pytest.fixture
def pretrained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretrained:
    """Run pretrained.py in this process, in ``tmp_path``."""
    monkeypatch.chdir(tmp_path)

    def call(*argv: str) -> None:
        monkeypatch.setattr(sys, "argv", ["pretrained.py", *argv])
        runpy.run_path(str(EXAMPLES / "pretrained.py"), run_name="__main__")

    return call


def test_pretrained_makes_safe_names(tmp_path: Path, pretrained: Pretrained) -> None:
    names = ["../../up", "/root", "a b:c*?", "a_b_c_", "é" * 40]
    torch.save({f"{name}.weight": torch.randn(3, 2, 9) for name in names}, tmp_path / "odd.pt")
    pretrained("odd.pt", "-o", "out/deep")
    paths = list((tmp_path / "out" / "deep").iterdir())
    assert len(paths) == 3 * len(names)
    assert all(re.fullmatch(r"\d\d_[A-Za-z0-9._-]{1,100}\.png", path.name) for path in paths)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["odd.pt", "out"]
    check_pngs(paths)


def test_pretrained_selects_layers(tmp_path: Path, pretrained: Pretrained) -> None:
    model = nn.Sequential(nn.Conv1d(1, 4, 9), nn.Conv1d(4, 4, 1), nn.Conv1d(4, 4, 3))
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, tmp_path / "model.ckpt")
    pretrained("model.ckpt", "--layers", "1", "2")
    names = sorted(path.name for path in (tmp_path / "filters").iterdir())
    # One tap has no frequency response.
    assert names == ["00_1_filter0.png", "00_1_taps.png", *(f"01_2_{k}.png" for k in ("filter0", "response", "taps"))]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.ckpt"], "missing.ckpt: there is no such file"),
        (["."], "there is no such file"),
        (["text.pt"], "text.pt: neither a Lightning checkpoint nor a saved state_dict"),
        (["module.pt"], "module.pt: neither a Lightning checkpoint nor a saved state_dict"),
        (["linear.pt"], "linear.pt: it holds no 1-D filters with more than one tap"),
        (["tensor.pt"], "tensor.pt: model must be a torch module or a state_dict, got Tensor"),
        (["conv.pt", "--layers", "stem"], "conv.pt: layers=['stem']: no layer matches 'stem'; the model has: conv"),
        (["conv.pt", "-o", "text.pt"], "cannot write to text.pt"),
    ],
)
def test_pretrained_says_what_is_wrong(
    tmp_path: Path, pretrained: Pretrained, arguments: list[str], message: str
) -> None:
    (tmp_path / "text.pt").write_text("hello")
    torch.save(nn.Conv1d(1, 2, 9), tmp_path / "module.pt")
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "linear.pt")
    torch.save(torch.zeros(2, 1, 9), tmp_path / "tensor.pt")
    torch.save({"conv.weight": torch.randn(2, 1, 9)}, tmp_path / "conv.pt")
    with pytest.raises(SystemExit) as exit_:
        pretrained(*arguments)
    # Python prints such a code and leaves with status 1.
    assert isinstance(exit_.value.code, str)
    assert message in exit_.value.code


def test_pretrained_fails_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "pretrained.py"), "missing.ckpt"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "missing.ckpt: there is no such file\n"
    assert list(tmp_path.iterdir()) == []
