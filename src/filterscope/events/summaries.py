"""Summaries as TensorBoard stores them: images, histograms and text as tensors with metadata and a description."""

from __future__ import annotations

import numpy as np
from tensorboard.compat.proto import summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.text import metadata as text_metadata

from filterscope.events.blob import PLUGIN
from filterscope.filters.arrays import Array


def image(tag: str, png: bytes, width: int, height: int, description: str) -> summary_pb2.Summary.Value:
    """One image, already encoded."""
    metadata = image_metadata.create_summary_metadata("", description, converted_to_tensor=True)
    metadata.data_class = summary_pb2.DATA_CLASS_BLOB_SEQUENCE
    return _value(tag, metadata, _strings([str(width).encode(), str(height).encode(), png]))


def histogram(tag: str, edges: Array, counts: Array, description: str) -> summary_pb2.Summary.Value:
    """A histogram of ``(bins + 1,)`` edges and ``(bins,)`` counts."""
    metadata = histogram_metadata.create_summary_metadata("", description)
    metadata.data_class = summary_pb2.DATA_CLASS_TENSOR
    rows = np.stack([edges[:-1], edges[1:], counts], axis=1).astype("<f8")
    tensor = tensor_pb2.TensorProto(
        dtype=types_pb2.DT_DOUBLE, tensor_shape=_shape(*rows.shape), tensor_content=rows.tobytes()
    )
    return _value(tag, metadata, tensor)


def filters(tag: str, blobs: list[bytes], content: bytes) -> summary_pb2.Summary.Value:
    """The raw filters of one layer, for :func:`filterscope.load_history` and the Filters tab.

    Args:
        tag: Whole tag.
        blobs: As :mod:`filterscope.events.blob` makes them.
        content: The header of the first one, so that a layer can be listed without its weights.
    """
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name=PLUGIN, content=content)
    # Without a data class TensorBoard's fast loader drops what it does not know.
    kind = summary_pb2.DATA_CLASS_BLOB_SEQUENCE
    return _value(tag, summary_pb2.SummaryMetadata(plugin_data=plugin, data_class=kind), _strings(blobs))


def text(tag: str, markdown: str, description: str) -> summary_pb2.Summary.Value:
    """A text card."""
    metadata = text_metadata.create_summary_metadata("", description)
    metadata.data_class = summary_pb2.DATA_CLASS_TENSOR
    return _value(tag, metadata, _strings([markdown.encode()]))


def _strings(values: list[bytes]) -> tensor_pb2.TensorProto:
    return tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_shape=_shape(len(values)), string_val=values)


def _shape(*sizes: int) -> tensor_shape_pb2.TensorShapeProto:
    return tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in sizes])


def _value(
    tag: str, metadata: summary_pb2.SummaryMetadata, tensor: tensor_pb2.TensorProto
) -> summary_pb2.Summary.Value:
    return summary_pb2.Summary.Value(tag=tag, metadata=metadata, tensor=tensor)
