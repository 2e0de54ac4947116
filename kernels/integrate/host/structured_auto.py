"""``method="auto"`` for large Jacobians without a narrow band: explicit until stiffness is seen, then BDF.

The change is made once, from the beginning: explicit steps up to where stiffness shows cost little beside one
factorization. BDF's Newton matrices are factored as `structured` does it; where they are full, its systems are solved
as `krylov` does it.
"""

from __future__ import annotations

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.integrate.compiled import STRUCTURED_FROM, attempt_of, compiled_applies, driven, is_jitted, is_plain

__all__ = ["large_attempt"]


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.structure != "auto":
        return Refusal(f"the caller asked for {problem.structure}")
    if problem.size <= STRUCTURED_FROM:
        return Refusal("an order so small that a full matrix costs less")
    if problem.parameters["options"].get("jac") is not None:
        return Refusal("the caller gives the Jacobian")
    if not is_jitted(problem.operands[0]):
        return Refusal("the callback is interpreted: it is compiled when a solve is seen to last")
    if compiled_applies("auto", problem) is None:
        return Refusal("a band, or an order, that the compiled loop eliminates at less cost")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return 1.0


def run(problem: Problem, evidence: Evidence) -> Attempt:
    return large_attempt(problem)


def large_attempt(problem: Problem) -> Attempt:
    """The attempt, for a callback that is compiled or can be."""
    # Here: a short solve imports no Numba.
    from fsci.kernels.integrate.auto import explicit_result
    from fsci.kernels.integrate.krylov import KrylovBdf
    from fsci.kernels.integrate.structured import structured_result

    if is_plain(problem):
        value, loop = explicit_result(problem)
        if value is not None:
            return attempt_of(value, loop)
    found = structured_result(problem, "BDF")
    if found is None and problem.parameters["options"].get("jac_sparsity") is not None:
        return Attempt(None, status="declined")
    value, entries = (driven(problem, KrylovBdf), problem.size**2) if found is None else found
    attempt = attempt_of(value)
    if found is None and attempt.status != "ok":
        return Attempt(None, status="declined")  # what GMRES did not solve, a full matrix may
    facts = {
        "jacobians": Fact(value.njev), "factorizations": Fact(value.nlu), "entries": Fact(entries),
        "stiff": Fact(True), "method": Fact("Krylov BDF" if found is None else "BDF"),
    }  # fmt: skip
    return Attempt(attempt.value, attempt.status, facts=facts, final=attempt.final)


register(
    Kernel(
        name="structured_auto",
        kind="initial_value_problem",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="Petzold (1983); Shampine and Reichelt (1997); Duff and Reid (1984); Brown and Hindmarsh (1989)",
    )
)
