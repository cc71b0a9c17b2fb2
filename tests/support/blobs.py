"""Banks to encode, and their byte form made and read by hand."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from filterscope import FilterBank
from filterscope.events.blob import encode

FIELDS = (
    "layer",
    "total_filters",
    "epoch",
    "step",
    "stride",
    "dilation",
    "groups",
    "transposed",
    "sample_rate",
    "within_epoch",
    "channel_names",
)

#: A value of each that is not its default.
FULL: dict[str, Any] = {
    "epoch": 17,
    "step": 2**40,
    "within_epoch": True,
    "stride": 2,
    "dilation": 3,
    "groups": 4,
    "transposed": True,
    "sample_rate": 16000.5,
    "total_filters": 512,
}


def bank(shape: tuple[int, int, int] = (4, 2, 5), *, layer: str = "conv1", seed: int = 0, **known: Any) -> FilterBank:
    """Normal weights; complex with ``dtype=complex``."""
    generator = np.random.default_rng(seed)
    weights = generator.standard_normal(shape)
    if known.pop("dtype", float) is complex:
        weights = weights + 1j * generator.standard_normal(shape)
    return FilterBank(layer, weights, **known)


def by_hand(blob: bytes) -> tuple[bytes, int, int, dict[str, Any], bytes]:
    """Magic, version, reserved, header and weights, read with nothing but ``struct`` and ``json``."""
    magic, version, reserved, length = struct.unpack("<8sHHI", blob[:16])
    return magic, version, reserved, json.loads(blob[16 : 16 + length].decode("utf-8")), blob[16 + length :]


def made(header: dict[str, Any] | bytes, weights: bytes = b"", *, version: int = 1, length: int | None = None) -> bytes:
    """A blob with any header, and the length that belongs to it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<8sHHI", b"FILTERS\n", version, 0, len(text) if length is None else length) + text + weights


def header_of(a_bank: FilterBank | None = None, **changed: Any) -> dict[str, Any]:
    return by_hand(encode(a_bank or bank()))[3] | changed


def halved(weights: np.ndarray) -> np.ndarray:
    """Float16 rounding by ``struct``, which shares no code with numpy's."""
    if np.iscomplexobj(weights):
        return halved(weights.real) + 1j * halved(weights.imag)
    flat = [float(value) for value in weights.ravel()]
    return np.array(struct.unpack(f"<{len(flat)}e", struct.pack(f"<{len(flat)}e", *flat))).reshape(weights.shape)
