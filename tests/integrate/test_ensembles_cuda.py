"""Ensembles on a GPU: the fused kernel under Numba's CUDA simulator, and on a device where there is one."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.integrate as si

import fsci.integrate as fi

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(importlib.util.find_spec("numba.cuda") is None, reason="Numba comes without its CUDA target")
@pytest.mark.parametrize("case", ["agree", "failures", "certificates", "refusals"])
def test_the_kernel_in_the_simulator(case):
    # The simulator is chosen when Numba is imported: so in a process of its own.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.integrate.cuda_simulator", case],
        check=False, capture_output=True, text=True, timeout=300, cwd=ROOT,
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
    )  # fmt: skip
    assert done.stdout.endswith("holds\n"), done.stderr[-3000:]


@pytest.mark.gpu
def test_the_kernel_on_a_device():
    cupy = pytest.importorskip("cupy")
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:
        pytest.skip("no CUDA device")

    def lorenz(t, y, sigma, rho, beta):
        return sigma * (y[1] - y[0]), y[0] * (rho - y[2]) - y[1], y[0] * y[1] - beta * y[2]

    y0 = np.random.default_rng(0).uniform(-1.0, 1.0, (1000, 3)) + np.array([1.0, 1.0, 20.0])
    for method in ("RK23", "RK45", "DOP853"):
        found = fi.solve_ivp_ensemble(
            lorenz, (0.0, 2.0), cupy.asarray(y0), (10.0, 28.0, 8.0 / 3.0), method=method, rtol=1e-6, atol=1e-9
        )
        assert isinstance(found.y, cupy.ndarray)
        assert not found.status.get().any()
        for i in range(0, 1000, 97):
            alone = si.solve_ivp(lorenz, (0.0, 2.0), y0[i], method, args=(10.0, 28.0, 8.0 / 3.0), rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(found.y[i].get(), alone.y[:, -1], rtol=1e-5)
