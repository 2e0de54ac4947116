"""Policy: mode, accuracy, transfer and audit rules, and where they come from.

Order of precedence: the context manager `fsci.policy`, the environment
(``FSCI_MODE``, ``FSCI_ACCURACY``, ...), a TOML file (``FSCI_POLICY``, else
``fsci.toml`` in the working directory), the defaults. Unknown keys are errors.

All tolerances of the acceptance rule stand here, each in units of the unit
roundoff u of the working precision.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from fsci.core.errors import PolicyError
from fsci.core.types import Attempt, Certificate, Problem

__all__ = ["ACCURACIES", "Accuracy", "Policy", "default_policy", "policy_sources"]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What an answer must meet to be called certified.

    Attributes
    ----------
    exponent, factor : float
        The forward error bound must be at most ``factor * u**exponent``.
    rigorous : bool
        The bound must be a proof.
    """

    exponent: float
    factor: float
    rigorous: bool = False

    def target(self, unit_roundoff: float) -> float:
        """Largest forward error bound that is still certified."""
        return float(self.factor * unit_roundoff**self.exponent)


ACCURACIES: Mapping[str, Accuracy] = MappingProxyType(
    {
        # Half of the digits of the working precision.
        "standard": Accuracy(exponent=0.5, factor=1.0),
        # Working precision: the rounding of the answer itself is u, the rest is room for the bound.
        "full": Accuracy(exponent=1.0, factor=4.0),
        "verified": Accuracy(exponent=0.5, factor=1.0, rigorous=True),
    }
)

# A backward error of BACKWARD_SLACK * u * sqrt(n) is what a backward stable method leaves:
# statistical growth of rounding errors (Higham and Mary, 2019), with room for constants.
BACKWARD_SLACK = 16.0

_MODES = ("strict", "hardened")
_TRANSFERS = ("forbid", "auto")
_REPAIRS = ("minimum_norm", "second_order_sections", "cpu_fallback")


@dataclass(frozen=True, slots=True)
class Policy:
    """How calls are answered.

    Attributes
    ----------
    mode : {"strict", "hardened"}
        SciPy's observable behaviour, or the same contract with bounded repairs.
    accuracy : {"standard", "full", "verified"} or float
        What a certified answer must meet; a float is a bound on the relative forward error.
    transfer : {"forbid", "auto"}
        Whether the cost model may move arrays between devices.
    deterministic : bool
        Refuse kernels whose result depends on the number of threads.
    allow : frozenset of str
        Repairs that change the meaning of an answer, each by name: ``"minimum_norm"``, ...
    overrides : mapping of str to str
        Kernel to use for a kind, whatever the ranking says; each use is audited.
    ledger : str or None
        File for the append-only, hash-chained ledger; None keeps it in memory.
    record_all : bool
        Write ordinary decisions to the ledger too.
    adaptive : bool
        Let a drift alarm change the route (off: decisions depend on no earlier call).
    """

    mode: str = "strict"
    accuracy: str | float = "standard"
    transfer: str = "forbid"
    deterministic: bool = False
    allow: frozenset[str] = frozenset()
    overrides: Mapping[str, str] = field(default_factory=dict)
    ledger: str | None = None
    record_all: bool = False
    adaptive: bool = False

    def __post_init__(self) -> None:
        _one_of("mode", self.mode, _MODES)
        _one_of("transfer", self.transfer, _TRANSFERS)
        for name in ("deterministic", "record_all", "adaptive"):
            if not isinstance(getattr(self, name), bool):
                raise PolicyError(f"policy {name}={getattr(self, name)!r}: give True or False")
        if isinstance(self.accuracy, str):
            _one_of("accuracy", self.accuracy, tuple(ACCURACIES))
        elif not (isinstance(self.accuracy, float) and 0.0 < self.accuracy < 1.0):
            raise PolicyError(f"policy accuracy={self.accuracy!r}: give a float between 0 and 1, or {list(ACCURACIES)}")
        if isinstance(self.allow, str):  # a caller may well pass one name
            raise PolicyError(f"policy allow={self.allow!r}: give a set of names, {{{self.allow!r}}}")
        object.__setattr__(self, "allow", frozenset(self.allow))
        for repair in self.allow:
            _one_of("allow", repair, _REPAIRS)
        if not isinstance(self.overrides, Mapping):
            raise PolicyError(f"policy overrides={self.overrides!r}: give a table of kind = kernel name")
        object.__setattr__(self, "overrides", MappingProxyType(dict(self.overrides)))

    @property
    def hardened(self) -> bool:
        """True in hardened mode."""
        return self.mode == "hardened"

    def changed(self, **changes: Any) -> Policy:
        """The policy with `changes`; unknown names are errors."""
        known = {f.name for f in fields(Policy)}
        for name in changes:
            if name not in known:
                raise PolicyError(f"unknown policy key {name!r}; known keys: {', '.join(sorted(known))}")
        return replace(self, **changes)

    def target(self, unit_roundoff: float) -> float:
        """Largest certified forward error bound at this unit roundoff."""
        if isinstance(self.accuracy, float):
            return self.accuracy
        return ACCURACIES[self.accuracy].target(unit_roundoff)

    def backward_tolerance(self, problem: Problem) -> float:
        """Largest backward error that a backward stable method should leave."""
        return BACKWARD_SLACK * problem.unit_roundoff * float(max(problem.size, 1)) ** 0.5

    def verdict(self, forward_error: Any, rigor: str, unit_roundoff: float) -> Any:
        """``certified`` where the bound meets the accuracy, else ``uncertified``; elementwise for batches."""
        rigorous_enough = rigor == "rigorous" or self.accuracy != "verified"
        target = self.target(unit_roundoff)
        if isinstance(forward_error, float):
            return "certified" if rigorous_enough and forward_error <= target else "uncertified"
        met = (np.asarray(forward_error) <= target) & rigorous_enough
        return np.where(met, "certified", "uncertified")

    @property
    def wants_forward(self) -> bool:
        """Accept on the forward bound: hardened mode, or more than the standard accuracy."""
        return self.hardened or self.accuracy != "standard"

    def accepts(self, problem: Problem, attempt: Attempt, certificate: Certificate) -> bool:
        """Whether the answer may be returned without trying the next kernel.

        Strict mode at standard accuracy asks for a small backward error, as
        a backward stable method leaves it; everything else asks for the certificate.
        """
        if attempt.status != "ok":
            return False
        if self.wants_forward:
            return certificate.worst_verdict == "certified"
        if certificate.worst_verdict == "unexamined":
            return True
        error, tolerance = certificate.backward_error, self.backward_tolerance(problem)
        return bool(error <= tolerance if isinstance(error, float) else np.all(np.asarray(error) <= tolerance))


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise PolicyError(f"policy {name}={value!r}: give one of {', '.join(map(repr, allowed))}")


_TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def _from_text(name: str, text: str) -> Any:
    """Value of an environment variable, in the type of the field `name`."""
    if name in ("deterministic", "record_all", "adaptive"):
        if text.lower() not in _TRUTH:
            raise PolicyError(f"FSCI_{name.upper()}={text!r}: give true or false")
        return _TRUTH[text.lower()]
    if name == "accuracy" and text not in ACCURACIES:
        try:
            return float(text)
        except ValueError:
            return text
    if name == "allow":
        return frozenset(part.strip() for part in text.split(",") if part.strip())
    if name == "overrides":
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        return {kind.strip(): kernel.strip() for kind, _, kernel in pairs}
    return text


# Variables that steer fsci without being policy fields.
_OTHER_VARIABLES = frozenset({"FSCI_POLICY", "FSCI_CACHE_DIR", "FSCI_THREADS", "FSCI_TEST_DATA"})


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {f"FSCI_{f.name.upper()}": f.name for f in fields(Policy)}
    found: dict[str, Any] = {}
    for variable, text in environ.items():
        if variable in names:
            found[names[variable]] = _from_text(names[variable], text)
        elif variable.startswith("FSCI_") and variable not in _OTHER_VARIABLES:
            raise PolicyError(f"unknown environment variable {variable}; known: {', '.join(sorted(names))}")
    return found


def _from_file(path: Path) -> dict[str, Any]:
    import tomllib  # only read where a file exists: start-up time

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(f"policy file {path}: {error}") from error
    if isinstance(table.get("allow"), list):
        table["allow"] = frozenset(table["allow"])
    return table


def default_policy(environ: Mapping[str, str] | None = None, directory: Path | None = None) -> Policy:
    """Policy from the environment, the policy file and the defaults.

    Raises
    ------
    PolicyError
        For an unknown key or value, or a file that cannot be read.
    """
    table, variables, _ = _found(environ, directory)
    return Policy().changed(**{**table, **variables})


def policy_sources(environ: Mapping[str, str] | None = None, directory: Path | None = None) -> dict[str, str]:
    """Where each field of the default policy comes from: a variable, the policy file, or ``"default"``."""
    table, variables, path = _found(environ, directory)
    return {
        f.name: f"FSCI_{f.name.upper()}" if f.name in variables else str(path) if f.name in table else "default"
        for f in fields(Policy)
    }


def _found(environ: Mapping[str, str] | None, directory: Path | None) -> tuple[dict[str, Any], dict[str, Any], Path]:
    environ = os.environ if environ is None else environ
    named = environ.get("FSCI_POLICY")
    path = Path(named) if named else (directory or Path()) / "fsci.toml"
    table = _from_file(path) if named or path.is_file() else {}
    return table, _from_environment(environ), path
