"""The problem catalogue: tagged, lazily generated problems in two halves.

A family is a generator with tags that say what a solver faces; an entry is one
problem of it: kind, order, dtype, seed. The calibration half fits the tables, the held-out half
judges them; a family is in one half as a whole (by a hash of its name), so that no
judgement is passed on a sibling of what was fitted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fsci.selector import families

__all__ = ["HALVES", "POSES", "Entry", "Pose", "catalogue", "half_of"]

HALVES = ("calibration", "held_out")

Operands = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One problem of the catalogue; `operands` makes it, anew at each call.

    Attributes
    ----------
    name, family, kind : str
    function : str
        The public function that poses it: ``"linalg.solve"``.
    tags : frozenset of str
        What the solver faces: ``"spd"``, ``"ill_conditioned"``, ``"badly_scaled"``, ...
    shape : tuple of int
        Shape of the first operand.
    dtype : str
    condition : float or None
        2-norm condition number, where the construction fixes it.
    seed : int
    make : callable
        ``make(rng)`` gives the operands.
    """

    name: str
    family: str
    kind: str
    function: str
    tags: frozenset[str]
    shape: tuple[int, ...]
    dtype: str
    condition: float | None
    seed: int
    make: Callable[[np.random.Generator], Operands] = field(repr=False)

    @property
    def half(self) -> str:
        """``"calibration"`` or ``"held_out"``."""
        return half_of(self.family)

    def operands(self) -> Operands:
        """Arguments of the public function."""
        return self.make(np.random.default_rng(self.seed))


def half_of(family: str) -> str:
    """The half that a family belongs to."""
    return HALVES[hashlib.sha256(family.encode()).digest()[0] % 2]


def seed_of(name: str) -> int:
    """Seed of an entry: of its name alone, so that a longer catalogue changes no problem."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")


@dataclass(frozen=True, slots=True)
class Pose:
    """How a kind is posed with a matrix: public function, which families, operands from the matrix."""

    function: str
    suits: Callable[[families.Family], bool]
    operands: Callable[[np.ndarray, np.random.Generator], Operands]
    sizes: tuple[int, ...]
    cost_sizes: tuple[int, ...] = ()


def _with_rhs(a: np.ndarray, rng: np.random.Generator) -> Operands:
    """A random right-hand side, or that of a random solution: both are met in practice."""
    b: np.ndarray[Any, Any] = np.asarray(rng.standard_normal(a.shape[0]))
    if rng.integers(2):
        b = np.asarray(np.real(a @ rng.standard_normal(a.shape[1])))
    return a, b.astype(a.dtype)


def _alone(a: np.ndarray, rng: np.random.Generator) -> Operands:
    return (a,)


def _factored(a: np.ndarray, rng: np.random.Generator) -> Operands:
    from scipy.linalg import lu_factor

    return lu_factor(a), np.asarray(rng.standard_normal(a.shape[0])).astype(a.dtype)


def _batched(a: np.ndarray, rng: np.random.Generator) -> Operands:
    """Scaled copies of one matrix, and a few hundred thousand entries in all."""
    n = a.shape[0]
    stack = a * rng.uniform(0.5, 2.0, (max(100_000 // n**2, 2), 1, 1))
    return np.ascontiguousarray(stack.astype(a.dtype)), rng.standard_normal((len(stack), n, 1)).astype(a.dtype)


def _regular(family: families.Family) -> bool:
    return "tall" not in family.tags and "singular" not in family.tags


def _square(family: families.Family) -> bool:
    return "tall" not in family.tags


def _hermitian(family: families.Family) -> bool:
    return bool(family.tags & {"symmetric", "spd"})


_SIZES = (3, 8, 20, 60, 150, 400)

# What is asked -> how it is posed; named by the kind, where a kind is posed in one way. What
# fsci hands to SciPy is not calibrated.
POSES: dict[str, Pose] = {
    "linear_system": Pose("linalg.solve", _square, _with_rhs, (*_SIZES, 1000), (800, 2000)),
    "least_squares": Pose("linalg.lstsq", lambda f: "singular" not in f.tags, _with_rhs, _SIZES[:-1], (300, 600)),
    "inverse": Pose("linalg.inv", _square, _alone, _SIZES),
    "determinant": Pose("linalg.det", _square, _alone, _SIZES),
    "pseudoinverse": Pose("linalg.pinv", lambda f: True, _alone, (3, 20, 60, 150)),
    "cholesky": Pose("linalg.cholesky", lambda f: "spd" in f.tags, _alone, _SIZES),
    "qr_factorization": Pose("linalg.qr", lambda f: True, _alone, _SIZES),
    "symmetric_eigen": Pose("linalg.eigh", _hermitian, _alone, _SIZES[:-1]),
    "general_eigen": Pose("linalg.eig", _square, _alone, _SIZES[:-1]),
    "svd": Pose("linalg.svd", lambda f: True, _alone, _SIZES[:-1]),
    "singular_values": Pose("linalg.svdvals", lambda f: True, _alone, _SIZES[:-1]),
    "lu_factorization": Pose("linalg.lu_factor", _square, _alone, (8, 60, 400)),
    "factored_system": Pose("linalg.lu_solve", _regular, _factored, (8, 60, 400)),
    "batched_system": Pose("linalg.solve", _regular, _batched, (3, 8, 20, 60, 150)),
    "matrix_exponential": Pose("linalg.expm", lambda f: "badly_scaled" not in f.tags, _alone, _SIZES[:-1]),
}


def _in_dtype(a: np.ndarray, dtype: str, hermitian: bool, rng: np.random.Generator) -> np.ndarray:
    """`a` in another dtype; complex by unitary diagonal scaling, which keeps the singular values."""
    if dtype.startswith("complex"):
        phase = np.exp(2j * np.pi * rng.uniform(size=a.shape[0]))
        a = phase[:, None] * a
        if hermitian:
            a = a * phase.conj()
            a = (a + a.conj().T) / 2
    return np.ascontiguousarray(a.astype(dtype))


def _entry(kind: str, family: families.Family, n: int, dtype: str) -> Entry:
    name = f"{kind}/{family.name}/{n}/{dtype}"
    shape = family.shape(n)

    def make(rng: np.random.Generator) -> Operands:
        a = _in_dtype(family.make(n, rng), dtype, _hermitian(family), rng)
        return POSES[kind].operands(a, rng)

    return Entry(
        name,
        family.family,
        kind,
        POSES[kind].function,
        family.tags,
        shape,
        dtype,
        family.condition,
        seed_of(name),
        make,
    )


def catalogue(
    kinds: Iterable[str] | None = None,
    half: str | None = None,
    tags: Iterable[str] = (),
    dtypes: Iterable[str] = ("float64",),
    sizes: tuple[int, ...] | None = None,
) -> Iterator[Entry]:
    """Entries of these kinds, half, tags (all of them), dtypes and orders."""
    wanted = frozenset(tags)
    for kind in POSES if kinds is None else kinds:
        pose = POSES[kind]
        for family in families.FAMILIES:
            if (half is not None and half_of(family.family) != half) or not wanted <= family.tags:
                continue
            if pose.suits(family):
                for dtype in dtypes:
                    for n in family.sizes(pose.sizes if sizes is None else sizes):
                        yield _entry(kind, family, n, dtype)
