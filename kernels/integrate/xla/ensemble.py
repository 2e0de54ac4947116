"""Ensembles of JAX arrays: Dormand and Prince's pair of order 5(4) in a `lax.while_loop`, mapped over the members.

Each member has its own steps; those that have ended wait, as `vmap` has it, until the last one has. Works under `jit`
and `vmap`; step control is SciPy's (Hairer, Norsett and Wanner, 1993, section II.4).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fsci.core.registry import register, register_check
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.integrate.ensemble_certificate import certificate_of
from fsci.kernels.integrate.tableaus import tableau

__all__ = ["run_ensemble"]

register_check("initial_value_ensemble", "xla")(certificate_of)

_SAFETY, _MIN_FACTOR, _MAX_FACTOR = 0.9, 0.2, 10.0
_RUNNING = 1  # no status of SciPy's: the loop goes on
_DONE, _TOO_SMALL, _MOST_STEPS, _NONFINITE = 0, -1, -2, -4


def _rows() -> tuple[Any, Any, Any, Any]:
    """Coefficients of the stages, abscissas, error weights and dense output of Dormand and Prince's pair."""
    pair = tableau("RK45")
    rows = np.zeros((pair.stages + 1, pair.stages + 1))
    for s in range(1, pair.stages + 1):
        part = slice(pair.starts[s], pair.starts[s + 1])
        rows[s, pair.sources[part]] = pair.coefficients[part]
    return rows, pair.nodes, pair.errors[0], pair.dense


def _norm(values: Any) -> Any:
    return jnp.sqrt(jnp.mean(values * values))


