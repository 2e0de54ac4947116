"""The registry: kernels, probes, checks and classifiers by kind and shelf.

Modules under ``fsci/kernels/<domain>/<shelf>/`` register themselves when they
are imported; `load` imports them. A new algorithm is one new file there.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fsci.core.backends import HOST
from fsci.core.errors import RegistryError
from fsci.core.policy import Policy
from fsci.core.types import Attempt, Certificate, Evidence, Kernel, Problem

__all__ = [
    "Kind",
    "check",
    "declare_kind",
    "kernels",
    "kinds",
    "load",
    "load_all",
    "probe",
    "register",
    "register_check",
    "register_probe",
]

Probe = Callable[[Problem], Evidence]
Check = Callable[[Problem, Evidence, Attempt, Policy], Certificate]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: the domain whose folder holds its kernels, and its evidence classes.

    `classify` maps a problem and its evidence to the class that the success
    tables are kept by; it must be coarse, and depend on nothing else. With
    `certificate_on_request` the check costs as much as the answer (or is seen by the user's
    callback), and is left out unless somebody listens or the policy asks.
    """

    name: str
    domain: str
    classify: Callable[[Problem, Evidence], str]
    summary: str = ""
    certificate_on_request: bool = False


_kinds: dict[str, Kind] = {}
_kernels: dict[tuple[str, str], dict[str, Kernel]] = {}
_probes: dict[tuple[str, str], Probe] = {}
_checks: dict[tuple[str, str], Check] = {}
_loaded: set[tuple[str, str, str | None]] = set()

# Kind -> domain, so that a kind's folder is found before any of its modules is
# imported; the folder's own name is the domain.
SHELVES = ("host", "xla", "cuda")


def declare_kind(
    name: str,
    domain: str,
    classify: Callable[[Problem, Evidence], str],
    summary: str = "",
    *,
    certificate_on_request: bool = False,
) -> Kind:
    """Declare a kind of problem, once, in the domain that poses it."""
    if name in _kinds:
        raise RegistryError(f"kind {name!r} is declared twice")
    _kinds[name] = kind = Kind(name, domain, classify, summary, certificate_on_request)
    return kind


def register(kernel: Kernel) -> Kernel:
    """Add a kernel; two of one name for a kind and shelf are an error."""
    shelf = _kernels.setdefault((kernel.kind, kernel.shelf), {})
    if kernel.name in shelf:
        raise RegistryError(
            f"kernel {kernel.key} is registered twice; import it as fsci.kernels..., never as kernels..."
        )
    shelf[kernel.name] = kernel
    return kernel


def _register_one(table: dict[tuple[str, str], Any], what: str, kind: str, shelf: str) -> Callable[[Any], Any]:
    def add(function: Any) -> Any:
        if (kind, shelf) in table:
            raise RegistryError(
                f"{kind}/{shelf} has two {what}s: {table[kind, shelf].__module__} and {function.__module__}"
            )
        table[kind, shelf] = function
        return function

    return add


def register_probe(kind: str, shelf: str) -> Callable[[Probe], Probe]:
    """Decorator: this function measures the evidence of a kind on a shelf."""
    return _register_one(_probes, "probe", kind, shelf)


def register_check(kind: str, shelf: str) -> Callable[[Check], Check]:
    """Decorator: this function certifies the attempts of a kind on a shelf."""
    return _register_one(_checks, "check", kind, shelf)


def load(domain: str, shelf: str, kind_name: str | None = None) -> None:
    """Import the modules of ``fsci.kernels.<domain>.<shelf>``, once.

    With `kind_name` only those whose source names that kind: a process that solves one linear
    system need not import what computes eigenvalues. A module without source is imported always.
    """
    if (domain, shelf, None) in _loaded or (domain, shelf, kind_name) in _loaded:
        return
    package = importlib.import_module(f"fsci.kernels.{domain}.{shelf}")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if kind_name is None or module.name in sys.modules or _names(module, f'"{kind_name}"'):
            importlib.import_module(module.name)
    _loaded.add((domain, shelf, kind_name))


def _names(module: pkgutil.ModuleInfo, text: str) -> bool:
    spec = module.module_finder.find_spec(module.name, None)
    source = getattr(spec.loader, "get_source", None) if spec is not None else None
    found = source(module.name) if source is not None else None
    return found is None or text in found


def load_all(shelf: str = "host") -> None:
    """Import the kernels of every domain that has a folder for `shelf`."""
    root = importlib.import_module("fsci.kernels")
    for domain in pkgutil.iter_modules(root.__path__):
        if domain.ispkg:
            # Asking a domain, and a mirror in it, for its own functions imports the topics, which declare the kinds.
            public = importlib.import_module(f"fsci.{domain.name}")
            inner = [m.name for m in pkgutil.iter_modules(public.__path__, f"{public.__name__}.") if m.ispkg]
            for name in (public.__name__, *inner):
                _ = importlib.import_module(name).__fsci_own__
            package = importlib.import_module(f"fsci.kernels.{domain.name}")
            if any(m.name == shelf for m in pkgutil.iter_modules(package.__path__)):
                load(domain.name, shelf)


def kinds() -> dict[str, Kind]:
    """Every declared kind by name."""
    return dict(_kinds)


def kind(name: str) -> Kind:
    """The kind `name`, or an error that lists the known ones."""
    if name not in _kinds:
        raise RegistryError(f"unknown kind {name!r}; declared: {', '.join(sorted(_kinds)) or 'none'}")
    return _kinds[name]


def kernels(kind_name: str, shelf: str) -> dict[str, Kernel]:
    """Kernels of a kind on a shelf, by name; their modules are imported if need be."""
    load(kind(kind_name).domain, shelf, kind_name if shelf == HOST else None)
    return _kernels.get((kind_name, shelf), {})


def probe(problem: Problem) -> Evidence:
    """Measure the evidence of `problem`; empty where its kind has no probe."""
    load(kind(problem.kind).domain, problem.backend, problem.kind if problem.backend == HOST else None)
    function = _probes.get((problem.kind, problem.backend))
    return Evidence() if function is None else function(problem)


def check(problem: Problem, evidence: Evidence, attempt: Attempt, policy: Policy) -> Certificate:
    """Certify `attempt`; unexamined where its kind has no check on this shelf."""
    function = _checks.get((problem.kind, problem.backend))
    return Certificate(algorithm=attempt.kernel) if function is None else function(problem, evidence, attempt, policy)
