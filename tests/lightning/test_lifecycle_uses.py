"""Whatever a Trainer is asked to do besides one fit: what was due is written, once, and no thread is left."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from pytorch_lightning.tuner import Tuner

from filterscope import Conv1dFilterMonitor, FilterBank
from filterscope.plots.drift import DriftPicture
from filterscope.plots.picture import Times
from tests.support.events import Logged
from tests.support.lifecycles import PLOTS, EveryStage, Hook, check
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.pictures import assert_shows, pixels_of
from tests.support.states import is_threadless
from tests.support.weights import Weights, rotation


@pytest.mark.pictures
def test_a_second_fit_of_a_trainer_goes_on_from_the_first(tmp_path: Path) -> None:
    weights, model = Weights(), SmallNet()
    trainer = make_trainer(tmp_path, weights, Conv1dFilterMonitor(plot_every_n_epochs=1, plots=PLOTS), max_epochs=2)
    trainer.fit(model, loader())
    check(tmp_path, [0, 4, 8])
    trainer.fit_loop.max_epochs = 4
    trainer.fit(model, loader())
    logged = check(tmp_path, [0, 4, 8, 12, 16])
    initial = weights.at[0]
    assert set(weights.at) == {0, 4, 8, 12, 16}
    wanted = [rotation(each, initial) for each in weights.at.values()]
    assert [value for _, value in logged.scalars["filters/conv1/rotation"]] == pytest.approx(wanted, abs=2e-7)
    change = np.linalg.norm(weights.at[12] - weights.at[8]) / np.linalg.norm(weights.at[8])
    assert dict(logged.scalars["filters/conv1/change"])[12] == pytest.approx(change, rel=1e-5)
    assert logged.steps("filters/conv1/drift") == [4, 8, 12, 16]
    turned = np.array([[rotation(w, r) for w, r in zip(at, initial, strict=True)] for at in weights.at.values()])
    picture = DriftPicture(FilterBank("conv1", initial), FilterBank("conv1", initial))
    picture.update(FilterBank("conv1", weights.at[16]), list(turned), Times(np.arange(5)), "final, epoch 4")
    assert_shows(logged.images["filters/conv1/drift"][-1][1], pixels_of(picture.sheet))
    trainer.fit(model, loader())  # nothing left to train
    check(tmp_path, [0, 4, 8, 12, 16])


@pytest.mark.parametrize("kind", ["deepcopy", "pickle"])
def test_copies_made_before_in_and_after_a_fit_monitor_fits_of_their_own(tmp_path: Path, kind: str) -> None:
    def duplicate(monitor: Conv1dFilterMonitor) -> Conv1dFilterMonitor:
        return copy.deepcopy(monitor) if kind == "deepcopy" else pickle.loads(pickle.dumps(monitor))

    monitor = Conv1dFilterMonitor(sample_rate={"conv1": 100.0}, tag="of/copies", plots=("taps",))
    copies = [duplicate(monitor)]
    during = Hook("on_train_epoch_end", lambda *_: copies.append(duplicate(monitor)))
    make_trainer(tmp_path / "first", monitor, during, max_epochs=1).fit(SmallNet(), loader())
    copies.append(duplicate(monitor))
    assert len(copies) == 3
    for number, each in enumerate(copies):
        assert each.settings == monitor.settings
        make_trainer(tmp_path / str(number), each, max_epochs=1).fit(SmallNet(), loader())
        assert is_threadless()
        assert Logged(tmp_path / str(number)).steps("of/copies/conv1/taps") == [0, 4]
    assert Logged(tmp_path / "first").steps("of/copies/conv1/rms") == [0, 4]


def test_evaluation_alone_logs_nothing_and_after_a_fit_adds_nothing(tmp_path: Path) -> None:
    model, trainer = EveryStage(), make_trainer(tmp_path, Conv1dFilterMonitor(plots=PLOTS), max_epochs=1)
    for snapshots in ([], [0, 4]):
        if snapshots:
            trainer.fit(model, loader(), loader())
        trainer.validate(model, loader(), verbose=False)
        trainer.test(model, loader(), verbose=False)
        trainer.predict(model, loader())
        check(tmp_path, snapshots)


@pytest.mark.filterwarnings("ignore:The `pickle|Failed to compute")
def test_a_search_for_a_learning_rate_is_no_fit_to_log(tmp_path: Path) -> None:
    weights, model = Weights(), SmallNet()
    initial = model.conv1.weight.detach().numpy().copy()
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=PLOTS), weights, default_root_dir=tmp_path, max_epochs=2)
    Tuner(trainer).lr_find(model, loader(), num_training=6)
    check(tmp_path, [])
    trainer.fit(model, loader())
    logged = check(tmp_path, [0, 4, 8])
    np.testing.assert_array_equal(weights.at[0], initial)
    assert dict(logged.scalars["filters/conv1/rotation"])[8] == pytest.approx(
        rotation(weights.final, initial), rel=1e-4
    )
