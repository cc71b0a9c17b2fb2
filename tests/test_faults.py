"""Faults in mid-fit: training goes on to the last bit, one warning tells what was lost, and all else is logged."""

from __future__ import annotations

import errno
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.tensorboard import FileWriter

from filterscope import Conv1dFilterMonitor, FilterBank, metrics, session
from filterscope.plots.drift import DriftPicture
from filterscope.plots.evolution import EvolutionPicture
from filterscope.plots.response import ResponsePicture
from filterscope.plots.taps import TapsPicture
from tests.events import Logged
from tests.models import SmallNet, loader, make_trainer

#: The event file's own thread dies of a full disk, and says so.
DEAD_THREAD = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
PICTURES = {"taps": TapsPicture, "response": ResponsePicture, "evolution": EvolutionPicture, "drift": DriftPicture}
EPOCHS, STEPS = 3, [0, 4, 8, 12]


@dataclass
class Outcome:
    """What a fit left behind."""

    state: dict[str, Tensor]
    random: Tensor
    told: list[str]
    logged: Logged

    def steps(self, without: dict[str, set[int]] | None = None) -> dict[str, list[int]]:
        """Steps by tag; those of some tags left out."""
        gone = without or {}
        tags = {tag: sorted(set(self.logged.steps(tag)) - gone.get(tag, set())) for tag in self.logged.tags()}
        return {tag: steps for tag, steps in tags.items() if steps}


class At(pl.Callback):
    """Does something once so many epochs are done, before the monitor's turn: damage, or surgery on the model."""

    def __init__(self, epoch: int, act: Callable[[Any, Any], None], hook: str = "on_train_epoch_start") -> None:
        self.epoch, self.act = epoch, act
        setattr(self, hook, self._maybe)

    def _maybe(self, trainer: Any, model: Any, *rest: Any) -> None:
        if trainer.current_epoch == self.epoch:
            self.act(trainer, model)


def fit(log_dir: Path, *callbacks: pl.Callback, make: Callable[[], Any] = SmallNet) -> Outcome:
    """A fit of three epochs, which must come to its end."""
    pl.seed_everything(3)
    model = make()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer = make_trainer(log_dir, *callbacks, max_epochs=EPOCHS)
        trainer.fit(model, loader())
    assert trainer.current_epoch == EPOCHS
    assert all(thread.name != "filterscope" for thread in threading.enumerate())
    told = [str(each.message) for each in caught if issubclass(each.category, RuntimeWarning)]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    return Outcome(state, torch.get_rng_state(), told, Logged(log_dir))


