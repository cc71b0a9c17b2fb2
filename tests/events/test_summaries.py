"""Summaries in the form TensorBoard expects, and the words on its cards."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_BLOB_SEQUENCE, DATA_CLASS_TENSOR, Summary
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.text import metadata as text_metadata
from tensorboard.util import tensor_util
from torch.utils.tensorboard import SummaryWriter

from filterscope import Conv1dFilterMonitor, FilterBank
from filterscope.events import summaries
from filterscope.plots import kinds, overview
from filterscope.recording import cards
from tests.support.events import Logged
from tests.support.nets import SmallNet, loader, make_trainer

#: Of every card that a fit may log.
MEANINGS = {name: kinds.kind(name).meaning for name in kinds.LAYER_NAMES} | cards.NUMBERS
MEANINGS[kinds.OVERVIEW] = overview.MEANING


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a fit of one epoch."""
    path = tmp_path_factory.mktemp("run")
    make_trainer(path, Conv1dFilterMonitor(), max_epochs=1).fit(SmallNet(), loader())
    return path / "run" / "version_0"


def png(width: int, height: int) -> bytes:
    """A picture whose red is its column and whose green is its row."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(np.stack([columns, rows, 0 * rows], axis=2)).save(stream, "PNG")
    return stream.getvalue()


def logged(tmp_path: Path, *values: Summary.Value) -> Logged:
    """Values written with torch's writer and read with TensorBoard's reader."""
    writer = SummaryWriter(str(tmp_path))
    writer._get_file_writer().add_summary(Summary(value=values), 7)
    writer.close()
    return Logged(tmp_path)


def test_an_image_is_a_v2_summary_of_its_png(tmp_path: Path) -> None:
    value = summaries.image("f/conv/taps", png(30, 20), 30, 20, "Some **words**.")
    plugin = value.metadata.plugin_data
    assert plugin.plugin_name == "images"
    assert value.metadata.data_class == DATA_CLASS_BLOB_SEQUENCE
    assert value.metadata.summary_description == "Some **words**."
    image_metadata.parse_plugin_metadata(plugin.content)
    width, height, encoded = tensor_util.make_ndarray(value.tensor)
    assert (width, height, encoded) == (b"30", b"20", png(30, 20))
    ((step, pixels),) = logged(tmp_path, value).images["f/conv/taps"]
    assert step == 7
    assert pixels.shape == (20, 30, 3)
    assert pixels[4, 9].tolist() == [9, 4, 0]


def test_a_histogram_is_a_table_of_edges_and_counts(tmp_path: Path) -> None:
    edges, counts = np.array([-1.0, 0.5, 2.0]), np.array([3.0, 5.0])
    value = summaries.histogram("f/conv/weights", edges, counts, "Weights.")
    assert value.metadata.plugin_data.plugin_name == "histograms"
    assert value.metadata.data_class == DATA_CLASS_TENSOR
    assert value.metadata.summary_description == "Weights."
    histogram_metadata.parse_plugin_metadata(value.metadata.plugin_data.content)
    table = tensor_util.make_ndarray(value.tensor)
    assert table.dtype == np.float64
    assert table.tolist() == [[-1.0, 0.5, 3.0], [0.5, 2.0, 5.0]]
    ((step, read),) = logged(tmp_path, value).histograms["f/conv/weights"]
    assert step == 7
    assert read.tolist() == table.tolist()


def test_a_histogram_of_float32_and_integers_is_stored_in_double() -> None:
    value = summaries.histogram("t", np.array([0, 1, 2], np.float32), np.array([1, 2**40], np.int64), "")
    assert tensor_util.make_ndarray(value.tensor).tolist() == [[0, 1, 1], [1, 2, 2**40]]


def test_a_text_keeps_every_letter(tmp_path: Path) -> None:
    value = summaries.text("f/layers", "| 6 × 1 × 9 |\n`conv`", "Layers.")
    assert value.metadata.plugin_data.plugin_name == "text"
    assert value.metadata.data_class == DATA_CLASS_TENSOR
    assert value.metadata.summary_description == "Layers."
    text_metadata.parse_plugin_metadata(value.metadata.plugin_data.content)
    assert logged(tmp_path, value).texts["f/layers"] == [(7, "| 6 × 1 × 9 |\n`conv`")]


def test_every_card_has_a_description_of_one_line(run: Path) -> None:
    read = Logged(run)
    tags = set(read.images) | set(read.histograms) | set(read.texts)
    drawn = [name for taps in (9, 3) for name in kinds.LAYER_NAMES if kinds.kind(name).suits(taps, snapshots=2)]
    assert len(tags) == len(drawn) + 1 + 2 + 1  # images, the overview, histograms, the table of layers
    for tag in tags:
        description = read.descriptions[tag]
        assert 20 < len(description) < 160, tag
        assert "\n" not in description, tag
        if tag != "filters/layers":
            assert description == MEANINGS[tag.rsplit("/", 1)[1]]


def test_every_kind_that_is_logged_is_explained(run: Path) -> None:
    read = Logged(run)
    logged_kinds = {tag.rsplit("/", 1)[1] for tag in read.tags()} - {"layers"}
    assert logged_kinds | {"nonfinite"} == set(MEANINGS)
    ((_, table),) = read.texts["filters/layers"]
    for kind in MEANINGS:
        assert f"| {kind} | " in table


def test_the_table_tells_every_fact_of_a_layer() -> None:
    banks = [
        FilterBank("stem.0", np.zeros((128, 1, 31)), stride=4, dilation=2, sample_rate=16000.0),
        FilterBank(
            "decoder", np.zeros((8, 2, 5)), groups=2, transposed=True, sample_rate=0.5, channel_names=("Fz", "C|z")
        ),
    ]
    lines = cards.layer_table(banks, 64, {}).splitlines()
    assert lines[2] == "| `stem.0` | 128 × 1 × 31 | 4 | 2 | 1 | 64 | 16000 Hz | – |"
    assert lines[3] == "| `decoder` (transposed) | 8 × 2 × 5 | 1 | 1 | 2 | 8 | 0.5 Hz | Fz, C&#124;z |"
    assert "| `stem.0` | 128 × 1 × 31 | 4 | 2 | 1 | 128 | 16000 Hz | – |" in cards.layer_table(banks, None, {})


def test_both_tables_have_as_many_cells_in_every_row() -> None:
    first, second = cards.layer_table([FilterBank("c", np.zeros((1, 1, 1)))], None, {"taps": "all"}).split("\n\n")
    for table, bars in ((first, 9), (second, 3)):
        assert {line.count("|") for line in table.splitlines()} == {bars}
        assert set(table.splitlines()[1]) == set("| -")


@pytest.mark.parametrize(
    ("rate", "cells"),
    [
        (None, ("unknown", "unknown")),
        (250.0, ("250 Hz", "250 Hz")),
        ({"*2": 125.0}, ("unknown", "125 Hz")),
        ({"conv1": 16000, "*": 8000}, ("16000 Hz", "8000 Hz")),
    ],
)
def test_one_text_card_tells_the_layers_and_their_sample_rates(
    tmp_path: Path, rate: Any, cells: tuple[str, str]
) -> None:
    monitor = Conv1dFilterMonitor(plots=(), max_filters=5, sample_rate=rate)
    make_trainer(tmp_path, monitor, max_epochs=2).fit(SmallNet(), loader())
    ((step, table),) = Logged(tmp_path).texts["filters/layers"]
    assert step == 0
    assert f"| `conv1` | 6 × 1 × 9 | 1 | 1 | 1 | 5 | {cells[0]} | – |" in table.splitlines()
    assert f"| `conv2` | 4 × 6 × 3 | 1 | 1 | 1 | 4 | {cells[1]} | – |" in table.splitlines()


def test_tensorboards_own_accumulators_load_the_run(run: Path) -> None:
    read = Logged(run)
    raw = event_accumulator.EventAccumulator(str(run))
    plugins = plugin_event_accumulator.EventAccumulator(str(run))
    for reader in (raw, plugins):
        reader.Reload()
    assert set(read.images) | set(read.histograms) | set(read.texts) <= set(raw.Tags()["tensors"])
    # Lightning and torch write v1 scalars, which the second reader turns into tensors of the scalars plugin.
    ours = {tag for tag in read.scalars if tag.startswith("filters/")}
    assert ours <= set(raw.Tags()["scalars"])
    assert ours <= set(plugins.PluginTagToContent("scalars"))
    assert [event.step for event in raw.Scalars("filters/conv1/rms")] == [0, 4]
    assert set(plugins.PluginTagToContent("images")) == set(read.images)
    assert set(plugins.PluginTagToContent("histograms")) == set(read.histograms)
    assert set(plugins.PluginTagToContent("text")) == {"filters/layers"}
    assert [event.step for event in plugins.Tensors("filters/conv1/taps")] == [0, 4]
