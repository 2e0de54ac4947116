"""Many symmetric eigenproblems: LAPACK's divide and conquer in one compiled loop over slices, on every core."""

from __future__ import annotations

import numpy as np

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.jit import jit
from fsci.kernels.lapack import byref, deref, letter, routine
from fsci.kernels.linalg.host.symmetric_eigen_drivers import workspace
from fsci.kernels.threads import chunked

__all__: list[str] = []

syevd = routine("syevd", "ccixirxiiii", "sd")  # jobz uplo n a lda w work lwork iwork liwork info
heevd = routine("heevd", "ccixirxiriiii", "cz")  # jobz uplo n a lda w work lwork rwork lrwork iwork liwork info

_LOWER, _VECTORS, _NO_VECTORS = letter("L"), letter("V"), letter("N")


def _signatures(*pairs: tuple[str, str]) -> tuple[str, ...]:
    return tuple(
        f"int64({t}[:, :, ::1], boolean, {r}[:, ::1], {t}[:, :, ::1], int64[::1], int64, int64)" for t, r in pairs
    )


# Both take the slices `start` to `stop`; `v` has no slices where only values are asked for.


@jit(_signatures(("float64", "float64"), ("float32", "float32")))
def slices_real(a, lower, w, v, lengths, start, stop):  # type: ignore[no-untyped-def]
    n, failed = a.shape[1], 0
    held, job = np.empty((n, n), a.dtype), _VECTORS if v.shape[0] > 0 else _NO_VECTORS
    work, iwork = np.empty(lengths[0], a.dtype), np.empty(lengths[1], np.int32)
    for k in range(start, stop):
        for i in range(n):
            for j in range(n):
                held[j, i] = a[k, i, j] if lower else a[k, j, i]
        info = byref(np.int32(0))
        order = byref(np.int32(n))
        syevd(
            a,
            byref(job),
            byref(_LOWER),
            order,
            held.ctypes,
            order,
            w[k].ctypes,
            work.ctypes,
            byref(np.int32(lengths[0])),
            iwork.ctypes,
            byref(np.int32(lengths[1])),
            info,
        )
        failed += deref(info) != 0
        if v.shape[0] > 0:
            for i in range(n):
                for j in range(n):
                    v[k, i, j] = held[j, i]
    return failed


@jit(_signatures(("complex128", "float64"), ("complex64", "float32")))
def slices_complex(a, lower, w, v, lengths, start, stop):  # type: ignore[no-untyped-def]
    n, failed = a.shape[1], 0
    held, job = np.empty((n, n), a.dtype), _VECTORS if v.shape[0] > 0 else _NO_VECTORS
    work, rwork, iwork = np.empty(lengths[0], a.dtype), np.empty(lengths[2], w.dtype), np.empty(lengths[1], np.int32)
    for k in range(start, stop):
        for i in range(n):
            for j in range(n):
                held[j, i] = a[k, i, j] if lower else a[k, j, i]
        info = byref(np.int32(0))
        order = byref(np.int32(n))
        heevd(
            a,
            byref(job),
            byref(_LOWER),
            order,
            held.ctypes,
            order,
            w[k].ctypes,
            work.ctypes,
            byref(np.int32(lengths[0])),
            rwork.ctypes,
            byref(np.int32(lengths[2])),
            iwork.ctypes,
            byref(np.int32(lengths[1])),
            info,
        )
        failed += deref(info) != 0
        if v.shape[0] > 0:
            for i in range(n):
                for j in range(n):
                    v[k, i, j] = held[j, i] if lower else held[j, i].conjugate()
    return failed


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    if problem.operands[0].ndim < 3 or len(problem.operands) > 1:
        return Refusal("for a batch of standard problems")
    if problem.parameters.get("driver") not in (None, "evd"):
        return Refusal("divides and conquers only")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    count = problem.operands[0].size / max(1, problem.size**2)
    return max(1.0, 9.0 * count * float(problem.size) ** 3)


def run(problem: Problem, evidence: Evidence) -> Attempt:
    stacked = problem.operands[0]
    n = problem.size
    a = np.ascontiguousarray(stacked).reshape(-1, n, n)
    vectors, lower = bool(problem.parameters.get("vectors", True)), bool(problem.parameters.get("lower", True))
    w = np.empty(a.shape[:-1], a.real.dtype)
    v = np.empty(a.shape if vectors else (0, n, n), a.dtype)
    lengths = np.array(workspace(a.dtype.char, n, vectors), dtype=np.int64)
    slices = slices_complex if a.dtype.char in "FD" else slices_real
    failures: list[int] = []

    def task(start: int, stop: int) -> None:
        failures.append(slices(a, lower, w, v, lengths, start, stop))

    # From about this many operations on a thread is worth waking (measured: 10 us of work).
    chunked(task, a.shape[0], smallest=max(1, 10_000 // n**3))
    if any(failures):
        return Attempt(None, status="not_converged")
    w = w.reshape(stacked.shape[:-1])
    return Attempt((w, v.reshape(stacked.shape)) if vectors else w)


register(
    Kernel(
        name="batch_evd",
        kind="symmetric_eigen",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        source="LAPACK syevd/heevd over slices",
    )
)
