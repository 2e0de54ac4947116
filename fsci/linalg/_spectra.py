"""What the eigenvalue functions share: their classes, what SciPy must judge, the warning of hardened mode."""

from __future__ import annotations

import warnings

import numpy as np

from fsci.core.frames import FRAME
from fsci.core.types import Diagnosis, Evidence, Problem
from fsci.linalg.errors import UncertifiedWarning

__all__ = ["classify", "square", "warn"]


def classify(problem: Problem, evidence: Evidence) -> str:
    """What decides whether a driver passes: the problem's form and its size."""
    form = "generalized" if len(problem.operands) > 1 else "hermitian" if evidence.get("hermitian") else "standard"
    return f"{form}/{'small' if problem.size <= 64 else 'large'}"


def square(array: np.ndarray | None, check_finite: bool) -> str:
    """Why SciPy must judge this matrix; empty where it is ours."""
    if array is None:
        return "not a plain numeric array"
    if array.ndim < 2 or array.shape[-1] != array.shape[-2]:
        return "not a square matrix"
    if array.size == 0:
        return "an empty array"
    if not np.isfinite(array).all():
        return "infinities or NaN" if check_finite else "infinities or NaN, unchecked"
    return ""


def warn(diagnosis: Diagnosis) -> None:
    """In hardened mode, say when the accuracy asked for is not met."""
    policy = FRAME.get().policy
    if policy.hardened and diagnosis.certificate.worst_verdict != "certified":
        text = f"the answer does not meet accuracy {policy.accuracy!r}: {diagnosis.certificate.title()}"
        warnings.warn(UncertifiedWarning(text, diagnosis), stacklevel=3)
