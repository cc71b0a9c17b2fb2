"""What there is to read in the files of a run, of whatever number, age and company."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.compat.proto import event_pb2, summary_pb2

from filterscope import load_history
from tests.support.event_files import EVENTS, events_of, tiny, write
from tests.support.histories import Kept, check, fit, quiet_load

pytest_plugins = ["tests.support.histories"]


def test_without_saved_filters_there_is_nothing_and_the_error_says_so(tmp_path: Path) -> None:
    fit(tmp_path, save_filters=False)
    for each in events_of(tmp_path):
        for value in each.summary.value:
            assert value.metadata.plugin_data.plugin_name != "filterscope"
            assert not value.tag.endswith("/bank")
    for path in (tmp_path, tmp_path / "run" / "version_0"):
        with pytest.raises(ValueError, match=r"no filters were recorded in .*save_filters"):
            load_history(path)


def test_what_is_not_there_is_an_error_that_says_so(recorded_run: tuple[Path, Kept], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no-such' does not exist"):
        load_history(tmp_path / "no-such")
    (file,) = recorded_run[0].rglob("events.out.tfevents.*")
    with pytest.raises(FileNotFoundError, match="is a file; give the directory"):
        load_history(file)
    with pytest.raises(ValueError, match=r"no filters were recorded in .*no event files"):
        load_history(tmp_path)
    (tmp_path / EVENTS).write_bytes(b"")
    with pytest.raises(ValueError, match="no filters were recorded in"):
        load_history(tmp_path)
    (tmp_path / EVENTS).write_bytes(b"no events at all, however long one reads on")
    with pytest.raises(ValueError, match="no filters were recorded in"):
        load_history(tmp_path)


def test_a_run_in_several_files_is_one(recorded_run: tuple[Path, Kept], tmp_path: Path) -> None:
    events = events_of(recorded_run[0])
    for part, begin in enumerate(range(0, len(events), 11)):
        write(tmp_path, events[begin : begin + 11], f"events.out.tfevents.{1_000_000_000 + part}.host.1.0")
    write(tmp_path, [], "events.out.tfevents.999.host.1.0")
    (tmp_path / "hparams.yaml").write_text("a: 1")
    (tmp_path / "checkpoints").mkdir()
    found = quiet_load(tmp_path)
    for layer in ("conv1", "conv2"):
        check(found[layer], recorded_run[1][layer].by_epoch, [0, 1, 2, 3])


def test_other_events_that_name_the_plugin_are_no_matter(tmp_path: Path) -> None:
    text = event_pb2.Event(step=3, summary=summary_pb2.Summary())
    value = text.summary.value.add(tag="filterscope/filterscope/bank", simple_value=1.0)
    value.metadata.plugin_data.plugin_name = "scalars"
    write(tmp_path, [text, *tiny(), text])
    assert quiet_load(tmp_path)["a"].epochs.tolist() == [0, 1, 2]


@pytest.mark.parametrize("odd", ["a directory", "a dangling link"])
def test_what_only_looks_like_an_event_file_is_no_matter(tmp_path: Path, odd: str) -> None:
    write(tmp_path, tiny())
    path = tmp_path / "events.out.tfevents.2000000000.host.1.0"
    if odd == "a directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    assert quiet_load(tmp_path)["a"].epochs.tolist() == [0, 1, 2]


def test_the_newest_file_counts_whatever_the_digits_in_its_name(tmp_path: Path) -> None:
    """TensorBoard's writer numbers the files of a process: 9 is before 10, in the same second."""
    write(tmp_path, tiny(epochs=range(5)), "events.out.tfevents.1700000000.host.99.9")
    again = tiny(epochs=(2, 3))
    for each in again:
        each.wall_time += 1000
    write(tmp_path, again, "events.out.tfevents.1700000000.host.99.10")
    assert quiet_load(tmp_path)["a"].epochs.tolist() == [0, 1, 2, 3]


def test_the_step_is_the_one_that_tensorboard_shows(tmp_path: Path) -> None:
    events = tiny()
    for each in events:
        each.step += 100
    write(tmp_path, events)
    history = quiet_load(tmp_path)["a"]
    assert history.steps.tolist() == [each.step for each in history] == [100, 104, 108]
    assert history.initial.step == 100
