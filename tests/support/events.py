"""What a run logged, read back with TensorBoard's own reader."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.util import tensor_util


def _age(path: Path) -> tuple[str, list[int]]:
    """Directory, second, process, and number in the process: as numbers, for the tenth comes after the ninth."""
    return str(path.parent), [int(number) for number in re.findall(r"\d+", path.name)]


class Logged:
    """Everything in the event files below a directory, in the order of writing."""

    def __init__(self, log_dir: str | Path) -> None:
        self.scalars: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self.images: dict[str, list[tuple[int, np.ndarray]]] = defaultdict(list)
        self.image_bytes: dict[str, list[int]] = defaultdict(list)
        self.histograms: dict[str, list[tuple[int, np.ndarray]]] = defaultdict(list)
        self.texts: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self.descriptions: dict[str, str] = {}
        for path in sorted(Path(log_dir).rglob("events.out.tfevents.*"), key=_age):
            for event in EventFileLoader(str(path)).Load():
                for value in event.summary.value:
                    self._take(event.step, value)

    def _take(self, step: int, value: Summary.Value) -> None:
        plugin = value.metadata.plugin_data.plugin_name
        if value.metadata.summary_description:
            self.descriptions[value.tag] = value.metadata.summary_description
        array = tensor_util.make_ndarray(value.tensor)
        if plugin == "scalars":
            self.scalars[value.tag].append((step, float(array)))
        elif plugin == "images":
            width, height, png = array[:3]
            decoded = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
            assert decoded.shape[:2] == (int(height), int(width))
            self.images[value.tag].append((step, decoded))
            self.image_bytes[value.tag].append(len(png))
        elif plugin == "histograms":
            self.histograms[value.tag].append((step, array))
        elif plugin == "text":
            self.texts[value.tag].append((step, array.ravel()[0].decode()))

    def steps(self, tag: str) -> list[int]:
        """Steps of a tag, whatever its kind."""
        for kind in (self.scalars, self.images, self.histograms, self.texts):
            if tag in kind:
                return [step for step, _ in kind[tag]]
        return []

    def tags(self, prefix: str = "filters/") -> set[str]:
        """Tags of all kinds below a prefix."""
        kinds = (self.scalars, self.images, self.histograms, self.texts)
        return {tag for kind in kinds for tag in kind if tag.startswith(prefix)}
