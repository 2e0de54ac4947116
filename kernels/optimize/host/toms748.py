"""Alefeld, Potra and Shi's enclosing method, algorithm 748 of the ACM: SciPy's loop."""

from __future__ import annotations

from scipy.optimize import toms748 as scipy_toms748

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.optimize.host.bracketing import NAN_FLAG, NotANumberError, guarded

__all__: list[str] = []

_MOST_DIGITS = 4  # rtol below this multiple of eps is refused by the method
_EPS = 2.0**-52


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.structure not in (None, "toms748"):
        return Refusal(f"the caller asked for {problem.structure}")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return 40.0  # fewer evaluations than Brent's, but an interpreted loop


def run(problem: Problem, evidence: Evidence) -> Attempt:
    function, a, b = problem.operands
    options = problem.parameters
    call = guarded(function)
    low, high = (a, b) if a < b else (b, a)
    try:
        root, result = scipy_toms748(
            call,
            low,
            high,
            args=options["args"],
            xtol=options["xtol"],
            rtol=max(options["rtol"], _MOST_DIGITS * _EPS),
            maxiter=options["maxiter"],
            full_output=True,
            disp=False,
        )
    except NotANumberError as stop:
        return Attempt(
            (stop.x, call.count, float("nan"), NAN_FLAG),  # type: ignore[attr-defined]
            status="nonfinite",
            final=True,
        )
    status = "ok" if result.converged else "not_converged"
    flag = 0 if result.converged else -2
    return Attempt((root, result.function_calls, result.iterations, flag), status=status, byproducts={"root": root})


register(
    Kernel(
        name="toms748",
        kind="root_scalar",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Alefeld, Potra and Shi (1995), ACM TOMS algorithm 748",
    )
)
