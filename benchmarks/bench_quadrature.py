"""asv: integrals by a callback, jitted and plain, and sums of samples, against SciPy."""

from __future__ import annotations

import warnings
from typing import Any

import fsci
from benchmarks.workloads_quadrature import INTEGRALS, SAMPLED, quad_calls, sampled_calls

__all__ = ["CertifiedQuad", "Quad", "Samples"]

_BY_NAME = {integral.name: integral for integral in INTEGRALS}


class Quad:
    """Twenty classic integrands."""

    param_names = ("integrand", "contender")
    params: Any = (
        list(_BY_NAME),
        ["fsci jitted", "scipy LowLevelCallable", "scipy jitted", "fsci plain", "scipy plain"],
    )
    warmup_time = 0.05

    def setup(self, name: str, contender: str) -> None:
        warnings.simplefilter("ignore")
        self.call = quad_calls(_BY_NAME[name])[contender]
        self.call()

    def time_call(self, name: str, contender: str) -> None:
        self.call()


class CertifiedQuad:
    """What a certificate costs, and whether it vouches for the value."""

    param_names = ("integrand",)
    params: Any = (list(_BY_NAME),)

    def setup(self, name: str) -> None:
        warnings.simplefilter("ignore")
        self.integral = _BY_NAME[name]
        self.quad = fsci.certify(fsci.integrate.quad)

    def time_certified(self, name: str) -> None:
        self.quad(self.integral.function, self.integral.a, self.integral.b)

    def track_error_over_bound(self, name: str) -> float:
        """True error over the bound: above 1 would be a broken promise."""
        integral = self.integral
        value, certificate = self.quad(integral.function, integral.a, integral.b)
        return float(abs(value[0] - integral.exact) / certificate.detail["error_bound"])


class Samples:
    """Sums of samples, short and long, at even and uneven spacing."""

    param_names = ("rule", "samples", "spacing", "contender")
    params: Any = (list(SAMPLED), [10, 1000, 1_000_000], ["even", "uneven"], ["fsci", "scipy"])
    warmup_time = 0.05

    def setup(self, rule: str, n: int, spacing: str, contender: str) -> None:
        if rule == "romb" and spacing == "uneven":
            raise NotImplementedError("Romberg's rule is for even spacing")
        self.call = sampled_calls(rule, n, spacing == "uneven")[contender]
        self.call()

    def time_call(self, rule: str, n: int, spacing: str, contender: str) -> None:
        self.call()
