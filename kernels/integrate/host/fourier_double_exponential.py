"""Integrals with a sine or cosine weight over a half-line, by Ooura and Mori's double-exponential formula."""

from __future__ import annotations

import math

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.integrate.fourier import decays, fourier_integral
from fsci.kernels.integrate.host.probed_gauss_kronrod import only_on_request
from fsci.kernels.integrate.integrands import Integrand

__all__: list[str] = []

COARSE, FINE = 40.0, 72.0


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if not is_fourier(problem):
        return Refusal("the integral is not one of a wave over a half-line")
    return only_on_request(problem, evidence)


def is_fourier(problem: Problem) -> bool:
    """Whether it has a sine or cosine weight, on a half-line."""
    _, a, b = problem.operands
    wave = problem.parameters["weight"] in ("cos", "sin") and float(problem.parameters["wvar"]) != 0.0
    return wave and (math.isinf(a) != math.isinf(b))


def work(problem: Problem, evidence: Evidence) -> float:
    return 500.0


@np.errstate(all="ignore")
def run(problem: Problem, evidence: Evidence) -> Attempt:
    function, a, b = problem.operands
    integrand = Integrand(function, a, b, problem.parameters)
    weight, frequency = problem.parameters["weight"], float(problem.parameters["wvar"])
    if not decays(integrand, frequency):
        return Attempt(None, status="declined")
    coarse, fine = (fourier_integral(integrand, weight, frequency, m) for m in (COARSE, FINE))
    if not math.isfinite(fine.value):
        return Attempt(None, status="nonfinite")
    estimate = abs(fine.value - coarse.value)
    status = "ok" if estimate <= 1e-6 * fine.magnitude else "not_converged"
    return Attempt((fine.value, estimate, 0), status=status, byproducts={"result": fine.value, "estimate": estimate})


register(
    Kernel(
        name="fourier_double_exponential",
        kind="quadrature",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="T. Ooura and M. Mori (1999), A robust double exponential formula for Fourier-type integrals",
    )
)
