"""Answers for arrays that do not live on the host: one door for JAX and CuPy operands.

Eager arrays go through the selector as host arrays do. Under ``jax.jit``, ``vmap`` and
``grad`` only static facts exist: the kernel that wins on shape and dtype runs, nothing can
be raised or warned of, and the verdict stays ``unexamined``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np
import scipy.linalg as scipy_linalg

from fsci import selector
from fsci.core import registry
from fsci.core.backends import HOST, backend_of
from fsci.core.errors import BackendError, SingularMatrixError
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.types import Certificate, Diagnosis, Evidence, Problem
from fsci.kernels.linalg.portable.namespace import Namespace, namespace_of
from fsci.linalg._front import warn_ill_conditioned
from fsci.linalg.errors import UncertifiedWarning
from fsci.selector.ranking import rank

__all__ = ["on_device"]

# Public name -> kind of problem, and the options that change the answer, with their defaults.
_ASKED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "solve": ("linear_system", {"lower": False, "assume_a": None, "transposed": False}),
    "inv": ("inverse", {"lower": False, "assume_a": None}),
    "det": ("determinant", {}),
    "lstsq": ("least_squares", {"cond": None}),
    "pinv": ("pseudoinverse", {"atol": None, "rtol": None, "return_rank": False}),
    "cholesky": ("cholesky", {"lower": False}),
    "qr": ("qr_factorization", {"mode": "full", "pivoting": False}),
    "eigh": (
        "symmetric_eigen",
        {"lower": True, "eigvals_only": False, "subset_by_index": None, "subset_by_value": None, "b": None},
    ),
    "svd": ("svd", {"full_matrices": True, "compute_uv": True}),
    "expm": ("matrix_exponential", {}),
}
_ORIGINAL = {name: getattr(scipy_linalg, name) for name in _ASKED}
# Options that ask for speed or name a LAPACK routine: no array of a device heeds them.
_WITHOUT_MEANING = frozenset(
    {"overwrite_a", "overwrite_b", "lwork", "lapack_driver", "driver", "type", "turbo", "check_finite"}
)
_SQUARE = frozenset({"solve", "inv", "det", "cholesky", "eigh", "expm"})
_CHECKED_SINGULAR = frozenset({"linear_system", "inverse"})


def on_device(function_name: str, operands: tuple[Any, ...], parameters: Mapping[str, Any]) -> Any:
    """Answer a call whose operands live on an accelerator, or under a JAX transformation.

    Parameters
    ----------
    function_name : str
        SciPy's name, ``"solve"``.
    operands : tuple
        The arrays of the call; lists and scalars among them follow the others' device.
    parameters : mapping
        Every other argument, by SciPy's name.

    Returns
    -------
    object
        What SciPy's function returns, in arrays of the operands' library;
        ``NotImplemented`` where all operands belong on the host.

    Raises
    ------
    BackendError
        For operands on different devices, or an option that no kernel has there.
    LinAlgError
        As SciPy, for eager arrays only.
    """
    shelf = backend_of(*operands)
    if shelf == HOST:
        return NotImplemented
    space = namespace_of(shelf)
    if any(0 in np.shape(operand) for operand in operands):
        return _empty(function_name, space, operands, parameters)
    problem = _problem(function_name, space, shelf, operands, parameters)
    if space.traced(*problem.operands):
        return _traced(problem, f"linalg.{function_name}")
    looked_at = parameters.get("check_finite", True) and function_name != "expm"  # SciPy's expm does not look
    if looked_at and not all(space.truth(space.xp.isfinite(o).all()) for o in problem.operands):
        raise ValueError("array must not contain infs or NaNs")
    return _judged(selector.run(problem, f"linalg.{function_name}"))


def _empty(name: str, space: Namespace, operands: tuple[Any, ...], parameters: Mapping[str, Any]) -> Any:
    """Nothing to compute: SciPy says what the shapes and dtypes of the answer are."""
    blanks = [np.zeros(np.shape(o), getattr(o, "dtype", float)) for o in operands]
    value = hand_over(_ORIGINAL[name], f"linalg.{name}", "an empty array", *blanks, **parameters)
    parts = value if isinstance(value, tuple) else (value,)
    moved = tuple([space.xp.asarray(p) if isinstance(p, (np.ndarray, np.generic)) else p for p in parts])
    return moved if isinstance(value, tuple) else moved[0]


def _problem(
    name: str, space: Namespace, shelf: str, operands: tuple[Any, ...], parameters: Mapping[str, Any]
) -> Problem:
    if name not in _ASKED:
        raise BackendError(f"linalg.{name} has no kernel for {shelf}; move the operands with numpy.asarray")
    kind, known = _ASKED[name]
    for option in parameters:
        if option not in known and option not in _WITHOUT_MEANING:
            raise BackendError(f"linalg.{name} has no option {option!r} for {shelf} arrays")
    asked = {option: parameters.get(option, default) for option, default in known.items()}
    if kind not in registry.kinds():  # its topic is not on the host yet: the device's class is the size alone
        registry.declare_kind(kind, "linalg", lambda problem, evidence: str(evidence.get("structure", "unknown")))
    arrays = space.promoted(*operands)
    first = arrays[0]
    if first.ndim < 2:
        raise ValueError(f"linalg.{name}: expected at least a 2-D array, got shape {tuple(first.shape)}")
    if name in _SQUARE and first.shape[-1] != first.shape[-2]:
        raise ValueError(f"linalg.{name}: expected square matrix, got shape {tuple(first.shape)}")
    if name == "lstsq" and first.ndim != 2:
        raise BackendError("linalg.lstsq takes one matrix on a device; use jax.vmap for a batch")
    return Problem(
        kind, arrays, asked, shelf, np.dtype(first.dtype), asked.get("assume_a"), max(first.shape[-2:], default=1)
    )


def _traced(problem: Problem, function: str) -> Any:
    """The top-ranked kernel on static facts; its answer may hold tracers, which the record must not keep."""
    started = perf_counter()
    frame = FRAME.get()
    decision = rank(problem, Evidence(), frame.policy)
    if not decision.ranking:
        raise BackendError(f"{function}: {'; '.join(reason for _, reason in decision.refusals)}")
    kernel = decision.ranking[0].kernel
    value = kernel.run(problem, Evidence()).value
    if frame.log is not None:
        certificate = Certificate(algorithm=kernel.name)
        seconds = perf_counter() - started
        note = "traced: static facts only, nothing was examined"
        frame.log.append(
            Diagnosis(function, decisions=(decision,), certificate=certificate, seconds=seconds, notes=(note,))
        )
    return value


def _judged(diagnosis: Diagnosis) -> Any:
    """The value, with SciPy's errors and warnings."""
    attempt, problem = diagnosis.attempt, diagnosis.problem
    assert attempt is not None  # noqa: S101  (the loop always leaves one)
    assert problem is not None  # noqa: S101
    if attempt.status == "refused":
        raise BackendError(f"{diagnosis.function}: {'; '.join(why for _, why in diagnosis.decisions[0].refusals)}")
    if attempt.value is None or attempt.status in ("singular", "not_definite"):
        text = {
            "singular": "A singular matrix detected.",
            "not_definite": "The matrix is not positive definite.",
        }.get(attempt.status, f"the computation failed: {attempt.status}")
        raise SingularMatrixError(text, diagnosis)
    policy = FRAME.get().policy
    if policy.hardened and diagnosis.certificate.worst_verdict != "certified":
        text = f"the answer does not meet accuracy {policy.accuracy!r}: {diagnosis.certificate.title()}"
        warnings.warn(UncertifiedWarning(text, diagnosis), stacklevel=4)
    elif problem.kind in _CHECKED_SINGULAR:
        rcond = attempt.byproducts.get("rcond")
        if rcond is not None and not rcond >= 2.0 * problem.unit_roundoff:
            warn_ill_conditioned(rcond, stacklevel=5)
    return diagnosis.value
