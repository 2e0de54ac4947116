"""Certificates of the other kinds against ball arithmetic: none may claim more than is true."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.linalg as sl

import fsci
from fsci.core import registry

flint = pytest.importorskip("flint")
registry.load_all("host")


def _orthogonal(rng, n):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


def squares(rng):
    """Name and matrix: benign, graded, nearly singular, badly scaled, nonnormal."""
    for n in (1, 3, 7, 12):
        yield f"random-{n}", rng.standard_normal((n, n))
        for cond in (1e3, 1e8, 1e13):
            yield (
                f"randsvd-{n}-{cond:.0e}",
                _orthogonal(rng, n) * np.logspace(0, -math.log10(cond), n) @ _orthogonal(rng, n),
            )
    yield "hilbert", sl.hilbert(8)
    yield "graded", rng.standard_normal((8, 8)) * np.logspace(0, 9, 8)[:, None]
    yield "scaled", np.diag(np.logspace(-90, 90, 7)) @ rng.standard_normal((7, 7))
    yield "tiny", 1e-200 * rng.standard_normal((6, 6))
    yield "huge", 1e150 * rng.standard_normal((6, 6))
    yield "kahan", np.triu(-0.9 * np.ones((12, 12)), 1) + np.eye(12)
    yield "growing", np.triu(-np.ones((12, 12)), 1) + np.eye(12)
    yield "symmetric", (lambda g: g + g.T)(rng.standard_normal((9, 9)))


def ball(a):
    a = np.atleast_2d(np.asarray(a, float))
    return flint.arb_mat(*a.shape, [flint.arb(v) for v in a.ravel().tolist()])


@pytest.fixture(autouse=True)
def _precision():
    before, flint.ctx.prec = flint.ctx.prec, 1200
    yield
    flint.ctx.prec = before


def relative_error(value, truth):
    """Largest entry of the difference over the largest of the truth, both exact."""
    value = np.atleast_2d(np.asarray(value, float))
    if value.shape != (truth.nrows(), truth.ncols()):
        value = value.reshape(truth.nrows(), truth.ncols())
    pairs = [(truth[i, j], flint.arb(float(value[i, j]))) for i in range(truth.nrows()) for j in range(truth.ncols())]
    scale = max(abs(t).upper() for t, _ in pairs)
    error = max(abs(t - v).upper() for t, v in pairs)
    if not scale > 0:
        return 0.0 if not error > 0 else math.inf
    return float((error / scale).mid())


def _kernels(kind):
    return [None, *sorted(registry.kernels(kind, "host"))]


def held(kind, kernel, function, args, truth, part=None):
    """Whether a certificate was given and held; wrong ones fail the test."""
    overrides = {} if kernel is None else {kind: kernel}
    with warnings.catch_warnings(), fsci.policy(overrides=overrides):
        warnings.simplefilter("ignore")
        try:
            value, certificate = fsci.certify(function)(*args)
        except np.linalg.LinAlgError:
            return 0
    bound = float(np.max(certificate.forward_error))
    if certificate.worst_verdict != "certified" and not math.isfinite(bound):
        return 0
    error = relative_error(value if part is None else value[part], truth)
    assert error <= bound * (1 + 1e-9), f"{kernel}: bound {bound:.3g} < error {error:.3g}"
    return 1


@pytest.mark.parametrize("kernel", _kernels("inverse"), ids=str)
def test_inverse(rng, kernel):
    count = 0
    for name, a in squares(rng):
        if name in ("tiny", "huge") and kernel is not None:
            continue
        count += held("inverse", kernel, fsci.linalg.inv, (a,), ball(a).inv())
    assert count > 10


@pytest.mark.parametrize("kernel", _kernels("determinant"), ids=str)
def test_determinant(rng, kernel):
    count = 0
    for _, a in squares(rng):
        truth = flint.arb_mat(1, 1, [ball(a).det()])
        if 1e-290 < abs(float(truth[0, 0].mid())) < 1e290:
            count += held("determinant", kernel, fsci.linalg.det, (a,), truth)
    assert count > 5


@pytest.mark.parametrize("kernel", _kernels("triangular_system"), ids=str)
def test_triangular_system(rng, kernel):
    count = 0
    for _, a in squares(rng):
        u = np.triu(a) + np.diag(np.where(np.diag(a) == 0, 1.0, 0.0))
        b = rng.standard_normal(len(a))
        truth = ball(u).solve(ball(b[:, None]))
        count += held("triangular_system", kernel, fsci.linalg.solve_triangular, (u, b), truth)
    assert count > 10


@pytest.mark.parametrize("kernel", _kernels("banded_system"), ids=str)
def test_banded_system(rng, kernel):
    count = 0
    for n in (3, 8, 15):
        for shift in (0.0, 0.5, 4.0):
            ab = rng.standard_normal((4, n))
            ab[1] += shift
            a = sum(np.diag(ab[1 - k, max(k, 0) : n + min(k, 0)], k) for k in (1, 0, -1, -2) if abs(k) < n)
            b = rng.standard_normal(n)
            truth = ball(a).solve(ball(b[:, None]))
            call = lambda ab, b: fsci.linalg.solve_banded((2, 1), ab, b)  # noqa: E731
            count += held("banded_system", kernel, call, (ab, b), truth)
    assert count > 3


@pytest.mark.parametrize("kernel", _kernels("toeplitz_system"), ids=str)
def test_toeplitz_system(rng, kernel):
    count = 0
    for n in (4, 9, 14):
        for diagonal in (n, 1.0, 1e-6, 1e-12):  # small leading minors make Levinson's recursion unstable
            c, r, b = (rng.standard_normal(n) for _ in range(3))
            c[0] = r[0] = diagonal
            truth = ball(sl.toeplitz(c, r)).solve(ball(b[:, None]))
            call = lambda c, r, b: fsci.linalg.solve_toeplitz((c, r), b)  # noqa: E731
            count += held("toeplitz_system", kernel, call, (c, r, b), truth)
    assert count > 3


@pytest.mark.parametrize("kernel", _kernels("factored_system"), ids=str)
def test_systems_with_factors(rng, kernel):
    # The factors are the problem here: what they multiply to, exactly, is the matrix.
    count = 0
    for _, a in squares(rng):
        n, b = len(a), rng.standard_normal(len(a))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lu, piv = sl.lu_factor(a)
        if not np.all(np.diag(lu)):
            continue
        permuted = b.copy()
        for i, p in enumerate(piv):
            permuted[[i, p]] = permuted[[p, i]]
        lower, upper = ball(np.tril(lu, -1) + np.eye(n)), ball(np.triu(lu))
        truth = upper.solve(lower.solve(ball(permuted[:, None])))
        call = lambda lu, piv, b: fsci.linalg.lu_solve((lu, piv), b)  # noqa: E731
        count += held("factored_system", kernel, call, (lu, piv, b), truth)
    assert count > 5 or kernel == "potrs"


@pytest.mark.parametrize("name", ["eigh", "eigvalsh"])
def test_symmetric_eigenvalues(rng, name):
    mpmath = pytest.importorskip("mpmath")
    count = 0
    for label, g in squares(rng):
        if label == "scaled":
            continue
        a = (g + g.T) / 2
        with mpmath.workdps(60):
            exact = sorted(mpmath.eigsy(mpmath.matrix(a.tolist()), eigvals_only=True))
        truth = flint.arb_mat(len(a), 1, [flint.arb(mpmath.nstr(v, 50)) for v in exact])
        function = getattr(fsci.linalg, name)
        count += held("symmetric_eigen", None, function, (a,), truth, 0 if name == "eigh" else None)
    assert count > 8


def test_exponential(rng):
    count = 0
    for _, a in squares(rng):
        size = np.abs(a).sum(axis=1).max()
        for scale in (0.1, 3.0):
            m = a * (scale / size)
            count += held("matrix_exponential", None, fsci.linalg.expm, (m,), ball(m).exp())
    assert count > 20
