"""Compiled kernels are cached under all the sources that they are made of."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

from numba.core import sigutils

import fsci.kernels
from fsci.cli.warmup import _load_kernels
from fsci.kernels import jit

ROOT = Path(jit.__file__).resolve().parent


def _imports(path: Path) -> set[Path]:
    """Kernel sources that Python's own parser finds imported at the top of a file."""
    found: set[Path] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fsci.kernels"):
            base = ROOT.joinpath(*(node.module or "").split(".")[2:])
            found.update(p for p in (base.with_suffix(".py"), *(base / f"{a.name}.py" for a in node.names)))
    return {p for p in found if p.is_file()}


def test_digest_follows_every_import() -> None:
    assert fsci.kernels.__file__ is not None
    for path in sorted(ROOT.rglob("*.py")):
        if path.name != "__init__.py":
            missing = _imports(path) - set(jit._source(path)[1])
            assert not missing, f"{path.name} is compiled with {sorted(p.name for p in missing)}, unseen by its cache"


def test_imports_on_consecutive_lines_and_in_parentheses(tmp_path: Path) -> None:
    source = tmp_path / "kernel.py"
    source.write_text(
        "from fsci.kernels.jit import jit\n"
        "from fsci.kernels.doubled import two_sum\n"
        "from fsci.kernels.sparse import (\n    amd,\n    pattern,\n)\n"
        "from fsci.kernels.sparse.matching import matched\n"
    )
    names = {p.name for p in jit._source(source)[1]}
    assert names == {"jit.py", "doubled.py", "amd.py", "pattern.py", "matching.py"}


def test_declared_signatures_have_as_many_arguments_as_their_kernels() -> None:
    _load_kernels()
    for dispatcher, signatures in jit.declared():
        parameters = len(inspect.signature(dispatcher.py_func).parameters)
        name = f"{dispatcher.py_func.__module__}.{dispatcher.py_func.__name__}"
        for signature in signatures:
            assert len(sigutils.normalize_signature(signature)[0]) == parameters, name
