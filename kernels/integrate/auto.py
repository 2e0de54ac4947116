"""One integration that changes its method: explicit while steps are bound by accuracy, implicit while by stability.

The explicit pairs see stiffness in their own stages (Hairer and Wanner, 1996, section IV.2); the implicit loops follow
the spectral radius of the Jacobian, and go back where the explicit pair could make the same steps (Petzold, 1983).
Going back asks for more each time that it did not last, so that nothing chatters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.integrate import BDF, Radau

from fsci.core.types import Problem
from fsci.kernels.integrate.auto_solver import AutoSolver
from fsci.kernels.integrate.callbacks import Callback, rhs_of
from fsci.kernels.integrate.driver import plain_result
from fsci.kernels.integrate.explicit import ExplicitLoop
from fsci.kernels.integrate.implicit import BdfLoop, Given, RadauLoop, given
from fsci.kernels.integrate.jacobian import DIFFERENCES
from fsci.kernels.integrate.pairs import PAIRS
from fsci.kernels.integrate.rodas import RodasLoop
from fsci.kernels.integrate.status import CALLBACK_FAILED, MORE, TOO_SMALL
from fsci.kernels.integrate.tableaus import tableau

__all__ = ["AutoLoop", "explicit_result"]

# Explicit pairs by the least relative tolerance that each is for. Where accuracy bounds the steps, the pair of order 7
# needs the least work over the catalogue, but for loose tolerances, and for those where order 8 tells (measured).
_EXPLICIT = ((1e-4, "Tsit5"), (1e-10, "Vern7"), (0.0, "DOP853"))

# Relative tolerance from which Rodas5P, which solves but does not iterate, takes less time than Radau (measured); below
# it, its differences of the Jacobian must be central.
_LOOSE = 1e-4

# Order from which Radau's complex factorization costs more than its fewer steps save against BDF (measured).
_LARGE = 100

# Multiplications of an elimination in a wide band from which a sparse one, between interpreted steps, costs less
# (measured on the 2-D Brusselator: of order 512 the band takes a fifth of the time, of order 8,192 five times as long).
_BANDED = 1e8

# Order from which a full matrix costs more than Krylov's iterations (measured for an integral equation, see `krylov`).
_FULL = 2000

# Steps of an implicit method between two looks at the spectral radius: few while it is calm; and looks in a row
# after which it goes back.
_LOOK, _LONGEST_LOOK, _CALM_LOOKS = 8, 64, 3
_LONGEST_CALL = 4096  # steps of an explicit pair, which ends a call by itself where it meets stiffness
_NEAR = 0.9  # of the border of stability; as the known auto-switching codes have it

_CLASSES: dict[str, Any] = {
    **{name: pair.solver for name, pair in PAIRS.items()}, "Radau": Radau, "BDF": BDF, "Rodas5P": AutoSolver,
}  # fmt: skip
_IMPLICIT: dict[str, Any] = {"Radau": RadauLoop, "BDF": BdfLoop, "Rodas5P": RodasLoop}


def _explicit_for(rtol: float) -> str:
    return next(name for least, name in _EXPLICIT if rtol >= least)


class _UntilStiff(ExplicitLoop):
    """Ends, as if the step were too small, where stability holds the steps small."""

    def advance(self, tries: int, capacity: int, keep: bool) -> None:
        super().advance(tries, capacity, keep)
        if self.status == MORE and self.is_stiff_now:
            self.status = TOO_SMALL


def explicit_result(problem: Problem) -> tuple[Any, Any]:
    """SciPy's result by an explicit pair, and its loop; None where it meets stiffness, or the callback fails."""
    (function, (t0, _), y0), options = problem.operands, problem.parameters
    callback = rhs_of(function, y0.size, options["args"])
    if callback.reason:
        return None, None
    loop = _UntilStiff.of(_explicit_for(options["rtol"]), callback, problem).watched()
    value = plain_result(loop, t0, y0, options["t_eval"])
    return (None if loop.is_stiff_now or loop.stiff else value), loop


