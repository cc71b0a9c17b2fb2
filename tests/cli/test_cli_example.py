"""The example that looks back at a run, by the command in its header, with the commands that it names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from filterscope import load_history
from filterscope.cli import main

pytest.importorskip("aeon")

EXAMPLE = Path(__file__).parents[2] / "examples" / "after_the_fact.py"


def look_back(cwd: Path) -> list[str]:
    """Lines that the example prints."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    argv = [sys.executable, str(EXAMPLE)]
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_run_is_made_once_and_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "    pip install -e '.[examples]' && python examples/after_the_fact.py\n" in EXAMPLE.read_text()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "gunpoint" / "version_0").mkdir(parents=True)  # a run without filters is passed over
    first = look_back(tmp_path)
    assert any(line.startswith("test accuracy: ") for line in first)
    printed = look_back(tmp_path)
    assert first[-len(printed) :] == printed
    assert printed[-1] == "figures and animations: runs/gunpoint/version_1/figures"

    recorded = load_history("runs/gunpoint/version_1")
    for layer, history in recorded.items():
        at = printed.index(f"{layer}: epochs 0 to 20, weights {history.weights.shape}")
        rotation = history.rotation()[-1]
        assert f"{rotation.max():.3f} for filter {rotation.argmax()}" in printed[at + 1]
        with Image.open(f"runs/gunpoint/version_1/figures/{layer}.gif") as image:
            assert (len(list(ImageSequence.Iterator(image))), image.size) == (21, (900, 430))
        names = {f"{layer}_{kind}.png" for kind in ("evolution", "drift", f"filter{rotation.argmax()}")}
        assert names <= {path.name for path in Path("runs/gunpoint/version_1/figures").iterdir()}

    commands = re.findall(r"^ {4}filterscope (.*)$", EXAMPLE.read_text(), re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["summary", "plot", "animate"]
    for command in commands:
        assert main(command.replace("version_0", "version_1").split()) == 0
    assert "conv1_taps_epoch0020.png" in capsys.readouterr().out
