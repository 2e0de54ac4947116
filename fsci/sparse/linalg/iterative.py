"""Iterative solvers: SciPy's calls, with compiled iterations and, where it is asked for, a chosen preconditioner.

Without a preconditioner the iteration of `cg`, `bicgstab`, `gmres` and `minres` is SciPy's own, step by step, compiled.
With ``M="auto"``, or in hardened mode with no `M`, one is chosen from evidence: none, the diagonal, incomplete
factors, algebraic multigrid, or complete factors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import issparse

from fsci.core.backends import HOST, shelf_of
from fsci.core.frames import FRAME
from fsci.sparse.linalg._iterations import Prepared, answer, theirs

__all__ = ["bicgstab", "cg", "gmres", "minres"]

_PRECONDITIONED = (
    "no sparse matrix of a native dtype, a preconditioner of the caller's, or a report or a check by SciPy"
)
_UNSYMMETRIC = -7  # the kernel's code for it


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
        Preconditioner, as SciPy takes it. fsci's addition: ``"auto"`` chooses none, the diagonal, incomplete factors,
        a multigrid V-cycle or complete factors by predicted cost, and goes on to the next where one fails, or
        would take longer than a factorization; hardened mode does so without being asked.
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
    The compiled iterations give no floating-point warnings; infinities and NaN have a nonzero `info`. A certificate
    (on request) holds the true residual; where A is an H-matrix, as every M-matrix and every
    diagonally dominant one is, it holds a proved bound on the error.
    """
    if type(b) is not np.ndarray or not issparse(A):
        found = _on_device("cg", A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter, M=M, callback=callback)
        if found is not NotImplemented:
            return found
    auto, choose = _choice(M, callback)
    if M is None or auto:
        prepared = Prepared("cg", A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter, choose=choose, callback=callback)
        if prepared.problem is not None:
            return answer("cg", prepared)
    M = None if auto else M
    return theirs("cg", _PRECONDITIONED, A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter, M=M, callback=callback)


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
        As `cg` takes them; with a `callback`, ``M="auto"`` is none.

    Returns
    -------
    x : ndarray, (n,)
    info : int
        0; the number of iterations when the tolerance was not reached; negative for a breakdown.
    """
    if type(b) is not np.ndarray or not issparse(A):
        found = _on_device("bicgstab", A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter, M=M, callback=callback)
        if found is not NotImplemented:
            return found
    auto, choose = _choice(M, callback)
    if (M is None or auto) and callback is None:
        prepared = Prepared("bicgstab", A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter, choose=choose)
        if prepared.problem is not None:
            return answer("bicgstab", prepared)
    M = None if auto else M
    return theirs("bicgstab", _PRECONDITIONED, A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter, M=M, callback=callback)


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
        As `cg` takes them; with a `callback`, ``M="auto"`` is none.
    callback_type : {"x", "pr_norm", "legacy"}, optional

    Returns
    -------
    x : ndarray, (n,)
    info : int
        0, or `maxiter` when the tolerance was not reached.
    """
    known = callback_type in (None, "x", "pr_norm", "legacy")
    if type(b) is not np.ndarray or not issparse(A):
        found = _on_device(
            "gmres", A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter, M=M, callback=callback, restart=restart
        )
        if found is not NotImplemented:
            return found
    auto, choose = _choice(M, callback)
    if (M is None or auto) and callback is None and known and (restart is None or int(restart) > 0):
        cycle = 20 if restart is None else int(restart)
        prepared = Prepared("gmres", A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter, restart=cycle, choose=choose)
        if prepared.problem is not None:
            return answer("gmres", prepared)
    M = None if auto else M
    options = {"rtol": rtol, "atol": atol, "restart": restart, "maxiter": maxiter, "M": M}
    return theirs("gmres", _PRECONDITIONED, A, b, x0, **options, callback=callback, callback_type=callback_type)


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
    if type(b) is not np.ndarray or not issparse(A):
        refused = tuple(k for k, v in (("shift", shift), ("show", show), ("check", check)) if v)
        found = _on_device("minres", A, b, x0, rtol=rtol, maxiter=maxiter, M=M, callback=callback, refused=refused)
        if found is not NotImplemented:
            return found
    auto, choose = _choice(M, callback)
    if (M is None or auto) and callback is None and not show and not check and shift == 0.0:
        prepared = Prepared("minres", A, b, x0, rtol=rtol, maxiter=maxiter, per_row=5, choose=choose)
        problem = prepared.problem
        if problem is not None and problem.dtype == np.float64:
            if prepared.nothing and x0 is None:
                return problem.parameters["x0"], 0
            if not prepared.nothing:
                x, info = answer("minres", prepared)
                if info == _UNSYMMETRIC:
                    raise ValueError("non-symmetric matrix")
                return x, info
    M = None if auto else M
    options: dict[str, Any] = {"rtol": rtol, "shift": shift, "maxiter": maxiter, "M": M, "callback": callback}
    return theirs("minres", _PRECONDITIONED, A, b, x0, **options, show=show, check=check)


def _choice(M: Any, callback: Any) -> tuple[bool, bool]:
    """Whether `M` is ``"auto"``, and whether fsci chooses: then, and in hardened mode where nobody looks on."""
    auto = isinstance(M, str) and M == "auto"
    return auto, auto or (M is None and callback is None and FRAME.get().policy.hardened)


def _on_device(method: str, A: Any, b: Any, x0: Any, **options: Any) -> Any:
    """Answer where the operands live; ``NotImplemented`` for those of the host. Loaded for others alone."""
    if shelf_of(A) in (None, HOST) and shelf_of(b) in (None, HOST):
        return NotImplemented
    from fsci.sparse.linalg._device import iterated_on_device

    return iterated_on_device(method, A, b, x0, **options)
