"""A history that was loaded: it pickles, measures what the fit measured, and needs neither torch nor Lightning."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from filterscope.events import blob
from tests.support.event_files import bank, event, events_of, write
from tests.support.histories import Kept, check, quiet_load
from tests.support.scripts import run_script

pytest_plugins = ["tests.support.histories"]


def test_a_history_pickles(recorded_run: tuple[Path, Kept]) -> None:
    history = quiet_load(recorded_run[0])["conv1"]
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(history, protocol)
        back = pickle.loads(data)
        check(back, recorded_run[1]["conv1"].by_epoch, [0, 1, 2, 3])
        assert repr(back) == repr(history)
        np.testing.assert_array_equal(back.rotation(), history.rotation())
        np.testing.assert_array_equal(back.reference.weights, history.reference.weights)
        assert all(np.shares_memory(each.weights, back.weights) for each in back)
    assert pickle.loads(pickle.dumps(quiet_load(recorded_run[0])))["conv2"].steps.tolist() == [0, 4, 8, 12]


def test_a_pickled_history_takes_its_weights_once(tmp_path: Path) -> None:
    events = [
        event("filters/a/bank", epoch, [blob.encode(bank("a", epoch, 64, taps=64), 0, epoch == 0)])
        for epoch in range(10)
    ]
    history = quiet_load(write(tmp_path, events))["a"]
    assert len(pickle.dumps(history)) < 1.5 * history.weights.nbytes


def test_the_measures_of_a_history_are_those_of_the_fit(recorded_run: tuple[Path, Kept]) -> None:
    scalars = {
        (value.tag, each.step): float(value.tensor.float_val[0] if value.tensor.float_val else value.simple_value)
        for each in events_of(recorded_run[0])
        for value in each.summary.value
        if value.tag.endswith(("/rms", "/change"))
    }
    for layer, history in quiet_load(recorded_run[0]).items():
        for kind, values in (("rms", history.rms()), ("change", history.change())):
            logged = [scalars.get((f"filters/{layer}/{kind}", step), np.nan) for step in history.steps.tolist()]
            np.testing.assert_allclose(values, logged, rtol=0.02, atol=1e-4, equal_nan=True)


def test_loading_needs_no_torch_and_no_lightning(recorded_run: tuple[Path, Kept]) -> None:
    code = f"""
import pickle, sys
from filterscope import load_history
found = load_history({str(recorded_run[0])!r})
assert [history.weights.shape for history in found.values()] == [(4, 6, 1, 9), (4, 4, 6, 3)]
found["conv1"].rotation(), found["conv1"].convergence_epoch(), pickle.dumps(found)
heavy = {{"torch", "pytorch_lightning", "lightning", "matplotlib", "tensorflow"}} & set(sys.modules)
assert not heavy, heavy
"""
    run_script(code)
