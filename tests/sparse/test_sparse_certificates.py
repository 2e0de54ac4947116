"""No bound of a sparse system is exceeded: by exact solutions, adversarial sides, singular and real matrices."""

import itertools
import warnings

import flint
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

import fsci
from benchmarks.calibrate_direct import grid, network
from fsci.kernels.sparse.sparse_residual import compressed_residual
from fsci.sparse.linalg.systems import spsolve

KERNELS = [
    "banded_lu",
    "cholesky_multifrontal",
    "hidden_triangle",
    "ldlt_multifrontal",
    "lu_left_looking",
    "lu_multifrontal",
    "lu_multifrontal_matched",
    "small_direct",
    "superlu",
    "superlu_symmetric",
]


def exact(a: sp.csc_array, b: np.ndarray) -> np.ndarray | None:
    """The solution by rational arithmetic, rounded once; None for singular matrices."""
    matrix = flint.fmpq_mat([[fraction(v) for v in row] for row in a.toarray()])
    try:
        x = matrix.solve(flint.fmpq_mat([[fraction(v)] for v in b]))
    except ZeroDivisionError:
        return None
    return np.array([float(int(v.p)) / float(int(v.q)) if abs(int(v.q)) < 2**900 else as_float(v) for v in x.entries()])


def fraction(v: float) -> flint.fmpq:
    p, q = float(v).as_integer_ratio()
    return flint.fmpq(p, q)


def as_float(v: flint.fmpq) -> float:
    from fractions import Fraction

    return float(Fraction(int(v.p), int(v.q)))


def true_error(x: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(x - truth).max() / np.abs(truth).max())


def hard(rng: np.random.Generator) -> dict[str, sp.csc_array]:
    """Small matrices whose conditions are far apart."""
    n = 24
    line = sp.diags_array([-np.ones(n - 1), 2 * np.ones(n), -np.ones(n - 1)], offsets=[-1, 0, 1])
    u, _, v = np.linalg.svd(rng.standard_normal((n, n)))
    arrow = np.diag(np.logspace(0, -8, n))
    arrow[0, :] = arrow[:, 0] = 1.0
    twins = sp.lil_array(network(n))
    twins[1, :] = twins[[0], :]
    twins[1, 1] = twins[1, 1] + 1e-13
    return {
        "line": sp.csc_array(line),
        "graded": sp.csc_array(sp.diags_array(np.logspace(-9, 9, n)) @ line),
        "ill": sp.csc_array((u * np.logspace(0, -12, n)) @ v),
        "hopeless": sp.csc_array((u * np.logspace(0, -18, n)) @ v),
        "arrow": sp.csc_array(arrow),
        "twins": sp.csc_array(twins),
        "network": network(n),
        "triangle": sp.csc_array(np.tril(rng.standard_normal((n, n)))[rng.permutation(n)][:, rng.permutation(n)]),
        "plant": sp.csc_array(sp.diags_array(np.logspace(-5, 5, n)) @ network(n)[rng.permutation(n)]),
        "saddle": saddle(rng, n),
        "growth": sp.csc_array(np.tril(-np.ones((n, n)), -1) + np.eye(n) + np.eye(n)[:, [-1]] @ np.ones((1, n))),
    }


def saddle(rng: np.random.Generator, n: int) -> sp.csc_array:
    """A third of the diagonal is zero; the constraints nearly depend on one another."""
    m = n // 3
    constraints = np.where(rng.random((m, n - m)) < 0.3, rng.standard_normal((m, n - m)), 0.0)
    constraints[1] = constraints[0] + 1e-7 * constraints[1]
    top = np.diag(np.logspace(0, -6, n - m))
    return sp.csc_array(np.block([[top, constraints.T], [constraints, np.zeros((m, m))]]))


def sides(a: sp.csc_array, rng: np.random.Generator) -> list[np.ndarray]:
    """Drawn at random, and along the singular vectors of the smallest and the largest singular value."""
    u, _, v = np.linalg.svd(a.toarray())
    return [rng.standard_normal(a.shape[0]), u[:, -1], u[:, 0], a @ v[0], a @ v[-1]]


