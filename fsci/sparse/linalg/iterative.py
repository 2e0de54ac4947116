"""Iterative solvers: SciPy's calls, with compiled iterations and, where it is asked for, a chosen preconditioner.

Without a preconditioner the iteration of `cg`, `bicgstab`, `gmres` and `minres` is SciPy's own, step by step, compiled.
With ``M="auto"``, or in hardened mode with no `M`, `cg` chooses one from evidence: none, the diagonal, or
algebraic multigrid. Every other iteration is SciPy's code over fsci's products, and the trace says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from scipy.sparse import issparse
from scipy.sparse import linalg as scipy_linalg

from fsci import selector
from fsci.core.errors import UncertifiedError
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Evidence, Problem
from fsci.sparse.linalg._rows import checked_rows

__all__ = [
    "bicg",
    "bicgstab",
    "cg",
    "cgs",
    "gcrotmk",
    "gmres",
    "lgmres",
    "lsmr",
    "lsqr",
    "minres",
    "qmr",
    "tfqmr",
]

_ORIGINAL = {name: getattr(scipy_linalg, name) for name in __all__}

# As SciPy has it: the dtype of x by those of A and b.
_WORKING = "fdFD"


def _classify(problem: Problem, evidence: Evidence) -> str:
    chosen = "chosen" if problem.parameters["choose"] else "given"
    return f"{problem.parameters['method']} {chosen}"


declare_kind(
    "iterative_solve",
    "sparse",
    _classify,
    "Solve a sparse system by iteration, to a tolerance of the residual",
    certificate_on_request=True,
)


class _Prepared:
    """What an iteration needs, normalized as SciPy's `make_system` does; `problem` is None where SciPy must answer."""

    def __init__(self, method: str, a: Any, b: Any, x0: Any, **parameters: Any) -> None:
        self.problem: Problem | None = None
        self.rows = a = checked_rows(a)
        if a is None or a.shape[0] != a.shape[1] or a.shape[0] == 0:
            return
        n = a.shape[0]
        b = np.asanyarray(b)
        if type(b) is not np.ndarray or b.shape not in ((n,), (n, 1)) or b.dtype.kind not in "biufc":
            return
        b = b if b.dtype.char in _WORKING else b.astype(float)
        dtype = np.promote_types(a.dtype, b.dtype)
        b = np.ascontiguousarray(b.reshape(-1), dtype)
        x = _guess(x0, b)
        if x is None:
            return
        size = float(np.linalg.norm(b))
        atol, rtol = parameters.pop("atol", 0.0), parameters["rtol"]
        if isinstance(atol, str) or atol is None or atol < 0:
            return
        tolerance = max(float(atol), float(rtol) * size)
        self.nothing = size == 0.0
        self.b = b
        maxiter = parameters.pop("maxiter")
        self.problem = Problem(
            "iterative_solve",
            (a if a.dtype == dtype else a.astype(dtype), b),
            {
                "method": method,
                "choose": False,
                "callback": None,
                "atol": tolerance,
                "maxiter": n * parameters.pop("per_row", 10) if maxiter is None else int(maxiter),
                "reduction": min(tolerance / size, 1.0) if 0.0 < size < math.inf else 1.0,
                "x0": x,
                **parameters,
            },
            dtype=dtype,
            size=n,
        )


def _guess(x0: Any, b: Any) -> Any:
    if x0 is None:
        return np.zeros_like(b)
    if isinstance(x0, str):
        return b.copy() if x0 == "Mb" else None
    x0 = np.asarray(x0)
    if x0.shape not in ((b.size,), (b.size, 1)) or not np.can_cast(x0.dtype, b.dtype, "same_kind"):
        return None
    return np.array(x0, b.dtype).reshape(-1)


