"""Callbacks that return ``np.array([a, b, c])``, compiled as if they returned the tuple ``(a, b, c)``.

The array is written once, read once and freed: its allocation costs more than most right-hand sides (measured for
Lorenz: 14 ns of 17). Where an array or a list made of single expressions does nothing but leave the function, Numba's
intermediate code is changed so that a tuple leaves it. Everything else is compiled as it stands.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import ir
from numba.core.compiler import Compiler, CompilerBase, DefaultPassBuilder, run_frontend
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.dispatcher import Dispatcher
from numba.core.ir_utils import find_callname, get_definition, guard
from numba.core.untyped_passes import IRProcessing

from fsci.kernels.compiling import COMPILER_ERRORS

__all__ = ["is_double", "ordinary_options", "tuple_form"]

# Tuples longer than this would be unrolled into too much code.
_LONGEST = 64

_MAKERS = {("array", "numpy"), ("asarray", "numpy")}
_OPTIONS = {"boundscheck", "error_model", "fastmath", "no_cfunc_wrapper", "no_cpython_wrapper", "nogil"}
_SEQUENCES = ("build_list", "build_tuple")


def _uses(function: ir.FunctionIR, name: str) -> int:
    """How many statements touch the variable, its definition apart; that it is forgotten is none."""
    return sum(
        name in {v.name for v in statement.list_vars()}
        for block in function.blocks.values()
        for statement in block.body
        if not isinstance(statement, ir.Del)
        and not (isinstance(statement, ir.Assign) and statement.target.name == name)
    )


def is_double(function: ir.FunctionIR, variable: Any) -> bool:
    """Whether the variable is the type of float64 numbers."""
    definition = guard(get_definition, function, variable)
    if isinstance(definition, (ir.Global, ir.FreeVar)):
        return definition.value in (float, np.float64)
    if isinstance(definition, ir.Expr) and definition.op == "getattr" and definition.attr == "float64":
        module = guard(get_definition, function, definition.value)
        return isinstance(module, (ir.Global, ir.FreeVar)) and module.value is np
    return False


def _sequence(function: ir.FunctionIR, value: Any) -> tuple[Any, Any] | None:
    """The call that makes the array, if there is one, and the display that it is made of."""
    call = None
    while isinstance(value, ir.Var):
        if len(function._definitions[value.name]) != 1 or _uses(function, value.name) != 1:
            return None
        value = function._definitions[value.name][0]
        if isinstance(value, ir.Expr) and value.op == "cast":
            value = value.value
        elif isinstance(value, ir.Expr) and value.op == "call" and call is None:
            if guard(find_callname, function, value) not in _MAKERS or len(value.args) not in (1, 2) or value.vararg:
                return None
            types = [*value.args[1:], *(given for _, given in value.kws)]
            if any(name != "dtype" for name, _ in value.kws) or not all(is_double(function, t) for t in types):
                return None
            call, value = value, value.args[0]
    fits = isinstance(value, ir.Expr) and value.op in _SEQUENCES and 0 < len(value.items) <= _LONGEST
    return (call, value) if fits else None


def _changed(function: ir.FunctionIR) -> bool:
    """Change `function` in place, if every value that it returns can be a tuple; tells whether."""
    returned = [s.value for block in function.blocks.values() for s in block.body if isinstance(s, ir.Return)]
    found = [_sequence(function, value) for value in returned]
    if not found or any(pair is None for pair in found):
        return False
    calls = {id(pair[0]): pair[1] for pair in found if pair is not None and pair[0] is not None}
    displays = {id(pair[1]) for pair in found if pair is not None}
    lists = {s.target.name for b in function.blocks.values() for s in b.body
             if isinstance(s, ir.Assign) and id(s.value) in displays}  # fmt: skip
    for block in function.blocks.values():
        for statement in block.body:
            if not isinstance(statement, ir.Assign):
                continue
            if id(statement.value) in displays:
                statement.value.op = "build_tuple"
            elif id(statement.value) in calls:
                source = statement.value.args[0]
                function._definitions[statement.target.name] = [source]
                statement.value = source
    return bool(lists)


@register_pass(mutates_CFG=False, analysis_only=False)
class _ReturnTuples(FunctionPass):
    _name = "fsci_return_tuples"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        return _changed(state.func_ir)


class _TupleCompiler(CompilerBase):
    def define_pipelines(self) -> list[Any]:
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager.add_pass_after(_ReturnTuples, IRProcessing)
        manager.finalize()
        return [manager]


def ordinary_options(function: Any) -> dict[str, Any] | None:
    """Options of Numba to compile the function again with; None where that is not all that it was compiled with."""
    options = {name: value for name, value in function.targetoptions.items() if name != "nopython"}
    usual = function._compiler.pipeline_class is Compiler and not function.locals and options.keys() <= _OPTIONS
    return options if usual else None


def tuple_form(function: Dispatcher) -> Dispatcher | None:
    """`function` as a dispatcher that returns a tuple where the source makes an array or a list; None if it does not.

    Parameters
    ----------
    function : numba dispatcher
    """
    options = ordinary_options(function)
    if options is None:
        return None
    try:
        if not _changed(run_frontend(function.py_func)):
            return None
    except COMPILER_ERRORS:
        return None
    made: Dispatcher = numba.njit(pipeline_class=_TupleCompiler, **options)(function.py_func)
    return made
