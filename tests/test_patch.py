"""The patch: everywhere and exactly, nested, threaded, undone."""

from __future__ import annotations

import ast
import importlib
import inspect
import pickle
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.linalg._basic
import scipy.optimize

import fsci
import fsci.patch
from fsci import linalg, optimize

REPOSITORY = Path(__file__).resolve().parents[1]
ORIGINAL = {name: getattr(scipy.linalg, name) for name in scipy.linalg.__all__}
OWN = linalg.__fsci_own__


@pytest.fixture(autouse=True)
def unpatched() -> Iterator[None]:
    """Each test starts and ends with SciPy as it is."""
    fsci.unpatch_scipy()
    yield
    fsci.unpatch_scipy()


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    """An imported module of the user's."""
    made = types.ModuleType("a_users_module")
    sys.modules[made.__name__] = made
    yield made
    sys.modules.pop(made.__name__, None)


def assert_restored() -> None:
    for name, value in ORIGINAL.items():
        assert getattr(scipy.linalg, name) is value, name
    assert scipy.linalg._basic.solve is ORIGINAL["solve"]


def test_public_and_private_modules_are_patched_and_restored():
    fsci.patch_scipy()
    assert scipy.linalg.solve is not ORIGINAL["solve"]
    assert scipy.linalg.solve.__code__ is linalg.solve.__code__
    assert scipy.linalg._basic.solve is scipy.linalg.solve
    assert scipy.optimize.brentq.__code__ is optimize.brentq.__code__
    fsci.unpatch_scipy()
    assert_restored()


def test_every_name_of_scipys_modules_is_restored():
    def state() -> dict[tuple[str, str], int]:
        return {
            (name, key): id(value)
            for name, space in list(sys.modules.items())
            if name.startswith("scipy") and isinstance(space, types.ModuleType)
            for key, value in vars(space).items()
        }

    with fsci.patch_scipy(handovers=True):  # whatever a first patch imports is imported now
        pass
    before = state()
    with fsci.patch_scipy(handovers=True):
        assert state() != before
    assert state() == before


def test_names_imported_before_during_and_kept_by_a_removed_module(module):
    exec("from scipy.linalg import solve, inv as inverse", vars(module))
    fsci.patch_scipy()
    assert module.solve is scipy.linalg.solve is not ORIGINAL["solve"]
    assert module.inverse is scipy.linalg.inv
    exec("from scipy.linalg import lstsq", vars(module))
    removed = types.ModuleType("removed")
    removed.solve = ORIGINAL["solve"]
    sys.modules["removed"] = removed
    fsci.unpatch_scipy()
    fsci.patch_scipy()
    del sys.modules["removed"]
    fsci.unpatch_scipy()
    assert module.solve is ORIGINAL["solve"]
    assert module.inverse is ORIGINAL["inv"]
    assert module.lstsq is ORIGINAL["lstsq"]
    assert removed.solve is ORIGINAL["solve"]


def test_what_was_imported_from_fsci_stays_fscis(module):
    exec("from fsci.linalg import solve", vars(module))
    with fsci.patch_scipy():
        assert module.solve is linalg.solve
    assert module.solve is linalg.solve


def test_a_value_that_somebody_else_put_there_stays():
    def mine(a: object, b: object) -> None: ...

    fsci.patch_scipy()
    scipy.linalg.solve = mine
    try:
        fsci.unpatch_scipy()
        assert scipy.linalg.solve is mine
    finally:
        scipy.linalg.solve = ORIGINAL["solve"]


def test_a_twin_put_back_too_late_is_found_by_the_next_patch(module):
    with fsci.patch_scipy():
        module.solve = late = scipy.linalg.solve
    scipy.linalg.solve = module.solve = late  # as the end of a mock that began under the patch
    with fsci.patch_scipy():
        assert scipy.linalg.solve is late
    assert_restored()
    assert module.solve is ORIGINAL["solve"]


def test_fsci_holds_scipys_own_functions_under_the_patch():
    systems = importlib.import_module("fsci.linalg.systems")
    with fsci.patch_scipy():
        assert systems._scipy_solve is ORIGINAL["solve"]


def test_calls_are_idempotent_and_one_unpatch_undoes_them():
    fsci.patch_scipy()
    first = scipy.linalg.solve
    fsci.patch_scipy()
    assert scipy.linalg.solve is first
    fsci.unpatch_scipy()
    fsci.unpatch_scipy()
    assert_restored()


def test_blocks_nest():
    with fsci.patch_scipy():
        with fsci.patch_scipy():
            pass
        assert scipy.linalg.solve is not ORIGINAL["solve"]
    assert_restored()


def test_a_block_inside_a_call_leaves_the_patch():
    fsci.patch_scipy()
    with fsci.patch_scipy():
        pass
    assert scipy.linalg.solve is not ORIGINAL["solve"]


def test_a_block_ends_with_an_exception():
    with pytest.raises(KeyError), fsci.patch_scipy():
        raise KeyError
    assert_restored()


def test_unpatch_inside_a_block_wins():
    with fsci.patch_scipy():
        fsci.unpatch_scipy()
        assert_restored()
    assert_restored()


def test_overlapping_blocks_of_threads():
    gate = threading.Barrier(4)
    wrong: list[object] = []

    def work() -> None:
        for _ in range(10):
            with fsci.patch_scipy():
                gate.wait(30)  # all are inside: whoever leaves first must not unpatch the others
                if scipy.linalg.solve is ORIGINAL["solve"]:
                    wrong.append("unpatched inside a block")
            gate.wait(30)
            if scipy.linalg.solve is not ORIGINAL["solve"]:
                wrong.append("patched outside of all blocks")
            gate.wait(30)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert_restored()


