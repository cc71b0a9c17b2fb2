"""How the Filters tab starts, lives and fails: each test runs a TensorBoard of its own."""

from __future__ import annotations

import json
import os
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import nn

from filterscope import FilterRecorder, load_history
from filterscope.events import blob
from filterscope.tab import plugin, serve
from filterscope.tab.calls import side_by_side
from tests.support.browser import LOADERS, frames, tensorboard, wait_for
from tests.support.scripts import run_script
from tests.support.synthetic import STEPS, Layer, Run

CONV1, CONV2 = "filters/conv1/bank", "filters/conv2/bank"


@pytest.mark.parametrize("loader", LOADERS)
def test_a_run_appears_and_grows_while_tensorboard_watches(tmp_path: Path, loader: str) -> None:
    with tensorboard(tmp_path, LOADERS[loader], "--reload_interval=1") as served:
        assert served.plugin("layers").json == {"runs": [], "problems": []}
        assert served.ask("data/plugins_listing").json["filterscope"]["enabled"] is False
        run = Run(tmp_path / "run", [Layer("conv1"), Layer("conv2")], 12).add(range(2))
        served.wait_for_step("run", CONV2, STEPS)
        assert served.ask("data/plugins_listing").json["filterscope"]["enabled"] is True
        queries: list[tuple[str, dict[str, Any]]] = [("layers", {}), ("snapshots", {"run": "run", "tag": CONV1})]
        tags = [(served.plugin(route, **query).headers["ETag"]) for route, query in queries]
        asked: dict[str, Any] = {"run": "run", "tag": CONV1, "steps": "5,10"}
        early = served.plugin("banks", **asked)
        assert [status for _, status, _ in frames(early.body)] == [0, 1]
        run.add([2])
        served.wait_for_step("run", CONV2, 2 * STEPS)
        assert served.steps("run", CONV1) == [0, 5, 10]
        for (route, query), tag in zip(queries, tags, strict=True):
            assert served.plugin(route, {"If-None-Match": tag}, **query).status == 200
        late = served.plugin("banks", {"If-None-Match": early.headers["ETag"]}, **asked)
        assert frames(late.body) == [(step, 0, run.blobs[CONV1][step][0]) for step in (5, 10)]
        resumed = run.blobs[CONV1][0][0]
        run.add_bank(CONV1, 10, [resumed], blob.read_header(resumed).to_json(), later=100)
        run.add([3])
        served.wait_for_step("run", CONV2, 3 * STEPS)
        last = served.plugin("banks", {"If-None-Match": late.headers["ETag"]}, **asked)
        assert [content for _, _, content in frames(last.body)] == [run.blobs[CONV1][5][0], resumed]


@pytest.mark.parametrize("loader", LOADERS)
def test_what_a_record_begun_anew_supersedes_is_not_shown(tmp_path: Path, loader: str) -> None:
    for seed, count in ((0, 9), (1, 4)):  # the second one in the directory of the first
        torch.manual_seed(seed)
        model = nn.Conv1d(1, 2, 9)
        with FilterRecorder(model, tmp_path / "run", plots=()) as recorder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for epoch in range(count):
                recorder.snapshot(epoch)
                nn.init.normal_(model.weight)
    tag = "filters/Conv1d/bank"
    with tensorboard(tmp_path, LOADERS[loader]) as served:
        assert served.steps("run", tag) == [0, 1, 2, 3]
        body = served.plugin("banks", run="run", tag=tag, steps="0,3").body
        shown = [blob.decode(content).weights for _, _, content in frames(body)]
        ((_, history),) = load_history(tmp_path / "run").items()
        for weights, epoch in zip(shown, (0, 3), strict=True):
            np.testing.assert_array_equal(weights, history.weights[epoch])
        ((layer,),) = [run["layers"] for run in served.plugin("layers").json["runs"]]
        assert [step for step, _ in layer["rotation"]] == [0, 1, 2, 3]
        overview = served.plugin("overview", run="run").json
        assert overview["axes"] == [[1, 2, 3]]
        assert overview["clock"][-1] == [3, 3]


def test_named_directories_and_the_users_own_limit(tmp_path: Path) -> None:
    first = Run(tmp_path / "a", [Layer("conv1")], 20).add(range(21))
    Run(tmp_path / "b", [Layer("conv1", seed=1)], 20).add(range(3))
    Run(tmp_path / "c", [Layer("conv1", seed=2)], 20).add(range(3))
    spec = ",".join(f"{name}:{tmp_path / name}" for name in "abc")
    flags = [f"--logdir_spec={spec}", "--path_prefix=/x", "--samples_per_plugin=filterscope=6,images=3"]
    with tensorboard(None, *flags) as served:
        for run, step in (("a/.", 100), ("b/.", 10), ("c/.", 10)):
            served.wait_for_step(run, CONV1, step)
        steps = served.steps("a/.", CONV1)
        assert (len(steps), steps[-1]) == (6, 100)
        assert served.banks("a/.", CONV1, steps) == [(step, 0, first.blobs[CONV1][step][0]) for step in steps]
        answer = served.plugin("layers").json
        assert [run["run"] for run in answer["runs"]] == ["a/.", "b/.", "c/."]
        (problem,) = answer["problems"]
        assert "filterscope=6" in problem


