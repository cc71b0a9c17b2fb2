"""The Filters tab's routes: what the browser may ask, and every answer's form. Nothing asked for is trusted."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from tensorboard import errors, plugin_util
from tensorboard.backend import http_util
from werkzeug.wrappers import Request, Response

from filterscope.events.blob import PLUGIN
from filterscope.tab import overview, provided
from filterscope.tab.provided import NotThereError, PassingError, Provided, UnclearError
from filterscope.version import __version__

#: Snapshots that one request can ask for.
MOST_STEPS = 256
#: Large answers that are kept: every page that opens asks for the same ones.
_KEPT = 4
STATIC = Path(__file__).parent / "static"
CONTENT_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}

_YEAR = 365 * 24 * 60 * 60  # seconds
_BY_ENCODING = ("Vary", "Accept-Encoding")

_log = logging.getLogger("tensorboard")

App = Callable[..., Any]
#: From a request to what there is for it.
There = Callable[[Request], Provided]
#: What a version's answer is, made if it is not kept.
Once = Callable[[str, Callable[[], bytes]], bytes]


def routes(provider: Any, state: str, kept: Mapping[str, int], multiplexer: Any = None) -> dict[str, App]:
    """WSGI applications by route.

    Args:
        provider: TensorBoard's data provider.
        state: Of the browser half, see :func:`static_state`.
        kept: Number of samples that TensorBoard keeps of each tag, by plugin.
        multiplexer: What its legacy loader has behind it.
    """
    there = partial(_of, provider=provider, multiplexer=multiplexer)
    most = kept.get(PLUGIN) or None  # TensorBoard's 0 stands for all
    once = _keeper()
    apps = {
        "/layers": _app(partial(_layers, there=there, once=once, kept=most)),
        "/overview": _app(partial(_overview, there=there, once=once)),
        "/snapshots": _app(partial(_snapshots, there=there, kept=most)),
        "/banks": _app(partial(_banks, there=there)),
        "/*": _app(_nothing),
    }
    for path in _static_files():
        name = path.relative_to(STATIC).as_posix()
        apps[f"/static/{name}"] = _app(partial(_static, path=path))
        apps[f"/static-{state}/{name}"] = _app(partial(_static, path=path, lasts=True))
    return apps


def static_state() -> str:
    """A name for the browser half as it is now: below it, files are served for good.

    A page asks for more than a hundred of them, each time anew if it has to ask whether its own are still good: 2.5 s
    where the way to TensorBoard and back takes 80 ms.
    """
    return _version([(str(path), path.stat().st_mtime_ns) for path in _static_files()])


def _static_files() -> list[Path]:
    return sorted(path for path in STATIC.rglob("*") if path.suffix in CONTENT_TYPES and path.is_file())


def _app(answer: Callable[[Request], Response]) -> App:
    """A WSGI application that turns every fault into words."""

    @Request.application
    def app(request: Request) -> Response:
        try:
            if request.method not in ("GET", "HEAD"):
                return _refusal(request, 405, f"{request.method} is not allowed here; use GET")
            return answer(request)
        except UnclearError as error:
            return _refusal(request, 400, str(error))
        except NotThereError as error:
            return _refusal(request, 404, str(error))
        except errors.PublicError as error:
            return _refusal(request, error.http_code, str(error))
        except Exception as error:
            _log.exception("The Filters tab could not answer %s", request.path)
            words = f"TensorBoard could not read the filters ({type(error).__name__}); reload, or see its console"
            return _refusal(request, 500, words)

    return app


def _keeper() -> Once:
    @lru_cache(_KEPT)
    def place(version: str) -> list[bytes]:
        return []

    def once(version: str, make: Callable[[], bytes]) -> bytes:
        found = place(version)
        if not found:
            found.append(make())
        return found[0]

    return once


def _layers(request: Request, there: There, once: Once, kept: int | None) -> Response:
    has = there(request)
    listed = has.listed()
    beside = has.scalars_listed(listed)
    bare = has.runs_without_filters() if not listed else []
    version = _version([has.experiment, kept, bare, _moments(listed), _moments(beside)])

    def body() -> bytes:
        runs = provided.layers(listed, has.scalars(listed, beside))
        problems = _problems(runs, bare, kept)
        return _json({"runs": provided.for_sparks(runs), "problems": problems})

    return _answer(request, "application/json", version, lambda: once(version, body))


def _overview(request: Request, there: There, once: Once) -> Response:
    """Of a run that the browser has read of, or, before it has, of the one that it will show."""
    has = there(request)
    run = request.args.get("run") or has.likely_run(request.args.get("likely"))
    if run is None:
        return _respond(request, _json({"run": None}), "application/json")
    layers, beside = has.of_run(run)
    if not layers:
        raise NotThereError(f"no filters in the run {run!r}; reload for the runs there are")
    scalar = overview.choose(layers, beside, request.args.get("scalar"))
    version = _version([has.experiment, run, scalar, _moments({run: layers}), _moments({run: beside})])

    def body() -> bytes:
        return _json(overview.content(has, run, layers, beside, scalar))

    return _answer(request, "application/json", version, lambda: once(version, body))


def _snapshots(request: Request, there: There, kept: int | None) -> Response:
    run, tag = _argument(request, "run"), _argument(request, "tag")
    found = [(datum.step, provided.finite(datum.wall_time)) for datum in there(request).snapshots(run, tag)]
    version = _version([run, tag, found])
    return _answer(request, "application/json", version, lambda: _json({"snapshots": found, "kept": kept}))


def _banks(request: Request, there: There) -> Response:
    run, tag, steps = _argument(request, "run"), _argument(request, "tag"), _steps(_argument(request, "steps"))
    has = there(request)
    found = {datum.step: datum for datum in has.snapshots(run, tag, len(steps))}
    chosen = [found.get(step) for step in steps]
    version = _version([run, tag, steps, [datum and datum.wall_time for datum in chosen]])
    return _answer(request, "application/octet-stream", version, lambda: has.banks(steps, chosen))


def _static(request: Request, path: Path, lasts: bool = False) -> Response:
    try:
        content = path.read_bytes()
    except OSError:
        raise NotThereError(f"{path.name} is gone; restart TensorBoard after a change of filterscope") from None
    if lasts:
        return _respond(request, content, CONTENT_TYPES[path.suffix], expires=_YEAR, headers=[_BY_ENCODING])
    version = hashlib.sha256(content).hexdigest()[:32]
    return _answer(request, CONTENT_TYPES[path.suffix], version, lambda: content)


def _of(request: Request, provider: Any, multiplexer: Any) -> Provided:
    if provider is None:
        raise NotThereError("TensorBoard runs without a data provider; start it without --generic_data=false")
    context, experiment = plugin_util.context(request.environ), plugin_util.experiment_id(request.environ)
    return Provided(provider, context, experiment, multiplexer)


def _nothing(request: Request) -> Response:
    raise NotThereError("the Filters tab has nothing here; it has layers, overview, snapshots, banks and static files")


def _problems(runs: list[dict[str, Any]], bare: list[str], kept: int | None) -> list[str]:
    """What is wrong in general, in words for the user."""
    problems = []
    if bare:
        names = ", ".join(map(repr, bare[:5])) + (", ..." if len(bare) > 5 else "")
        problems.append(
            f"No raw filters in {names}, though a monitor logged there: "
            "drop save_filters=False from Conv1dFilterMonitor, and upgrade filterscope where the training runs"
        )
    if kept and any(len(layer["rotation"]) > kept for run in runs for layer in run["layers"]):
        problems.append(
            f"TensorBoard keeps a random {kept} of the epochs, as --samples_per_plugin {PLUGIN}={kept} says; "
            f"start it with {PLUGIN}=0 to keep all"
        )
    return problems


def _argument(request: Request, name: str) -> str:
    value = request.args.get(name)
    if not value:
        raise UnclearError(f"{name} is missing; ask for run, tag and, for banks, steps")
    return value


def _steps(text: str) -> list[int]:
    if not re.fullmatch(r"-?[0-9]{1,18}(,-?[0-9]{1,18})*", text):
        raise UnclearError(f"steps={text[:80]!r} is no list of steps; give integers such as 0,4,8")
    steps = [int(step) for step in text.split(",")]
    if len(steps) > MOST_STEPS:
        raise UnclearError(f"{len(steps)} steps are too many for one answer; ask for at most {MOST_STEPS} at a time")
    return steps


def _moments(listed: provided.Series) -> list[Any]:
    """The newest step and time of every series."""
    return sorted(
        (run, tag, series.max_step, series.max_wall_time)
        for run, tags in listed.items()
        for tag, series in tags.items()
    )


def _version(of: list[Any]) -> str:
    """A name for one state of what is served, by one release."""
    return hashlib.sha256(json.dumps([__version__, of]).encode()).hexdigest()[:32]


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def _answer(request: Request, content_type: str, version: str, make: Callable[[], bytes]) -> Response:
    """What was asked for, or word that the browser's copy is still good. Only a change costs the making."""
    tag = {"ETag": f'W/"{version}"'}
    if request.if_none_match.contains_weak(version):
        headers = {**tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return Response(status=304, headers=headers, content_type=content_type)
    try:
        content = make()
    except PassingError as error:
        content, tag = error.content, {}
    return _respond(request, content, content_type, headers=[*tag.items(), _BY_ENCODING])


def _refusal(request: Request, code: int, words: str) -> Response:
    return _respond(request, _json({"error": words}), "application/json", code=code)


def _respond(*content: Any, **more: Any) -> Response:
    """TensorBoard's own form of answers: never cached without asking, compressed if text, types taken as given."""
    response: Response = http_util.Respond(*content, **more)
    return response
