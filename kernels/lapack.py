"""SciPy's BLAS and LAPACK inside compiled kernels: one library, one thread pool.

``getrf(a.ctypes, ...)`` in compiled code: `routine` binds a LAPACK name for
the four dtypes, and the dtype of its marker argument picks s, d, c or z. Symbols are
bound by name when this module is imported, so that kernels which call them can be
cached on disk. Matrices are Fortran-ordered, as LAPACK has them: the memory of a
C-ordered array is its transpose.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
import numba
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic, overload
from numba.types import CPointer, ExternalFunction, int8, int32, void
from scipy.linalg import cython_blas, cython_lapack  # noqa: F401  (their C addresses are looked up by name)

__all__ = ["byref", "deref", "gemm", "gemv", "getrf", "getrs", "letter", "routine"]

_PREFIX = {numba.float32: "s", numba.float64: "d", numba.complex64: "c", numba.complex128: "z"}
_REAL = {
    numba.float32: numba.float32,
    numba.float64: numba.float64,
    numba.complex64: numba.float32,
    numba.complex128: numba.float64,
}


@intrinsic
def byref(typingctx: Any, value: Any) -> Any:
    """Pointer to a stack slot that holds `value`: Fortran takes scalars by reference."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return cgutils.alloca_once_value(builder, args[0])

    return CPointer(value)(value), codegen


@intrinsic
def deref(typingctx: Any, pointer: Any) -> Any:
    """Value behind a pointer of `byref`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(args[0])

    return pointer.dtype(pointer), codegen


def letter(character: str) -> int8:
    """Fortran character argument, as a module constant for compiled code."""
    return int8(ord(character))


def _external(name: str, dtype: Any, arguments: str) -> ExternalFunction:
    prefixed = _PREFIX[dtype] + name
    for module in ("scipy.linalg.cython_lapack", "scipy.linalg.cython_blas"):
        try:
            address = get_cython_function_address(module, prefixed)
        except ValueError:
            continue
        llvmlite.binding.add_symbol(f"fsci_{prefixed}", address)
        pointee = {"c": int8, "i": int32, "x": dtype, "r": _REAL[dtype]}
        return ExternalFunction(f"fsci_{prefixed}", void(*(CPointer(pointee[a]) for a in arguments)))
    raise LookupError(f"SciPy has no {prefixed}")


def routine(name: str, arguments: str, dtypes: str = "sdcz") -> Any:
    """A LAPACK or BLAS routine for compiled code.

    Parameters
    ----------
    name : str
        Without its type letter: ``"getrf"``.
    arguments : str
        One letter an argument: ``c`` character, ``i`` integer, ``x`` of the working dtype,
        ``r`` of its real type. The compiled function takes these pointers (`byref` for
        scalars, ``array.ctypes`` for arrays) after one array that only tells the dtype.
    dtypes : str
        Type letters that exist.
    """
    externals = {t: _external(name, t, arguments) for t, p in _PREFIX.items() if p in dtypes}
    names = [f"p{i}" for i in range(len(arguments))]
    text = (
        f"def stub(marker, {', '.join(names)}):\n    raise NotImplementedError\n"
        f"def typed(marker, {', '.join(names)}):\n"
        f"    function = externals.get(getattr(marker, 'dtype', None))\n"
        f"    if function is None:\n        return None\n"
        f"    def call(marker, {', '.join(names)}):\n        function({', '.join(names)})\n"
        f"    return call\n"
    )
    space: dict[str, Any] = {"externals": externals}
    exec(text, space)  # noqa: S102  (numba needs functions of the exact arity)
    overload(space["stub"], inline="never")(space["typed"])
    return space["stub"]


getrf = routine("getrf", "iixiii")  # m n a lda ipiv info
getrs = routine("getrs", "ciixiixii")  # trans n nrhs a lda ipiv b ldb info
gemv = routine("gemv", "ciixxixixxi")  # trans m n alpha a lda x incx beta y incy
gemm = routine("gemm", "cciiixxixixxi")  # transa transb m n k alpha a lda b ldb beta c ldc
