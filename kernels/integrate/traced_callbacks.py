"""Plain callbacks written down as straight arithmetic, by calling them once with symbols in place of numbers.

Most right-hand sides are a few sums and products. What such a function does to symbols is all that it does: it becomes
machine code in milliseconds, where a compiler of Python takes hundreds. A function that compares, branches on or
converts what it is given cannot be written down so, nor one that reads what may change or is no number, array,
function of NumPy's or `math`'s, or plain function itself. Importing this imports no Numba.
"""

from __future__ import annotations

import builtins
import ctypes
import dis
import math
import types
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

__all__ = ["Trace", "called_from_python", "captured", "machine_code", "trace", "written"]

# Operations that are written down at most; a longer function is for a compiler of loops.
_MOST, _MOST_EQUATIONS = 8192, 256

_UNARY = frozenset(
    {
        "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "cos", "cosh", "exp", "exp2", "expm1",
        "fabs", "log", "log10", "log1p", "log2", "sin", "sinh", "sqrt", "tan", "tanh",
    }
)  # fmt: skip
_C_NAMES = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
}  # fmt: skip
_BINARY = {"arctan2": "atan2", "hypot": "hypot"}
_MATH = {
    **{name: name for name in _UNARY}, **{short: long for long, short in _C_NAMES.items()}, "atan2": "arctan2",
    "hypot": "hypot", "pow": "power",
}  # fmt: skip
_BUILTINS = frozenset({"abs", "enumerate", "len", "list", "pow", "range", "reversed", "sum", "tuple", "zip"})
_FORBIDDEN = frozenset({"random", "time", "now", "today", "load", "loadtxt", "fromfile", "memmap", "ctypes", "tofile"})
_MAKERS = frozenset({"array", "asarray", "empty", "empty_like", "ones", "ones_like", "zeros", "zeros_like"})
_WRITES = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "STORE_ATTR", "DELETE_ATTR", "IMPORT_NAME"})

_WHOLE = (int, np.integer)

