"""The problems of ``fsci demo``, each with its true solution.

Most are of integers with an integer solution, so that every entry of the right-hand side and the
truth are exact. Where the matrix is a measured one, the truth comes from refinement in pairs of doubles
(`fsci.selector.truth`), which shares no code with any kernel.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Case", "cases"]

STRICT: Mapping[str, Any] = {}
HARDENED = {"mode": "hardened", "accuracy": "full"}


def _itself(value: Any) -> Any:
    return value


def _first(value: Any) -> Any:
    return value[0]


def _end(value: Any) -> Any:
    return value.y[:, -1]


@dataclass(frozen=True, slots=True)
class Case:
    """One call, its true answer (None where none exists), and the policy for fsci."""

    name: str
    function: str
    arguments: tuple[Any, ...]
    truth: Any
    policy: Mapping[str, Any] = field(default_factory=dict)
    truth_rest: Any = 0.0  # what the truth has beyond double precision
    module: str = "linalg"
    options: Mapping[str, Any] = field(default_factory=dict)
    answer: Callable[[Any], Any] = _itself  # from what the function gives


def _integers(rng: np.random.Generator, *shape: int, largest: int = 50) -> Any:
    return rng.integers(-largest, largest + 1, shape).astype(float)


def _system(name: str, a: Any, rng: np.random.Generator, policy: Mapping[str, Any] = STRICT) -> Case:
    """Of an integer matrix and an integer solution: ``a @ x`` is exact."""
    x = _integers(rng, a.shape[-1])
    return Case(name, "solve", (a, a @ x), x, policy)


def _small(rng: np.random.Generator) -> Iterator[Case]:
    yield _system("general, n = 3", _integers(rng, 3, 3) + 100 * np.eye(3), rng)
    yield _system("general, n = 10", _integers(rng, 10, 10), rng)
    yield _system("general, n = 300", _integers(rng, 300, 300), rng)


def _large(rng: np.random.Generator) -> Iterator[Case]:
    yield _system("general, n = 2000, condition 1e3", _integers(rng, 2000, 2000) + 2000 * np.eye(2000), rng)
    m = _integers(rng, 2000, 2000, largest=3)
    yield _system("positive definite, not declared, n = 2000", m @ m.T + 2000 * np.eye(2000), rng)
    n = 3000
    band = np.diag(4 + np.arange(n) % 7.0) + np.diag(_integers(rng, n - 1, largest=2), 1)
    band += np.diag(_integers(rng, n - 1, largest=2), -1) + np.diag(_integers(rng, n - 2, largest=2), 2)
    yield _system("banded, in a dense array, n = 3000", band, rng)


def _batch(rng: np.random.Generator) -> Iterator[Case]:
    a = _integers(rng, 100_000, 4, 4) + 200 * np.eye(4)
    x = _integers(rng, 100_000, 4, 1)
    yield Case("100,000 systems of 4 x 4", "solve", (a, a @ x), x)


def _least_squares(rng: np.random.Generator) -> Iterator[Case]:
    # Each row stands twice, with residuals r and -r: A^T r = 0 exactly, so x is the exact minimizer.
    half, x = _integers(rng, 10_000, 200), _integers(rng, 200)
    r = _integers(rng, 10_000)
    order = rng.permutation(20_000)
    a = np.concatenate([half, half])[order]
    b = np.concatenate([half @ x + r, half @ x - r])[order]
    yield Case("least squares, 20000 x 200", "lstsq", (a, b), x, answer=_first)


def _sparse(rng: np.random.Generator) -> Iterator[Case]:
    import scipy.sparse as sp

    for name, sides in (("Poisson, 400 x 400 grid, sparse", (400, 400)), ("Poisson, 24 x 24 x 24 grid", (24, 24, 24))):
        n = int(np.prod(sides))
        a = sum(
            sp.kron(
                sp.kron(sp.eye_array(int(np.prod(sides[:k]))), _second_difference(m)),
                sp.eye_array(n // int(np.prod(sides[: k + 1]))),
            )
            for k, m in enumerate(sides)
        ).tocsc()
        x = _integers(rng, n)
        yield Case(name, "spsolve", (a, a @ x), x, module="sparse.linalg")


def _second_difference(m: int) -> Any:
    import scipy.sparse as sp

    return sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(m, m))


def _orbits(rng: np.random.Generator) -> Iterator[Case]:
    """Kepler's problem: after a period everything is where it was."""
    import numba

    @numba.njit
    def kepler(t, y):  # type: ignore[no-untyped-def]
        r3 = (y[0] ** 2 + y[1] ** 2) ** 1.5
        return np.array([y[2], y[3], -y[0] / r3, -y[1] / r3])

    y0 = np.array([0.5, 0.0, 0.0, 3.0**0.5])  # eccentricity 1/2
    for periods, method, form, fun in (
        (10, "RK45", "jitted", kepler),
        (10, "DOP853", "jitted", kepler),
        (100, "DOP853", "plain", kepler.py_func),
    ):
        options = {"method": method, "rtol": 1e-11, "atol": 1e-13}
        name = f"orbit, {periods} periods, {method}, {form} callback"
        span = (0.0, 2.0 * np.pi * periods)
        yield Case(name, "solve_ivp", (fun, span, y0), y0, module="integrate", options=options, answer=_end)


