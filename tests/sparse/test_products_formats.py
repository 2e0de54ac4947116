"""The operators under the patch, over all formats, dtypes and index dtypes, and all ways to be malformed."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import fsci
from fsci.kernels.sparse import split

pytestmark = pytest.mark.slow

FORMATS = ("csr", "csc", "coo", "bsr", "dia")
OURS = ("float32", "float64", "complex64", "complex128")
DTYPES = (*OURS, "bool", "int8", "int64", "longdouble", "clongdouble")


def numbers(rng, shape, dtype):
    kind = np.dtype(dtype).kind
    if kind in "bi":
        return rng.integers(0, 2 if kind == "b" else 5, shape).astype(dtype)
    values = rng.standard_normal(shape)
    return (values + 1j * rng.standard_normal(shape) if kind == "c" else values).astype(dtype)


@st.composite
def operands(draw):
    """A matrix of any format as users make them, and the seed of what it is multiplied by."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    form, dtype = draw(st.sampled_from(FORMATS)), draw(st.sampled_from(DTYPES))
    index = draw(st.sampled_from(["int32", "int64"]))
    # Blocks of up to 3 by 2; a dimension of zero has none.
    height, width = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    shape = height * draw(st.integers(0 if form in ("csr", "csc", "coo") else 1, 5)), width * draw(st.integers(1, 6))
    count = draw(st.integers(0, 40)) if shape[0] else 0
    if form == "dia":
        offsets = rng.permutation(np.arange(-shape[0] - 1, shape[1] + 2))[: draw(st.integers(1, 4))].astype(index)
        a = sp.dia_array((numbers(rng, (offsets.size, shape[1]), dtype), offsets), shape=shape)
        a.offsets = a.offsets.astype(index)
        return a
    # Duplicates stay, in no order; a fifth of what is stored is zero.
    row, column = rng.integers(0, max(shape[0], 1), count), rng.integers(0, shape[1], count)
    data = numbers(rng, count, dtype)
    data[rng.random(count) < 0.2] = 0
    if form == "coo":
        return sp.coo_array((data, (row.astype(index), column.astype(index))), shape=shape)
    if form == "bsr":
        a = sp.coo_array((data, (row, column)), shape=shape).tobsr(blocksize=(height, width))
    else:
        major, minor = (row, column) if form == "csr" else (column, row)
        order = np.argsort(major, kind="stable")
        lengths = np.bincount(major, minlength=shape[0 if form == "csr" else 1])
        a = {"csr": sp.csr_array, "csc": sp.csc_array}[form](shape, dtype=dtype)
        a.data, a.indices = data[order], minor[order]
        a.indptr = np.concatenate([[0], np.cumsum(lengths)])
    a.indices, a.indptr = a.indices.astype(index), a.indptr.astype(index)
    return a


def same(name, ours, theirs, exact):
    assert type(ours) is type(theirs), name
    assert ours.dtype == theirs.dtype, name
    assert ours.shape == theirs.shape, name
    if sp.issparse(theirs):
        ours, theirs = ours.toarray(), theirs.toarray()
    if exact:
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
    else:
        tolerance = 1e-4 if np.dtype(theirs.dtype).char in "fF" else 1e-12
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=10 * tolerance, err_msg=name)


