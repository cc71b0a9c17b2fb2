"""Layers that are made before the first batch, by whatever hook, are there to be chosen and recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn

from filterscope import Conv1dFilterMonitor, load_history
from tests.support.lifecycles import EveryStage, Hook
from tests.support.nets import loader, make_trainer
from tests.support.states import is_threadless


class Late(EveryStage):
    """A layer before the others, once somebody has made it; by the model's own hook, if one is named."""

    def __init__(self, hook: str = "") -> None:
        super().__init__()
        if hook:
            setattr(self, hook, self.make)

    def make(self, *_: Any, **__: Any) -> None:
        if not hasattr(self, "late"):
            self.late = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.late(x))


OPTIONS: list[dict[str, Any]] = [{"layers": "late"}, {"sample_rate": {"late": 100.0, "conv1": 50.0}}]


@pytest.mark.parametrize("hook", ["setup", "configure_model", "on_fit_start"])
@pytest.mark.parametrize("options", OPTIONS)
def test_a_layer_made_by_a_hook_of_the_model_is_known_by_its_name(
    tmp_path: Path, hook: str, options: dict[str, Any]
) -> None:
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(plots=(), **options), max_epochs=1)
    trainer.fit(Late(hook), loader())
    assert load_history(tmp_path)["late"].epochs.tolist() == [0, 1]


@pytest.mark.parametrize("hook", ["on_fit_start", "on_train_start"])
def test_a_layer_made_by_a_callback_listed_before_is_too(tmp_path: Path, hook: str) -> None:
    made = Hook(hook, lambda trainer, model: model.make())
    trainer = make_trainer(
        tmp_path, made, Conv1dFilterMonitor(layers="late", plots=()), max_epochs=1, num_sanity_val_steps=0
    )
    trainer.fit(Late(), loader())
    assert load_history(tmp_path)["late"].epochs.tolist() == [0, 1]


def test_a_late_layer_is_no_reason_to_say_that_there_is_none(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    made = Hook("on_train_start", lambda trainer, model: model.make())
    model: Any = Late()
    model.conv1, model.conv2 = nn.Linear(64, 64), nn.Linear(64, 64)
    model.head = nn.Linear(1, 2)
    trainer = make_trainer(tmp_path, made, Conv1dFilterMonitor(plots=()), max_epochs=1)
    trainer.fit(model, loader())
    assert not [each for each in recwarn if "found no 1-D filters" in str(each.message)]
    assert set(load_history(tmp_path)) == {"late"}


def test_a_wrong_name_is_refused_after_the_sanity_check_and_before_the_first_batch(tmp_path: Path) -> None:
    seen: list[str] = []
    hooks = [
        Hook(name, lambda *_, name=name: seen.append(name)) for name in ("on_sanity_check_end", "on_train_batch_start")
    ]
    trainer = make_trainer(tmp_path, Conv1dFilterMonitor(layers="lat"), *hooks)
    with pytest.raises(ValueError, match=r"layers='lat': no layer matches 'lat'; the model has: conv1, conv2, late$"):
        trainer.fit(Late("on_fit_start"), loader(), loader())
    assert seen == ["on_sanity_check_end"]
    assert is_threadless()


def test_a_fit_that_fails_before_its_training_leaves_the_record_of_the_one_before(tmp_path: Path) -> None:
    model: Any = EveryStage()
    monitor = Conv1dFilterMonitor(plots=())
    trainer = make_trainer(tmp_path, monitor, max_epochs=1)
    trainer.fit(model, loader())
    model.validation_step = lambda *_: 1 / 0
    trainer.fit_loop.max_epochs = 2
    with pytest.raises(ZeroDivisionError):
        trainer.fit(model, loader(), loader())
    del model.validation_step
    trainer.fit(model, loader(), loader())
    history = load_history(tmp_path)["conv1"]
    assert (history.epochs.tolist(), history.steps.tolist()) == ([0, 1, 2], [0, 4, 8])
    assert is_threadless()
