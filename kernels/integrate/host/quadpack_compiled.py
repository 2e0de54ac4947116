"""QUADPACK on jitted integrands: they go in as C code, so that no evaluation enters the interpreter.

The same routines and the same machine code of the integrand: the same bits. A loop of our own against a first-class
function would pay 8 microseconds for handing the function over (Numba 0.67); QUADPACK takes a pointer in 0.1.
"""

from __future__ import annotations

import weakref
from math import inf
from typing import Any

from scipy.integrate import _quadpack

from fsci.core.registry import register
from fsci.core.types import Attempt, Evidence, Kernel, Problem, Refusal
from fsci.kernels.integrate.host.quadpack import OSCILLATORY, SOURCE, direct, fast, watched
from fsci.kernels.integrate.integrands import is_jitted

__all__: list[str] = []

_qagse = _quadpack._qagse


class _Callbacks:
    """What needs Numba, which those have imported already who bring a jitted function."""

    adapter_of: Any = None
    raised: Any = None


def _adapter(function: Any, args: tuple[Any, ...], part: str = "") -> Any:
    if _Callbacks.adapter_of is None:
        from fsci.kernels.integrate.scalar_callbacks import RAISED, adapter_of

        _Callbacks.raised, _Callbacks.adapter_of = RAISED, staticmethod(adapter_of)
    return _Callbacks.adapter_of(function, args, part)


def applies(problem: Problem, evidence: Evidence) -> Refusal | None:
    function = problem.operands[0]
    if not is_jitted(function):
        return Refusal("the callback is not a jitted function")
    if problem.parameters["weight"] in OSCILLATORY and problem.operands[1] == -inf:
        return Refusal("the mirrored half-line is interpreted")
    if _adapter(function, problem.parameters["args"], problem.parameters["part"]) is None:
        return Refusal("the callback does not compile as a function of floats that gives a float")
    return None


def work(problem: Problem, evidence: Evidence) -> float:
    return 1.0


def run(problem: Problem, evidence: Evidence) -> Attempt:
    adapter = _adapter(problem.operands[0], problem.parameters["args"], problem.parameters["part"])
    if adapter is None:
        return Attempt(None, status="declined")
    count = _Callbacks.raised
    before = count.value
    attempt = watched(adapter.callable, problem, evidence)
    # The interpreted run raises what the function raised.
    return attempt if count.value == before else Attempt(None, status="declined")


# The C functions of integrands without extra arguments, by identity: the shortest way to them.
_plain: dict[int, Any] = {}


def fast_compiled(function: Any, a: Any, b: Any, args: Any, epsabs: Any, epsrel: Any, limit: Any, *others: Any) -> Any:
    """As `fast`, for a jitted function; interpreted where it does not compile, or has raised."""
    code = None if args else _plain.get(id(function))
    if code is None:
        adapter = _adapter(function, args)
        if adapter is None:
            return fast(function, a, b, args, epsabs, epsrel, limit, *others)
        code = adapter.callable
        if not args:
            _plain[id(function)] = code
            weakref.finalize(function, _plain.pop, id(function), None)
    count = _Callbacks.raised
    before = count.value
    if not others and -inf < a < b < inf:
        found = _qagse(code, a, b, args, 0, epsabs, epsrel, limit)
    elif others and a != -inf:  # see `applies`
        found = direct(code, a, b, args, epsabs, epsrel, limit, *others)
    elif not others:
        found = fast(code, a, b, args, epsabs, epsrel, limit)
    else:
        return fast(function, a, b, args, epsabs, epsrel, limit, *others)
    return found if count.value == before else fast(function, a, b, args, epsabs, epsrel, limit, *others)


register(
    Kernel(
        name="quadpack_compiled",
        kind="quadrature",
        shelf="host",
        applies=applies,
        work=work,
        run=run,
        fast=fast_compiled,
        source=SOURCE,
    )
)
