"""Host threads for kernels that release the GIL: contiguous chunks of a range, one per core.

Not Numba's ``parallel=True``: its default threading layer aborts the process when two
Python threads enter it at once, which a library cannot allow.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import count
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
    """Run ``task(start, stop)`` over the chunks of ``range(count)``, one a thread.

    Parameters
    ----------
    task : callable
        Must release the GIL to gain anything; chunks never overlap.
    count : int
    smallest : int
        No chunk is smaller than this, so that little work stays on one thread.
    """
    parts = max(1, min(thread_count(), count // max(smallest, 1)))
    spread(task, [count * i // parts for i in range(parts + 1)])


def spread(task: Callable[[int, int], T], bounds: Sequence[int]) -> list[T]:
    """Run ``task(bounds[i], bounds[i + 1])`` for every i on the threads; gives what they give, in order.

    Each thread takes the next piece when it is done with one, and the caller's own thread takes them too: where
    the others do not get a core, it does all, and waits for nobody who has not begun.
    """
    pieces = len(bounds) - 1
    if pieces == 1:
        return [task(bounds[0], bounds[1])]
    found: dict[int, T] = {}
    following = count().__next__  # atomic under the GIL

    def work() -> None:
        while (i := following()) < pieces:
            found[i] = task(bounds[i], bounds[i + 1])

    # A forced number of threads (in tests) may be larger than that of the pool: then pieces wait their turn.
    futures = [_executor().submit(work) for _ in range(min(pieces, max(thread_count(), 2)) - 1)]
    try:
        work()
    finally:
        # Nobody may still be writing when an error of a piece leaves this function.
        for future in futures:
            if not future.cancel():
                future.exception()
    for future in futures:
        if not future.cancelled():
            future.result()
    return [found[i] for i in range(pieces)]
