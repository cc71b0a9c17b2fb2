"""Fits that are killed with SIGKILL: all that was recorded until a moment before loads, and is what the model had.

``python -m pytest tests/test_killed.py -s`` prints how many snapshots were lost.
"""

from __future__ import annotations

import signal
import struct
import subprocess
import sys
import time
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from tensorboard.compat.proto import event_pb2

from filterscope import Conv1dFilterMonitor, load_history
from filterscope.plots.kinds import NAMES
from tests.support.nets import SmallNet, loader, make_trainer

LONG = 120.0  #: Seconds after which a wait counts as a hang.
RECENT = 2.0  #: Seconds of recording that may be lost.

CHILD = """
import sys, time, zlib
import pytorch_lightning as pl, torch
from filterscope import Conv1dFilterMonitor
from tests.support.nets import SmallNet, loader, make_trainer

class Tell(pl.Callback):
    def tell(self, trainer, model, epoch):
        sums = [zlib.crc32(each.weight.detach().half().numpy().tobytes()) for each in (model.conv1, model.conv2)]
        print(epoch, time.time(), *sums, flush=True)
        time.sleep({pause})

    def on_train_start(self, trainer, pl_module):
        self.tell(trainer, pl_module, 0)

    def on_train_epoch_end(self, trainer, pl_module):
        self.tell(trainer, pl_module, trainer.current_epoch + 1)

torch.set_num_threads(1)
pl.seed_everything(0)
model = SmallNet()
if {large}:
    model.large = torch.nn.Conv1d(64, 64, 251)
monitor = Conv1dFilterMonitor(plots={plots!r})
make_trainer({path!r}, monitor, Tell(), max_epochs=100_000).fit(model, loader())
"""


@dataclass
class Killed:
    """A child that fits until it is killed.

    Attributes:
        told: By epoch, when it had ended, and checksums of the two layers then, in float16.
        at: When the child was killed.
    """

    path: Path
    process: subprocess.Popen[str]
    told: dict[int, tuple[float, list[int]]] = field(default_factory=dict)
    at: float = 0.0

    def listen(self) -> None:
        for line in self.process.stdout or ():
            parts = line.split()
            if len(parts) == 4 and line.endswith("\n") and parts[0].isdigit():
                self.told[int(parts[0])] = float(parts[1]), [int(each) for each in parts[2:]]


#: Epochs at whose end the child is killed, seconds that it rests after each, images, whether a layer has 2 MB.
FITS: dict[str, tuple[int, float, tuple[str, ...], bool]] = {
    "as fast as it can": (60, 0.0, (), False),
    "with rests and images": (6, 0.25, NAMES, False),
    "with 2 MB at a snapshot": (15, 0.0, (), True),
}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Killed]:
    """All fits at once: what takes long is the start of Python."""
    fits = {}
    for name, (_, pause, plots, large) in FITS.items():
        path = tmp_path_factory.mktemp("killed")
        code = CHILD.format(pause=pause, plots=plots, large=large, path=str(path))
        command = [sys.executable, "-W", "ignore", "-c", code]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        fits[name] = Killed(path, process)
    listeners = [Thread(target=fit.listen, daemon=True) for fit in fits.values()]
    try:
        for listener in listeners:
            listener.start()
        alive, end = dict(fits), time.time() + LONG
        while alive and time.time() < end:
            for name, fit in list(alive.items()):
                if FITS[name][0] in fit.told or fit.process.poll() is not None:
                    fit.process.send_signal(signal.SIGKILL)
                    fit.at = time.time()
                    fit.process.wait(LONG)
                    del alive[name]
            time.sleep(0.002)
    finally:
        for fit in fits.values():
            if fit.process.poll() is None:
                fit.process.kill()
            fit.process.wait(LONG)
        for listener in listeners:
            listener.join(LONG)
        for fit in fits.values():
            assert fit.process.stdout is not None
            fit.process.stdout.close()
    return fits


