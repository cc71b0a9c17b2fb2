"""Averages of weights, by which a fit may end, are a snapshot of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
from pytorch_lightning.callbacks import StochasticWeightAveraging
from torch import Tensor, nn

from filterscope import Conv1dFilterMonitor
from tests.support.averaging import ema
from tests.support.lifecycles import PLOTS, EveryStage, check
from tests.support.nets import SmallNet, loader, make_trainer
from tests.support.weights import Weights, rotation


class Normed(EveryStage):
    """Has batch statistics, for which Lightning's SWA goes through the data once more."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.norm(x))


AVERAGING: dict[str, Callable[[], pl.Callback]] = {
    "ema": lambda: ema(0.9),
    "swa": lambda: StochasticWeightAveraging(swa_lrs=0.05, swa_epoch_start=2),
}


@pytest.mark.parametrize("first", [True, False], ids=["monitor first", "monitor last"])
@pytest.mark.parametrize(("kind", "model"), [("ema", EveryStage), ("swa", SmallNet), ("swa", Normed)])
def test_averages_are_logged_once_after_live_weights(tmp_path: Path, kind: str, model: Any, first: bool) -> None:
    weights, monitor, averaging = Weights(), Conv1dFilterMonitor(plots=PLOTS), AVERAGING[kind]()
    callbacks = [monitor, averaging] if first else [averaging, monitor]
    trainer = make_trainer(tmp_path, weights, *callbacks, max_epochs=12, limit_train_batches=2)
    trainer.fit(model(), loader(), loader() if model is EveryStage else None)
    live = {step: weights.at[step] for step in range(0, 24, 2)}
    logged = check(tmp_path, [*live, 24, 25])
    if model is not Normed:  # after whose additional epoch the weights at step 24 are the averages
        live[24] = weights.at[24]
    assert not np.allclose(weights.final, live[max(live)], atol=1e-5)
    expected = live | {25: weights.final}
    for kind_, wanted in {
        "rotation": {step: rotation(each, weights.at[0]) for step, each in expected.items()},
        "rms": {step: float(np.sqrt((each.astype(np.float64) ** 2).mean())) for step, each in expected.items()},
    }.items():
        got = dict(logged.scalars[f"filters/conv1/{kind_}"])
        assert [got[step] for step in wanted] == pytest.approx(list(wanted.values()), rel=1e-5, abs=2e-7)
    _, rows = logged.histograms["filters/conv1/weights"][-1]
    assert [rows[0, 0], rows[-1, 1]] == pytest.approx([weights.final.min(), weights.final.max()], abs=1e-9)


def test_after_averages_a_second_fit_of_one_batch_per_epoch_shares_no_step(tmp_path: Path) -> None:
    """Averages take the place after the last epoch, which is where the next fit's first epoch would be."""
    weights, monitor = Weights(), Conv1dFilterMonitor(plots=PLOTS)
    averaging = ema(0.9)
    trainer = make_trainer(tmp_path, weights, monitor, averaging, max_epochs=2, limit_train_batches=1)
    model = SmallNet()
    trainer.fit(model, loader())
    first = weights.final
    check(tmp_path, [0, 1, 2, 3])
    trainer.fit_loop.max_epochs = 4
    trainer.fit(model, loader())
    logged = check(tmp_path, [0, 1, 2, 3, 4, 5, 6])
    wanted = {3: first, 4: weights.at[3], 5: weights.at[4], 6: weights.final}  # epochs 3 and 4 one place later
    got = dict(logged.scalars["filters/conv1/rotation"])
    assert [got[step] for step in wanted] == pytest.approx(
        [rotation(each, weights.at[0]) for each in wanted.values()], abs=2e-7
    )
