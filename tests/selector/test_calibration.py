"""Calibration: thinning of timings, what a pass is, what is kept, and tables that are written whole."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from fsci.core import profile, registry
from fsci.core.types import Attempt, Certificate, Evidence, Problem
from fsci.selector import calibration, success
from fsci.selector.catalogue import catalogue
from fsci.selector.tables import points, stamped


def entries(count: int, size: int = 8):
    return list(itertools.islice(catalogue(["linear_system"], "calibration", sizes=(size,)), count))


@pytest.fixture(scope="module")
def tables():
    return calibration.measure(budget=20.0, entries=entries(12))


def test_points_rise_with_the_work(rng):
    work = 10 ** rng.uniform(1, 9, 300)
    found = points([(float(w), float(1e-6 + w * 1e-9 * rng.uniform(0.5, 2.0))) for w in work])
    assert 3 <= len(found) <= 40
    assert all(w2 > w1 and s2 >= s1 for (w1, s1), (w2, s2) in itertools.pairwise(found))


def test_what_was_measured_replaces_and_the_rest_stays(tables):
    kept, new = profile.load_profile(), tables["profile"]
    assert new["version"] != kept["version"]
    untouched = [key for key in kept["kernels"] if not key.startswith("linear_system/")]
    assert untouched
    assert all(new["kernels"][key] == kept["kernels"][key] for key in untouched)
    lu = new["kernels"]["linear_system/host/lu"]["float64"]
    assert 1e-7 < lu[0][1] < 1.0


def test_outcomes_are_counted_by_goal_and_class(tables):
    counts = tables["success"]["kernels"]["linear_system/host/lu"]
    assert set(counts) >= {"backward", "standard", "full"}
    passed, failed = counts["backward"]["*"]
    assert passed + failed >= 12
    assert passed > failed
    assert sum(sum(v) for k, v in counts["backward"].items() if k != "*") >= passed + failed


def test_the_same_tables_have_the_same_version(tables):
    again = stamped(calibration.Tally(), tables["profile"], tables["success"], tables["profile"]["machine"])
    assert again["profile"]["kernels"] == tables["profile"]["kernels"]
    assert again["success"]["kernels"] == tables["success"]["kernels"]


def test_tables_are_written_whole_and_read_back(tables, tmp_path, monkeypatch):
    monkeypatch.setenv("FSCI_CACHE_DIR", str(tmp_path))
    calibration.write_tables(tables, tmp_path / "profile.json", tmp_path / "success.json")
    profile.reset()
    success.reset()
    try:
        assert profile.version() == tables["profile"]["version"]
        assert not list(tmp_path.glob("*.part"))
        (tmp_path / "profile.json").write_text("{}", encoding="utf-8")
        profile.reset()
        with pytest.raises(Exception, match="fsci calibrate"):
            profile.version()
    finally:
        monkeypatch.undo()
        profile.reset()
        success.reset()
    assert json.loads((tmp_path / "success.json").read_text(encoding="utf-8"))["version"]


def test_a_wrong_or_missing_answer_is_no_pass():
    a, b = np.diag([1.0, 2.0]), np.ones(2)
    problem = Problem("linear_system", (a, b), {}, dtype=a.dtype, size=2)
    good = Attempt(np.array([1.0, 0.5]), kernel="lu")
    wrong = Attempt(np.array([1.0, 0.6]), kernel="lu")
    certificate = Certificate(verdict="uncertified", backward_error=1e-17)
    bad = Certificate(verdict="uncertified", backward_error=0.1)
    assert calibration.passes(problem, Evidence(), good, certificate, "backward")
    assert not calibration.passes(problem, Evidence(), wrong, bad, "backward")
    assert not calibration.passes(problem, Evidence(), Attempt(None, "singular"), certificate, "backward")
    assert not calibration.passes(problem, Evidence(), wrong, certificate, "full")


def test_a_timing_is_the_least_of_several(monkeypatch):
    seconds = iter([0.9, 0.2, 0.3, *[0.1] * 50])
    monkeypatch.setattr(calibration, "run_kernel", lambda *_: (Attempt(1.0), Certificate(), next(seconds)))
    kernel = next(iter(registry.kernels("linear_system", "host").values()))
    problem = Problem("linear_system", (np.eye(2), np.ones(2)), {}, dtype=np.dtype(float), size=2)
    assert calibration.timed(kernel, problem, Evidence())[2] == 0.2  # three runs, however long they take
    seconds = iter([2.0, 0.1])
    monkeypatch.setattr(calibration, "run_kernel", lambda *_: (Attempt(1.0), Certificate(), next(seconds)))
    assert calibration.timed(kernel, problem, Evidence())[2] == 2.0  # one, where it takes seconds


def test_the_halves_share_no_family():
    halves = [
        {e.family for e in catalogue(["linear_system"], half, sizes=(8,))} for half in ("calibration", "held_out")
    ]
    assert halves[0]
    assert not halves[0] & halves[1]
