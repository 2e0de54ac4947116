"""`lsqr` and `lsmr`: SciPy's answers, and certificates whose bounds hold or are withheld."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl

import fsci

ours = fsci.sparse.linalg
NAMES = ("lsqr", "lsmr")


def tall(seed, m=60, n=20, condition=1e3):
    """A sparse matrix with graded columns."""
    rng = np.random.default_rng(seed)
    a = sp.random_array((m, n), density=0.2, rng=rng) + sp.diags_array(np.full(n, 2.0), shape=(m, n))
    return sp.csr_array(a @ sp.diags_array(np.geomspace(1, 1 / condition, n))), rng


def exactly(a, b, damp=0.0, centre=None):
    """The minimizer by QR of the dense augmented matrix."""
    n = a.shape[1]
    centre = np.zeros(n) if centre is None else centre
    stacked = np.vstack([a.toarray(), damp * np.eye(n)])
    return np.linalg.lstsq(stacked, np.concatenate([b, damp * centre]), rcond=None)[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_is_scipys_to_the_last_field(name):
    a, rng = tall(0)
    b = rng.standard_normal(60)
    for args, options in [((), {}), ((0.1,), {}), ((), {"x0": np.ones(20)}), ((), {"damp": 0.3, "show": False})]:
        mine, theirs = getattr(ours, name)(a, b, *args, **options), getattr(sl, name)(a, b, *args, **options)
        assert len(mine) == len(theirs)
        assert mine[1] == theirs[1]
        np.testing.assert_allclose(mine[0], theirs[0], rtol=0, atol=1e-6 * np.abs(theirs[0]).max())
    for bad in (b[:4], np.ones((60, 2))):
        with pytest.raises(ValueError, match=r"."):
            getattr(sl, name)(a, bad)
        with pytest.raises(ValueError, match=r"."):
            getattr(ours, name)(a, bad)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damp", [0.0, 0.02])
@pytest.mark.parametrize("guessed", [False, True])
def test_bounds_hold(name, damp, guessed):
    certified = 0
    for seed in range(12):
        a, rng = tall(seed, condition=10.0 ** (seed % 4))
        smallest = np.linalg.svd(a.toarray())[0][:, 19]
        # Every third right side lies along the smallest singular vector, where a residual says least.
        b = a @ rng.standard_normal(20) + (0 if seed % 2 else rng.standard_normal(60))
        b = smallest if seed % 3 == 0 else b
        centre = rng.standard_normal(20) if guessed else None
        tolerance = 10.0 ** -(2 + seed % 12)
        options = {"damp": damp, "atol": tolerance, "btol": tolerance, "x0": centre}
        diagnosis = fsci.explain(getattr(ours, name), a, b, **options)
        exact = exactly(a, b, damp, centre)
        error = np.abs(diagnosis.attempt.value - exact).max() / np.abs(exact).max()
        assert error <= diagnosis.certificate.forward_error + 1e-11
        certified += diagnosis.certificate.verdict == "certified"
    assert certified >= 1


def test_a_dominant_gram_matrix_or_damping_is_a_proof():
    n = 2000
    a = sp.csr_array(sp.vstack([sp.eye_array(n), 0.1 * sp.diags_array([1.0, 1.0], offsets=[0, 1], shape=(n, n))]))
    b = np.random.default_rng(0).standard_normal(2 * n)
    certificate = fsci.explain(ours.lsqr, a, b, atol=1e-14, btol=1e-14).certificate
    assert certificate.rigor == "rigorous"
    assert certificate.verdict == "certified"
    assert certificate.detail["least_singular_value"] <= np.linalg.svd(a[:, :200].toarray())[1][-1] + 1e-9
    loose = sp.random_array((n, n), density=2e-3, rng=np.random.default_rng(1), format="csr")
    certificate = fsci.explain(ours.lsmr, loose, b[:n], damp=0.5, atol=1e-12, btol=1e-12).certificate
    assert certificate.rigor == "rigorous"
    assert certificate.forward_error < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_without_a_bound_nothing_is_certified(name):
    rng = np.random.default_rng(2)
    deficient, _ = tall(3, condition=3.0)
    deficient = sp.csr_array(sp.hstack([deficient, deficient[:, :1]]))
    for a in (sp.random_array((20, 60), density=0.3, rng=rng, format="csr"), deficient):
        certificate = fsci.explain(
            getattr(ours, name), a, rng.standard_normal(a.shape[0]), atol=1e-13, btol=1e-13
        ).certificate
        assert certificate.verdict == "uncertified"
        assert certificate.backward_error < 1e-8
    spoiled, rng = tall(4)
    spoiled.data[3] = np.nan
    with np.errstate(all="ignore"):
        certificate = fsci.explain(getattr(ours, name), spoiled, rng.standard_normal(60), atol=0.1).certificate
    assert certificate.verdict == "uncertified"
    assert certificate.backward_error == np.inf


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("of_a", [-1000, -560, 0, 560, 1000])
@pytest.mark.parametrize("of_b", [-1040, -1000, -560, 0, 560, 1000])
def test_no_bound_is_wrong_where_squares_vanish_or_overflow(name, of_a, of_b):
    a, rng = tall(5, condition=4.0)
    b = a @ rng.standard_normal(20)
    exact = exactly(a, b)
    scaled = a.copy()
    scaled.data = np.ldexp(a.data, of_a)
    options = {"atol": 1e-14, "btol": 1e-14, "iter_lim" if name == "lsqr" else "maxiter": 200}
    with np.errstate(all="ignore"):
        diagnosis = fsci.explain(getattr(ours, name), scaled, np.ldexp(b, of_b), **options)
        error = np.abs(np.ldexp(diagnosis.attempt.value, of_a - of_b) - exact).max() / np.abs(exact).max()
    bound, verdict = diagnosis.certificate.forward_error, diagnosis.certificate.verdict
    # Of the smallest numbers the scaled right-hand side keeps but a few digits.
    assert error <= bound + (1e-12 if of_b > -1030 else 1e-4) or verdict != "certified"
    # SciPy's iteration itself ends too soon where its squares do.
    assert verdict == "certified" or max(abs(of_a), abs(of_b), abs(of_a - of_b)) > 500
