"""What single-precision factors may be wrong by, where refinement's rate is taken for it: bounds must still hold.

The rate is that of one right-hand side. These are made to hide a part of the matrix that the factors get wrong.
"""

from __future__ import annotations

import numpy as np
import pytest

import fsci
from fsci.selector import truth


def hidden(rng: np.random.Generator, n: int, condition: float, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Two blocks, mixed by rows alone: the second is ill-conditioned, and what the solution holds of it is small."""
    m = n // 4
    u, v = (np.linalg.qr(rng.standard_normal((m, m)))[0] for _ in range(2))
    a = np.zeros((n, n))
    a[: n - m, : n - m] = rng.standard_normal((n - m, n - m)) / np.sqrt(n) + 2.0 * np.eye(n - m)
    a[n - m :, n - m :] = (u * np.logspace(0, -np.log10(condition), m)) @ v
    a = np.linalg.qr(rng.standard_normal((n, n)))[0] @ a
    x = rng.standard_normal(n)
    x[n - m :] *= size
    return a, a @ x


@pytest.mark.parametrize("condition", [1e2, 1e4, 1e6, 1e8])
@pytest.mark.parametrize("size", [1.0, 1e-4, 1e-8, 1e-12, 0.0])
def test_an_ill_conditioned_part_of_little_weight(condition, size):
    for seed in range(2):
        a, b = hidden(np.random.default_rng(seed), 120, condition, size)
        exact = truth.solution(a, b)
        assert exact is not None
        for kernel in ("lu_float32", "lu_equilibrated"):
            with fsci.policy(overrides={"linear_system": kernel}):
                x, certificate = fsci.certify(fsci.linalg.solve)(a, b)
            assert truth.relative_error(x, exact) <= certificate.forward_error, (kernel, seed)


@pytest.mark.parametrize("n", [30, 120])
def test_a_singular_matrix_of_integers_is_not_certified(n):
    """Its elimination has few roundings: nothing shows in the rate."""
    rng = np.random.default_rng(0)
    a = rng.integers(-3, 4, (n, n)).astype(float)
    a[:, -1] = a[:, 0] + a[:, 1]
    x = rng.integers(-5, 6, n).astype(float)
    for kernel in ("lu_float32", "lu_equilibrated", "lu_extra_precise"):
        with fsci.policy(overrides={"linear_system": kernel}), fsci.trace() as log:
            try:
                fsci.linalg.solve(a, a @ x)
            except np.linalg.LinAlgError:
                continue
            except Warning:
                pass
        assert all(c.worst_verdict != "certified" for d in log for c in d.certificates)
