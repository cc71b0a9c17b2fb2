r"""The byte form of a bank, for writer, reader and browser alike.

``b"FILTERS\n"``, version (uint16), two zero bytes, length of the header (uint32), the header (JSON in UTF-8, padded
with spaces to a multiple of 8 bytes), and the weights: float16 or float32, C order; complex numbers as (real,
imaginary) pairs. All little-endian.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np

from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank
from filterscope.filters.words import plural

#: Of what this version writes: 2 where channels have names, which 0.1.0 would lose. It reads both.
VERSION, NAMED_VERSION = 1, 2
#: Name under which TensorBoard keeps these summaries.
PLUGIN = "filterscope"
_MAGIC = b"FILTERS\n"
_PREFIX = struct.Struct("<8sHHI")
#: No header that we write comes near; one that claims more is damaged.
_LONGEST_HEADER = 2**24
_LARGEST = float(np.finfo(np.float16).max)
_SMALLEST = float(np.finfo(np.float16).smallest_normal)


class BlobError(ValueError):
    """Bytes that are no bank, or not one that this version can read."""


@dataclass(frozen=True)
class Header:
    """What a blob says of its weights: fields of :class:`~filterscope.FilterBank`, and some of its own.

    Attributes:
        shape: Filters, channels, taps.
        dtype: ``"float16"`` or ``"float32"``.
        complex: Whether the weights are pairs of real and imaginary parts.
        order: Position of the layer among those monitored, from 0.
        reference: Whether rotation and difference are measured from these weights; such are kept in float32.
        within_epoch: Whether the snapshot was taken by steps, and not at an epoch's end. Written only where it is so.
        in_time: Whether taps are samples in time. Written only where they may not be.
        after: Step that the record went on from with this snapshot, where it did: what it holds of later ones is given
            up. Written only there.
        channel_names: Written only where there are any.
    """

    layer: str
    order: int
    reference: bool
    shape: tuple[int, int, int]
    dtype: str
    complex: bool
    indices: tuple[int, ...] | None
    total_filters: int
    epoch: int | None
    step: int | None
    stride: int
    dilation: int
    groups: int
    transposed: bool
    sample_rate: float | None
    within_epoch: bool = False
    in_time: bool = True
    after: int | None = None
    channel_names: tuple[str, ...] | None = None

    @property
    def weight_bytes(self) -> int:
        """Bytes that the weights take."""
        return math.prod(self.shape) * (2 if self.dtype == "float16" else 4) * (1 + self.complex)

    def to_json(self) -> bytes:
        """JSON in UTF-8."""
        written = {name: value for name, value in vars(self).items() if (name, value) not in _OPTIONAL.items()}
        return json.dumps(written, separators=(",", ":"), allow_nan=False, default=np.generic.item).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Header:
        """Read a header that may be damaged.

        Raises:
            BlobError: Not JSON, or a field is missing or has a value that cannot be.
        """
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BlobError(f"damaged filter bank: its header is not JSON ({error})") from None
        names = [field.name for field in fields(cls)]
        if not isinstance(found, dict) or not set(names) - set(_OPTIONAL) <= set(found):
            raise BlobError(f"damaged filter bank: its header lacks some of {', '.join(names)}")
        found = _OPTIONAL | found
        for name in names:
            if not _CHECKS[name](found[name]):
                raise BlobError(f"damaged filter bank: its header has {name}={str(found[name])[:80]!r}")
        tuples = {name: tuple(found[name]) for name in _TUPLES if found[name] is not None}
        header = cls(**{name: found[name] for name in names} | tuples)
        if header.channel_names is not None and len(header.channel_names) != header.shape[1]:
            words = f"{plural(len(header.channel_names), 'channel')} of {header.shape[1]}"
            raise BlobError(f"damaged filter bank: its header names {words}")
        numbers = range(header.shape[0]) if header.indices is None else header.indices
        if len(numbers) != header.shape[0] or header.total_filters <= numbers[-1]:
            raise BlobError(
                f"damaged filter bank: its header numbers {plural(len(numbers), 'filter')} of {header.shape[0]}"
            )
        return header


#: Fields that are not written where they have these values: 0.1.0 knew none of them.
_OPTIONAL: dict[str, Any] = {each.name: each.default for each in fields(Header) if each.default is not MISSING}
_TUPLES = "shape", "indices", "channel_names"
#: Fields that a header and a bank share as they are.
_SHARED = {each.name for each in fields(Header)} & {each.name for each in fields(FilterBank)} - {"indices"}


def describe(bank: FilterBank, order: int = 0, reference: bool = False, after: int | None = None) -> Header:
    """The header of a bank.

    Args:
        bank: Any bank.
        order: Position of the layer among those monitored, from 0.
        reference: Whether rotation is measured from here: float32. Other weights are kept in float16, unless the
            largest would overflow or lose bits there.
        after: Step that the record went on from, if it did so with this snapshot.
    """
    numbers = tuple(int(number) for number in bank.indices)
    return Header(
        order=order,
        reference=reference,
        shape=(bank.filters, bank.channels, bank.taps),
        dtype="float32" if reference or not _fits_float16(bank.weights) else "float16",
        complex=bool(np.iscomplexobj(bank.weights)),
        indices=None if numbers == tuple(range(bank.filters)) else numbers,
        after=after,
        **{name: getattr(bank, name) for name in _SHARED},
    )


def encode(bank: FilterBank, order: int = 0, reference: bool = False, after: int | None = None) -> bytes:
    """A bank as bytes; arguments as for :func:`describe`.

    Raises:
        BlobError: It has no filters, or numbers them in another than rising order.
    """
    header = describe(bank, order, reference, after)
    text = header.to_json()
    Header.from_json(text)  # nothing is written that could not be read
    text += b" " * (-len(text) % 8)
    weights = np.ascontiguousarray(_real(bank.weights), "<f2" if header.dtype == "float16" else "<f4")
    version = VERSION if header.channel_names is None else NAMED_VERSION
    return b"".join((_PREFIX.pack(_MAGIC, version, 0, len(text)), text, weights.data.cast("B")))


def encode_snapshot(
    bank: FilterBank, max_filters: int | None, order: int, reference: bool, whole: bool, after: int | None = None
) -> list[bytes]:
    """A layer's blobs at one snapshot: the monitored filters, then the others if this is a whole reference.

    Args:
        bank: All filters of the layer.
        max_filters: How many are monitored, from the lowest number; ``None`` for all.
        order: Position of the layer among those monitored, from 0.
        reference: Whether rotation is measured from here.
        whole: Whether a reference holds the filters that are not monitored, too.
        after: Step that the record went on from, if it did so with this snapshot.
    """
    parts = [bank.head(max_filters)]
    if reference and whole and (monitored := parts[0].filters) < bank.filters:
        parts.append(bank.with_fields(weights=bank.weights[monitored:], indices=bank.indices[monitored:]))
    return [encode(part, order, reference, after) for part in parts]


def decode_snapshot(blobs: Sequence[bytes]) -> FilterBank:
    """All filters that a layer's blobs of one snapshot hold.

    Raises:
        BlobError: As for :func:`decode`; or there are none, or they do not belong together.
    """
    if not blobs:
        raise BlobError("damaged filter bank: it has no parts")
    parts = [decode(blob) for blob in blobs]
    if len(parts) == 1:
        return parts[0]
    headers = [read_header(blob) for blob in blobs]
    indices = np.concatenate([part.indices for part in parts])
    shapes = {part.weights.shape[1:] for part in parts}
    common = {replace(header, shape=headers[0].shape, indices=None) for header in headers}
    if len(common) > 1 or len(shapes) > 1 or (np.diff(indices) <= 0).any():
        raise BlobError(f"damaged filter bank: its {len(parts)} parts do not belong together")
    return parts[0].with_fields(weights=np.concatenate([part.weights for part in parts]), indices=indices)


def read_header(blob: bytes) -> Header:
    """What a blob says of itself, after a check that it holds as many bytes as it claims.

    Raises:
        BlobError: Damaged, or written by a newer version.
    """
    return _split(blob)[0]


def header_text(blob: bytes) -> bytes:
    """The header of a blob of ours as it stands there, JSON in UTF-8."""
    return blob[_PREFIX.size : _PREFIX.size + _PREFIX.unpack_from(blob)[3]].rstrip()


def decode(blob: bytes) -> FilterBank:
    """The bank that bytes hold, in float32 or complex64.

    Raises:
        BlobError: Damaged, or written by a newer version. Nothing is allocated for sizes that only a header claims.
    """
    header, start = _split(blob)
    numbers = np.frombuffer(blob, "<f2" if header.dtype == "float16" else "<f4", offset=start)
    weights: Array = numbers.astype(np.float32)
    if header.complex:
        weights = weights.view(np.complex64)
    return FilterBank.owning(header.layer, weights.reshape(header.shape)).with_fields(
        indices=np.arange(header.shape[0]) if header.indices is None else np.array(header.indices),
        **{name: getattr(header, name) for name in _SHARED},
    )


def _split(blob: bytes) -> tuple[Header, int]:
    """Header, and where the weights begin."""
    if len(blob) < _PREFIX.size or not blob.startswith(_MAGIC):
        raise BlobError(f"no filter bank: {plural(len(blob), 'byte')} beginning with {bytes(blob[:8])!r}")
    _, version, _, length = _PREFIX.unpack_from(blob)
    if version not in (VERSION, NAMED_VERSION):
        raise BlobError(
            f"a filter bank of format version {version}; this filterscope reads {NAMED_VERSION}: upgrade it"
        )
    start = _PREFIX.size + length
    if length > _LONGEST_HEADER or start > len(blob):
        raise BlobError(f"damaged filter bank: {plural(len(blob), 'byte')} cannot hold a header of {length}")
    header = Header.from_json(bytes(blob[_PREFIX.size : start]))
    if len(blob) - start != header.weight_bytes:
        shape = " x ".join(map(str, header.shape))
        raise BlobError(
            f"damaged filter bank: {shape} weights in {header.dtype} take {header.weight_bytes} bytes, "
            f"it has {len(blob) - start}"
        )
    return header, start


def _real(weights: Array) -> Array:
    """Complex weights as pairs, others as they are."""
    return np.ascontiguousarray(weights).view(np.float32) if np.iscomplexobj(weights) else weights


def _fits_float16(weights: Array) -> bool:
    real = _real(weights)
    largest = float(np.abs(real).max(initial=0.0))
    if not math.isfinite(largest):
        largest = float(np.max(np.abs(real), initial=0.0, where=np.isfinite(real)))
    return largest == 0 or _SMALLEST <= largest <= _LARGEST


def _is_count(value: object, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**53


def _is_moment(value: object) -> bool:
    return value is None or _is_count(value, -(2**53))


def _is_numbering(value: object) -> bool:
    if not isinstance(value, list):
        return value is None
    return all(_is_count(number, 0) for number in value) and all(one < other for one, other in pairwise(value))


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


_CHECKS: dict[str, Any] = {
    "layer": lambda value: isinstance(value, str),
    "order": lambda value: _is_count(value, 0),
    "shape": lambda value: isinstance(value, list) and len(value) == 3 and all(map(_is_count, value)),
    "dtype": lambda value: value in ("float16", "float32"),
    "indices": _is_numbering,
    "channel_names": lambda value: value is None or (isinstance(value, list) and all(map(_is_name, value))),
    "sample_rate": lambda value: value is None or (_is_real(value) and math.isfinite(value) and value > 0),
    **dict.fromkeys(("total_filters", "stride", "dilation", "groups"), _is_count),
    **dict.fromkeys(("epoch", "step", "after"), _is_moment),
    **dict.fromkeys(("reference", "complex", "transposed", "within_epoch", "in_time"), _is_flag),
}


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_real(value: object) -> bool:
    return isinstance(value, float) or _is_count(value)
