"""Of all that lies below a directory, the run, monitor and layers that were asked for are read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.compat.tensorflow_stub.io import gfile
from torch import nn

from filterscope import Conv1dFilterMonitor, load_history
from tests.support.event_files import tiny, write
from tests.support.histories import Kept, check, fit, quiet_load
from tests.support.nets import SmallNet

pytest_plugins = ["tests.support.histories"]


class Elsewhere:
    """No Path, but something that has one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


WAYS: dict[str, Callable[[Path], Any]] = {
    "the run": lambda path: path / "run" / "version_0",
    "its parent": lambda path: path / "run",
    "further up": lambda path: path,
    "a string": lambda path: str(path / "run" / "version_0"),
    "a string with a slash at its end": lambda path: f"{path}/run/version_0/",
    "with dots": lambda path: path / "run" / ".." / "run" / "version_0",
    "relative": lambda path: os.path.relpath(path),
    "another PathLike": lambda path: Elsewhere(path),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_run_is_found_by_any_path_to_it(recorded_run: tuple[Path, Kept], way: str) -> None:
    path, kept = recorded_run
    found = quiet_load(WAYS[way](path))
    for layer in ("conv1", "conv2"):
        check(found[layer], kept[layer].by_epoch, [0, 1, 2, 3])


def test_a_run_is_found_from_its_own_directory(
    recorded_run: tuple[Path, Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(recorded_run[0] / "run" / "version_0")
    assert len(quiet_load(".")["conv1"]) == 4


def test_a_run_is_found_through_a_link(recorded_run: tuple[Path, Kept], tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(recorded_run[0] / "run" / "version_0")
    assert len(quiet_load(tmp_path / "link")["conv1"]) == 4


def test_a_moved_run_with_an_odd_name_loads(recorded_run: tuple[Path, Kept], tmp_path: Path) -> None:
    target = tmp_path / "größe [1] *? 'x'" / "lr=0.1,\n b"
    shutil.copytree(recorded_run[0] / "run" / "version_0", target)
    assert len(quiet_load(target)["conv1"]) == 4
    assert len(quiet_load(tmp_path)["conv1"]) == 4


def test_paths_of_other_file_systems_work_as_in_tensorboard(recorded_run: tuple[Path, Kept]) -> None:
    fsspec = pytest.importorskip("fsspec")
    if not hasattr(gfile, "_get_fsspec_filesystem"):
        pytest.skip("TensorBoard without fsspec")
    memory = fsspec.filesystem("memory")
    for file in recorded_run[0].rglob("events.out.tfevents.*"):
        memory.pipe(f"/runs/one/{file.name}", file.read_bytes())
    try:
        check(quiet_load("memory://runs/one")["conv1"], recorded_run[1]["conv1"].by_epoch, [0, 1, 2, 3])
        check(quiet_load("memory://runs")["conv1"], recorded_run[1]["conv1"].by_epoch, [0, 1, 2, 3])
    finally:
        memory.rm("/runs", recursive=True)


def test_runs_without_filters_beside_one_with_are_no_matter(recorded_run: tuple[Path, Kept], tmp_path: Path) -> None:
    shutil.copytree(recorded_run[0], tmp_path / "a")
    fit(tmp_path / "b", save_filters=False)
    (tmp_path / "c").mkdir()
    assert len(quiet_load(tmp_path)["conv1"]) == 4


def test_several_runs_are_an_error_that_lists_them(tmp_path: Path) -> None:
    for name in ("version_0", "version_1", "deep/er/version_2"):
        write(tmp_path / "logs" / name, tiny())
    with pytest.raises(ValueError, match="holds 3 runs") as raised:
        load_history(tmp_path / "logs")
    assert all(repr(name) in str(raised.value) for name in ("version_0", "version_1", "deep/er/version_2"))
    assert str(tmp_path / "logs") in str(raised.value)
    assert list(quiet_load(tmp_path / "logs" / "version_1")) == ["a"]


def test_a_run_that_has_others_below_can_be_loaded(tmp_path: Path) -> None:
    """As TensorBoardLogger(name="", version="") leaves them: there is no other directory to give."""
    write(tmp_path, tiny(epochs=(0, 1)))
    write(tmp_path / "version_0", tiny(epochs=(0, 1, 2)))
    assert quiet_load(tmp_path)["a"].epochs.tolist() == [0, 1]


def test_several_monitors_are_told_apart_by_their_tags(tmp_path: Path) -> None:
    others = [Conv1dFilterMonitor(plots=(), tag="filters/early", layers="conv1", every_n_epochs=2, max_filters=2)]
    kept = fit(tmp_path, *others)
    with pytest.raises(ValueError, match="several monitors: give tag=") as raised:
        load_history(tmp_path)
    assert "'filters'" in str(raised.value)
    assert "'filters/early'" in str(raised.value)
    found = quiet_load(tmp_path, tag="filters/early")
    assert list(found) == ["conv1"]
    check(found["conv1"], kept["conv1"].by_epoch, [0, 2, 3], 2)
    found = quiet_load(tmp_path, tag="filters")
    assert list(found) == ["conv1", "conv2"]
    check(found["conv1"], kept["conv1"].by_epoch, [0, 1, 2, 3])


@pytest.mark.parametrize("tag", ["x", "a/b", "filters/conv1", "bank", "conv1", "α β"])
def test_any_tag_will_do(tmp_path: Path, tag: str) -> None:
    fit(tmp_path, tag=tag, options={"max_epochs": 1})
    for given in (None, tag):
        assert list(quiet_load(tmp_path, tag=given)) == ["conv1", "conv2"]
    with pytest.raises(ValueError, match=r"tag='no such': the run in '.*' has") as raised:
        load_history(tmp_path, tag="no such")
    assert repr(tag) in str(raised.value)


@pytest.mark.parametrize("name", ["bank", "filters", "a/b", "a/bank", "größe", "a b", "weights", "filters/bank"])
def test_any_layer_name_will_do(tmp_path: Path, name: str) -> None:
    model = SmallNet()
    model.add_module(name, nn.Conv1d(1, 2, 3))
    kept = fit(tmp_path, model=model, keep=[name], layers=name, options={"max_epochs": 1})
    found = quiet_load(tmp_path)
    assert list(found) == [name]
    assert found[name].initial.weights.tobytes() == kept[name].by_epoch[0].tobytes()
    assert list(quiet_load(tmp_path, tag="filters")) == [name]


@pytest.mark.parametrize(
    ("layers", "chosen"),
    [
        (None, ["conv1", "conv2"]),
        ("conv1", ["conv1"]),
        ("conv*", ["conv1", "conv2"]),
        (["conv2", "conv1"], ["conv1", "conv2"]),
        (("*2", "conv2"), ["conv2"]),
        ("conv[13]", ["conv1"]),
    ],
)
def test_layers_are_chosen_by_globs(recorded_run: tuple[Path, Kept], layers: Any, chosen: list[str]) -> None:
    found = quiet_load(recorded_run[0], layers=layers)
    assert list(found) == chosen
    assert list(quiet_load(recorded_run[0], layers)) == chosen
    for layer, history in found.items():
        check(history, recorded_run[1][layer].by_epoch, [0, 1, 2, 3])


@pytest.mark.parametrize("layers", ["conf*", "CONV1", "conv", ["conv1", "head"]])
def test_a_glob_without_a_match_is_an_error_that_says_what_there_is(
    recorded_run: tuple[Path, Kept], layers: Any
) -> None:
    wrong = layers if isinstance(layers, str) else layers[-1]
    with pytest.raises(ValueError, match="no layer matches") as raised:
        load_history(recorded_run[0], layers=layers)
    assert repr(wrong) in str(raised.value)
    assert str(raised.value).endswith("has: conv1, conv2")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"layers": 3}, TypeError),
        ({"layers": [3]}, TypeError),
        ({"layers": ""}, ValueError),
        ({"layers": []}, ValueError),
        ({"tag": 3}, TypeError),
        ({"tag": ["filters"]}, TypeError),
        ({"tag": ""}, ValueError),
        ({"log_dir": None}, TypeError),
        ({"log_dir": 3}, TypeError),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(recorded_run: tuple[Path, Kept], arguments: Any, error: type) -> None:
    with pytest.raises(error):
        load_history(**({"log_dir": recorded_run[0]} | arguments))


def test_a_pointwise_layer_that_was_recorded_is_loaded(tmp_path: Path) -> None:
    model = SmallNet()
    model.conv2 = nn.Conv1d(6, 4, 1)
    fit(tmp_path / "without", model=model)
    assert list(quiet_load(tmp_path / "without")) == ["conv1"]
    kept = fit(tmp_path / "with", model=model, layers="*")
    check(quiet_load(tmp_path / "with")["conv2"], kept["conv2"].by_epoch, [0, 1, 2, 3])
