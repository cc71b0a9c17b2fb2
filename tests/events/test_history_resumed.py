"""Of fits that go on from one another, what was undone is gone and the original initial bank stays."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger

from filterscope import load_history
from tests.support.event_files import tiny, write
from tests.support.histories import Edit, check, fit, halved, quiet_load
from tests.support.nets import loader


def test_a_second_fit_into_one_directory_supersedes_the_first(tmp_path: Path) -> None:
    first = fit(tmp_path, options={"max_epochs": 4})
    second = fit(tmp_path, options={"max_epochs": 2}, data=loader(batch_size=8))
    with pytest.warns(UserWarning, match="holds an older record too, of epochs 0 to 4: the newest supersedes"):
        history = load_history(tmp_path)["conv1"]
    assert (history.epochs.tolist(), history.steps.tolist()) == ([0, 1, 2], [0, 2, 4])
    np.testing.assert_array_equal(history.weights[2], halved(second["conv1"].by_epoch[2]))
    assert not np.array_equal(first["conv1"].by_epoch[2], second["conv1"].by_epoch[2])


def test_what_a_resumed_fit_repeats_resolves_to_the_newest(tmp_path: Path) -> None:
    saver = ModelCheckpoint(dirpath=tmp_path / "saved", filename="{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    options: dict[str, Any] = {"max_epochs": 4, "enable_checkpointing": True}
    first = fit(tmp_path, more=[saver], options=options, max_filters=3)
    logger = TensorBoardLogger(str(tmp_path), name="run", version=0)
    # Other batches from here on; the first fit's third and fourth epochs are undone.
    second = fit(
        tmp_path,
        Edit(3, lambda model: model.conv1.weight.add_(0.5)),
        ckpt_path=tmp_path / "saved" / "epoch=1.ckpt",
        options={"max_epochs": 5, "logger": logger},
        max_filters=3,
    )
    assert len(list((tmp_path / "run" / "version_0").glob("events.out.tfevents.*"))) == 2
    assert not np.array_equal(first["conv1"].by_epoch[3], second["conv1"].by_epoch[3])
    joined = {**first["conv1"].by_epoch, **second["conv1"].by_epoch}
    check(quiet_load(tmp_path)["conv1"], joined, [0, 1, 2, 3, 4, 5], 3)
    np.testing.assert_array_equal(
        quiet_load(tmp_path)["conv1"].bank(3).weights, halved(second["conv1"].by_epoch[3][:3])
    )


def test_a_fit_resumed_in_a_new_directory_has_the_original_initial_bank_there(tmp_path: Path) -> None:
    saver = ModelCheckpoint(dirpath=tmp_path / "saved", filename="{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    options: dict[str, Any] = {"max_epochs": 2, "enable_checkpointing": True}
    first = fit(tmp_path, more=[saver], options=options, max_filters=3)
    logger = TensorBoardLogger(str(tmp_path), name="run", version=1)
    options = {"max_epochs": 4, "logger": logger}
    second = fit(tmp_path, ckpt_path=tmp_path / "saved" / "epoch=1.ckpt", options=options, max_filters=3)
    for layer, history in quiet_load(tmp_path / "run" / "version_1").items():
        assert history.initial.weights.tobytes() == first[layer].by_epoch[0].tobytes()
        assert history.initial.epoch == 0
        assert (history.epochs[-2:].tolist(), history.steps[-2:].tolist()) == ([3, 4], [12, 16])
        for epoch in (3, 4):
            np.testing.assert_array_equal(history.bank(epoch).weights, halved(second[layer].by_epoch[epoch][:3]))
        check(quiet_load(tmp_path / "run" / "version_0")[layer], first[layer].by_epoch, [0, 1, 2], 3)


@pytest.mark.parametrize(("before", "after"), [(3, 2), (2, 5), (3, None)])
def test_a_resume_with_another_max_filters_still_measures_from_the_original_initial_bank(
    tmp_path: Path, before: int, after: int | None
) -> None:
    saver = ModelCheckpoint(dirpath=tmp_path / "saved", filename="{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    options: dict[str, Any] = {"max_epochs": 2, "enable_checkpointing": True}
    first = fit(tmp_path, more=[saver], options=options, max_filters=before)
    fit(tmp_path, ckpt_path=tmp_path / "saved" / "epoch=1.ckpt", options={"max_epochs": 4}, max_filters=after)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the monitored filters are others: the rows before may be gone, and said to be
        found = load_history(tmp_path)
    for layer, history in found.items():
        assert history.epochs[-2:].tolist() == [3, 4]
        assert history.initial.epoch == 0
        assert history.initial.weights.tobytes() == first[layer].by_epoch[0].tobytes()


def test_a_resumed_fit_that_stopped_earlier_leaves_nothing_of_what_it_undid(tmp_path: Path) -> None:
    events = [*tiny(epochs=range(9)), *tiny(epochs=(3, 4))]
    write(tmp_path, events)
    assert quiet_load(tmp_path)["a"].epochs.tolist() == [0, 1, 2, 3, 4]
