"""Malformed sparse matrices are refused, with the entry named, before anything of SciPy's or ours reads them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import fsci

N = 12
ours = fsci.sparse.linalg


def well_formed(form, wide):
    rng = np.random.default_rng(0)
    dense = np.tril(rng.standard_normal((N, N)) * (rng.random((N, N)) < 0.4)) + N * np.eye(N)
    a = getattr(sp, f"{form}_array")(dense)
    if wide:
        a.indices, a.indptr = a.indices.astype(np.int64), a.indptr.astype(np.int64)
    return a


def spoil(a, name):
    """Break one array of a matrix of which SciPy knows nothing yet."""
    far = 2**40 if a.indices.dtype.itemsize == 8 else 2**31 - 5
    if name == "pointer far away":
        a.indptr[4] = far
    elif name == "pointer far below":
        a.indptr[4] = -far
    elif name == "pointers fall":
        a.indptr[5] = a.indptr[3] - 1
    elif name == "first pointer":
        a.indptr[0] = 1
    elif name == "no pointers":
        a.indptr = a.indptr[:0]
    elif name == "too many pointers":
        a.indptr = np.r_[a.indptr, a.indptr[-1]]
    elif name == "index far away":
        a.indices[7] = far
    elif name == "negative index, right if its high bits are lost":
        a.indices[7] -= 2**32 if a.indices.dtype.itemsize == 8 else N
    elif name == "few values":
        a.data = a.data[:-3]
    elif name == "shape":
        a._shape = (N + 4, N + 4)
    return a


SPOILED = {
    "pointer far away": r"indptr\[4\]",
    "pointer far below": r"indptr\[4\]",
    "pointers fall": r"indptr\[5\]",
    "first pointer": r"indptr\[0\] = 1",
    "no pointers": "indptr has 0 entries",
    "too many pointers": "indptr has 14 entries",
    "index far away": r"indices\[7\]",
    "negative index, right if its high bits are lost": r"indices\[7\]",
    "few values": r"indptr\[\d+\] = \d+ lies outside",
    "shape": "indptr has 13 entries",
}
CALLS = {
    "spsolve": lambda a: ours.spsolve(a, np.ones(a.shape[0])),
    "spsolve of SuperLU's ordering": lambda a: ours.spsolve(a, np.ones(a.shape[0]), permc_spec="NATURAL"),
    "factorized": ours.factorized,
    "splu": ours.splu,
    "spilu": ours.spilu,
    "inv": ours.inv,
    "spsolve_triangular": lambda a: ours.spsolve_triangular(a, np.ones(a.shape[0])),
    "norm": ours.norm,
    "norm 1": lambda a: ours.norm(a, 1),
    "norm 2": lambda a: ours.norm(a, 2),
    "norm of rows": lambda a: ours.norm(a, axis=1),
    "norm by SciPy": lambda a: ours.norm(a, np.inf, axis=0),
    "onenormest": ours.onenormest,
    "expm_multiply": lambda a: ours.expm_multiply(a, np.ones(a.shape[0])),
    "cg": lambda a: ours.cg(a, np.ones(a.shape[0])),
    "lsqr": lambda a: ours.lsqr(a, np.ones(a.shape[0])),
    "eigsh": lambda a: ours.eigsh(a, 2),
    "svds": lambda a: ours.svds(a, 2),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("name", SPOILED)
def test_refused(call, form, wide, name):
    with pytest.raises(ValueError, match="malformed sparse matrix: " + SPOILED[name]):
        CALLS[call](spoil(well_formed(form, wide), name))


def test_right_hand_side_too():
    a, b = well_formed("csc", False), sp.csc_array(np.ones((N, 2)))
    b.indices[3] = 2**30
    with pytest.raises(ValueError, match=r"malformed sparse matrix: indices\[3\]"):
        ours.spsolve(a, b)


@pytest.mark.parametrize("call", ["onenormest", "cg", "eigsh"])
def test_other_formats(call):
    coordinates = sp.coo_array(well_formed("csr", False))
    coordinates.coords = coordinates.coords[0][:-2], coordinates.coords[1]
    with pytest.raises(ValueError, match="malformed sparse matrix: row has"):
        CALLS[call](coordinates)
    diagonals = sp.dia_array(well_formed("csr", False))
    diagonals.offsets = np.r_[diagonals.offsets, 1]
    with pytest.raises(ValueError, match="malformed sparse matrix: offsets has"):
        CALLS[call](diagonals)
    blocks = sp.bsr_array(well_formed("csr", False), blocksize=(3, 3))
    blocks.indices[1] = 2**30
    with pytest.raises(ValueError, match=r"malformed sparse matrix: indices\[1\]"):
        CALLS[call](blocks)


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
def test_what_is_well_formed_passes():
    for form in ("csr", "csc"):
        for call in CALLS.values():
            call(well_formed(form, True))


HANDED = {
    "A @ x, complex": lambda a: a @ (1j * np.ones(N)),
    "A @ X, of integers": lambda a: a.astype(int) @ np.ones((N, 2), int),
    "A @ B, mixed": lambda a: a @ well_formed(a.format, False).astype(complex),
    "A + B, mixed": lambda a: a + well_formed(a.format, False).astype(complex),
    "B @ A, mixed": lambda a: well_formed(a.format, False).astype(complex) @ a,
}


@pytest.mark.parametrize("call", HANDED)
@pytest.mark.parametrize("form", ["csr", "csc"])
def test_products_that_are_handed_over_in_hardened_mode(call, form):
    a = spoil(well_formed(form, False), "index far away")
    with fsci.patch_scipy(), fsci.policy(mode="hardened"):
        HANDED[call](well_formed(form, False))
        with pytest.raises(ValueError, match=r"malformed sparse matrix: indices\[\d+\]"):
            HANDED[call](a)
