"""Many initial value problems with one right-hand side: `solve_ivp_ensemble`."""

from __future__ import annotations

import math
import warnings
from types import FunctionType
from typing import Any

import numpy as np

from fsci import selector
from fsci.core.backends import HOST, shelf_of
from fsci.core.frames import FRAME
from fsci.core.progress import progress_bar
from fsci.core.registry import declare_kind
from fsci.core.types import Diagnosis, Evidence, Problem
from fsci.integrate._ensemble_result import EnsembleResult
from fsci.integrate.errors import UncertifiedIntegrationWarning

__all__ = ["EnsembleResult", "solve_ivp_ensemble"]

_METHODS = ("RK23", "RK45", "DOP853", "Tsit5", "Vern7")
_LEAST_RTOL = 100 * float(np.finfo(float).eps)  # as SciPy's solve_ivp


def classify(problem: Problem, evidence: Evidence) -> str:
    """By the method."""
    return str(problem.parameters["method"])


# The certificate integrates twice more, which strict mode must not do unasked.
declare_kind(
    "initial_value_ensemble",
    "integrate",
    classify,
    "y' = f(t, y) from many initial states, each with arguments of its own",
    certificate_on_request=True,
)


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
        Numba, or a plain function, which is then compiled. Fastest is straight arithmetic, with vectors of the caller's
        own avoided. With JAX arrays: traceable, the first form.
    t_span : (float, float)
    y0 : (N, n) array_like
    args : tuple
        Each a number for all, or an array whose first axis is the member: (N,) for a number each, (N, k) for a vector.
    method : {"RK23", "RK45", "DOP853", "Tsit5", "Vern7"}
        The last two are Tsitouras's and Verner's pairs of order 5(4) and 7(6). JAX arrays: "RK45".
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

    Warns
    -----
    UncertifiedIntegrationWarning
        In hardened mode, if the global error of a member is not certified.

    Notes
    -----
    A certificate, on request or in hardened mode, integrates twice more, a hundred and a thousand times as accurately,
    and holds the digits of every member; its verdict is that of the worst. Under ``jit`` or ``vmap`` there is none.

    CuPy arrays are integrated on their device by one fused kernel, a thread for each member; `fun` must then be what
    `numba.cuda` compiles, and give a tuple or write in place.

    Pairs: Bogacki and Shampine (1989), Dormand and Prince (1980, 1981), Tsitouras (2011),
    Verner (2010); step control: Hairer,
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
    if shelf == "xla":
        if method != "RK45":
            raise ValueError(f"JAX arrays are integrated by 'RK45'; got {method!r}.")
        return _on_xla(fun, *options)
    if shelf == "cuda":
        return _on_cuda(fun, *options, method=method)
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
    with progress_bar("solve_ivp_ensemble", members, progress) as report:
        parameters = {
            "method": method, "rtol": rtol, "atol": absolute, "t_eval": times, "max_step": max_step,
            "first_step": first_step, "max_steps": limit, "callback": callback, "report": report,
        }  # fmt: skip
        diagnosis = _diagnosed(fun, span, states, parameters, HOST)
    if diagnosis.value is None:
        raise ValueError(f"`fun` gives another number of derivatives than the {n} components of the state.")
    return EnsembleResult(*diagnosis.value)


def _diagnosed(fun: Any, span: Any, states: Any, parameters: dict[str, Any], shelf: str) -> Diagnosis:
    problem = Problem(
        "initial_value_ensemble", (fun, span, states), parameters, backend=shelf, dtype=np.dtype(str(states.dtype))
    )
    diagnosis = selector.run(problem, "integrate.solve_ivp_ensemble")
    certificate = diagnosis.certificate
    if FRAME.get().policy.wants_forward and diagnosis.value is not None and certificate.worst_verdict != "certified":
        message = (
            f"solve_ivp_ensemble: the global errors of {certificate.detail.get('uncertified', 'all')} members are not "
            "certified; look at .diagnosis, lower rtol, or use policy(mode='strict')"
        )
        warnings.warn(UncertifiedIntegrationWarning(message, diagnosis), stacklevel=4)
    return diagnosis


def _on_xla(
    fun: Any, span: tuple[float, float], y0: Any, args: Any, rtol: float, atol: Any, times: Any, max_step: float,
    first_step: float, limit: int,
) -> EnsembleResult:  # fmt: skip
    if y0.ndim != 2:
        raise ValueError(f"`y0` must be of shape (members, equations); got {y0.shape}.")
    import jax

    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree_util.tree_leaves((y0, args, atol))):
        from fsci.kernels.integrate.xla.ensemble import run_ensemble

        # Traced: nothing can be looked at, so nothing is decided or certified.
        return EnsembleResult(*run_ensemble(fun, span, y0, args, rtol, atol, times, max_step, first_step, limit))
    parameters = {
        "method": "RK45", "rtol": rtol, "atol": atol, "t_eval": times, "max_step": max_step, "first_step": first_step,
        "max_steps": limit, "args": args,
    }  # fmt: skip
    return EnsembleResult(*_diagnosed(fun, span, y0, parameters, "xla").value)


def _on_cuda(
    fun: Any, span: tuple[float, float], y0: Any, args: Any, rtol: float, atol: Any, times: Any, max_step: float,
    first_step: float, limit: int, *, method: str,
) -> EnsembleResult:  # fmt: skip
    if y0.ndim != 2 or y0.shape[1] == 0 or y0.dtype.kind not in "fiu":
        raise ValueError(f"`y0` must be real, of shape (members, equations); got {y0.dtype} {y0.shape}.")
    parameters = {
        "method": method, "rtol": rtol, "atol": _absolute(atol, *y0.shape), "t_eval": times, "max_step": max_step,
        "first_step": first_step, "max_steps": limit, "args": args,
    }  # fmt: skip
    return EnsembleResult(*_diagnosed(fun, span, y0.astype(np.float64), parameters, "cuda").value)
