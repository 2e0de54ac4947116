"""Plain pointers for compiled loops, and powers of eight numbers at once.

An array passed on, and its ``.ctypes`` too, is a reference counted, atomically: a quarter of the time of a small step.
A pointer is a number. Whoever takes one must keep the array alive: take pointers only of arguments, never of arrays
made in the same function, which would be freed after their last use by name.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fsci.kernels.jit import jit
from fsci.kernels.lanes import WIDTH, fma, lanes, select_greater, splat

__all__ = ["address", "load_at", "power", "shifted", "store_at"]

_INTEGER = ir.IntType(64)
_INTEGERS = ir.VectorType(_INTEGER, WIDTH)
_REALS = ir.VectorType(ir.DoubleType(), WIDTH)
_BIAS, _FRACTION = 1023, 52


@intrinsic
def address(typingctx: Any, array: Any) -> Any:
    """Where the numbers of a contiguous array begin."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), codegen


@intrinsic
def shifted(typingctx: Any, pointer: Any, count: Any) -> Any:
    """The pointer to `count` numbers further on."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.intp), codegen


@intrinsic
def load_at(typingctx: Any, pointer: Any, offset: Any) -> Any:
    """Eight numbers from `offset` on."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = builder.load(builder.bitcast(builder.gep(args[0], [args[1]]), _REALS.as_pointer()))
        value.align = 8
        return value

    return lanes(pointer, types.intp), codegen


@intrinsic
def store_at(typingctx: Any, pointer: Any, offset: Any, value: Any) -> Any:
    """Write eight numbers from `offset` on."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.bitcast(builder.gep(args[0], [args[1]]), _REALS.as_pointer())
        written = builder.store(args[2], place)
        written.align = 8
        return context.get_dummy_value()

    return types.void(pointer, types.intp, lanes), codegen


def _all(number: int) -> Any:
    return ir.Constant(_INTEGERS, [number] * WIDTH)


@intrinsic
def _exponent(typingctx: Any, x: Any) -> Any:
    """The binary exponent of a number that is not negative."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.lshr(builder.bitcast(args[0], _INTEGERS), _all(_FRACTION))
        return builder.sitofp(builder.sub(bits, _all(_BIAS)), _REALS)

    return lanes(lanes), codegen


@intrinsic
def _mantissa(typingctx: Any, x: Any) -> Any:
    """The number between 1 and 2 that, times a power of two, is `x`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.and_(builder.bitcast(args[0], _INTEGERS), _all((1 << _FRACTION) - 1))
        return builder.bitcast(builder.or_(bits, _all(_BIAS << _FRACTION)), _REALS)

    return lanes(lanes), codegen


@intrinsic
def _two_to(typingctx: Any, k: Any) -> Any:
    """Two to the power of whole numbers between -1022 and 1023."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        whole = builder.add(builder.fptosi(args[0], _INTEGERS), _all(_BIAS))
        return builder.bitcast(builder.shl(whole, _all(_FRACTION)), _REALS)

    return lanes(lanes), codegen


@intrinsic
def _nearest(typingctx: Any, x: Any) -> Any:
    """The nearest whole number."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_REALS, [_REALS])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.rint.v{WIDTH}f64"), args)

    return lanes(lanes), codegen


# 2 / ((2 k + 1) ln 2), of log2((1 + s) / (1 - s)); and ln(2)^k / k!, of 2^f.
_LOG = tuple(2.0 / ((2 * k + 1) * 0.6931471805599453) for k in range(10))
_EXP = (
    1.0, 0.6931471805599453, 0.24022650695910072, 0.05550410866482158, 0.009618129107628477, 0.0013333558146428443,
    0.0001540353039338161, 1.525273380405984e-05, 1.3215486790144305e-06, 1.0178086009239699e-07, 7.05491162080112e-09,
    4.4455382718708115e-10, 2.567843599348820e-11, 1.369148885390412e-12,
)  # fmt: skip


@jit(inline=True)
def power(x, exponent):  # type: ignore[no-untyped-def]
    """``x ** exponent`` for `x` that are not negative, to a few roundings; infinite and NaN `x` count as 2 ** 1024.

    The product of `exponent` and the logarithm must stay within 1022: exponents below one.
    """
    m, e = _mantissa(x), _exponent(x)
    large = splat(1.4142135623730951)
    e = select_greater(m, large, e + splat(1.0), e)
    m = select_greater(m, large, m * splat(0.5), m)
    s = (m - splat(1.0)) / (m + splat(1.0))
    square = s * s
    series = splat(_LOG[9])
    for k in range(8, -1, -1):
        series = fma(series, square, splat(_LOG[k]))
    t = fma(s, series, e) * exponent
    whole = _nearest(t)
    f = t - whole
    series = splat(_EXP[13])
    for k in range(12, -1, -1):
        series = fma(series, f, splat(_EXP[k]))
    return series * _two_to(whole)
