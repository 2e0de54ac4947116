"""The threat table for dense arrays: each row fails closed, and leaves its trace in the ledger."""

import json

import numpy as np
import pytest
import scipy.linalg as sl
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fsci
from fsci.core.errors import BackendError, LedgerError, PolicyError, ProfileError
from fsci.core.ledger import Ledger, verify

GOOD = np.array([[4.0, 1.0], [1.0, 3.0]])
B = np.array([1.0, 2.0])

# --- malformed array metadata: fail closed, with SciPy's error, and an incident in the ledger


class _LyingInterface:
    """Claims a negative dimension at a null address."""

    __array_interface__ = {"shape": (2, -2), "typestr": "<f8", "data": (0, True), "version": 3}  # noqa: RUF012


class _RaisingArray:
    def __array__(self, dtype=None, copy=None):
        raise ValueError("no array here")


MALFORMED = [
    pytest.param(np.array([[1, 2], [3, 4]], dtype="S1"), id="bytes"),
    pytest.param(np.array([["a", "b"], ["c", "d"]]), id="text"),
    pytest.param(np.array([[1, 2], [3, 4]], dtype="datetime64[s]"), id="dates"),
    pytest.param(np.zeros((2, 2), dtype=[("x", "f8"), ("y", "f8")]), id="structured"),
    pytest.param([[1.0, 2.0], [3.0]], id="ragged"),
    pytest.param(np.array([[1.0, None], [2.0, 3.0]], dtype=object), id="object"),
    pytest.param(_LyingInterface(), id="lying"),
    pytest.param(_RaisingArray(), id="raising"),
    pytest.param(np.ones((2, 3)), id="rectangular"),
    pytest.param(np.ones((3, 3)), id="mismatched"),
    pytest.param(np.ones(2), id="vector"),
    pytest.param("matrix", id="string"),
    pytest.param(None, id="none"),
    pytest.param({"a": 1}, id="dict"),
]


@pytest.mark.parametrize("mode", ["strict", "hardened"])
@pytest.mark.parametrize("a", MALFORMED)
def test_malformed_metadata_fails_closed(a, mode):
    try:
        expected = sl.solve(a, B)
    except Exception as error:  # noqa: BLE001  (whatever SciPy raises)
        with fsci.policy(mode=mode), pytest.raises(type(error)):
            fsci.linalg.solve(a, B)
        events = [e for e in fsci.ledger() if e.event == "incident"]
        assert events
        assert len(json.dumps(events[-1].to_dict())) < 1000
    else:
        np.testing.assert_allclose(fsci.linalg.solve(a, B), expected)


@given(
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    st.sampled_from(["f4", "f8", ">f8", "i2", "c8", "?", "f2"]),
)
def test_any_shapes_give_scipys_answer_or_scipys_error(shape_a, shape_b, dtype):
    rng = np.random.default_rng(0)
    a, b = (3 * rng.standard_normal(shape_a)).astype(dtype), rng.standard_normal(shape_b)

    def outcome(solve):
        try:
            with np.errstate(all="ignore"):
                x = solve(a, b)
        except Exception as error:  # noqa: BLE001  (the two must agree, whatever it is)
            return type(error)
        return x.shape, x.dtype

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert outcome(fsci.linalg.solve) == outcome(sl.solve)


# --- numerical instability abuse: an answer that is worth nothing is never certified


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_abuse_of_scale_is_never_certified_wrongly(scale, rng):
    truth = rng.standard_normal(6)
    a = np.diag(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])) + 0.25
    for mode in ("strict", "hardened"):
        with fsci.policy(mode=mode):
            x, certificate = fsci.certify(fsci.linalg.solve)(a * scale, (a @ truth) * scale)
        error = np.max(np.abs(x - truth)) / np.max(np.abs(truth))
        if certificate.verdict == "certified":
            assert error <= certificate.forward_error + 1e-15


def test_nearly_singular_leaves_an_entry_in_the_ledger(rng):
    # Rank two up to rounding; no accuracy can be promised for the matrix as stored.
    a = np.outer(rng.standard_normal(5), rng.standard_normal(5)) + np.outer(rng.standard_normal(5), np.ones(5))
    with fsci.policy(mode="hardened"):
        try:
            with pytest.warns(fsci.UncertifiedWarning) as caught:
                fsci.linalg.solve(a, np.ones(5))
        except fsci.SingularMatrixError as error:
            assert error.diagnosis is not None
            return
    assert caught[0].message.diagnosis.certificate.verdict == "uncertified"
    assert "uncertified" in {e.event for e in fsci.ledger()}


