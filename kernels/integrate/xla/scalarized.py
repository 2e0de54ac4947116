"""A traced JAX function of few numbers, written out as scalar assignments that Numba compiles.

Compiled loops call machine code, and XLA's cannot be called without the interpreter (measured: 6 us a call, where the
function written out takes some nanoseconds). So the trace is written out: whatever only moves numbers is done while
writing, what is known is computed then, and each other number becomes one line. In a Jacobian most tangents are
zeros and ones: products with them are left out, and what remains is the sparse derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Untranslatable", "written"]

Array = np.ndarray[Any, np.dtype[Any]]

# Lines beyond which the compiler takes longer than calls of XLA's code would (measured: about 1 ms a line).
_LONGEST = 1500


class Untranslatable(Exception):  # noqa: N818 (no error: the function is then called as XLA compiled it)
    """The trace has a primitive that has no scalar form here, or too many of them."""


# By primitive: what it computes of known numbers, and its text. XLA's maximum and minimum keep NaN.
_ONE: dict[str, tuple[Any, str]] = {
    "neg": (np.negative, "-{0}"), "abs": (np.abs, "abs({0})"), "sign": (np.sign, "np.sign({0})"),
    "floor": (np.floor, "np.floor({0})"), "ceil": (np.ceil, "np.ceil({0})"), "sqrt": (np.sqrt, "np.sqrt({0})"),
    "rsqrt": (lambda x: 1 / np.sqrt(x), "1.0 / np.sqrt({0})"), "cbrt": (np.cbrt, "np.cbrt({0})"),
    "square": (np.square, "{0} * {0}"), "exp": (np.exp, "np.exp({0})"), "exp2": (np.exp2, "2.0 ** {0}"),
    "expm1": (np.expm1, "np.expm1({0})"), "log": (np.log, "np.log({0})"), "log1p": (np.log1p, "np.log1p({0})"),
    "sin": (np.sin, "np.sin({0})"), "cos": (np.cos, "np.cos({0})"), "tan": (np.tan, "np.tan({0})"),
    "asin": (np.arcsin, "np.arcsin({0})"), "acos": (np.arccos, "np.arccos({0})"),
    "atan": (np.arctan, "np.arctan({0})"), "sinh": (np.sinh, "np.sinh({0})"), "cosh": (np.cosh, "np.cosh({0})"),
    "tanh": (np.tanh, "np.tanh({0})"), "asinh": (np.arcsinh, "np.arcsinh({0})"),
    "acosh": (np.arccosh, "np.arccosh({0})"), "atanh": (np.arctanh, "np.arctanh({0})"),
    "logistic": (lambda x: 1 / (1 + np.exp(-x)), "1.0 / (1.0 + np.exp(-{0}))"),
    "not": (np.logical_not, "not {0}"), "is_finite": (np.isfinite, "np.isfinite({0})"),
}  # fmt: skip
_TWO: dict[str, tuple[Any, str]] = {
    "add": (np.add, "{0} + {1}"), "add_any": (np.add, "{0} + {1}"), "sub": (np.subtract, "{0} - {1}"),
    "mul": (np.multiply, "{0} * {1}"), "div": (np.divide, "{0} / {1}"), "pow": (np.power, "{0} ** {1}"),
    "atan2": (np.arctan2, "np.arctan2({0}, {1})"), "rem": (np.fmod, "np.fmod({0}, {1})"),
    "max": (np.maximum, "{0} if {0} > {1} or {0} != {0} else {1}"),
    "min": (np.minimum, "{0} if {0} < {1} or {0} != {0} else {1}"),
    "eq": (np.equal, "{0} == {1}"), "ne": (np.not_equal, "{0} != {1}"), "lt": (np.less, "{0} < {1}"),
    "le": (np.less_equal, "{0} <= {1}"), "gt": (np.greater, "{0} > {1}"), "ge": (np.greater_equal, "{0} >= {1}"),
    "and": (np.logical_and, "{0} and {1}"), "or": (np.logical_or, "{0} or {1}"), "xor": (np.not_equal, "{0} != {1}"),
}  # fmt: skip
_FOLDS = {"reduce_sum": "add", "reduce_prod": "mul", "reduce_max": "max", "reduce_min": "min"}
_RUNNING = {"cumsum": "add", "cumprod": "mul", "cummax": "max", "cummin": "min"}
_CALLS = frozenset({"jit", "pjit", "closed_call", "core_call", "checkpoint", "custom_jvp_call", "custom_vjp_call"})
_MOVED = frozenset({"gather", "dynamic_slice", "dynamic_update_slice", "scatter", "pad"})


def _objects(values: Any) -> Array:
    """An object array of numbers; an entry that is text names a variable."""
    array = np.asarray(values)
    found = np.empty(array.shape, dtype=object)
    for place in np.ndindex(array.shape):
        found[place] = array[place]
    return found


def _is_known(values: Array) -> bool:
    return not any(isinstance(v, str) for v in values.flat)


def _text(value: Any, dtype: Any) -> str:
    if isinstance(value, str):
        return value
    if np.issubdtype(dtype, np.bool_):
        return repr(bool(value))
    if np.issubdtype(dtype, np.integer):
        return repr(int(value))
    number = float(value)
    shown = repr(number) if np.isfinite(number) else {"inf": "np.inf", "-inf": "-np.inf"}.get(repr(number), "np.nan")
    return f"np.float32({shown})" if dtype == np.float32 else (f"({shown})" if number < 0.0 else shown)


class _Writer:
    """Writes one trace.

    Parameters
    ----------
    sparse : bool
        Products with a zero that is known are zeros: for derivatives.
    """

    def __init__(self, sparse: bool) -> None:
        self.lines: list[str] = []
        self._sparse, self._seen = sparse, dict[str, str]()

    def emit(self, text: str, dtype: Any) -> str:
        """The variable that holds what `text` computes."""
        if dtype not in (np.float64, np.float32, np.bool_):
            raise Untranslatable(f"arithmetic of {dtype}")
        whole = f"np.float32({text})" if dtype == np.float32 else text
        if whole not in self._seen:
            if len(self.lines) == _LONGEST:
                raise Untranslatable(f"more than {_LONGEST} operations")
            self._seen[whole] = f"v{len(self.lines)}"
            self.lines.append(f"{self._seen[whole]} = {whole}")
        return self._seen[whole]

    def _entry(self, name: str, dtypes: list[Any], dtype: Any, *values: Any) -> Any:
        """One number of an elementwise primitive."""
        compute, text = (_ONE if len(values) == 1 else _TWO)[name]
        if not any(isinstance(v, str) for v in values):
            with np.errstate(all="ignore"):
                return compute(*(kind.type(v) for v, kind in zip(values, dtypes, strict=True)))
        if len(values) == 2 and (short := self._shortened(name, *values)) is not None:
            return short
        return self.emit(text.format(*(_text(v, kind) for v, kind in zip(values, dtypes, strict=True))), dtype)

    def _shortened(self, name: str, a: Any, b: Any) -> Any:
        """The result where one operand is a known zero or one; None where it must be computed."""

        def equals(value: Any, number: float) -> bool:
            return not isinstance(value, str) and value == number

        if name in ("add", "add_any"):
            return b if equals(a, 0.0) else (a if equals(b, 0.0) else None)
        if name == "sub":
            return a if equals(b, 0.0) else None
        if name == "mul":
            if self._sparse and (equals(a, 0.0) or equals(b, 0.0)):
                return 0.0
            return b if equals(a, 1.0) else (a if equals(b, 1.0) else None)
        if name == "div":
            return 0.0 if self._sparse and equals(a, 0.0) else (a if equals(b, 1.0) else None)
        return None

    def _each(self, name: str, dtypes: list[Any], dtype: Any, *operands: Array) -> Array:
        spread = np.broadcast_arrays(*operands)
        found = np.empty(spread[0].shape, dtype=object)
        for place in np.ndindex(found.shape):
            found[place] = self._entry(name, dtypes, dtype, *(s[place] for s in spread))
        return found

    def _fold(self, name: str, dtype: Any, values: Any) -> Any:
        total = values[0]
        for value in values[1:]:
            total = self._entry(name, [dtype, dtype], dtype, total, value)
        return total

    def _power(self, base: Any, exponent: int, dtype: Any) -> Any:
        """By squaring, as XLA has it."""
        if exponent < 0:
            below = self._power(base, -exponent, dtype)
            return self._entry("div", [dtype, dtype], dtype, dtype.type(1.0), below)
        result: Any = dtype.type(1.0)
        while exponent:
            if exponent & 1:
                result = self._entry("mul", [dtype, dtype], dtype, result, base)
            exponent >>= 1
            if exponent:
                base = self._entry("mul", [dtype, dtype], dtype, base, base)
        return result

    def _convert(self, value: Any, given: Any, wanted: Any) -> Any:
        if not isinstance(value, str):
            return wanted.type(value)
        if given == wanted:
            return value
        if wanted == np.float64:
            return self.emit(f"np.float64({value})", wanted)
        if wanted == np.float32:
            return self.emit(f"{value}", wanted)
        if given == np.bool_:
            return value  # an index of `cond`, which takes it as it is
        raise Untranslatable(f"conversion to {wanted}")

    def _select(self, dtype: Any, which: Any, *cases: Any) -> Any:
        if not isinstance(which, str):
            return cases[int(which)]
        if len(cases) != 2:
            raise Untranslatable("a choice of more than two")
        if isinstance(cases[0], str) and cases[0] == cases[1]:
            return cases[0]
        return self.emit(f"{_text(cases[1], dtype)} if {which} else {_text(cases[0], dtype)}", dtype)

    def _dot(self, left: Array, right: Array, dimensions: Any, dtype: Any) -> Array:
        (lc, rc), (lb, rb) = dimensions
        lf = [i for i in range(left.ndim) if i not in (*lc, *lb)]
        rf = [i for i in range(right.ndim) if i not in (*rc, *rb)]
        batch, rows, columns = ([a.shape[i] for i in d] for a, d in ((left, lb), (left, lf), (right, rf)))
        inner = int(np.prod([left.shape[i] for i in lc], dtype=int))
        a = left.transpose(*lb, *lf, *lc).reshape(*(int(np.prod(d, dtype=int)) for d in (batch, rows)), inner)
        b = right.transpose(*rb, *rf, *rc).reshape(*(int(np.prod(d, dtype=int)) for d in (batch, columns)), inner)
        found = np.empty((a.shape[0], a.shape[1], b.shape[1]), dtype=object)
        for s, i, j in np.ndindex(found.shape):
            terms = [
                self._entry("mul", [dtype, dtype], dtype, x, y) for x, y in zip(a[s, i], b[s, j], strict=True)
            ]  # fmt: skip
            found[s, i, j] = self._fold("add", dtype, terms) if terms else dtype.type(0.0)
        return found.reshape(*batch, *rows, *columns)

    def _scan(self, operands: list[Array], p: dict[str, Any]) -> list[Array]:
        """Unrolled."""
        fixed, carried = p["num_consts"], p["num_consts"] + p["num_carry"]
        constants, carry, rows = operands[:fixed], operands[fixed:carried], operands[carried:]
        made: list[list[Array]] = []
        order = range(p["length"])
        for i in reversed(order) if p["reverse"] else order:
            results = self.run(p["jaxpr"].jaxpr, p["jaxpr"].consts, [*constants, *carry, *(x[i] for x in rows)])
            carry = results[: p["num_carry"]]
            made.append(results[p["num_carry"] :])
        if p["reverse"]:
            made.reverse()
        return carry + [np.stack(parts) for parts in zip(*made, strict=True)]

    def _moved(self, equation: Any, operands: list[Array]) -> list[Array]:
        """What only moves numbers: done to their places, by JAX itself."""
        name, pool, places = equation.primitive.name, list[Any](), list[Any]()
        indices = {"gather": (1,), "dynamic_slice": range(1, 9), "dynamic_update_slice": range(2, 9), "scatter": (1,)}
        for k, (operand, variable) in enumerate(zip(operands, equation.invars, strict=True)):
            if k in indices.get(name, ()):
                if not _is_known(operand):
                    raise Untranslatable(f"{name} at places that are computed")
                places.append(np.array(operand.tolist(), dtype=variable.aval.dtype))
            else:
                places.append(np.arange(len(pool), len(pool) + operand.size, dtype=np.int32).reshape(operand.shape))
                pool.extend(operand.flat)
        chosen = np.asarray(equation.primitive.bind(*places, **equation.params))
        if chosen.min(initial=0) < 0 or chosen.max(initial=0) >= max(len(pool), 1):
            raise Untranslatable(f"{name} beyond the ends")
        found = np.empty(chosen.shape, dtype=object)
        for place in np.ndindex(chosen.shape):
            found[place] = pool[chosen[place]]
        return [found]

    def _added(self, equation: Any, operands: list[Array], dtype: Any) -> list[Array]:
        """Addition at places that are known, one number after the other; JAX says where each goes."""
        start, at, updates = operands
        if not _is_known(at):
            raise Untranslatable("scatter-add at places that are computed")
        places = np.array(at.tolist(), dtype=equation.invars[1].aval.dtype)
        found = start.copy()
        for update in np.ndindex(updates.shape):
            alone, zeros = np.zeros(updates.shape), np.zeros(start.shape)
            alone[update] = 1.0
            hit = np.asarray(equation.primitive.bind(zeros.astype(dtype), places, alone.astype(dtype),
                                                     **equation.params))  # fmt: skip
            for place in zip(*np.nonzero(hit), strict=True):
                found[place] = self._entry("add", [dtype, dtype], dtype, found[place], updates[update])
        return [found]

    def _equation(self, equation: Any, operands: list[Array]) -> list[Array]:
        name, p = equation.primitive.name, equation.params
        dtypes = [np.dtype(v.aval.dtype) for v in equation.invars]
        dtype = np.dtype(equation.outvars[0].aval.dtype)
        if name in _CALLS:
            inner = p.get("jaxpr", p.get("call_jaxpr", p.get("fun_jaxpr")))
            return self.run(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), operands)
        if (move := _MOVES.get(name)) is not None:
            return move(operands, p)
        if name in _ONE or name in _TWO:
            return [self._each(name, dtypes, dtype, *operands)]
        if name in _FOLDS or name in _RUNNING:
            axes = list(p["axes"]) if name in _FOLDS else [p["axis"]]
            rows = np.moveaxis(operands[0], axes, range(-len(axes), 0))
            kept = rows.shape[: rows.ndim - len(axes)]
            return self._along(name, rows.reshape(*kept, -1), p, dtype)
        if name == "integer_pow":
            return [_mapped(lambda v: self._power(v, p["y"], dtype), operands[0])]
        if name == "convert_element_type":
            return [_mapped(lambda v: self._convert(v, dtypes[0], dtype), operands[0])]
        if name == "select_n":
            which, *cases = np.broadcast_arrays(*operands)
            found = np.empty(which.shape, dtype=object)
            for place in np.ndindex(which.shape):
                found[place] = self._select(dtype, which[place], *(c[place] for c in cases))
            return [found]
        if name == "clamp":
            low, value, high = operands
            return [self._each("min", [dtype] * 2, dtype, self._each("max", [dtype] * 2, dtype, value, low), high)]
        if name == "dot_general":
            return [self._dot(operands[0], operands[1], p["dimension_numbers"], dtype)]
        if name == "cond":
            ways = [self.run(b.jaxpr, b.consts, operands[1:]) for b in p["branches"]]
            which, kinds = operands[0].item(), [np.dtype(v.aval.dtype) for v in equation.outvars]
            return [
                _mapped(lambda *c, kind=kind: self._select(kind, which, *c), *values)
                for kind, *values in zip(kinds, *ways, strict=True)
            ]
        if name == "scan":
            return self._scan(operands, p)
        if name == "iota":
            steps = np.arange(p["shape"][p["dimension"]], dtype=dtype)
            across = [-1 if i == p["dimension"] else 1 for i in range(len(p["shape"]))]
            return [_objects(np.broadcast_to(steps.reshape(across), p["shape"]))]
        if name in _MOVED:
            return self._moved(equation, operands)
        if name == "scatter-add":
            return self._added(equation, operands, dtype)
        raise Untranslatable(f"the primitive {name}")

    def _along(self, name: str, rows: Array, p: dict[str, Any], dtype: Any) -> list[Array]:
        """Sums and the like along the last axis."""
        if name in _FOLDS:
            found = np.empty(rows.shape[:-1], dtype=object)
            for place in np.ndindex(found.shape):
                found[place] = self._fold(_FOLDS[name], dtype, rows[place])
            return [found]
        found = np.empty(rows.shape, dtype=object)
        order = range(rows.shape[-1])
        for place in np.ndindex(rows.shape[:-1]):
            total = None
            for i in reversed(order) if p["reverse"] else order:
                entry = rows[(*place, i)]
                total = entry if total is None else self._entry(_RUNNING[name], [dtype] * 2, dtype, total, entry)
                found[(*place, i)] = total
        return [np.moveaxis(found, -1, p["axis"])]

    def run(self, jaxpr: Any, constants: Any, arguments: list[Array]) -> list[Array]:
        """Write the equations of `jaxpr`; its results."""
        known: dict[Any, Array] = {}
        for variable, value in zip(jaxpr.constvars, constants, strict=True):
            known[variable] = _objects(value)
        known.update(zip(jaxpr.invars, arguments, strict=True))
        for equation in jaxpr.eqns:
            operands = [_objects(v.val) if hasattr(v, "val") else known[v] for v in equation.invars]
            known.update(zip(equation.outvars, self._equation(equation, operands), strict=True))
        return [_objects(v.val) if hasattr(v, "val") else known[v] for v in jaxpr.outvars]


def _mapped(function: Callable[..., Any], *arrays: Array) -> Array:
    found = np.empty(arrays[0].shape, dtype=object)
    for place in np.ndindex(found.shape):
        found[place] = function(*(a[place] for a in arrays))
    return found


def _broadcast(operands: list[Array], p: dict[str, Any]) -> list[Array]:
    shape = [1] * len(p["shape"])
    for axis, size in zip(p["broadcast_dimensions"], operands[0].shape, strict=True):
        shape[axis] = size
    return [np.broadcast_to(operands[0].reshape(shape), p["shape"])]


def _sliced(operands: list[Array], p: dict[str, Any]) -> list[Array]:
    steps = p["strides"] or (1,) * operands[0].ndim
    bounds = zip(p["start_indices"], p["limit_indices"], steps, strict=True)
    return [operands[0][tuple(slice(*b) for b in bounds)]]


_MOVES: dict[str, Callable[[list[Array], dict[str, Any]], list[Array]]] = {
    "broadcast_in_dim": _broadcast,
    "slice": _sliced,
    "reshape": lambda x, p: [x[0].reshape(p["new_sizes"])],
    "squeeze": lambda x, p: [np.squeeze(x[0], axis=p["dimensions"])],
    "transpose": lambda x, p: [x[0].transpose(p["permutation"])],
    "rev": lambda x, p: [np.flip(x[0], axis=p["dimensions"])],
    "concatenate": lambda x, p: [np.concatenate(x, axis=p["dimension"])],
    "stack": lambda x, p: [np.stack(x, axis=p["axis"])],
    "split": lambda x, p: np.split(x[0], np.cumsum(p["sizes"])[:-1], axis=p["axis"]),
    "copy": lambda x, p: x,
    "copy_p": lambda x, p: x,
    "stop_gradient": lambda x, p: x,
}


def written(trace: Any, n: int, sizes: list[int | None], derivative: bool) -> str:
    """The source of a function that computes what was traced.

    Parameters
    ----------
    trace : ClosedJaxpr
        Of ``f(t, y, *args)``, which gives (n,) numbers, or (n, n) if `derivative`.
    n : int
    sizes : list
        Length of each extra argument; None for a number.
    derivative : bool
        Write ``rhs(t, y, *args)``, which gives a matrix, in place of ``rhs(t, y, out, *args)``.
    """
    writer = _Writer(sparse=derivative)
    names = [np.array("t", dtype=object), np.array([f"y[{i}]" for i in range(n)], dtype=object)]
    for k, size in enumerate(sizes):
        parts = f"a{k}" if size is None else [f"a{k}[{i}]" for i in range(size)]
        names.append(np.array(parts, dtype=object))
    loaded = []
    for name, variable in zip(names, trace.jaxpr.invars, strict=True):
        dtype = np.dtype(variable.aval.dtype)
        loaded.append(_mapped(lambda v, kind=dtype: writer.emit(v, kind), name))
    (result,) = writer.run(trace.jaxpr, trace.consts, loaded)
    dtype = np.dtype(trace.jaxpr.outvars[0].aval.dtype)
    extra = "".join(f", a{k}" for k in range(len(sizes)))
    head = f"def rhs(t, y{extra}):\n    out = np.zeros(({n}, {n}))" if derivative else f"def rhs(t, y, out{extra}):"
    body = [*writer.lines]
    for place in np.ndindex(result.shape):
        entry = result[place]
        if isinstance(entry, str) or not derivative or entry != 0.0:
            body.append(f"out[{', '.join(map(str, place))}] = {_text(entry, dtype)}")
    if derivative:
        body.append("return out")
    return "\n    ".join([head, *body]) + "\n"
