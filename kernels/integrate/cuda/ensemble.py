"""Ensembles on a GPU: one fused kernel, one thread for each member, each with its own steps."""

from __future__ import annotations

import sys
import types
from functools import lru_cache
from typing import Any

import numpy as np

from fsci.core.backends import require
from fsci.core.registry import register, register_check
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.integrate.callbacks import _arity
from fsci.kernels.integrate.ensemble_certificate import certificate_of
from fsci.kernels.integrate.lane_callbacks import member_arguments
from fsci.kernels.integrate.tableaus import tableau

__all__ = ["run_ensemble"]

register_check("initial_value_ensemble", "cuda")(certificate_of)

# Threads of a block: enough to hide what a step waits for, few enough that the slopes of each fit its memory.
_THREADS = 64
_ROUNDS = 2048  # tries a launch: some milliseconds, after which an interrupt is seen
_LONGEST_TUPLE = 64

_IN_PLACE = "def rhs(t, y, out, p, l):\n    function(t, y, out{args})\n"
_TUPLE = "def rhs(t, y, out, p, l):\n    d = function(t, y{args})\n{stores}\n"


@lru_cache(maxsize=64)
def _compiled(function: Any, args: str, in_place: bool, n: int, method: str) -> Any:
    """The kernel; compiled for the device at its first launch."""
    cuda: Any = require("numba.cuda")
    from fsci.kernels.integrate.cuda.members import loop_of

    stores = "\n".join(f"    out[{i}] = d[{i}]" for i in range(n))
    text = (_IN_PLACE if in_place else _TUPLE).replace("{args}", args).replace("{stores}", stores)
    space = {"function": cuda.jit(device=True)(function), "np": np}
    exec(text, space)  # noqa: S102 (our own text; the user's function is a name in it)
    return loop_of(cuda.jit(device=True)(space["rhs"]), n, tableau(method))


def run_ensemble(
    fun: Any, span: tuple[float, float], y0: Any, args: tuple[Any, ...], method: str, rtol: float, atol: Any,
    t_eval: Any, max_step: float, first_step: float, limit: int,
) -> tuple[Any, ...]:  # fmt: skip
    """Integrate every row of `y0`; the fields of the public result, in their order, on the device of `y0`.

    Raises
    ------
    TypeError
        `fun` or `args` are nothing that a device can run.
    """
    members, n = y0.shape
    given = tuple(arg.get() if hasattr(arg, "get") else arg for arg in args)
    flat = member_arguments(given, members)
    function = getattr(fun, "py_func", fun)
    if isinstance(flat, str) or not isinstance(function, types.FunctionType):
        raise TypeError(f"solve_ivp_ensemble: {flat if isinstance(flat, str) else 'fun is no plain function'}.")
    arity = _arity(function)
    if arity not in (2 + len(args), 3 + len(args)):
        raise TypeError(f"solve_ivp_ensemble: fun takes {arity} arguments; (t, y) and args make {2 + len(args)}.")
    in_place = arity == 3 + len(args)
    if not in_place and n > _LONGEST_TUPLE:
        raise TypeError(f"solve_ivp_ensemble: {n} derivatives are too many for a tuple: let fun write in place.")
    kernel = _compiled(function, flat[0].replace("{vector}", ""), in_place, n, method)
    # Arrays of CuPy exist only where it is imported; those of NumPy come from Numba's simulator.
    space: Any = sys.modules.get("cupy", np)
    # No array is empty, which not every device takes: nothing is less than a time that is not a number.
    times = np.array([np.nan]) if t_eval is None else t_eval
    info = np.zeros((members, 6), np.int64)
    info[:, 0] = 1
    t, h, y, f = (space.zeros(s) for s in (members, members, (members, n), (members, n)))
    values, report = space.full((members, times.size, n), np.nan), space.asarray(info)
    constants = [
        space.asarray(np.array(c, dtype=float, order="C"))
        for c in (flat[1].T, atol, (*span, rtol, max_step, first_step), times)
    ]
    parameters, tolerances, control, wanted = constants
    start = space.array(y0, order="C")
    blocks = -(-members // _THREADS)
    while members and bool((report[:, 0] == 1).any()):
        kernel[blocks, _THREADS](
            parameters, start, tolerances, control, wanted, values, t, h, y, f, report, _ROUNDS, limit
        )  # fmt: skip
    states = y if t_eval is None else values.transpose(0, 2, 1)
    return t, states, t_eval, report[:, 0].astype(np.int8), report[:, 1], report[:, 2], report[:, 3]


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    # How many steps a member takes is not known before.
    return 1e4 * max(float(problem.operands[2].size), 1.0)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    fun, span, y0 = problem.operands
    options = problem.parameters
    fixed = options["t_eval"], options["max_step"], options["first_step"]

    def again(rtol: float, atol: Any, most: int) -> tuple[Any, ...]:
        return run_ensemble(fun, span, y0, options["args"], "DOP853", rtol, atol, *fixed, most)

    value = run_ensemble(
        fun, span, y0, options["args"], options["method"], options["rtol"], options["atol"], *fixed,
        options["max_steps"],
    )  # fmt: skip
    return Attempt(value, byproducts={"again": again})


register(
    Kernel(
        name="explicit_fused",
        kind="initial_value_ensemble",
        shelf="cuda",
        applies=applies,
        work=work,
        run=run,
        safest=True,
        source="E. Hairer, S. P. Norsett and G. Wanner (1993), Solving ordinary differential equations I",
    )
)
