"""SciPy's other iterations over fsci's products: its code and its answers, with fsci's certificate of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from scipy.sparse import issparse
from scipy.sparse import linalg as scipy_linalg

from fsci import selector
from fsci.core.registry import declare_kind
from fsci.core.types import Evidence, Problem
from fsci.sparse.linalg._iterations import theirs
from fsci.sparse.linalg._rows import checked_rows

__all__ = ["bicg", "cgs", "gcrotmk", "lgmres", "lsmr", "lsqr", "qmr", "tfqmr"]


def _classify(problem: Problem, evidence: Evidence) -> str:
    return "damped" if problem.parameters["damp"] else "plain"


declare_kind(
    "sparse_least_squares",
    "sparse",
    _classify,
    "Minimize |A x - b|^2 + damp^2 |x - x0|^2, A sparse, by iteration",
    certificate_on_request=True,
)


def _over_our_products(name: str) -> Callable[..., Any]:
    """SciPy's function over an operator that has fsci's products, where A is a sparse matrix of a native dtype."""
    original = getattr(scipy_linalg, name)
    pose = _least_squares if name in ("lsqr", "lsmr") else _system

    @wraps(original)
    def function(A: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
        rows = checked_rows(A) if issparse(A) else None
        if rows is None:
            return theirs(name, "no sparse matrix of a native dtype: SciPy's iteration", A, b, *args, **kwargs)
        from fsci.kernels.sparse.operator import RowsOperator

        operator = RowsOperator(rows)
        problem = pose(name, rows, b, args, kwargs, lambda: original(operator, b, *args, **kwargs))
        if problem is None:
            return theirs(name, "SciPy's iteration over fsci's products", operator, b, *args, **kwargs)
        attempt = selector.run(problem, f"sparse.linalg.{name}").attempt
        assert attempt is not None  # noqa: S101  (one kernel serves each of these methods)
        return attempt.byproducts["answer"]

    return function


def _right_side(rows: Any, b: Any) -> Any:
    """`b` as one vector; None where SciPy must say what is wrong with it."""
    b = np.asanyarray(b)
    m = rows.shape[0]
    if type(b) is not np.ndarray or b.shape not in ((m,), (m, 1)) or b.dtype.kind not in "biufc" or 0 in rows.shape:
        return None
    dtype = np.promote_types(rows.dtype, b.dtype if b.dtype.char in "fdFD" else np.float64)
    return np.ascontiguousarray(b.reshape(-1), dtype) if dtype.char in "fdFD" else None


def _posed(kind: str, rows: Any, right: Any, **parameters: Any) -> Problem:
    a = rows if rows.dtype == right.dtype else rows.astype(right.dtype)
    return Problem(kind, (a, right), parameters, dtype=right.dtype, size=max(rows.shape))


def _system(name: str, rows: Any, b: Any, args: Any, kwargs: Any, call: Callable[[], Any]) -> Problem | None:
    right = _right_side(rows, b)
    if right is None or rows.shape[0] != rows.shape[1]:
        return None
    return _posed("iterative_solve", rows, right, method=name, choose=False, call=call)


def _least_squares(name: str, rows: Any, b: Any, args: Any, kwargs: Any, call: Callable[[], Any]) -> Problem | None:
    right = _right_side(rows, b)
    damp = args[0] if args else kwargs.get("damp", 0.0)
    if right is None or right.dtype.kind != "f" or not isinstance(damp, (int, float)):
        return None
    place = 7 if name == "lsqr" else 6
    guess = kwargs.get("x0", args[place] if len(args) > place else None)
    centre = np.zeros(rows.shape[1]) if guess is None else np.asarray(guess).reshape(-1)
    if centre.shape != (rows.shape[1],) or centre.dtype.kind not in "biuf":
        return None
    return _posed("sparse_least_squares", rows, right, method=name, damp=float(damp), centre=centre, call=call)


bicg = _over_our_products("bicg")
cgs = _over_our_products("cgs")
gcrotmk = _over_our_products("gcrotmk")
lgmres = _over_our_products("lgmres")
lsmr = _over_our_products("lsmr")
lsqr = _over_our_products("lsqr")
qmr = _over_our_products("qmr")
tfqmr = _over_our_products("tfqmr")
