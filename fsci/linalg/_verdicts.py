"""What a public function says when an answer is not certified, or there is none."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from fsci.core.errors import SingularMatrixError
from fsci.core.frames import FRAME
from fsci.core.types import Diagnosis, Evidence, Problem
from fsci.linalg.errors import LinAlgError, UncertifiedWarning

__all__ = ["all_finite", "classify_dense", "fresh", "over_batch", "refuse", "warn_uncertified"]

_SIZES = (16, 128, 1024)


def all_finite(*arrays: Any) -> bool:
    """Whether no entry is infinite or NaN."""
    return all(bool(np.isfinite(array).all()) for array in arrays)


def classify_dense(problem: Problem, evidence: Evidence) -> str:
    """Evidence class: structure, and size by powers."""
    structure = problem.structure or evidence.get("structure", "unknown")
    size = next((f"n<={limit}" for limit in _SIZES if problem.size <= limit), "large")
    return f"{structure}/{size}"


def fresh(key: Any) -> Any:
    """`key` unless it is planned already: a plan that has declined must not keep its kernel from saying why."""
    return None if key in FRAME.get().plans else key


def warn_uncertified(diagnosis: Diagnosis, stacklevel: int = 3) -> bool:
    """Warn where the policy asks for certified answers and this one is not; whether it did."""
    if not FRAME.get().policy.wants_forward or diagnosis.certificate.worst_verdict == "certified":
        return False
    bound = float(np.max(diagnosis.certificate.forward_error, initial=0.0))
    warnings.warn(
        UncertifiedWarning(
            f"{diagnosis.function}: no route met the accuracy of the policy (relative error bound {bound:.3g}, "
            f"by {diagnosis.certificate.algorithm}); see .diagnosis of this warning",
            diagnosis,
        ),
        stacklevel=stacklevel + 1,
    )
    return True


def refuse(message: str, diagnosis: Diagnosis) -> LinAlgError:
    """The LinAlgError that SciPy's callers expect; in hardened mode it carries the diagnosis."""
    if FRAME.get().policy.hardened:
        return SingularMatrixError(message, diagnosis)
    return LinAlgError(message)


def over_batch(call: Callable[..., Any], *arrays: tuple[Any, int]) -> Any:
    """Call for each slice of the broadcast batch and stack the results, as SciPy's decorator does.

    Parameters
    ----------
    call : callable
        Takes one slice of each array; gives an array or a tuple of arrays and scalars.
    *arrays : tuple of (ndarray, int)
        Each with the number of its core dimensions.
    """
    batch = np.broadcast_shapes(*[array.shape[: array.ndim - core] for array, core in arrays])
    if 0 in batch:
        raise ValueError("zero-size batches are not supported")
    whole = [np.broadcast_to(array, batch + array.shape[array.ndim - core :]) for array, core in arrays]
    results = []
    for index in np.ndindex(batch):
        result = call(*[array[index] for array in whole])
        results.append(result if isinstance(result, tuple) else (result,))
    stacked = []
    for column in zip(*results, strict=True):
        stack = np.stack(column)
        stacked.append(stack.reshape(batch + stack.shape[1:]))
    return stacked[0] if len(stacked) == 1 else stacked  # a list, as SciPy gives
