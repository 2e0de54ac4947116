"""`solve`: linear systems."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.linalg as scipy_linalg

from fsci import selector
from fsci.core.backends import HOST
from fsci.core.errors import SingularMatrixError
from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.registry import declare_kind
from fsci.core.types import Diagnosis, Evidence, Problem
from fsci.kernels.corners import looks_structured
from fsci.linalg._batches import claimed, finish, stack
from fsci.linalg._claims import CLAIMS, contradiction, meant
from fsci.linalg._front import device_of, promote
from fsci.linalg.errors import LinAlgError, LinAlgWarning, UncertifiedWarning

__all__ = ["solve"]

_scipy_solve = scipy_linalg.solve
_ndarray = np.ndarray
_GENERAL = frozenset({None, "gen", "general"})
# Entries from which on a look at the corners, of bounded cost, takes less than two percent of a solve, which grows with
# the cube of the order: measured 3.6% of order 32, 1.5% of order 64, 0.04% of order 256.
_WORTH_A_LOOK = 64 * 64
# Entries from which on blocks on the diagonal pay for the whole look of the probe, which reads each entry once:
# measured 11% of a solve of order 256, 2% of order 512, 0.6% of order 1024.
_WORTH_BLOCKS = 512 * 512
_SINGULAR = "A singular matrix detected: slice(s) [0] are singular."


def _size_class(n: int) -> str:
    return "small" if n <= 64 else "medium" if n <= 1024 else "large"


def _rcond_class(rcond: float | None, u: float) -> str:
    """By quarters of the working precision: what one refinement in half of it can still repair."""
    if rcond is None:
        return "unknown"
    for name, exponent in (("benign", 0.25), ("moderate", 0.5), ("ill", 1.0)):
        if rcond >= u**exponent:
            return name
    return "singular"


def classify(problem: Problem, evidence: Evidence) -> str:
    """Structure, size and condition, coarsely."""
    structure = problem.structure or evidence.get("structure", "unknown")
    return f"{structure}/{_size_class(problem.size)}/{_rcond_class(evidence.get('rcond'), problem.unit_roundoff)}"


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
    """Solve ``a @ x = b`` for a square `a`, as `scipy.linalg.solve`.

    The structure of `a` is found from its entries and the algorithm chosen by what it
    costs and by the condition that it meets; every answer is checked by its backward
    error before it is returned. `fsci.certify` gives the error bound with it.

    Parameters
    ----------
    a : (..., n, n) array_like
        float32, float64, complex64 or complex128; integers become float64.
    b : (n,) or (..., n, k) array_like
        Batch dimensions broadcast against those of `a`.
    lower : bool
        Read the lower triangle where `assume_a` declares symmetry.
    overwrite_a, overwrite_b : bool
        As SciPy: a Fortran-ordered `b` receives the solution; one for `a` is SciPy's to answer, in
        place and so without a certificate (hardened mode leaves `a` as it is).
    check_finite : bool
        Accepted; what is not finite is SciPy's to answer.
    assume_a : str, optional
        Structure, by SciPy's names. In hardened mode a claim that an entry denies is refused.
    transposed : bool
        Solve ``a.T @ x = b``; real `a` only.

    Returns
    -------
    (n,) or (..., n, k) ndarray

    Raises
    ------
    LinAlgError
        `a` is singular, or in hardened mode not what `assume_a` says.
    ValueError
        Wrong shapes; infinities or NaN.

    Warns
    -----
    LinAlgWarning
        Strict mode: rcond is below the machine epsilon, as SciPy warns.
    UncertifiedWarning
        Hardened mode: no algorithm met the accuracy of the policy.
    """
    if (
        type(a) is _ndarray
        and type(b) is _ndarray
        and assume_a in _GENERAL
        and not (transposed or overwrite_a or overwrite_b)
    ):
        name = "solve" if a.size < _WORTH_A_LOOK or a.ndim != 2 or not looks_structured(a) else "solve half empty"
        plan = FRAME.get().plans.get((name, a.shape, b.shape, a.dtype, b.dtype))
        if plan is not None:
            x = plan(a, b)
            if x is not None:
                return x
    options = {
        "lower": lower,
        "overwrite_a": overwrite_a,
        "overwrite_b": overwrite_b,
        "check_finite": check_finite,
        "assume_a": assume_a,
        "transposed": transposed,
    }
    if device_of(a, b) != HOST:
        from fsci.linalg._device import on_device

        return on_device("solve", (a, b), options)
    arrays = promote(a, b)
    reason = _unusual(arrays, assume_a, transposed)
    if overwrite_a and not reason and _in_place(a, arrays) and not FRAME.get().policy.hardened:
        reason = "a is to be overwritten by its factors"
    if reason or arrays is None:
        return hand_over(_scipy_solve, "linalg.solve", reason, a, b, **options)
    answer = _batch if arrays[0].ndim > 2 or arrays[1].ndim > 2 else _single
    x = answer(arrays[0], arrays[1], bool(lower), assume_a, bool(transposed))
    if x is NotImplemented:
        return hand_over(_scipy_solve, "linalg.solve", "infinities, NaN or out of range", a, b, **options)
    if overwrite_b and _in_place(b, arrays) and x.shape == b.shape:
        b[...] = x
        return b
    return x


def _in_place(operand: Any, arrays: Any) -> bool:
    """Whether SciPy would work in the memory of `operand`: it is what LAPACK takes, as it lies there."""
    native = any(operand is array for array in arrays)
    return native and operand.ndim <= 2 and bool(operand.flags.f_contiguous and operand.flags.writeable)


def _unusual(arrays: tuple[Any, ...] | None, assume_a: Any, transposed: bool) -> str:
    """Why SciPy must answer, or judge, this call; empty where fsci does."""
    if arrays is None:
        return "an operand is not an ordinary array of numbers"
    if not (assume_a is None or isinstance(assume_a, str)) or assume_a not in CLAIMS:
        return "unknown structure"
    a, b = arrays
    if a.ndim < 2 or b.ndim < 1 or a.shape[-1] != a.shape[-2] or b.shape[-2 if b.ndim > 1 else 0] != a.shape[-1]:
        return "shapes that make no system"
    if a.size == 0 or b.size == 0:
        return "an empty operand"
    if transposed and a.dtype.kind == "c":
        return "transposed is for real matrices"
    if a.ndim == b.ndim == 2 or b.ndim == 1:
        return ""
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return "batches that do not broadcast"
    return ""


def _single(a: Any, b: Any, lower: bool, assume_a: str | None, transposed: bool) -> Any:
    """One system; NotImplemented where SciPy must judge it."""
    frame = FRAME.get()
    given, claim = a, CLAIMS[assume_a]
    denied = None
    if claim.mirror or claim.keep is not None:
        a = meant(given, claim, lower)
        denied = contradiction(given, a, claim, lower)
        if denied is not None and frame.policy.hardened:
            i, j = denied
            raise LinAlgError(f"assume_a={assume_a!r} is false: a[{i}, {j}] = {given[i, j]} contradicts it")
    structure = None if claim.name == "general" else claim.name
    if transposed:
        a, structure = a.T, claim.transposed or structure
    # A small system is solved as a general one at less than a look at its structure costs.
    small = _size_class(a.shape[0]) == "small"
    if small and structure == "positive definite":
        _require_definite(a, frame.policy)
    half_empty = (
        structure is None and not transposed and frame.may_plan and a.size >= _WORTH_A_LOOK and looks_structured(a)
    )
    if (
        half_empty
        and a.size < _WORTH_BLOCKS
        and ("solve half empty", a.shape, b.shape, a.dtype, b.dtype) in frame.plans
    ):
        half_empty = False  # it has just declined: neither a triangle nor a band
    name = "solve half empty" if half_empty else "solve"
    key = (name, a.shape, b.shape, a.dtype, b.dtype) if structure is None or small else None
    plan = None if key is None or denied is not None else frame.plans.get(key)
    x = None if plan is None else plan(a, b)
    if x is not None:
        return x
    asked: dict[str, Any] = {"half_empty": True} if half_empty else {}
    asked |= {"minimum_norm": True} if frame.policy.hardened and "minimum_norm" in frame.policy.allow else {}
    problem = Problem("linear_system", (a, b), asked, HOST, a.dtype, None if small else structure, a.shape[0])
    diagnosis = selector.run(problem, "linalg.solve", key)
    if denied is not None:
        diagnosis = _disowned(diagnosis, frame, denied)
    return _told(diagnosis, given, b, assume_a)


def _require_definite(a: Any, policy: Any) -> None:
    """Raise as SciPy does where its Cholesky factorization would break down."""
    (potrf,) = scipy_linalg.lapack.get_lapack_funcs(("potrf",), (a,))
    if potrf(a, clean=False)[1] > 0:
        if policy.hardened:
            raise SingularMatrixError(f"{_SINGULAR} The matrix is not positive definite.")
        raise LinAlgError(_SINGULAR)


def _disowned(diagnosis: Diagnosis, frame: Any, place: tuple[int, int]) -> Diagnosis:
    """The answer is to the matrix as SciPy reads it, not as given: nothing is vouched for."""
    from dataclasses import replace

    i, j = place
    note = f"assume_a is false: a[{i}, {j}] contradicts it, and was not read"
    certificate = replace(
        diagnosis.certificate, verdict="uncertified", backward_error=np.inf, forward_error=np.inf, digits=0
    )
    changed = replace(diagnosis, certificate=certificate, notes=(*diagnosis.notes, note))
    if frame.log is not None:
        frame.log[-1] = changed
    return changed


def _told(diagnosis: Diagnosis, a: Any, b: Any, assume_a: str | None) -> Any:
    """The value, or SciPy's error; with SciPy's warning, or the one of hardened mode."""
    attempt, problem, frame = diagnosis.attempt, diagnosis.problem, FRAME.get()
    assert attempt is not None  # noqa: S101  (the loop always leaves one)
    assert problem is not None  # noqa: S101
    definite = problem.structure != "positive definite" or not any(
        tried.status == "not_definite" for tried in diagnosis.attempts
    )
    if attempt.value is None and not (np.isfinite(a).all() and np.isfinite(b).all()):
        return NotImplemented
    if attempt.status == "singular" or not definite:
        text = "Matrix is singular." if assume_a == "banded" else _SINGULAR
        if a.size == 1:
            text = "A singular matrix detected."
        if frame.policy.hardened:
            why = "" if definite else " The matrix is not positive definite."
            raise SingularMatrixError(text + why, diagnosis)
        raise LinAlgError(text)
    if problem.structure == "positive definite" and not attempt.kernel.startswith("cholesky"):
        _require_definite(problem.operands[0], frame.policy)
    if attempt.value is None:
        return NotImplemented
    if frame.policy.hardened:
        if diagnosis.certificate.worst_verdict != "certified":
            said = diagnosis.certificate.title()
            message = f"the solution does not meet accuracy {frame.policy.accuracy!r}: {said}"
            warnings.warn(UncertifiedWarning(message, diagnosis), stacklevel=4)
        return attempt.value
    rcond = diagnosis.evidence.get("rcond")
    # 2 u is the machine epsilon that SciPy compares with.
    if rcond is not None and not rcond >= 2 * problem.unit_roundoff:
        if problem.structure == "diagonal" or diagnosis.evidence.get("structure") == "diagonal":
            rcond = np.divide(1.0, rcond)  # of a diagonal matrix SciPy reports the condition itself
        text = (
            f"Ill-conditioned matrix (rcond={rcond:.6g}): result may not be accurate."
            if assume_a == "banded"
            else f"An ill-conditioned matrix detected: slice 0 has rcond = {rcond}."
        )
        warnings.warn(text, LinAlgWarning, stacklevel=4)
    return attempt.value


def _batch(a: Any, b: Any, lower: bool, assume_a: str | None, transposed: bool) -> Any:
    """A stack of systems, each slice with its own certificate; NotImplemented where SciPy must judge it."""
    matrices = claimed(a, CLAIMS[assume_a], assume_a, lower)
    if matrices is None:
        return NotImplemented
    if transposed:
        matrices = matrices.swapaxes(-1, -2)
    if matrices.ndim == 2:
        # One matrix, a stack of right-hand sides: they are the columns of one system.
        sides = np.moveaxis(b, -2, 0)
        x = _single(matrices, np.ascontiguousarray(sides).reshape(a.shape[-1], -1), False, None, False)
        return x if x is NotImplemented else np.ascontiguousarray(np.moveaxis(x.reshape(sides.shape), 0, -2))
    given = stack(matrices, b)
    key = ("solve", given.a.shape, given.b.shape, a.dtype, b.dtype)
    plan = FRAME.get().plans.get(key)
    x = None if plan is None else plan(given.a, given.b)
    if x is not None:
        return x.reshape(given.shape)
    problem = Problem("linear_system", (given.a, given.b), {}, HOST, a.dtype, None, a.shape[-1])
    return finish(selector.run(problem, "linalg.solve", key), given)
