"""Timing: interleaved rounds in one process, after a warm-up; medians and tails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

__all__ = ["Times", "interleaved", "peak_memory", "subprocess_seconds"]

# One sample is repeated calls of at least this long, so that the clock costs nothing.
_SAMPLE_SECONDS = 2e-4


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds a call, one number a round."""

    samples: np.ndarray[Any, Any]

    def percentile(self, q: float) -> float:
        """The q-th percentile in seconds."""
        return float(np.percentile(self.samples, q))

    @property
    def median(self) -> float:
        """The 50th percentile."""
        return self.percentile(50)


def _loops(call: Callable[[], Any]) -> int:
    started = perf_counter()
    call()
    return max(1, int(_SAMPLE_SECONDS / max(perf_counter() - started, 1e-9)))


def interleaved(
    contenders: dict[str, Callable[[], Any]], seconds: float = 1.0, rounds: tuple[int, int] = (3, 300)
) -> dict[str, Times]:
    """Time the contenders in turns, in alternating order, for about `seconds` and within `rounds`."""
    loops = {}
    for name, call in contenders.items():
        call()
        call()
        loops[name] = _loops(call)
    found: dict[str, list[float]] = {name: [] for name in contenders}
    order, started = list(contenders), perf_counter()
    for done in range(rounds[1]):
        if done >= rounds[0] and perf_counter() - started > seconds:
            break
        for name in order if done % 2 else reversed(order):
            call, count = contenders[name], loops[name]
            begin = perf_counter()
            for _ in range(count):
                call()
            found[name].append((perf_counter() - begin) / count)
    return {name: Times(np.array(samples)) for name, samples in found.items()}


_CHILD = """
import sys, time
begin = time.perf_counter()
{code}
sys.stdout.write(repr(time.perf_counter() - begin))
"""


def _child(code: str) -> float:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(result.stdout.split()[-1])


def subprocess_seconds(codes: dict[str, str], rounds: int = 7) -> dict[str, Times]:
    """Seconds of each code in a fresh interpreter, interleaved; the first round warms the disk and is dropped."""
    found: dict[str, list[float]] = {name: [] for name in codes}
    for done in range(rounds + 1):
        for name, code in codes.items():
            seconds = _child(_CHILD.format(code=code))
            if done:
                found[name].append(seconds)
    return {name: Times(np.array(samples)) for name, samples in found.items()}


def peak_memory(codes: dict[str, str], rounds: int = 2) -> dict[str, float]:
    """Peak resident bytes of each code in a fresh interpreter: the least of a few runs."""
    tail = "\nimport resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)"
    return {name: min(_child(code + tail) for _ in range(rounds)) for name, code in codes.items()}
