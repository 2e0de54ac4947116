"""One integration by Radau or BDF: the state of the compiled loop, and playback into SciPy's class of the method."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.integrate._ivp.radau import MU_COMPLEX, MU_REAL, RadauDenseOutput
from scipy.sparse import issparse

from fsci.core.types import Problem
from fsci.kernels.integrate import bdf_loop, radau_loop
from fsci.kernels.integrate.auto_solver import STAND_INS
from fsci.kernels.integrate.callbacks import Callback, rhs_of
from fsci.kernels.integrate.explicit_loop import first_step
from fsci.kernels.integrate.given_jacobian import jacobian_callback
from fsci.kernels.integrate.implicit_state import (
    ACCEPTED,
    ASKED,
    CALLBACK_FAILED,
    CALLBACK_STATUS,
    CONSTANT,
    COUNTS,
    CURRENT,
    DIFFERENCES,
    DIRECTION,
    EQUAL_STEPS,
    ERROR_BEFORE,
    FACTORED,
    FOUND,
    GIVEN,
    H_BEFORE,
    HOW,
    INTERPOLATES,
    LOWER,
    MAX_STEP,
    MORE,
    NEWTON_FAILURES,
    NEWTON_TOLERANCE,
    NFEV,
    NJEV,
    NLU,
    ORDER,
    RATE,
    REALS,
    REJECTED,
    RTOL,
    T_BEFORE,
    T_END,
    UNFACTORABLE,
    UPPER,
    H,
    T,
)  # fmt: skip
from fsci.kernels.integrate.jacobian import INCOMPLETE, jacobian_at
from fsci.kernels.integrate.jax_callbacks import lowered_jacobian, traceable
from fsci.kernels.integrate.native_callbacks import NativeRhs
from fsci.kernels.integrate.newton import dominant, factor, shifted
from fsci.kernels.integrate.sparsity import Pattern, banded, dense, found, structure_of

__all__ = ["BdfLoop", "Given", "ImplicitLoop", "RadauLoop", "given", "with_structure"]

_EPS = 2.0**-52
_NO_TIMES = np.empty(0)

# Below this order the elimination costs less than looking for structure (measured: a probe takes n calls).
_SMALL = 40

# Pairs of products of the power iteration at a look.
_PRODUCTS = 4

# Evaluations made for each one that a Jacobian takes which only looks at the spectral radius.
_SHARE = 4


class Given:
    """What the caller says about the Jacobian.

    Attributes
    ----------
    how : int
        DIFFERENCES, GIVEN, CONSTANT or FOUND.
    function : Callback
        Of the Jacobian; that of the derivatives where there is none.
    values : (n, rows) ndarray or None
        A constant Jacobian.
    reason : str
        Why compiled loops cannot take it.
    """

    def __init__(self, how: int, pattern: Pattern, function: Any, values: Any = None, reason: str = "") -> None:
        self.how, self.pattern, self.function, self.values, self.reason = how, pattern, function, values, reason


def given(callback: Callback, problem: Problem, t: float, y: Any) -> Given:
    """The Jacobian that SciPy's options `jac` and `jac_sparsity` ask for; with a parameter `pattern`, one found."""
    args, options = problem.parameters["args"], problem.parameters["options"]
    n, jac, structure = y.size, options.get("jac"), options.get("jac_sparsity")
    if (known := problem.parameters.get("pattern")) is not None:
        return Given(FOUND, known, callback.function)
    if callable(jac):
        function = jacobian_callback(jac, n, args, t, y)
        return Given(GIVEN, dense(n), function.function, reason=function.reason)
    if jac is not None:
        pattern, values = _shaped(jac, n)
        if pattern is None:
            return Given(CONSTANT, dense(n), None, reason="a Jacobian of another shape, not finite, or of no band")
        return Given(CONSTANT, pattern, callback.function, pattern.stored(values))
    if structure is not None:
        pattern, _ = _shaped(structure, n)
        if pattern is None:
            return Given(DIFFERENCES, dense(n), None, reason="a sparsity of another shape, or of no band")
        return Given(DIFFERENCES, pattern, callback.function)
    seen = _found(callback, t, y) if n > _SMALL else None
    exact = None if seen else _differentiated(problem, t, y)
    if exact is not None:
        return Given(GIVEN, dense(n), exact.function)
    return Given(FOUND if seen else DIFFERENCES, seen or dense(n), callback.function)


