"""The class that SciPy's driver takes for methods that it does not have, where it asks for events or dense output.

Interpreted, it is the explicit pair that a smooth problem wants; with a compiled loop its steps are those of
whatever method the loop is in. Importing this imports no Numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scipy.integrate import RK45

from fsci.kernels.integrate.pairs import OWN

__all__ = ["STAND_INS", "AutoSolver", "for_scipy"]

# SciPy's method where a callback cannot be compiled.
STAND_INS = {"auto": "LSODA", "Rodas5P": "Radau"}


def for_scipy(method: Any) -> Any:
    """What SciPy's driver takes for `method`: a name of its own, or a class."""
    return (STAND_INS.get(method) or OWN.get(method, method)) if isinstance(method, str) else method


class AutoSolver(RK45):
    """Steps and dense output of a loop that changes its method, or has one of its own.

    Attributes
    ----------
    output : callable or None
        Gives the dense output of the last step, where a loop has made it.
    """

    output: Callable[[], Any] | None = None

    def __init__(self, fun: Any, t0: float, y0: Any, t_bound: float, **options: Any) -> None:
        options.pop("jac", None)
        options.pop("jac_sparsity", None)
        super().__init__(fun, t0, y0, t_bound, **options)

    def _dense_output_impl(self) -> Any:
        return super()._dense_output_impl() if self.output is None else self.output()
