"""Trust: no certified answer whose true error exceeds its bound, over the catalogue and the collection.

Right-hand sides are random, and adversarial: along the singular vectors between which the
condition acts. Truth shares no code with the kernels (`fsci.selector.truth`).
"""

from __future__ import annotations

import math
import warnings
from contextlib import suppress

import numpy as np
import pytest

import fsci
from benchmarks import problems
from fsci.selector.balls import exactly_singular
from fsci.selector.truth import TRUTHS, relative_error, solution

POLICIES = {
    "strict": {},
    "hardened": {"mode": "hardened"},
    "full": {"accuracy": "full"},
}


def _answer(function, operands, changes):
    """Value and certificate; None where fsci refuses, which is honest."""
    with warnings.catch_warnings(), fsci.policy(**changes), suppress(np.linalg.LinAlgError):
        warnings.simplefilter("ignore")
        return fsci.certify(function)(*operands)
    return None


def _right_hand_sides(a, b):
    """The entry's own, and those along the extreme left singular vectors, where they can be had."""
    yield b
    if len(a) <= 300 and np.isfinite(a).all():
        u = np.linalg.svd(a.astype(np.result_type(a, np.float64)))[0]
        yield np.ascontiguousarray(u[:, 0]).astype(a.dtype)
        yield np.ascontiguousarray(u[:, -1]).astype(a.dtype)


class Ledger:
    """What was held against truth."""

    def __init__(self):
        self.held = 0
        self.wrong = []
        self.ratios = {name: [] for name in POLICIES}

    def hold(self, name, policy, value, certificate, truth, singular=False):
        self.held += 1
        if certificate.worst_verdict != "certified":
            return
        error = math.inf if singular else relative_error(value, truth)
        bound = float(np.max(certificate.forward_error))
        if not error <= bound:
            self.wrong.append(f"{name} ({policy}, {certificate.algorithm}): bound {bound:.3g} < error {error:.3g}")
        elif error > 0:
            self.ratios[policy].append(bound / error)

    def systems(self, entries):
        for entry in entries:
            a, b = entry.operands()
            for which, rhs in enumerate(_right_hand_sides(a, b)):
                truth = solution(a, rhs)
                singular = truth is None and bool(exactly_singular(a))
                if truth is None and not singular:
                    continue
                for policy, changes in POLICIES.items():
                    answer = _answer(fsci.linalg.solve, (a, rhs), changes)
                    if answer is not None:
                        self.hold(f"{entry.name} rhs {which}", policy, *answer, truth, singular)
        return self


def _tight(ratios):
    return np.median(ratios) < 10


@pytest.mark.parametrize("half", ["calibration", "held_out"])
def test_no_certified_solve_is_wrong(half):
    pytest.importorskip("flint")
    ledger = Ledger().systems(problems.catalogue(["linear_system"], half, sizes=(3, 12, 50)))
    assert not ledger.wrong
    assert ledger.held > 500
    assert _tight(ledger.ratios["full"])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
def test_no_certified_solve_is_wrong_in_other_precisions(dtype):
    pytest.importorskip("flint")
    ledger = Ledger().systems(problems.catalogue(["linear_system"], dtypes=(dtype,), sizes=(5, 30)))
    assert not ledger.wrong
    assert ledger.held > 300


@pytest.mark.slow
def test_no_certified_solve_is_wrong_at_larger_orders():
    pytest.importorskip("flint")
    ledger = Ledger().systems(problems.catalogue(["linear_system"], sizes=(200,)))
    assert not ledger.wrong
    assert _tight(ledger.ratios["full"])


@pytest.mark.slow
@pytest.mark.data
def test_no_certified_solve_of_the_collection_is_wrong(data_folder):
    pytest.importorskip("flint")
    ledger = Ledger().systems(problems.collection(largest=1500, folder=data_folder))
    assert not ledger.wrong
    assert _tight(ledger.ratios["full"])


@pytest.mark.parametrize("kind", ["least_squares", "inverse"])
def test_no_certificate_of_other_kinds_is_wrong(kind):
    pytest.importorskip("flint")
    ledger = Ledger()
    for entry in problems.catalogue([kind], sizes=(8, 40)):
        operands = entry.operands()
        truth = TRUTHS[kind](*operands)
        if truth is None:
            continue
        function = getattr(fsci.linalg, entry.function.partition(".")[2])
        for policy, changes in POLICIES.items():
            answer = _answer(function, operands, changes)
            if answer is not None:
                value, certificate = answer
                ledger.hold(entry.name, policy, value[0] if kind == "least_squares" else value, certificate, truth)
    assert not ledger.wrong
    assert ledger.held > 200


@pytest.mark.data
@pytest.mark.parametrize("name", ["mcca", "west0156"])
def test_a_badly_scaled_system_is_not_called_ill_conditioned(data_folder, name):
    entry = next(e for e in problems.collection(folder=data_folder) if e.family == name)
    a, b = entry.operands()
    with fsci.policy(mode="hardened"):
        x = fsci.linalg.solve(a, b)  # a warning would be an error here
    assert relative_error(x, solution(a, b)) < 1e-10


def _hilbert(n):
    i = np.arange(n)
    return 1.0 / (i[:, None] + i[None, :] + 1)


def test_hilbert_11_is_right_to_14_digits_hardened():
    pytest.importorskip("flint")
    a, b = _hilbert(11), np.ones(11)
    with fsci.policy(mode="hardened"):
        x, certificate = fsci.certify(fsci.linalg.solve)(a, b)
    assert relative_error(x, solution(a, b)) < 1e-14
    assert certificate.verdict == "certified"


@pytest.mark.parametrize("n", [12, 13, 14])
@pytest.mark.parametrize("policy", [{"mode": "hardened"}, {"accuracy": "full"}])
def test_hilbert_beyond_working_precision_is_right_or_refused(n, policy):
    pytest.importorskip("flint")
    a, b = _hilbert(n), np.ones(n)
    answer = _answer(fsci.linalg.solve, (a, b), policy)
    if answer is not None and answer[1].verdict == "certified":
        assert relative_error(answer[0], solution(a, b)) <= answer[1].forward_error


def test_full_accuracy_up_to_condition_1e15_or_it_says_so():
    pytest.importorskip("flint")
    from fsci.selector.random_matrices import randsvd

    rng = np.random.default_rng(7)
    for condition in (1e2, 1e6, 1e10, 1e13, 1e14):
        a, b = randsvd(40, rng, condition), rng.standard_normal(40)
        with fsci.policy(accuracy="full"):
            x, certificate = fsci.certify(fsci.linalg.solve)(a, b)
        assert certificate.verdict == "certified", condition
        assert relative_error(x, solution(a, b)) <= 4 * 2.0**-53