def _differentiated(problem: Problem, t: float, y: Any) -> Callback | None:
    """The Jacobian of a callback that JAX can differentiate; None where SciPy's differences, and counts, are wanted.

    These are wanted in strict mode by SciPy's own methods, which count n evaluations for a Jacobian. In hardened mode,
    and by methods that SciPy does not have, the derivatives are exact, and counted as those of a callable `jac` are.
    """
    function, args = problem.operands[0], problem.parameters["args"]
    chosen = problem.parameters["every_root"] or problem.structure in STAND_INS
    if not chosen or not traceable(function):
        return None
    found = lowered_jacobian(function, y.size, args)
    if isinstance(found, str):
        return None
    callback = rhs_of(found, y.size, ()) if isinstance(found, NativeRhs) else jacobian_callback(
        found, y.size, args, t, y
    )  # fmt: skip
    return None if callback.reason else callback


_last: list[Any] = [None, None]


def _found(callback: Callback, t: float, y: Any) -> Pattern | None:
    """`sparsity.found`, which is asked for more than once in a solve, from memory."""
    key = callback.function, t, y.tobytes(), callback.parameters.tobytes()
    if _last[0] != key:
        _last[:] = key, found(callback.function, callback.parameters, t, y)
    seen: Pattern | None = _last[1]
    return seen


def with_structure(problem: Problem, callback: Callback) -> Problem:
    """`problem` as SciPy's classes can begin it: they make a full Jacobian where no structure is named."""
    (_, (t0, _), y0), options = problem.operands, problem.parameters["options"]
    if y0.size <= _SMALL or options.get("jac") is not None or options.get("jac_sparsity") is not None:
        return problem
    pattern = _found(callback, t0, y0)
    if pattern is None:
        return problem
    named = {**options, "jac_sparsity": pattern.matrix(np.ones((y0.size, pattern.rows)))}
    return replace(problem, parameters={**problem.parameters, "options": named, "pattern": pattern})


def _shaped(matrix: Any, n: int) -> tuple[Pattern | None, Any]:
    """The layout for a matrix, and the matrix as float64; None where SciPy must have it."""
    try:
        values = matrix.tocsc().astype(float) if issparse(matrix) else np.asarray(matrix, dtype=float)
    except (TypeError, ValueError):
        return None, None
    if values.shape != (n, n) or not np.all(np.isfinite(values.data if issparse(values) else values)):
        return None, None
    return (banded(values) if issparse(values) and n > _SMALL else dense(n)), values


