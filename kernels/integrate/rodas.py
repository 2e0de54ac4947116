"""One integration by Rodas5P: the state of its compiled loop, and its dense output."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.integrate import DenseOutput

from fsci.kernels.integrate import rodas_loop
from fsci.kernels.integrate.callbacks import Callback
from fsci.kernels.integrate.implicit import Given, ImplicitLoop
from fsci.kernels.integrate.implicit_state import BORDER, CALM, CALM_ENOUGH

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
    """A `driver.Loop` of Rodas5P.

    Parameters
    ----------
    callback, jacobian, t0, t_end, y0, rtol, atol, max_step, h, t_eval
        As of `ImplicitLoop`.
    border : float
        Of the stability of the explicit method that may take over.
    calm : int
        After so many steps in a row that it could have made, the loop pauses; 0: never.
    """

    _rows, _error_order = rodas_loop.ROWS, 4

    def __init__(
        self, callback: Callback, jacobian: Given, t0: float, t_end: float, y0: Any, rtol: float, atol: Any,
        max_step: float, h: float = 0.0, t_eval: Any = None, border: float = 0.0, calm: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(callback, jacobian, t0, t_end, y0, rtol, atol, max_step, h, t_eval)
        self._reals[BORDER], self._counts[CALM_ENOUGH] = border, calm
        self._begin()

    def _layout(self) -> None:
        super()._layout()
        self._pivots = np.empty(self._n, np.int32)

    def _steps(self, tries: int, capacity: int, keep: bool) -> tuple[int, int]:
        callback, jacobian = self._callback, self._jacobian
        status, stored = rodas_loop.advance(
            callback.function, jacobian.function, callback.parameters, self._reals, self._counts, self._y, self._f,
            self._mode, self._matrix, self._lu, self._pivots, self._factors, jacobian.pattern.arrays, self._atol,
            self.y_eval, self._t_eval, self.states, self._evaluations, self._dense, self._after, tries,
        )  # fmt: skip
        return int(status), int(stored)

    @property
    def calm(self) -> bool:
        """Whether an explicit method could make the steps."""
        return bool(0 < self._counts[CALM_ENOUGH] <= self._counts[CALM])

    def output(self, place: int, t_old: float) -> RodasDenseOutput:
        """The dense output of the stored step at `place`."""
        return RodasDenseOutput(t_old, float(self._after[place, 0]), self._dense[place])
