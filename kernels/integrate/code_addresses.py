"""Right-hand sides by the address of their code, as compiled loops take them.

A function object that is passed to compiled code costs some 15 us to type and to unwrap, at each call (measured); the
address of its code is an integer.
"""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["CALLBACK", "POINTER", "SIGNATURE", "as_callback", "called", "fused"]

POINTER = numba.types.CPointer(numba.float64)
SIGNATURE = numba.int64(numba.float64, POINTER, POINTER, POINTER)
CALLBACK = numba.types.FunctionType(SIGNATURE)

_REAL = ir.DoubleType()


@intrinsic
def called(typingctx: Any, where: Any, t: Any, y: Any, out: Any, p: Any) -> Any:
    """The status of the right-hand side whose code is at `where`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = _REAL.as_pointer()
        kind = ir.FunctionType(ir.IntType(64), [_REAL, vector, vector, vector])
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])

    return types.int64(types.int64, types.float64, POINTER, POINTER, POINTER), codegen


@intrinsic
def as_callback(typingctx: Any, where: Any) -> Any:
    """The right-hand side whose code is at `where`, as loops take it that ask for a first-class function."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = cgutils.create_struct_proxy(signature.return_type)(context, builder)
        address = builder.inttoptr(args[0], ir.IntType(8).as_pointer())
        nothing = ir.Constant(ir.IntType(8).as_pointer(), None)
        function.c_addr, function.py_addr, function.jit_addr = address, nothing, nothing
        return function._getvalue()

    return CALLBACK(types.int64), codegen


@intrinsic
def fused(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_REAL, [_REAL] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.f64"), args)

    return types.float64(types.float64, types.float64, types.float64), codegen
