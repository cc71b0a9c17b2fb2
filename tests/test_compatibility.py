"""What 0.1.0 recorded stays readable: event files, checkpoints, saved configurations.

``recorded/v0.1.0`` holds three epochs of ``SmallNet`` as that version wrote them (five filters monitored), the
checkpoint of the second epoch, and the weights at every epoch's end.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl

from filterscope import Conv1dFilterMonitor, load_history
from filterscope.cli import main
from filterscope.plots.kinds import PlotName
from tests.support.events import Logged
from tests.support.histories import halved
from tests.support.nets import QUIET, SmallNet, loader, make_trainer
from tests.support.weights import Weights, rotation

OLD = Path(__file__).parent / "recorded" / "v0.1.0"
WEIGHTS = dict(np.load(OLD / "weights.npz"))


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_a_run_of_0_1_0_loads_as_what_it_was(layer: str) -> None:
    history = load_history(OLD / "run")[layer]
    assert (history.epochs.tolist(), history.steps.tolist()) == ([0, 1, 2, 3], [0, 4, 8, 12])
    np.testing.assert_array_equal(history.initial.weights, WEIGHTS[f"{layer}_0"])
    for epoch in (1, 2, 3):
        np.testing.assert_array_equal(history.bank(epoch).weights, halved(WEIGHTS[f"{layer}_{epoch}"][:5]))
    bank = history[-1]
    assert (bank.total_filters, bank.sample_rate) == {"conv1": (6, 100.0), "conv2": (4, None)}[layer]


def test_the_command_sums_up_a_run_and_a_checkpoint_of_0_1_0(capsys: pytest.CaptureFixture[str]) -> None:
    for path, words in ((OLD / "run", "5 of 6 × 1 × 9"), (OLD / "epoch2.ckpt", "6 × 1 × 9")):
        assert main(["summary", str(path)]) == 0
        assert words in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint")
def test_a_fit_goes_on_from_a_checkpoint_of_0_1_0(tmp_path: Path) -> None:
    shutil.copytree(OLD, tmp_path / "moved")
    probe = Weights("conv1")
    monitor = Conv1dFilterMonitor(max_filters=5, plots=("drift",))
    pl.seed_everything(1)
    make_trainer(tmp_path, monitor, probe, max_epochs=4).fit(
        SmallNet(), loader(), ckpt_path=str(tmp_path / "moved" / "epoch2.ckpt")
    )
    np.testing.assert_array_equal(probe.by_epoch[2], WEIGHTS["conv1_2"])
    logged = Logged(tmp_path / "run")
    # Measured from the initial filters that 0.1.0 recorded, of the whole layer.
    turned = dict(logged.scalars["filters/conv1/rotation"])
    assert turned == pytest.approx(
        {4 * epoch: rotation(probe.by_epoch[epoch], WEIGHTS["conv1_0"]) for epoch in (3, 4)}, rel=1e-5
    )
    np.testing.assert_array_equal(load_history(tmp_path / "run")["conv1"].initial.weights, WEIGHTS["conv1_0"])


def test_a_configuration_saved_with_0_1_0_makes_the_same_monitor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytorch_lightning.cli import LightningCLI

    config = tmp_path / "config.yaml"
    config.write_text(
        """\
seed_everything: true
trainer:
  accelerator: cpu
  logger: false
  callbacks:
  - class_path: filterscope.Conv1dFilterMonitor
    init_args:
      layers: null
      every_n_epochs: 1
      plot_every_n_epochs: null
      plots:
      - taps
      - response
      - evolution
      - drift
      channels: auto
      max_filters: 64
      save_filters: true
      sample_rate: 100.0
      tag: filters
"""
    )
    monkeypatch.setattr(sys, "argv", ["main.py", "--config", str(config)])
    cli = LightningCLI(SmallNet, run=False, save_config_callback=None, trainer_defaults=QUIET)
    (monitor,) = (each for each in vars(cli.trainer)["callbacks"] if isinstance(each, Conv1dFilterMonitor))
    plots: tuple[PlotName, ...] = ("taps", "response", "evolution", "drift")
    assert monitor.settings == Conv1dFilterMonitor(plots=plots, sample_rate=100.0).settings
