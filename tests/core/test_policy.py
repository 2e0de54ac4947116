"""Policy: precedence, unknown keys, the acceptance rule."""

import math
from pathlib import Path

import numpy as np
import pytest

import fsci
from fsci.core.frames import FRAME
from fsci.core.policy import Policy, default_policy
from fsci.core.types import Attempt, Certificate, Problem

PROBLEM = Problem("linear_system", (), dtype=np.dtype(float), size=100)


def test_precedence(tmp_path: Path):
    (tmp_path / "fsci.toml").write_text('mode = "hardened"\naccuracy = "full"\nallow = ["minimum_norm"]\n')
    policy = default_policy({"FSCI_ACCURACY": "1e-9"}, tmp_path)
    assert (policy.mode, policy.accuracy, policy.allow) == ("hardened", 1e-9, frozenset({"minimum_norm"}))
    assert default_policy({}, tmp_path / "elsewhere") == Policy()


def test_named_file(tmp_path: Path):
    path = tmp_path / "group.toml"
    path.write_text('mode = "hardened"\n[overrides]\nlinear_system = "qr"\n')
    policy = default_policy({"FSCI_POLICY": str(path)})
    assert policy.hardened
    assert policy.overrides == {"linear_system": "qr"}


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"FSCI_MOOD": "calm"}, "FSCI_MOOD"),
        ({"FSCI_MODE": "lenient"}, "'strict', 'hardened'"),
        ({"FSCI_ACCURACY": "12"}, "between 0 and 1"),
        ({"FSCI_ACCURACY": "exact"}, "'full'"),
        ({"FSCI_DETERMINISTIC": "maybe"}, "true or false"),
        ({"FSCI_ALLOW": "miracles"}, "minimum_norm"),
        ({"FSCI_POLICY": "/nowhere/fsci.toml"}, "nowhere"),
    ],
)
def test_bad_environment_names_the_fix(environ: dict[str, str], words: str):
    with pytest.raises(fsci.FsciError, match=words):
        default_policy(environ)


@pytest.mark.parametrize("text", ["mode = ", 'mood = "calm"', "mode = 3", 'allow = "all of it"', "overrides = 3"])
def test_bad_file_is_an_error(tmp_path: Path, text: str):
    (tmp_path / "fsci.toml").write_text(text)
    with pytest.raises(ValueError, match="policy"):
        default_policy({}, tmp_path)


@pytest.mark.parametrize(
    "changes", [{"mood": "calm"}, {"mode": "soft"}, {"accuracy": 2.0}, {"accuracy": True}, {"deterministic": 1}]
)
def test_context_manager_refuses(changes):
    before = FRAME.get().policy
    with pytest.raises(ValueError, match="policy"), fsci.policy(**changes):
        pass
    assert FRAME.get().policy == before


def test_context_managers_nest():
    with fsci.policy(mode="hardened"):
        with fsci.policy(accuracy="full") as inner:
            assert inner.hardened
            assert inner.accuracy == "full"
        assert FRAME.get().policy.accuracy == "standard"
    assert not FRAME.get().policy.hardened


def test_configure_is_process_wide_and_returns_what_was():
    before = fsci.configure(mode="hardened")
    assert not before.hardened
    assert FRAME.get().policy.hardened
    fsci.configure(mode="strict")


def test_acceptance_is_by_backward_error_in_strict_and_by_the_bound_in_hardened():
    ill = Certificate("uncertified", backward_error=1e-16, forward_error=1.0)
    ok = Attempt(1.0)
    assert Policy().accepts(PROBLEM, ok, ill)
    assert not Policy(mode="hardened").accepts(PROBLEM, ok, ill)
    assert not Policy(accuracy="full").accepts(PROBLEM, ok, ill)
    assert not Policy().accepts(PROBLEM, ok, Certificate("uncertified", backward_error=1e-9))
    assert not Policy().accepts(PROBLEM, ok, Certificate("uncertified", backward_error=math.nan))
    assert not Policy().accepts(PROBLEM, Attempt(1.0, status="singular"), ill)


def test_verdicts():
    u = 2.0**-53
    assert Policy().verdict(1e-9, "estimated", u) == "certified"
    assert Policy().verdict(1e-7, "estimated", u) == "uncertified"
    assert Policy().verdict(math.nan, "estimated", u) == "uncertified"
    assert Policy(accuracy="full").verdict(1e-9, "estimated", u) == "uncertified"
    assert Policy(accuracy="verified").verdict(1e-16, "estimated", u) == "uncertified"
    assert Policy(accuracy="verified").verdict(1e-16, "rigorous", u) == "certified"
    batch = Policy().verdict(np.array([1e-12, np.inf, np.nan]), "estimated", u)
    assert batch.tolist() == ["certified", "uncertified", "uncertified"]
    # Half the digits of single precision are fewer than half of those of double.
    assert Policy().verdict(1e-5, "estimated", 2.0**-24) == "certified"