def test_runs_without_raw_filters_say_why_the_tab_is_empty(tmp_path: Path) -> None:
    run = Run(tmp_path / "bare", [], 1)
    for kind in ("rotation", "rms", "dead"):
        run.add_value(Summary.Value(tag=f"filters/conv1/{kind}", simple_value=0.5), 0)
    other = Run(tmp_path / "other", [], 1)
    other.add_value(Summary.Value(tag="camera/rotation", simple_value=0.5), 0)
    with tensorboard(tmp_path, LOADERS["fast"]) as served:
        problems = wait_for(lambda: served.plugin("layers").json["problems"], "the problem")
    assert len(problems) == 1
    assert "'bare'" in problems[0]
    assert "save_filters" in problems[0]


FAULTS = {
    "flags that cannot be changed": """
from types import MappingProxyType
from tensorboard.plugins.core import core_plugin
parse = core_plugin._parse_samples_per_plugin
core_plugin._parse_samples_per_plugin = lambda value: MappingProxyType(parse(value))
""",
    "a server half that cannot be imported": """
import sys
sys.modules["filterscope.tab.serve"] = None
""",
    "a second installation": """
from tensorboard import default
once = default.get_dynamic_plugins
default.get_dynamic_plugins = lambda: [*once(), *(one for one in once() if one.__module__.startswith("filterscope."))]
""",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_of_ours_stops_tensorboard(tmp_path: Path, fault: str) -> None:
    Run(tmp_path / "run", [Layer("conv1")]).add(range(2))
    with tensorboard(tmp_path, LOADERS["fast"], before=FAULTS[fault]) as served:
        listing = served.ask("data/plugins_listing").json
        assert listing["scalars"]["loading_mechanism"]
        assert ("filterscope" in listing) is ("import" not in fault)
        log = served.log.read_text()
    assert ("--samples_per_plugin filterscope=0" in log) is ("flags" in fault)


def test_the_number_of_epochs_kept_is_the_users_to_say() -> None:
    for given, kept in (({}, plugin.SNAPSHOTS), ({"images": 5}, plugin.SNAPSHOTS), ({"filterscope": 7}, 7)):
        flags = SimpleNamespace(samples_per_plugin=dict(given))
        plugin.FiltersLoader().fix_flags(flags)
        assert flags.samples_per_plugin == {**given, "filterscope": kept}
    assert plugin.SNAPSHOTS >= 1000
    assert plugin.NAME == blob.PLUGIN


def test_calls_are_made_side_by_side_and_a_held_back_answer_is_nudged() -> None:
    nudged = threading.Event()
    assert side_by_side([lambda: nudged.wait(30), lambda: "second"], nudged.set) == [True, "second"]
    both = threading.Barrier(2, timeout=30)
    assert sorted(side_by_side([both.wait, both.wait], lambda: None)) == [0, 1]
    assert side_by_side([], lambda: None) == []
    with pytest.raises(KeyError, match="gone"):
        side_by_side([lambda: dict[str, int]()["gone"]], lambda: 1 / 0)


def test_the_tab_brings_nothing_heavy_into_tensorboard() -> None:
    script = """
import json, sys
import tensorboard.program
before = set(sys.modules)
import filterscope.tab.plugin
first = set(sys.modules) - before
import filterscope.tab.serve
new = set(sys.modules) - before
print(json.dumps([sorted(first), sorted({name.partition(".")[0] for name in new} & set(sys.argv[1:]))]))
"""
    heavy = ["torch", "pytorch_lightning", "lightning", "matplotlib", "pandas", "scipy", "PIL", "tensorflow"]
    at_start, guilty = json.loads(run_script(script, *heavy).stdout)
    assert guilty == []
    assert {name for name in at_start if name.startswith("filterscope")} == {
        "filterscope",
        "filterscope.tab",
        "filterscope.tab.plugin",
        "filterscope.version",
    }


def test_a_file_that_changes_is_served_under_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "STATIC", tmp_path)
    (tmp_path / "index.js").write_text("one")
    before = serve.static_state()
    assert serve.static_state() == before
    os.utime(tmp_path / "index.js", (0, 0))
    assert serve.static_state() != before
