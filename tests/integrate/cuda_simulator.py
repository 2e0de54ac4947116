"""What `test_ensembles_cuda.py` runs under Numba's CUDA simulator: the kernel against SciPy, member by member."""

import sys

import numpy as np
import scipy.integrate as si

import fsci
import fsci.integrate as fi
from fsci.kernels.integrate.pairs import PAIRS


class OnDevice(np.ndarray):
    """An array that passes for one of CuPy's."""


OnDevice.__module__ = "cupy"


def swings(t, y, omega, shift):
    return y[1], -(omega**2) * y[0] + shift[0] * t


def into(t, y, dydt, omega, shift):
    dydt[0], dydt[1] = y[1], -(omega**2) * y[0] + shift[0] * t


def blows(t, y, kind):
    return (y[0] * y[0] if kind == 1 else -y[0],)


def host(values):
    return np.asarray(values).view(np.ndarray)


def agree() -> None:
    omega, shift = np.array([0.5, 1.0, 3.0]), np.array([[0.1], [0.0], [0.4]])
    y0 = np.array([[1.0, 0.0], [0.3, -1.0], [0.0, 2.0]])
    for method in PAIRS:
        for span in ((0.0, 1.0), (1.0, 0.0)):
            for times in (None, np.linspace(*span, 4)):
                for fun in (swings, into):
                    found = fi.solve_ivp_ensemble(
                        fun, span, y0.view(OnDevice), (omega, shift), method=method, rtol=1e-4, t_eval=times
                    )
                    assert np.all(host(found.status) == 0)
                    for i in range(3):
                        alone = si.solve_ivp(
                            swings,
                            span,
                            y0[i],
                            PAIRS[method].solver,
                            args=(omega[i], shift[i]),
                            rtol=1e-4,
                            t_eval=times,
                        )
                        assert int(found.nfev[i]) == alone.nfev, (method, int(found.nfev[i]), alone.nfev)
                        expected = alone.y[:, -1] if times is None else alone.y
                        np.testing.assert_allclose(host(found.y)[i], expected, rtol=1e-9, atol=1e-12)


def failures() -> None:
    kind = np.array([0, 1, 0])
    y0 = np.array([[1.0], [1.0], [np.nan]]).view(OnDevice)
    found = fi.solve_ivp_ensemble(blows, (0.0, 2.0), y0, (kind,), rtol=1e-3, max_steps=400)
    assert [int(s) for s in found.status] == [0, -1, -4], found.status
    np.testing.assert_allclose(float(found.t[1]), 1.0, rtol=1e-3)
    found = fi.solve_ivp_ensemble(blows, (0.0, 2.0), y0[:2], (kind[:2],), rtol=1e-3, max_steps=5)
    assert int(found.status[1]) == -2
    empty = fi.solve_ivp_ensemble(blows, (0.0, 2.0), y0[:0], (kind[:0],))
    assert empty.y.shape == (0, 1)


def certificates() -> None:
    y0 = np.array([[1.0], [2.0]]).view(OnDevice)
    found, certificate = fsci.certify(fi.solve_ivp_ensemble)(blows, (0.0, 1.0), y0, (0,), rtol=1e-4)
    assert certificate.worst_verdict == "certified"
    assert certificate.algorithm == "explicit_fused"
    error = np.abs(host(found.y)[:, 0] / (np.array([1.0, 2.0]) * np.exp(-1.0)) - 1.0)
    assert np.all(error <= certificate.forward_error)


def refusals() -> None:
    y0 = np.ones((2, 1)).view(OnDevice)
    for fun, args in ((lambda t: t, ()), (lambda t, y: (y[0],), (np.ones(3),)), (len, ())):
        try:
            fi.solve_ivp_ensemble(fun, (0.0, 1.0), y0, args)
        except TypeError as error:
            assert "solve_ivp_ensemble" in str(error)
        else:
            raise AssertionError(fun)


if __name__ == "__main__":
    {"agree": agree, "failures": failures, "certificates": certificates, "refusals": refusals}[sys.argv[1]]()
    print("holds")
