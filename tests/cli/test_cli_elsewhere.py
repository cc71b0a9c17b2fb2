"""Runs in other file systems: what is missing to read them is told, and no path is a traceback."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from filterscope import load_history
from filterscope.cli import main
from tests.support.scripts import run_script

#: Packages that read other file systems; one that is there would try to reach them.
READERS = ("boto3", "s3fs", "gcsfs", "adlfs", "pyarrow")
without_readers = pytest.mark.skipif(any(map(find_spec, READERS)), reason=f"one of {', '.join(READERS)} is installed")
PLACES = {
    "s3://bucket/run": "boto3",
    "gs://bucket/run": "gcsfs",
    "hdfs://host/run": "fsspec pyarrow",
    "abfs://container/run": "adlfs",
    "simplecache::s3://bucket/run": "boto3",
}
COMMANDS = {
    "summary": ["summary"],
    "plot": ["plot", "--kind", "taps"],
    "animate": ["animate", "--layer", "conv", "-o", "a.gif"],
    "export": ["export", "-o", "a.npz"],
}


@without_readers
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("path", PLACES)
def test_the_package_that_is_missing_is_named(
    path: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*COMMANDS[command], path]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"filterscope: {path!r}: TensorBoard reads ")
    assert err.endswith(f"not installed here; pip install {PLACES[path]}\n")
    assert list(tmp_path.iterdir()) == []


@without_readers
def test_the_package_is_named_to_who_loads_a_history_too() -> None:
    with pytest.raises(ImportError, match=r"s3://.*pip install boto3$"):
        load_history("s3://bucket/run")


def test_the_package_is_named_where_tensorboard_knows_no_other_file_systems() -> None:
    """Neither fsspec, which comes with torch, nor boto3."""
    program = f"""
import sys
sys.modules |= dict.fromkeys(["fsspec", "boto3", "botocore"])
from filterscope.cli import main
assert [main(["summary", path]) for path in {list(PLACES)[:4]}] == [1] * 4
"""
    packages = [line.rpartition("pip install ")[2] for line in run_script(program).stderr.splitlines()]
    assert packages == list(PLACES.values())[:4]


@pytest.mark.parametrize(
    "path",
    [
        "foo://x", "://", "file://nowhere", "zip://x::file:///nope.zip", "a://b::c://d", "data://x", "reference://x",
        "\x01://", "file://\udcff", "tar://", "zip::nowhere", "::", " ", "", "~", "[", "C:\\x", "a" * 5000,
        "file://" + "a" * 300,
    ],
)  # fmt: skip
def test_no_path_is_a_traceback(
    path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for argv in COMMANDS.values():
        assert main([*argv, path]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("filterscope: ")
        assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
