"""Sparse systems on devices: JAX's containers eager, under jit, vmap and grad; the portable code on NumPy for CuPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sl

import fsci
from fsci.core.errors import BackendError
from fsci.core.policy import Policy
from fsci.core.types import Attempt, Problem
from fsci.kernels.sparse.cuda.space import space_with
from fsci.kernels.sparse.portable import portfolio

pytestmark = pytest.mark.slow

ours = fsci.sparse.linalg
METHODS = ("cg", "bicgstab", "gmres", "minres")
RTOL = {"float32": 1e-5, "float64": 1e-10, "complex64": 1e-5, "complex128": 1e-10}


def system(method, dtype, n=9, seed=0):
    rng = np.random.default_rng(seed)
    line, eye = sp.diags_array([-1.0, 2.3, -1.0], offsets=[-1, 0, 1], shape=(n, n)), sp.eye_array(n)
    a = sp.kron(line, eye) + sp.kron(eye, line)
    if method not in ("cg", "minres"):
        a = a + sp.diags_array([0.3], offsets=[2], shape=a.shape)
    b = rng.standard_normal(n * n)
    if np.dtype(dtype).kind == "c":
        turned = sp.diags_array([0.2j], offsets=[1], shape=a.shape)
        a, b = a + turned + turned.conj().T, b + 1j * rng.standard_normal(n * n)
    return sp.csr_array(a.astype(dtype)), b.astype(dtype)


def allowed(method, a, x, b, rtol):
    """Residual that the call may leave: MINRES measures it by norms of A and x."""
    size = np.linalg.norm(b)
    return 3 * rtol * (max(size, sp.linalg.norm(a) * np.linalg.norm(x)) if method == "minres" else size)


def triangle(dtype, n=40, lower=True, unit=False):
    rng = np.random.default_rng(3)
    full = sp.random_array((n, n), density=0.15, rng=rng).astype(dtype)
    strict = sp.tril(full, -1) if lower else sp.triu(full, 1)
    diagonal = np.full(n, 7.0) if unit else rng.uniform(1, 2, n)
    a = sp.csr_array((0.5 * strict + sp.diags_array(diagonal)).astype(dtype))
    return a, rng.standard_normal((n, 3)).astype(dtype)


def check_of(kind, a, b, parameters, value, policy=None):
    """The certificate that the portable check gives on NumPy."""
    space = space_with(np)
    problem = Problem(kind, (a, b), parameters, "cuda", b.dtype, None, a.shape[0])
    judge = portfolio._check if kind == "iterative_solve" else portfolio._check_triangular
    return judge(space, problem, Attempt(value), policy or Policy())


@pytest.mark.parametrize("dtype", sorted(RTOL))
@pytest.mark.parametrize("method", METHODS)
def test_the_portable_iterations_on_numpy(method, dtype):
    a, b = system(method, dtype)
    for m in (None, "auto", lambda v: 0.2 * v, sp.diags_array(1 / a.diagonal()).tocsr()):
        parameters = {"method": method, "x0": None, "rtol": RTOL[dtype], "atol": 0.0, "maxiter": 300}
        parameters |= {"restart": 20, "M": m}
        attempt = portfolio._run(
            space_with(np), Problem("iterative_solve", (a, b), parameters, "cuda", b.dtype, None, b.size)
        )
        assert attempt.byproducts["info"] == 0
        assert attempt.value.dtype == b.dtype
        assert np.linalg.norm(b - a @ attempt.value) <= allowed(method, a, attempt.value, b, RTOL[dtype])


@pytest.mark.parametrize("shift", [1.37, 3.0])
def test_minres_of_indefinite_matrices_takes_scipys_steps(shift):
    a, b = system("minres", "float64")
    a = sp.csr_array(a - shift * sp.eye_array(b.size))
    parameters = {"method": "minres", "x0": None, "rtol": 1e-9, "atol": 0.0, "maxiter": 500, "restart": 20}

    def steps_of(inverse):
        steps = []
        return sl.minres(a, b, rtol=1e-9, M=inverse, callback=lambda x: steps.append(1))[0], len(steps)

    for m in (None, "auto"):
        given = {**parameters, "M": m}
        problem = Problem("iterative_solve", (a, b), given, "cuda", b.dtype, None, b.size)
        attempt = portfolio._run(space_with(np), problem)
        assert attempt.byproducts["info"] == 0
        expected, steps = steps_of(None if m is None else sp.diags_array(1 / abs(a.diagonal())))
        assert abs(attempt.byproducts["iterations"] - steps) <= 1
        np.testing.assert_allclose(attempt.value, expected, atol=1e-6 * np.abs(expected).max())
    worse = {**parameters, "M": lambda v: -v}
    with np.errstate(invalid="ignore"):
        problem = Problem("iterative_solve", (a, b), worse, "cuda", b.dtype, None, b.size)
        attempt = portfolio._run(space_with(np), problem)
    assert attempt.status == "not_converged"
    assert attempt.byproducts["info"] > 0


def test_minres_ends_with_least_squares_of_a_singular_system():
    a, _ = system("minres", "float64", n=5)
    vectors = np.linalg.eigh(a.toarray())
    a = a.toarray() - vectors[0][3] * np.outer(vectors[1][:, 3], vectors[1][:, 3])
    for b in (a @ np.arange(25.0), np.arange(25.0)):
        parameters = {"method": "minres", "x0": None, "rtol": 1e-10, "atol": 0.0, "maxiter": 500, "restart": 20}
        problem = Problem("iterative_solve", (a, b), {**parameters, "M": None}, "cuda", b.dtype, None, b.size)
        x = portfolio._run(space_with(np), problem).value
        assert np.linalg.norm(a @ (b - a @ x)) <= 1e-7 * np.linalg.norm(b)


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("dtype", sorted(RTOL))
def test_the_portable_sweeps_on_numpy(dtype, lower, unit):
    a, b = triangle(dtype, lower=lower, unit=unit)
    problem = Problem("sparse_triangular", (a, b), {"lower": lower, "unit": unit}, "cuda", b.dtype, None, 40)
    x = portfolio._triangular(space_with(np), problem).value
    dense = a.toarray()
    if unit:
        np.fill_diagonal(dense, 1.0)
    wide = dense.astype(np.result_type(dtype, float))
    exact = np.linalg.solve(wide, b.astype(wide.dtype))
    certificate = check_of("sparse_triangular", a, b, {"lower": lower, "unit": unit}, x)
    error = (np.abs(x - exact).max(axis=0) / np.abs(exact).max(axis=0)).max()
    assert error <= certificate.forward_error + 1e-13
    assert certificate.forward_error < (1e-3 if dtype in ("float32", "complex64") else 1e-11)


def test_the_portable_bounds_hold_and_are_withheld():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        a = sp.random_array((30, 30), density=0.15, rng=rng, format="csr")
        a = sp.csr_array(a + sp.diags_array(1.1 * abs(a).sum(axis=1) + 0.1 - a.diagonal()))
        vectors = np.linalg.svd(a.toarray())[2]
        truth = vectors[-1] if seed % 2 else rng.standard_normal(30)
        b = a @ truth
        exact = np.linalg.solve(a.toarray(), b)
        x = exact * (1 + 10.0 ** -rng.integers(2, 15) * rng.standard_normal(30))
        certificate = check_of("iterative_solve", a, b, {}, x)
        error = np.abs(x - exact).max() / np.abs(exact).max()
        assert error <= certificate.forward_error + 1e-14
        assert certificate.forward_error < 1.0 or error > 1e-3
    weak = sp.csr_array(sp.eye_array(30) + 0.9 * sp.diags_array([1.0, 1.0], offsets=[-1, 1], shape=(30, 30)))
    certificate = check_of("iterative_solve", weak, weak @ np.ones(30), {}, np.ones(30))
    assert certificate.forward_error == np.inf
    assert certificate.verdict == "uncertified"
    # [[9, 12], [15, 20]] is singular; stored as 2^56 + 9 - 2^56, which is 16 in doubles, its diagonal dominates.
    data = np.array([2.0**56, 9.0, -(2.0**56), 12.0, 15.0, 20.0])
    split = sp.coo_array((data, ([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 0, 1])), shape=(2, 2))
    for kind, right in (("iterative_solve", np.array([12.0, 20.0])), ("sparse_triangular", np.array([[0.0], [20.0]]))):
        answer = np.array([0.0, 1.0]).reshape(right.shape)
        certificate = check_of(kind, split, right, {"lower": True, "unit": False}, answer)
        assert certificate.forward_error == np.inf
    bad = np.full(30, np.nan)
    assert check_of("iterative_solve", a, b, {}, bad).verdict == "uncertified"


# ---- JAX

jax = pytest.importorskip("jax")
jsparse = pytest.importorskip("jax.experimental.sparse")
jnp = jax.numpy
on_jax = pytest.mark.jax


@pytest.fixture(params=["float32", "complex128"])
def dtype(request):
    with jax.enable_x64(request.param in ("float64", "complex128")):
        yield request.param


def container(a, form):
    bcoo = jsparse.BCOO.from_scipy_sparse(a)
    return {"bcoo": lambda: bcoo, "bcsr": lambda: jsparse.BCSR.from_bcoo(bcoo), "dense": bcoo.todense}[form]()


@on_jax
@pytest.mark.parametrize(
    ("method", "form"),
    [("cg", "bcoo"), ("cg", "bcsr"), ("bicgstab", "bcsr"), ("gmres", "dense"), ("minres", "bcoo"), ("minres", "bcsr")],
)
def test_iterations_answer_where_the_operands_live(method, form, dtype):
    a, b = system(method, dtype)
    solve = getattr(ours, method)
    matrix, right = container(a, form), jnp.asarray(b)
    rtol = RTOL[dtype]
    diagnosis = fsci.explain(solve, matrix, right, rtol=rtol)
    x, info = diagnosis.value
    assert isinstance(x, jax.Array)
    assert str(x.dtype) == dtype
    assert info == 0
    exact = sl.spsolve(sp.csc_array(a).astype(np.result_type(dtype, float)), b.astype(np.result_type(dtype, float)))
    error = np.abs(np.asarray(x) - exact).max() / np.abs(exact).max()
    certificate = diagnosis.certificate
    assert error <= certificate.forward_error + 1e-13
    assert certificate.verdict in ("certified", "uncertified")
    assert certificate.backward_error < 100 * rtol
    jitted, info = jax.jit(lambda m, v: solve(m, v, rtol=rtol))(matrix, right)
    assert int(info) == 0
    np.testing.assert_allclose(np.asarray(jitted), exact, atol=1e3 * rtol * np.abs(exact).max())


@on_jax
@pytest.mark.parametrize("method", METHODS)
def test_iterations_map_over_right_hand_sides(method):
    a, b = system(method, "float32", n=6)
    matrix = container(a, "bcoo")
    many = jnp.asarray(np.stack([b, 2 * b, b[::-1], 0 * b]))
    x, info = jax.vmap(lambda v: getattr(ours, method)(matrix, v, M="auto"))(many)
    assert (np.asarray(info) == 0).all()
    for right, found in zip(np.asarray(many), np.asarray(x), strict=True):
        assert np.linalg.norm(right - a @ found) <= 2 * allowed(method, a, found, right, 1e-5) + 1e-30


@on_jax
def test_what_does_not_converge_says_so():
    a, b = system("cg", "float32", n=12)
    matrix, right = container(a, "bcoo"), jnp.asarray(b)
    assert ours.cg(matrix, right, maxiter=2)[1] == 2
    assert ours.bicgstab(matrix, right, maxiter=2)[1] == 2
    assert ours.gmres(matrix, right, maxiter=1, restart=3)[1] == 3
    singular = jnp.zeros((4, 4))
    for method in ("cg", "bicgstab", "gmres"):
        assert getattr(ours, method)(singular, jnp.ones(4), maxiter=5)[1] > 0
    assert ours.minres(matrix, right, maxiter=2)[1] == 2
    x, info = ours.minres(singular, jnp.ones(4))  # of least squares, as SciPy's
    assert info == sl.minres(np.zeros((4, 4)), np.ones(4))[1] == 0
    assert not np.asarray(x).any()
    assert ours.minres(matrix, right, M=lambda v: -v)[1] > 0
    x, info = ours.cg(matrix, 0 * right, jnp.ones(b.size))
    assert info == 0
    assert not np.asarray(x).any()


@on_jax
@pytest.mark.parametrize("form", ["bcoo", "bcsr"])
@pytest.mark.parametrize(("lower", "unit"), [(True, False), (False, True)])
def test_substitution_answers_where_the_operands_live(form, lower, unit, dtype):
    a, b = triangle(dtype, lower=lower, unit=unit)
    expected = sl.spsolve_triangular(a, b, lower=lower, unit_diagonal=unit)
    matrix = container(a, form)
    found = ours.spsolve_triangular(matrix, jnp.asarray(b), lower=lower, unit_diagonal=unit)
    assert isinstance(found, jax.Array)
    tolerance = 1e-4 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(np.asarray(found), expected, atol=tolerance * np.abs(expected).max())
    jitted = jax.jit(lambda m, v: ours.spsolve_triangular(m, v, lower=lower, unit_diagonal=unit))
    np.testing.assert_allclose(
        np.asarray(jitted(matrix, jnp.asarray(b[:, 0]))), expected[:, 0], atol=tolerance * np.abs(expected).max()
    )


@on_jax
def test_a_zero_pivot_is_refused_as_on_the_host():
    matrix = container(sp.csr_array(np.tril(np.ones((3, 3)), -1)), "bcoo")
    with pytest.raises(np.linalg.LinAlgError, match="zero entry on diagonal"):
        ours.spsolve_triangular(matrix, jnp.ones(3))


@on_jax
def test_padded_containers_are_read_to_their_end():
    a, b = system("cg", "float32", n=5)
    bcoo = jsparse.BCOO.from_scipy_sparse(a)
    padded = jsparse.bcoo_update_layout(bcoo)
    padded = jsparse.BCOO(
        (
            jnp.concatenate([padded.data, jnp.zeros(7, padded.data.dtype)]),
            jnp.concatenate([padded.indices, jnp.full((7, 2), a.shape[0], padded.indices.dtype)]),
        ),
        shape=a.shape,
    )
    diagnosis = fsci.explain(ours.cg, padded, jnp.asarray(b))
    assert diagnosis.attempt.byproducts["info"] == 0
    assert diagnosis.certificate.forward_error < 1e-2
    assert np.linalg.norm(b - a @ np.asarray(diagnosis.value[0])) <= 3e-5 * np.linalg.norm(b)


@on_jax
def test_nothing_moves_silently_and_what_is_missing_is_named():
    a, b = system("cg", "float32", n=4)
    matrix, right = container(a, "bcoo"), jnp.asarray(b)
    with pytest.raises(BackendError, match="different devices"):
        ours.cg(matrix, b)
    with pytest.raises(BackendError, match="callback"):
        ours.cg(matrix, right, callback=print)
    with pytest.raises(BackendError, match="x0"):
        ours.gmres(matrix, right, "Mb")
    with pytest.raises(BackendError, match="minres takes no shift, check"):
        ours.minres(matrix, right, shift=0.5, check=True)
    with pytest.raises(ValueError, match="incompatible"):
        ours.cg(matrix, right[:3])
    with pytest.raises(ValueError, match="square"):
        ours.cg(container(sp.csr_array(np.ones((3, 4))), "bcoo"), jnp.ones(3))


@on_jax
def test_a_second_call_traces_nothing(monkeypatch):
    a, b = system("cg", "float32", n=4)
    matrix, right = container(a, "bcoo"), jnp.asarray(b)
    traces, original = [], portfolio.METHODS["cg"]
    monkeypatch.setitem(portfolio.METHODS, "cg", lambda *args: traces.append(1) or original(*args))

    def precondition(v):  # of this call alone: no earlier test has compiled it
        return 0.2 * v

    first = ours.cg(matrix, right, M=precondition)[0]
    traced = len(traces)
    assert traced > 0
    second = ours.cg(matrix, right, M=precondition)[0]
    assert len(traces) == traced
    np.testing.assert_array_equal(np.asarray(first), np.asarray(second))


@on_jax
@pytest.mark.parametrize(("method", "choice"), [("cg", "auto"), ("gmres", None), ("minres", "auto")])
def test_derivatives_are_those_of_the_equation(method, choice):
    with jax.enable_x64(True):
        a, b = system(method, "float64", n=5)
        bcoo = container(a, "bcoo")

        def loss(data, right):
            matrix = jsparse.BCOO((data, bcoo.indices), shape=bcoo.shape)
            return (getattr(ours, method)(matrix, right, rtol=1e-13, M=choice)[0] ** 2).sum()

        by_data, by_right = jax.jit(jax.grad(loss, argnums=(0, 1)))(bcoo.data, jnp.asarray(b))
    dense, coo = a.toarray(), a.tocoo()
    x = np.linalg.solve(dense, b)
    multiplier = np.linalg.solve(dense.T, 2 * x)
    np.testing.assert_allclose(np.asarray(by_right), multiplier, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(np.asarray(by_data), -multiplier[coo.row] * x[coo.col], rtol=1e-9, atol=1e-9)


@on_jax
def test_the_trace_of_a_jitted_call_is_unexamined():
    a, b = system("cg", "float32", n=4)
    matrix = container(a, "bcoo")
    with fsci.trace() as log:
        jax.jit(lambda v: ours.cg(matrix, v)[0])(jnp.asarray(b))
    assert log[-1].function == "sparse.linalg.cg"
    assert log[-1].certificate.verdict == "unexamined"
    assert log[-1].certificate.algorithm == "cg"


# ---- CuPy


@pytest.mark.gpu
def test_cupy_answers_on_the_device():
    cupy = pytest.importorskip("cupy")
    csparse = pytest.importorskip("cupyx.scipy.sparse")
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:
        pytest.skip("no CUDA device")
    for method in METHODS:
        a, b = system(method, "float64")
        diagnosis = fsci.explain(
            getattr(ours, method), csparse.csr_matrix(sp.csr_matrix(a)), cupy.asarray(b), rtol=1e-10
        )
        assert isinstance(diagnosis.value[0], cupy.ndarray)
        x = diagnosis.value[0].get()
        assert np.linalg.norm(b - a @ x) <= allowed(method, a, x, b, 1e-10)
    a, b = triangle("float64")
    x = ours.spsolve_triangular(csparse.csr_matrix(sp.csr_matrix(a)), cupy.asarray(b))
    np.testing.assert_allclose(x.get(), sl.spsolve_triangular(a, b), atol=1e-12)
