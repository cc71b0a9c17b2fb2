"""What importing costs, and the rules of the house on who may import what."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys

import pytest

import filterscope
from filterscope import plots

HEAVY = ("torch", "pytorch_lightning", "lightning", "tensorboard")
PURE = [
    f"filterscope.{name}"
    for name in ("metrics", "bank", "channels", "spectrum", "schedule", "worker", "track", "blob", "selection")
]
PLOTS = [f"filterscope.plots.{module.name}" for module in pkgutil.iter_modules(plots.__path__)]

PUBLIC = {
    "Conv1dFilterMonitor",
    "FilterBank",
    "FilterHistory",
    "dead_filters",
    "frequency_response",
    "load_history",
    "plot_drift",
    "plot_evolution",
    "plot_filter",
    "plot_response",
    "plot_taps",
    "read_filters",
}


def loaded_by(statement: str) -> set[str]:
    """Top-level names of all modules that a statement loads in a fresh process."""
    script = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import filterscope").isdisjoint({*HEAVY, "matplotlib", "PIL"})


def test_reading_event_files_loads_no_torch() -> None:
    heavy = {"torch", "pytorch_lightning", "lightning", "matplotlib"}
    assert loaded_by("from filterscope import load_history").isdisjoint(heavy)


@pytest.mark.parametrize("module", [*PURE[:5], *PURE[-2:]])
def test_numbers_need_no_drawing_library_either(module: str) -> None:
    assert loaded_by(f"import {module}").isdisjoint({*HEAVY, "matplotlib", "PIL"})


def test_pure_modules_and_plots_import_no_torch_lightning_or_tensorboard() -> None:
    assert {"filterscope.plots.taps", "filterscope.plots.evolution"} <= set(PLOTS)
    script = f"""
import importlib, json, sys
guilty = {{}}
for name in {PURE + PLOTS!r}:
    before = set(sys.modules)
    importlib.import_module(name)
    new = {{module.partition('.')[0] for module in set(sys.modules) - before}}
    if new & set({HEAVY!r}):
        guilty[name] = sorted(new & set({HEAVY!r}))
print(json.dumps(guilty))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout) == {}


def test_plots_do_not_touch_pyplot() -> None:
    statement = f"import sys, {', '.join(PLOTS)}; assert 'matplotlib' in sys.modules"
    assert loaded_by(f"{statement}; assert 'matplotlib.pyplot' not in sys.modules")


def test_the_public_names_resolve() -> None:
    assert set(filterscope.__all__) >= PUBLIC
    for name in filterscope.__all__:
        assert getattr(filterscope, name).__name__ == name
    assert set(filterscope.__all__) <= set(dir(filterscope))


def test_every_public_name_is_documented() -> None:
    for name in filterscope.__all__:
        assert (getattr(filterscope, name).__doc__ or "").strip(), name


@pytest.mark.parametrize("name", ["plot_everything", "Conv1dfiltermonitor", "_private"])
def test_an_unknown_name_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"'filterscope' has no attribute {name!r}"):
        getattr(filterscope, name)
    assert not hasattr(filterscope, name)


def test_an_unknown_name_cannot_be_imported() -> None:
    with pytest.raises(ImportError, match="plot_everything"):
        from filterscope import plot_everything  # noqa: F401


def test_the_version_is_a_version() -> None:
    assert all(part.isdigit() for part in filterscope.__version__.split(".")[:2])
