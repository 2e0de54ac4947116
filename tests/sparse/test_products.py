"""The operators of SciPy's containers under the patch: SciPy's results, and refusal of what is malformed."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import fsci
from fsci.core import profile
from fsci.kernels.sparse import split
from fsci.kernels.sparse.host import csr_products
from fsci.sparse import _dense_operands, products

pytestmark = pytest.mark.slow

DTYPES = ("float32", "float64", "complex64", "complex128")


@pytest.fixture(params=[1, 2, 3], ids=lambda n: f"threads{n}")
def threads(request, monkeypatch):
    """Forces a number of threads on every product, however small."""
    for name in ("__call__", "pieces"):
        monkeypatch.setattr(split.Threads, name, lambda self, dtype, work: request.param)
    return request.param


def draw(rng, shape, dtype):
    values = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype)


@st.composite
def matrices(draw_from, formats=("csr", "csc"), dtypes=DTYPES):
    """As users make them: duplicates, unsorted indices, empty rows, stored zeros, both index dtypes."""
    rows, columns = draw_from(st.integers(0, 9)), draw_from(st.integers(0, 9))
    count = draw_from(st.integers(0, 30)) if rows and columns else 0
    rng = np.random.default_rng(draw_from(st.integers(0, 2**32)))
    dtype = draw_from(st.sampled_from(dtypes))
    form = draw_from(st.sampled_from(formats))
    major, minor = (rows, columns) if form == "csr" else (columns, rows)
    lengths = np.bincount(rng.integers(0, major, count), minlength=major) if count else np.zeros(major, int)
    index = draw_from(st.sampled_from(["int32", "int64"]))
    data = draw(rng, count, dtype)
    data[rng.random(count) < 0.2] = 0
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(index)
    indices = rng.integers(0, max(minor, 1), count).astype(index)
    matrix = {"csr": sp.csr_array, "csc": sp.csc_array}[form]((rows, columns), dtype=dtype)
    matrix.data, matrix.indices, matrix.indptr = data, indices, indptr
    return matrix


def same(ours, theirs, exact):
    if sp.issparse(theirs):
        assert type(ours) is type(theirs)
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        assert ours.indices.dtype == theirs.indices.dtype
        np.testing.assert_array_equal(ours.indptr, theirs.indptr)
        np.testing.assert_array_equal(ours.indices, theirs.indices)
        np.testing.assert_array_equal(ours.data, theirs.data)
        assert ours.has_canonical_format == theirs.copy().has_canonical_format
        return
    assert type(ours) is type(theirs)
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    if exact:
        np.testing.assert_array_equal(ours, theirs)
    else:
        tolerance = 1e-5 if np.dtype(theirs.dtype).char in "fF" else 1e-13
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=30 * tolerance)


@settings(max_examples=60, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(a=matrices(), seed=st.integers(0, 2**32), vectors=st.integers(0, 19), count=st.sampled_from([1, 2, 3]))
def test_products_equal_scipys(a, seed, vectors, count):
    rng = np.random.default_rng(seed)
    x, xs = draw(rng, a.shape[1], a.dtype), draw(rng, (a.shape[1], vectors), a.dtype)
    y = draw(rng, a.shape[0], a.dtype)
    # Several threads add the columns of a scattered sum in groups; all other sums are SciPy's to the last bit.
    calls = {
        "vector": (lambda a: a @ x, a.format == "csr" or count == 1),
        "vectors": (lambda a: a @ xs, True),
        "fortran": (lambda a: a @ np.asfortranarray(xs), True),
        "strided": (lambda a: a @ np.repeat(xs, 2, axis=1)[:, ::2], True),
        "transposed": (lambda a: a.T @ y, a.format == "csc" or count == 1),
        "left": (lambda a: y @ a, a.format == "csc" or count == 1),
        "square": (lambda a: a @ a.T.asformat(a.format), True),
        "other_format": (lambda a: a @ a.T, True),
        "sum0": (lambda a: a.sum(axis=0), False),
        "sum1": (lambda a: a.sum(axis=1), False),
        "sum": (lambda a: a.sum(), False),
        "plus": (lambda a: a + 2 * a, True),
        "minus": (lambda a: a - a.multiply(a), True),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in ("__call__", "pieces"):
            patch.setattr(split.Threads, name, lambda self, dtype, work: count)
        # Some of SciPy's own steps sum duplicates in place: each call has its own matrix.
        operands = {name: (a.copy(), a.copy()) for name in calls}
        theirs = {name: call(operands[name][0]) for name, (call, _) in calls.items()}
        with fsci.patch_scipy():
            ours = {name: call(operands[name][1]) for name, (call, _) in calls.items()}
    for name, (_, exact) in calls.items():
        try:
            same(ours[name], theirs[name], exact)
            same(*operands[name], exact)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", ["coo", "bsr", "dia"])
@pytest.mark.parametrize("shape", [(8, 12), (12, 8), (1, 6), (6, 1), (400, 300)])
def test_other_formats_equal_scipys(form, shape, dtype, threads):
    rng = np.random.default_rng(3)
    a = sp.random_array(shape, density=0.2, rng=rng).astype(dtype)
    if form == "dia" and max(shape) > 20:
        a = sp.diags_array(draw(rng, (9, max(shape)), dtype), offsets=range(-4, 5), shape=shape)
    a = a.asformat(form)
    if form == "bsr":
        a = a.tobsr(blocksize=(1, 2 if shape[1] % 2 == 0 else 1))
    x, xs = draw(rng, shape[1], dtype), draw(rng, (shape[1], 5), dtype)
    theirs = a @ x, a @ xs
    with fsci.patch_scipy():
        ours = a @ x, a @ xs
    same(ours[0], theirs[0], exact=form != "coo" or threads == 1)
    same(ours[1], theirs[1], exact=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("vectors", [8, 12, 24])
def test_results_written_past_the_caches(vectors, dtype, threads, monkeypatch):
    monkeypatch.setattr(csr_products, "_NEW_MEMORY", 0)
    rng = np.random.default_rng(vectors)
    a = sp.random_array((300, 200), density=0.03, rng=rng).astype(dtype).tocsr()
    a.data[:] = draw(rng, a.nnz, dtype)
    x = draw(rng, (200, vectors), dtype)
    theirs = a @ x
    with fsci.patch_scipy():
        same(a @ x, theirs, exact=True)


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_other_patterns_in_several_parts(dtype, parts, monkeypatch):
    monkeypatch.setattr(split.Threads, "__call__", lambda self, dtype, work: parts)
    rng = np.random.default_rng(parts)
    a, b = (sp.random_array((1500, 90), density=0.05, rng=rng).astype(dtype).tocsr() for _ in range(2))
    a.data[:], b.data[:] = draw(rng, a.nnz, dtype), draw(rng, b.nnz, dtype)
    b = sp.csr_array(sp.vstack([b[:700], -a[700:1400], b[1400:]]))  # a block that cancels
    theirs = a + b, a - b
    with fsci.patch_scipy():
        same(a + b, theirs[0], exact=True)
        same(a - b, theirs[1], exact=True)


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_products_of_sparse_with_sparse_in_several_parts(dtype, parts, monkeypatch):
    monkeypatch.setattr(split.Threads, "__call__", lambda self, dtype, work: parts)
    rng = np.random.default_rng(parts)
    a, b = (sp.random_array(shape, density=0.1, rng=rng).tocsr() for shape in ((400, 90), (90, 70)))
    for one in (a, b):
        one.data[:] = rng.choice([-1.0, 1.0], one.nnz)  # sums that cancel
    a, b = a.astype(dtype), b.astype(dtype)
    theirs = a @ b
    assert (theirs.indptr[-1]) < (abs(a) @ abs(b)).nnz
    with fsci.patch_scipy():
        same(a @ b, theirs, exact=True)


@pytest.mark.parametrize("parts", [2, 3, 5])
@pytest.mark.parametrize("form", ["csc", "coo"])
@pytest.mark.parametrize("outlier", [None, 0, 1999])
def test_bands_and_what_lies_outside_of_them(form, parts, outlier, monkeypatch):
    """The stretch of rows that a thread reaches is a guess; sums are the same where it is wrong."""
    monkeypatch.setattr(split.Threads, "__call__", lambda self, dtype, work: parts)
    n, rng = 2000, np.random.default_rng(parts)
    offsets = [-30, -1, 0, 1, 30]
    a = sp.diags_array([rng.standard_normal(n - abs(k)) for k in offsets], offsets=offsets).tolil()
    if outlier is not None:
        a[outlier, [400, 900, 1300, 1700]] = 7.0
    a = sp.csc_array(a) if form == "csc" else sp.csc_array(a).tocoo()
    x = rng.standard_normal(n)
    theirs = a @ x
    with fsci.patch_scipy():
        first = a @ x
        assert all(np.array_equal(first, a @ x) for _ in range(5))
    np.testing.assert_allclose(first, theirs, rtol=1e-13, atol=1e-13)


def test_several_threads_give_the_same_bits_each_time(threads):
    rng = np.random.default_rng(0)
    a = sp.random_array((3000, 2500), density=0.01, rng=rng).tocsc()
    x = rng.standard_normal(2500)
    with fsci.patch_scipy():
        first = a @ x
        assert all(np.array_equal(first, a @ x) for _ in range(10))


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda a: a.indices.__setitem__(5, 10**6), r"indices\[5\] = 1000000"),
        (lambda a: a.indices.__setitem__(0, -1), r"indices\[0\] = -1"),
        (lambda a: a.indptr.__setitem__(3, a.indptr[2] - 1), r"indptr\[3\] = "),
        (lambda a: a.indptr.__setitem__(4, 10**6), r"indptr\[4\] = 1000000"),
        (lambda a: a.indptr.__setitem__(0, -7), r"indptr\[0\] = -7"),
        (lambda a: setattr(a, "indptr", a.indptr[:-3].copy()), r"indptr has \d+ entries"),
        (lambda a: setattr(a, "data", a.data[:5].copy()), r"indptr\[\d+\] = \d+ lies outside"),
    ],
)
def test_malformed_is_refused_and_the_entry_named(form, change, named, threads):
    rng = np.random.default_rng(5)
    a = sp.random_array((40, 40), density=0.3, rng=rng).asformat(form)
    sound = a.copy()
    change(a)
    with fsci.patch_scipy():
        for call in (lambda: a @ np.ones(40), lambda: a @ np.ones((40, 3))):
            with pytest.raises(ValueError, match=named):
                call()
        # The constructor of the transpose looks at the ends of indptr, and has its own words.
        with pytest.raises(ValueError, match=f"{named}|index pointer|indices and data should have the same size"):
            a.T @ np.ones(40)
        if a.indptr.size == 41:
            for call in (lambda: a @ sound, lambda: sound @ a, lambda: a + sound, lambda: sound - a):
                with pytest.raises(ValueError, match=named):
                    call()


@pytest.mark.parametrize(
    ("form", "name"), [("coo", r"col\[3\] = 99"), ("bsr", r"indices\[3\] = 99")], ids=["coo", "bsr"]
)
def test_malformed_coordinates_and_blocks(form, name, threads):
    a = sp.random_array((20, 20), density=0.4, rng=np.random.default_rng(1)).asformat(form)
    (a.col if form == "coo" else a.indices)[3] = 99
    with fsci.patch_scipy(), pytest.raises(ValueError, match=name):
        a @ np.ones(20)


def test_what_is_not_native_stays_scipys():
    a = sp.random_array((6, 6), density=0.5, rng=np.random.default_rng(0), format="csr")
    cases = [
        (a.astype(int), np.ones(6)),
        (a, np.ones(6, int)),
        (a, np.ones(6, np.float32)),
        (a, np.ones(6) * 1j),
        (a.astype(np.longdouble), np.ones(6, np.longdouble)),
        (a.astype(bool), np.ones(6, bool)),
        (a, np.ones(12)[::2]),
        (sp.csr_array(np.arange(6.0)), np.ones(6)),
    ]
    for matrix, x in cases:
        theirs = matrix @ x
        with fsci.patch_scipy():
            ours = matrix @ x
        assert type(ours) is type(theirs)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def test_a_patch_restores_what_the_classes_held():
    before = {key: vars(key[0]).get(key[1]) for key in products.METHODS}
    assert products.METHODS
    with fsci.patch_scipy():
        with fsci.patch_scipy():
            pass
        assert all(vars(cls)[name] is own for (cls, name), own in products.METHODS.items())
    assert {key: vars(key[0]).get(key[1]) for key in products.METHODS} == before


def test_more_entries_than_the_index_dtype_counts_are_refused():
    from fsci.kernels.sparse.host.spgemm import TooManyEntriesError, spgemm

    few = 20  # 400 entries, and int8 counts to 127
    left = (np.arange(few + 1, dtype=np.int8), np.zeros(few, np.int8), np.ones(few))
    right = (np.array([0, few], np.int8), np.arange(few, dtype=np.int8), np.ones(few))
    with pytest.raises(TooManyEntriesError):
        spgemm(few, few, left, right)


def test_threads_follow_the_profile(monkeypatch):
    monkeypatch.setattr(split, "thread_count", lambda: 4)
    threads = split.Threads("csr_vector")
    table = profile.load_profile()["kernels"]
    assert {"sparse_product/host/csr_vector", "sparse_product/host/csr_vector_threads"} <= set(table)
    assert threads(np.dtype(float), 30) == 1
    assert threads(np.dtype(float), 1e8) == 4


def test_pieces_are_no_smaller_than_a_thread_is_worth(monkeypatch):
    monkeypatch.setattr(split, "thread_count", lambda: 2)
    threads = split.Threads("csr_vector")
    assert threads.pieces(np.dtype(float), 30) == 1
    assert threads.pieces(np.dtype(float), 1e12) == 8
    limit = threads._limits[np.dtype(float)]
    assert threads.pieces(np.dtype(float), limit) == 2
    assert threads.pieces(np.dtype(float), 3.5 * limit) == 3


def test_a_thread_that_never_comes_is_not_waited_for(monkeypatch):
    from concurrent.futures import Future

    from fsci.kernels import threads

    class Busy:
        def submit(self, *_):
            return Future()  # waits for ever, and may be cancelled

    monkeypatch.setattr(threads, "_executor", Busy)
    assert threads.spread(lambda i, j: (i, j), [0, 3, 5, 9]) == [(0, 3), (3, 5), (5, 9)]
    with pytest.raises(ZeroDivisionError):
        threads.spread(lambda i, j: 1 // i, [0, 3, 5])


def test_an_error_of_another_thread_is_raised():
    from fsci.kernels import threads

    def task(start, stop):
        if start == 7:
            raise ArithmeticError("seven")
        return start

    with pytest.raises(ArithmeticError, match="seven"):
        threads.spread(task, range(20))


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "dia", "bsr"])
def test_an_unpickled_matrix_is_multiplied_here_too(form, monkeypatch):
    a = sp.diags_array([np.full(40, 2.0), np.ones(39)], offsets=[0, 1]).asformat(form)
    again, x = pickle.loads(pickle.dumps(a)), np.arange(40.0)
    assert again.data.dtype is not x.dtype
    for name in ("_compressed_vector", "_block_vector", "_diagonal_vector", "_coordinate_vector"):
        monkeypatch.setattr(_dense_operands, name, None)  # SciPy's own: not to be called
    with fsci.patch_scipy():
        np.testing.assert_array_equal(again @ x, a.toarray() @ x)
