"""CRC-32C in numpy: TensorBoard's own, byte by byte in Python, takes 100 ms of CPU per megabyte.

A checksum is linear over GF(2): a block's is the xor of what each of its bytes contributes by its place. So every
block of bytes becomes a register of four, by tables; the registers are bytes again, whose blocks become one each, and
so on to the last one. Zeros in front change nothing, which evens out the blocks.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

#: Castagnoli's polynomial, bits reversed (RFC 3720).
_POLYNOMIAL = 0x82F63B78
#: Bytes that become one register.
_BLOCK = 64
#: Blocks that are worked on at a time: what is made for them stays in the processor's cache.
_PART = 512
#: Fewer bytes than this are quicker one by one.
_SHORT = 128


def crc32c(content: bytes) -> int:
    """CRC-32C of bytes, as in RFC 3720."""
    if len(content) < _SHORT:
        return _bytewise(content)
    padding = -len(content) % _BLOCK
    data = np.zeros(padding + len(content), np.uint8)
    data[padding:] = np.frombuffer(content, np.uint8)
    data[padding : padding + 4] ^= 0xFF  # the register's first value
    registers, length = _registers(data, _byte_places()), _BLOCK
    while len(registers) > 1:
        padded = np.concatenate([np.zeros(-len(registers) % (_BLOCK // 4), np.uint32), registers])
        lowest_first = padded.astype("<u4", copy=False).view(np.uint8)
        registers, length = _registers(lowest_first, _register_places(length)), length * _BLOCK // 4
    return int(registers[0]) ^ 0xFFFFFFFF


def masked_crc32c(content: bytes) -> int:
    """The form in which records hold it: rotated, and with a constant added."""
    crc = crc32c(content)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _registers(data: npt.NDArray[np.uint8], places: Words) -> Words:
    """What a register of zero becomes by each block: ``(blocks,)``; ``places`` as from :func:`_byte_places`."""
    blocks, rows = data.reshape(-1, _BLOCK), np.arange(_BLOCK) * 256
    parts = (places.take(blocks[start : start + _PART] + rows) for start in range(0, len(blocks), _PART))
    return np.concatenate([np.bitwise_xor.reduce(part, axis=1) for part in parts])


@cache
def _byte_places() -> Words:
    """What each byte of a block contributes, by its place and its value: ``(_BLOCK, 256)``."""
    places = [_byte_table()]
    for _ in range(_BLOCK - 1):
        places.append(_one_zero(places[-1]))
    return np.array(places[::-1])


@cache
def _register_places(length: int) -> Words:
    """What each byte of a block of registers contributes, each of which stands for so many bytes of content."""
    places = [_by_byte()]
    for _ in range(_BLOCK // 4 - 1):
        places.append(_apply(_moved_by(length), places[-1]))
    return np.concatenate(places[::-1])


@cache
def _moved_by(length: int) -> Words:
    """What a register becomes by a power of two of zeros, by each of its bytes: ``(4, 256)``."""
    if length == 1:
        return _one_zero(_by_byte())
    half = _moved_by(length // 2)
    return _apply(half, half)


def _apply(moved: Words, registers: Words) -> Words:
    low: Words = moved[0][registers & 0xFF] ^ moved[1][(registers >> 8) & 0xFF]
    high: Words = moved[2][(registers >> 16) & 0xFF] ^ moved[3][registers >> 24]
    return low ^ high


def _by_byte() -> Words:
    """Registers with one byte that is not zero: ``(4, 256)``."""
    return np.arange(256, dtype=np.uint32) << (8 * np.arange(4, dtype=np.uint32)[:, None])


def _one_zero(registers: Words) -> Words:
    """What registers become by one byte of zeros."""
    moved: Words = _byte_table()[registers & 0xFF] ^ (registers >> 8)
    return moved


@cache
def _byte_table() -> Words:
    """What registers below 256 become by one byte of zeros: ``(256,)``."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ np.where(table & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    return table


@cache
def _byte_list() -> list[int]:
    return [int(register) for register in _byte_table()]


def _bytewise(content: bytes) -> int:
    table, register = _byte_list(), 0xFFFFFFFF
    for byte in content:
        register = table[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register ^ 0xFFFFFFFF
