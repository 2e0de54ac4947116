"""SciPy's own steps around an interpreted callback; they hand over to a compiled loop when that pays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.integrate.auto_solver import STAND_INS, for_scipy
from fsci.kernels.integrate.compiled import LEFT, attempt_of, driven, is_jitted, is_plain, may_be_left
from fsci.kernels.integrate.driver import BASES, Loop, loop_of, plain_result, playback
from fsci.kernels.integrate.host.structured_auto import large_attempt
from fsci.kernels.integrate.recorded import recordable, recorded_result
from fsci.kernels.integrate.stiff_steps import StiffSteps
from fsci.kernels.integrate.tiering import TakeOver, Watch

__all__ = ["tiered"]


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return 1.0


# Steps before the clock is looked at: a short solve pays for nothing but its driver.
_UNWATCHED = 64
_NEVER = 1 << 60  # steps


class _Starter:
    """What starts the compiled loop of a solve that lasts; called before an interpreted step, and after `wait` more."""

    def __init__(self, posed: Callable[[], Any], plain: bool, stiff: StiffSteps | None = None) -> None:
        self._posed, self._plain, self._stiff, self._steps = posed, plain, stiff, 0
        self.left, self.wait = "", 0
        self.large = False  # of too large a Jacobian for the compiled loop
        self.problem: Problem | None = None
        self.watch: Watch | None = None
        self.loop: Loop | None = None

    def __call__(self, solver: Any) -> Loop | None:
        self._steps += 1 + self.wait
        self.wait = 0
        if self._stiff is not None and self._stiff.seen(solver):
            self.left = STAND_INS["auto"]
            raise TakeOver(None)
        patient = self._stiff is None
        if self._steps < _UNWATCHED:
            self.wait = _UNWATCHED - self._steps - 1 if patient else 0
            return None
        if self._steps == _UNWATCHED:
            problem = self._posed()
            if isinstance(problem, Problem):
                function, (t0, t_end), y0 = problem.operands
                events = problem.parameters["events"] is not None
                self.problem = problem
                self.watch = Watch(function, y0.size, problem.parameters["args"], t0, t_end, events)
        callback = self.watch.compiled(solver) if self.watch is not None else None
        if callback is None and patient:
            self.wait = _NEVER if self.watch is None else self.watch.steps_to_wait(self._steps - _UNWATCHED)
        method = "" if self.problem is None else self.loop_name(str(self.problem.structure))
        if callback is not None and self.watch is not None and self.problem is not None:
            self.watch.reason = loop_of(method).refuses(callback, self.problem)
            options = self.problem.parameters["options"]
            self.large = bool(self.watch.reason) and method == "auto" and options.get("jac") is None
        own = self.problem is not None and self.problem.structure in STAND_INS
        if own and self.watch is not None and self.watch.reason:
            raise TakeOver(None)  # interpreted steps are explicit: a stiff problem must not go on with them
        if callback is None or self.problem is None or (self.watch is not None and self.watch.reason):
            return None
        if self._plain or (recordable(self.problem, method) and self.problem.parameters["events"] is None):
            raise TakeOver(callback)
        self.loop = loop_of(method).resumed(method, callback, self.problem, solver)
        return self.loop

    def loop_name(self, method: str) -> str:
        """The compiled loop that goes on: the same steps, which may be left where they are seen to be stiff."""
        return method if self._stiff is None else "auto"

    def facts(self) -> dict[str, Fact]:
        """What the loop found out, or why there is none."""
        found = {} if self.loop is None else self.loop.facts
        if self.left:
            found = {**found, "stiff": True, "switches": 1, "method": self.left}
        if self.watch is not None and self.watch.reason:
            found = {**found, "interpreted": self.watch.reason}
        return {name: Fact(value) for name, value in found.items()}


def tiered(
    driven: Callable[..., Any], method: str, posed: Callable[[], Any], plain: bool, may_leave: bool = False
) -> tuple[Any, _Starter]:
    """SciPy's result of an interpreted callback, which is compiled on the way if that pays.

    Parameters
    ----------
    driven : callable
        ``driven(method, **options)`` runs SciPy's driver.
    method : str
    posed : callable
        Gives the problem; anything else if it cannot be posed.
    plain : bool
        Neither events nor dense output.
    may_leave : bool
        The method is left for an implicit one where stability holds its steps small.
    """
    start = _Starter(posed, plain, StiffSteps(method) if may_leave else None)
    try:
        return driven(playback(start.loop_name(method)), start=start), start
    except TakeOver as taken:
        if taken.callback is None:
            value = large_attempt(start.problem).value if start.large and start.problem is not None else None
            return (driven(start.left or STAND_INS[method]) if value is None else value), start
        problem = start.problem
        assert problem is not None  # noqa: S101 (for the type checker: nobody else raises this)
        # From the beginning: the loop is so much faster that going over it again is cheaper than joining the two.
        name = start.loop_name(method)
        start.loop = loop_of(name).of(name, taken.callback, problem)
        if plain:
            value = plain_result(start.loop, problem.operands[1][0], problem.operands[2], problem.parameters["t_eval"])
        else:
            value = recorded_result(start.loop, taken.callback, problem, name)
        return (driven(for_scipy(method)) if value is None else value), start
    finally:
        if start.watch is not None:
            start.watch.close()


def run(problem: Problem, evidence: Evidence) -> Attempt:
    method = str(problem.structure)
    if method not in BASES or is_jitted(problem.operands[0]):
        return attempt_of(driven(problem, method))
    may_leave = may_be_left(method, problem)
    value, start = tiered(partial(driven, problem), method, lambda: problem, is_plain(problem), may_leave)
    attempt, facts = attempt_of(value), start.facts()
    left = {"repair": LEFT} if may_leave and "switches" in facts and facts["switches"].value else {}
    return Attempt(attempt.value, attempt.status, left, facts, attempt.final)


register(
    Kernel(
        name="stepped",
        kind="initial_value_problem",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        safest=True,
        source="SciPy's OdeSolver classes; LSODA by Petzold (1983) and Hindmarsh",
    )
)
