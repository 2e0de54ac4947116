"""The iterations that are SciPy's own code over fsci's products: what they answer is kept, and can be certified."""

from __future__ import annotations

from typing import Any

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal

__all__: list[str] = []


def _called(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None if "call" in problem.parameters else Refusal("the method is compiled here")


def _work(problem: Problem, evidence: Evidence) -> float:
    a = problem.operands[0]
    return 100.0 * float(2 * a.nnz + 20 * a.shape[0])


def _system(problem: Problem, evidence: Evidence) -> Attempt:
    answer = problem.parameters["call"]()
    x, info = answer
    status = "ok" if info == 0 else "not_converged"
    return Attempt(x, status, {"answer": answer, "info": int(info)}, final=True)


def _least_squares(problem: Problem, evidence: Evidence) -> Attempt:
    answer: Any = problem.parameters["call"]()
    # 0 to 2, 4 and 5: a tolerance was met; 3, 6 and 7: the condition is too large, or there were too many iterations.
    status = "ok" if answer[1] in (0, 1, 2, 4, 5) else "not_converged"
    return Attempt(
        answer[0], status, {"answer": answer, "istop": int(answer[1]), "iterations": int(answer[2])}, final=True
    )


register(
    Kernel(
        name="scipy_loop",
        kind="iterative_solve",
        shelf="host",
        applies=_called,
        work=_work,
        run=_system,
        source="SciPy: bicg, cgs, gcrotmk, lgmres, qmr, tfqmr",
    )
)


def _bidiagonalization(method: str, source: str) -> Kernel:
    def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
        asked = problem.parameters["method"]
        return None if asked == method else Refusal(f"the call asks for {asked}")

    kind = "sparse_least_squares"
    return Kernel(f"scipy_{method}", kind, "host", applies, _work, _least_squares, source=source)


register(_bidiagonalization("lsqr", "SciPy: Paige and Saunders (1982)"))
register(_bidiagonalization("lsmr", "SciPy: Fong and Saunders (2011)"))
