"""Who may import whom: the arrows between the rooms, and what importing costs."""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import filterscope
from tests.support.scripts import run_script

SOURCE = Path(filterscope.__file__).parent

#: What each room stands on. Arrows point down only.
BELOW: dict[str, set[str]] = {
    "filters": set(),
    "models": {"filters"},
    "plots": {"filters"},
    "events": {"filters"},
    "recording": {"models", "plots", "events", "filters"},
    "lightning": {"recording", "models", "plots", "events", "filters"},
    "tab": {"events", "filters"},
    "cli": {"models", "plots", "events", "filters"},
}
TORCH = {"torch", "torchvision"}
TENSORBOARD = {"tensorboard", "google", "werkzeug"}
LIGHTNING = {"pytorch_lightning", "lightning", "lightning_utilities"}
DRAWING = {"matplotlib", "PIL"}
#: What no file of a room may name, be it at its top or inside a function.
NEVER: dict[str, set[str]] = {
    "filters": TORCH | TENSORBOARD | LIGHTNING | DRAWING,
    "plots": TORCH | TENSORBOARD | LIGHTNING,
    "models": TENSORBOARD | LIGHTNING | DRAWING,
    "events": LIGHTNING | DRAWING,
    "tab": TORCH | LIGHTNING | DRAWING,
    "recording": LIGHTNING,
    "cli": LIGHTNING | TENSORBOARD,
}
PUBLIC = {
    "Conv1dFilterMonitor",
    "FilterBank",
    "FilterHistory",
    "FilterRecorder",
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


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def imports(path: Path) -> set[str]:
    """Full names of all modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES)
            found |= inner or {node.module}
    return found


IMPORTS = {name: imports(path) for name, path in MODULES.items()}


def room(name: str) -> str:
    """The first folder below the package; empty for what stands right in it."""
    parts = name.split(".")
    return parts[1] if parts[0] == "filterscope" and len(parts) > 1 and parts[1] in BELOW else ""


def test_every_folder_is_a_room_that_says_what_it_is_for() -> None:
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(BELOW)
    for name, path in MODULES.items():
        if path.name == "__init__.py":
            assert ast.get_docstring(ast.parse(path.read_text())), name


@pytest.mark.parametrize("name", [name for name in MODULES if room(name)])
def test_arrows_point_down_only(name: str) -> None:
    ours = {each for each in IMPORTS[name] if each.split(".")[0] == "filterscope"} - {"filterscope.version"}
    climbs = {each for each in ours if room(each) not in {room(name)} | BELOW[room(name)]}
    assert not climbs, f"{name} imports {climbs}, which its room does not stand on"
    if ".drawing" in name:
        pictures = {each for each in ours if room(each) == "plots" and ".drawing" not in each}
        assert not pictures, f"{name} is a drawing aid and imports {pictures}"


@pytest.mark.parametrize("name", [name for name in MODULES if room(name)])
def test_a_room_knows_only_the_libraries_that_it_is_about(name: str) -> None:
    named = {each.split(".")[0] for each in IMPORTS[name]}
    assert named.isdisjoint(NEVER.get(room(name), set()))


#: The package that a module comes with, where it is called otherwise.
COMES_WITH = {
    "PIL": "pillow",
    "google.protobuf": "protobuf",
    "google_crc32c": "google-crc32c",
    "pytorch_lightning": "pytorch-lightning",
    "typing_extensions": "typing-extensions",
}
#: The same as ``pytorch_lightning`` under another name, if somebody has it; never imported first.
OPTIONAL = {"lightning"}


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    project = tomllib.loads((SOURCE.parent.parent / "pyproject.toml").read_text())["project"]
    declared = {re.split("[<>=!]", each)[0] for each in project["dependencies"]}
    imported: set[str] = set()
    for name in set().union(*IMPORTS.values()):
        top = ".".join(name.split(".")[: 2 if name.startswith("google.") else 1])
        if top != "filterscope" and top not in sys.stdlib_module_names | OPTIONAL:
            imported.add(COMES_WITH.get(top, top))
    assert imported == declared


def test_no_module_imports_itself_by_way_of_others() -> None:
    TopologicalSorter(
        {name: IMPORTS[name] & set(MODULES) - {name} for name in MODULES if name != "filterscope"}
    ).prepare()


def loaded_by(statement: str) -> set[str]:
    """Top-level names of all modules that a statement loads in a fresh process."""
    script = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    return set(json.loads(run_script(script).stdout))


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import filterscope").isdisjoint(TORCH | TENSORBOARD | LIGHTNING | DRAWING | {"numpy"})


def of_rooms(*rooms: str) -> str:
    """A statement that imports all modules of some rooms."""
    return "import " + ", ".join(name for name in MODULES if room(name) in rooms)


def test_numbers_load_numpy_and_nothing_else_that_is_heavy() -> None:
    assert loaded_by(of_rooms("filters")).isdisjoint(TORCH | TENSORBOARD | LIGHTNING | DRAWING)


def test_pictures_load_no_torch_and_no_pyplot() -> None:
    statement = f"{of_rooms('filters', 'plots')}, sys; assert 'matplotlib.pyplot' not in sys.modules"
    loaded = loaded_by(statement)
    assert "matplotlib" in loaded
    assert loaded.isdisjoint(TORCH | TENSORBOARD | LIGHTNING)


def test_the_tab_loads_neither_torch_nor_matplotlib() -> None:
    assert loaded_by(of_rooms("tab")).isdisjoint(TORCH | LIGHTNING | DRAWING)


def test_reading_event_files_loads_no_torch() -> None:
    assert loaded_by("from filterscope import load_history").isdisjoint(TORCH | LIGHTNING | DRAWING)


def test_recording_never_loads_lightning() -> None:
    assert loaded_by(of_rooms("filters", "models", "plots", "events", "recording")).isdisjoint(LIGHTNING)


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
