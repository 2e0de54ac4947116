"""Diagonal systems: one division an entry, each correctly rounded."""

from __future__ import annotations

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal

__all__: list[str] = []


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None if evidence.get("structure") == "diagonal" else Refusal("not known to be diagonal")


def work(problem: Problem, evidence: Evidence) -> float:
    return float(problem.operands[1].size)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    a, b = problem.operands
    d = a.diagonal()
    if not d.all():
        return Attempt(None, status="singular", facts={"rcond": Fact(0.0)}, final=True)
    with np.errstate(all="ignore"):
        x = b / (d if b.ndim == 1 else d[:, None])
        size = np.abs(d).astype(float)
        # In the problem's own precision, as the warning is worded for it.
        rcond = float(np.divide(1.0, float(size.max()) * float(np.abs(1 / d).max())))
    # A real quotient is correctly rounded; a complex one is off by a few roundings (Higham 2002, lemma 3.5).
    u = problem.unit_roundoff * (1.0 if d.dtype.kind == "f" else 8.0)
    tiny = float(np.finfo(d.dtype).tiny)
    moduli = np.abs(x)
    normal = bool(np.all((moduli >= tiny) | ((moduli == 0) & (b == 0)))) and bool(np.isfinite(moduli).all())
    error = u if normal else np.inf
    certified = {
        "backward_error": error,
        "componentwise": error,
        "forward_error": error,
        "condition": 1.0,
        "rcond": rcond,
        "rigor": "rigorous" if d.dtype.kind == "f" and normal else "estimated",
    }
    return Attempt(x, byproducts={"certified": certified, "rcond": rcond}, facts={"rcond": Fact(rcond)})


register(
    Kernel(
        name="diagonal",
        kind="linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="IEEE 754 division",
        tags=frozenset({"rigorous"}),
    )
)
