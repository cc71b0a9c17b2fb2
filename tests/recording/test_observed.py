"""What a model convolves with in its forwards is recorded as it is, from one batch that is observed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from filterscope import Conv1dFilterMonitor, FilterHistory, load_history, read_filters
from tests.support.blobs import halved
from tests.support.events import Logged
from tests.support.faults import told_by
from tests.support.nets import loader, make_trainer
from tests.support.zoo import NAMES, Sinc, Standardised, Zoo


class Fit(pl.LightningModule):
    """Trains a body of any kind on ``loader()``; kernels as they are at every epoch's end are kept."""

    def __init__(self, body: nn.Module, scale: float = 1.0) -> None:
        super().__init__()
        self.body, self.scale = body, scale
        self.kept: list[dict[str, np.ndarray]] = []

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).flatten(1).mean(1)

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return (self(batch[0]) * self.scale - batch[1]).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)

    def keep(self) -> None:
        """As another way of reading gives them."""
        banks = read_filters(self, "*", inputs=next(iter(loader(samples=400)))[0])
        self.kept.append({name: bank.weights for name, bank in banks.items()})


class Keep(pl.Callback):
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        pl_module.keep()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        pl_module.keep()


def fit(path: Path, body: nn.Module, max_epochs: int = 2, **options: Any) -> tuple[Fit, list[str]]:
    """The trained model, and what was warned of."""
    model = Fit(body)
    options = {"plots": ()} | options
    trainer = make_trainer(path, Conv1dFilterMonitor(**options), Keep(), max_epochs=max_epochs)
    told = told_by(lambda: trainer.fit(model, loader(samples=400)))
    return model, [words for words in told if "filterscope" in words]


def assert_kept(histories: dict[str, FilterHistory], kept: list[dict[str, np.ndarray]]) -> None:
    """Every snapshot holds the kernels of its moment: the first one whole, later ones in half precision."""
    for name, history in histories.items():
        np.testing.assert_array_equal(history.initial.weights, kept[0][name], err_msg=name)
        assert len(history) == len(kept)
        for bank, known in zip(history, kept, strict=True):
            if bank.epoch:
                np.testing.assert_array_equal(bank.weights, halved(known[name]), err_msg=f"{name}, {bank!r}")


def test_every_convolution_of_a_zoo_is_recorded_as_it_is(tmp_path: Path) -> None:
    torch.manual_seed(0)
    body = Zoo()
    model, told = fit(tmp_path, body, layers="*")
    assert told == []
    histories = load_history(tmp_path)
    named = ["body", *(f"body.{name}" for name in [*NAMES[1:], "pointwise", "idle"])]
    assert list(histories) == named
    idle = histories.pop("body.idle")
    np.testing.assert_array_equal(idle[-1].weights, halved(body.idle.weight.detach().numpy()))
    assert_kept(histories, model.kept)
    still = [name for name in histories if np.array_equal(model.kept[0][name], model.kept[-1][name])]
    assert still == ["body.twice#1"]  # a buffer


def test_by_default_what_does_not_learn_is_listed_and_not_recorded(tmp_path: Path) -> None:
    _, told = fit(tmp_path, Zoo())
    assert told == []
    assert "body.twice#1" not in load_history(tmp_path)
    table = Logged(tmp_path).texts["filters/layers"][0][1]
    assert "| `body.twice#1` | 4 × 8 × 5 | 1 | 1 | 1 | none: it does not learn | unknown |" in table
    assert "What does not learn is recorded if `layers` names it." in table


def test_layers_keep_their_names_and_histories_after_a_resume(tmp_path: Path) -> None:
    body, path = Zoo(), tmp_path / "last.ckpt"

    def run(directory: str, max_epochs: int, **options: Any) -> list[str]:
        monitor = Conv1dFilterMonitor(layers=["*sinc", "*twice#0"], plots=())
        trainer = make_trainer(tmp_path / directory, monitor, max_epochs=max_epochs)
        told = told_by(lambda: trainer.fit(Fit(body), loader(samples=400), **options))
        trainer.save_checkpoint(path)
        return [words for words in told if "filterscope" in words]

    initial = read_filters(Fit(body), "*sinc", inputs=torch.randn(1, 1, 400))["body.sinc"].weights
    assert run("a", 1) == []
    assert torch.load(path, weights_only=False)["callbacks"]
    assert run("b", 3, ckpt_path=path) == []
    (before, after) = (load_history(tmp_path / each) for each in "ab")
    assert list(before) == list(after) == ["body.sinc", "body.twice#0"]
    np.testing.assert_array_equal(after["body.sinc"].reference.weights, initial)
    assert after["body.sinc"].epochs.tolist()[-2:] == [2, 3]


