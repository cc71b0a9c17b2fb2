"""``filterscope export``: what comes back from the file is what the run recorded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from filterscope import load_history
from filterscope.cli import main
from tests.support.runs import fit, history, write_run


def export(run_dir: Path, output: Path, *more: str) -> dict[str, np.ndarray]:
    """The arrays of the file, which load without pickle."""
    assert main(["export", str(run_dir), "-o", str(output), *more]) == 0
    with np.load(output, allow_pickle=False) as stored:
        return dict(stored)


def test_a_run_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = fit(tmp_path)
    stored = export(run_dir, tmp_path / "filters.npz")
    assert capsys.readouterr().out == f"{tmp_path / 'filters.npz'}\n"
    recorded = load_history(run_dir)
    assert stored["layers"].tolist() == ["conv1", "conv2"]
    assert len(stored) == 2 + 6 * 2
    meta = json.loads(str(stored["meta"]))
    for number, (layer, one) in enumerate(recorded.items()):
        for key, value in {
            "weights": one.weights,
            "epochs": [0, 1, 2, 3],
            "steps": [0, 4, 8, 12],
            "indices": one[0].indices,
            "initial": one.initial.weights,
            "initial_indices": one.initial.indices,
        }.items():
            np.testing.assert_array_equal(stored[f"{key}_{number}"], value)
        assert meta["layers"][number] == {
            "layer": layer,
            "total_filters": one[0].total_filters,
            "stride": 1,
            "dilation": 1,
            "groups": 1,
            "transposed": False,
            "sample_rate": 100,
            "channel_names": None,
            "initial_epoch": 0,
            "initial_step": 0,
        }
    assert stored["weights_0"].shape == (4, 4, 1, 9)
    assert stored["initial_0"].shape == (6, 1, 9)
    assert stored["weights_0"].dtype == np.float32


def test_any_name_comes_back(tmp_path: Path) -> None:
    names = ["../../up", "/", "a b", "é漢字😀", "x" * 300, "weights_0", "layers", "meta", "quote\"'", "new\nline"]
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal((2, 3, 1, 5)).astype(np.float16).astype(np.float32) for name in names}
    run_dir = write_run(tmp_path / "run", [bank for name in names for bank in history(name, weights[name])])
    stored = export(run_dir, tmp_path / "filters.npz")
    assert stored["layers"].tolist() == names
    assert [layer["layer"] for layer in json.loads(str(stored["meta"]))["layers"]] == names
    for number, name in enumerate(names):
        np.testing.assert_array_equal(stored[f"weights_{number}"][1], weights[name][1])


def test_complex_filters_and_other_layouts(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = (rng.standard_normal((2, 4, 1, 5)) + 1j * rng.standard_normal((2, 4, 1, 5))).astype(np.complex64)
    layout = {"stride": 3, "dilation": 2, "groups": 2, "transposed": True, "sample_rate": 44.1}
    run_dir = write_run(tmp_path / "run", history("conv", weights, **layout))
    stored = export(run_dir, tmp_path / "filters.npz")
    assert stored["weights_0"].dtype == np.complex64
    np.testing.assert_array_equal(stored["initial_0"], weights[0])
    np.testing.assert_allclose(stored["weights_0"], weights, atol=2e-3)
    (meta,) = json.loads(str(stored["meta"]))["layers"]
    assert {key: meta[key] for key in layout} == layout


def test_layers_are_chosen(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).standard_normal((2, 3, 1, 5))
    run_dir = write_run(tmp_path / "run", [bank for name in ("a", "b", "c") for bank in history(name, weights)])
    stored = export(run_dir, tmp_path / "filters.npz", "--layer", "[bc]")
    assert stored["layers"].tolist() == ["b", "c"]
    assert "weights_2" not in stored


def test_a_file_is_replaced_once_the_new_one_is_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = np.random.default_rng(0).standard_normal((2, 3, 1, 5))
    run_dir = write_run(tmp_path / "run", history("conv", weights))
    (tmp_path / "there.npz").write_text("old")
    (tmp_path / "link.npz").symlink_to(tmp_path / "there.npz")
    export(run_dir, tmp_path / "link.npz")
    assert capsys.readouterr().err == f"filterscope: replaced {tmp_path / 'link.npz'}\n"
    assert (tmp_path / "link.npz").is_symlink()
    whole = (tmp_path / "there.npz").read_bytes()
    assert whole[:2] == b"PK"

    def fail(path: Path, **_: object) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fail)
    assert main(["export", str(run_dir), "-o", str(tmp_path / "there.npz")]) == 1
    assert capsys.readouterr().err == "filterscope: No space left on device\n"
    assert (tmp_path / "there.npz").read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.npz", "run", "there.npz"]
