"""One integration by Rodas5P: the state of its compiled loop, and its dense output."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.integrate import DenseOutput

from fsci.core.types import Problem
from fsci.kernels.integrate import rodas_loop
from fsci.kernels.integrate.callbacks import Callback
from fsci.kernels.integrate.implicit import ImplicitLoop, given

__all__ = ["RodasDenseOutput", "RodasLoop"]


class RodasDenseOutput(DenseOutput):
    """Order 4 inside a step; `rows` are both states and three coefficients."""

    def __init__(self, t_old: float, t: float, rows: Any) -> None:
        super().__init__(t_old, t)
        self._rows = rows

    def _call_impl(self, t: Any) -> Any:
        theta = (t - self.t_old) / (self.t - self.t_old)
        start, stop, one, two, three = (row if t.ndim == 0 else row[:, None] for row in self._rows)
        bend = one + theta * (two + theta * three)
        return (1.0 - theta) * start + theta * (stop + (1.0 - theta) * bend)


class RodasLoop(ImplicitLoop):
    """A `driver.Loop` of Rodas5P."""

    _rows, _error_order = rodas_loop.ROWS, 4

    def _layout(self) -> None:
        super()._layout()
        self._pivots = np.empty(self._n, np.int32)

    def _steps(self, tries: int, capacity: int, keep: bool) -> tuple[int, int]:
        callback, jacobian = self._callback, self._jacobian
        status, stored = rodas_loop.advance(
            callback.function, jacobian.function, callback.parameters, self._reals, self._counts, self._y, self._f,
            self._matrix, self._lu, self._pivots, self._factors, jacobian.pattern.arrays, self._atol, self.y_eval,
            self._t_eval, self.states, self._evaluations, self._dense, self._after, tries,
        )  # fmt: skip
        return int(status), int(stored)

    @classmethod
    def resumed(cls, method: str, callback: Callback, problem: Problem, solver: Any) -> ImplicitLoop:
        """The loop from where `solver` stands."""
        options = problem.parameters
        return cls.begun(
            callback, given(callback, problem, solver.t, solver.y), solver.t, solver.t_bound, solver.y,
            options["rtol"], options["atol"], options["max_step"], solver.h_abs,
        )  # fmt: skip

    def _dense_state(self, solver: Any, place: int, t_old: float) -> None:
        output = RodasDenseOutput(t_old, solver.t, self._dense[place])
        solver.output = lambda: output
        solver.h_abs = float(self._after[place, 1])
        if place == self.stored - 1:
            solver.f = self._f.copy()
