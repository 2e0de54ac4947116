"""The price of one thing, read from the head of the profile, is what the whole profile says."""

from __future__ import annotations

import json

import pytest

from fsci.core import profile

KEYS = ("callback/host/compile", "callback/host/first_compile", "callback/host/first_write", "callback/host/write")


@pytest.fixture
def afresh():
    profile.reset()
    yield
    profile.reset()


@pytest.mark.parametrize("key", KEYS)
def test_a_price_is_that_of_the_profile(afresh, key):
    price = profile.price(key)
    assert profile.load_profile.cache_info().currsize == 0
    assert price == pytest.approx(profile.seconds(key, "float64", 1.0), rel=1e-12)


def test_what_is_not_near_the_beginning_is_read_from_the_whole(afresh, monkeypatch):
    monkeypatch.setattr(profile, "_FIRST_PART", 10)
    assert profile.price(KEYS[0]) == pytest.approx(profile.seconds(KEYS[0], "float64", 1.0), rel=1e-12)


@pytest.mark.parametrize("cut", [1.0, 0.5])
def test_a_profile_of_the_users_own(afresh, monkeypatch, tmp_path, cut):
    monkeypatch.setenv("FSCI_CACHE_DIR", str(tmp_path))
    table = {"version": "1", "default": [[1, 9.0]], "kernels": {KEYS[0]: {"float64": [[1, 0.25]]}}}
    (tmp_path / "profile.json").write_text(text := json.dumps(table), encoding="utf-8")
    # Cut in the middle of the entry: the rest must be read.
    monkeypatch.setattr(profile, "_FIRST_PART", int(len(text) * cut) if cut == 1.0 else text.index("0.25") + 2)
    assert profile.price(KEYS[0]) == pytest.approx(0.25)
    assert profile.price("absent") == pytest.approx(9.0)