@settings(max_examples=150, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(
    a=operands(),
    seed=st.integers(0, 2**32),
    vectors=st.integers(0, 9),
    other=st.sampled_from(DTYPES),
    count=st.sampled_from([1, 2]),
)
def test_every_operator_gives_what_scipys_gives(a, seed, vectors, other, count):
    rng = np.random.default_rng(seed)
    x, y = numbers(rng, a.shape[1], a.dtype), numbers(rng, a.shape[0], a.dtype)
    xs, mixed = numbers(rng, (a.shape[1], vectors), a.dtype), numbers(rng, a.shape[1], other)
    one_thread = count == 1
    calls = {
        "vector": (lambda a: a @ x, a.format in ("csr", "dia", "bsr") or one_thread),
        "mixed": (lambda a: a @ mixed, a.format in ("csr", "dia", "bsr") or one_thread),
        "column": (lambda a: a @ x[:, None], a.format in ("csr", "dia", "bsr") or one_thread),
        "vectors": (lambda a: a @ xs, True),
        "fortran": (lambda a: a @ np.asfortranarray(xs), True),
        "transposed": (lambda a: a.T @ y, False),
        "left": (lambda a: y @ a, False),
        "square": (lambda a: a @ a.T, True),
        "plus": (lambda a: a + a, True),
        "minus": (lambda a: a - a.astype(np.promote_types(a.dtype, np.int8)), True),
        "rows": (lambda a: a.sum(axis=1), False),
        "columns": (lambda a: a.sum(axis=0), False),
    }
    if a.dtype == bool:
        del calls["minus"]  # NumPy's subtraction of booleans is an error, in SciPy's words
    with pytest.MonkeyPatch.context() as patch:
        for name in ("__call__", "pieces"):
            patch.setattr(split.Threads, name, lambda self, dtype, work: count)
        # A patch looks through all modules: one for all calls. Some of SciPy's own steps sum duplicates in place.
        theirs = {name: call(a.copy()) for name, (call, _) in calls.items()}
        with fsci.patch_scipy():
            ours = {name: call(a.copy()) for name, (call, _) in calls.items()}
    for name, (_, exact) in calls.items():
        same(name, ours[name], theirs[name], exact)


def sample(form, dtype="float64"):
    a = sp.random_array((40, 40), density=0.3, rng=np.random.default_rng(5), dtype=dtype)
    return a.tobsr(blocksize=(2, 2)) if form == "bsr" else a.asformat(form)


def setting(name, place, value):
    return lambda a: getattr(a, name).__setitem__(place, value)


def cutting(name, count):
    return lambda a: setattr(a, name, getattr(a, name)[:-count].copy())


COMPRESSED = {
    "index_too_large": (setting("indices", 5, 40), r"indices\[5\] = 40 is no index"),
    "index_far_away": (setting("indices", 7, 2**31 - 1), r"indices\[7\] = 2147483647"),
    "index_negative": (setting("indices", 0, -1), r"indices\[0\] = -1"),
    "pointer_falls": (lambda a: a.indptr.__setitem__(3, a.indptr[2] - 1), r"indptr\[3\] = \d+ is less than"),
    "pointer_too_large": (setting("indptr", 4, 10**6), r"indptr\[4\] = 1000000 lies outside"),
    "pointer_negative": (setting("indptr", 6, -7), r"indptr\[6\] = -7 lies outside"),
    "last_pointer": (setting("indptr", -1, 2**31 - 1), r"indptr\[\d+\] = 2147483647 lies outside"),
    "pointers_too_few": (cutting("indptr", 3), r"indptr has \d+ entries, not the \d+ of its shape"),
    "indices_too_few": (cutting("indices", 9), r"indptr\[\d+\] = \d+ lies outside the \d+ stored"),
    "data_too_few": (cutting("data", 9), r"indptr\[\d+\] = \d+ lies outside the \d+ stored"),
}


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("dtype", ["float64", "complex64"])
@pytest.mark.parametrize("form", ["csr", "csc", "bsr"])
@pytest.mark.parametrize("defect", COMPRESSED)
def test_a_malformed_compressed_matrix_is_named_and_not_read(form, defect, dtype, count, monkeypatch):
    for name in ("__call__", "pieces"):
        monkeypatch.setattr(split.Threads, name, lambda self, dtype, work: count)
    change, named = COMPRESSED[defect]
    a = sample(form, dtype)
    change(a)
    with fsci.patch_scipy():
        for operand in (np.ones(40, dtype), np.ones((40, 3), dtype), np.ones((40, 9), dtype)):
            with pytest.raises(ValueError, match=named):
                a @ operand


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("defect", [d for d in COMPRESSED if d != "pointers_too_few"])
def test_malformed_operands_of_sums_and_products(form, defect, count, monkeypatch):
    for name in ("__call__", "pieces"):
        monkeypatch.setattr(split.Threads, name, lambda self, dtype, work: count)
    change, named = COMPRESSED[defect]
    a, sound = sample(form), sample(form)
    change(a)
    with fsci.patch_scipy():
        for call in (
            lambda: a @ sound,
            lambda: sound @ a,
            lambda: a + sound,
            lambda: sound - a,
            lambda: sound + 2 * sound.T.asformat(form) + a,
        ):
            with pytest.raises(ValueError, match=named):
                call()


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("form", "change", "named"),
    [
        ("coo", lambda a: a.coords[0].__setitem__(3, 99), r"row\[3\] = 99 is no index"),
        ("coo", lambda a: a.coords[1].__setitem__(8, -2), r"col\[8\] = -2 is no index"),
        ("coo", lambda a: setattr(a, "data", a.data[:-4].copy()), r"row has \d+ entries and col \d+, not the \d+"),
        (
            "coo",
            lambda a: setattr(a, "coords", (a.coords[0][:-1].copy(), a.coords[1])),
            r"row has \d+ entries and col \d+, not the \d+",
        ),
        ("dia", lambda a: setattr(a, "offsets", a.offsets[:-1].copy()), r"\d+ offsets, but \d+ diagonals"),
        ("dia", lambda a: setattr(a, "data", a.data[:-2].copy()), r"\d+ offsets, but \d+ diagonals"),
    ],
)
def test_malformed_coordinates_and_diagonals(form, change, named, count, monkeypatch):
    for name in ("__call__", "pieces"):
        monkeypatch.setattr(split.Threads, name, lambda self, dtype, work: count)
    a = sample(form)
    change(a)
    with fsci.patch_scipy(), pytest.raises(ValueError, match=named):
        a @ np.ones(40)


