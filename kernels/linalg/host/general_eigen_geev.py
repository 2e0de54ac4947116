"""General eigenproblems by LAPACK's geev: balancing, Hessenberg form, QR iterations."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Fact, Kernel, Problem, Refusal
from fsci.kernels.linalg.host.general_eigen_hermitian import answer as hermitian_answer
from fsci.kernels.linalg.host.random_checks import (
    backward_left,
    backward_pairs,
    backward_real_pairs,
    frobenius,
    passes,
    passes_trace,
)
from fsci.kernels.linalg.host.structure_hermitian import is_hermitian

__all__ = ["geev"]

_PREFIX = {"f": "s", "d": "d", "F": "c", "D": "z"}
_COMPLEX = {"f": "F", "d": "D"}


@lru_cache(maxsize=512)
def _bound(char: str, n: int, left: bool, right: bool) -> tuple[Any, int]:
    """LAPACK's routine, and the workspace that it asks for at this order."""
    routine = getattr(lapack, f"{_PREFIX[char]}geev")
    length = getattr(lapack, f"{_PREFIX[char]}geev_lwork")(n, compute_vl=int(left), compute_vr=int(right))[0].real
    return routine, int(np.nextafter(length, np.inf, dtype=np.float32)) if char in "fF" else int(length)


def _paired(wi: np.ndarray, v: np.ndarray, char: str) -> np.ndarray:
    """Complex vectors from LAPACK's real and imaginary parts in neighbouring columns."""
    first, second = wi > 0.0, wi < 0.0
    out = np.empty(v.shape, char, order="F")
    real, imag = out.real, out.imag
    real[...] = v
    np.copyto(real[:, 1:], v[:, :-1], where=second[1:])
    imag[...] = v
    imag *= np.where(second, -1.0, 0.0)
    np.copyto(imag[:, :-1], v[:, 1:], where=first[:-1])
    return out


def _finished(char: str, out: tuple[Any, ...], left: bool, right: bool) -> tuple[np.ndarray, Any, Any]:
    """Eigenvalues (always complex), left and right vectors (real where all eigenvalues are), from LAPACK's output."""
    vl, vr = out[-3] if left else None, out[-2] if right else None
    if char in "FD":
        return out[0], vl, vr
    wr, wi = out[0], out[1]
    w = np.empty(wr.shape, _COMPLEX[char])
    w.real, w.imag = wr, wi
    if (left or right) and wi.any():
        vl = _paired(wi, vl, w.dtype.char) if left else None  # type: ignore[arg-type]
        vr = _paired(wi, vr, w.dtype.char) if right else None  # type: ignore[arg-type]
    return w, vl, vr


def geev(a: np.ndarray, left: bool, right: bool) -> tuple[np.ndarray, Any, Any, int]:
    """Eigenvalues, left and right vectors, and LAPACK's info."""
    routine, lwork = _bound(a.dtype.char, a.shape[0], left, right)
    out = routine(a, lwork=lwork, compute_vl=left, compute_vr=right)
    if out[-1] != 0:
        return np.full(a.shape[0], np.nan, _COMPLEX.get(a.dtype.char, a.dtype.char)), None, None, out[-1]
    return *_finished(a.dtype.char, out, left, right), 0


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    return Refusal("for one matrix, not a batch") if problem.operands[0].ndim > 2 else None


def work(problem: Problem, evidence: Evidence) -> float:
    # Golub and Van Loan (2013), section 7.5: 10 n^3 for the values, 25 n^3 with the vectors of one side.
    vectors = bool(problem.parameters.get("right", True)) or bool(problem.parameters.get("left", False))
    return max(1.0, (25.0 if vectors else 10.0) * float(problem.size) ** 3)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    left, right = bool(problem.parameters.get("left", False)), bool(problem.parameters.get("right", True))
    if "hermitian" not in evidence and problem.operands[0].ndim == 2 and is_hermitian(problem.operands[0]):
        # Tried before anything was measured: the route must not depend on that.
        return Attempt(None, status="declined", facts={"hermitian": Fact(True)})
    w, vl, vr, info = geev(problem.operands[0], left, right)
    if info != 0:
        return Attempt(None, status="not_converged")
    if not np.isfinite(w).all():
        return Attempt(None, status="nonfinite")
    return Attempt((w, vl, vr))


def fast(a: np.ndarray, left: bool, right: bool, look: bool) -> Any:
    """Values and vectors, or None where the caller must look closer; a Hermitian matrix is solved as such."""
    if look and not np.isfinite(a).all():
        return None
    if a[0, -1] == a[-1, 0].conjugate() and is_hermitian(a):
        return hermitian_answer(a, left, right)
    routine, lwork = _bound(a.dtype.char, a.shape[0], left, right)
    out = routine(a, lwork=lwork, compute_vl=left, compute_vr=right)
    if out[-1] != 0:
        return None
    scale = frobenius(a)
    if a.dtype.char in "fd" and right:
        good = passes(backward_real_pairs(a, out[0], out[1], out[3], scale), a)
        answer = _finished(a.dtype.char, out, left, right)
    else:
        answer = _finished(a.dtype.char, out, left, right)
        if right:
            good = passes(backward_pairs(a, answer[0], answer[2], scale), a)
        elif left:
            good = passes(backward_left(a, answer[0], answer[1], scale), a)
        else:
            good = passes_trace(a, answer[0], scale)
    return answer if good else None


register(
    Kernel(
        name="geev",
        kind="general_eigen",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast,
        safest=True,
        source="LAPACK geev: QR iterations with aggressive early deflation (Braman, Byers and Mathias, 2002)",
    )
)
