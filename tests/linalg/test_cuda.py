"""CuPy arrays: SciPy's answers on the device. Skipped where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg as sl

import fsci
from fsci.core.errors import BackendError
from tests.linalg.device_cases import agree, calls, parts

cupy = pytest.importorskip("cupy")
pytestmark = pytest.mark.gpu

CALLS = list(calls(np.random.default_rng(7)))


@pytest.fixture(autouse=True)
def _device():
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:
        pytest.skip("no CUDA device")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", range(len(CALLS)))
def test_agrees_with_scipy_on_the_device(case, dtype):
    name, operands, options = CALLS[case]
    on_host = [o.astype(dtype) for o in operands]
    diagnosis = fsci.explain(getattr(fsci.linalg, name), *(cupy.asarray(o) for o in on_host), **options)
    theirs = getattr(sl, name)(*on_host, **options)
    on_host_again = tuple(p.get() if isinstance(p, cupy.ndarray) else p for p in parts(diagnosis.value))
    agree(on_host_again, parts(theirs), 1e-4 if dtype == "float32" else 1e-12)
    assert isinstance(parts(diagnosis.value)[0], cupy.ndarray)


def test_nothing_moves_silently():
    with pytest.raises(BackendError, match="different devices"):
        fsci.linalg.solve(cupy.eye(2), np.ones(2))
