"""The problem catalogue: reproducible, as tagged, split by family, and read-only in effect."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from benchmarks import problems
from fsci.selector import families, gallery, illposed, random_matrices
from fsci.selector.catalogue import HALVES, POSES, catalogue, half_of

SMALL = [f for f in families.FAMILIES if f.aspect <= 4]


def _matrix(family, n=None, seed=3):
    return family.make(family.sizes((12,))[0] if n is None else n, np.random.default_rng(seed))


def test_names_are_unique():
    names = [e.name for e in problems.catalogue(dtypes=("float64", "float32", "complex128", "complex64"))]
    assert len(names) == len(set(names))


def test_an_entry_is_reproducible_and_fresh():
    for entry in catalogue(["linear_system", "least_squares"], sizes=(20,)):
        first, second = entry.operands(), entry.operands()
        for a, b in zip(first, second, strict=True):
            assert a is not b
            np.testing.assert_array_equal(a, b)
        first[0][...] = 0  # what a caller does to its copy reaches nobody else
        np.testing.assert_array_equal(entry.operands()[0], second[0])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_operands_have_the_shape_and_dtype_they_say(dtype):
    for entry in catalogue(["linear_system", "least_squares", "symmetric_eigen"], dtypes=(dtype,), sizes=(20,)):
        operands = entry.operands()
        assert operands[0].shape == entry.shape, entry.name
        assert all(o.dtype == dtype for o in operands), entry.name
        assert all(np.isfinite(o).all() for o in operands) or dtype in ("float32", "complex64"), entry.name


def test_a_family_is_in_one_half_as_a_whole():
    halves = {}
    for entry in problems.catalogue():
        halves.setdefault(entry.family, set()).add(entry.half)
    assert all(len(h) == 1 for h in halves.values())
    counts = [sum(half_of(name) == half for name in halves) for half in HALVES]
    assert min(counts) > 0.3 * sum(counts)


def test_both_halves_hold_every_structure():
    for tag in ("spd", "banded", "triangular", "permuted_triangular", "hessenberg", "block_diagonal", "indefinite"):
        for half in HALVES:
            assert any(True for _ in catalogue(["linear_system"], half, [tag])), (tag, half)


@pytest.mark.parametrize("family", SMALL, ids=lambda f: f.name)
def test_tags_are_true(family):
    a = _matrix(family)
    assert a.shape == family.shape(a.shape[1])
    n = a.shape[1]
    if family.tags & {"symmetric", "spd"}:
        np.testing.assert_array_equal(a, a.T)
    if "spd" in family.tags and "ill_conditioned" not in family.tags:
        np.linalg.cholesky(a)
    if "indefinite" in family.tags:
        eigenvalues = np.linalg.eigvalsh(a)
        assert eigenvalues[0] < 0 < eigenvalues[-1]
    if "banded" in family.tags:
        big = _matrix(family, family.sizes((100,))[0])
        rows, columns = np.nonzero(big)
        assert np.max(np.abs(rows - columns)) < big.shape[0] / 2
    if "hessenberg" in family.tags:
        assert not np.tril(a, -2).any()
    if "triangular" in family.tags:
        assert not np.tril(a, -1).any() or not np.triu(a, 1).any()
    if "diagonal" in family.tags:
        assert not (a - np.diag(np.diag(a))).any()
    if "singular" in family.tags:
        assert np.linalg.matrix_rank(a) < n
    if "rank_deficient" in family.tags:
        assert np.linalg.matrix_rank(a, rtol=1e-10) < n
    if "well_conditioned" in family.tags:
        assert np.linalg.cond(a) < 1e7
    if "ill_conditioned" in family.tags and "spd" not in family.tags:
        largest = family.sizes((60,))[0]
        assert np.linalg.cond(_matrix(family, largest)) > 1e3


@pytest.mark.parametrize("family", [f for f in SMALL if f.condition], ids=lambda f: f.name)
def test_known_conditions_are_known(family):
    if family.condition <= 1e9:
        np.testing.assert_allclose(np.linalg.cond(_matrix(family, 30)), family.condition, rtol=1e-3, atol=0)


@pytest.mark.parametrize("mode", ["one_large", "one_small", "geometric", "arithmetic", "random"])
def test_randsvd_has_the_singular_values_of_its_mode(rng, mode):
    a = random_matrices.randsvd(30, np.random.default_rng(5), 1e4, mode)
    sigma = np.linalg.svd(a, compute_uv=False)
    assert sigma[0] <= 1 + 1e-12
    assert sigma[-1] >= 1e-4 * (1 - 1e-8)
    if mode != "random":
        expected = np.sort(random_matrices.spectrum(30, 1e4, mode, rng))[::-1]
        np.testing.assert_allclose(sigma, expected, rtol=1e-10)


def test_the_gallery_against_what_is_known(rng):
    n = 6
    product = gallery.invhilb(n, rng) @ gallery.hilb(n, rng)
    np.testing.assert_allclose(product, np.eye(n), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(gallery.frank(n, rng)), 1.0)
    np.testing.assert_allclose(np.linalg.det(gallery.wilson(4, rng)), 1.0)
    np.testing.assert_allclose(np.linalg.eigvalsh(gallery.rosser(8, rng))[-1], 1020.04901843)
    np.testing.assert_allclose(np.linalg.inv(gallery.minij(n, rng))[2, 2], 2.0)
    from scipy.linalg import lu

    assert lu(gallery.gfpp(20, rng))[2][-1, -1] == 2.0**19
    # Differentiating a polynomial that vanishes at the left-out end is exact.
    x = np.cos(np.pi * np.arange(1, 9) / 8)
    np.testing.assert_allclose(gallery.chebspec(8, rng) @ (x**3 - 1), 3 * x**2, atol=1e-10)


@pytest.mark.parametrize("name", illposed.__all__)
def test_ill_posed_problems_come_with_their_solution(rng, name):
    a, b, x = getattr(illposed, name)(40, rng)
    np.testing.assert_allclose(a @ x, b, rtol=0, atol=1e-12 * np.abs(b).max())
    assert np.isfinite(a).all()
    assert np.linalg.norm(x) > 0


def test_real_problems_are_there_and_tagged():
    pytest.importorskip("pyamg")
    pytest.importorskip("sklearn")
    found = {e.family: e for e in problems.shipped(["linear_system", "least_squares"])}
    assert {"pyamg_poisson", "diabetes_design", "digits_normal_equations", "wine_kernel"} <= set(found)
    assert all("real_data" in e.tags for e in found.values())
    a, b = found["pyamg_poisson"].operands()
    np.testing.assert_array_equal(a, a.T)
    assert a.shape == (289, 289)
    assert b.shape == (289,)


def test_every_pose_is_served_by_some_family():
    for kind in POSES:
        assert any(True for _ in catalogue([kind])), kind


def test_the_collection_is_read(data_folder):
    entries = {e.family: e for e in problems.collection(folder=data_folder)}
    assert len(entries) > 50
    a, _ = entries["west0156"].operands()
    assert a.shape == (156, 156)


def test_an_absent_collection_is_empty(tmp_path):
    assert list(problems.collection(folder=tmp_path)) == []


def test_matrix_market_files_are_read_plain_and_gzipped(tmp_path):
    text = "%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n1 1 3.0\n2 1 -1.0\n"
    plain, packed = tmp_path / "a.mtx", tmp_path / "a.mtx.gz"
    plain.write_text(text)
    packed.write_bytes(gzip.compress(text.encode()))
    expected = [[3.0, -1.0], [-1.0, 0.0]]
    np.testing.assert_array_equal(problems.read_matrix(plain), expected)
    np.testing.assert_array_equal(problems.read_matrix(packed), expected)
