"""SciPy's other iterations over fsci's products: its code, and the trace says so."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from scipy.sparse import issparse
from scipy.sparse import linalg as scipy_linalg

from fsci.sparse.linalg._iterations import theirs
from fsci.sparse.linalg._rows import checked_rows

__all__ = ["bicg", "cgs", "gcrotmk", "lgmres", "lsmr", "lsqr", "qmr", "tfqmr"]


def _over_our_products(name: str) -> Callable[..., Any]:
    """SciPy's function over an operator that has fsci's products, where A is a sparse matrix of a native dtype."""
    original = getattr(scipy_linalg, name)

    @wraps(original)
    def function(A: Any, *args: Any, **kwargs: Any) -> Any:
        rows = checked_rows(A) if issparse(A) else None
        if rows is None:
            return theirs(name, "no sparse matrix of a native dtype: SciPy's iteration", A, *args, **kwargs)
        from fsci.kernels.sparse.operator import RowsOperator

        return theirs(name, "SciPy's iteration over fsci's products", RowsOperator(rows), *args, **kwargs)

    return function


bicg = _over_our_products("bicg")
cgs = _over_our_products("cgs")
gcrotmk = _over_our_products("gcrotmk")
lgmres = _over_our_products("lgmres")
lsmr = _over_our_products("lsmr")
lsqr = _over_our_products("lsqr")
qmr = _over_our_products("qmr")
tfqmr = _over_our_products("tfqmr")
