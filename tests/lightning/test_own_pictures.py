"""Pictures of the user's own beside ours: drawn at milestones, under their own names, harmless when they fail."""

from __future__ import annotations

import functools
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
from matplotlib import pyplot
from matplotlib.figure import Figure

from filterscope import Conv1dFilterMonitor, FilterBank, load_history
from tests.support import own_pictures
from tests.support.events import Logged
from tests.support.figures import pixels
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.pictures import assert_same_picture
from tests.support.weights import Weights


def fit(path: Path, *plots: Any, **options: Any) -> tuple[Logged, dict[str, Weights], list[str]]:
    """Three epochs with these pictures: what was logged, the weights, the warnings of ours."""
    pl.seed_everything(3)
    probes = {layer: Weights(layer) for layer in ("conv1", "conv2")}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        monitor = Conv1dFilterMonitor(plots=plots, **options)
        make_trainer(path, monitor, *probes.values()).fit(SmallNet(), loader())
    told = [str(each.message) for each in caught if issubclass(each.category, RuntimeWarning)]
    return Logged(path), probes, told


@pytest.mark.pictures
def test_it_is_drawn_of_the_monitored_filters_at_every_milestone(tmp_path: Path) -> None:
    logged, probes, told = fit(tmp_path, "taps", own_pictures.norms, max_filters=3)
    assert told == []
    for layer, probe in probes.items():
        assert logged.steps(f"filters/{layer}/taps") == [0, 4, 8, 12]
        images = logged.images[f"filters/{layer}/norms"]
        assert [step for step, _ in images] == [0, 4, 8, 12]
        reference = FilterBank(layer, probe.at[0][:3])
        for step, image in images:
            assert image.shape == (100, 200, 3)
            expected = own_pictures.norms(FilterBank(layer, probe.at[step][:3]), reference=reference)
            assert_same_picture(image, pixels(expected))
        assert logged.descriptions[f"filters/{layer}/norms"] == "How large every filter is: a bar each."
    ((_, table),) = logged.texts["filters/layers"]
    assert "| norms | How large every filter is: a bar each. |" in table


def test_it_is_told_layer_moment_and_all_filters_that_there_are(tmp_path: Path) -> None:
    seen: list[tuple[Any, ...]] = []

    def spy(bank: FilterBank, *, reference: FilterBank) -> Figure:
        seen.append((bank.layer, bank.epoch, bank.step, bank.indices.tolist(), bank.total_filters, bank.sample_rate))
        seen.append((reference.epoch, reference.weights.shape == bank.weights.shape, threading.current_thread().name))
        return Figure(figsize=(1, 1))

    logged, _, _ = fit(tmp_path, spy, layers="conv1", max_filters=2, sample_rate=100)
    assert seen[::2] == [("conv1", epoch, 4 * epoch, [0, 1], 6, 100.0) for epoch in range(4)]
    assert set(seen[1::2]) == {(0, True, "filterscope")}
    assert logged.tags() >= {"filters/conv1/spy"}
    assert "filters/conv1/taps" not in logged.tags()


def test_a_figure_of_pyplot_is_closed(tmp_path: Path) -> None:
    others = pyplot.figure()
    try:
        logged, _, told = fit(tmp_path, own_pictures.with_pyplot)
        assert logged.images["filters/conv2/with_pyplot"][-1][1].shape == (300, 300, 3)
        assert [each for each in told if "filterscope" in each] == []
        assert pyplot.get_fignums() == [others.number]
    finally:
        pyplot.close(others)


def test_what_it_does_to_its_arrays_is_not_recorded(tmp_path: Path) -> None:
    logged, probes, _ = fit(tmp_path, own_pictures.vandal)
    for layer, history in load_history(tmp_path).items():
        np.testing.assert_array_equal(history.initial.weights, probes[layer].at[0])
        np.testing.assert_allclose(history.weights[-1], probes[layer].at[12], rtol=1e-3, atol=1e-6)
    assert len(logged.images["filters/conv1/vandal"]) == 4


@pytest.mark.parametrize(
    ("plot", "reason"),
    [
        (own_pictures.raising, "ValueError: no picture of conv1"),
        (own_pictures.leaving, "SystemExit: 3"),
        (own_pictures.nothing, "TypeError: nothing returned a NoneType, not a matplotlib Figure"),
        (own_pictures.axes_only, "TypeError: axes_only returned a Axes, not a matplotlib Figure"),
        (own_pictures.forgetful, "TypeError: forgetful() got an unexpected keyword argument 'reference'"),
    ],
)
def test_one_that_fails_loses_its_images_and_nothing_else(tmp_path: Path, plot: Any, reason: str) -> None:
    logged, _, told = fit(tmp_path, plot, "drift", own_pictures.norms)
    (warning,) = told
    assert f"the {plot.__name__} image of conv1" in warning
    assert reason in warning
    assert f"filters/conv1/{plot.__name__}" not in logged.tags()
    for layer in ("conv1", "conv2"):
        assert logged.steps(f"filters/{layer}/norms") == [0, 4, 8, 12]
        assert logged.steps(f"filters/{layer}/drift") == [4, 8, 12]
        assert logged.steps(f"filters/{layer}/rms") == [0, 4, 8, 12]


class Callable_:  # noqa: N801
    def __call__(self, bank: FilterBank, *, reference: FilterBank) -> Figure:
        return Figure()


def renamed(name: str) -> Any:
    def plot(bank: FilterBank, *, reference: FilterBank) -> Figure:
        return Figure()

    plot.__name__ = name
    return plot


@pytest.mark.parametrize(
    ("plots", "message"),
    [
        ([lambda bank, *, reference: Figure()], "has no name for its tag; give a function made with def"),
        ([functools.partial(own_pictures.norms)], "has no name for its tag; give a function made with def"),
        ([Callable_()], "has no name for its tag; give a function made with def"),
        ([renamed("a/b")], "has no name for its tag"),
        ([own_pictures.norms, own_pictures.norms], "has norms twice"),
        ([own_pictures.norms, renamed("norms")], "has norms twice"),
        (["taps", "drift", "taps"], "has taps twice"),
        *[
            ([renamed(name)], f"{name!r} is what filterscope logs itself; give your function another name")
            for name in ("taps", "rotation", "weights", "bank", "layers", "overview", "spectrum", "nonfinite")
        ],
    ],
)
def test_the_constructor_refuses_what_cannot_be_a_card(plots: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        Conv1dFilterMonitor(plots=plots)


def test_lightning_cli_takes_an_import_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pytorch_lightning.cli import LightningCLI

    config = tmp_path / "config.yaml"
    config.write_text(
        "trainer:\n  accelerator: cpu\n  logger: false\n  callbacks:\n"
        "    - class_path: filterscope.Conv1dFilterMonitor\n"
        "      init_args:\n        plots: [taps, tests.support.own_pictures.norms]\n"
    )
    monkeypatch.setattr(sys, "argv", ["main.py", "--config", str(config)])
    cli = LightningCLI(SmallNet, run=False, save_config_callback=None)
    (monitor,) = (each for each in vars(cli.trainer)["callbacks"] if isinstance(each, Conv1dFilterMonitor))
    assert monitor.settings.plots == ("taps", own_pictures.norms)
