"""Integrals with a sine or cosine weight over a finite range, by Levin's collocation, of any frequency.

D. Levin (1982), Procedures for computing one- and two-dimensional integrals of functions with rapid irregular
oscillations. For an f that a polynomial approximates: as many evaluations as that takes, where QUADPACK's panels may
number hundreds, and where its bound on the number of moments ends it.
"""

from __future__ import annotations

import math

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.integrate.host.probed_gauss_kronrod import only_on_request
from fsci.kernels.integrate.integrands import Integrand
from fsci.kernels.integrate.waves import by_collocation, chebyshev, part_of

__all__ = ["is_finite_wave"]

SIZES = (17, 33, 65, 129, 257)  # nested points


def is_finite_wave(problem: Problem) -> bool:
    """Whether it has a sine or cosine weight, on a finite range."""
    _, a, b = problem.operands
    return problem.parameters["weight"] in ("cos", "sin") and math.isfinite(a) and math.isfinite(b)


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if not is_finite_wave(problem):
        return Refusal("the integral is not one of a wave over a finite range")
    if problem.structure is not None:
        return Refusal("strict mode gives QUADPACK's value")
    if problem.parameters["full_output"]:
        return only_on_request(problem, evidence)
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    # Its evaluations are few, whatever the frequency.
    return 150.0


@np.errstate(all="ignore")
def run(problem: Problem, evidence: Evidence) -> Attempt:
    function, a, b = problem.operands
    plain = Integrand(function, a, b, {**problem.parameters, "weight": None, "wvar": None})
    weight, frequency = problem.parameters["weight"], float(problem.parameters["wvar"])
    centre, half = 0.5 * (plain.a + plain.b), 0.5 * (plain.b - plain.a)
    f = plain.values(centre + half * chebyshev(SIZES[0])[0])
    value, change = part_of(weight, by_collocation(f, centre, half, frequency)) if _sound(f) else math.nan, math.inf
    for n in SIZES[1:]:
        if not _sound(f):
            break
        finer = np.empty(n)
        finer[::2], finer[1::2] = f, plain.values(centre + half * chebyshev(n)[0][1::2])
        f, before = finer, value
        value = part_of(weight, by_collocation(f, centre, half, frequency)) if _sound(f) else math.nan
        change = abs(value - before)
        # Rounding of what is summed: f at the ends, over the frequency.
        scale = half * float(np.max(np.abs(f))) / (1.0 + abs(frequency) * half)
        if change <= 1e-13 * scale:
            break
    if not math.isfinite(value):
        return Attempt(None, status="nonfinite")
    status = "ok" if change <= 1e-8 * scale else "not_converged"
    return Attempt((value, change, 0), status=status, byproducts={"result": value, "estimate": change})


def _sound(f: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bool:
    return bool(np.isfinite(f).all())


register(
    Kernel(
        name="levin_collocation",
        kind="quadrature",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="D. Levin (1982), Procedures for computing one- and two-dimensional integrals of functions with rapid "
        "irregular oscillations",
    )
)
