"""The wheel: it holds the linked packages, the data, and imports light."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    pytest.importorskip("build")
    out = tmp_path_factory.mktemp("dist")
    # Through the sdist, so that the links must survive it too; the isolated build fetches
    # hatchling, the non-isolated one takes the installed one where it is there.
    isolated = [] if _installed("hatchling") is None else ["--no-isolation"]
    command = [sys.executable, "-m", "build", *isolated, "--outdir", str(out), str(REPOSITORY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(out.glob("*.whl")))


def _installed(name: str) -> object:
    from importlib.util import find_spec

    return find_spec(name)


@pytest.mark.parametrize(
    "member",
    [
        "fsci/__init__.py",
        "fsci/py.typed",
        "fsci/core/data/profile.json",
        "fsci/kernels/jit.py",
        "fsci/kernels/linalg/host/lu.py",
        "fsci/kernels/optimize/host/bracketing.py",
        "fsci/selector/loop.py",
        "fsci/selector/data/success.json",
    ],
)
def test_wheel_holds(wheel: zipfile.ZipFile, member: str):
    assert member in wheel.namelist()


def test_wheel_holds_nothing_else_at_top_level(wheel: zipfile.ZipFile):
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"fsci"}


def test_wheel_carries_its_licence_and_only_the_core_dependencies(wheel: zipfile.ZipFile):
    metadata = next(n for n in wheel.namelist() if n.endswith("METADATA"))
    lines = wheel.read(metadata).decode().splitlines()
    required = {
        line.split()[1].split(">")[0] for line in lines if line.startswith("Requires-Dist") and "extra" not in line
    }
    assert required == {"numpy", "scipy", "numba"}
    assert any(n.endswith("LICENSE") for n in wheel.namelist())


def test_wheel_works_without_the_repository(wheel: zipfile.ZipFile, tmp_path: Path):
    wheel.extractall(tmp_path)
    script = (
        "import fsci, numpy as np, pathlib; "
        "assert pathlib.Path(fsci.__file__).is_relative_to(pathlib.Path.cwd()), fsci.__file__; "
        "x, c = fsci.certify(fsci.linalg.solve)(np.diag([1., 2.]) + .1, [1., 2.]); print(c.verdict)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.strip() == "certified", done.stderr


def test_import_is_light():
    script = (
        "import sys, fsci; "
        "print([m for m in sys.modules if m in ('numba', 'jax', 'cupy', 'llvmlite', 'rich') "
        "or m.startswith('scipy.') and m.split('.')[1] in ('linalg', 'sparse', 'optimize')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
