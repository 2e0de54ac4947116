"""Small systems without a look beforehand: one compiled call where a symmetric ordering serves, else SuperLU.

It is the plan of `spsolve` for systems whose evidence and ranking would cost more than they save.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.linalg._dsolve import _superlu

from fsci.core.policy import BACKWARD_SLACK
from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.compressed import one_matrix
from fsci.kernels.sparse.direct import ANOTHER_WAY, SOLVED, backward_error, direct

__all__ = ["SMALL"]

# Stored entries up to which evidence and ranking, a tenth of a millisecond, are a tenth of SciPy's own time or more.
SMALL = 10_000
_UNIT = {"f": 2.0**-24, "F": 2.0**-24, "d": 2.0**-53, "D": 2.0**-53}
_OPTIONS = {"ColPerm": "COLAMD"}


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.operands[1].ndim != 1:
        return Refusal("several right-hand sides")
    if problem.operands[0].nnz > SMALL:
        return Refusal("large enough for evidence to pay")
    return Refusal("there is evidence to choose by") if "structure" in evidence else None


def work(problem: Problem, evidence: Evidence) -> float:
    return 400.0 * problem.operands[0].nnz


def fast(A: Any, b: Any) -> Any:
    """The answer if its backward error is that of a stable method, else None."""
    a = one_matrix(A)
    sides = np.ascontiguousarray(b, a.data.dtype)
    x = np.empty(a.n, a.data.dtype)
    with np.errstate(all="ignore"):
        status = direct(a.n, a.indptr, a.indices, a.data, sides, x, int(a.by_rows))
        tolerance = BACKWARD_SLACK * _UNIT[A.dtype.char] * a.n**0.5
        if status == ANOTHER_WAY:
            indices, indptr = a.indices.astype(np.intc, copy=False), a.indptr.astype(np.intc, copy=False)
            x, info = _superlu.gssv(a.n, A.nnz, a.data, indices, indptr, sides, int(not a.by_rows), options=_OPTIONS)
            if info != 0:
                return None
        elif status != SOLVED:
            return None
        x = x.astype(A.dtype, copy=False)
        given = x.astype(a.data.dtype, copy=False)
        good = backward_error(a.indptr, a.indices, a.data, given, sides, float(a.by_rows)) <= tolerance
    return x if good else None


def run(problem: Problem, evidence: Evidence) -> Attempt:
    x = fast(*problem.operands)
    return Attempt(None, status="declined") if x is None else Attempt(x)


register(
    Kernel(
        name="small_direct",
        kind="sparse_linear_system",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        source="Amestoy, Davis and Duff (1996); Duff and Reid (1984); SuperLU",
    )
)
