"""Seven thousand damaged blobs: read, or refused with the errors that are documented. Never a crash.

``python -m pytest tests/events/test_fuzz_blobs.py -s`` prints what came of them.
"""

from __future__ import annotations

import random
from collections import Counter
from functools import partial

import numpy as np

from filterscope import FilterBank
from filterscope.events import blob
from tests.support.event_files import bank
from tests.support.fuzz_watch import Watch
from tests.support.mutations import BYTEWISE, GOOD, STRUCTURAL, mutated, split_ok

pytest_plugins = ["tests.support.fuzz_watch"]

BLOBS, SNAPSHOTS = 6000, 1000


def check_bank(found: FilterBank, header: blob.Header) -> None:
    """What must hold of any bank that was read, however odd its origin."""
    assert found.weights.shape == header.shape
    assert found.weights.dtype == (np.complex64 if header.complex else np.float32)
    assert found.weights.nbytes <= 2 * header.weight_bytes
    assert found.indices.shape == (found.filters,)
    assert (np.diff(found.indices) > 0).all()
    assert 0 <= found.indices[0] <= found.indices[-1] < found.total_filters
    assert min(found.stride, found.dilation, found.groups, header.order + 1) >= 1
    assert found.sample_rate is None or 0 < found.sample_rate < np.inf
    assert type(found.layer) is str
    again = blob.decode(blob.encode(found, header.order, reference=True))
    assert again.weights.tobytes() == found.weights.tobytes()


def test_mutated_blobs_are_read_or_refused(watch: Watch) -> None:
    r, hows = random.Random(1), Counter[str]()
    for number in range(BLOBS):
        data, how = mutated(r.choice(GOOD), r)
        hows[how] += 1
        header = watch((number, how), partial(blob.read_header, data))
        try:
            found = blob.decode(data)
        except blob.BlobError:
            assert header is None, (number, how)  # whoever lists a layer can also load it
            continue
        assert header is not None, (number, how)
        check_bank(found, header)
    assert sum(watch.outcomes.values()) == BLOBS
    assert min(watch.outcomes["read"], watch.outcomes["BlobError"]) > 300
    assert set(hows) == {how.__name__ for how in BYTEWISE + STRUCTURAL}


def test_mutated_snapshots_of_several_blobs_are_read_or_refused(watch: Watch) -> None:
    r, pairs = random.Random(2), [blob.encode_snapshot(bank("d", 0, filters=9), m, 0, True, True) for m in (1, 4, 8)]
    for number in range(SNAPSHOTS):
        blobs = list(r.choice(pairs))
        for _ in range(r.randrange(1, 3)):
            place = r.randrange(len(blobs) + 1)
            act = r.randrange(4)
            if act == 0:
                blobs.insert(place, r.choice(r.choice(pairs)))
            elif act == 1:
                blobs = blobs[place:] + blobs[:place]
            elif blobs:
                place = min(place, len(blobs) - 1)
                blobs[place] = mutated(blobs[place] if split_ok(blobs[place]) else GOOD[0], r)[0]
        found = watch(number, partial(blob.decode_snapshot, blobs))
        if found is not None:
            assert (np.diff(found.indices) > 0).all()
            assert found.weights.shape[0] == found.indices.size == sum(blob.read_header(b).shape[0] for b in blobs)
            assert found.indices[-1] < found.total_filters, number
    assert min(watch.outcomes["read"], watch.outcomes["BlobError"]) > 50
