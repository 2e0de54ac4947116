"""Symmetric and Hermitian eigenproblems by LAPACK's drivers: one kernel for each, and their plans."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
from scipy.linalg import lapack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.linalg.host.random_checks import passes_hermitian, passes_trace

__all__ = ["decompose", "workspace"]

_TYPE = {"f": "ssy", "d": "dsy", "F": "che", "D": "zhe"}
_WITH_SUBSETS = frozenset({"evr", "evx", "gvx"})
# Names of the workspace lengths, in the order in which the queries give them (LAPACK, SciPy's wrappers).
_LENGTHS = {
    "syevd": ("lwork", "liwork"),
    "syevr": ("lwork", "liwork"),
    "heevd": ("lwork", "liwork", "lrwork"),
    "heevr": ("lwork", "lrwork", "liwork"),
}


@lru_cache(maxsize=512)
def _bound(driver: str, char: str, n: int, lower: bool, vectors: bool) -> Callable[..., Any]:
    """LAPACK's routine with the workspace that it asks for at this order."""
    name = _TYPE[char] + driver
    routine = getattr(lapack, name)
    query = getattr(lapack, f"{name}_lwork", None)
    generalized = driver.startswith("g")
    job: dict[str, Any] = (
        {"uplo": "L" if lower else "U", "jobz": "V" if vectors else "N"}
        if generalized
        else {"lower": int(lower), "compute_v": int(vectors)}
    )
    if query is None:
        return partial(routine, **job)
    asked = {"uplo": job["uplo"]} if generalized else {"lower": int(lower)}
    if driver == "evd":
        asked["compute_v"] = int(vectors)
    found = query(n, **asked)[:-1]
    # The query answers in floating point, of which single precision may round down.
    lengths = [int(np.nextafter(v.real, np.inf, dtype=np.float32)) if char in "fF" else int(v.real) for v in found]
    return partial(routine, **job, **dict(zip(_LENGTHS.get(name[1:], ("lwork",)), lengths, strict=True)))


def workspace(char: str, n: int, vectors: bool) -> tuple[int, int, int]:
    """Lengths of work, iwork and rwork that divide and conquer asks for: those of `decompose`, for the same bits."""
    lengths = _bound("evd", char, n, True, vectors).keywords  # type: ignore[attr-defined]
    return lengths["lwork"], lengths["liwork"], lengths.get("lrwork", 0)


def decompose(a: np.ndarray, lower: bool = True, vectors: bool = True, driver: str = "evd") -> tuple[Any, Any, int]:
    """Eigenvalues (ascending) and vectors of the Hermitian matrix whose triangle is given, and LAPACK's info.

    LAPACK is always given a lower triangle: reduction of the upper one is up to 10% slower
    (measured, n = 500 and 1000), and the transposed matrix is the conjugate one, whose vectors are conjugate.
    """
    out = _bound(driver, a.dtype.char, a.shape[0], True, vectors)(a if lower else a.T)
    v = out[1].conj() if vectors and not lower and a.dtype.char in "FD" else out[1]
    return out[0], v, out[-1]


def _range_of(problem: Problem) -> dict[str, Any]:
    """LAPACK's arguments for a part of the spectrum."""
    by_index = problem.parameters.get("subset_by_index")
    by_value = problem.parameters.get("subset_by_value")
    if by_index is not None:
        return {"range": "I", "il": by_index[0] + 1, "iu": by_index[1] + 1}
    return {} if by_value is None else {"range": "V", "vl": by_value[0], "vu": by_value[1]}