@pytest.mark.parametrize("name", FITS)
def test_all_but_the_last_moment_of_a_killed_fit_loads(killed: dict[str, Killed], name: str) -> None:
    fit = killed[name]
    assert fit.process.returncode == -signal.SIGKILL
    done = max(fit.told)
    assert done >= FITS[name][0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = load_history(fit.path)
    assert list(found) == ["conv1", "conv2", "large"][: 2 + FITS[name][3]]
    ends = []
    for number, history in enumerate(found.values()):
        last = int(history.epochs[-1])
        ends.append(last)
        # One epoch may have been recorded and not been told.
        assert last <= done + 1
        np.testing.assert_array_equal(history.epochs, np.arange(last + 1))
        np.testing.assert_array_equal(history.steps, 4 * np.arange(last + 1))
        for epoch, weights in zip(history.epochs[:done].tolist(), history.weights[:done], strict=True):
            if number < 2:
                assert zlib.crc32(weights.astype("<f2").tobytes()) == fit.told[epoch][1][number], epoch
        assert history.initial.epoch == 0
    last = min(ends)
    lost = max(done - last, 0)
    late = fit.at - fit.told[last + 1][0] if lost else 0.0
    print(f"\nkilled {name}: {done} epochs told, {lost} lost, the first of them {late * 1e3:.0f} ms before the end")
    assert late < RECENT
    # One in the hands of the recorder, the queue's four, one that waited for a place in it.
    assert lost <= 6
    if name == "with rests and images":
        assert lost <= 2


def records(data: bytes) -> list[tuple[int, int]]:
    """Beginning and end of every record of an event file."""
    found, start = [], 0
    while start < len(data):
        (size,) = struct.unpack_from("<Q", data, start)
        found.append((start, start + 12 + size + 4))
        start = found[-1][1]
    assert start == len(data)
    return found


def bank_of(data: bytes) -> tuple[int, str] | None:
    """Step and tag of the raw filters that a record holds."""
    event = event_pb2.Event.FromString(data[12:-4])
    for value in event.summary.value:
        if value.tag.endswith("/bank"):
            return event.step, value.tag
    return None


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The event file of a short fit."""
    path = tmp_path_factory.mktemp("whole")
    make_trainer(path, Conv1dFilterMonitor(plots=()), max_epochs=2).fit(SmallNet(), loader())
    (file,) = path.rglob("events.out.tfevents.*")
    return file.read_bytes()


def test_a_last_record_that_breaks_off_at_any_byte_costs_itself_alone(tmp_path: Path, whole: bytes) -> None:
    banks = [(start, end) for start, end in records(whole) if bank_of(whole[start:end])]
    assert [bank_of(whole[start:end]) for start, end in banks] == [
        (step, f"filters/{layer}/bank") for step in (0, 4, 8) for layer in ("conv1", "conv2")
    ]
    # Without the numbers between, so that this is quick: TensorBoard's checksums are pure Python.
    data = b"".join(whole[start:end] for start, end in banks)
    last = len(data) - (banks[-1][1] - banks[-1][0])
    path = tmp_path / "events.out.tfevents.1.host.1.0"
    path.write_bytes(data)
    complete = load_history(tmp_path)
    assert [history.steps.tolist() for history in complete.values()] == [[0, 4, 8], [0, 4, 8]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for end in range(last, len(data)):
            path.write_bytes(data[:end])
            found = load_history(tmp_path)
            assert list(found) == ["conv1", "conv2"]
            assert [history.steps.tolist() for history in found.values()] == [[0, 4, 8], [0, 4]], end
            for layer, history in found.items():
                kept = complete[layer].weights[: len(history)]
                assert history.weights.tobytes() == kept.tobytes(), end
                assert history.initial.weights.tobytes() == complete[layer].initial.weights.tobytes(), end


def test_a_file_that_breaks_off_anywhere_gives_every_whole_record(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "events.out.tfevents.1.host.1.0"
    spans = records(whole)
    first = next(end for start, end in spans if bank_of(whole[start:end]))
    generator = np.random.default_rng(0)
    for cut in [*(end for _, end in spans[::7]), *generator.integers(0, len(whole), 60).tolist()]:
        path.write_bytes(whole[:cut])
        kept = [bank_of(whole[start:end]) for start, end in spans if end <= cut]
        wanted = [each for each in kept if each is not None]
        if cut < first:
            with pytest.raises(ValueError, match="no filters were recorded"):
                load_history(tmp_path)
            continue
        found = load_history(tmp_path)
        assert {
            (int(step), f"filters/{layer}/bank") for layer, history in found.items() for step in history.steps
        } == set(wanted), cut


@pytest.mark.parametrize("tail", [b"\0", b"\0" * 4096, b"\xff" * 64, b"events.out"], ids=["0", "4096 0", "ff", "text"])
def test_what_a_crash_of_the_machine_may_leave_behind_the_end_is_no_matter(
    tmp_path: Path, whole: bytes, tail: bytes
) -> None:
    (tmp_path / "events.out.tfevents.1.host.1.0").write_bytes(whole + tail)
    found = load_history(tmp_path)
    assert [history.steps.tolist() for history in found.values()] == [[0, 4, 8], [0, 4, 8]]


def test_a_run_that_broke_off_goes_on_in_its_next_file(tmp_path: Path, whole: bytes) -> None:
    spans = records(whole)
    banks = [(start, end) for start, end in spans if bank_of(whole[start:end])]
    broken, middle = whole[: banks[3][0] + 20], banks[2][0]  # epoch 1 of conv2 broke off
    (tmp_path / "events.out.tfevents.1000000001.host.7.0").write_bytes(broken)
    (tmp_path / "events.out.tfevents.1000000002.host.8.0").write_bytes(whole[: spans[0][1]] + whole[middle:])
    found = load_history(tmp_path)
    assert [history.steps.tolist() for history in found.values()] == [[0, 4, 8], [0, 4, 8]]
    assert [history.initial.epoch for history in found.values()] == [0, 0]
