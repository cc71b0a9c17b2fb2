"""Matrix products and eigenvalues on the recording thread, by torch: numpy's would start threads that then spin."""

from __future__ import annotations

import threading

import numpy as np
import torch

from filterscope.filters.arrays import Array


def use_one_thread() -> None:
    """Have torch compute on one thread in the calling one: training needs the others, and those that wait spin.

    The setting is a thread's own, but new threads begin with the one made last: they shall have what they had.
    """
    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    restore = threading.Thread(target=torch.set_num_threads, args=(usual,))
    restore.start()
    restore.join()


def gram(rows: Array) -> Array:
    """Inner products of all pairs of rows ``(n, m)``: ``(n, n)``."""
    all_rows = torch.from_numpy(rows)
    return np.asarray((all_rows @ all_rows.mH).numpy())


def eigenvalues(matrix: Array) -> Array:
    """Those of a Hermitian matrix ``(n, n)``, in ascending order: ``(n,)``."""
    return np.asarray(torch.linalg.eigvalsh(torch.from_numpy(matrix)).numpy())
