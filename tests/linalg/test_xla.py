"""JAX arrays: SciPy's answers where the arrays live, certified when eager, under jit, vmap and grad."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import scipy.linalg as sl

import fsci
from fsci.core.errors import BackendError
from tests.linalg.device_cases import agree, calls, parts

jax = pytest.importorskip("jax")
jnp = jax.numpy
pytestmark = [pytest.mark.jax, pytest.mark.slow]

CALLS = list(calls(np.random.default_rng(7)))


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    with jax.enable_x64(request.param == "float64"):
        yield request.param


@pytest.mark.parametrize("case", range(len(CALLS)))
def test_eager_and_jitted_agree_with_scipy(case, dtype):
    name, operands, options = CALLS[case]
    ours = getattr(fsci.linalg, name)
    on_host = [o.astype(dtype) for o in operands]
    device = [jnp.asarray(o) for o in on_host]
    theirs = getattr(sl, name)(*on_host, **options)
    diagnosis = fsci.explain(ours, *device, **options)
    tolerance = 1e-4 if dtype == "float32" else 1e-12
    agree(diagnosis.value, theirs, tolerance)
    first = parts(diagnosis.value)[0]
    assert isinstance(first, jax.Array)
    assert str(first.dtype) == dtype
    assert diagnosis.certificate.verdict in ("certified", "uncertified")
    assert np.isfinite(diagnosis.certificate.backward_error)
    agree(jax.jit(lambda *a: ours(*a, **options))(*device), theirs, tolerance)


def test_what_is_certified_is_within_its_bound(dtype):
    for name, operands, options in CALLS:
        if name in ("qr", "svd") or options.get("return_rank"):
            continue
        device = [jnp.asarray(o.astype(dtype)) for o in operands]
        value, certificate = fsci.certify(getattr(fsci.linalg, name))(*device, **options)
        if certificate.verdict != "certified":
            continue
        # Truth: the same operands in double precision, where single is judged.
        truth = parts(getattr(sl, name)(*(np.asarray(d).astype(float) for d in device), **options))[0]
        error = np.max(np.abs(np.asarray(parts(value)[0], float) - truth)) / np.max(np.abs(truth))
        assert error <= certificate.forward_error + (0 if dtype == "float32" else 1e-13), name


def test_vmap(rng):
    a = rng.standard_normal((5, 4, 4)).astype("f") + 6 * np.eye(4, dtype="f")
    b = rng.standard_normal((5, 4)).astype("f")
    x = jax.vmap(fsci.linalg.solve)(jnp.asarray(a), jnp.asarray(b))
    np.testing.assert_allclose(x, np.linalg.solve(a, b[..., None])[..., 0], rtol=1e-4)
    for name, reference in (("inv", np.linalg.inv), ("det", np.linalg.det), ("pinv", np.linalg.pinv)):
        np.testing.assert_allclose(
            jax.vmap(getattr(fsci.linalg, name))(jnp.asarray(a)), reference(a), rtol=1e-3, atol=1e-4
        )
    values = jax.vmap(lambda m: fsci.linalg.svd(m, compute_uv=False))(jnp.asarray(a))
    np.testing.assert_allclose(values, np.linalg.svd(a, compute_uv=False), rtol=1e-4)


FUNCTIONS = {
    "solve": lambda linalg, a: linalg.solve(a, a[0]).sum(),
    "inv": lambda linalg, a: linalg.inv(a).sum(),
    "det": lambda linalg, a: linalg.det(a),
    "cholesky": lambda linalg, a: linalg.cholesky(a).sum(),
    "eigh": lambda linalg, a: (linalg.eigh(a, eigvals_only=True) ** 2).sum(),
    "expm": lambda linalg, a: linalg.expm(a / 8).sum(),
    "lstsq": lambda linalg, a: linalg.lstsq(a, a[0])[0].sum(),
    "pinv": lambda linalg, a: linalg.pinv(a).sum(),
    "qr": lambda linalg, a: abs(linalg.qr(a, mode="economic")[1]).sum(),
    "svd": lambda linalg, a: linalg.svd(a, compute_uv=False).sum(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradient(name, rng):
    g = rng.standard_normal((5, 5))
    a = g @ g.T + np.diag(np.arange(1.0, 6.0))
    direction = rng.standard_normal((5, 5))
    direction = direction + direction.T
    function, h = FUNCTIONS[name], 1e-6
    with jax.enable_x64(True):
        gradient = np.asarray(jax.grad(lambda m: function(fsci.linalg, m))(jnp.asarray(a)))
    difference = (function(sl, a + h * direction) - function(sl, a - h * direction)) / (2 * h)
    assert np.sum(gradient * direction) == pytest.approx(float(difference), rel=1e-5, abs=1e-6)


def test_traced_calls_are_unexamined():
    with fsci.trace() as log:
        jax.jit(fsci.linalg.inv)(jnp.eye(3) * 2)
    assert log[-1].certificate.verdict == "unexamined"


@pytest.mark.parametrize("name", ["solve", "inv"])
def test_singular_single_precision_is_refused_or_uncertified(name):
    # jax#26180: finite garbage from singular float32 matrices.
    a = jnp.asarray(np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], "f"))
    operands = (a, jnp.ones(3)) if name == "solve" else (a,)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sl.LinAlgWarning)
            _, certificate = fsci.certify(getattr(fsci.linalg, name))(*operands)
    except np.linalg.LinAlgError:
        return
    assert certificate.verdict == "uncertified"


def test_errors():
    with pytest.raises(BackendError, match="different devices"):
        fsci.linalg.solve(jnp.eye(2), np.ones(2))
    with pytest.raises(ValueError, match="infs or NaNs"):
        fsci.linalg.inv(jnp.full((2, 2), jnp.nan))
    with pytest.raises(ValueError, match="square"):
        fsci.linalg.det(jnp.ones((2, 3)))
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        fsci.linalg.cholesky(-jnp.eye(2))
    with pytest.raises(BackendError, match="pivoting"):
        fsci.linalg.qr(jnp.eye(3), pivoting=True)


def test_jax_is_not_imported_for_arrays_of_the_host():
    script = "import sys, fsci, numpy as np; fsci.linalg.inv(np.eye(40) * 2); print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "False"
