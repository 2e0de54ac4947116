"""`fsci solve` of sparse systems: every format, the route with its reasons, plots, refusals in one line."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from fsci.cli import elimination, spy


def grid(n):
    line = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n))
    return sp.csc_array(sp.kron(line, sp.eye_array(n)) + sp.kron(sp.eye_array(n), line))


@pytest.fixture
def matrix(tmp_path):
    path = tmp_path / "grid.npz"
    sp.save_npz(path, grid(12))
    return path


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia"])
def test_save_npz_is_read_in_every_format(call, tmp_path, form):
    path = tmp_path / "a.npz"
    sp.save_npz(path, grid(6).asformat(form))
    code, out, err = call("solve", path, "--json")
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert report["n"] == 36
    assert report["entries"] == grid(6).nnz
    assert report["certificate"]["verdict"] == "certified"
    assert report["difference_from_ones"] < 1e-13


def test_matrix_market_and_dense_archives(call, tmp_path):
    a = grid(5)
    scipy.io.mmwrite(tmp_path / "a.mtx", a)
    (tmp_path / "b.mtx.gz").write_bytes(gzip.compress((tmp_path / "a.mtx").read_bytes()))
    np.savez(tmp_path / "c.npz", a.toarray())
    sp.save_npz(tmp_path / "d.npz", sp.csr_array(grid(5).astype(np.complex64) * (1 + 1j)))
    sp.save_npz(tmp_path / "e.npz", sp.csr_array(grid(5).astype(int)))
    for name, dtype, sparse in (
        ("a.mtx", "float64", True),
        ("b.mtx.gz", "float64", True),
        ("c.npz", "float64", False),
        ("d.npz", "complex64", True),
        ("e.npz", "float64", True),
    ):
        code, out, err = call("solve", tmp_path / name, "--json")
        report = json.loads(out)
        assert (code, err) == (0, ""), name
        assert report["dtype"] == dtype
        assert ("entries" in report) == sparse
        assert report["difference_from_ones"] < 1e-4


def test_evidence_ranking_with_reasons_and_certificate_are_shown(call, tmp_path):
    sp.save_npz(tmp_path / "grid.npz", grid(60))
    code, out, err = call("solve", tmp_path / "grid.npz")
    assert (code, err) == (0, "")
    assert "Diagnosis of sparse.linalg.spsolve" in out
    assert "evidence structure" in out
    assert "ranking 1.1" in out
    assert "refused " in out
    assert "backward error" in out
    assert "certified" in out


def test_right_hand_sides_and_the_answer(call, matrix, tmp_path):
    a, rng = grid(12), np.random.default_rng(0)
    b = rng.standard_normal((144, 3))
    np.save(tmp_path / "b.npy", b)
    sp.save_npz(tmp_path / "s.npz", sp.csr_array(b[:, :1]))
    for name, sides in (("b.npy", b), ("s.npz", b[:, 0])):
        code, out, err = call("solve", matrix, tmp_path / name, "--output", tmp_path / "x.npy", "--json")
        assert (code, err) == (0, ""), name
        x = np.load(tmp_path / "x.npy")
        assert x.shape == sides.shape
        np.testing.assert_allclose(a @ x, sides, atol=1e-12)
        assert "difference_from_ones" not in json.loads(out)


def test_a_singular_matrix_is_not_answered(call, tmp_path):
    a = sp.csc_array(np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 1.0]]))
    sp.save_npz(tmp_path / "singular.npz", a)
    for mode in ("strict", "hardened"):
        code, out, err = call("solve", tmp_path / "singular.npz", "--mode", mode, "--json")
        assert (code, err) == (1, "")
        report = json.loads(out)
        assert "ingular" in report["error"]
        assert "certificate" not in report
    code, out, _ = call("solve", tmp_path / "singular.npz")
    assert code == 1
    assert "refused" in out


def test_statistics_of_an_elimination_are_exact(call, matrix):
    code, out, _ = call("solve", matrix, "--plot", "--json")
    report = json.loads(out)
    assert code == 0
    found = report["elimination"]
    assert found["bandwidth"] == 12
    assert found["bandwidth_rcm"] <= 13
    assert set(found["orderings"]) == {"natural", "rcm", "amd", "dissection"}
    dense = np.abs(np.linalg.cholesky(grid(12).toarray())) > 1e-14
    natural = found["orderings"]["natural"]
    assert natural["entries"] == dense.sum()
    assert natural["flops"] == (dense.sum(axis=0) ** 2).sum()
    assert natural["tree_height"] == 144  # a band: each column's parent is the next
    assert found["orderings"]["amd"]["entries"] < natural["entries"]
    assert all(1 <= row["supernodes"] <= 144 for row in found["orderings"].values())
    assert report["spy"][0] == "+" + "-" * 64 + "+"


def test_plot_in_the_terminal_and_in_a_file(call, matrix, tmp_path, monkeypatch):
    code, out, _ = call("solve", matrix, "--plot")
    assert code == 0
    assert "Elimination of A + A^T: bandwidth 12, after RCM" in out
    assert any(line.startswith("|") for line in out.splitlines())
    picture = tmp_path / "spy.png"
    monkeypatch.setattr(spy, "has_matplotlib", lambda: False)
    code, out, _ = call("solve", matrix, "--plot-file", picture)
    assert code == 0
    assert "no picture was written" in out
    assert not picture.exists()
    for bad in (tmp_path / "spy.doc", tmp_path / "nowhere" / "spy.png"):
        code, out, err = call("solve", matrix, "--plot-file", bad)
        assert (code, out) == (2, "")
        assert bad.name in err


def test_pictures(call, matrix, tmp_path):
    pytest.importorskip("matplotlib")
    for name, magic in (("spy.png", b"\x89PNG"), ("spy.svg", b"<?xml"), ("spy.pdf", b"%PDF")):
        code, out, err = call("solve", matrix, "--plot-file", tmp_path / name)
        assert (code, err) == (0, "")
        assert f"drawn in {tmp_path / name}" in out
        assert (tmp_path / name).read_bytes().startswith(magic)


def test_characters_show_where_the_entries_are():
    assert spy.characters(sp.csc_array(np.eye(3)), width=6) == [
        "+------+",
        "|\u2588\u2588    |",
        "|  \u2588\u2588  |",
        "|    \u2588\u2588|",
        "+------+",
    ]
    arrow = sp.csc_array(np.eye(400) + np.outer(np.eye(400)[0], np.ones(400)))
    lines = spy.characters(arrow, width=8, plain=True)
    assert [len(line) for line in lines] == [10] * 6
    assert lines[1] == "|########|"[: len(lines[1])] or " " not in lines[1]
    assert lines[4][1] == " "
    assert lines[4][-2] != " "
    # A stored zero is no entry.
    assert spy.characters(sp.csc_array(([0.0], ([0], [0])), shape=(1, 1)), plain=True)[1] == "|  |"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_statistics_of_the_smallest(n):
    found, best = elimination.elimination(sp.csc_array(np.eye(n)))
    assert found["bandwidth"] == found["bandwidth_rcm"] == found["edges"] == 0
    assert found["orderings"]["natural"]["tree_height"] == 1
    assert best.flops == n


def archive(path, **changes):
    a = grid(3).tocsr()
    parts = {"format": b"csr", "shape": np.array([9, 9]), "data": a.data, "indices": a.indices, "indptr": a.indptr}
    np.savez(path, **{**parts, "_is_array": True, **changes})


def bad_archives(folder):
    a = grid(3).tocsr()
    out_of_range, falling, negative = a.indices.copy(), a.indptr.copy(), a.indices.copy()
    out_of_range[4], negative[2] = 99, -3
    falling[3] = falling[5]
    archive(folder / "outside.npz", indices=out_of_range)
    archive(folder / "negative.npz", indices=negative)
    archive(folder / "falling.npz", indptr=falling)
    archive(folder / "short.npz", indptr=a.indptr[:-2])
    archive(folder / "cut_data.npz", data=a.data[:-3])
    archive(folder / "unknown.npz", format=b"xyz")
    archive(folder / "nan.npz", data=np.where(np.arange(a.nnz) == 3, np.nan, a.data))
    np.savez(folder / "two.npz", a.toarray(), a.toarray())
    np.savez(folder / "nothing.npz")
    np.savez(folder / "no_shape.npz", format=b"csr", data=a.data)
    np.savez(folder / "objects.npz", np.array([[object()]]))
    (folder / "words.npz").write_bytes(b"not an archive")
    (folder / "cut.npz").write_bytes((folder / "two.npz").read_bytes()[:200])
    sp.save_npz(folder / "oblong.npz", sp.csr_array(np.ones((3, 4))))
    (folder / "outside.mtx").write_text("%%MatrixMarket matrix coordinate real general\n2 2 1\n7 1 1.0\n")
    rows = "%%MatrixMarket matrix coordinate real general\n99999999999999 99999999999999 1\n1 1 1.0\n"
    (folder / "huge.mtx").write_text(rows)
    return [*sorted(folder.iterdir()), folder / "missing.npz"]


def test_bad_archives_are_one_clear_line(call, tmp_path):
    for path in bad_archives(tmp_path):
        code, out, err = call("solve", path)
        assert code == 2, path
        assert out == "", path
        assert err.count("\n") == 1, err
        assert err.startswith("fsci solve: "), err
        assert path.name in err, err