class Hyper(nn.Module):
    """Its kernel depends on what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.make = nn.Linear(1, 3 * 5)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(x, self.make(x.mean((0, 2))).reshape(3, 1, 5))


class Noisy(nn.Module):
    """A kernel with noise in training."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(3, 1, 5))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(x, F.dropout(self.kernel, 0.5, self.training))


class OnlyInTraining(Noisy):
    """Nothing convolves in evaluation mode."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(x, 2 * self.kernel) if self.training else x


class Given(nn.Module):
    """What it convolves with is made by who calls it."""

    def forward(self, x: Tensor, kernel: Tensor) -> Tensor:
        return F.conv1d(x, kernel)


class Gives(Noisy):
    inner: Any

    def __init__(self) -> None:
        super().__init__()
        self.inner = Given()

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x, 2 * self.kernel)


class Sets(Gives):
    """The same by an attribute of the module inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Kept()

    def forward(self, x: Tensor) -> Tensor:
        self.inner.kernel = 2 * self.kernel
        return self.inner(x)


class Kept(nn.Module):
    kernel: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(x, self.kernel)


@pytest.mark.parametrize(
    ("make", "name", "why"),
    [
        (Hyper, "body", "its kernel depends on the input"),
        (OnlyInTraining, "body", "its module cannot be run alone (in evaluation mode it does not convolve)"),
        (Gives, "body.inner", "its kernel depends on the input"),
        (Sets, "body.inner", "its kernel depends on the input"),
    ],
)
def test_what_convolves_and_cannot_be_watched_is_named_with_the_reason(
    tmp_path: Path, make: Any, name: str, why: str
) -> None:
    body = nn.Sequential(make(), nn.Conv1d(3, 2, 3)) if make is not OnlyInTraining else make()
    name = name.replace("body", "body.0") if isinstance(body, nn.Sequential) else name
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), max_epochs=1)
    told = [each for each in told_by(lambda: trainer.fit(Fit(body), loader())) if "filterscope" in each]
    assert told[0].startswith(f"filterscope does not watch all that convolves: {name!r}: {why}")
    if isinstance(body, nn.Sequential):
        assert list(load_history(tmp_path)) == ["body.1"]
        assert len(told) == 1


def test_noise_of_training_is_left_out_of_what_is_shown_and_said(tmp_path: Path) -> None:
    body = Noisy()
    kernel = body.kernel.detach().numpy().copy()
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=()), max_epochs=1)
    told = [each for each in told_by(lambda: trainer.fit(Fit(body), loader())) if "filterscope" in each]
    assert told == ["filterscope shows the kernel of 'body' in evaluation mode: in training it is another one"]
    np.testing.assert_array_equal(load_history(tmp_path)["body"].initial.weights, kernel)


def test_a_known_module_shows_the_kernel_that_it_convolves_with(tmp_path: Path) -> None:
    body = Standardised(1, 4, 9)
    weight = body.weight.detach().clone()
    _, told = fit(tmp_path, body)
    (history,) = load_history(tmp_path).values()
    expected = (weight - weight.mean((1, 2), keepdim=True)).numpy()
    np.testing.assert_array_equal(history.initial.weights, expected)
    assert told == []


def test_the_layers_are_named_once_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        fit(tmp_path, nn.Sequential(Sinc(), nn.Conv1d(8, 2, 5), nn.Conv1d(2, 2, 1)))
    said = [each.getMessage() for each in caplog.records if "filterscope" in each.getMessage()]
    assert said == ["filterscope watches 2 layers: body.0, body.1"]


def test_the_final_weights_of_computed_kernels_are_not_logged_twice(tmp_path: Path) -> None:
    fit(tmp_path, Sinc(), max_epochs=2)
    assert load_history(tmp_path)["body"].steps.tolist() == [0, 4, 8]


def test_forms_of_weight_that_are_known_stay_the_modules_own(tmp_path: Path) -> None:
    body = parametrizations.weight_norm(nn.Conv1d(1, 4, 9))
    model, told = fit(tmp_path, body)
    assert told == []
    assert_kept(dict(load_history(tmp_path)), model.kept)