def assert_same_training(one: Outcome, other: Outcome) -> None:
    assert one.state.keys() == other.state.keys()
    for name, value in one.state.items():
        assert torch.equal(value, other.state[name]), name
    assert torch.equal(one.random, other.random)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A fit in which nothing goes wrong; it trains as a fit without the monitor does."""
    outcome = fit(tmp_path_factory.mktemp("healthy"), Conv1dFilterMonitor())
    assert_same_training(outcome, fit(tmp_path_factory.mktemp("plain")))
    assert outcome.told == []
    assert outcome.logged.steps("filters/conv1/taps") == STEPS
    return outcome


def assert_only_lost(outcome: Outcome, healthy: Outcome, lost: dict[str, set[int]]) -> None:
    """Training is the same, and so is what is logged, but for some steps of some tags."""
    assert_same_training(outcome, healthy)
    assert outcome.steps() == healthy.steps(without=lost)
    for tag, images in outcome.logged.images.items():
        sound = dict(healthy.logged.images[tag])
        for step, pixels in images:
            np.testing.assert_array_equal(pixels, sound[step], err_msg=f"{tag} at {step}")
    for tag, values in outcome.logged.scalars.items():
        assert set(values) <= set(healthy.logged.scalars[tag]), tag


def raising(method: Any, error: Exception, when: Callable[..., bool]) -> Any:
    """A method that raises instead of working when a condition on its arguments holds."""

    def faulty(*args: Any, **kwargs: Any) -> Any:
        if when(*args, **kwargs):
            raise error
        return method(*args, **kwargs)

    return faulty


def once(number: int = 1) -> Callable[..., bool]:
    """A condition that holds at one call only, counted from 1."""
    calls: list[None] = []

    def when(*args: Any, **kwargs: Any) -> bool:
        calls.append(None)
        return len(calls) == number

    return when


@pytest.mark.parametrize(("kind", "epoch"), [*((kind, 1) for kind in PICTURES), ("taps", 3)])
def test_a_picture_that_fails_once_is_all_that_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Outcome, kind: str, epoch: int
) -> None:
    def here(picture: Any, bank: FilterBank, *rest: Any) -> bool:
        return bank.layer == "conv1" and bank.epoch == epoch

    update = PICTURES[kind].update  # type: ignore[attr-defined]
    monkeypatch.setattr(PICTURES[kind], "update", raising(update, ValueError("no ink"), here))
    outcome = fit(tmp_path, Conv1dFilterMonitor())
    assert_only_lost(outcome, healthy, {f"filters/conv1/{kind}": {4 * epoch}})
    assert len(outcome.told) == 1
    assert all(word in outcome.told[0] for word in (f"the {kind} image of conv1", "no ink", "training goes on"))


def test_pictures_that_always_fail_are_told_once_a_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Outcome
) -> None:
    for kind in ("taps", "drift"):
        monkeypatch.setattr(PICTURES[kind], "update", raising(None, MemoryError("no ink"), lambda *_: True))
    outcome = fit(tmp_path, Conv1dFilterMonitor())
    lost = {f"filters/{layer}/{kind}": set(STEPS) for layer in ("conv1", "conv2") for kind in ("taps", "drift")}
    assert_only_lost(outcome, healthy, lost)
    assert [[kind in told for kind in ("taps image", "drift image")] for told in outcome.told] == [
        [True, False],
        [False, True],
    ]


@pytest.mark.parametrize(
    ("owner", "name", "number"), [(Image.Image, "save", 1), (FigureCanvasAgg, "draw", 1), (FigureCanvasAgg, "draw", 2)]
)
def test_an_image_that_cannot_be_rendered_or_encoded_is_all_that_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Outcome, owner: Any, name: str, number: int
) -> None:
    monkeypatch.setattr(owner, name, raising(getattr(owner, name), OSError("no canvas"), once(number)))
    outcome = fit(tmp_path, Conv1dFilterMonitor())
    kind = ("taps", "response")[number - 1]
    assert_only_lost(outcome, healthy, {f"filters/conv1/{kind}": {0}})
    assert len(outcome.told) == 1
    assert f"the {kind} image of conv1 (OSError: no canvas)" in outcome.told[0]


LOST_EVENTS = {
    # refused event: what is lost with it, and its name in the warning
    "conv1/weights": (["weights"], "the numbers of conv1"),
    "conv1/rms": (["rms", "dead", "weights"], "the numbers of conv1"),
    "conv1/redundancy": (["redundancy", "effective_rank"], "the matrix measures of conv1"),
    "conv1/evolution": (["evolution"], "the evolution image of conv1"),
}


def refuse(monkeypatch: pytest.MonkeyPatch, tag: str, step: int) -> None:
    def here(writer: Any, summary: Any, global_step: Any = None, walltime: Any = None) -> bool:
        return global_step == step and any(value.tag == tag for value in summary.value)

    monkeypatch.setattr(FileWriter, "add_summary", raising(FileWriter.add_summary, OSError("refused"), here))


@pytest.mark.parametrize("event", LOST_EVENTS)
def test_an_event_that_is_refused_costs_its_item_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Outcome, event: str
) -> None:
    refuse(monkeypatch, f"filters/{event}", 8)
    outcome = fit(tmp_path, Conv1dFilterMonitor())
    kinds, words = LOST_EVENTS[event]
    assert_only_lost(outcome, healthy, {f"filters/conv1/{kind}": {8} for kind in kinds})
    assert len(outcome.told) == 1
    assert words in outcome.told[0]


def test_a_table_that_is_refused_is_tried_again_at_the_next_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "filters/layers", 0)
    outcome = fit(tmp_path, Conv1dFilterMonitor(plots=()))
    assert outcome.logged.steps("filters/layers") == [4]
    assert len(outcome.told) == 1
    assert "the table of layers" in outcome.told[0]


def test_numbers_that_cannot_be_computed_cost_their_layer_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Outcome
) -> None:
    def here(weights: Any, reference: Any) -> bool:
        return weights.shape == (6, 1, 9)

    monkeypatch.setattr(metrics, "rotation", raising(metrics.rotation, ArithmeticError("no sense"), here))
    outcome = fit(tmp_path, Conv1dFilterMonitor(plots=()))
    assert_same_training(outcome, healthy)
    for kind in ("weights", "rotation", "rms"):
        assert outcome.logged.steps(f"filters/conv2/{kind}") == STEPS
    assert outcome.logged.steps("filters/layers") == [0]
    assert len(outcome.told) == 1
    assert all(word in outcome.told[0] for word in ("conv1", "no sense"))


def test_a_writer_that_is_closed_opens_another_file_and_loses_nothing(tmp_path: Path, healthy: Outcome) -> None:
    outcome = fit(tmp_path, At(1, lambda trainer, _: trainer.logger.experiment.close()), Conv1dFilterMonitor())
    assert_only_lost(outcome, healthy, {})
    assert outcome.told == []


class Full:
    """A file on a full disk."""

    def write(self, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None:
        pass

    close = flush


def fill_the_disk(trainer: Any, model: Any) -> None:
    trainer.logger.experiment.file_writer.event_writer._async_writer._writer._writer = Full()


def close_the_file(trainer: Any, model: Any) -> None:
    trainer.logger.experiment.file_writer.event_writer.close()


def tmp_beside(directory: str) -> str:
    return f"{directory}_moved_away"


def remove_the_directory(trainer: Any, model: Any) -> None:
    Path(trainer.logger.log_dir).rename(tmp_beside(trainer.logger.log_dir))  # at once: a thread is writing there


@DEAD_THREAD
@pytest.mark.parametrize("damage", [fill_the_disk, close_the_file, remove_the_directory])
def test_an_event_file_that_breaks_does_not_end_the_fit_and_later_snapshots_are_logged(
    tmp_path: Path, healthy: Outcome, damage: Callable[[Any, Any], None]
) -> None:
    outcome = fit(tmp_path, At(1, damage), Conv1dFilterMonitor(plots=("drift",)))
    assert_same_training(outcome, healthy)
    assert max(outcome.logged.steps("filters/conv2/rms")) == 12
    assert max(outcome.logged.steps("filters/conv2/drift")) == 12
    assert outcome.told
    assert all(words.startswith("filterscope could not log") for words in outcome.told)


class Unreadable(nn.Module):
    """A parametrization that can be evaluated in training, and fails at chosen readings of the monitor."""

    def __init__(self, at: set[int] | None = None) -> None:
        super().__init__()
        self.at, self.readings = at, 0

    def forward(self, weight: Tensor) -> Tensor:
        if self.training:
            return weight
        self.readings += 1
        if self.at is None or self.readings in self.at:
            raise ValueError("do not look")
        return weight


def with_parametrization(at: set[int] | None) -> Callable[[], SmallNet]:
    def make() -> SmallNet:
        model = SmallNet()
        parametrize.register_parametrization(model.conv1, "weight", Unreadable(at), unsafe=True)
        return model

    return make


@pytest.mark.parametrize(
    ("at", "steps"),
    [(None, []), ({1}, [4, 8, 12]), ({3}, [0, 4, 12]), ({5}, STEPS)],
    ids=["always", "initial weights", "one epoch", "final weights"],
)
def test_a_layer_that_cannot_be_read_costs_its_snapshot_only(
    tmp_path: Path, healthy: Outcome, at: set[int] | None, steps: list[int]
) -> None:
    outcome = fit(tmp_path / "run", Conv1dFilterMonitor(plots=("taps",)), make=with_parametrization(at))
    assert_same_training(outcome, fit(tmp_path / "plain", make=with_parametrization(at)))
    assert outcome.logged.steps("filters/conv1/rms") == steps
    assert outcome.logged.steps("filters/conv1/taps") == steps
    for kind in ("rms", "weights", "taps"):
        assert outcome.logged.steps(f"filters/conv2/{kind}") == STEPS
    assert len(outcome.told) == 1
    assert all(word in outcome.told[0] for word in ("'conv1'", "do not look"))


@pytest.mark.parametrize(("number", "gone"), [(1, 0), (3, 8), (5, None)], ids=["initial", "one epoch", "final"])
def test_a_reading_that_fails_costs_its_snapshot_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, healthy: Outcome, number: int, gone: int | None
) -> None:
    monkeypatch.setattr(session, "gather", raising(session.gather, RuntimeError("no luck"), once(number)))
    outcome = fit(tmp_path, Conv1dFilterMonitor(plots=("taps", "drift")))
    assert_same_training(outcome, healthy)
    for kind in ("rms", "weights", "taps"):
        assert outcome.logged.steps(f"filters/conv1/{kind}") == [step for step in STEPS if step != gone]
    assert outcome.logged.steps("filters/conv1/drift")[-1] == 12
    assert len(outcome.told) == 1
    assert all(word in outcome.told[0] for word in ("snapshot", "no luck"))


THREADLESS = """
    import sys, threading, warnings
    import torch
    from filterscope import Conv1dFilterMonitor
    from tests.models import SmallNet, loader, make_trainer

    class Thread(threading.Thread):
        def start(self):
            if self.name == "filterscope":
                raise RuntimeError("can't start new thread")
            super().start()

    threading.Thread = Thread
    torch.set_num_threads(1)
    trainer = make_trainer(sys.argv[1], Conv1dFilterMonitor(), max_epochs=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(SmallNet(), loader())
    print("epochs:", trainer.current_epoch)
    print("told:", *[each.message for each in caught if each.category is RuntimeWarning])
"""


def test_a_thread_that_cannot_start_does_not_end_the_fit(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(THREADLESS), str(tmp_path)]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=root)  # a hang is a failure
    assert done.returncode == 0, done.stderr
    assert "epochs: 3\n" in done.stdout
    assert "can't start new thread" in done.stdout.partition("told:")[2]


def replace(name: str, make: Callable[[], nn.Module]) -> Callable[[Any, Any], None]:
    """Surgery: another module in the place of one, trained on."""

    def act(trainer: Any, model: Any) -> None:
        setattr(model, name, make())
        trainer.optimizers = [model.configure_optimizers()]

    return act


SURGERY: dict[str, tuple[Callable[[Any, Any], None], list[int], list[int]]] = {
    # what is done to the model after the first epoch, and then the steps of conv2 and of conv3
    "removed": (
        replace("conv2", lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.Unflatten(1, (4, 2)))),
        [0, 4],
        [],
    ),
    "renamed": (replace("conv2", lambda: nn.Sequential(nn.Conv1d(6, 4, 3, padding=1))), [0, 4], []),
    "added": (replace("conv3", lambda: nn.Conv1d(1, 2, 5)), STEPS, [8, 12]),
    "resized": (replace("conv2", lambda: nn.Conv1d(6, 4, 5, padding=2)), STEPS, []),
}


@pytest.mark.parametrize("name", SURGERY)
def test_layers_that_come_go_or_change_in_mid_fit(tmp_path: Path, name: str) -> None:
    operate, conv2, conv3 = SURGERY[name]
    outcome = fit(tmp_path / "run", At(1, operate), Conv1dFilterMonitor(plots=("taps", "evolution", "drift")))
    assert_same_training(outcome, fit(tmp_path / "plain", At(1, operate)))
    logged = outcome.logged
    assert outcome.told == []
    assert logged.steps("filters/conv1/rms") == logged.steps("filters/conv1/taps") == STEPS
    assert logged.steps("filters/conv2/rms") == logged.steps("filters/conv2/taps") == conv2
    assert logged.steps("filters/conv3/rms") == logged.steps("filters/conv3/taps") == conv3
    assert logged.steps("filters/conv2.0/rms") == ([8, 12] if name == "renamed" else [])
    if name == "resized":  # a new history begins
        rotation = dict(logged.scalars["filters/conv2/rotation"])
        assert rotation[4] > 1e-5
        assert rotation[8] == pytest.approx(0, abs=1e-7)
        assert rotation[12] > 1e-5
        assert logged.steps("filters/conv2/change") == [4, 12]
        assert logged.steps("filters/conv2/drift") == logged.steps("filters/conv2/evolution") == [4, 12]
        assert logged.histograms["filters/conv2/weights"][2][1][:, 2].sum() == 6 * 4 * 5


def test_a_pattern_that_matches_nothing_any_more_ends_nothing(tmp_path: Path) -> None:
    operate = SURGERY["renamed"][0]
    outcome = fit(tmp_path / "run", At(1, operate), Conv1dFilterMonitor(layers="conv2", sample_rate={"conv2": 9.0}))
    assert_same_training(outcome, fit(tmp_path / "plain", At(1, operate)))
    assert outcome.logged.steps("filters/conv2/rms") == outcome.logged.steps("filters/conv2/taps") == [0, 4]
    assert not [tag for tag in outcome.logged.tags() if "conv1" in tag]


def test_warnings_turned_into_errors_end_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, healthy: Outcome
) -> None:
    monkeypatch.setattr(TapsPicture, "update", raising(None, ValueError("no ink"), lambda *_: True))
    monkeypatch.setattr(session, "gather", raising(session.gather, RuntimeError("no luck"), once(3)))
    strict = At(0, lambda *_: warnings.simplefilter("error"))  # as of here Lightning itself warns of nothing
    outcome = fit(tmp_path, strict, Conv1dFilterMonitor())
    assert_same_training(outcome, healthy)
    assert outcome.told == []
    assert outcome.logged.steps("filters/conv1/drift") == [4, 12]
    assert outcome.logged.steps("filters/conv1/taps") == []
    logged = [record.getMessage() for record in caplog.records if record.name == "filterscope"]
    assert len([words for words in logged if "no ink" in words]) == 1
    assert len([words for words in logged if "no luck" in words]) == 1