def _answer(name: str, prepared: _Prepared) -> tuple[Any, int]:
    if prepared.nothing or prepared.problem is None:
        return prepared.b, 0
    attempt = selector.run(prepared.problem, f"sparse.linalg.{name}").attempt
    if attempt is None or attempt.value is None:  # a policy that forces a kernel which cannot serve
        raise UncertifiedError(f"no kernel of the policy solved this by {name}")
    return attempt.value, int(attempt.byproducts["info"])


def _theirs(name: str, reason: str, a: Any, *args: Any, **kwargs: Any) -> Any:
    return hand_over(_ORIGINAL[name], f"sparse.linalg.{name}", reason, a, *args, **kwargs)


_PRECONDITIONED = (
    "no sparse matrix of a native dtype, a preconditioner of the caller's, or a report or a check by SciPy"
)


def cg(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    M: Any = None,
    callback: Callable[[Any], Any] | None = None,
) -> tuple[Any, int]:
    """Solve A x = b by conjugate gradients, A Hermitian and positive definite; SciPy's call.

    Parameters
    ----------
    A : sparse array, ndarray or LinearOperator, (n, n)
    b : array_like, (n,) or (n, 1)
    x0 : array_like, optional
        Starting guess; ``"Mb"`` for ``M @ b``.
    rtol, atol : float
        Stop where ``norm(b - A x) < max(rtol * norm(b), atol)``.
    maxiter : int, optional
        Default ``10 n``.
    M : sparse array, ndarray, LinearOperator or "auto", optional
        Preconditioner, as SciPy takes it. fsci's addition: ``"auto"`` chooses none, the diagonal or a multigrid V-cycle
        by predicted cost, and goes on to the next where one fails; hardened mode does so without being asked.
    callback : callable, optional
        ``callback(xk)`` after each iteration.

    Returns
    -------
    x : ndarray, (n,)
    info : int
        0, or the number of iterations when the tolerance was not reached.

    Raises
    ------
    ValueError
        For shapes that do not fit, an invalid `atol`, or a malformed matrix (the offending entry is named).

    Notes
    -----
    A certificate (on request) holds the true residual; where A is an H-matrix, as every M-matrix and every
    diagonally dominant one is, it holds a proved bound on the error.
    """
    auto = isinstance(M, str) and M == "auto"
    choose = auto or (M is None and callback is None and FRAME.get().policy.hardened)
    if M is None or auto:
        prepared = _Prepared("cg", A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter, choose=choose, callback=callback)
        if prepared.problem is not None:
            return _answer("cg", prepared)
    M = None if auto else M
    return _theirs("cg", _PRECONDITIONED, A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter, M=M, callback=callback)


def bicgstab(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    M: Any = None,
    callback: Callable[[Any], Any] | None = None,
) -> tuple[Any, int]:
    """Solve A x = b by the stabilized biconjugate gradients of van der Vorst (1992); SciPy's call.

    Parameters
    ----------
    A : sparse array, ndarray or LinearOperator, (n, n)
    b : array_like, (n,) or (n, 1)
    x0, rtol, atol, maxiter, M, callback
        As `cg` takes them (``M="auto"`` is for `cg` alone).

    Returns
    -------
    x : ndarray, (n,)
    info : int
        0; the number of iterations when the tolerance was not reached; negative for a breakdown.
    """
    if M is None and callback is None:
        prepared = _Prepared("bicgstab", A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter)
        if prepared.problem is not None:
            return _answer("bicgstab", prepared)
    return _theirs("bicgstab", _PRECONDITIONED, A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter, M=M, callback=callback)


