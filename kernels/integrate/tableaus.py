"""Embedded explicit Runge-Kutta pairs, laid out for the compiled loop: nonzero coefficients only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from fsci.kernels.integrate.pairs import PAIRS

__all__ = ["Tableau", "tableau"]

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Tableau:
    """One pair.

    Attributes
    ----------
    coefficients, sources : (m,) ndarray
        Stage s is taken at ``y + h * sum(coefficients * K[sources])`` over ``starts[s]:starts[s + 1]``; stage `stages`
        is the step itself, those beyond are the extra ones of the dense output.
    nodes : ndarray
        Abscissas of all stages.
    errors : (1 or 2, stages + 1) ndarray
        Weights of the error estimate; two rows are combined as in DOP853.
    dense : ndarray
        Dense output: ``P`` of the polynomial in theta, or ``D`` of DOP853.
    order : int
        Of the error estimator.
    border : float
        Of the region of stability on the negative real axis, as Hairer and Wanner (1996, section IV.2) use it.
    """

    name: str
    coefficients: Array
    sources: Array
    starts: Array
    nodes: Array
    errors: Array
    dense: Array
    stages: int
    order: int
    border: float

    @property
    def table(self) -> tuple[Any, ...]:
        """What the compiled loop takes."""
        return (
            self.coefficients, self.sources, self.starts, self.nodes, self.errors, self.dense, self.border,
        )  # fmt: skip


def _packed(rows: list[Array]) -> tuple[Array, Array, Array]:
    values, sources, starts = [], [], [0]
    for row in rows:
        for r in np.flatnonzero(row):
            values.append(float(row[r]))
            sources.append(int(r))
        starts.append(len(values))
    return np.array(values), np.array(sources, np.int64), np.array(starts, np.int64)


@cache
def tableau(name: str) -> Tableau:
    """The pair `name`, with the coefficients of its class."""
    pair = PAIRS[name]
    method = pair.solver
    stages = method.n_stages
    rows = [method.A[s, :s] for s in range(stages)] + [method.B]
    nodes = [*method.C, 1.0]
    if hasattr(method, "A_EXTRA"):
        rows += list(method.A_EXTRA)
        nodes += list(method.C_EXTRA)
    if name == "DOP853":
        errors, dense = np.stack([method.E5, method.E3]), np.ascontiguousarray(method.D)
    else:
        errors, dense = method.E[None, :].copy(), np.ascontiguousarray(method.P)
    return Tableau(
        name, *_packed(rows), np.array(nodes), errors, dense, stages, method.error_estimator_order, pair.border
    )
