"""``filterscope summary``: the numbers, in all three forms."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from filterscope import load_history
from filterscope.cli import main
from tests.support.events import Logged
from tests.support.runs import fit, history, write_run


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(tmp_path_factory.mktemp("summary"))


def rows_of(capsys: pytest.CaptureFixture[str], *argv: object) -> list[dict[str, Any]]:
    """What ``summary --json`` prints."""
    assert main(["summary", *map(str, argv), "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def table_of(capsys: pytest.CaptureFixture[str], *argv: object) -> list[str]:
    """Lines of the table."""
    assert main(["summary", *map(str, argv)]) == 0
    return capsys.readouterr().out.splitlines()


def effective_rank(weights: np.ndarray) -> float:
    """By the singular values themselves."""
    sigma = np.linalg.svd(weights.reshape(len(weights), -1).astype(float), compute_uv=False)
    share = sigma / sigma.sum()
    return float(np.exp(-np.sum(share * np.log(share))))


def test_numbers_of_a_run(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = load_history(run_dir)
    rows = rows_of(capsys, run_dir.parent)
    assert [row["layer"] for row in rows] == ["conv1", "conv2"]
    for row in rows:
        now = recorded[row["layer"]].weights[-1].astype(float)
        first = recorded[row["layer"]].initial.weights[: len(now)].astype(float)
        cosine = (now * first).sum() / np.linalg.norm(now) / np.linalg.norm(first)
        assert row["rotation"] == pytest.approx(1 - cosine, rel=1e-4)
        logged = dict(Logged(run_dir).scalars[f"filters/{row['layer']}/change"])
        assert row["change"] == pytest.approx(logged[row["last_step"]], rel=1e-6)  # of the whole layer
        assert row["effective_rank"] == pytest.approx(effective_rank(now), rel=1e-4)
        assert row["effective_rank_first"] == pytest.approx(effective_rank(first), rel=1e-3)
        assert (row["snapshots"], row["first_epoch"], row["last_epoch"]) == (4, 0, 3)
        assert row["convergence_epoch"] == recorded[row["layer"]].convergence_epoch()
        assert (row["dead"], row["dead_filters"], row["nonfinite"]) == (0, 0, 0)
    shapes = [[row[key] for key in ("filters", "total_filters", "channels", "taps")] for row in rows]
    assert shapes == [[4, 6, 1, 9], [4, 4, 6, 3]]


def test_csv_has_the_same(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = rows_of(capsys, run_dir)
    assert main(["summary", str(run_dir), "--csv"]) == 0
    read = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert read == [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]


def test_the_table(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = rows_of(capsys, run_dir)
    head, *lines = table_of(capsys, run_dir)
    assert head.split("  ")[0] == "layer"
    assert "NaN" not in head
    assert len({len(line) for line in (head, *lines)}) == 1
    for line, row, shape in zip(lines, rows, ("4 of 6 × 1 × 9", "4 × 6 × 3"), strict=True):
        cells = [cell.strip() for cell in line.split("  ") if cell.strip()]
        assert cells == [
            row["layer"],
            shape,
            "0 to 3",
            "4",
            f"{row['rotation']:.3f}",
            f"{row['change']:.2g}",
            f"0 of {row['filters']}",
            f"{row['effective_rank_first']:.1f} → {row['effective_rank']:.1f}",
            "–" if row["convergence_epoch"] is None else str(row["convergence_epoch"]),
        ]


def test_layers_are_chosen_by_globs(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [row["layer"] for row in rows_of(capsys, run_dir, "--layer", "*2")] == ["conv2"]
    assert [row["layer"] for row in rows_of(capsys, run_dir, "--layer", "conv2", "--layer", "conv1")] == [
        "conv1",
        "conv2",
    ]


def test_a_tag_is_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = np.random.default_rng(0).standard_normal((2, 3, 1, 5))
    write_run(tmp_path, history("conv", weights))
    write_run(tmp_path, history("conv", weights[:, :2]), tag="fewer")
    assert [row["filters"] for row in rows_of(capsys, tmp_path, "--tag", "fewer")] == [2]
    assert [row["filters"] for row in rows_of(capsys, tmp_path, "--tag", "filters")] == [3]


def test_dead_filters_and_what_is_undefined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = np.random.default_rng(0).standard_normal((3, 4, 2, 9))
    weights[2, 1] = 0
    diverged = weights.copy()
    diverged[2, 3, 0, :5] = np.nan
    write_run(tmp_path, [*history("died", weights), *history("diverged", diverged), *history("one", weights[:1])])
    died, bad, one = rows_of(capsys, tmp_path)
    # A share, as the scalar of that name is.
    assert (died["dead"], died["dead_filters"], died["nonfinite"]) == (0.25, 1, 0)
    assert (bad["nonfinite"], bad["rotation"], bad["change"], bad["effective_rank"]) == (5, None, None, None)
    assert (one["snapshots"], one["change"], one["rotation"]) == (1, None, pytest.approx(0, abs=1e-6))
    head, *lines = table_of(capsys, tmp_path)
    assert "NaN or Inf" in head
    assert ["  1 of 4 (25 %)  " in line for line in lines] == [True, True, False]
    assert "  0 of 4  " in lines[2]
    assert lines[1].split()[-5:] == ["5", lines[1].split()[-4], "→", "–", "–"]


def test_a_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weight = torch.randn(6, 2, 9)
    weight[4] = 0
    weight[5] = 3 * weight[3]
    checkpoint = {"epoch": 3, "state_dict": {"stem.weight": weight, "point.weight": torch.randn(2, 6, 1)}}
    torch.save(checkpoint, tmp_path / "model.ckpt")
    (row,) = rows_of(capsys, tmp_path / "model.ckpt")
    rows = weight.numpy().reshape(6, -1)[[0, 1, 2, 3, 5]].astype(float)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = np.abs(unit @ unit.T) - np.eye(5)
    assert row == {
        "layer": "stem",
        "filters": 6,
        "total_filters": 6,
        "channels": 2,
        "taps": 9,
        "channel_names": None,
        "dead": pytest.approx(1 / 6),
        "dead_filters": 1,
        "nonfinite": 0,
        "effective_rank": pytest.approx(effective_rank(np.delete(weight.numpy(), 4, axis=0)), rel=1e-4),
        "redundancy": pytest.approx(cosines.max(axis=1).mean(), rel=1e-4),
        "rms": pytest.approx(float(weight.square().mean().sqrt()), rel=1e-4),
    }
    assert [each["layer"] for each in rows_of(capsys, tmp_path / "model.ckpt", "--layer", "*")] == ["stem", "point"]


def test_names_that_do_not_fit_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["x" * 299 + "y", "tab\tand\x1b[31m", "漢字"]
    torch.save({f"{name}.weight": torch.randn(2, 1, 9) for name in names}, tmp_path / "odd.pt")
    assert [row["layer"] for row in rows_of(capsys, tmp_path / "odd.pt")] == names
    _, *lines = table_of(capsys, tmp_path / "odd.pt")
    assert [line.split()[0] for line in lines] == ["…" + "x" * 58 + "y", "tab\\tand\\x1b[31m", "漢字"]