class ImplicitLoop:
    """What `driver.Loop` asks for, but for the step.

    Parameters
    ----------
    callback : Callback
    jacobian : Given
    t0, t_end : float
    y0 : (n,) ndarray
    rtol : float
    atol : float or (n,) ndarray
    max_step : float
    h : float
        First step; 0 to find one.
    t_eval : (m,) ndarray, optional
    """

    _error_order = 1
    _rows = 0  # of the dense output

    def __init__(
        self, callback: Callback, jacobian: Given, t0: float, t_end: float, y0: Any, rtol: float, atol: Any,
        max_step: float, h: float = 0.0, t_eval: Any = None,
    ) -> None:  # fmt: skip
        n = y0.size
        self._callback, self._jacobian, self._n = callback, jacobian, n
        self._reals, self._counts = np.zeros(REALS), np.zeros(COUNTS, np.int64)
        reals = self._reals
        reals[T], reals[T_END], reals[H], reals[RTOL], reals[MAX_STEP] = t0, t_end, h, rtol, max_step
        reals[DIRECTION] = 1.0 if t_end >= t0 else -1.0
        reals[NEWTON_TOLERANCE] = max(10 * _EPS / rtol, min(0.03, rtol**0.5))
        self._y, self._f = np.array(y0, dtype=float), np.zeros(n)
        self._atol = np.full(n, atol, dtype=float) if np.ndim(atol) == 0 else np.array(atol, dtype=float)
        self._factors = np.full(n, _EPS**0.5)
        self._t_eval = _NO_TIMES if t_eval is None else np.ascontiguousarray(t_eval, dtype=float)
        self.y_eval = np.empty((self._t_eval.size, n))
        self.stored, self.status = 0, MORE
        # Any start of a power iteration will do that is not orthogonal to the dominant eigenvector.
        mode = 1.0 + 0.1 * np.cos(np.arange(1.0, n + 1.0))
        self._mode = mode / np.sqrt(mode @ mode)
        self._layout()
        self._known, self._present = (-1, 0), self._matrix

    def _layout(self) -> None:
        """Storage for the Jacobian and its factors."""
        jacobian, pattern = self._jacobian, self._jacobian.pattern
        self._counts[HOW], self._counts[LOWER], self._counts[UPPER] = jacobian.how, pattern.lower, pattern.upper
        self._matrix = np.zeros((self._n, pattern.rows)) if jacobian.values is None else jacobian.values.copy()
        self._lu = np.empty((self._n, pattern.rows))
        self._counts[FACTORED] = 0

    def _begin(self) -> None:
        """The derivatives, the first step and the first Jacobian, as SciPy's constructor makes them."""
        callback, counts = self._callback, self._counts
        failed = first_step(
            callback.function, callback.parameters, self._reals, counts, self._y, self._f, self._atol,
            self._error_order,
        )  # fmt: skip
        if counts[HOW] != CONSTANT:
            failed = failed or self._refresh()
            counts[NJEV] += 1
        self.status = CALLBACK_FAILED if failed else MORE

    def _refresh(self) -> int:
        jacobian, callback = self._jacobian, self._callback
        failed = jacobian_at(
            callback.function, jacobian.function, callback.parameters, self._reals[T], self._y, self._f, self._atol,
            self._factors, self._matrix, self._counts[HOW], self._counts[LOWER], self._counts[UPPER],
            jacobian.pattern.arrays, False,
        )  # fmt: skip
        if failed == INCOMPLETE:
            self._spread()
            return self._refresh()
        return int(failed)

    def _spread(self) -> None:
        """The structure found does not hold: go on with what is found here as well, or with a full matrix."""
        callback, pattern = self._callback, self._jacobian.pattern
        known = pattern.matrix(np.ones((self._n, pattern.rows)))
        more = structure_of(callback.function, callback.parameters, self._reals[T], self._y)
        wider = None if more is None else known + more
        layout = banded(wider) if wider is not None and wider.nnz > known.nnz else None
        how = DIFFERENCES if layout is None else FOUND
        self._jacobian = Given(how, layout or dense(self._n), callback.function)
        self._layout()
        self._present = self._matrix

    @staticmethod
    def refuses(callback: Callback, problem: Problem) -> str:
        """Why the Jacobian is none for compiled loops."""
        (_, (t0, _), y0) = problem.operands
        jacobian = given(callback, problem, t0, y0)
        return jacobian.reason or ("a Jacobian without a narrow band" if jacobian.pattern.wide else "")

    @property
    def here(self) -> tuple[float, Any, float]:
        """Time, state and next step."""
        return float(self._reals[T]), self._y.copy(), float(self._reals[H])

    def spectral_radius(self, afresh: bool = False) -> float:
        """Of the Jacobian in use, by a power iteration that goes on from call to call; or `afresh`, of one made for it.

        These methods keep a Jacobian while Newton's iteration converges, also when the problem is stiff no longer. A
        new one is made where that costs a part of what the steps since the last one did.
        """
        reals, counts, pattern = self._reals, self._counts, self._jacobian.pattern
        needed = self._n if pattern.lower < 0 else pattern.arrays[2].size - 1
        if counts[HOW] == CONSTANT or counts[NJEV] != self._known[0]:
            self._known, self._present = (int(counts[NJEV]), int(counts[NFEV])), self._matrix
        elif afresh and counts[NFEV] - self._known[1] >= _SHARE * needed:
            jacobian, kept, factors = self._jacobian, self._matrix, self._factors
            self._matrix, self._factors = np.zeros_like(kept), factors.copy()
            self._recover()
            self._present = self._matrix
            if self._jacobian is jacobian:
                self._matrix, self._factors = kept, factors
            pattern = self._jacobian.pattern
            counts[NJEV] += 1
            self._known = int(counts[NJEV]), int(counts[NFEV])
        for _ in range(_PRODUCTS):
            reals[RATE] = dominant(self._present, self._mode, reals[RATE], pattern.lower, pattern.upper, pattern.arrays)
        return float(reals[RATE])

    @classmethod
    def begun(cls, *arguments: Any) -> ImplicitLoop:
        """The loop with its first step and Jacobian; `arguments` as of the class."""
        loop = cls(*arguments)
        loop._begin()
        return loop

    @classmethod
    def of(cls, method: str, callback: Callback, problem: Problem) -> ImplicitLoop:
        """The loop at the beginning of `problem`."""
        (_, (t0, t_end), y0), options = problem.operands, problem.parameters
        jacobian = given(callback, problem, t0, y0)
        return cls.begun(
            callback, jacobian, t0, t_end, y0, options["rtol"], options["atol"], options["max_step"],
            options["first_step"] or 0.0, options["t_eval"],
        )  # fmt: skip

    @classmethod
    def resumed(cls, method: str, callback: Callback, problem: Problem, solver: Any) -> ImplicitLoop:
        """The loop from where SciPy's `solver` of `problem` stands."""
        jacobian = given(callback, problem, solver.t, solver.y)
        loop = cls(
            callback, jacobian, solver.t, solver.t_bound, solver.y, float(solver.rtol), solver.atol, solver.max_step,
            solver.h_abs,
        )  # fmt: skip
        if solver.jac_factor is not None:
            loop._factors = np.array(solver.jac_factor, dtype=float)
        loop._f = np.asarray(callback.at(solver.t, solver.y))
        if jacobian.how != CONSTANT:
            if jacobian.pattern.lower < 0:
                loop._matrix = dense(loop._n).stored(solver.J)
            elif loop._refresh():
                loop.status = CALLBACK_FAILED
        loop._take(solver)
        return loop

    def _take(self, solver: Any) -> None:
        """The method's own state, from SciPy's solver."""
        raise NotImplementedError

    def _factor(self, alpha: Any, beta: float, lu: Any, pivots: Any) -> None:
        """The factors that SciPy's solver holds, not counted again."""
        lower, upper = self._jacobian.pattern.lower, self._jacobian.pattern.upper
        shifted(self._matrix, alpha, beta, lu, lower, upper)
        self._counts[FACTORED] = int(factor(lu, pivots, lower, upper) == 0)

    def _steps(self, tries: int, capacity: int, keep: bool) -> tuple[int, int]:
        raise NotImplementedError

    def advance(self, tries: int, capacity: int, keep: bool) -> None:
        """Make up to `tries` steps, store up to `capacity`, with their dense output if `keep`."""
        if self.status != MORE:
            self.stored = 0
            return
        self._last = self._counts[[NFEV, NJEV, NLU]], self._reals[T]
        self.states, self._after = np.empty((capacity, self._n)), np.empty((capacity, 3))
        self._evaluations = np.empty((capacity, 3), np.int64)
        self._dense = np.empty((capacity, self._rows, self._n) if keep else (0, 0, 0))
        self.status, self.stored = self._steps(tries, capacity, keep)
        self.times = self._after[:, 0]
        if self.status == CALLBACK_FAILED and self._counts[CALLBACK_STATUS] == INCOMPLETE:
            self._spread()
            self.status = MORE
            self._recover()
        elif self.status == UNFACTORABLE:
            self.status = CALLBACK_FAILED

    def _recover(self) -> None:
        """Make the Jacobian anew at the last state: a step was left in its middle."""
        derivatives = self._callback.at(float(self._reals[T]), self._y)
        if derivatives is None:
            self.status = CALLBACK_FAILED
            return
        self._f[:] = derivatives
        if self._refresh():
            self.status = CALLBACK_FAILED

    def restore(self, solver: Any, place: int) -> None:
        """Make SciPy's `solver` what it would be after the stored step at `place`."""
        counts, t_old = self._last
        if place:
            counts, t_old = self._evaluations[place - 1], self._after[place - 1, 0]
        nfev, njev, nlu = (int(c) for c in self._evaluations[place] - counts)
        solver.nfev, solver.njev, solver.nlu = solver.nfev + nfev, solver.njev + njev, solver.nlu + nlu
        solver.t, solver.y = float(self._after[place, 0]), self.states[place]
        solver.h_abs = float(self._after[place, 1 if isinstance(self, RadauLoop) else 2])
        if place == self.stored - 1:
            solver.J = self._jacobian.pattern.matrix(self._matrix)
        self._dense_state(solver, place, float(t_old))

    def _dense_state(self, solver: Any, place: int, t_old: float) -> None:
        raise NotImplementedError

    @property
    def asked(self) -> int:
        """Times asked for that are reached."""
        return int(self._counts[ASKED])

    @property
    def counts(self) -> tuple[int, int, int]:
        """nfev, njev and nlu."""
        counts = self._counts
        return int(counts[NFEV]), int(counts[NJEV]), int(counts[NLU])

    @property
    def stiff(self) -> bool:
        """Stability holds no step of these methods small."""
        return False

    @property
    def facts(self) -> dict[str, Any]:
        """What the run found out: steps, failures, and the rate of the fastest component."""
        counts, pattern = self._counts, self._jacobian.pattern
        return {
            "steps": int(counts[ACCEPTED]), "rejected_steps": int(counts[REJECTED]),
            "failed_newton": int(counts[NEWTON_FAILURES]), "jacobians": int(counts[NJEV]),
            "factorizations": int(counts[NLU]), "spectral_radius": self.spectral_radius(),
            "bandwidth": pattern.lower + pattern.upper + 1 if pattern.lower >= 0 else self._n,
        }  # fmt: skip