class AutoLoop:
    """A `driver.Loop` made of others.

    Parameters
    ----------
    callback : Callback
    problem : Problem
    t0 : float
    y0 : (n,) ndarray
    h : float
        First step; 0 to find one.
    t_eval : (m,) ndarray, optional
    """

    def __init__(
        self, callback: Callback, problem: Problem, t0: float, y0: Any, h: float = 0.0, t_eval: Any = None
    ) -> None:
        options = problem.parameters
        self._callback, self._problem = callback, problem
        self._t_end, self._n = problem.operands[1][1], y0.size
        loose, own = options["rtol"], problem.structure == "auto"
        # Where it stands in for RK45, its steps are RK45's as long as they are explicit.
        self._explicit = _explicit_for(loose) if own else "RK45"
        self._implicit = "BDF" if self._n >= _LARGE else ("Rodas5P" if loose >= _LOOSE else "Radau")
        self._border = tableau(self._explicit).border
        self._t_eval = np.empty(0) if t_eval is None else t_eval
        self.y_eval = np.empty((self._t_eval.size, self._n))
        self._reached, self._past, self._switches = 0, np.zeros(3, np.int64), 0
        self._patience, self._calm, self._look = _CALM_LOOKS, 0, _LOOK
        self._sums = dict.fromkeys(("steps", "rejected_steps", "failed_newton", "implicit_steps"), 0)
        self._jacobian: Given | None = None
        self._shadow: Any = None
        self._kinds = {ExplicitLoop: self._explicit} | {kind: name for name, kind in _IMPLICIT.items()}
        self.name = self._explicit
        self._loop: Any = self._started(t0, y0, h)
        self._made = self._loop
        self.status, self.stored = self._loop.status, 0
        self.times, self.states = np.empty(0), np.empty((0, self._n))

    def _started(self, t: float, y: Any, h: float) -> Any:
        options, rest = self._problem.parameters, self._t_eval[self._reached :]
        tolerances = options["rtol"], options["atol"], options["max_step"]
        if self.name == self._explicit:
            pair = ExplicitLoop(self.name, self._callback, t, self._t_end, y, *tolerances, h, t_eval=rest)
            return pair.watched()
        if self._jacobian is None:
            self._jacobian = given(self._callback, self._problem, t, y)
        return _IMPLICIT[self.name].begun(self._callback, self._jacobian, t, self._t_end, y, *tolerances, h, rest)

    @staticmethod
    def refuses(callback: Callback, problem: Problem) -> str:
        """Why the Jacobian that is asked for is none for compiled loops."""
        (_, (t0, _), y0) = problem.operands
        jacobian = given(callback, problem, t0, y0)
        n, lower, upper = y0.size, jacobian.pattern.lower, jacobian.pattern.upper
        costly = jacobian.pattern.wide and 2.0 * n * lower * (lower + upper) > _BANDED
        if lower < 0 and n > _FULL and jacobian.how == DIFFERENCES:
            return "a full Jacobian of such an order"
        return jacobian.reason or ("a Jacobian without a narrow band" if costly else "")

    @classmethod
    def of(cls, method: str, callback: Callback, problem: Problem) -> AutoLoop:
        """The loop at the beginning of `problem`."""
        (_, (t0, _), y0), options = problem.operands, problem.parameters
        return cls(callback, problem, t0, y0, options["first_step"] or 0.0, options["t_eval"])

    @classmethod
    def resumed(cls, method: str, callback: Callback, problem: Problem, solver: Any) -> AutoLoop:
        """The loop from where SciPy's `solver` of `problem` stands."""
        return cls(callback, problem, solver.t, solver.y, solver.h_abs)

    def advance(self, tries: int, capacity: int, keep: bool) -> None:
        """Make up to `tries` tries, store up to `capacity` steps, with what dense output needs if `keep`."""
        self.stored = 0
        if self.status != MORE:
            return
        loop, implicit = self._loop, self.name == self._implicit
        if self._made is not loop:
            self._made, self._shadow = loop, None
        most = self._look if implicit else _LONGEST_CALL
        tries, capacity = min(tries, most), min(capacity, most)
        loop.advance(tries, capacity, keep)
        self.stored, self.times, self.states = loop.stored, loop.times, loop.states
        self.y_eval[self._reached : self._reached + loop.asked] = loop.y_eval[: loop.asked]
        self.status = loop.status
        if implicit and loop.status == MORE:
            self._look_back()
        elif (
            not implicit
            and not np.isnan(loop.here[2])
            and (loop.status == TOO_SMALL or (loop.status == MORE and loop.is_stiff_now))
        ):
            self._switch(self._implicit)

    def _look_back(self) -> None:
        """Whether an explicit pair could have made the last steps."""
        _, _, h = self._loop.here
        if self._loop.spectral_radius(afresh=True) * h < _NEAR * self._border:
            self._calm, self._look = self._calm + 1, _LOOK
        else:
            self._calm, self._look = 0, min(2 * self._look, _LONGEST_LOOK)
        if self._calm >= self._patience:
            self._patience *= 2
            self._switch(self._explicit)

    def _switch(self, name: str) -> None:
        loop = self._loop
        t, y, h = loop.here
        self._count(loop)
        self._reached += loop.asked
        self._switches, self._calm, self._look, self.name = self._switches + 1, 0, _LOOK, name
        self._loop = self._started(t, y, 0.0 if loop.status == TOO_SMALL else h)
        self.status = CALLBACK_FAILED if self._loop.status == CALLBACK_FAILED else MORE

    def _count(self, loop: Any) -> None:
        facts = loop.facts
        self._past += np.array(loop.counts)
        for name in self._sums:
            self._sums[name] += facts.get(name, 0)
        if self.name == self._implicit:
            self._sums["implicit_steps"] += facts["steps"]

    def restore(self, solver: Any, place: int) -> None:
        """Make SciPy's `solver` what it would be after the stored step at `place`."""
        if self._shadow is None:
            self._shadow = _shadow_of(_CLASSES[self._kinds[type(self._made)]], solver)
        shadow = self._shadow
        before = shadow.nfev, shadow.njev, shadow.nlu
        shadow.t_old = solver.t
        self._made.restore(shadow, place)
        solver.nfev += shadow.nfev - before[0]
        solver.njev += shadow.njev - before[1]
        solver.nlu += shadow.nlu - before[2]
        solver.t, solver.y, solver.h_abs, solver.output = shadow.t, shadow.y, shadow.h_abs, shadow._dense_output_impl
        if place == self.stored - 1:
            solver.f = self._callback.at(shadow.t, shadow.y)

    @property
    def asked(self) -> int:
        """Times asked for that are reached."""
        return int(self._reached + self._loop.asked)

    @property
    def counts(self) -> tuple[int, int, int]:
        """nfev, njev and nlu."""
        nfev, njev, nlu = (int(c) for c in self._past + np.array(self._loop.counts))
        return nfev, njev, nlu

    @property
    def stiff(self) -> bool:
        """Stability holds the steps small only until the method changes."""
        return False

    @property
    def facts(self) -> dict[str, Any]:
        """What the run found out: steps by kind, changes of the method, and the spectral radius that it met last."""
        facts = self._loop.facts
        sums = {name: value + facts.get(name, 0) for name, value in self._sums.items()}
        if self.name == self._implicit:
            sums["implicit_steps"] += facts["steps"]
        return {
            **sums, "stiff": sums["implicit_steps"] > 0, "switches": self._switches, "method": self.name,
            "spectral_radius": facts["spectral_radius"],
        }  # fmt: skip


def _shadow_of(kind: Any, solver: Any) -> Any:
    """An object of SciPy's class `kind` that a loop can restore, and that makes dense output; it has no history."""
    shadow = object.__new__(kind)
    shadow.n, shadow.fun, shadow.direction = solver.n, solver.fun, solver.direction
    shadow.nfev = shadow.njev = shadow.nlu = 0
    if kind is AutoSolver:
        shadow.output = None
    elif hasattr(kind, "n_stages"):
        shadow.K_extended = np.empty((kind.n_stages + 1 + len(getattr(kind, "C_EXTRA", ())), solver.n))
        shadow.K = shadow.K_extended[: kind.n_stages + 1]
    return shadow
