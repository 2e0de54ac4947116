"""LOBPCG (Knyazev, 2001) in SciPy's loop over fsci's products with blocks of vectors, and its certificate."""

from __future__ import annotations

import numpy as np

from fsci.core.policy import Policy
from fsci.core.registry import register, register_check
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.compressed import one_matrix
from fsci.kernels.sparse.counting import counter_for
from fsci.kernels.sparse.host.ritz_certificate import Pairs, certified_pairs, examinable, unexamined
from fsci.kernels.sparse.operator import RowsOperator
from fsci.kernels.sparse.pattern import scan

__all__: list[str] = []


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    a, x = problem.operands
    return 40.0 * x.shape[1] * (2.0 * a.nnz + 20.0 * x.size)


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    a, x = problem.operands
    # SciPy's iteration writes over its block.
    found = problem.parameters["original"](RowsOperator(a), x.copy(), **problem.parameters["options"])
    return Attempt(found, final=not problem.parameters["hardened"])


@register_check("sparse_block_eigen", "host")
def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    p, a = problem.parameters, problem.operands[0]
    if not p["standard"]:
        return unexamined(attempt, "not examined: a generalized or constrained problem")
    wide = a.astype(np.result_type(a.dtype, np.float64), copy=not a.has_canonical_format)
    wide.sum_duplicates()
    m = one_matrix(wide)
    shape = scan(m.n, m.indptr, m.indices, m.data)
    if not (shape.hermitian if a.dtype.kind == "c" else shape.symmetric):
        return unexamined(attempt, "unknown: A is not Hermitian")
    w, v = np.real(attempt.value[0]).astype(float), np.asarray(attempt.value[1])
    if v.dtype.kind != wide.dtype.kind:
        v = v.astype(np.complex128 if a.dtype.kind == "c" else v.dtype)
    said = examinable(wide.data)
    if said or not (np.isfinite(w).all() and np.isfinite(v).all()):
        return unexamined(attempt, said or "not examined: the iteration has broken down")
    pairs = Pairs(wide, w, v, w.size, p["which"])
    return certified_pairs(attempt, policy, problem.unit_roundoff, pairs, lambda: counter_for(wide))


register(
    Kernel(
        name="lobpcg",
        kind="sparse_block_eigen",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        safest=True,
        source="Knyazev (2001), SciPy's loop",
    )
)
