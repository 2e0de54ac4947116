"""Host threads for kernels that release the GIL: contiguous chunks of a range, one per core.

Not Numba's ``parallel=True``: its default threading layer aborts the process when two
Python threads enter it at once, which a library cannot allow.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

__all__ = ["chunked", "spread", "thread_count"]

T = TypeVar("T")


@lru_cache(maxsize=1)
def thread_count() -> int:
    """Threads to use: ``FSCI_THREADS``, else the cores that this process may run on."""
    named = os.environ.get("FSCI_THREADS", "")
    if named.isdigit() and int(named) > 0:
        return int(named)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_pool: tuple[int, ThreadPoolExecutor] | None = None


def _executor() -> ThreadPoolExecutor:
    # A forked child inherits the pool object but none of its threads: key it by process.
    global _pool
    if _pool is None or _pool[0] != os.getpid():
        _pool = os.getpid(), ThreadPoolExecutor(max(thread_count() - 1, 1), thread_name_prefix="fsci")
    return _pool[1]


def chunked(task: Callable[[int, int], None], count: int, smallest: int = 1) -> None:
    """Run ``task(start, stop)`` over the chunks of ``range(count)``.

    Parameters
    ----------
    task : callable
        Must release the GIL to gain anything; chunks never overlap.
    count : int
    smallest : int
        No chunk is smaller than this, so that little work stays on one thread.
    """
    parts = max(1, min(thread_count(), count // max(smallest, 1)))
    if parts == 1:
        task(0, count)
        return
    spread(task, [count * i // parts for i in range(parts + 1)])


def spread(task: Callable[[int, int], T], bounds: Sequence[int]) -> list[T]:
    """Run ``task(bounds[i], bounds[i + 1])``, each on its own thread; gives what they give, in order."""
    if len(bounds) == 2:
        return [task(bounds[0], bounds[1])]
    futures = [_executor().submit(task, start, stop) for start, stop in pairwise(bounds[1:])]
    try:
        first = task(bounds[0], bounds[1])
    finally:
        # Nobody may still be writing when an error of the first part leaves this function.
        rest = [future.result() for future in futures]
    return [first, *rest]
