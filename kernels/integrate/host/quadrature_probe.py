"""Evidence for an integral: samples all over the range, where somebody asked for more than QUADPACK's value."""

from __future__ import annotations

import numpy as np

from fsci.core.registry import register_probe
from fsci.core.types import Evidence, Fact, Problem
from fsci.kernels.integrate.double_exponential import resolvable, transformed
from fsci.kernels.integrate.integrands import Integrand
from fsci.kernels.integrate.samples_of import sampled

__all__: list[str] = []


@register_probe("quadrature", "host")
def probe(problem: Problem) -> Evidence:
    """Empty unless samples were asked for: each of them is a call of the user's function."""
    if not problem.parameters["sampled"]:
        return Evidence()
    function, a, b = problem.operands
    if not resolvable(a, b):
        return Evidence()
    integrand = Integrand(function, a, b, problem.parameters)
    change = transformed(integrand)
    with np.errstate(all="ignore"):
        samples = sampled(change)
    return Evidence(
        {
            "shape": Fact(samples.shape, exact=False),
            "samples": Fact(samples, exact=False),
            "transformed": Fact(change),
        }
    )
