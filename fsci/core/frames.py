"""The frame of a call: its policy, who listens, the plan cache and the ledger.

One ContextVar look-up tells a call everything that it must know; the frame is
inherited by tasks and copied contexts as `contextvars` says, not by new threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import update_wrapper
from typing import Any

from fsci.core.ledger import Ledger
from fsci.core.policy import Policy, default_policy
from fsci.core.types import Certificate, Diagnosis

__all__ = ["FRAME", "Frame", "certify", "configure", "explain", "ledger", "listen", "policy", "trace"]

# A plan is a compiled call that scans, solves and certifies; it gives None to decline.
Plan = Callable[..., Any]


class Frame:
    """Policy, listeners, plans and ledger of the calls made inside it.

    Attributes
    ----------
    policy : Policy
    log : list of Diagnosis or None
        Where diagnoses go; None when nobody listens.
    plans : dict
        Fused kernels by call signature. Empty, and kept empty, while somebody
        listens or the policy asks for more than the fused kernels check.
    ledger : Ledger
    """

    __slots__ = ("ledger", "log", "plans", "policy")

    def __init__(self, policy: Policy, log: list[Diagnosis] | None, ledger: Ledger) -> None:
        self.policy = policy
        self.log = log
        self.plans: dict[Any, Plan | None] = {}
        self.ledger = ledger

    @property
    def may_plan(self) -> bool:
        """Whether calls in this frame may use the plan cache."""
        return self.log is None and not (self.policy.wants_forward or self.policy.record_all or self.policy.overrides)


def _new_frame() -> Frame:
    policy = default_policy()
    return Frame(policy, None, Ledger(policy.ledger))


_DEFAULT = _new_frame()
FRAME: ContextVar[Frame] = ContextVar("fsci_frame", default=_DEFAULT)


def configure(**changes: Any) -> Policy:
    """Change the process-wide default policy; gives the policy that was in force before.

    Parameters
    ----------
    **changes
        Fields of `fsci.Policy`; unknown names are errors.
    """
    before = _DEFAULT.policy
    after = before.changed(**changes)
    if after.ledger != before.ledger:
        _DEFAULT.ledger = Ledger(after.ledger)
    _DEFAULT.policy = after
    _DEFAULT.plans.clear()
    return before


def listen(log: list[Diagnosis] | None) -> list[Diagnosis] | None:
    """Send the diagnoses of the whole process, every thread, to `log`; gives the listener before."""
    before = _DEFAULT.log
    _DEFAULT.log = log
    _DEFAULT.plans.clear()
    return before


@contextmanager
def _entered(frame: Frame) -> Iterator[Frame]:
    token = FRAME.set(frame)
    try:
        yield frame
    finally:
        FRAME.reset(token)


@contextmanager
def policy(**changes: Any) -> Iterator[Policy]:
    """Change the policy inside a ``with`` block.

    Examples
    --------
    >>> import fsci
    >>> with fsci.policy(mode="hardened", accuracy="full"):
    ...     pass
    """
    outer = FRAME.get()
    changed = outer.policy.changed(**changes)
    book = outer.ledger if changed.ledger == outer.policy.ledger else Ledger(changed.ledger)
    with _entered(Frame(changed, outer.log, book)):
        yield changed


@contextmanager
def trace() -> Iterator[list[Diagnosis]]:
    """Collect a `Diagnosis` for every call inside a ``with`` block, patched SciPy calls too."""
    outer = FRAME.get()
    log: list[Diagnosis] = []
    with _entered(Frame(outer.policy, log, outer.ledger)):
        yield log
    if outer.log is not None:
        outer.log.extend(log)


def _diagnosed(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Diagnosis:
    with trace() as log:
        value = function(*args, **kwargs)
    # The outermost call finishes last; what it called before stands above it.
    if not log:
        name = getattr(function, "__qualname__", repr(function))
        return Diagnosis(name, value=value, handover="not one of fsci's functions, or nothing to solve")
    return log[-1].with_value(value)


def explain(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Diagnosis:
    """Run ``function(*args, **kwargs)`` and give the whole `Diagnosis`; ``.value`` is the answer."""
    return _diagnosed(function, args, kwargs)


def certify(function: Callable[..., Any]) -> Callable[..., tuple[Any, Certificate]]:
    """Transform `function` into one that gives ``(value, certificate)``.

    Examples
    --------
    >>> import fsci
    >>> x, certificate = fsci.certify(fsci.linalg.solve)([[2.0, 0.0], [0.0, 4.0]], [1.0, 1.0])
    >>> certificate.verdict
    'certified'
    """

    def certified(*args: Any, **kwargs: Any) -> tuple[Any, Certificate]:
        diagnosis = _diagnosed(function, args, kwargs)
        return diagnosis.value, diagnosis.certificate

    return update_wrapper(certified, function)


def ledger() -> Ledger:
    """The ledger that calls made here write to."""
    return FRAME.get().ledger
