"""Names of channels in what the command prints, draws and writes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from filterscope import load_history, plot_taps
from filterscope.cli import main
from tests.support.figures import pixels
from tests.support.pictures import count_colours
from tests.support.runs import history, write_run

DNA = ("A", "C", "G", "T")


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    weights = np.random.default_rng(0).standard_normal((2, 3, 4, 9)).astype(np.float32)
    banks = [*history("stem", weights, channel_names=DNA), *history("deep", weights)]
    return write_run(tmp_path / "run", banks)


def test_summary_and_export_tell_them(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", str(run_dir), "--json"]) == 0
    assert [row["channel_names"] for row in json.loads(capsys.readouterr().out)] == [list(DNA), None]
    assert main(["summary", str(run_dir), "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["channel_names"] for row in rows] == ["A C G T", ""]
    assert main(["summary", str(run_dir)]) == 0
    head, stem, deep = capsys.readouterr().out.splitlines()
    assert "  channels  " in head
    assert ("  A, C, G, T  " in stem, "A, C" in deep) == (True, False)
    assert main(["summary", str(run_dir), "--layer", "deep"]) == 0
    assert "  channels  " not in capsys.readouterr().out
    assert main(["export", str(run_dir), "-o", "filters.npz"]) == 0
    meta = json.loads(str(np.load("filters.npz")["meta"]))
    assert [layer["channel_names"] for layer in meta["layers"]] == [list(DNA), None]


def test_plot_draws_logos_and_no_response_of_letters(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(run_dir), "--channels", "logo", "--kind", "taps", "--kind", "response"]) == 0
    out, err = capsys.readouterr()
    assert out.split() == [f"filters/{name}_epoch0001.png" for name in ("stem_taps", "deep_taps", "deep_response")]
    assert "no response of layer 'stem': its channels are letters of a sequence, which is no signal in time" in err
    assert "no logo of layer 'deep': its channels are not named by a capital letter each; drawn as by auto" in err
    stem = load_history(run_dir)["stem"]
    with Image.open("filters/stem_taps_epoch0001.png") as image:
        shown = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(shown, pixels(plot_taps(stem[-1], reference=stem.reference, channels="logo")))
    assert main(["plot", str(run_dir), "--layer", "stem", "-o", "all"]) == 0
    assert "response" not in capsys.readouterr().out


def test_animate_draws_logos_and_refuses_a_response_of_letters(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["animate", str(run_dir), "--layer", "stem", "-o", "stem.gif"]) == 0
    with Image.open("stem.gif") as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
        assert count_colours(image) > 20
    assert main(["animate", str(run_dir), "--layer", "stem", "--kind", "response", "-o", "r.gif"]) == 1
    assert "no response of layer 'stem': its channels are letters of a sequence" in capsys.readouterr().err