@pytest.mark.parametrize("kernel", KERNELS)
def test_bounds_hold_against_exact_solutions(kernel, rng):
    examined = 0
    for name, a in hard(rng).items():
        for b in sides(a, rng):
            truth = exact(a, b)
            with fsci.policy(overrides={"sparse_linear_system": kernel}), fsci.trace() as log:
                x = spsolve(a, b)
            certificate = log[-1].certificate
            if truth is None:
                assert certificate.verdict != "certified", name
            elif np.isfinite(x).all():
                examined += certificate.verdict == "certified"
                assert true_error(x, truth) <= certificate.forward_error, (name, certificate)
    assert examined >= 10


def test_singular_matrices_are_never_certified(rng):
    for seed in range(12):
        n = 200 + seed
        a = sp.lil_array(network(n))
        # Twins: their difference is a null vector, which constant and alternating vectors do not see.
        i, j = 3 + seed, 5 + seed
        a[j, :] = a[[i], :]
        a[:, j] = a[:, [i]]
        both = sp.csc_array(a), sp.csc_array(sp.csr_array(a)[rng.permutation(n)])
        for kernel, singular in itertools.product(KERNELS, both):
            b = singular @ np.ones(n)
            with (
                fsci.policy(overrides={"sparse_linear_system": kernel}),
                fsci.trace() as log,
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")
                spsolve(singular, b)
            assert log[-1].certificate.verdict != "certified", (seed, kernel)


def refined_truth(a: sp.csc_array, b: np.ndarray, x: np.ndarray, solve) -> tuple[np.ndarray, np.ndarray]:
    """The solution in two words, by refinement with residuals in doubled precision."""
    low = np.zeros_like(x)
    for _ in range(12):
        r, _ = compressed_residual(a, x, b, low)
        low = low + solve(r)
        high = x + low
        low = low + (x - high)
        x = high
    return x, low


@pytest.mark.data
def test_bounds_hold_on_the_collection(data_folder, rng):
    certified = 0
    for path in sorted((data_folder / "matrices").glob("*.mtx.gz")):
        a = scipy.io.mmread(path)
        if a.shape[0] != a.shape[1] or not 100 <= a.shape[0] <= 3000:
            continue
        a = sp.csc_array(a).astype(complex if a.dtype.kind == "c" else float)
        for b in (a @ np.ones(a.shape[0]), rng.standard_normal(a.shape[0]).astype(a.dtype)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    diagnosis = fsci.explain(spsolve, a, b)
                except RuntimeError:  # SuperLU gives up on some that are singular by their pattern
                    continue
            certificate = diagnosis.certificate
            if certificate.verdict != "certified" or not np.any(b):
                continue
            x = diagnosis.value
            truth, low = refined_truth(a, b, x, diagnosis.attempt.byproducts["solve"])
            error = np.abs((x - truth) - low).max() / np.abs(truth).max()
            assert error <= certificate.forward_error, (path.name, certificate)
            certified += 1
    assert certified >= 40


def test_accuracies_and_modes(rng):
    a = grid(60, 60)
    b = a @ rng.standard_normal(3600)
    with fsci.policy(mode="hardened"), fsci.trace() as log:
        spsolve(a, b)
    assert log[-1].certificate.verdict == "certified"
    with fsci.policy(accuracy=1e-30), pytest.warns(UserWarning, match="does not meet accuracy"):
        spsolve(a, b)


def test_a_zero_right_hand_side_is_exact():
    diagnosis = fsci.explain(spsolve, grid(60, 60), np.zeros(3600))
    assert not diagnosis.value.any()
    assert diagnosis.certificate.forward_error == 0.0


def test_ill_conditioned_systems_are_repaired_in_hardened_mode(rng):
    n = 40
    for exponent in (9, 11, 13):
        u, _, v = np.linalg.svd(rng.standard_normal((n, n)))
        a = sp.csc_array((u * np.logspace(0, -exponent, n)) @ v)
        b = rng.standard_normal(n)
        truth = exact(a, b)
        assert truth is not None
        # At 1e13 two words leave room for an error of some units of the last place.
        for accuracy in ("standard", "full" if exponent < 13 else 1e-13):
            with fsci.policy(mode="hardened", accuracy=accuracy), fsci.trace() as log:
                x = spsolve(a, b)
            certificate = log[-1].certificate
            assert certificate.verdict == "certified", (exponent, accuracy, certificate)
            assert true_error(x, truth) <= certificate.forward_error
    assert "refined_twofold" in log[-1].route
