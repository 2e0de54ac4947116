"""The command line: every command, its JSON, its exit codes, its one-line errors."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.io
import scipy.linalg
import scipy.sparse

import fsci.patch
from fsci import linalg
from fsci.cli import demo, demo_cases, tables, warmup
from fsci.cli.main import COMMANDS
from fsci.cli.profile import CallTable
from fsci.core.types import Attempt, Certificate, Diagnosis
from fsci.coverage import answered, as_markdown, portfolios

pytestmark = pytest.mark.slow


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.mtx"
    scipy.io.mmwrite(path, scipy.sparse.csr_array(np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 0.0], [0.0, 0.0, 2.0]])))
    return path


def test_help_names_every_command(call):
    code, out, _ = call()
    assert code == 0
    assert all(name in out for name in COMMANDS)
    code, out, _ = call("--version")
    assert code == 0
    assert out.startswith("fsci ")


@pytest.mark.parametrize("arguments", [["bogus"], ["solve"], ["demo", "--bogus"], ["calibrate", "--budget", "-1"]])
def test_bad_usage(call, arguments):
    code, _, err = call(*arguments)
    assert code == 2
    assert err


def test_solve_certifies(call, good):
    code, out, err = call("solve", good)
    assert (code, err) == (0, "")
    assert "certified" in out
    code, out, _ = call("solve", good, "--json", "--explain", "--mode", "hardened", "--accuracy", "full")
    report = json.loads(out)
    assert code == 0
    assert report["n"] == 3
    assert report["certificate"]["verdict"] == "certified"
    assert report["certificate"]["digits"] >= 14
    assert report["difference_from_ones"] < 1e-14
    assert report["diagnosis"]["attempts"]


def test_solve_explains(call, good):
    code, out, _ = call("solve", good, "--explain")
    assert code == 0
    assert "Diagnosis of sparse.linalg.spsolve" in out
    assert "ranking 1.1" in out


@pytest.mark.parametrize("suffix", [".npy", ".mtx", ".txt"])
def test_solve_reads_b_and_writes_x(call, good, tmp_path, suffix):
    a, b = scipy.io.mmread(good).toarray(), np.array([1.0, 2.0, 3.0])
    np.save(tmp_path / "b.npy", b)
    target = tmp_path / f"x{suffix}"
    code, *_ = call("solve", good, tmp_path / "b.npy", "--output", target)
    assert code == 0
    read = {".npy": np.load, ".mtx": scipy.io.mmread, ".txt": np.loadtxt}[suffix]
    np.testing.assert_allclose(np.ravel(read(target)), scipy.linalg.solve(a, b), rtol=1e-14)


def test_solve_reads_every_format(call, good, tmp_path):
    dense = scipy.io.mmread(good).toarray()
    np.save(tmp_path / "a.npy", dense.astype(int))
    (tmp_path / "a.mtx.gz").write_bytes(gzip.compress(good.read_bytes()))
    np.save(tmp_path / "c.npy", dense.astype(np.complex64))
    for name, dtype in (("a.npy", "float64"), ("a.mtx.gz", "float64"), ("c.npy", "complex64")):
        code, out, _ = call("solve", tmp_path / name, "--json")
        assert code == 0
        assert json.loads(out)["dtype"] == dtype


def test_untrusted_answers_exit_with_one(call, tmp_path):
    np.save(tmp_path / "singular.npy", np.ones((3, 3)))
    code, out, _ = call("solve", tmp_path / "singular.npy", "--json")
    assert code == 1
    assert "ingular" in json.loads(out)["error"]
    code, out, _ = call("solve", tmp_path / "singular.npy")
    assert code == 1
    assert "refused" in out
    np.save(tmp_path / "hilbert.npy", scipy.linalg.hilbert(14))
    code, out, _ = call("solve", tmp_path / "hilbert.npy", "--json")
    assert code == 1
    assert json.loads(out)["certificate"]["verdict"] == "uncertified"


def bad_files(folder):
    np.save(folder / "vector.npy", np.ones(3))
    np.save(folder / "oblong.npy", np.ones((3, 4)))
    np.save(folder / "empty.npy", np.ones((0, 0)))
    np.save(folder / "text.npy", np.array([["a", "b"], ["c", "d"]]))
    np.save(folder / "objects.npy", np.array([[object()]]), allow_pickle=True)
    np.save(folder / "nan.npy", np.array([[np.nan, 1.0], [1.0, 2.0]]))
    (folder / "words.mtx").write_text("not a matrix\n")
    (folder / "cut.mtx").write_text("%%MatrixMarket matrix coordinate real general\n3 3 5\n1 1 1.0\n")
    (folder / "huge.mtx").write_text("%%MatrixMarket matrix array real general\n9999999 9999999\n1.0\n")
    (folder / "cut.mtx.gz").write_bytes(gzip.compress(b"%%MatrixMarket matrix array real general\n1 1\n1\n" * 9)[:-20])
    (folder / "words.mtx.gz").write_bytes(b"not gzip")
    (folder / "words.npy").write_bytes(b"not numpy")
    (folder / "empty.mtx").write_bytes(b"")
    (folder / "table.csv").write_text("1,2\n")
    (folder / "folder.mtx").mkdir()
    return [*sorted(folder.iterdir()), folder / "missing.mtx", folder / "missing.npy"]


def test_bad_files_are_one_clear_line(call, tmp_path):
    for path in bad_files(tmp_path):
        code, out, err = call("solve", path)
        assert code == 2, path
        assert out == "", path
        assert err.count("\n") == 1, err
        assert err.startswith("fsci solve: "), err
        assert path.name in err, err


def test_other_bad_inputs_of_solve(call, good, tmp_path):
    np.save(tmp_path / "short.npy", np.ones(2))
    for arguments, text in (
        ([good, tmp_path / "short.npy"], "3 rows are needed"),
        ([good, tmp_path / "gone.npy"], "no such file"),
        ([good, "--mode", "reckless"], "mode='reckless'"),
        ([good, "--accuracy", "poor"], "accuracy='poor'"),
        ([good, "--output", tmp_path / "x.csv"], "x is written as one of"),
        ([good, "--output", tmp_path / "no_folder" / "x.npy"], "cannot be written"),
    ):
        code, out, err = call("solve", *arguments)
        assert (code, out) == (2, ""), arguments
        assert text in err


def test_doctor(call, monkeypatch, tmp_path):
    monkeypatch.setenv("FSCI_MODE", "hardened")
    monkeypatch.setenv("FSCI_CACHE_DIR", str(tmp_path))
    code, out, _ = call("doctor", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["versions"]["scipy"] == scipy.__version__
    assert report["policy"]["mode"] == {"value": "hardened", "from": "FSCI_MODE"}
    assert report["policy"]["accuracy"] == {"value": "standard", "from": "default"}
    assert report["cache"]["folder"] == str(tmp_path)
    assert report["cache"]["files"] == 0
    assert "fsci warmup" in report["advice"][0]
    assert {"numpy", "scipy"} <= set(report["blas"])
    assert report["threads"]["fsci uses"] >= 1
    code, out, _ = call("doctor")
    assert "openblas" in out.lower()


def test_doctor_names_the_policy_file(call, monkeypatch, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('accuracy = "full"\n')
    monkeypatch.setenv("FSCI_POLICY", str(file))
    report = json.loads(call("doctor", "--json")[1])
    assert report["policy"]["accuracy"] == {"value": "full", "from": str(file)}
    file.write_text("acuracy = 1\n")
    code, _, err = call("doctor")
    assert code == 2
    assert "acuracy" in err


def test_coverage_tells_own_from_handed_over(call):
    rows = {row.domain: row for row in answered()}
    assert set(rows["linalg"].own) == set(linalg.__fsci_own__)
    assert "hilbert" in rows["linalg"].handed_over
    assert not set(rows["linalg"].own) & set(rows["linalg"].handed_over)
    public = {n for n in scipy.linalg.__all__ if callable(getattr(scipy.linalg, n))}
    left = public - set(rows["linalg"].own) - set(rows["linalg"].handed_over)
    assert left == {"LinAlgError", "LinAlgWarning", "find_best_blas_type", "get_blas_funcs", "get_lapack_funcs"}
    assert "brentq" in rows["optimize"].own
    code, out, _ = call("coverage", "--json")
    assert code == 0
    assert [d["domain"] for d in json.loads(out)["domains"]] == list(fsci.patch.DOMAINS)
    code, out, _ = call("coverage")
    assert "solve" in out
    assert as_markdown() == call("coverage", "--markdown")[1]


def test_portfolios_name_the_kernels():
    kinds = {portfolio.kind: portfolio for portfolio in portfolios()}
    assert "lu" in kinds["linear_system"].kernels["host"]
    assert kinds["root_scalar"].kernels["xla"] == ()


def test_every_own_function_of_linalg_is_warmed_up():
    assert set(linalg.__fsci_own__) <= set(warmup.EXAMPLES)


@pytest.mark.slow
def test_warmup(call):
    code, out, _ = call("warmup", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["signatures"] > 0
    assert report["calls"] > len(linalg.__fsci_own__)


def test_the_cases_of_the_demo_are_true():
    found = {case.name: case for case in demo_cases.cases(quick=True)}
    assert len(found) >= 6
    for case in found.values():
        if case.truth is None:
            a = case.arguments[0]
            np.testing.assert_array_equal(a[2], 2 * a[0] - a[1])
            continue
        if case.module != "linalg":
            continue
        a, b = (np.asarray(part, dtype=np.longdouble) for part in case.arguments)
        size = np.abs(a) @ np.abs(case.truth) + np.abs(b)
        # The rounding of the truth itself, and no more.
        assert np.all(np.abs(a @ case.truth - b) <= 2.0**-52 * size), case.name


def test_the_sparse_cases_are_exact_and_the_orbits_close():
    for case in demo_cases._sparse(np.random.default_rng(0)):
        a, b = case.arguments
        np.testing.assert_array_equal(a @ case.truth, b)  # integers
        assert np.abs(case.truth).max() > 1.0
    for case in demo_cases._orbits(np.random.default_rng(0)):
        _, (start, end), y0 = case.arguments
        assert abs((end - start) / (2.0 * np.pi) - round((end - start) / (2.0 * np.pi))) < 1e-12
        # The period is 2 pi for a semi-major axis of one: of energy -1/2.
        assert 0.5 * (y0[2] ** 2 + y0[3] ** 2) - 1.0 / np.hypot(y0[0], y0[1]) == pytest.approx(-0.5, rel=1e-14)


def test_least_squares_case_is_exact():
    (case,) = demo_cases._least_squares(np.random.default_rng(0))
    a, b = case.arguments
    residual = b - a @ case.truth
    assert np.any(residual)
    assert not np.any(a.T @ residual)  # integers: exactly zero


@pytest.mark.slow
def test_demo(call):
    code, out, _ = call("demo", "--quick", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["broken_certificates"] == []
    rows = {row["case"]: row for row in report["cases"]}
    small = rows["general, n = 3"]
    assert small["verdict"] == "certified"
    assert small["fsci_error"] <= small["bound"]
    assert rows["singular, n = 3"]["verdict"] in ("refused", "uncertified")
    assert rows["singular, n = 3"]["scipy_says"].startswith("warns")


def test_a_broken_certificate_is_noticed():
    row = {"fsci_error": 1e-3, "bound": 1e-9, "verdict": "certified"}
    assert demo._broken(row)
    assert not demo._broken(row | {"verdict": "uncertified"})
    assert not demo._broken(row | {"fsci_error": 1e-10})
    assert demo._broken(row | {"fsci_error": float("nan")})


def test_the_command_is_installed_and_survives_a_closed_pipe():
    program = "import sys; from fsci.cli.main import main; sys.exit(main(['coverage']))"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert err == b""
    done = subprocess.run(
        [sys.executable, "-m", "fsci.cli", "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.startswith("fsci ")


def test_tables_are_plain_where_nobody_looks(capsys):
    tables.table("title", ("name", ">time"), [("a", "1 ms"), ("long name", "12 ms")], notes=["note"])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["title", "name        time", "---------  -----", "a           1 ms", "long name  12 ms", "note"]


def test_tables_on_a_terminal(monkeypatch):
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    tables.table("title", ("verdict", ">time"), [("certified, 3 digits", "1 ms")], notes=["note"], stream=stream)
    assert "certified, 3 digits" in stream.getvalue()
    assert "note" in stream.getvalue()
    monkeypatch.setattr(sys, "stderr", stream)
    with tables.progress("Working", 2) as step:
        step("one")
        step("two", 2)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.0, "2.00 s"), (0.0153, "15.3 ms"), (4.2e-6, "4.20 us"), (0.123, "123 ms"), (2e-8, "0.02 us")],
)
def test_durations(seconds, text):
    assert tables.duration(seconds) == text


def test_the_call_table_adds_up_and_keeps_the_worst():
    log = CallTable()
    assert log
    good = Certificate(verdict="certified", forward_error=1e-12, digits=12)
    poor = Certificate(verdict="uncertified", forward_error=1e-3, digits=3)
    for certificate in (good, poor, good):
        log.append(
            Diagnosis("linalg.solve", attempts=(Attempt(None, kernel="lu"),), certificate=certificate, seconds=1.0)
        )
    log.extend([Diagnosis("linalg.funm", handover="not implemented by fsci", seconds=9.0)])
    handed, solved = log.calls
    assert (handed.function, handed.certificate()) == ("linalg.funm", "unexamined")
    assert (solved.count, solved.seconds, solved.certificate()) == (3, 3.0, "uncertified, 3 digits")
    assert log.handovers == [handed]
    assert len(log) == 0


def test_environment_is_left_alone():
    assert "PYTEST_PLUGINS" not in os.environ or "fsci" not in os.environ["PYTEST_PLUGINS"]