@pytest.mark.parametrize("name", OWN)
def test_twins_look_like_scipys_functions(name):
    with fsci.patch_scipy():
        twin = getattr(scipy.linalg, name)
        original = ORIGINAL[name]
        assert twin is not original
        assert (twin.__name__, twin.__qualname__, twin.__module__) == (
            original.__name__,
            original.__qualname__,
            original.__module__,
        )
        assert twin.__doc__ == original.__doc__
        assert inspect.signature(twin) == inspect.signature(original)
        assert pickle.loads(pickle.dumps(twin)) is twin


@pytest.mark.parametrize("domain", fsci.patch.DOMAINS)
def test_own_functions_have_scipys_signatures(domain):
    ours, theirs = importlib.import_module(f"fsci.{domain}"), importlib.import_module(f"scipy.{domain}")

    def shape(function: object) -> list[tuple[object, ...]]:
        parameters = inspect.signature(function).parameters.values()
        return [(p.name, p.kind, p.default) for p in parameters]

    for name in ours.__fsci_own__:
        assert shape(getattr(ours, name)) == shape(getattr(theirs, name)), name


def test_pickled_under_the_patch_is_scipys_after_it():
    with fsci.patch_scipy():
        data = pickle.dumps(scipy.linalg.solve)
    assert pickle.loads(data) is ORIGINAL["solve"]


def test_patched_calls_are_traced_and_right():
    a, b = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([3.0, 4.0])
    with fsci.patch_scipy(), fsci.trace() as log:
        x = scipy.linalg.solve(a, b)
        root = scipy.optimize.brentq(lambda t: t * t - 2.0, 0.0, 2.0)
    np.testing.assert_allclose(x, [1.0, 1.0], rtol=1e-15)
    assert abs(root - 2**0.5) < 1e-10
    assert [d.function for d in log] == ["linalg.solve", "optimize.brentq"]


def test_handovers_are_recorded_on_request_only():
    with fsci.patch_scipy(), fsci.trace() as log:
        assert scipy.linalg.hilbert is ORIGINAL["hilbert"]
        scipy.linalg.hilbert(3)
    assert not log
    expected = scipy.linalg.hilbert(3)
    with fsci.patch_scipy(handovers=True), fsci.trace() as log:
        np.testing.assert_array_equal(scipy.linalg.hilbert(3), expected)
    assert (log[-1].function, log[-1].handover) == ("linalg.hilbert", "not implemented by fsci")
    assert_restored()


def test_scipys_functions_inside_scipy_are_patched_too():
    with fsci.patch_scipy(), fsci.trace() as log:
        scipy.linalg.null_space(np.array([[1.0, 1.0]]))
    if "svd" in OWN:
        assert [d.function for d in log] == ["linalg.svd"]


def test_ipython_extension():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    try:
        shell.run_line_magic("load_ext", "fsci")
        assert scipy.linalg.solve is not ORIGINAL["solve"]
        shell.run_line_magic("unload_ext", "fsci")
        assert_restored()
    finally:
        shell.history_manager.end_session()
        InteractiveShell.clear_instance()


def test_names_are_scipys():
    assert linalg.__all__ == sorted(scipy.linalg.__all__)
    assert dir(linalg) == linalg.__all__
    for name in linalg.__all__:
        ours, theirs = getattr(linalg, name), getattr(scipy.linalg, name)
        if not inspect.isroutine(theirs) or name.startswith(("get_", "find_")):
            assert ours is theirs, name
        else:
            assert callable(ours)
    with pytest.raises(AttributeError, match="no attribute 'bogus'"):
        linalg.bogus  # noqa: B018


def test_star_import_and_submodules():
    space: dict[str, object] = {}
    exec("from fsci.linalg import *\nfrom fsci.linalg.lapack import dgesv\nimport fsci.linalg.blas", space)
    assert set(scipy.linalg.__all__) <= set(space)
    assert linalg.lapack is scipy.linalg.lapack
    assert linalg.blas is scipy.linalg.blas
    assert importlib.import_module("fsci.linalg.interpolative") is sys.modules["scipy.linalg.interpolative"]


def test_import_is_light():
    program = "import sys, numpy; import fsci; print([m for m in sys.modules if m.split('.')[0] in {taken}])"
    taken = ("numba", "jax", "scipy", "llvmlite")
    done = subprocess.run(
        [sys.executable, "-c", program.format(taken=taken)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    program = "import sys, fsci.linalg; print([m for m in sys.modules if m.split('.')[0] in {taken}])"
    taken = ("jax", "cupy")
    done = subprocess.run(
        [sys.executable, "-c", program.format(taken=taken)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def _scipy_names_used(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Line, name and whether inside a function, of each use of a function of scipy.linalg."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    aliases = {"scipy.linalg"}
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.Lambda) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases.update(a.asname for a in node.names if a.name == "scipy.linalg" and a.asname)
        elif isinstance(node, ast.ImportFrom) and node.module == "scipy":
            aliases.update(a.asname or a.name for a in node.names if a.name == "linalg")
        elif isinstance(node, ast.ImportFrom) and node.module == "scipy.linalg":
            yield from ((node.lineno, a.name, id(node) in inside) for a in node.names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in aliases:
            yield node.lineno, node.attr, id(node) in inside


def test_nothing_of_fsci_goes_through_a_name_that_is_patched():
    """Kernels use LAPACK; a public module takes SciPy's functions when it is imported. Else: recursion."""
    wrong = []
    for folder in ("kernels", "fsci/core", "fsci/linalg", "fsci/optimize"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            for line, name, inside in _scipy_names_used(path):
                if name in OWN and (inside or folder == "kernels"):
                    wrong.append(f"{path.relative_to(REPOSITORY)}:{line}: {name}")
    assert not wrong
