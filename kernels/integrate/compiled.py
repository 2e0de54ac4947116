"""What every kernel with a compiled step loop does: whether it applies, and how it runs.

Importing this imports no Numba.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from fsci.core.types import Attempt, Fact, Problem, Refusal
from fsci.kernels.integrate.auto_solver import for_scipy
from fsci.kernels.integrate.driver import BASES, Loop, loop_of, plain_result, playback
from fsci.kernels.integrate.events import Roots, watchful
from fsci.kernels.integrate.jax_callbacks import JaxRhs
from fsci.kernels.integrate.native_callbacks import NativeRhs
from fsci.kernels.integrate.recorded import recordable, recorded_result

__all__ = [
    "LEFT",
    "STRUCTURED_FROM",
    "attempt_of",
    "compiled_applies",
    "compiled_fast",
    "compiled_run",
    "driven",
    "giving",
    "is_jitted",
    "is_plain",
    "may_be_left",
    "solution",
]


# The entry of the ledger where the default method is not kept.
LEFT = "RK45 left for an implicit method where the problem is stiff"

# Order from which a sparse elimination, with its bookkeeping, costs less than SciPy's dense one (measured).
STRUCTURED_FROM = 100


def is_jitted(function: Any) -> bool:
    """Whether `function` is machine code: Numba's, a C function, or JAX's that has been lowered before."""
    if isinstance(function, (NativeRhs, JaxRhs)):
        return True
    numba = sys.modules.get("numba.core.dispatcher")
    return numba is not None and isinstance(function, numba.Dispatcher)


def is_plain(problem: Problem) -> bool:
    """Whether nothing but the steps is wanted: no events, no dense output."""
    return problem.parameters["events"] is None and not problem.parameters["dense_output"]


def may_be_left(method: str, problem: Problem) -> bool:
    """Whether SciPy's default may be left where the problem is seen to be stiff: in hardened mode."""
    return method == "RK45" and bool(problem.parameters["every_root"])


def driven(problem: Problem, method: Any, **more: Any) -> Any:
    """SciPy's driver on `problem`, with `method` one of its names or classes; `more` are options of the class."""
    (function, span, y0), options = problem.operands, problem.parameters
    method, function = for_scipy(method), giving(function, len(options["args"] or ()))
    names = ("t_eval", "dense_output", "events", "vectorized", "args")
    chosen = {name: options[name] for name in names} | options["options"] | more
    if not chosen["args"]:
        chosen["args"] = None
    if options["every_root"] and options["events"] is not None:
        roots = Roots(options["events"], options["args"])
        value = options["drive"](function, span, y0, watchful(method), roots=roots, **chosen)
        return roots.cleaned(value, options["t_eval"])
    return options["drive"](function, span, y0, method, **chosen)


def giving(function: Any, extra: int) -> Any:
    """`function` as SciPy calls it: a jitted one that fills the derivatives it is handed gives them here."""
    if isinstance(function, (NativeRhs, JaxRhs)) or not is_jitted(function):
        return function
    from fsci.kernels.integrate.callbacks import _arity  # here, so that looking at a kernel does not import Numba

    if _arity(function.py_func) != 3 + extra:
        return function

    def filled(t: float, y: Any, *args: Any) -> Any:
        out = np.empty_like(y)
        function(t, y, out, *args)
        return out

    return filled


def _callback(problem: Problem) -> Any:
    from fsci.kernels.integrate.callbacks import rhs_of  # here, so that looking at a kernel does not import Numba

    function, _, y0 = problem.operands
    return rhs_of(function, y0.size, problem.parameters["args"])


def compiled_applies(method: str, problem: Problem) -> Refusal | None:
    """Whether the problem asks for `method`, and the callback is compiled or can be."""
    if problem.structure != method:
        return Refusal(f"the caller asked for {problem.structure}")
    if not is_jitted(problem.operands[0]):
        return Refusal("the callback is interpreted: it is compiled when a solve is seen to last")
    callback = _callback(problem)
    reason = callback.reason or loop_of(method).refuses(callback, problem)
    return Refusal(reason) if reason else None


def compiled_fast(method: str, problem: Problem) -> Any:
    """SciPy's result; None where SciPy must word an error."""
    callback = _callback(problem)
    if callback.reason or loop_of(method).refuses(callback, problem):
        return None
    loop = loop_of(method).of(method, callback, problem)
    return plain_result(loop, problem.operands[1][0], *_rest(problem))


def _rest(problem: Problem) -> tuple[Any, Any]:
    return problem.operands[2], problem.parameters["t_eval"]


def compiled_run(method: str, problem: Problem) -> Attempt:
    """Run the compiled loop: on its own, or played back into SciPy's driver where there are events or dense output."""
    callback = _callback(problem)
    if is_plain(problem):
        loop = loop_of(method).of(method, callback, problem)
        value = plain_result(loop, problem.operands[1][0], *_rest(problem))
        return Attempt(None, status="declined") if value is None else attempt_of(value, loop)
    if recordable(problem, method):
        loop = loop_of(method).of(method, callback, problem)
        value = recorded_result(loop, callback, problem, method)
        if value is not None:
            return attempt_of(value, loop)
    loops: list[Loop] = []

    def start(solver: Any) -> Loop:
        loops.append(loop_of(method).resumed(method, callback, problem, solver))
        return loops[0]

    value = driven(problem, playback(method), start=start)
    return attempt_of(value, loops[0] if loops else None)


def solution(problem: Problem, method: str) -> Any:
    """SciPy's result of a problem without events and dense output, compiled where the callback is."""
    value = None
    if method in BASES and is_jitted(problem.operands[0]):
        value = compiled_fast(method, problem)
    implicit = method in ("Radau", "BDF") and problem.size > STRUCTURED_FROM
    if value is None and implicit and problem.parameters["options"].get("jac") is None:
        from fsci.kernels.integrate.structured import structured_result  # here: a short solve imports no Numba

        found = structured_result(problem, method)
        value = None if found is None else found[0]
    return driven(problem, method) if value is None else value


def attempt_of(value: Any, loop: Any = None) -> Attempt:
    """The attempt that SciPy's result stands for: not converged where it failed, nonfinite where it holds NaN."""
    status = "ok" if value.status >= 0 else "not_converged"
    if status == "ok" and not np.all(np.isfinite(value.y)):
        status = "nonfinite"
    facts = {} if loop is None else {name: Fact(number) for name, number in loop.facts.items()}
    return Attempt(value, status=status, facts=facts, final=status != "ok")