def gmres(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    restart: int | None = None,
    maxiter: int | None = None,
    M: Any = None,
    callback: Callable[[Any], Any] | None = None,
    callback_type: str | None = None,
) -> tuple[Any, int]:
    """Solve A x = b by restarted GMRES, Saad and Schultz (1986); SciPy's call.

    Parameters
    ----------
    A : sparse array, ndarray or LinearOperator, (n, n)
    b : array_like, (n,) or (n, 1)
    restart : int, optional
        Iterations between restarts; default ``min(20, n)``.
    maxiter : int, optional
        Restart cycles; default ``10 n``.
    x0, rtol, atol, M, callback
        As `cg` takes them (``M="auto"`` is for `cg` alone).
    callback_type : {"x", "pr_norm", "legacy"}, optional

    Returns
    -------
    x : ndarray, (n,)
    info : int
        0, or `maxiter` when the tolerance was not reached.
    """
    known = callback_type in (None, "x", "pr_norm", "legacy")
    if M is None and callback is None and known and (restart is None or int(restart) > 0):
        prepared = _Prepared(
            "gmres", A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter, restart=20 if restart is None else int(restart)
        )
        if prepared.problem is not None:
            return _answer("gmres", prepared)
    options = {"rtol": rtol, "atol": atol, "restart": restart, "maxiter": maxiter, "M": M}
    return _theirs("gmres", _PRECONDITIONED, A, b, x0, **options, callback=callback, callback_type=callback_type)


def minres(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: float = 1e-5,
    shift: float = 0.0,
    maxiter: int | None = None,
    M: Any = None,
    callback: Callable[[Any], Any] | None = None,
    show: bool = False,
    check: bool = False,
) -> tuple[Any, int]:
    """Solve (A - shift I) x = b by MINRES, Paige and Saunders (1975), A real and symmetric; SciPy's call.

    Parameters
    ----------
    A : sparse array, ndarray or LinearOperator, (n, n)
    b : array_like, (n,) or (n, 1)
    rtol : float
        Stop where the residual is at most ``rtol * norm(A) * norm(x)``, by their estimates.
    shift : float
    maxiter : int, optional
        Default ``5 n``.
    show, check : bool
        SciPy's report, and its test for symmetry: SciPy's iteration.
    x0, M, callback
        As `cg` takes them.

    Returns
    -------
    x : ndarray, (n,)
    info : int
        0, or the number of iterations when the tolerance was not reached.

    Raises
    ------
    ValueError
        Where the iteration shows that A is not symmetric.
    """
    if M is None and callback is None and not show and not check and shift == 0.0:
        prepared = _Prepared("minres", A, b, x0, rtol=rtol, maxiter=maxiter, per_row=5, guessed=x0 is not None)
        problem = prepared.problem
        if problem is not None and problem.dtype == np.float64:
            if prepared.nothing and x0 is None:
                return problem.parameters["x0"], 0
            if not prepared.nothing:
                x, info = _answer("minres", prepared)
                if info == _UNSYMMETRIC:
                    raise ValueError("non-symmetric matrix")
                return x, info
    options = {"rtol": rtol, "shift": shift, "maxiter": maxiter, "M": M, "callback": callback}
    return _theirs("minres", _PRECONDITIONED, A, b, x0, **options, show=show, check=check)


_UNSYMMETRIC = -7  # the kernel's code for it


def _over_our_products(name: str) -> Callable[..., Any]:
    """SciPy's function over an operator that has fsci's products, where A is a sparse matrix of a native dtype."""
    original = _ORIGINAL[name]

    @wraps(original)
    def function(A: Any, *args: Any, **kwargs: Any) -> Any:
        rows = checked_rows(A) if issparse(A) else None
        if rows is None:
            return _theirs(name, "no sparse matrix of a native dtype: SciPy's iteration", A, *args, **kwargs)
        from fsci.kernels.sparse.operator import RowsOperator

        return _theirs(name, "SciPy's iteration over fsci's products", RowsOperator(rows), *args, **kwargs)

    return function


bicg = _over_our_products("bicg")
cgs = _over_our_products("cgs")
gcrotmk = _over_our_products("gcrotmk")
lgmres = _over_our_products("lgmres")
lsmr = _over_our_products("lsmr")
lsqr = _over_our_products("lsqr")
qmr = _over_our_products("qmr")
tfqmr = _over_our_products("tfqmr")
