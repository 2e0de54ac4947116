"""One row of a matrix times eight neighbouring columns: the sums of all eight stay in vector registers.

The compiler does not find this by itself: Numba leaves LLVM's vectorizer of straight-line code off, and of the loop
over eight columns it cannot know that source and target are apart. Every column is summed in stored order
from zero, multiplication and addition rounded apart, as SciPy does it.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["row_times_eight"]

_LANES = 8


@intrinsic
def row_times_eight(
    typing_context: Any,
    data: Any,
    indices: Any,
    x: Any,
    y: Any,
    begin: Any,
    end: Any,
    columns: Any,
    first: Any,
    place: Any,
) -> Any:
    """Set y[place : place + 8] = sum over k of data[k] x[indices[k], first : first + 8]; x and y in C order."""
    del typing_context, begin, end, columns, first, place
    if not isinstance(data.dtype, types.Float):
        return None
    long = types.uint64
    signature = types.void(data, indices, x, y, long, long, long, long, long)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[:4], values[:4], strict=True)
        ]
        data, indices, x, y = (array.data for array in arrays)
        begin, end, columns, first, place = values[4:]
        scalar = data.type.pointee
        vector = ir.VectorType(scalar, _LANES)
        word = ir.IntType(32)
        size = 8 if isinstance(scalar, ir.DoubleType) else 4
        total = cgutils.alloca_once(builder, vector)
        builder.store(ir.Constant(vector, [ir.Constant(scalar, 0.0)] * _LANES), total)
        with cgutils.for_range_slice(builder, begin, end, ir.Constant(end.type, 1)) as (k, _):
            factor = builder.load(builder.gep(data, [k]))
            index = builder.load(builder.gep(indices, [k]))
            row = index if index.type == columns.type else builder.zext(index, columns.type)
            at = builder.gep(x, [builder.add(builder.mul(row, columns), first)])
            entries = builder.load(builder.bitcast(at, vector.as_pointer()), align=size)
            one = builder.insert_element(ir.Constant(vector, ir.Undefined), factor, ir.Constant(word, 0))
            lanes = ir.Constant(ir.VectorType(word, _LANES), [ir.Constant(word, 0)] * _LANES)
            factors = builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), lanes)
            builder.store(builder.fadd(builder.load(total), builder.fmul(factors, entries)), total)
        target = builder.bitcast(builder.gep(y, [place]), vector.as_pointer())
        builder.store(builder.load(total), target, align=size)
        return context.get_dummy_value()

    return signature, generate
