"""The registry refuses doubles and names what is missing; backends refuse mixtures; data files are read with care."""

import numpy as np
import pytest

from fsci.core import profile, registry
from fsci.core.backends import backend_of, require
from fsci.core.errors import BackendError, MissingExtraError, ProfileError, RegistryError

registry.load_all("host")  # declares the kinds


def test_two_kernels_of_one_name_are_refused():
    kernel = next(iter(registry.kernels("linear_system", "host").values()))
    with pytest.raises(RegistryError, match="registered twice"):
        registry.register(kernel)


def test_unknown_kind_lists_the_known():
    with pytest.raises(RegistryError, match="linear_system"):
        registry.kernels("tea_leaves", "host")


def test_kind_declared_twice():
    with pytest.raises(RegistryError, match="twice"):
        registry.declare_kind("linear_system", "linalg", lambda problem, evidence: "")


def test_second_check_is_refused():
    registry.load("linalg", "host")
    with pytest.raises(RegistryError, match="two checks"):
        registry.register_check("linear_system", "host")(lambda *a: None)


def test_every_kind_is_a_portfolio_with_a_check():
    registry.load_all("host")
    lonely = {name for name in registry.kinds() if len(registry.kernels(name, "host")) < 2}
    # What these give is defined as LAPACK's getrf and potrf, as one rule, or by a method that callers name, of which
    # there is one loop on each device: there is no choice to make.
    defined = {"lu_factorization", "cholesky", "fixed_quadrature", "initial_value_ensemble"}
    # Defined by the entries, by factors that another kind has chosen, or as ARPACK's, LOBPCG's and SuperLU's own
    # order, tolerance and object; and Taylor polynomials, whose degree and scaling are the choice.
    sparse = {"sparse_norm", "sparse_inverse", "sparse_general_eigen", "sparse_block_eigen", "sparse_factors"}
    assert lonely <= defined | sparse | {"exponential_action"}
    assert not {name for name in registry.kinds() if (name, "host") not in registry._checks}


def test_every_kernel_names_its_source():
    registry.load_all("host")
    assert not [k.key for kind in registry.kinds() for k in registry.kernels(kind, "host").values() if not k.source]


class _Foreign:
    __module__ = "cupy.core"


def test_mixed_devices_are_an_error():
    assert backend_of(np.ones(2), [1, 2], 3.0) == "host"
    assert backend_of(_Foreign(), [1, 2]) == "cuda"
    with pytest.raises(BackendError, match=r"cupy\._Foreign"):
        backend_of(np.ones(2), _Foreign())


def test_missing_package_names_the_extra():
    with pytest.raises(MissingExtraError, match=r"fsci\[all\]"):
        require("no_such_package_at_all")


@pytest.mark.parametrize("text", ["{", "[]", "{}", "\x00"])
def test_damaged_profile_says_what_to_do(tmp_path, monkeypatch, text):
    monkeypatch.setenv("FSCI_CACHE_DIR", str(tmp_path))
    (tmp_path / "profile.json").write_text(text)
    profile.reset()
    try:
        with pytest.raises(ProfileError, match="fsci calibrate"):
            profile.version()
    finally:
        monkeypatch.undo()
        profile.reset()


def test_predicted_seconds_grow_with_work_beyond_the_table():
    key = "no_such/host/kernel"
    times = [profile.seconds(key, "float64", w) for w in (1e12, 1e13, 1e14)]
    assert times[1] == pytest.approx(10 * times[0])
    assert times[2] == pytest.approx(100 * times[0])
    assert profile.seconds(key, "float64", 0.0) == profile.seconds(key, "float64", 1.0)
