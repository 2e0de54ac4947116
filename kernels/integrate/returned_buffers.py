"""Callbacks that fill and return an array of their own, compiled so that it is the one that the caller holds.

``out = np.empty(3)`` (or `zeros`, `empty_like`, `zeros_like`) costs an allocation at each call, more than most
right-hand sides (measured for Lorenz: 14 ns of 17). Where that array is all that a function returns, and is made once,
Numba's intermediate code is changed: the function takes one more argument, and the array is that one. One of another
size is an exception.
"""

from __future__ import annotations

from typing import Any

import numba
from numba.core import ir
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.compiler import CompilerBase, DefaultPassBuilder, run_frontend
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.dispatcher import Dispatcher
from numba.core.ir_utils import find_callname, get_definition, guard
from numba.core.postproc import PostProcessor
from numba.core.untyped_passes import IRProcessing

from fsci.kernels.compiling import COMPILER_ERRORS
from fsci.kernels.integrate.returned_tuples import is_double, ordinary_options

__all__ = ["buffer_form"]

_OUT = "fsci_out"


@numba.njit
def _empty(out, size):  # type: ignore[no-untyped-def]
    if size != out.size:
        raise ValueError("an array of another size")  # which the interpreter words
    return out


@numba.njit
def _zeros(out, size):  # type: ignore[no-untyped-def]
    if size != out.size:
        raise ValueError("an array of another size")
    for i in range(out.size):
        out[i] = 0.0
    return out


@numba.njit
def _alike(out, prototype):  # type: ignore[no-untyped-def]
    """`out`, which compiles only where a copy of the prototype would be of its type."""
    if prototype.shape[0] != out.size:
        raise ValueError("an array of another size")
    return out if prototype.shape[0] == out.size else prototype


@numba.njit
def _empty_like(out, prototype):  # type: ignore[no-untyped-def]
    return _alike(out, prototype)


@numba.njit
def _zeros_like(out, prototype):  # type: ignore[no-untyped-def]
    return _zeros(_alike(out, prototype), out.size)


_MAKERS = {"empty": _empty, "zeros": _zeros, "empty_like": _empty_like, "zeros_like": _zeros_like}


def _allocation(function: ir.FunctionIR) -> Any:
    """The one call that makes the array that is returned everywhere; None if there is no such."""
    found = None
    for block in function.blocks.values():
        for statement in block.body:
            if not isinstance(statement, ir.Return):
                continue
            value = statement.value
            while isinstance(value, ir.Var):
                if len(function._definitions[value.name]) != 1:
                    return None
                value = function._definitions[value.name][0]
                if isinstance(value, ir.Expr) and value.op == "cast":
                    value = value.value
            if found is not None and value is not found:
                return None
            found = value
    return found


def _changed(function: ir.FunctionIR) -> bool:
    """Change `function` in place, if it can be; tells whether."""
    call = _allocation(function)
    if not isinstance(call, ir.Expr) or call.op != "call" or len(call.args) not in (1, 2) or call.vararg:
        return False
    name, module = guard(find_callname, function, call) or ("", "")
    if module != "numpy" or name not in _MAKERS:
        return False
    types = [*call.args[1:], *(given for _, given in call.kws)]
    if any(key != "dtype" for key, _ in call.kws) or not all(is_double(function, given) for given in types):
        return False
    size = call.args[0]
    shape = guard(get_definition, function, size)
    if isinstance(shape, ir.Expr) and shape.op == "build_tuple" and len(shape.items) == 1:
        size = shape.items[0]
    repeated = {label for loop in compute_cfg_from_blocks(function.blocks).loops().values() for label in loop.body}
    first = function.blocks[min(function.blocks)]
    for label, block in function.blocks.items():
        for place, statement in enumerate(block.body):
            if isinstance(statement, ir.Assign):
                if isinstance(statement.value, ir.Expr) and statement.value.op == "make_function":
                    return False
                if statement.value is call:
                    if label in repeated:
                        return False
                    where = block, place
    block, place = where
    location = call.loc
    out, maker = ir.Var(first.scope, _OUT, location), ir.Var(first.scope, f"{_OUT}_maker", location)
    chosen = ir.Global(f"_{name}", _MAKERS[name], location)
    replaced = ir.Expr.call(maker, (out, size), (), location)
    target = block.body[place].target
    block.body[place] = ir.Assign(replaced, target, location)
    block.body.insert(place, ir.Assign(chosen, maker, location))
    for other in function.blocks.values():
        for statement in other.body:
            if isinstance(statement, ir.Assign) and isinstance(statement.value, ir.Arg) and statement.value.index >= 2:
                statement.value.index += 1
    argument = ir.Arg(_OUT, 2, location)
    first.body.insert(0, ir.Assign(argument, out, location))
    function._definitions[_OUT], function._definitions[maker.name] = [argument], [chosen]
    function._definitions[target.name] = [replaced]
    return True


@register_pass(mutates_CFG=True, analysis_only=False)
class _TakeBody(FunctionPass):
    """Gives a stub with one more argument the changed body of the function that it stands for."""

    _name = "fsci_take_body"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        body = run_frontend(state.func_id.func.__globals__["original"])
        if not _changed(body):
            raise NotImplementedError("the callback returns no array of its own")
        state.func_ir.blocks, state.func_ir._definitions = body.blocks, body._definitions
        PostProcessor(state.func_ir).run()
        return True


class _BufferCompiler(CompilerBase):
    def define_pipelines(self) -> list[Any]:
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager.add_pass_after(_TakeBody, IRProcessing)
        manager.finalize()
        return [manager]


def buffer_form(function: Dispatcher, arguments: int) -> Dispatcher | None:
    """`function` with a third argument, the array that it fills and returns; None where it returns no array of its own.

    Parameters
    ----------
    function : numba dispatcher
    arguments : int
        How many it is called with.
    """
    options, code = ordinary_options(function), function.py_func.__code__
    if options is None or code.co_argcount != arguments or code.co_kwonlyargcount or code.co_flags & 0x0C:
        return None
    names = list(code.co_varnames[:arguments])
    try:
        if _OUT in code.co_varnames or not _changed(run_frontend(function.py_func)):
            return None
    except COMPILER_ERRORS:
        return None
    space = {"original": function.py_func}
    exec(f"def stub({', '.join([*names[:2], _OUT, *names[2:]])}): return None", space)  # noqa: S102 (our own text)
    made: Dispatcher = numba.njit(pipeline_class=_BufferCompiler, **options)(space["stub"])
    return made
