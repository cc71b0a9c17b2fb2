"""The benchmark itself works; its figures are not judged here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmark.__main__ import main
from tests.benchmark.baselines import OTHERS


@pytest.mark.pictures
def test_the_smallest_setting_measures_every_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--json", str(tmp_path / "figures.json")])
    rows = json.loads((tmp_path / "figures.json").read_text())
    models = [row["model"] for row in rows]
    assert models == [
        "64 x 1 x 31",
        "-",
        "8 x 1 x 31",
        "M5",
        "SincNet-like",
        *["tiny"] * (9 + len(OTHERS)),
        "64 x 1 x 251",
    ]
    assert all(row["value"] > 0 for row in rows)
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 2 + len(rows)
    assert all(line.count("|") == table[0].count("|") for line in table)
