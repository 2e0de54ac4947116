"""Answers for sparse matrices that do not live on the host: one door for JAX (BCOO, BCSR) and CuPy operands.

Eager arrays go through the selector as host arrays do. Under ``jax.jit``, ``vmap`` and ``grad`` nothing can be
raised or warned of, and the verdict stays ``unexamined``.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from fsci import selector
from fsci.core.backends import HOST, backend_of
from fsci.core.errors import BackendError
from fsci.core.frames import FRAME
from fsci.core.types import Certificate, Diagnosis, Evidence, Problem
from fsci.kernels.sparse.portable.space import Space, space_of
from fsci.selector.ranking import rank

__all__ = ["iterated_on_device", "substituted_on_device"]


def iterated_on_device(
    method: str,
    a: Any,
    b: Any,
    x0: Any,
    *,
    rtol: float,
    atol: float = 0.0,
    maxiter: int | None,
    M: Any,
    callback: Any,
    restart: int | None = None,
    refused: tuple[str, ...] = (),
) -> Any:
    """Solution and info code where the operands live; ``NotImplemented`` where they belong on the host."""
    shelf = backend_of(a, b, x0)
    if shelf == HOST:
        return NotImplemented
    if callback is not None:
        raise BackendError(f"sparse.linalg.{method} calls nothing back from {shelf} arrays: pass callback=None")
    if refused:
        raise BackendError(f"sparse.linalg.{method} takes no {', '.join(refused)} with {shelf} arrays")
    if isinstance(M, str) and M != "auto":
        raise BackendError(f'sparse.linalg.{method}: M is a matrix or a function of the device, None or "auto"')
    if isinstance(x0, str):
        raise BackendError(f"sparse.linalg.{method}: x0 is an array of the device, or None")
    space = space_of(shelf)
    a, b, n = _system(space, f"sparse.linalg.{method}", a, b)
    column = b.ndim == 2 and b.shape[1] == 1
    if b.ndim != 1 and not column:
        raise ValueError(f"shapes of A {tuple(a.shape)} and b {tuple(b.shape)} are incompatible")
    b = b.reshape(-1)
    parameters = {
        "method": method,
        "choose": False,
        "x0": None if x0 is None else space.xp.asarray(x0).reshape(-1),
        "rtol": rtol,
        "atol": atol,
        "maxiter": (5 if method == "minres" else 10) * n if maxiter is None else int(maxiter),
        "restart": 20 if restart is None else int(restart),
        "M": M,
    }
    problem = Problem("iterative_solve", (a, b), parameters, shelf, np.dtype(b.dtype), None, n)
    attempt = _answered(space, problem, f"sparse.linalg.{method}")
    return attempt.value, attempt.byproducts["info"]


def substituted_on_device(a: Any, b: Any, lower: bool, unit: bool) -> Any:
    """Solution of a triangular system where the operands live; ``NotImplemented`` where they belong on the host."""
    shelf = backend_of(a, b)
    if shelf == HOST:
        return NotImplemented
    space = space_of(shelf)
    a, b, n = _system(space, "sparse.linalg.spsolve_triangular", a, b)
    problem = Problem(
        "sparse_triangular",
        (a, b.reshape(n, -1)),
        {"lower": lower, "unit": unit},
        shelf,
        np.dtype(b.dtype),
        None,
        n,
    )
    attempt = _answered(space, problem, "sparse.linalg.spsolve_triangular")
    if attempt.status == "singular":
        raise LinAlgError("A is singular: zero entry on diagonal.")
    return attempt.value.reshape(b.shape)


def _system(space: Space, function: str, a: Any, b: Any) -> tuple[Any, Any, int]:
    """The operands in one floating dtype, and n."""
    if len(a.shape) != 2 or a.shape[0] != a.shape[1]:
        raise ValueError(f"{function}: expected square matrix, got shape {tuple(a.shape)}")
    b = space.xp.asarray(b)
    if b.ndim not in (1, 2) or b.shape[0] != a.shape[0]:
        raise ValueError(f"shapes of A {tuple(a.shape)} and b {tuple(b.shape)} are incompatible")
    dtype = space.xp.result_type(a.dtype, b.dtype)
    if dtype.kind not in "fc":
        dtype = space.xp.zeros((), float).dtype
    if dtype.itemsize < 4:
        dtype = np.dtype(np.float32)
    return (a if a.dtype == dtype else a.astype(dtype)), b.astype(dtype), int(a.shape[0])


def _answered(space: Space, problem: Problem, function: str) -> Any:
    if not space.traced(*problem.operands):
        attempt = selector.run(problem, function).attempt
        if attempt is None or (attempt.value is None and attempt.status != "singular"):
            raise BackendError(f"{function} has no kernel for this call on {problem.backend}")
        return attempt
    started, frame = perf_counter(), FRAME.get()
    decision = rank(problem, Evidence(), frame.policy)
    if not decision.ranking:
        raise BackendError(f"{function}: {'; '.join(reason for _, reason in decision.refusals)}")
    kernel = decision.ranking[0].kernel
    attempt = kernel.run(problem, Evidence())
    if frame.log is not None:  # without the attempt: a record must not keep tracers
        frame.log.append(
            Diagnosis(
                function,
                decisions=(decision,),
                certificate=Certificate(algorithm=kernel.name),
                seconds=perf_counter() - started,
                notes=("traced: static facts only, nothing was examined",),
            )
        )
    return attempt
