"""The workloads that fsci is held to: operands, the peers' calls, and which ratio must be reached.

Each makes its contenders lazily: ``workload.make()`` gives calls by name, fsci's first. The targets
stand in ``budgets.toml``, beside the percentiles that are tracked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg

import fsci
from fsci.selector import random_matrices

__all__ = ["WORKLOADS", "Workload", "budgets", "workload"]

Calls = dict[str, Callable[[], Any]]


@dataclass(frozen=True, slots=True)
class Workload:
    """A named measurement: calls by contender; `dear` ones are left out of quick passes of the asv suites."""

    name: str
    make: Callable[[], Calls]
    dear: bool = False


def _rng() -> np.random.Generator:
    return np.random.default_rng(20)


def _solve_calls(a: Any, b: Any, numpy_too: bool = True) -> Calls:
    calls: Calls = {"fsci": lambda: fsci.linalg.solve(a, b), "scipy": lambda: scipy.linalg.solve(a, b)}
    if numpy_too:
        calls["numpy"] = lambda: np.linalg.solve(a, b)
    return calls


def _general(n: int, order: str = "C") -> Calls:
    rng = _rng()
    a = np.array(rng.standard_normal((n, n)), order=order)
    return _solve_calls(a, rng.standard_normal(n))


def _certified(n: int) -> Calls:
    rng = _rng()
    a, b = rng.standard_normal((n, n)), rng.standard_normal(n)
    certified = fsci.certify(fsci.linalg.solve)
    return {"fsci": lambda: certified(a, b), "plain": lambda: fsci.linalg.solve(a, b)}


def _ill_conditioned(n: int) -> Calls:
    rng = _rng()
    # Householder reflections instead of Haar factors: the same singular values, made in a moment.
    u, v = rng.standard_normal((2, n))
    a = np.diag(np.logspace(0, -12, n))
    a -= np.outer(u, 2 / (u @ u) * (u @ a))
    a -= np.outer(a @ v, 2 / (v @ v) * v)
    return _solve_calls(a, rng.standard_normal(n))


def _spd(n: int) -> Calls:
    rng = _rng()
    g = rng.standard_normal((n, n))
    a = (g + g.T) / 2 + 3 * np.sqrt(n) * np.eye(n)
    return _solve_calls(a, rng.standard_normal(n))


def _banded(n: int) -> Calls:
    rng = _rng()
    return _solve_calls(random_matrices.banded(n, rng, 1, 2), rng.standard_normal(n))


def _batch(count: int, n: int) -> Calls:
    rng = _rng()
    a, b = rng.standard_normal((count, n, n)) + 3 * np.eye(n), rng.standard_normal((count, n, 1))
    return _solve_calls(a, b)


def _lstsq(m: int, n: int) -> Calls:
    rng = _rng()
    a, b = rng.standard_normal((m, n)), rng.standard_normal(m)
    return {
        "fsci": lambda: fsci.linalg.lstsq(a, b),
        "scipy": lambda: scipy.linalg.lstsq(a, b),
        "numpy": lambda: np.linalg.lstsq(a, b, rcond=None),
    }


def _unary(name: str, n: int) -> Calls:
    rng = _rng()
    a = rng.standard_normal((n, n))
    if name == "eigh":
        a = (a + a.T) / 2
    elif name == "expm":
        a /= np.sqrt(n)
    ours, theirs = getattr(fsci.linalg, name), getattr(scipy.linalg, name)
    calls: Calls = {"fsci": lambda: ours(a), "scipy": lambda: theirs(a)}
    numpys = getattr(np.linalg, name, None)
    if numpys is not None and name != "qr":
        calls["numpy"] = lambda: numpys(a)
    return calls


def _listed() -> list[Workload]:
    found = [Workload(f"solve n={n}", lambda n=n: _general(n)) for n in (3, 10, 64, 128, 256, 512)]
    for n in (2048, 4096):
        found += [
            Workload(f"solve n={n} {order}", lambda n=n, order=order: _general(n, order), dear=True) for order in "CF"
        ]
    found += [
        Workload("solve n=2048 with certificate", lambda: _certified(2048), dear=True),
        Workload("solve n=2048 condition 1e12", lambda: _ill_conditioned(2048), dear=True),
        Workload("solve n=4096 condition 1e12", lambda: _ill_conditioned(4096), dear=True),
        Workload("solve n=4096 undeclared SPD", lambda: _spd(4096), dear=True),
        Workload("solve n=4096 banded (1, 2)", lambda: _banded(4096), dear=True),
        Workload("solve n=100 banded (1, 2)", lambda: _banded(100)),
        Workload("solve 100000 of 4x4", lambda: _batch(100_000, 4)),
        Workload("lstsq 20000x200", lambda: _lstsq(20_000, 200), dear=True),
        Workload("lstsq 500x20", lambda: _lstsq(500, 20)),
    ]
    for name in ("inv", "det", "eigh", "svd", "expm", "qr"):
        found += [
            Workload(f"{name} n={n}", lambda name=name, n=n: _unary(name, n), dear=n >= 1000) for n in (50, 200, 1000)
        ]
    return found


WORKLOADS: tuple[Workload, ...] = tuple(_listed())


def workload(name: str) -> Workload:
    """The workload `name`."""
    return next(w for w in WORKLOADS if w.name == name)


@lru_cache(maxsize=1)
def budgets() -> dict[str, dict[str, Any]]:
    """Targets by workload, from ``budgets.toml``."""
    return tomllib.loads((Path(__file__).parent / "budgets.toml").read_text(encoding="utf-8"))
