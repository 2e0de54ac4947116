"""The certificate of `solve_ivp`: its estimate of the global error holds, and where it cannot, it is not given."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import fsci
import fsci.integrate as fi
from benchmarks.ivp_problems import PROBLEMS

pytestmark = pytest.mark.slow

KNOWN = [p for p in PROBLEMS.values() if p.reference is not None]


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8, 1e-10])
@pytest.mark.parametrize("problem", KNOWN, ids=lambda p: p.name)
@pytest.mark.parametrize("stiff", [False, True], ids=["explicit", "implicit"])
def test_the_estimate_holds(problem, stiff, rtol):
    if problem.stiff and not stiff:
        pytest.skip("an explicit method would take millions of steps")
    for method in ("Radau", "BDF") if stiff else ("RK45", "DOP853"):
        options = {"args": problem.args or None, **problem.tolerances(rtol)}
        diagnosis = fsci.explain(fi.solve_ivp, problem.fun, problem.span, problem.y0, method, **options)
        certificate, reference = diagnosis.certificate, problem.reference
        known = np.isfinite(reference)
        error = np.abs(diagnosis.value.y[:, -1] - reference)[known]
        doubt = 10.0**-problem.known_digits * np.abs(reference[known])
        estimate = certificate.detail.get("global_error")
        if estimate is None:
            assert certificate.verdict == "uncertified"
            continue
        assert np.all(error <= 10.0 * estimate[known] + doubt), (method, error / estimate[known])
        if certificate.verdict == "certified":
            norm = np.abs(reference[known]).max()
            assert error.max() <= certificate.forward_error * norm + doubt.max()
            assert certificate.forward_error <= 100.0 * (rtol + np.max(options["atol"]) / norm) * (1.0 + 1e-6)


@numba.njit
def lorenz(t, y):
    return np.array([10.0 * (y[1] - y[0]), y[0] * (28.0 - y[2]) - y[1], y[0] * y[1] - 8.0 / 3.0 * y[2]])


def test_chaos_is_not_certified():
    _, certificate = fsci.certify(fi.solve_ivp)(lorenz, (0, 60), [1.0, 1.0, 1.0], rtol=1e-8, atol=1e-8)
    assert certificate.verdict == "uncertified"
    assert certificate.forward_error == np.inf
    assert not certificate.detail["references_agree"]


def test_default_tolerances_that_mislead_are_seen():
    """RK45 at its default tolerances is far off this cycle, without a word."""
    problem = PROBLEMS["Lotka-Volterra"]
    diagnosis = fsci.explain(fi.solve_ivp, problem.fun, (0.0, 15.0), [10.0, 5.0], args=problem.args or None)
    accurate = fi.solve_ivp(problem.fun, (0.0, 15.0), [10.0, 5.0], "DOP853", args=problem.args or None, rtol=1e-12)
    off = np.abs(diagnosis.value.y[:, -1] / accurate.y[:, -1] - 1.0).max()
    assert off > 0.05
    assert diagnosis.certificate.verdict == "uncertified"
    assert diagnosis.certificate.detail["digits_by_component"].min() == 0


@pytest.mark.parametrize("fun", [lorenz, lorenz.py_func], ids=["jitted", "plain"])
def test_what_the_certificate_tells(fun):
    result, certificate = fsci.certify(fi.solve_ivp)(fun, (0, 1), [1.0, 1.0, 1.0], rtol=1e-8, t_eval=[0.5, 1.0])
    assert result.t.tolist() == [0.5, 1.0]
    assert certificate.verdict == "certified"
    assert certificate.rigor == "estimated"
    assert certificate.detail["digits_by_component"].shape == (3,)
    if fun is lorenz:
        assert certificate.detail["stiffness_ratio"] > 0.0
        assert certificate.detail["steps"] > 10


def test_a_decay_below_the_tolerance_has_no_digits_at_its_end():
    @numba.njit
    def decay(t, y):
        return -y

    result, certificate = fsci.certify(fi.solve_ivp)(decay, (0, 40), [1.0])
    assert abs(result.y[0, -1] / np.exp(-40.0) - 1.0) > 1.0
    assert certificate.verdict == "uncertified"


def test_accuracy_that_was_asked_for():
    with fsci.policy(accuracy=1e-6):
        _, loose = fsci.certify(fi.solve_ivp)(lorenz, (0, 1), [1.0, 1.0, 1.0], rtol=1e-4)
        _, tight = fsci.certify(fi.solve_ivp)(lorenz, (0, 1), [1.0, 1.0, 1.0], rtol=1e-9, atol=1e-9)
    assert (loose.verdict, tight.verdict) == ("uncertified", "certified")


def test_a_failed_integration_is_not_examined():
    @numba.njit
    def escapes(t, y):
        return y**2

    diagnosis = fsci.explain(fi.solve_ivp, escapes, (0, 3), [1.0])
    assert diagnosis.value.status == -1
    assert diagnosis.certificate.verdict == "uncertified"
    assert diagnosis.attempt.status == "not_converged"