# What a function does that cannot be written down, or that fails by itself.
_ERRORS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class Symbol:
    """A number that is not known yet; arithmetic with it is written down."""

    __slots__ = ("_book", "place")

    def __init__(self, book: _Book, place: int) -> None:
        self._book, self.place = book, place

    def __add__(self, other: Any) -> Any:
        return self._book.write("fadd", self, other)

    def __radd__(self, other: Any) -> Any:
        return self._book.write("fadd", other, self)

    def __sub__(self, other: Any) -> Any:
        return self._book.write("fsub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._book.write("fsub", other, self)

    def __mul__(self, other: Any) -> Any:
        return self._book.write("fmul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._book.write("fmul", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self._book.write("fdiv", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._book.write("fdiv", other, self)

    def __pow__(self, other: Any) -> Any:
        if isinstance(other, (int, float)) and other == 2:
            return self._book.write("fmul", self, self)
        return self._book.write("pow", self, other)

    def __rpow__(self, other: Any) -> Any:
        return self._book.write("pow", other, self)

    def __neg__(self) -> Any:
        return self._book.write("fneg", self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self._book.write("fabs", self)

    def square(self) -> Any:
        """What `np.square` calls."""
        return self._book.write("fmul", self, self)

    def __getattr__(self, name: str) -> Any:
        # NumPy's functions call the methods of their names on what is no number.
        if name in _UNARY:
            return lambda: self._book.write(_C_NAMES.get(name, name), self)
        if name in _BINARY:
            return lambda other: self._book.write(_BINARY[name], self, other)
        raise AttributeError(name)

    def _refuse(self, *_: Any) -> Any:
        raise TypeError("the value of a symbol is not known")

    __bool__ = __float__ = __int__ = __index__ = __complex__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __hash__ = None  # type: ignore[assignment]


class _Book:
    """Operations in order, each once: ``(name, places or value)``."""

    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []
        self._known: dict[tuple[Any, ...], int] = {}

    def place(self, *line: Any) -> int:
        """Where the operation stands; it is written if it is new."""
        if line not in self._known:
            if len(self.lines) >= _MOST:
                raise RuntimeError("too long to be written down")
            self._known[line] = len(self.lines)
            self.lines.append(line)
        return self._known[line]

    def of(self, value: Any) -> int:
        """The place of a symbol, or of a number."""
        if isinstance(value, Symbol):
            if value._book is not self:
                raise ValueError("a symbol of another call")
            return value.place
        if isinstance(value, (bool, int, float, np.integer, np.floating)) and not isinstance(value, np.longdouble):
            return self.place("number", float(value).hex())
        raise TypeError("neither a number nor a symbol")

    def write(self, name: str, *operands: Any) -> Any:
        """The result of an operation; arrays are for NumPy to take apart."""
        if any(isinstance(operand, np.ndarray) for operand in operands):
            return NotImplemented
        return Symbol(self, self.place(name, *(self.of(operand) for operand in operands)))

    def vector(self, name: str, start: int, count: int) -> Any:
        """`count` inputs as an array."""
        made = np.empty(count, dtype=object)
        for i in range(count):
            made[i] = Symbol(self, self.place(name, start + i))
        return made


class Trace:
    """A function as operations.

    Attributes
    ----------
    lines : list of tuple
    results : list of int
        The operations that give the derivatives.
    code : object
        What was made of it; None before.
    """

    def __init__(self, lines: list[tuple[Any, ...]], results: list[int]) -> None:
        self.lines, self.results = lines, results
        self.code: Any = None


def captured(function: types.FunctionType) -> tuple[Any, ...]:
    """What the function reads from outside, as values: code made with others must not be used again."""
    seen: list[Any] = []
    for value in _outside(function):
        if isinstance(value, np.ndarray):
            seen.append((value.shape, value.dtype.str, value.tobytes()))
        elif isinstance(value, (int, float, complex, str, bool, type(None))):
            seen.append((type(value), value))
        elif isinstance(value, types.FunctionType):
            seen.append((value.__code__, captured(value)) if value is not function else None)
        else:
            seen.append(id(value))
    return tuple(seen)


def _outside(function: types.FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a name that has no value yet
            yield None
    for name in function.__code__.co_names:
        if name in function.__globals__:
            yield function.__globals__[name]
    yield from function.__defaults__ or ()


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _is_open(function: types.FunctionType, seen: set[int]) -> bool:
    """Whether nothing but its arguments and constants can matter to what the function gives."""
    if id(function) in seen:
        return True
    seen.add(id(function))
    for code in _codes(function.__code__):
        names = set(code.co_names)
        if names & _FORBIDDEN or (names & vars(builtins).keys()) - _BUILTINS - function.__globals__.keys():
            return False
        if any(instruction.opname in _WRITES for instruction in dis.get_instructions(code)):
            return False
        if code is not function.__code__ and names & function.__globals__.keys() - function.__code__.co_names:
            return False  # read by an inner function only, where `captured` does not look
    return not function.__kwdefaults__ and all(_is_constant(value, seen) for value in _outside(function))


def _is_constant(value: Any, seen: set[int]) -> bool:
    if isinstance(value, types.FunctionType):
        return (value.__module__ or "").partition(".")[0] == "numpy" or _is_open(value, seen)
    if isinstance(value, types.BuiltinFunctionType):
        return value.__module__ in ("math", "numpy", "builtins")
    if isinstance(value, np.ndarray):
        return type(value) is np.ndarray and value.dtype.kind in "fiu"
    if isinstance(value, tuple):
        return all(isinstance(item, (int, float)) for item in value)
    return value is np or value is math or isinstance(value, (int, float, np.ufunc, np.floating, np.integer))


class _SymbolicMath:
    """The module `math` for symbols: NumPy's functions."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, _MATH[name]) if name in _MATH else getattr(math, name)


class _SymbolicNumpy:
    """NumPy for symbols: new arrays hold objects."""

    def __getattr__(self, name: str) -> Any:
        return partial(_of_objects, getattr(np, name)) if name in _MAKERS else getattr(np, name)


def _of_objects(make: Callable[..., Any], what: Any, dtype: Any = float) -> Any:
    if dtype not in (None, float, np.float64):
        raise TypeError("an array of other numbers")
    return make(what, dtype=object)


def _symbolic(value: Any, done: dict[int, Any]) -> Any:
    """`value` as a function of symbols can use it."""
    if value is math:
        return _SymbolicMath()
    if value is np:
        return _SymbolicNumpy()
    if isinstance(value, types.BuiltinFunctionType) and value.__module__ == "math":
        return getattr(np, _MATH[value.__name__]) if value.__name__ in _MATH else value
    if isinstance(value, types.FunctionType) and (value.__module__ or "").partition(".")[0] != "numpy":
        if id(value) not in done:
            cells = tuple(types.CellType() for _ in value.__closure__ or ())
            made = types.FunctionType(value.__code__, {}, value.__name__, value.__defaults__, cells)
            done[id(value)] = made
            for name in value.__code__.co_names:
                if name in value.__globals__:
                    made.__globals__[name] = _symbolic(value.__globals__[name], done)
            for cell, given in zip(cells, value.__closure__ or (), strict=True):
                cell.cell_contents = _symbolic(given.cell_contents, done)
        return done[id(value)]
    return value


def written(function: types.FunctionType, n: int, args: tuple[Any, ...]) -> Trace | None:
    """What ``function(t, y, *args)`` does, for `n` equations; None where it cannot be written down.

    Parameters
    ----------
    function : Python function
    n : int
    args : tuple
        Numbers and float64 vectors; floats and vectors stay open, integers are constants.
    """
    if n > _MOST_EQUATIONS or function.__code__.co_flags & 0x2A0 or not _is_open(function, set()):
        return None  # generators and coroutines are none
    book, before = _Book(), captured(function)
    given: list[Any] = []
    at = 0
    for arg in args:
        if isinstance(arg, np.ndarray):
            given.append(book.vector("p", at, arg.size))
            at += arg.size
        else:
            given.append(arg if isinstance(arg, _WHOLE) else Symbol(book, book.place("p", at)))
            at += 1
    try:
        found: Any = np.asarray(
            _symbolic(function, {})(Symbol(book, book.place("t", 0)), book.vector("y", 0, n), *given)
        )
        if found.dtype == object:
            found = found.reshape(n) if found.shape in ((n,), (() if n == 1 else (n,))) else None
        elif found.dtype.kind not in "fiu" or found.shape != (n,):
            found = None
        results = None if found is None else [book.of(value) for value in found.tolist()]
    except _ERRORS:
        return None
    # A function that changes what it reads is no function.
    return None if results is None or captured(function) != before else Trace(book.lines, results)


_known: WeakKeyDictionary[Any, dict[Any, Trace | None]] = WeakKeyDictionary()


def trace(function: Any, n: int, args: tuple[Any, ...]) -> Trace | None:
    """`written`, once for each function, size and kind of arguments."""
    if type(function) is not types.FunctionType:
        return None
    shape = tuple(
        ("vector", arg.size) if isinstance(arg, np.ndarray) else (type(arg), arg if isinstance(arg, _WHOLE) else None)
        for arg in args
    )
    known, key = _known.setdefault(function, {}), (n, shape, captured(function))
    if key not in known:
        known[key] = written(function, n, args)
    return known[key]


def machine_code(found: Trace) -> tuple[int, Any]:
    """The address of ``int64 rhs(t, *y, *out, *p)``, and what must be kept alive as long as it is called.

    Raises
    ------
    RuntimeError
        Where a function of C's library is missing.
    """
    from llvmlite import binding, ir  # here: they come with Numba, which a short solve does not import

    real, whole = ir.DoubleType(), ir.IntType(64)
    module = ir.Module()
    pointer = real.as_pointer()
    function = ir.Function(module, ir.FunctionType(whole, [real, pointer, pointer, pointer]), "rhs")
    t, y, out, p = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    vectors, outer = {"y": y, "p": p}, {}
    inner: dict[str, Callable[..., Any]] = {
        name: getattr(builder, name) for name in ("fadd", "fsub", "fmul", "fdiv", "fneg")
    }
    values: list[Any] = []
    for name, *rest in found.lines:
        if name == "t":
            values.append(t)
        elif name in vectors:
            values.append(builder.load(builder.gep(vectors[name], [ir.Constant(whole, rest[0])])))
        elif name == "number":
            values.append(ir.Constant(real, float.fromhex(rest[0])))
        elif name in inner:
            values.append(inner[name](*(values[place] for place in rest)))
        else:
            if name not in outer:
                if name not in ("sqrt", "fabs") and binding.address_of_symbol(name) is None:
                    raise RuntimeError(f"no function {name!r} in C's library")
                called = f"llvm.{name}.f64" if name in ("sqrt", "fabs") else name
                outer[name] = ir.Function(module, ir.FunctionType(real, [real] * len(rest)), called)
            values.append(builder.call(outer[name], [values[place] for place in rest]))
    for i, place in enumerate(found.results):
        builder.store(values[place], builder.gep(out, [ir.Constant(whole, i)]))
    builder.ret(ir.Constant(whole, 0))
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten(), opt=2, jit=True
    )
    engine = binding.create_mcjit_compiler(binding.parse_assembly(str(module)), machine)
    engine.finalize_object()
    return engine.get_function_address("rhs"), engine


def called_from_python(address: int) -> Any:
    """The code at `address` as a function of `ctypes`."""
    vector = ctypes.POINTER(ctypes.c_double)
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_double, vector, vector, vector)(address)