# --- unsafe backend fall-back: nothing moves silently


class _DeviceArray:
    __module__ = "cupy"
    shape = (2, 2)
    ndim = 2
    dtype = np.dtype(float)


def test_mixed_devices_are_refused():
    with pytest.raises(BackendError, match=r"numpy\.asarray"):
        fsci.linalg.solve(_DeviceArray(), B)


# --- tolerance confusion


@pytest.mark.parametrize("bad", [-1.0, 0.0, float("nan")])
def test_incompatible_tolerances_are_refused(bad):
    with pytest.raises((ValueError, RuntimeError)):
        fsci.optimize.brentq(lambda x: x - 0.1, -1, 1, xtol=bad)
    with pytest.raises(PolicyError, match="accuracy"), fsci.policy(accuracy=bad):
        pass


# --- unknown incompatible metadata


def test_unknown_options_fail_closed():
    with pytest.raises(ValueError, match="not a recognized"):
        fsci.linalg.solve(GOOD, B, assume_a="nice")
    with pytest.raises(TypeError, match="unexpected keyword"):
        fsci.linalg.solve(GOOD, B, confidence=0.9)
    with pytest.raises(PolicyError, match="unknown policy key"), fsci.policy(confidence=0.9):
        pass


# --- artifact corruption: reject the load


@pytest.mark.parametrize("damage", ["flip", "drop", "swap", "truncate", "garbage"])
def test_damaged_ledger_is_rejected(tmp_path, damage):
    path = tmp_path / "ledger.jsonl"
    book = Ledger(str(path))
    for i in range(4):
        book.record("repair", "linalg.solve", step=i)
    lines = path.read_text().splitlines()
    damaged = {
        "flip": [lines[0], lines[1].replace('"step": 1', '"step": 7'), *lines[2:]],
        "drop": [lines[0], *lines[2:]],
        "swap": [lines[1], lines[0], *lines[2:]],
        "truncate": [*lines[:3], lines[3][:-9]],
        "garbage": [*lines, "\x00\x01"],
    }[damage]
    verify(path)
    path.write_text("\n".join(damaged) + "\n")
    with pytest.raises(LedgerError, match="line"):
        verify(path)
    with pytest.raises(LedgerError, match="line"):
        Ledger(str(path))


def test_damaged_profile_is_rejected(tmp_path, monkeypatch):
    from fsci.core import profile

    monkeypatch.setenv("FSCI_CACHE_DIR", str(tmp_path))
    (tmp_path / "profile.json").write_text('{"version": "x", "kernels": ')
    profile.reset()
    try:
        with pytest.raises(ProfileError, match="fsci calibrate"):
            fsci.explain(fsci.linalg.solve, GOOD, B)
    finally:
        monkeypatch.undo()
        profile.reset()


# --- override misuse: explicit, checked, audited


def test_overrides_are_explicit_and_audited():
    with fsci.policy(overrides={"linear_system": "qr"}):
        fsci.linalg.solve(GOOD, B)
    (entry,) = [e for e in fsci.ledger() if e.event == "override"]
    assert entry.facts["kernel"] == "qr"
    with pytest.raises(PolicyError, match="no kernel"), fsci.policy(overrides={"linear_system": "oracle"}):
        fsci.linalg.solve(GOOD, B)


def test_minimum_norm_needs_the_allowlist():
    a = np.array([[1.0, 1.0], [1.0, 1.0]])
    with fsci.policy(mode="hardened"), pytest.raises(fsci.SingularMatrixError) as caught:
        fsci.linalg.solve(a, np.array([2.0, 2.0]))
    assert caught.value.diagnosis is not None
    with fsci.policy(mode="hardened", allow=frozenset({"minimum_norm"})):
        x = fsci.linalg.solve(a, np.array([2.0, 2.0]))
    np.testing.assert_allclose(x, [1.0, 1.0])
    assert "repair" in {e.event for e in fsci.ledger()}


def test_false_declaration_is_refused_in_hardened_mode():
    a = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 2.0], [0.0, -2.0, 5.0]])
    with fsci.policy(mode="hardened"), pytest.raises(np.linalg.LinAlgError, match=r"a\[(1, 2|2, 1)\]"):
        fsci.linalg.solve(a, np.ones(3), assume_a="sym")
    np.testing.assert_allclose(
        fsci.linalg.solve(a, np.ones(3), assume_a="sym"), sl.solve(a, np.ones(3), assume_a="sym")
    )
