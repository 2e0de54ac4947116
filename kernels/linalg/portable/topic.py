"""A kind on a device, in two parts: the routes that answer it, and the judge of their answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fsci.core.policy import Policy
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem, Refusal, digits_of
from fsci.kernels.linalg.portable.namespace import Namespace

__all__ = ["Bound", "Route", "Topic", "spread"]


@dataclass(frozen=True, slots=True)
class Bound:
    """What a judge found: the worst over a batch, infinity where nothing is known."""

    backward: float = math.inf
    forward: float = math.inf
    condition: float = math.inf
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One algorithm: ``run(space, problem)``, and ``refuses(space, problem)`` with a reason or None."""

    name: str
    run: Callable[[Namespace, Problem], Attempt]
    source: str
    share: float = 1.0
    refuses: Callable[[Namespace, Problem], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """The routes of a kind, and ``judge(space, problem, attempt)``."""

    kind: str
    routes: tuple[Route, ...]
    judge: Callable[[Namespace, Problem, Attempt], Bound]

    def check_with(
        self, namespace: Callable[[], Namespace]
    ) -> Callable[[Problem, Evidence, Attempt, Policy], Certificate]:
        """The check of this kind, for a shelf."""

        def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
            found = self.judge(namespace(), problem, attempt)
            forward = found.forward if found.forward >= 0.0 else math.inf
            return Certificate(
                verdict=policy.verdict(forward, "estimated", problem.unit_roundoff),
                backward_error=found.backward,
                condition=found.condition,
                forward_error=forward,
                digits=digits_of(forward),
                algorithm=attempt.kernel,
                detail=found.detail,
            )

        return check

    def kernels(self, shelf: str, namespace: Callable[[], Namespace]) -> list[Kernel]:
        """The portfolio of this kind, for a shelf; the library is imported at the first call."""
        return [self._kernel(route, shelf, namespace) for route in self.routes]

    def _kernel(self, route: Route, shelf: str, namespace: Callable[[], Namespace]) -> Kernel:
        def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
            reason = None if route.refuses is None else route.refuses(namespace(), problem)
            return None if reason is None else Refusal(reason)

        def work(problem: Problem, evidence: Evidence) -> float:
            m, n = problem.operands[0].shape[-2:]
            return max(1.0, route.share * m * n * min(m, n))

        def run(problem: Problem, evidence: Evidence) -> Attempt:
            return route.run(namespace(), problem)

        return Kernel(route.name, self.kind, shelf, applies, work, run, source=route.source)


def spread(space: Namespace, value: Any) -> float:
    """Largest of the values, as a Python float; infinity for NaN."""
    largest = float(space.xp.max(value))
    return math.inf if math.isnan(largest) else largest
