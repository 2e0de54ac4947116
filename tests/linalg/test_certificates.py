"""Certificates of every general route against ball arithmetic: no bound below the true error."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg as sl

import fsci
import fsci.linalg.systems  # declares the kind
from fsci.core import registry
from fsci.core.types import Evidence, Problem

flint = pytest.importorskip("flint")


def randsvd(rng, n, cond, complex_=False):
    def orthogonal():
        g = rng.standard_normal((n, n)) + (1j * rng.standard_normal((n, n)) if complex_ else 0)
        return np.linalg.qr(g)[0]

    return (orthogonal() * cond ** -(np.arange(n) / (n - 1))) @ orthogonal()


def gfpp(n):
    a = np.tril(-np.ones((n, n)), -1) + np.eye(n)
    a[:, -1] = 1
    return a


def matrices(rng):
    for cond in (1e0, 1e4, 1e8, 1e12, 1e14, 1e16):
        yield randsvd(rng, int(rng.integers(3, 30)), cond)
        yield randsvd(rng, 12, cond, complex_=True)
    for n in (5, 11, 12, 13):
        yield sl.hilbert(n)
    yield gfpp(55)
    yield np.vander(np.linspace(0, 1, 12))
    g = rng.standard_normal((12, 12))
    yield g * 10.0 ** rng.uniform(-100, 100, 12)[:, None]
    yield g * 10.0 ** rng.uniform(-60, 60, 12)[:, None] * 10.0 ** rng.uniform(-60, 60, 12)
    yield g * 1e-305
    yield g * 1e305
    yield g @ g.T
    yield g + g.T


def ball(v):
    v = complex(v)
    return flint.acb(flint.arb(v.real), flint.arb(v.imag))


def true_error(a, b, x):
    flint.ctx.prec = 3000
    exact = flint.acb_mat([[ball(v) for v in row] for row in a]).solve(flint.acb_mat([[ball(v)] for v in b]))
    error = max((abs(exact[i, 0] - ball(x[i])) for i in range(len(x))), key=lambda v: v.mid())
    size = max((abs(exact[i, 0]) for i in range(len(x))), key=lambda v: v.mid())
    return float((error / size).upper())


def right_hand_sides(rng, a):
    yield rng.standard_normal(len(a)).astype(a.dtype)
    yield a @ np.ones(len(a), a.dtype)
    yield a @ np.linalg.svd(a / np.abs(a).max())[2][-1].conj()


def certified(name, a, b, accuracy):
    kernel = registry.kernels("linear_system", "host")[name]
    same = bool((a == a.conj().T).all())
    diagonal = bool((a.diagonal().real > 0).all())
    evidence = Evidence.of(symmetric=bool((a == a.T).all()), hermitian=same, positive_diagonal=diagonal)
    problem = Problem("linear_system", (a, b), {}, "host", a.dtype, None, len(a))
    if kernel.applies(problem, evidence) is not None:
        return None
    attempt = kernel.run(problem, evidence)
    if attempt.value is None:
        return None
    with fsci.policy(accuracy=accuracy, mode="hardened") as policy:
        return attempt, registry.check(problem, evidence, attempt, policy)


ROUTES = ["lu", "lu_float32", "lu_extra_precise", "lu_equilibrated", "cholesky", "cholesky_float32", "ldlt", "qr"]


@pytest.mark.parametrize("name", [*ROUTES, "qr_pivoted", "svd", "verified"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_no_bound_below_the_true_error(rng, name, order):
    seen = 0
    for matrix in matrices(rng):
        a = np.asarray(matrix, order=order)
        for b in right_hand_sides(rng, a):
            found = certified(name, a, b, "verified" if name == "verified" else "standard")
            if found is None or not np.isfinite(found[1].forward_error):
                continue
            seen += 1
            assert true_error(a, b, found[0].value) <= found[1].forward_error
    assert seen > 0


def test_zero_right_hand_side_and_many_columns(rng):
    a = rng.standard_normal((20, 20))
    _, certificate = certified("lu_extra_precise", a, np.zeros(20), "full")
    assert certificate.forward_error < 1e-15
    attempt, certificate = certified("lu", a, rng.standard_normal((20, 7)), "standard")
    assert attempt.value.shape == (20, 7)
    assert certificate.verdict == "certified"
