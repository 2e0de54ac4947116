"""Eight float64 numbers as one value of compiled code: a SIMD register, or as many as the machine needs.

LLVM vectorizes a loop only if it can prove that nothing overlaps, and leaves short
remainders to scalar code; matrices of order 3 to 100 are nothing but remainders. A
``Lanes`` value is an LLVM vector, so one source line is one instruction with AVX-512,
two with AVX2, four with SSE2 or NEON. Arithmetic is plain IEEE, with fused multiply-add.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, ClassVar

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

__all__ = [
    "WIDTH", "all_lanes", "fma", "fnma", "largest", "load", "magnitude", "maximum", "padded", "select_greater", "splat",
    "store", "total",
]  # fmt: skip

WIDTH = 8

_DOUBLE = ir.DoubleType()
_VECTOR = ir.VectorType(_DOUBLE, WIDTH)
_INDEX = ir.IntType(32)


class Lanes(types.Type):
    """Numba type of eight float64."""

    def __init__(self) -> None:
        super().__init__(name="Lanes8")


lanes = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Any) -> None:
        super().__init__(manager, fe_type, _VECTOR)


def padded(n):  # type: ignore[no-untyped-def]
    """Smallest multiple of the width that holds `n` (plain Python; compiled code writes it out)."""
    return (n + WIDTH - 1) // WIDTH * WIDTH


def _address(context: Any, builder: Any, array_type: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), _VECTOR.as_pointer())


@intrinsic
def load(typingctx: Any, array: Any, offset: Any) -> Any:
    """Eight numbers of a contiguous float64 array from `offset` on."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = builder.load(_address(context, builder, signature.args[0], *args))
        value.align = 8
        return value

    return lanes(array, types.intp), codegen


@intrinsic
def store(typingctx: Any, array: Any, offset: Any, value: Any) -> Any:
    """Write eight numbers to a contiguous float64 array from `offset` on."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        written = builder.store(args[2], _address(context, builder, signature.args[0], args[0], args[1]))
        written.align = 8
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), codegen


@intrinsic
def splat(typingctx: Any, number: Any) -> Any:
    """One number in all eight lanes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), args[0], ir.Constant(_INDEX, 0))
        mask = ir.Constant(ir.VectorType(_INDEX, WIDTH), [0] * WIDTH)
        return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), mask)

    return lanes(types.float64), codegen


def _called(builder: Any, name: str, *args: Any) -> Any:
    function_type = ir.FunctionType(_VECTOR, [_VECTOR] * len(args))
    function = cgutils.get_or_insert_function(builder.module, function_type, f"{name}.v{WIDTH}f64")
    return builder.call(function, list(args))


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _called(builder, "llvm.fma", *args)

    return lanes(lanes, lanes, lanes), codegen


@intrinsic
def fnma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """``c - a * b``, rounded once."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _called(builder, "llvm.fma", builder.fneg(args[0]), args[1], args[2])

    return lanes(lanes, lanes, lanes), codegen


@intrinsic
def magnitude(typingctx: Any, a: Any) -> Any:
    """Absolute value in each lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _called(builder, "llvm.fabs", args[0])

    return lanes(lanes), codegen


def _greater(builder: Any, a: Any, b: Any) -> Any:
    return builder.fcmp_ordered(">", a, b)


@intrinsic
def maximum(typingctx: Any, a: Any, b: Any) -> Any:
    """The larger in each lane; `b` where one of them is NaN."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(_greater(builder, *args), *args)

    return lanes(lanes, lanes), codegen


@intrinsic
def select_greater(typingctx: Any, a: Any, b: Any, yes: Any, no: Any) -> Any:
    """`yes` in the lanes where ``a > b``, `no` elsewhere."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(_greater(builder, args[0], args[1]), args[2], args[3])

    return lanes(lanes, lanes, lanes, lanes), codegen


def _folded(builder: Any, value: Any, combine: Callable[[Any, Any], Any]) -> Any:
    """Combine the lanes by halves; a fixed order, whatever the machine."""
    for half in (4, 2, 1):
        lower = [i if i < half else 0 for i in range(WIDTH)]
        upper = [i + half if i < half else 0 for i in range(WIDTH)]
        kind = ir.VectorType(_INDEX, WIDTH)
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        low = builder.shuffle_vector(value, undefined, ir.Constant(kind, lower))
        high = builder.shuffle_vector(value, undefined, ir.Constant(kind, upper))
        value = combine(low, high)
    return builder.extract_element(value, ir.Constant(_INDEX, 0))


@intrinsic
def total(typingctx: Any, a: Any) -> Any:
    """Sum of the lanes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _folded(builder, args[0], builder.fadd)

    return types.float64(lanes), codegen


@intrinsic
def largest(typingctx: Any, a: Any) -> Any:
    """Maximum of the lanes, none of them NaN."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _folded(builder, args[0], lambda x, y: builder.select(_greater(builder, x, y), x, y))

    return types.float64(lanes), codegen


@intrinsic
def all_lanes(typingctx: Any, a: Any, b: Any) -> Any:
    """Whether ``a > b`` in every lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.bitcast(_greater(builder, *args), ir.IntType(WIDTH))
        return builder.icmp_unsigned("==", bits, ir.Constant(ir.IntType(WIDTH), 2**WIDTH - 1))

    return types.boolean(lanes, lanes), codegen


def _operator(symbol: Any, instruction: str) -> None:
    class Typed(ConcreteTemplate):
        cases: ClassVar[list[Any]] = [signature(lanes, lanes, lanes)]

    infer_global(symbol)(Typed)

    @lower_builtin(symbol, Lanes, Lanes)
    def combined(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return getattr(builder, instruction)(*args)


_operator(operator.add, "fadd")
_operator(operator.sub, "fsub")
_operator(operator.mul, "fmul")
_operator(operator.truediv, "fdiv")