class BdfLoop(ImplicitLoop):
    """A `driver.Loop` of BDF."""

    _rows = bdf_loop.ROWS

    def _layout(self) -> None:
        super()._layout()
        self._pivots = np.empty(self._n, np.int32)

    def _begin(self) -> None:
        super()._begin()
        self._differences = np.zeros((bdf_loop.ROWS, self._n))
        bdf_loop.first_differences(self._differences, self._y, self._f, self._reals, self._counts)

    def _take(self, solver: Any) -> None:
        self._differences = np.array(solver.D)
        self._counts[ORDER], self._counts[EQUAL_STEPS] = solver.order, solver.n_equal_steps
        if solver.LU is not None:
            c = solver.h_abs * solver.direction / solver.alpha[solver.order]
            self._factor(1.0, -c, self._lu, self._pivots)

    def _steps(self, tries: int, capacity: int, keep: bool) -> tuple[int, int]:
        callback, jacobian = self._callback, self._jacobian
        status, stored = bdf_loop.advance(
            callback.function, jacobian.function, callback.parameters, self._reals, self._counts, self._y, self._f,
            self._differences, self._matrix, self._lu, self._pivots, self._factors, jacobian.pattern.arrays, self._atol,
            self.y_eval, self._t_eval, self.states, self._evaluations, self._dense, self._after, tries,
        )  # fmt: skip
        return int(status), int(stored)

    def _dense_state(self, solver: Any, place: int, t_old: float) -> None:
        solver.D, solver.order, solver.LU = self._dense[place], int(self._after[place, 1]), None
        if place == self.stored - 1:
            solver.n_equal_steps = int(self._counts[EQUAL_STEPS])


