"""The nouns: digits, certificates that show themselves, evidence that grows."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fsci
from fsci.core.types import Attempt, Certificate, Diagnosis, Evidence, Fact, Problem, digits_of


@given(st.floats(min_value=1e-300, max_value=0.999))
def test_digits_never_promise_more_than_the_bound(bound):
    digits = digits_of(bound)
    # 10**-digits is rounded itself: one part in 1e14 of room.
    assert bound <= 10.0**-digits * (1 + 1e-14)


@pytest.mark.parametrize("bound", [1.0, 2.0, math.inf, math.nan, -math.nan])
def test_no_digits_where_nothing_is_known(bound):
    assert digits_of(bound) == 0
    assert digits_of(np.array([bound]))[0] == 0


def test_digits_of_a_batch_agree_with_those_of_each():
    bounds = np.array([1e-3, 2e-16, 0.5, np.inf, np.nan, 9.9e-8])
    assert digits_of(bounds).tolist() == [digits_of(float(b)) for b in bounds]


def test_worst_verdict_of_a_batch():
    def verdict(*names):
        return Certificate(np.array(names)).worst_verdict

    assert verdict("certified", "certified") == "certified"
    assert verdict("certified", "uncertified") == "uncertified"
    assert verdict("certified", "unexamined", "uncertified") == "unexamined"


def test_nothing_is_certified_by_default():
    certificate = Certificate()
    assert certificate.verdict == "unexamined"
    assert math.isinf(certificate.forward_error)
    assert certificate.digits == 0


def test_certificate_as_text_html_and_json():
    certificate = Certificate("certified", 1e-16, 10.0, 1e-15, 15, "estimated", "lu", {"growth": np.float64(2.5)})
    assert "certified, 15 digits" in repr(certificate)
    assert "<table>" in certificate._repr_html_()
    assert json.loads(json.dumps(certificate.to_dict()))["detail"] == {"growth": 2.5}


def test_html_escapes():
    assert "<b>" not in Certificate(algorithm="<b>")._repr_html_()


def test_newer_facts_win_and_evidence_is_not_changed():
    first = Evidence.of(rcond=1.0, symmetric=True)
    second = first.merged({"rcond": Fact(1e-9, exact=False)})
    assert first.get("rcond") == 1.0
    assert second.get("rcond") == 1e-9
    assert "symmetric" in second
    assert second.get("bandwidth", 7) == 7


def test_frozen():
    with pytest.raises(AttributeError):
        Attempt(1.0).value = 2.0  # type: ignore[misc]


def test_unit_roundoff_is_that_of_the_working_precision():
    for char, u in (("f", 2.0**-24), ("F", 2.0**-24), ("d", 2.0**-53), ("D", 2.0**-53)):
        assert Problem("k", (), dtype=np.dtype(char)).unit_roundoff == u


def test_diagnosis_round_trip():
    diagnosis = fsci.explain(fsci.optimize.brentq, lambda x: x * x - 2, 0, 2)
    assert isinstance(diagnosis, Diagnosis)
    assert diagnosis.value == pytest.approx(math.sqrt(2))
    table = json.loads(json.dumps(diagnosis.to_dict()))
    assert table["function"] == "optimize.brentq"
    assert table["attempts"][0]["kernel"] == "brentq"
    assert "the caller asked for brentq" in repr(diagnosis)
    assert "<table>" in diagnosis._repr_html_()
