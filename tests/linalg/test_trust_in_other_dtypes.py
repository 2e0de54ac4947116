"""Certificates in single precision and of complex operands: held against answers in higher precision.

Single precision is judged by double, complex double by ball arithmetic.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.linalg as sl

import fsci

flint = pytest.importorskip("flint")

# Double precision as truth of single: its own error, relative to the largest entry, stays below this.
DOUBTFUL = 1e-8


def randsvd(rng, n, condition, dtype, m=None):
    """Geometric singular values from 1 to 1/condition."""
    m = m or n

    def basis(rows):
        g = rng.standard_normal((rows, rows))
        if np.dtype(dtype).kind == "c":
            g = g + 1j * rng.standard_normal((rows, rows))
        return np.linalg.qr(g)[0]

    k = min(m, n)
    return ((basis(m)[:, :k] * np.logspace(0, -math.log10(condition), k)) @ basis(n)[:k]).astype(dtype)


def matrices(rng, dtype, m=None):
    """Benign to hopeless in the precision of `dtype`."""
    digits = 6.0 if np.dtype(dtype).itemsize == (8 if np.dtype(dtype).kind == "c" else 4) else 14.0
    for n in (1, 3, 6, 11):
        for share in (0.05, 0.4, 0.7, 0.95):
            yield randsvd(rng, n, 10 ** (share * digits), dtype, None if m is None else m * n)
    if m is None:
        n = 7
        yield (randsvd(rng, n, 10.0, dtype) * np.logspace(0, digits / 2, n)[:, None]).astype(dtype)
        yield np.triu(randsvd(rng, n, 3.0, dtype))


def certified(function, *args):
    """Value and certificate; None where there is no answer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return fsci.certify(function)(*args)
        except np.linalg.LinAlgError:
            return None


def wide(a):
    return a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)


def check(value, truth, bound, doubtful):
    """The error of `value` is within the bound, but for what the truth itself may be off."""
    value, truth = np.asarray(value), np.asarray(truth)
    assert value.shape == truth.shape
    scale = np.abs(truth).max(initial=0.0)
    error = np.abs(value - truth).max(initial=0.0) / scale if scale else 0.0
    assert error <= bound + doubtful, (error, bound)


def leading(part):
    return lambda value: value if part is None else value[part]


SQUARE = {
    "inv": (fsci.linalg.inv, np.linalg.inv, None),
    "det": (fsci.linalg.det, np.linalg.det, None),
    "expm": (fsci.linalg.expm, sl.expm, None),
    "svd": (fsci.linalg.svd, lambda a: np.linalg.svd(a)[1], 1),
    "svdvals": (fsci.linalg.svdvals, lambda a: np.linalg.svd(a)[1], None),
    "pinv": (fsci.linalg.pinv, np.linalg.inv, None),
    "eigh": (lambda a: fsci.linalg.eigh(a + a.conj().T), lambda a: np.linalg.eigvalsh(a + a.conj().T), 0),
    "eigvalsh": (lambda a: fsci.linalg.eigvalsh(a + a.conj().T), lambda a: np.linalg.eigvalsh(a + a.conj().T), None),
}


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("name", sorted(SQUARE))
def test_single_precision(name, dtype, rng):
    function, reference, part = SQUARE[name]
    finite = 0
    for a in matrices(rng, dtype):
        if name == "pinv" and np.linalg.cond(wide(a)) > 1e5:
            continue  # the rank is a matter of opinion
        found = certified(function, a)
        if found is None:
            continue
        value, certificate = found
        bound = float(np.max(certificate.forward_error))
        if math.isfinite(bound):
            finite += 1
            # The operand of the symmetric problems is rounded in single precision: form it so.
            operand = wide(a + a.conj().T) / 2 if name.startswith("eig") else wide(a)
            truth = np.linalg.eigvalsh(2 * operand) if name.startswith("eig") else reference(operand)
            check(leading(part)(value), truth, bound, DOUBTFUL)
    assert finite >= 6


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("name", ["lstsq", "pinv"])
def test_single_precision_tall(name, dtype, rng):
    finite = 0
    for a in matrices(rng, dtype, m=3):
        if np.linalg.cond(wide(a)) > 1e5:
            continue
        b = rng.standard_normal(a.shape[0]).astype(dtype)
        args = (a, b) if name == "lstsq" else (a,)
        found = certified(getattr(fsci.linalg, name), *args)
        assert found is not None
        value, certificate = found
        bound = float(np.max(certificate.forward_error))
        if math.isfinite(bound):
            finite += 1
            truth = np.linalg.pinv(wide(a))
            truth = truth @ wide(b) if name == "lstsq" else truth
            check(value[0] if name == "lstsq" else value, truth, bound, DOUBTFUL * 10)
    assert finite >= 6


def acb(a):
    a = np.atleast_2d(a)
    return flint.acb_mat(*a.shape, [flint.acb(complex(v).real, complex(v).imag) for v in a.ravel().tolist()])


def relative_error(value, truth):
    """Largest entry of the difference over the largest of the truth, in ball arithmetic."""
    value = acb(np.reshape(value, (truth.nrows(), truth.ncols())))
    pairs = [(truth[i, j], value[i, j]) for i in range(truth.nrows()) for j in range(truth.ncols())]
    scale = max(float(abs(t).mid()) for t, _ in pairs)
    return max(float(abs(t - v).mid()) for t, v in pairs) / scale if scale else 0.0


BALLS = {
    "inv": (fsci.linalg.inv, lambda m: m.inv()),
    "det": (fsci.linalg.det, lambda m: flint.acb_mat(1, 1, [m.det()])),
    "expm": (fsci.linalg.expm, lambda m: m.exp()),
    "pinv": (fsci.linalg.pinv, lambda m: m.inv()),
}


@pytest.mark.parametrize("name", sorted(BALLS))
def test_complex_double(name, rng):
    function, reference = BALLS[name]
    before, flint.ctx.prec = flint.ctx.prec, 400
    finite = 0
    try:
        for a in matrices(rng, "complex128"):
            found = None if name == "pinv" and np.linalg.cond(a) > 1e12 else certified(function, a)
            if found is not None and math.isfinite(bound := float(np.max(found[1].forward_error))):
                finite += 1
                assert relative_error(found[0], reference(acb(a))) <= bound * (1 + 1e-12)
    finally:
        flint.ctx.prec = before
    assert finite >= 6


@pytest.mark.parametrize("name", ["eig", "eigvals"])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_general_eigenvalues(name, dtype, rng):
    """Sorted by pairing: each bound is for the eigenvalue that it stands beside."""
    before, flint.ctx.prec = flint.ctx.prec, 400
    finite = 0
    try:
        for n in (2, 5, 9):
            for departure in (0.0, 1.0, 30.0):
                g = rng.standard_normal((n, n)) + (1j * rng.standard_normal((n, n)) if dtype[0] == "c" else 0)
                a = (np.diag(np.diag(g)) + departure * np.triu(g, 1) + 1e-3 * g).astype(dtype)
                found = certified(getattr(fsci.linalg, name), a)
                assert found is not None
                bound = float(np.max(found[1].forward_error))
                if not math.isfinite(bound):
                    continue
                finite += 1
                w = found[0][0] if name == "eig" else found[0]
                truth = [complex(v) for v in acb(a).eig(multiple=True)]
                scale = max(abs(t) for t in truth)
                for value in w:
                    nearest = min(range(len(truth)), key=lambda i: abs(truth[i] - value))
                    assert abs(truth.pop(nearest) - value) <= bound * scale * (1 + 1e-9)
    finally:
        flint.ctx.prec = before
    assert finite >= 5
