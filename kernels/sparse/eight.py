"""One row of a matrix times up to eight neighbouring columns: their sums stay in one vector register.

The compiler does not find this by itself: Numba leaves LLVM's vectorizer of straight-line code off, and of the loop
over eight columns it cannot know that source and target are apart. Every column is summed in stored order
from zero, multiplication and addition rounded apart, as SciPy does it. Of fewer than eight columns the other lanes
are masked: neither read nor written. A result that is too large for the caches is written past them, so that its
lines are not read first.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fsci.kernels.sparse.prefetch import STREAM_AHEAD

__all__ = ["row_times_eight", "row_times_some", "written"]

_LANES = 8
# Entries between a prefetch and its use. Each is a line or two: many of them fill the first-level cache, few come late.
_AHEAD = 128
_WORD, _BYTE, _BIT = ir.IntType(32), ir.IntType(8), ir.IntType(1)


def _masked(builder: Any, vector: Any, size: int, count: Any) -> tuple[Any, Any]:
    """Load and store of the first `count` lanes at an address."""
    lanes = ir.Constant(ir.VectorType(_WORD, _LANES), list(range(_LANES)))
    mask = builder.icmp_unsigned("<", lanes, _all_lanes(builder, builder.trunc(count, _WORD)))
    pointer, masks = vector.as_pointer(), ir.VectorType(_BIT, _LANES)
    kind = f"v{_LANES}f{8 * size}.p0v{_LANES}f{8 * size}"
    load_type = ir.FunctionType(vector, [pointer, _WORD, masks, vector])
    load = cgutils.get_or_insert_function(builder.module, load_type, f"llvm.masked.load.{kind}")
    store_type = ir.FunctionType(ir.VoidType(), [vector, pointer, _WORD, masks])
    store = cgutils.get_or_insert_function(builder.module, store_type, f"llvm.masked.store.{kind}")
    align, nothing = ir.Constant(_WORD, size), ir.Constant(vector, [0.0] * _LANES)
    return (
        lambda place: builder.call(load, [place, align, mask, nothing]),
        lambda value, place: builder.call(store, [value, place, align, mask]),
    )


def _all_lanes(builder: Any, value: Any) -> Any:
    kind = ir.VectorType(value.type, _LANES)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(_WORD, 0))
    zeros = ir.Constant(ir.VectorType(_WORD, _LANES), [0] * _LANES)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), zeros)


def _past_caches(builder: Any, value: Any, place: Any, size: int) -> None:
    """Store all lanes without a look at the caches, in pieces of the 16 bytes that NumPy aligns arrays to."""
    count = 16 // size
    piece = ir.VectorType(value.type.element, count)
    flag = builder.module.add_metadata([ir.Constant(_WORD, 1)])
    for first in range(0, _LANES, count):
        lanes = ir.Constant(ir.VectorType(_WORD, count), list(range(first, first + count)))
        part = builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), lanes)
        address = builder.bitcast(builder.gep(place, [ir.Constant(_WORD, first)]), piece.as_pointer())
        builder.store(part, address, align=16).set_metadata("nontemporal", flag)


def _generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    arrays = [
        context.make_array(kind)(context, builder, value)
        for kind, value in zip(signature.args[:4], values[:4], strict=True)
    ]
    data, indices, x, y = (array.data for array in arrays)
    begin, end, stored, columns, first, place, last = values[4:]
    partly = signature.args[-1] is not types.boolean
    scalar = data.type.pointee
    vector = ir.VectorType(scalar, _LANES)
    size = 8 if isinstance(scalar, ir.DoubleType) else 4
    if partly:
        load, store = _masked(builder, vector, size, last)
    else:
        load = lambda place: builder.load(place, align=size)  # noqa: E731
        store = lambda value, place: builder.store(value, place, align=size)  # noqa: E731
    total = cgutils.alloca_once(builder, vector)
    builder.store(ir.Constant(vector, [0.0] * _LANES), total)
    fetch_type = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _WORD, _WORD, _WORD])
    fetch = cgutils.get_or_insert_function(builder.module, fetch_type, "llvm.prefetch.p0i8")

    def ask(address: Any, *offsets: int) -> None:
        line = builder.bitcast(address, _BYTE.as_pointer())
        for offset in offsets:
            read_keep_data = (ir.Constant(_WORD, v) for v in (0, 3, 1))
            builder.call(fetch, [builder.gep(line, [ir.Constant(_WORD, offset)]), *read_keep_data])

    def entries_of(k: Any) -> Any:
        index = builder.load(builder.gep(indices, [k]))
        row = index if index.type == columns.type else builder.zext(index, columns.type)
        return builder.gep(x, [builder.add(builder.mul(row, columns), first)])

    for array, distance in ((data, STREAM_AHEAD), (indices, 2 * STREAM_AHEAD)):
        ask(builder.gep(array, [builder.add(begin, ir.Constant(begin.type, distance))]), 0)
    with cgutils.for_range_slice(builder, begin, end, ir.Constant(end.type, 1)) as (k, _):
        factors = _all_lanes(builder, builder.load(builder.gep(data, [k])))
        ahead = builder.add(k, ir.Constant(end.type, _AHEAD))
        ahead = builder.select(builder.icmp_unsigned("<", ahead, stored), ahead, k)
        ask(entries_of(ahead), 0, _LANES * size - 1)
        entries = load(builder.bitcast(entries_of(k), vector.as_pointer()))
        builder.store(builder.fadd(builder.load(total), builder.fmul(factors, entries)), total)
    target = builder.gep(y, [place])
    if partly:
        store(builder.load(total), builder.bitcast(target, vector.as_pointer()))
    else:
        with builder.if_else(builder.trunc(last, _BIT)) as (past, through):
            with past:
                _past_caches(builder, builder.load(total), target, size)
            with through:
                store(builder.load(total), builder.bitcast(target, vector.as_pointer()))
    return context.get_dummy_value()


def _typed(arrays: tuple[Any, ...], last: Any) -> Any:
    return types.void(*arrays, *[types.uint64] * 6, last) if isinstance(arrays[0].dtype, types.Float) else None


@intrinsic
def row_times_eight(
    typing_context: Any,
    data: Any,
    indices: Any,
    x: Any,
    y: Any,
    begin: Any,
    end: Any,
    stored: Any,
    columns: Any,
    first: Any,
    place: Any,
    past: Any,
) -> Any:
    """Set y[place : place + 8] = sum over k of data[k] x[indices[k], first : first + 8]; x and y in C order.

    With `past` the result is written past the caches; `place` then lies on a multiple of 16 bytes, and `written`
    must follow before another thread may read it.

    Rows of x some entries ahead, within `stored`, are prefetched: eight doubles lie in two cache lines, as NumPy
    aligns arrays.
    """
    del typing_context, begin, end, stored, columns, first, place, past
    signature = _typed((data, indices, x, y), types.boolean)
    return signature and (signature, _generate)


@intrinsic
def row_times_some(
    typing_context: Any,
    data: Any,
    indices: Any,
    x: Any,
    y: Any,
    begin: Any,
    end: Any,
    stored: Any,
    columns: Any,
    first: Any,
    place: Any,
    count: Any,
) -> Any:
    """As `row_times_eight` for `count` columns, at most eight."""
    del typing_context, begin, end, stored, columns, first, place, count
    signature = _typed((data, indices, x, y), types.uint64)
    return signature and (signature, _generate)


@intrinsic
def written(typing_context: Any) -> Any:
    """Wait until what was written past the caches can be read by all."""
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        del signature, values
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate
