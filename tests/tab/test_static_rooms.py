"""The browser half's rooms: which of them may import which, that every address leads somewhere, and how long files are.

The rooms are the folders of ``tab/static``. The entry point ``index.js`` stands above them, as TensorBoard names it.
"""

from __future__ import annotations

import posixpath
import re
from graphlib import TopologicalSorter

from filterscope.tab import serve

STATIC = serve.STATIC
ENTRY = "index.js"
MOST_LINES = 300

#: What each room stands on: talking to the server and drawing know nothing of each other, numbers know nobody.
BELOW: dict[str, set[str]] = {
    "numbers": set(),
    "data": {"numbers"},
    "draw": {"numbers"},
    "views": {"draw", "data", "numbers"},
    "panels": {"views", "draw", "data", "numbers"},
    "page": {"panels", "views", "draw", "data", "numbers"},
}

FILES = {path.relative_to(STATIC).as_posix(): path.read_text() for path in sorted(STATIC.rglob("*")) if path.is_file()}
MODULES = {name: text for name, text in FILES.items() if name.endswith(".js")}

COMMENT = re.compile(r"/\*.*?\*/|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)
#: ``import {a} from "x"``, ``export {a} from "x"``, ``import "x"`` and ``import("x")``, which comments use for types.
IMPORT = re.compile(r"""(?:^(?:im|ex)port\s[^"';]*from\s*|^import\s*|\bimport\(\s*)["']([^"']+)["']""", re.MULTILINE)
NAMED = re.compile(r"^import\s*\{([^}]*)\}\s*from\s*\"([^\"]+)\"", re.MULTILINE)
EXPORTED = re.compile(r"^export (?:async )?(?:function\*?|class|const|let) (\w+)", re.MULTILINE)
SHEET = re.compile(r"[\"']([\w./-]+\.css)[\"']")
ADDRESS = re.compile(r"url\(\s*[\"']?([^)\"']+)|@import\s+[\"']([^\"']+)")


def bare(text: str) -> str:
    """Code without its comments."""
    return COMMENT.sub("", text)


def resolved(name: str, address: str) -> str:
    """The file that a relative address in a file means, below ``static``."""
    assert address.startswith("."), f'{name} imports "{address}": only relative addresses work below any path prefix'
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), address))


def imports(name: str, text: str) -> set[str]:
    return {resolved(name, address) for address in IMPORT.findall(text)}


def sheets(name: str, text: str) -> set[str]:
    """The style sheets and pictures that a file names: modules by string, style sheets by ``@import`` and ``url``."""
    if name.endswith(".js"):
        return {resolved(name, f"./{address}") for address in SHEET.findall(bare(text))}
    found = (address or other for address, other in ADDRESS.findall(bare(text)))
    return {resolved(name, f"./{address}") for address in found if not address.startswith("data:")}


def room(name: str) -> str:
    return name.split("/")[0] if "/" in name else ""


IMPORTS = {name: imports(name, bare(text)) for name, text in MODULES.items()}


def test_every_folder_is_a_room_and_only_the_entry_point_stands_outside() -> None:
    assert {name for name in FILES if not room(name)} == {ENTRY}
    assert {room(name) for name in FILES} - {""} == set(BELOW)
    assert all(name.count("/") <= 1 for name in FILES)


def test_the_imports_are_found_in_every_form() -> None:
    text = (
        'import { a } from "./a.js";\nimport {\n  b,\n} from "../x/b.js";\nimport "./c.js";\n'
        'export { d } from "./d.js";\nconst later = () => import("./e.js");\n'
        '/** @param {import("./f.js").F} f */\n// import("./g.js")\n'
    )
    code = {"r/a.js", "x/b.js", "r/c.js", "r/d.js", "r/e.js"}
    assert imports("r/here.js", bare(text)) == code
    assert imports("r/here.js", text) == code | {"r/f.js", "r/g.js"}
    assert sum(map(len, IMPORTS.values())) > 100


def test_every_import_resolves_to_a_file() -> None:
    # Those in comments too: a type that is nowhere explains nothing.
    missing = {name: imports(name, text) - set(MODULES) for name, text in MODULES.items()}
    assert not {name: lost for name, lost in missing.items() if lost}


def test_every_style_sheet_that_is_named_is_a_file() -> None:
    missing = {name: sheets(name, text) - set(FILES) for name, text in FILES.items()}
    assert not {name: lost for name, lost in missing.items() if lost}


def test_every_imported_name_is_exported_where_it_is_taken_from() -> None:
    for name, text in MODULES.items():
        for names, address in NAMED.findall(bare(text)):
            taken = {each.split(" as ")[0].strip() for each in names.split(",") if each.strip()}
            unknown = taken - set(EXPORTED.findall(MODULES[resolved(name, address)]))
            assert not unknown, f"{name} takes {unknown} from {address}, which does not export it"


def test_rooms_import_only_the_rooms_below_them() -> None:
    for name, text in MODULES.items():
        if name == ENTRY:
            continue
        allowed = BELOW[room(name)] | {room(name)}
        climbs = {each for each in imports(name, text) if room(each) not in allowed}
        assert not climbs, f"{name} imports {climbs}, which its room does not stand on"


def test_rooms_and_files_form_no_cycle() -> None:
    TopologicalSorter(BELOW).prepare()
    between: dict[str, set[str]] = {}
    for name, found in IMPORTS.items():
        between.setdefault(room(name), set()).update({room(each) for each in found} - {room(name)})
    TopologicalSorter(between).prepare()
    TopologicalSorter(IMPORTS).prepare()


def test_every_file_is_reached_from_the_entry_point() -> None:
    reached: set[str] = set()
    waiting = {ENTRY}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= (IMPORTS.get(name, set()) | sheets(name, FILES[name])) - reached
    assert set(FILES) == reached


def test_no_file_is_longer_than_300_lines() -> None:
    lines = {name: len(text.splitlines()) for name, text in FILES.items()}
    assert not {name: count for name, count in lines.items() if count > MOST_LINES}


def test_every_file_says_at_its_top_what_it_is_for() -> None:
    assert not [name for name, text in FILES.items() if not text.startswith("/*")]