@pytest.mark.parametrize("index", ["int32", "int64"])
def test_diagonals_that_lie_outside_are_none(index):
    a = sample("dia")
    a.offsets = a.offsets.astype(index)
    a.offsets[2], a.offsets[5] = np.iinfo(index).max, np.iinfo(index).min
    inside = np.ones(len(a.offsets), bool)
    inside[[2, 5]] = False
    theirs = sp.dia_array((a.data[inside], a.offsets[inside]), shape=a.shape) @ np.ones(40)
    with fsci.patch_scipy():
        np.testing.assert_array_equal(a @ np.ones(40), theirs)


def test_sums_of_infinities_and_signed_zeros_are_scipys():
    values = np.array(
        [np.inf, -np.inf, np.nan, 0.0, -0.0, 1.0, complex(0.0, 1.0), complex(-0.0, -1.0), complex(np.inf, 1)]
    )
    grid = np.array([(p, q) for p in range(9) for q in range(9)])
    for dtype in (complex, float):
        real = values if dtype is complex else values.real
        a = sp.csr_array((real[grid[:, 0]].astype(dtype), np.arange(81), np.arange(82)), shape=(81, 81))
        b = sp.csr_array((real[grid[:, 1]].astype(dtype), np.arange(81), np.arange(82)), shape=(81, 81))
        shifted = sp.csr_array((b.data, np.roll(b.indices, 1), b.indptr), shape=(81, 81))
        for other in (b, shifted):
            with np.errstate(invalid="ignore"):
                theirs = a + other, a - other
                with fsci.patch_scipy():
                    ours = a + other, a - other
            for mine, scipys in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(mine.indices, scipys.indices)
                found, wanted = mine.data.view(float), scipys.data.view(float)
                np.testing.assert_array_equal(found, wanted)
                sure = ~np.isnan(wanted)  # the sign of a NaN means nothing
                np.testing.assert_array_equal(np.signbit(found[sure]), np.signbit(wanted[sure]))
