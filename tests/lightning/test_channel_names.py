"""Names of channels, from the monitor's argument to the cards, the raw filters and back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from filterscope import Conv1dFilterMonitor, FilterRecorder, load_history
from tests.recording.test_opening import Front
from tests.recording.test_opening import fit as watch
from tests.support.events import Logged
from tests.support.histories import fit
from tests.support.nets import QUIET, SmallNet, loader, make_trainer

DNA = ("A", "C", "G", "T")


def test_names_are_kept_with_the_raw_filters_and_told_by_the_text_card(tmp_path: Path) -> None:
    fit(tmp_path, model=SmallNet(channels=4), data=loader(4), channel_names=["Fz", "Cz", "Pz", "Oz"])
    history = load_history(tmp_path)
    assert [bank.channel_names for bank in history["conv1"]] == [("Fz", "Cz", "Pz", "Oz")] * 4
    assert history["conv1"].initial.channel_names == ("Fz", "Cz", "Pz", "Oz")
    assert history["conv2"][0].channel_names is None
    ((_, table),) = Logged(tmp_path).texts["filters/layers"]
    assert "| unknown | Fz, Cz, Pz, Oz |" in table
    assert "No `response`" not in table


@pytest.mark.pictures
def test_letters_are_drawn_as_logos_and_have_no_response(tmp_path: Path) -> None:
    images = {}
    for names in ("ACGT", "wxyz"):
        monitor = Conv1dFilterMonitor("conv1", plots=("taps", "response", "spectrum"), channel_names=names)
        trainer = make_trainer(tmp_path / names, monitor, max_epochs=1)
        torch.manual_seed(0)
        trainer.fit(SmallNet(channels=4), loader(4))
        logged = Logged(tmp_path / names)
        ((_, table),) = logged.texts["filters/layers"]
        said = "No `response` and no `spectrum` of `conv1`: letters of a sequence are no signal in time." in table
        assert said == (names == "ACGT") == ("filters/conv1/response" not in logged.images)
        assert said == ("filters/conv1/spectrum" not in logged.images)
        images[names] = logged.images["filters/conv1/taps"][-1][1]
    green = (abs(images["ACGT"].astype(int) - [0x0F, 0x8A, 0x43]).max(axis=2) < 12).sum()
    assert green > 200  # of the letter A
    assert (abs(images["wxyz"].astype(int) - [0x0F, 0x8A, 0x43]).max(axis=2) < 12).sum() == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("ACG", "has 3 for the first layer, 'conv1', whose filters read 4 channels"),
        ({"conv*": "ACGT"}, "has 4 for 'conv2', whose filters read 6 channels"),
        ({"stem": "ACGT"}, "no layer matches 'stem'"),
    ],
)
def test_a_wrong_count_is_an_error_at_the_start(tmp_path: Path, given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fit(tmp_path, model=SmallNet(channels=4), data=loader(4), channel_names=given)
    assert not Logged(tmp_path).tags()
    with pytest.raises(ValueError, match=words):
        FilterRecorder(SmallNet(channels=4), tmp_path, channel_names=given)


def test_names_of_what_only_a_forward_tells_of_wait_for_it(tmp_path: Path) -> None:
    assert watch(tmp_path, Front(), channel_names={"sinc": ["air"], "conv1": "ABCDEFGH"}) == []
    histories = load_history(tmp_path)
    assert {bank.channel_names for bank in histories["sinc"]} == {("air",)}
    assert {bank.channel_names for bank in histories["conv1"]} == {tuple("ABCDEFGH")}
    assert histories["conv2"][-1].channel_names is None


def test_names_for_a_module_that_does_not_convolve_are_told_once_and_so_is_a_wrong_count(tmp_path: Path) -> None:
    names = {"head": ("l", "r"), "conv1": tuple("ABCDEFGH")}
    assert watch(tmp_path / "a", Front(), channel_names=names) == [
        f"filterscope: channel_names={names!r}: 'head' is there, a Linear, and was not seen to convolve; "
        "the layers are: conv1, conv2, sinc"
    ]
    assert load_history(tmp_path / "a")["conv1"][-1].channel_names == tuple("ABCDEFGH")
    told = watch(tmp_path / "b", Front(), channel_names={"sinc": ["left", "right"]})
    assert set(told) == {
        "filterscope leaves names of channels out: channel_names has 2 for 'sinc', whose filters read 1 channel; "
        "give 1, or name layers as in {'conv1': 'ACGT'}"
    }
    assert load_history(tmp_path / "b")["sinc"][-1].channel_names is None


def test_a_lazy_layer_gets_its_names_with_its_weights(tmp_path: Path) -> None:
    net = SmallNet(channels=4)
    net.conv1 = nn.LazyConv1d(6, 9, padding=4)
    with FilterRecorder(net, tmp_path, plots=(), channel_names="ACGT") as recorder:
        recorder.snapshot(0)
        net(torch.randn(2, 4, 32))
        recorder.snapshot(1)
    assert load_history(tmp_path)["conv1"][-1].channel_names == DNA


def test_a_lazy_layer_of_another_number_of_channels_goes_without_and_says_so(tmp_path: Path) -> None:
    net = SmallNet(channels=4)
    net.conv1 = nn.LazyConv1d(6, 9, padding=4)
    with FilterRecorder(net, tmp_path, plots=(), channel_names="ACG") as recorder:
        recorder.snapshot(0)
        net(torch.randn(2, 4, 32))
        with pytest.warns(UserWarning, match="leaves names of channels out: .* 3 for the first layer.* 4 channels"):
            recorder.snapshot(1)
    assert load_history(tmp_path)["conv1"][-1].channel_names is None


def test_a_fit_that_goes_on_from_one_without_names_has_them_from_then_on(tmp_path: Path) -> None:
    options: dict[str, Any] = {"model": SmallNet(channels=4), "data": loader(4)}
    fit(tmp_path / "a", **options, options={"enable_checkpointing": True, "max_epochs": 1})
    (checkpoint,) = tmp_path.rglob("*.ckpt")
    kept = fit(tmp_path / "b", **options, ckpt_path=checkpoint, options={"max_epochs": 2}, channel_names="ACGT")
    history = load_history(tmp_path / "b")["conv1"]
    assert history[-1].channel_names == DNA
    assert history.epochs[-1] == max(kept["conv1"].by_epoch)


@pytest.mark.parametrize(
    ("written", "expected"),
    [("ACGT", tuple("ACGT")), ("[Fz, Cz]", ("Fz", "Cz")), ("{conv1: ACGT, conv2: [l, r]}", None)],
)
def test_lightning_cli_takes_a_string_a_list_and_a_mapping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, expected: Any
) -> None:
    from pytorch_lightning.cli import LightningCLI

    config = tmp_path / "config.yaml"
    config.write_text(
        "trainer:\n  accelerator: cpu\n  logger: false\n  callbacks:\n"
        f"    - class_path: filterscope.Conv1dFilterMonitor\n      init_args:\n        channel_names: {written}\n"
    )
    monitor_flags = ["callbacks+=filterscope.Conv1dFilterMonitor", f"callbacks.channel_names={written}"]
    flags = [f"--trainer.{flag}" for flag in ("accelerator=cpu", "logger=false", *monitor_flags)]
    for arguments in (["--config", str(config)], flags):
        monkeypatch.setattr(sys, "argv", ["main.py", *arguments])
        cli = LightningCLI(SmallNet, run=False, save_config_callback=None, trainer_defaults=QUIET)
        (monitor,) = (each for each in vars(cli.trainer)["callbacks"] if isinstance(each, Conv1dFilterMonitor))
        assert monitor.settings.channel_names == (expected or {"conv1": DNA, "conv2": ("l", "r")})