def _refined(name: str, a: Any, policy: Mapping[str, Any]) -> Iterator[Case]:
    """With b = A times ones as rounded, if the truth for that can be known."""
    from fsci.selector import truth

    b = a @ np.ones(len(a))
    pair = truth.solution(a, b)
    if pair is not None:
        yield Case(name, "solve", (a, b), pair[0], policy, pair[1])


def _delicate(rng: np.random.Generator) -> Iterator[Case]:
    i = np.arange(11)
    yield from _refined("Hilbert, n = 11, condition 5e14", 1.0 / (i[:, None] + i + 1), HARDENED)
    # Units as far apart as nanometres and gigapascals; powers of two, so that scaling is exact.
    units = 2.0 ** rng.integers(-60, 61, 200)
    x = _integers(rng, 200)
    m = _integers(rng, 200, 200)
    yield Case("rows in mixed units, n = 200", "solve", (units[:, None] * m, units * (m @ x)), x, HARDENED)
    singular = np.array([[7.0, 3.0, 0.0], [-4.0, -4.0, -9.0], [18.0, 10.0, 9.0]])  # row 3 = 2 row 1 - row 2
    yield Case("singular, n = 3", "solve", (singular, np.array([1.0, 0.0, 0.0])), None, HARDENED)


def _scikit_learn(rng: np.random.Generator) -> Iterator[Case]:
    if find_spec("sklearn") is not None:
        from sklearn.datasets import load_breast_cancer, load_diabetes

        for name, load in (("diabetes", load_diabetes), ("breast cancer", load_breast_cancer)):
            data = load().data
            design = np.column_stack([np.ones(len(data)), data])
            yield from _refined(f"normal equations, {name} data", design.T @ design, HARDENED)


def _pyamg(rng: np.random.Generator) -> Iterator[Case]:
    if find_spec("pyamg") is not None:
        import pyamg.gallery

        yield _system("Poisson 40 x 40 (PyAMG)", pyamg.gallery.poisson((40, 40)).toarray(), rng)
        yield from _refined("elastic bar, n = 600 (PyAMG)", pyamg.gallery.load_example("bar")["A"].toarray(), HARDENED)


def _collection(rng: np.random.Generator) -> Iterator[Case]:
    """Matrices of the SuiteSparse collection, where they are at hand."""
    folder = os.environ.get("FSCI_TEST_DATA")
    for name in ("fs_183_1", "mcca", "west0156") if folder else ():
        path = Path(folder or "") / "matrices" / f"{name}.mtx.gz"
        if path.is_file():
            from fsci.cli.inputs import read_dense

            yield from _refined(f"{name} (SuiteSparse)", read_dense(path), HARDENED)


_SOURCES: tuple[Callable[[np.random.Generator], Iterator[Case]], ...] = (
    _small,
    _large,
    _batch,
    _least_squares,
    _sparse,
    _orbits,
    _delicate,
    _scikit_learn,
    _pyamg,
    _collection,
)


def cases(quick: bool = False) -> Iterator[Case]:
    """All cases that this installation can make; `quick` leaves out the large ones."""
    for source in _SOURCES:
        if not (quick and source in (_large, _batch, _least_squares, _sparse)):
            yield from source(np.random.default_rng(2026))