class RadauLoop(ImplicitLoop):
    """A `driver.Loop` of Radau."""

    _rows, _error_order = radau_loop.ROWS, 3

    def _layout(self) -> None:
        super()._layout()
        self._pivots = np.empty((2, self._n), np.int32)
        self._complex = np.empty(self._lu.shape, complex)

    def _begin(self) -> None:
        super()._begin()
        self._polynomial = np.zeros((radau_loop.ROWS, self._n))
        self._reals[H_BEFORE] = self._reals[ERROR_BEFORE] = -1.0
        self._counts[CURRENT] = 1

    def _take(self, solver: Any) -> None:
        reals, counts = self._reals, self._counts
        self._polynomial = np.zeros((radau_loop.ROWS, self._n))
        reals[H_BEFORE] = -1.0 if solver.h_abs_old is None else solver.h_abs_old
        reals[ERROR_BEFORE] = -1.0 if solver.error_norm_old is None else solver.error_norm_old
        counts[CURRENT] = int(solver.current_jac)
        if solver.sol is not None:
            counts[INTERPOLATES], reals[T_BEFORE] = 1, solver.sol.t_old
            self._polynomial[:3], self._polynomial[3] = solver.sol.Q.T, solver.sol.y_old
        if solver.LU_real is not None:
            h = solver.h_abs * solver.direction
            self._factor(MU_REAL / h, -1.0, self._lu, self._pivots[0])
            self._factor(MU_COMPLEX / h, -1.0, self._complex, self._pivots[1])

    def _steps(self, tries: int, capacity: int, keep: bool) -> tuple[int, int]:
        callback, jacobian = self._callback, self._jacobian
        status, stored = radau_loop.advance(
            callback.function, jacobian.function, callback.parameters, self._reals, self._counts, self._y, self._f,
            self._polynomial, self._matrix, self._lu, self._complex, self._pivots, self._factors,
            jacobian.pattern.arrays, self._atol, self.y_eval, self._t_eval, self.states, self._evaluations,
            self._dense, self._after, tries,
        )  # fmt: skip
        return int(status), int(stored)

    def _dense_state(self, solver: Any, place: int, t_old: float) -> None:
        y_old = self._dense[place, 3]
        solver.sol = RadauDenseOutput(t_old, solver.t, y_old, self._dense[place, :3].T)
        solver.y_old, solver.t_old = y_old, t_old
        if place == self.stored - 1:
            solver.f, solver.LU_real, solver.LU_complex = self._f.copy(), None, None
            solver.h_abs_old, solver.error_norm_old = float(self._reals[H_BEFORE]), float(self._reals[ERROR_BEFORE])
            solver.current_jac = bool(self._counts[CURRENT])
