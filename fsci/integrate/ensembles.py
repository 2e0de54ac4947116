"""Many initial value problems with one right-hand side: `solve_ivp_ensemble`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from fsci.core.backends import HOST, shelf_of
from fsci.core.errors import BackendError
from fsci.core.progress import progress_bar

__all__ = ["EnsembleResult", "solve_ivp_ensemble"]

_METHODS = ("RK23", "RK45", "DOP853")
_LEAST_RTOL = 100 * float(np.finfo(float).eps)  # as SciPy's solve_ivp

# What the loop reports, as the status that users see, and in words.
_STATUS = np.array([-5, 0, -1, -2, -3, -4], np.int8)
_MESSAGES = {
    0: "The solver successfully reached the end of the integration interval.",
    -1: "Required step size is less than spacing between numbers.",
    -2: "The member used up max_steps.",
    -3: "fun raised an exception: call it at the member's t and y to see which.",
    -4: "The initial state, or its derivative, is not finite.",
    -5: "The member was not integrated.",
}


@dataclass(frozen=True, slots=True, eq=False)
class EnsembleResult:
    """What an ensemble gave; every array has the member first.

    Attributes
    ----------
    t : (N,) ndarray
        The time that each member reached.
    y : (N, n) or (N, n, m) ndarray
        The state there; or, with `t_eval`, at each of its m times, NaN at those that a member did not reach.
    t_eval : (m,) ndarray, optional
    status : (N,) ndarray of int8
        0: the end was reached; -1: the step became too small; -2: `max_steps` were used up; -3: `fun` raised;
        -4: the initial state or its derivative is not finite.
    nfev, steps, rejected : (N,) ndarray of int64
        Evaluations of `fun`, steps taken and rejected.
    """

    t: Any
    y: Any
    t_eval: Any
    status: Any
    nfev: Any
    steps: Any
    rejected: Any

    @property
    def success(self) -> Any:
        """Which members reached the end."""
        return self.status == 0

    def message(self, member: int) -> str:
        """How `member` ended, in words."""
        return _MESSAGES[int(self.status[member])]

    def __repr__(self) -> str:
        failed = int(np.count_nonzero(np.asarray(self.status)))
        shape = "x".join(str(size) for size in self.y.shape)
        return f"EnsembleResult({len(self.t)} members, {failed} failed, y: {shape}, nfev: {int(np.sum(self.nfev))})"


def solve_ivp_ensemble(
    fun: Any,
    t_span: tuple[float, float],
    y0: Any,
    args: tuple[Any, ...] = (),
    *,
    method: str = "RK45",
    rtol: float = 1e-3,
    atol: Any = 1e-6,
    t_eval: Any = None,
    max_step: float = math.inf,
    first_step: float | None = None,
    max_steps: int | None = None,
    progress: bool | None = None,
) -> EnsembleResult:
    """Solve N initial value problems that differ in their initial states and arguments.

    Every member has its own steps, by the step control of `scipy.integrate.solve_ivp`: one that needs many holds up no
    other, and one that fails spoils no other. NumPy arrays are integrated on all cores, eight members at a time on
    each; JAX arrays where they are, also under ``jit`` and ``vmap``.

    Parameters
    ----------
    fun : callable
        ``fun(t, y, *args)`` gives the n derivatives of one member, or ``fun(t, y, dydt, *args)`` writes them. Jitted by
        Numba, or a plain function, which is then compiled. Fastest is straight arithmetic that writes in place or gives
        a tuple. With JAX arrays: traceable, the first form.
    t_span : (float, float)
    y0 : (N, n) array_like
    args : tuple
        Each a number for all, or an array whose first axis is the member: (N,) for a number each, (N, k) for a vector.
    method : {"RK23", "RK45", "DOP853"}
        JAX arrays: "RK45".
    rtol : float
    atol : float, (n,) or (N, n) array_like
    t_eval : (m,) array_like, optional
        Times, in the order of the integration, where the states are wanted.
    max_step : float
    first_step : float, optional
        By default each member finds its own.
    max_steps : int, optional
        Tries after which a member is given up; by default there is no end to them, but an interrupt.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal, in runs of more than a second.

    Returns
    -------
    EnsembleResult

    Raises
    ------
    ValueError
        Shapes, tolerances, times or steps that make no sense, or a wrong number of derivatives.
    TypeError
        `fun` cannot be compiled; the message says why.

    Notes
    -----
    Nothing is certified. Pairs: Bogacki and Shampine (1989), Dormand and Prince (1980, 1981); step control: Hairer,
    Norsett and Wanner (1993, section II.4).
    """
    if not (isinstance(rtol, (int, float)) and _LEAST_RTOL <= rtol < math.inf):
        raise ValueError(f"`rtol` must be a number from {_LEAST_RTOL:.2e} on; got {rtol!r}.")
    if not max_step > 0.0:
        raise ValueError(f"`max_step` must be positive; got {max_step!r}.")
    if max_steps is not None and max_steps < 1:
        raise ValueError(f"`max_steps` must be positive; got {max_steps!r}.")
    t0, t_end = (float(t) for t in t_span)
    if not (math.isfinite(t0) and math.isfinite(t_end)):
        raise ValueError(f"`t_span` must be finite; got {t_span!r}.")
    if first_step is not None and not 0.0 < first_step <= abs(t_end - t0):
        raise ValueError(f"`first_step` must be positive, and no longer than `t_span`; got {first_step!r}.")
    if not isinstance(args, tuple):
        raise TypeError(f"`args` must be a tuple; got {type(args).__name__}.")
    if method not in _METHODS:
        raise ValueError(f"`method` must be one of {', '.join(_METHODS)}; got {method!r}.")
    limit = 2**62 if max_steps is None else int(max_steps)
    times = _times(t_eval, t0, t_end)
    options = (t0, t_end), y0, args, float(rtol), atol, times, float(max_step), first_step or 0.0, limit
    shelf = shelf_of(y0) or HOST
    if shelf not in (HOST, "xla"):
        raise BackendError(f"`y0` is an array of {type(y0).__module__.partition('.')[0]}: give NumPy's or JAX's.")
    if shelf == "xla":
        if method != "RK45":
            raise ValueError(f"JAX arrays are integrated by 'RK45'; got {method!r}.")
        return _on_device(fun, *options)
    return _on_host(fun, *options, method=method, progress=progress)


def _times(t_eval: Any, t0: float, t_end: float) -> Any:
    if t_eval is None:
        return None
    times = np.ascontiguousarray(t_eval, dtype=float)
    direction = 1.0 if t_end >= t0 else -1.0
    if times.ndim != 1 or times.size == 0 or not np.all(np.isfinite(times)):
        raise ValueError("`t_eval` must be a vector of finite times.")
    if times.min() < min(t0, t_end) or times.max() > max(t0, t_end):
        raise ValueError("Values in `t_eval` are not within `t_span`.")
    if not np.all(direction * np.diff(times) > 0.0):
        raise ValueError("Values in `t_eval` are not properly sorted.")
    return times


def _absolute(atol: Any, members: int, n: int) -> Any:
    values = np.asarray(atol, dtype=float)
    if values.shape not in ((), (n,), (members, n)):
        raise ValueError(f"`atol` must be a number, or of shape ({n},) or ({members}, {n}); got {values.shape}.")
    if not np.all(values >= 0.0):
        raise ValueError("`atol` must be positive.")
    return np.ascontiguousarray(np.broadcast_to(values, (members if values.ndim == 2 else 1, n)))


def _on_host(
    fun: Any, span: tuple[float, float], y0: Any, args: Any, rtol: float, atol: Any, times: Any, max_step: float,
    first_step: float, limit: int, *, method: str, progress: bool | None,
) -> EnsembleResult:  # fmt: skip
    from fsci.kernels.integrate.ensemble import run_members
    from fsci.kernels.integrate.lane_callbacks import lane_rhs_of

    given = np.asarray(y0)
    if given.dtype.kind not in "fiu" or given.ndim != 2 or given.shape[1] == 0:
        raise ValueError(f"`y0` must be real, of shape (members, equations); got {given.dtype} {given.shape}.")
    states = np.ascontiguousarray(given, dtype=float)
    members, n = states.shape
    absolute = _absolute(atol, members, n)
    callback = lane_rhs_of(fun, n, args, members)
    if callback.reason:
        hint = "" if isinstance(fun, FunctionType) else " Give a plain function, or one made by numba.njit."
        raise TypeError(f"solve_ivp_ensemble: {callback.reason}.{hint}")
    wanted = np.empty(0) if times is None else times
    with progress_bar("solve_ivp_ensemble", members, progress) as report:
        found = run_members(
            method, callback, span, states, rtol, absolute, max_step, first_step, wanted, limit, report
        )  # fmt: skip
    if found is None:
        raise ValueError(f"`fun` gives another number of derivatives than the {n} components of the state.")
    status = _STATUS[found.info[:, 0]]
    y = found.y if times is None else found.y_eval.transpose(0, 2, 1)
    return EnsembleResult(found.t, y, times, status, *(found.info[:, place].copy() for place in (1, 2, 3)))


def _on_device(
    fun: Any, span: tuple[float, float], y0: Any, args: Any, rtol: float, atol: Any, times: Any, max_step: float,
    first_step: float, limit: int,
) -> EnsembleResult:  # fmt: skip
    from fsci.kernels.integrate.xla.ensemble import run_ensemble

    if y0.ndim != 2:
        raise ValueError(f"`y0` must be of shape (members, equations); got {y0.shape}.")
    found = run_ensemble(fun, span, y0, args, rtol, atol, times, max_step, first_step, limit)
    return EnsembleResult(*found)
