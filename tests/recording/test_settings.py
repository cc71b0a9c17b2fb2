"""Bad arguments fail at once, and say which and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from filterscope import Conv1dFilterMonitor
from filterscope.plots.kinds import NAMES
from filterscope.recording.settings import Settings

BAD: list[tuple[str, Any, type[Exception]]] = [
    *[(name, 0, ValueError) for name in ("every_n_epochs", "plot_every_n_epochs", "max_filters")],
    *[(name, -3, ValueError) for name in ("every_n_epochs", "plot_every_n_epochs", "max_filters")],
    *[(name, 1.5, TypeError) for name in ("every_n_epochs", "plot_every_n_epochs", "max_filters")],
    *[(name, 2.0, TypeError) for name in ("every_n_epochs", "plot_every_n_epochs", "max_filters")],
    *[(name, True, TypeError) for name in ("every_n_epochs", "plot_every_n_epochs", "max_filters")],
    *[(name, "3", TypeError) for name in ("every_n_epochs", "plot_every_n_epochs", "max_filters")],
    ("every_n_epochs", None, TypeError),
    *[("every_n_train_steps", value, ValueError) for value in (0, -1)],
    *[("every_n_train_steps", value, TypeError) for value in (1.5, "100", True)],
    ("channels", "first", ValueError),
    ("channels", "", ValueError),
    ("channels", "Sum", ValueError),
    ("channels", None, TypeError),
    ("channels", 3, TypeError),
    *[("scale", value, ValueError) for value in ("tile", "Layer", "")],
    *[("scale", value, TypeError) for value in (None, 1, ["layer"])],
    *[("save_filters", value, TypeError) for value in (1, None, "yes")],
    ("plots", ("taps", "tops"), ValueError),
    ("plots", ["weights"], ValueError),
    ("plots", [3], ValueError),
    ("plots", "taps", TypeError),
    ("plots", "", TypeError),
    ("plots", None, TypeError),
    ("plots", {"taps"}, TypeError),
    ("layers", [], ValueError),
    ("layers", (), ValueError),
    ("layers", "", ValueError),
    ("layers", ["conv1", ""], ValueError),
    ("layers", 3, TypeError),
    ("layers", [3], TypeError),
    ("tag", "", ValueError),
    ("tag", " ", ValueError),
    ("tag", "/x", ValueError),
    ("tag", "x/", ValueError),
    ("tag", "/", ValueError),
    ("tag", None, TypeError),
    ("tag", 3, TypeError),
    ("sample_rate", 0, ValueError),
    ("sample_rate", -1, ValueError),
    ("sample_rate", float("nan"), ValueError),
    ("sample_rate", float("inf"), ValueError),
    ("sample_rate", {}, ValueError),
    ("sample_rate", "16k", TypeError),
    ("sample_rate", True, TypeError),
    ("sample_rate", [16_000], TypeError),
    ("sample_rate", {"conv": None}, TypeError),
    ("sample_rate", {3: 16_000}, TypeError),
    *[("channel_names", value, ValueError) for value in ("", [], {}, {"": "AC"}, {"stem": ""}, ["Fz", ""], "A C")],
    *[("channel_names", value, TypeError) for value in (3, True, [3], {"stem": 3}, {3: "AC"}, {"stem": [3]}, b"AC")],
    ("channels", "logo", ValueError),
]

GOOD: list[dict[str, Any]] = [
    {},
    {"every_n_epochs": 10, "plot_every_n_epochs": 5},
    {"plot_every_n_epochs": None, "max_filters": None},
    {"max_filters": 1},
    {"every_n_train_steps": 100},
    {"every_n_train_steps": np.int64(100), "every_n_epochs": np.int32(2), "max_filters": np.uint8(16)},
    {"scale": "filter"},
    {"plots": ()},
    {"plots": ["drift", "taps"]},
    {"layers": "*"},
    {"layers": ["stem", "blocks.*"]},
    {"sample_rate": 0.5},
    {"sample_rate": {"stem.*": 16_000}},
    {"tag": "run a/filters"},
    *[{"channels": channels} for channels in ("auto", "all", "sum", "mean", "max", "l2", "principal")],
]


@pytest.mark.parametrize("made", [Settings, Conv1dFilterMonitor])
@pytest.mark.parametrize(("name", "value", "error"), BAD, ids=lambda each: each if isinstance(each, str) else None)
def test_a_bad_argument_is_refused_by_name_and_value(made: type, name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        made(**{name: value})
    assert type(caught.value) is error
    assert f"{name}={value!r}" in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [("sample_rate", {"conv": 0}), ("sample_rate", {"a": 1, "b": "16k"})])
def test_a_bad_rate_of_one_layer_is_refused(name: str, value: dict[str, Any]) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises((TypeError, ValueError), match=rf"{name}=.*({list(value.values())[-1]!r})"):
        Conv1dFilterMonitor(**given)


@pytest.mark.parametrize("arguments", GOOD)
def test_good_arguments_are_kept(arguments: dict[str, Any]) -> None:
    settings = Conv1dFilterMonitor(**arguments).settings
    kept = {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}
    assert {name: getattr(settings, name) for name in arguments} == kept
    assert settings == Settings(**arguments)


def test_defaults() -> None:
    settings = Conv1dFilterMonitor().settings
    assert (settings.layers, settings.every_n_epochs, settings.plot_every_n_epochs) == (None, 1, None)
    assert tuple(settings.plots) == NAMES
    assert (settings.channels, settings.max_filters, settings.sample_rate) == ("auto", 64, None)
    assert settings.tag == "filters"


def test_a_message_says_what_would_work() -> None:
    with pytest.raises(ValueError, match=f"use any of {', '.join(NAMES)}"):
        Settings(plots=("tops",))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="use one of auto, all, sum, mean, max, l2, principal"):
        Settings(channels="first")
    with pytest.raises(ValueError, match="None for all filters"):
        Settings(max_filters=0)
