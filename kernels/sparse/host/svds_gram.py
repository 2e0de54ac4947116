"""The largest singular values by Lanczos on the Gram matrix, without forming it; and by SciPy's own solvers.

Values come from the singular values of ``A V``, not from the roots of those of the Gram matrix, whose
small ones have lost half of their digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import lapack
from scipy.sparse.linalg import ArpackError

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.sparse.host.csc_products import csc_matvec
from fsci.kernels.sparse.host.csr_products import csr_matmat_dense, csr_matvec
from fsci.kernels.sparse.host.eigsh_arpack import CALL
from fsci.kernels.sparse.host.eigsh_lanczos import COMPLEX, SLOWER, basis_size, started
from fsci.kernels.sparse.lanczos import restarted
from fsci.kernels.sparse.lanczos_spaces import InnerSpace, RealSpace, Space, operator_steps
from fsci.kernels.sparse.operator import RowsOperator

__all__: list[str] = []

_GESDD = {"d": lapack.dgesdd, "D": lapack.zgesdd}
_RESTARTS = 300
_PRODUCTS = 4.0  # times the basis: of values that are apart


def _applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    p = problem.parameters
    if p["by_scipy"]:
        return Refusal(p["by_scipy"])
    if p["which"] != "LM":
        return Refusal("the smallest values lie close together in the Gram matrix")
    if basis_size(problem) < p["k"] + 3:
        return Refusal("the basis has no room to restart")
    return None


def _work(problem: Problem, evidence: Evidence) -> float:
    a, size = problem.operands[0], basis_size(problem)
    each = 4.0 * a.nnz + 2.0 * max(a.shape) + 4.0 * problem.size * size
    flops = COMPLEX if a.dtype.kind == "c" else 1.0
    return SLOWER * flops * _PRODUCTS * size * each + _PRODUCTS * size * CALL / 4.0


def _run(problem: Problem, evidence: Evidence) -> Attempt:
    p, a = problem.parameters, problem.operands[0]
    wide = a.astype(np.result_type(a.dtype, np.float64), copy=False)
    rows, columns = wide.shape
    arrays = wide.indptr, wide.indices, wide.data
    operator, tall = RowsOperator(wide), rows >= columns

    def gram(x: Any) -> Any:
        if tall:
            return csc_matvec(columns, rows, *arrays, csr_matvec(rows, columns, *arrays, x))
        return csr_matvec(rows, columns, *arrays, csc_matvec(columns, rows, *arrays, x))

    def hermitian_gram(x: Any, _: Any) -> Any:
        return operator.rmatvec(operator.matvec(x)) if tall else operator.matvec(operator.rmatvec(x))

    n, size = problem.size, basis_size(problem)
    space: Space
    if wide.dtype.kind == "c":
        space = InnerSpace(hermitian_gram, None, n, size, wide.dtype)
    else:
        space = RealSpace(operator_steps(n, gram), n, size)
    tol = max(float(p["tol"]) ** 2, 2.0 * problem.unit_roundoff)
    found = restarted(space, p["k"], "LA", size, _RESTARTS, tol, *started(problem))
    if found.converged < p["k"] or not np.isfinite(found.vectors).all():
        return Attempt(None, status="not_converged")
    q = np.ascontiguousarray(found.vectors)
    image = csr_matmat_dense(rows, columns, *arrays, q) if tall else operator.rmatmat(q)
    left, s, turn, info = _GESDD[wide.dtype.char](image, full_matrices=0)
    if info != 0:
        return Attempt(None, status="not_converged")
    left, s, right = left[:, ::-1], s[::-1], (turn @ q.conj().T)[::-1]
    u, vh = (left, right) if tall else (right.conj().T, left.conj().T)
    real = np.finfo(a.dtype).dtype
    return Attempt((u.astype(a.dtype, copy=False), s.astype(real, copy=False), vh.astype(a.dtype, copy=False)))


def _scipy_applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def _scipy_work(problem: Problem, evidence: Evidence) -> float:
    a, size = problem.operands[0], max(2 * problem.parameters["k"] + 1, 20)
    flops = COMPLEX if a.dtype.kind == "c" else 1.0
    each = SLOWER * flops * (4.0 * a.nnz + 6.0 * problem.size * size) + 2.0 * CALL
    slow = 10.0 if problem.parameters["which"] == "SM" else 1.0
    return slow * 2.0 * _PRODUCTS * size * each


def _scipy_run(problem: Problem, evidence: Evidence) -> Attempt:
    p = problem.parameters
    options = p["options"]
    # Without a source of randomness of the caller's the same call gives the same bits.
    options = {**options, "rng": np.random.default_rng(0) if options["rng"] is None else options["rng"]}
    try:
        found = p["original"](RowsOperator(problem.operands[0]), **options)
    except (ArpackError, np.linalg.LinAlgError) as error:
        return Attempt(None, status="not_converged", byproducts={"error": error}, final=bool(p["by_scipy"]))
    return Attempt(found)


register(
    Kernel(
        name="gram_lanczos",
        kind="sparse_svd",
        shelf="host",
        applies=_applies,
        work=_work,
        run=_run,
        source="Golub and Kahan (1965); Wu and Simon (2000): thick restarts",
    )
)
register(
    Kernel(
        name="scipy",
        kind="sparse_svd",
        shelf="host",
        applies=_scipy_applies,
        work=_scipy_work,
        run=_scipy_run,
        source="SciPy's ARPACK, LOBPCG and PROPACK over fsci's products",
    )
)
