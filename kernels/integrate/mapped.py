"""A jitted integrand at many points: one compiled loop, whatever function it calls, by its address.

A call from Python costs 150 ns, one from C what the function costs. So a certificate of a jitted integrand can afford
many times the samples.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fsci.kernels.integrate.scalar_callbacks import RAISED, adapter_of
from fsci.kernels.jit import jit

__all__ = ["mapped"]

_DOUBLE, _VECTOR = ir.DoubleType(), ir.DoubleType().as_pointer()


@intrinsic
def _alone(typingctx: Any, function: Any, x: Any) -> Any:
    """Call ``double (double)`` at an address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_DOUBLE, [_DOUBLE])
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])

    return types.float64(types.int64, types.float64), codegen


@intrinsic
def _with_arguments(typingctx: Any, function: Any, count: Any, vector: Any) -> Any:
    """Call ``double (int, double *)`` at an address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_DOUBLE, [ir.IntType(32), _VECTOR])
        number = builder.trunc(args[1], ir.IntType(32))
        data = context.make_array(signature.args[2])(context, builder, args[2]).data
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), [number, data])

    return types.float64(types.int64, types.int64, vector), codegen


_ARRAY = numba.float64[::1]


@jit([numba.void(numba.int64, _ARRAY, _ARRAY, _ARRAY)])
def _map(function, vector, x, out):  # type: ignore[no-untyped-def]
    """Write function(x) into `out`; `vector` holds the extra arguments from its second place on."""
    count = vector.shape[0]
    for i in range(x.shape[0]):
        if count == 1:
            out[i] = _alone(function, x[i])
        else:
            vector[0] = x[i]
            out[i] = _with_arguments(function, count, vector)


def mapped(function: Any, args: tuple[Any, ...], part: str = "") -> Any:
    """``x -> values`` for arrays; None where `function` does not compile. The mapping gives None where it raised."""
    adapter = adapter_of(function, args, part)
    if adapter is None:
        return None
    address = adapter.code.address
    vector = np.array([0.0, *args])

    def values(x: Any) -> Any:
        points, found, before = np.ascontiguousarray(x.ravel()), np.empty(x.size), RAISED.value
        _map(address, vector.copy(), points, found)
        # What was raised must be known point by point: interpreted.
        return found.reshape(x.shape) if before == RAISED.value else None

    return values