def _applies(driver: str) -> Callable[[Problem, Evidence], Refusal | None]:
    generalized = driver.startswith("g")

    def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
        asked = problem.parameters.get("driver")
        if problem.operands[0].ndim > 2:
            return Refusal("for one matrix, not a batch")
        if (len(problem.operands) > 1) != generalized:
            return Refusal("for the generalized problem" if generalized else "for the standard problem")
        if asked is not None and asked != driver:
            return Refusal(f"the caller asks for driver {asked!r}")
        if driver not in _WITH_SUBSETS and _range_of(problem):
            return Refusal("computes the whole spectrum only")
        if driver in ("evr", "evx") and asked is None and not _range_of(problem):
            # Measured from n = 3 to 1000: evd takes 0.65 to 0.92 of evr's time, and its vectors are
            # 10 to 40 times closer to orthogonal.
            return Refusal("for a part of the spectrum: divide and conquer is faster and more orthogonal on all of it")
        same = problem.size <= _QL_ORDER or not problem.parameters.get("vectors", True)
        if driver == "ev" and asked is None and same:
            # A stack runs evd: its slices must agree with the same matrices one by one.
            return Refusal(f"for values alone, and up to order {_QL_ORDER}, evd is the same QL iteration")
        return None

    return applies


_QL_ORDER = 25  # LAPACK's SMLSIZ

# Share of n^3 that each driver spends beyond the tridiagonal form, at the sizes where they are
# usually called; the machine profile's measurements stand above these counts.
_WORK = {"evr": 4.0, "evd": 4.5, "ev": 9.0, "evx": 12.0, "gvd": 7.0, "gv": 11.0, "gvx": 14.0}


def _work(driver: str) -> Callable[[Problem, Evidence], float]:
    def work(problem: Problem, evidence: Evidence) -> float:
        # For values alone all drivers share the root-free QL iteration, after the same reduction.
        share = _WORK[driver] if problem.parameters.get("vectors", True) else 4.0 / 3.0 + 0.1 * (driver == "ev")
        n = float(problem.size)
        return share * n**3 + 30.0 * n**2 + 100.0

    return work


def _run(driver: str) -> Callable[[Problem, Evidence], Attempt]:
    def run(problem: Problem, evidence: Evidence) -> Attempt:
        lower, vectors = bool(problem.parameters.get("lower", True)), bool(problem.parameters.get("vectors", True))
        part = _range_of(problem)
        if part or len(problem.operands) > 1:
            a = problem.operands[0]
            settings = dict(part)
            if driver.startswith("g"):
                settings["itype"] = int(problem.parameters.get("type", 1))
            out = _bound(driver, a.dtype.char, a.shape[0], lower, vectors)(*problem.operands, **settings)
            w, v, info = out[0], out[1], out[-1]
            if part:
                w, v = w[: out[2]], v[:, : out[2]] if vectors else v
        else:
            w, v, info = decompose(problem.operands[0], lower, vectors, driver)
        if info > problem.size:
            return Attempt(None, status="not_definite", final=True)
        if info != 0:
            return Attempt(None, status="not_converged")
        if not np.isfinite(w).all():
            return Attempt(None, status="nonfinite")
        return Attempt((w, v) if vectors else w)

    return run


def _fast(driver: str) -> Callable[[np.ndarray, bool, bool, bool], Any]:
    def fast(a: np.ndarray, lower: bool, vectors: bool, look: bool) -> Any:
        """The answer, or None where the caller must look closer; `look` for infinities and NaN first."""
        if look and not np.isfinite(a).all():
            return None
        w, v, info = decompose(a, lower, vectors, driver)
        if info != 0:
            return None
        if vectors:
            return (w, v) if passes_hermitian(a, lower, w, v) else None
        return w if passes_trace(a, w) else None

    return fast


_SOURCES = {
    "evr": "LAPACK syevr/heevr: relatively robust representations (Dhillon, Parlett and Voemel, 2006)",
    "evd": "LAPACK syevd/heevd: divide and conquer (Cuppen, 1981; Gu and Eisenstat, 1995)",
    "ev": "LAPACK syev/heev: implicit QL",
    "evx": "LAPACK syevx/heevx: bisection and inverse iteration",
    "gvd": "LAPACK sygvd/hegvd",
    "gv": "LAPACK sygv/hegv",
    "gvx": "LAPACK sygvx/hegvx",
}

for _driver, _source in _SOURCES.items():
    register(
        Kernel(
            name=_driver,
            kind="symmetric_eigen",
            shelf="host",
            applies=_applies(_driver),
            work=_work(_driver),
            run=_run(_driver),
            fast=_fast(_driver) if _driver == "evd" else None,
            safest=_driver == "ev",
            source=_source,
        )
    )
