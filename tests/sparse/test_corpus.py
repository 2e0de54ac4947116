"""Each case of the corpus: its evidence, its verdict, its digits; and no algorithm that claims too much on it."""

from __future__ import annotations

import warnings
from fractions import Fraction

import flint
import numpy as np
import pytest

import fsci
from fsci.core import registry
from fsci.core.frames import FRAME
from fsci.core.types import Evidence
from fsci.sparse.linalg import MatrixRankWarning, spsolve
from tests.sparse.corpus import CORPUS

pytestmark = pytest.mark.slow


def rational(v):
    return flint.fmpq(*float(v).as_integer_ratio())


def exact(a, b):
    """The solution in rational arithmetic, rounded once; None for a singular matrix."""
    n = a.shape[0]
    dense, side = a.toarray(), b
    if dense.dtype.kind == "c" or side.dtype.kind == "c":
        dense = np.block([[dense.real, -dense.imag], [dense.imag, dense.real]])
        side = np.concatenate([b.real, b.imag])
    matrix = flint.fmpq_mat([[rational(v) for v in row] for row in dense])
    try:
        x = matrix.solve(flint.fmpq_mat([[rational(v)] for v in side]))
    except ZeroDivisionError:
        return None
    x = np.array([float(Fraction(int(v.p), int(v.q))) for v in x.entries()])
    return x if x.size == n else x[:n] + 1j * x[n:]


def sides(a, rng):
    """Right-hand sides at random, of ones, and along the extreme singular vectors of the scaled matrix."""
    n = a.shape[0]
    dtype = a.dtype if a.dtype.kind in "fc" else np.dtype(float)
    size = float(np.abs(a.data).max())
    u, _, v = np.linalg.svd(a.toarray() / size)
    drawn = [rng.standard_normal(n) * size, a @ np.ones(n), u[:, -1] * size, (a / size @ v[-1].conj()) * size]
    return [np.asarray(b, np.promote_types(dtype, np.asarray(b).dtype) if dtype.kind == "c" else dtype) for b in drawn]


def error(x, truth):
    return float(np.abs(x - truth).max() / np.abs(truth).max())


@pytest.mark.parametrize("accuracy", ["standard", "full"])
@pytest.mark.parametrize("case", CORPUS, ids=str)
def test_what_comes_of_it(case, accuracy, rng):
    for b in sides(case.make(), rng):
        a = case.make()
        truth = exact(a, b)
        assert (truth is None) == (case.outcome == "singular")
        with warnings.catch_warnings(record=True) as caught, fsci.policy(accuracy=accuracy):
            warnings.simplefilter("always")
            found = fsci.explain(spsolve, a, b)
        if truth is None:
            # SciPy's own answer to a matrix that is singular to the last bit; one that rounding hides is not certified.
            told = any(issubclass(w.category, MatrixRankWarning) for w in caught)
            assert (told and np.isnan(found.value).all()) or found.certificate.verdict != "certified"
            continue
        certificate = found.certificate
        if np.isfinite(certificate.forward_error):
            assert error(found.value, truth) <= certificate.forward_error
        assert certificate.digits >= case.digits
        if case.outcome == "certified":
            assert certificate.verdict == "certified" or accuracy == "full"
        elif case.outcome == "uncertified":
            assert certificate.verdict != "certified"


@pytest.mark.parametrize("case", CORPUS, ids=str)
def test_the_evidence(case):
    a = case.make()
    problem = _problem(a, np.ones(a.shape[0], a.dtype))
    evidence = registry.probe(problem)
    assert evidence.get("structure") == case.structure
    kernels = registry.kernels("sparse_linear_system", "host")
    assert [name for name in case.never if kernels[name].applies(problem, evidence) is None] == []


@pytest.mark.parametrize("case", CORPUS, ids=str)
def test_no_algorithm_claims_too_much(case, rng):
    examined = 0
    for b in sides(case.make(), rng):
        problem = _problem(case.make(), b)
        a, b = problem.operands
        truth = exact(a, b)
        probed = registry.probe(problem)
        policy = FRAME.get().policy.changed(accuracy="full")
        for kernel in registry.kernels("sparse_linear_system", "host").values():
            # What runs without a look beforehand is given none.
            evidence = probed if kernel.applies(problem, probed) is None else Evidence()
            if kernel.applies(problem, evidence) is not None:
                continue
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                attempt = kernel.run(problem, evidence)
                if attempt.value is None:
                    continue
                certificate = registry.check(problem, evidence, attempt, policy)
            examined += 1
            if truth is None:
                assert certificate.verdict != "certified", kernel.name
            elif np.isfinite(certificate.forward_error):
                assert error(attempt.value, truth) <= certificate.forward_error, kernel.name
    assert examined or case.outcome == "singular"


def _problem(a, b):
    from fsci.core.backends import HOST
    from fsci.core.types import Problem
    from fsci.sparse.linalg.systems import _operands

    a, b = _operands(a, b)
    return Problem("sparse_linear_system", (a, b), {}, HOST, b.dtype, None, a.shape[0])
