"""``scale`` reaches the images of the monitor and of the recorder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from filterscope import Conv1dFilterMonitor, FilterBank, FilterRecorder
from filterscope.plots.taps import TapsPicture
from tests.support.events import Logged
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.pictures import assert_shows, pixels_of
from tests.support.weights import weights_of

OPTIONS: dict[str, Any] = {"layers": "conv1", "plots": ("taps",), "scale": "filter"}


def assert_own_scales(path: Path, before: np.ndarray, now: np.ndarray, when: str) -> None:
    picture = TapsPicture(FilterBank("conv1", now), FilterBank("conv1", before, epoch=0), scale="filter")
    picture.update(FilterBank("conv1", now), when)
    assert_shows(Logged(path).images["filters/conv1/taps"][-1][1], pixels_of(picture.sheet))


@pytest.mark.pictures
def test_a_monitor_draws_each_filter_to_its_own_scale(tmp_path: Path) -> None:
    model = SmallNet()
    before = weights_of(model.conv1)
    make_trainer(tmp_path, Conv1dFilterMonitor(**OPTIONS), max_epochs=1).fit(model, loader())
    assert_own_scales(tmp_path, before, weights_of(model.conv1), "final, epoch 1")


@pytest.mark.pictures
def test_a_recorder_draws_each_filter_to_its_own_scale(tmp_path: Path) -> None:
    model = SmallNet()
    before = weights_of(model.conv1)
    with FilterRecorder(model, tmp_path, total=2, **OPTIONS) as recorder:
        recorder.snapshot(0)
        with torch.no_grad():
            model.conv1.weight[:3] *= 9
        recorder.snapshot(1)
    assert_own_scales(tmp_path, before, weights_of(model.conv1), "final, epoch 1")


def test_it_is_given_by_name() -> None:
    positional: tuple[Any, ...] = (None, 1, None, (), "auto", 64, True, None, "filters", "filter")
    with pytest.raises(TypeError, match="positional"):
        Conv1dFilterMonitor(*positional)
