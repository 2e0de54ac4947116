"""`solve`: linear systems."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.linalg as scipy_linalg

from fsci import selector
from fsci.core.backends import HOST, backend_of
from fsci.core.errors import SingularMatrixError
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Diagnosis, Evidence, Problem
from fsci.linalg.errors import LinAlgWarning, UncertifiedWarning

__all__ = ["solve"]

_scipy_solve = scipy_linalg.solve
_ndarray = np.ndarray


def classify(problem: Problem, evidence: Evidence) -> str:
    structure = evidence.get("structure", "unknown")
    return f"{structure}"


declare_kind("linear_system", "linalg", classify, "x with a @ x = b, a square")


def solve(
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: str | None = None,
    transposed: bool = False,
) -> Any:
    if type(a) is _ndarray and type(b) is _ndarray and assume_a is None and not transposed:
        key = ("solve", a.shape, b.shape, a.dtype, b.dtype)
        plan = FRAME.get().plans.get(key)
        if plan is not None:
            x = plan(a, b)
            if x is not None:
                return x
    else:
        key = None
    a = np.asarray(a); b = np.asarray(b)
    problem = Problem("linear_system", (a, b), {"transposed": transposed}, HOST, a.dtype, assume_a, a.shape[0])
    d = selector.run(problem, "linalg.solve", key)
    return d.value
