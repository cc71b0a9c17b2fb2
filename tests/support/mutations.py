"""Sound blobs, and all the ways in which tests damage them."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import numpy as np

from filterscope.events import blob
from tests.support.blobs import made
from tests.support.event_files import bank


def flip(data: bytes, r: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(r.choice((1, 1, 1, 2, 4, 16))):
        if changed:
            changed[r.randrange(len(changed))] ^= 1 << r.randrange(8)
    return bytes(changed)


def overwrite(data: bytes, r: random.Random) -> bytes:
    changed, start = bytearray(data), r.randrange(len(data) + 1)
    filler = r.choice((b"\0", b"\xff", b"\x80", b"[", b'"', b"9", b"FILTERS\n", r.randbytes(8)))
    changed[start : start + r.randrange(64)] = filler * r.randrange(1, 9)
    return bytes(changed)


def truncate(data: bytes, r: random.Random) -> bytes:
    return data[: r.randrange(len(data) + 1)]


def drop(data: bytes, r: random.Random) -> bytes:
    start, end = sorted(r.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + data[end:]


def repeat(data: bytes, r: random.Random) -> bytes:
    start, end = sorted(r.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start:end] * r.choice((1, 1, 2, 7)) + data[end:]


def swap(data: bytes, r: random.Random) -> bytes:
    one, two, three = sorted(r.randrange(len(data) + 1) for _ in range(3))
    return data[:one] + data[two:three] + data[one:two] + data[three:]


BYTEWISE = (flip, flip, overwrite, truncate, drop, repeat, swap)
GOOD = [
    blob.encode(bank("a", 1)),
    blob.encode(bank("a", 0), reference=True),
    blob.encode(bank("b", 2, kind=complex), order=1),
    blob.encode(bank("c" * 40, 3, filters=1, taps=40)),
    *blob.encode_snapshot(bank("d", 0, filters=9), 4, 2, True, True),
]
VALUES: list[Any] = [
    *(None, True, False, 0, 1, 2, 3, -1, -(2**31), 2**31, 2**32, 2**53 - 1, 2**53, 2**63, 2**64, 10**30, 10**4000),
    *(0.0, 0.5, -0.5, 1e-300, 1e300, float("nan"), float("inf"), "", "a", "float16", "float32", "O", "\ud800", "\0"),
    *([], [0], [1, 2, 3], [3, 1, 3], [2**20] * 3, [2**31, 2**31, 4], [0, 1, 2], list(range(500)), [[]], {}, {"a": 1}),
    *([-1, -1, 9], [3, 1, -3], [3.0, 1.0, 3.0], [True, True, True], ["3", "1", "3"], "x" * 5000, [None] * 3),
]


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and weights of a blob."""
    (length,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[16 : 16 + length]), data[16 + length :]


def split_ok(data: bytes) -> bool:
    """Whether a blob is whole enough to be split."""
    try:
        split(data)
    except (ValueError, RecursionError, struct.error):
        return False
    return True


def edit_header(data: bytes, r: random.Random) -> bytes:
    """Other values of some fields; the length is right, and often so many weights are there as the header says."""
    header, weights = split(data)
    for _ in range(r.choice((1, 1, 1, 2, 3))):
        header[r.choice(list(header))] = r.choice(VALUES)
    if r.random() < 0.2:
        del header[r.choice(list(header))]
    if r.random() < 0.25:
        weights = (weights * 20)[: r.choice((0, 2, 4, 6, 8, 12, 18, 24, 36, 72, 80, 160))]
    return made(header, weights)


def reshape(data: bytes, r: random.Random) -> bytes:
    """A shape, dtype and numbering that go with the bytes, or nearly so."""
    header, weights = split(data)
    header["dtype"] = r.choice(("float16", "float32"))
    header["complex"] = r.random() < 0.5
    header["shape"] = [r.randrange(1, 5) for _ in range(3)]
    size = int(np.prod(header["shape"])) * (2 if header["dtype"] == "float16" else 4) * (1 + header["complex"])
    header["indices"] = r.choice((None, sorted(r.sample(range(9), header["shape"][0]))))
    header["total_filters"] = r.randrange(1, 12)
    return made(header, (weights * 40)[: size + r.choice((0, 0, 0, 0, -1, 1, 2))])


def edit_header_text(data: bytes, r: random.Random) -> bytes:
    header, weights = split(data)
    return made(r.choice(BYTEWISE)(json.dumps(header).encode(), r), weights)


def nest(data: bytes, r: random.Random) -> bytes:
    header, weights = split(data)
    depth, (left, right) = r.randrange(1, 2000), r.choice(((b"[", b"]"), (b'{"a":', b"1}")))
    text = json.dumps(header | {r.choice(list(header)): "@"}).encode()
    return made(text.replace(b'"@"', left * depth + right * depth), weights)


def edit_prefix(data: bytes, r: random.Random) -> bytes:
    header, weights = split(data)
    length = r.choice((None, 0, 1, 7, 8, 2**16, 2**20, 2**20 + 1, 2**31 - 1, 2**31, 2**32 - 1, r.randrange(2**10)))
    return made(header, weights, version=r.choice((0, 1, 1, 1, 2, 256, 65535)), length=length)


def splice(data: bytes, r: random.Random) -> bytes:
    other = r.choice(GOOD)
    return data[: r.randrange(len(data) + 1)] + other[r.randrange(len(other) + 1) :]


def exchange(data: bytes, r: random.Random) -> bytes:
    """The header of one with the weights of another."""
    return made(split(data)[0], split(r.choice(GOOD))[1])


def noise(data: bytes, r: random.Random) -> bytes:
    return data[: r.choice((0, 8, 10, 16))] + r.randbytes(r.randrange(200))


STRUCTURAL = (edit_header, edit_header, reshape, edit_header_text, nest, edit_prefix, splice, exchange, noise)


def mutated(data: bytes, r: random.Random) -> tuple[bytes, str]:
    """Damaged in one way, and its name."""
    how = r.choice(BYTEWISE + STRUCTURAL + STRUCTURAL)
    return how(data, r), how.__name__