def _first_step(f: Any, t0: Any, y0: Any, f0: Any, span: Any, direction: Any, rtol: Any, atol: Any) -> Any:
    scale = atol + jnp.abs(y0) * rtol
    d0, d1 = _norm(y0 / scale), _norm(f0 / scale)
    h0 = jnp.minimum(jnp.where((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / d1), span)
    d2 = _norm((f(t0 + h0 * direction, y0 + h0 * direction * f0) - f0) / scale) / h0
    flat = (d1 <= 1e-15) & (d2 <= 1e-15)
    h1 = jnp.where(flat, jnp.maximum(1e-6, h0 * 1e-3), (0.01 / jnp.maximum(d1, d2)) ** 0.2)
    return jnp.minimum(jnp.minimum(100.0 * h0, h1), span)


def _member(fun: Any, limit: int, t0: Any, t_end: Any, y0: Any, args: Any, options: Any) -> Any:
    """One member: the time it reached, its state, values at `t_eval`, status, counts."""
    rtol, atol, times, max_step, first_step = options
    dtype = y0.dtype
    rows, nodes, errors, dense = (jnp.asarray(part, dtype) for part in _rows())
    direction = jnp.where(t_end >= t0, 1.0, -1.0).astype(dtype)

    def f(t: Any, y: Any) -> Any:
        value = fun(t, y, *args)
        slope = jnp.stack(value) if isinstance(value, (tuple, list)) else jnp.asarray(value)
        if slope.shape != y.shape:
            raise ValueError(f"`fun` gives derivatives of shape {slope.shape}; the state has {y.shape}.")
        return slope.astype(dtype)

    f0 = f(t0, y0)
    found = _first_step(f, t0, y0, f0, jnp.abs(t_end - t0), direction, rtol, atol)
    h = jnp.minimum(jnp.where(first_step > 0.0, first_step, found), max_step)
    finite = jnp.all(jnp.isfinite(y0)) & jnp.all(jnp.isfinite(f0))
    start = {
        "t": t0, "y": y0, "f": f0, "h": h, "values": jnp.full((times.size, y0.size), jnp.nan, dtype),
        "status": jnp.where(finite, _RUNNING, _NONFINITE).astype(jnp.int8), "retry": jnp.asarray(False),
        "steps": jnp.asarray(0), "rejected": jnp.asarray(0),
    }  # fmt: skip

    def body(state: Any) -> Any:
        t, y = state["t"], state["y"]
        spacing = 10.0 * jnp.abs(jnp.nextafter(t, direction * jnp.inf) - t)
        wide = jnp.clip(state["h"], spacing, jnp.maximum(max_step, spacing))
        h_abs = jnp.where(state["retry"], state["h"], wide)
        stuck = ~(h_abs >= spacing)
        t_new = t + h_abs * direction
        t_new = jnp.where(direction * (t_new - t_end) > 0.0, t_end, t_new)
        step = t_new - t
        slopes = jnp.zeros((rows.shape[0], y.size), dtype).at[0].set(state["f"])
        y_new = y
        for s in range(1, rows.shape[0]):
            y_new = y + step * (rows[s, :s] @ slopes[:s])
            slopes = slopes.at[s].set(f(t + nodes[s] * step, y_new))
        scale = atol + jnp.maximum(jnp.abs(y), jnp.abs(y_new)) * rtol
        error = _norm(step * (errors @ slopes) / scale)
        accepted = (error < 1.0) & ~stuck
        factor = jnp.where(error == 0.0, _MAX_FACTOR, _SAFETY * error**-0.2)
        wider = jnp.where(state["retry"], jnp.minimum(factor, 1.0), jnp.minimum(factor, _MAX_FACTOR))
        narrower = jnp.where(factor > _MIN_FACTOR, factor, _MIN_FACTOR)  # NaN gives the least
        theta = (times - t) / jnp.where(step == 0.0, 1.0, step)
        powers = theta[:, None] ** jnp.arange(1, dense.shape[1] + 1)
        inside = accepted & (direction * (times - t) >= 0.0) & (direction * (times - t_new) <= 0.0)
        within = y + step * (powers @ (dense.T @ slopes))
        steps, rejected = state["steps"] + accepted, state["rejected"] + (~accepted & ~stuck)
        at_end = accepted & (direction * (t_new - t_end) >= 0.0)
        status = jnp.where(at_end, _DONE, jnp.where(steps + rejected >= limit, _MOST_STEPS, _RUNNING))
        return {
            "t": jnp.where(accepted, t_new, t), "y": jnp.where(accepted, y_new, y),
            "f": jnp.where(accepted, slopes[-1], state["f"]),
            "h": jnp.abs(step) * jnp.where(accepted, wider, narrower),
            "values": jnp.where(inside[:, None], within, state["values"]),
            "status": jnp.where(stuck, _TOO_SMALL, status).astype(jnp.int8), "retry": ~accepted,
            "steps": steps, "rejected": rejected,
        }  # fmt: skip

    end = jax.lax.while_loop(lambda state: state["status"] == _RUNNING, body, start)
    nfev = jnp.where(first_step > 0.0, 1, 2) + (rows.shape[0] - 1) * (end["steps"] + end["rejected"])
    return end["t"], end["y"], end["values"], end["status"], nfev, end["steps"], end["rejected"]


@lru_cache(maxsize=64)
def _compiled(fun: Any, axes: tuple[int | None, ...], atol_axis: int | None, limit: int) -> Any:
    def member(t0: Any, t_end: Any, y: Any, args: Any, atol: Any, options: Any) -> Any:
        rtol, times, max_step, first_step = options
        return _member(fun, limit, t0, t_end, y, args, (rtol, atol, times, max_step, first_step))

    return jax.jit(jax.vmap(member, in_axes=(None, None, 0, axes, atol_axis, None)))


def run_ensemble(
    fun: Any, span: tuple[float, float], y0: Any, args: tuple[Any, ...], rtol: float, atol: Any, t_eval: Any,
    max_step: float, first_step: float, limit: int,
) -> tuple[Any, ...]:  # fmt: skip
    """Integrate every row of `y0`; the fields of the public result, in their order."""
    dtype = jnp.result_type(y0.dtype, jnp.float32)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise ValueError(f"`y0` must be real; got {y0.dtype}.")
    values = tuple(jnp.asarray(arg) for arg in args)
    axes = tuple(0 if value.ndim else None for value in values)
    for place, value in enumerate(values):
        if value.ndim and value.shape[0] != y0.shape[0]:
            raise ValueError(
                f"args[{place}] is neither a number nor an array of {y0.shape[0]}: got shape {value.shape}."
            )
    absolute = jnp.asarray(atol, dtype)
    times = jnp.asarray([] if t_eval is None else t_eval, dtype)
    run = _compiled(fun, axes, 0 if absolute.ndim == 2 else None, min(limit, 2**31 - 1))
    numbers = [jnp.asarray(number, dtype) for number in (*span, rtol, max_step, first_step)]
    t, y, inside, status, nfev, steps, rejected = run(
        numbers[0], numbers[1], y0.astype(dtype), values, absolute, (numbers[2], times, numbers[3], numbers[4])
    )
    return t, y if t_eval is None else inside.transpose(0, 2, 1), t_eval, status, nfev, steps, rejected


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    """Whatever is traceable; what is not, JAX says itself."""
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    """How many steps a member takes is not known before."""
    return 1e4 * max(float(np.size(problem.operands[2])), 1.0)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    """Integrate all members, and keep the means to do so again."""
    fun, span, y0 = problem.operands
    options = problem.parameters

    def again(rtol: float, atol: Any, most: int) -> tuple[Any, ...]:
        return run_ensemble(
            fun, span, y0, options["args"], rtol, jnp.asarray(atol), options["t_eval"], options["max_step"],
            options["first_step"], most,
        )  # fmt: skip

    value = run_ensemble(
        fun, span, y0, options["args"], options["rtol"], options["atol"], options["t_eval"], options["max_step"],
        options["first_step"], options["max_steps"],
    )  # fmt: skip
    return Attempt(value, byproducts={"again": again})


register(
    Kernel(
        name="explicit_mapped",
        kind="initial_value_ensemble",
        shelf="xla",
        applies=applies,
        work=work,
        run=run,
        safest=True,
        source="J. R. Dormand and P. J. Prince (1980), A family of embedded Runge-Kutta formulae",
    )
)
