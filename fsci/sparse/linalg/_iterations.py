"""An iterative solve as a problem for the spine: the call's arguments normalized as SciPy normalizes them."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.sparse import linalg as scipy_linalg

from fsci import selector
from fsci.core.errors import UncertifiedError
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Evidence, Problem
from fsci.sparse.linalg._rows import checked_rows

__all__ = ["Prepared", "answer", "theirs"]

_ITERATIONS = (
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
)
_ORIGINAL = {name: getattr(scipy_linalg, name) for name in _ITERATIONS}

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


class Prepared:
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
        atol, rtol, maxiter = parameters.pop("atol", 0.0), parameters["rtol"], parameters.pop("maxiter")
        # `atol` is NaN for neither comparison; a negative or fractional count is SciPy's to refuse.
        if not isinstance(atol, Real) or not float(atol) >= 0.0 or not isinstance(rtol, Real):
            return
        if not (maxiter is None or (isinstance(maxiter, Integral) and int(maxiter) >= 0)):
            return
        tolerance = max(float(atol), float(rtol) * size)
        self.nothing = size == 0.0
        self.b = b
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


def answer(name: str, prepared: Prepared) -> tuple[Any, int]:
    """Solution and info code, by the spine."""
    if prepared.nothing or prepared.problem is None:
        return prepared.b, 0
    attempt = selector.run(prepared.problem, f"sparse.linalg.{name}").attempt
    if attempt is None or attempt.value is None:  # a policy that forces a kernel which cannot serve
        raise UncertifiedError(f"no kernel of the policy solved this by {name}")
    return attempt.value, int(attempt.byproducts["info"])


def theirs(name: str, reason: str, a: Any, *args: Any, **kwargs: Any) -> Any:
    """What SciPy's own function gives, over whatever stands for A."""
    return hand_over(_ORIGINAL[name], f"sparse.linalg.{name}", reason, a, *args, **kwargs)
