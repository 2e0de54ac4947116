"""Structure found from the entries, and the kernels that use it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg as sl

import fsci
from fsci.core import registry
from fsci.core.types import Problem
from fsci.kernels.structure import asymmetry, scan
from fsci.linalg.systems import solve

N = 60


def build(name, rng):
    g = rng.standard_normal((N, N)) + 3 * np.eye(N)
    upper = np.triu(g) / N + 3 * np.eye(N)
    return {
        "diagonal": lambda: np.diag(g.diagonal()),
        "upper": lambda: upper,
        "lower": upper.T.copy,
        "banded": lambda: np.triu(np.tril(g, 1), -2),
        "permuted_triangular": lambda: upper[rng.permutation(N)][:, rng.permutation(N)],
        "block_diagonal": lambda: sl.block_diag(g[:30, :30], g[:20, :20], g[:10, :10]),
        "hessenberg": lambda: np.triu(g, -1),
        "spd_candidate": lambda: g @ g.T,
        "symmetric": lambda: g - g.diagonal().mean() * np.eye(N) + g.T,
        "general": lambda: g,
    }[name]()


NAMES = (
    "diagonal",
    "upper",
    "lower",
    "banded",
    "permuted_triangular",
    "block_diagonal",
    "hessenberg",
    "spd_candidate",
    "symmetric",
    "general",
)


def evidence_of(a):
    registry.load("linalg", "host")
    return registry.probe(Problem("linear_system", (a, np.ones(len(a), a.dtype)), {}, "host", a.dtype, None, len(a)))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", NAMES)
def test_probe_finds_structure_and_norms(name, order, rng):
    a = np.array(build(name, rng), order=order)
    if name == "spd_candidate":
        a = (a + a.T) / 2
        np.fill_diagonal(a, np.abs(a).max())
    evidence = evidence_of(a)
    assert evidence.get("structure") == name
    assert evidence.get("norm1") == pytest.approx(np.abs(a).sum(axis=0).max())
    assert evidence.get("norm_inf") == pytest.approx(np.abs(a).sum(axis=1).max())
    assert (evidence.get("lower_bandwidth"), evidence.get("upper_bandwidth")) == sl.bandwidth(a)


@pytest.mark.parametrize(
    "name", ["diagonal", "triangular", "permuted_triangular", "banded", "block_diagonal", "hessenberg"]
)
@pytest.mark.parametrize("dtype", ["f", "d", "F", "D"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_structured_kernels_solve_and_their_adjoints(name, dtype, order, rng):
    for variant in ("upper", "lower") if name in ("triangular", "hessenberg") else (name,):
        a = build(variant if name == "triangular" else name, rng)
        a = a.T.copy() if variant == "lower" and name == "hessenberg" else a
        a = (a * (1 + 0.5j) if dtype in "FD" else a).astype(dtype, order=order)
        b = rng.standard_normal((N, 2)).astype(dtype)
        with fsci.policy(overrides={"linear_system": name}):
            diagnosis = fsci.explain(solve, a, b)
        assert diagnosis.route.startswith(name)
        tolerance = 1e-3 if dtype in "fF" else 1e-11
        scale = np.abs(a).sum(axis=1).max() * np.abs(diagnosis.value).max()
        assert np.abs(a @ diagnosis.value - b).max() <= tolerance * scale
        inner = diagnosis.attempt.byproducts.get("solve")
        if inner is not None:
            y = inner(b[:, 0], adjoint=True)
            assert np.abs(a.conj().T @ y - b[:, 0]).max() <= tolerance * np.abs(a).sum(axis=0).max() * np.abs(y).max()


@pytest.mark.parametrize("n", [1, 5, 31, 33, 64, 100])
def test_scan_and_symmetry_see_every_entry(n, rng):
    a = rng.standard_normal((n, n))
    a = a + a.T
    assert asymmetry(a) is None
    for _ in range(10):
        i, j = sorted(rng.integers(0, n, 2))
        changed = a.copy()
        changed[i, j] += 1.0
        assert asymmetry(changed) == ((i, j) if i != j else None)
        for bad in (np.nan, np.inf):
            changed[i, j] = bad
            assert not scan(changed).finite
    assert scan(a * 1e300).finite


def test_singular_structures_say_so(rng):
    a = build("banded", rng)
    a[:, 5] = 0.0
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        solve(np.kron(np.eye(5), a), np.ones(5 * N))
