"""PARDISO as a member of the portfolio, where it is installed; and the refusal that names the extra where it is not."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import scipy.sparse as sp

import fsci
from fsci.core.types import Evidence, Problem
from fsci.kernels.sparse.host import pardiso

pytestmark = pytest.mark.slow

INSTALLED = find_spec("pypardiso") is not None
FORCED = {"sparse_linear_system": "pardiso"}


def _system(n: int, seed: int) -> tuple[sp.csc_array, np.ndarray]:
    rng = np.random.default_rng(seed)
    a = sp.csc_array(sp.random_array((n, n), density=6 / n, rng=rng) + 4 * sp.eye_array(n))
    return a, rng.standard_normal(n)


def test_without_the_package_the_refusal_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pardiso, "_is_installed", lambda: False)
    a, b = _system(300, 0)
    problem = Problem("sparse_linear_system", (a, b), {}, "host", a.dtype, None, 300)
    refusal = pardiso.applies(problem, Evidence.of(structure="general"))
    assert refusal is not None
    assert "fsci[mkl]" in str(refusal)


@pytest.mark.skipif(not INSTALLED, reason="pypardiso is not installed")
@pytest.mark.parametrize("form", ["csc", "csr"])
@pytest.mark.parametrize("columns", [0, 1, 3])
def test_answers_and_certificates(form: str, columns: int) -> None:
    a, b = _system(400, 1)
    a = a.asformat(form)
    b = b if columns == 0 else np.random.default_rng(2).standard_normal((400, columns))
    truth = np.linalg.solve(a.toarray(), b)
    with fsci.policy(overrides=FORCED):
        x, certificate = fsci.certify(fsci.sparse.linalg.spsolve)(a, b)
    assert certificate.algorithm == "pardiso"
    assert certificate.verdict == "certified"
    error = np.abs(x - truth.reshape(x.shape)).max() / np.abs(truth).max()
    assert error <= np.max(certificate.forward_error) + 1e-14


@pytest.mark.skipif(not INSTALLED, reason="pypardiso is not installed")
def test_singular_matrices_are_not_vouched_for() -> None:
    a, b = _system(200, 3)
    dense = a.toarray()
    dense[7] = dense[8]
    problem = Problem("sparse_linear_system", (sp.csc_array(dense), b), {}, "host", a.dtype, None, 200)
    attempt = pardiso.run(problem, Evidence.of(structure="general"))
    assert attempt.status == "stalled"
    dense[7] = 0.0
    problem = Problem("sparse_linear_system", (sp.csc_array(dense), b), {}, "host", a.dtype, None, 200)
    assert pardiso.run(problem, Evidence.of(structure="general")).status == "singular"


@pytest.mark.skipif(not INSTALLED, reason="pypardiso is not installed")
def test_transposed_solves_use_the_same_factors() -> None:
    a, b = _system(300, 4)
    with fsci.policy(overrides=FORCED):
        seen = fsci.explain(fsci.sparse.linalg.spsolve, a, b)
    assert seen.attempt is not None
    solve = seen.attempt.byproducts["solve"]
    np.testing.assert_allclose(a.T @ solve(b, adjoint=True), b, atol=1e-12)
    np.testing.assert_allclose(a @ solve(b + 1j * b), b + 1j * b, atol=1e-12)
