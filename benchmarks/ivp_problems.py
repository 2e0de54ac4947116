"""Initial value problems with known end values; they serve tests and benchmarks alike.

The stiff ones and the Pleiades are of the Test Set for IVP Solvers (Mazzia and Magherini, University of Bari, release
2.4), with its reference values. E5's are computed anew with its invariant y2 = y3 + y4 eliminated: the published ones
break it by 0.15 percent. Those of Lorenz and Lotka-Volterra are Taylor series in 50 digits.
Each right-hand side is jitted in two forms: ``fun(t, y, *args) -> array``, SciPy's, and ``into(t, y, dydt, *args)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
import numpy as np

__all__ = ["PROBLEMS", "IvpProblem", "brusselator_1d", "brusselator_2d", "digits"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class IvpProblem:
    """One initial value problem.

    Attributes
    ----------
    name : str
    fun, into : numba dispatcher
        The right-hand side, giving an array and in place.
    span : (float, float)
    y0 : (n,) ndarray
    args : tuple
    jac : callable, optional
        ``jac(t, y, *args)`` gives the dense Jacobian.
    stiff : bool
    reference : (n,) ndarray, optional
        The solution at the end; NaN where it is not known well enough to compare with.
    scale : float or (n,) ndarray
        What is small in the problem's own units: ``atol = rtol * scale``.
    known_digits : float
        Digits that a solution in double precision can be held to: those of `reference`, or fewer. E5 has three: one
        rounding of what y3 was breaks its invariant by 1e-3 of what y3 becomes.
    sparsity : callable, optional
        Gives the pattern of the Jacobian, a SciPy sparse array.
    """

    name: str
    fun: Any
    into: Any
    span: tuple[float, float]
    y0: Array
    args: tuple[Any, ...] = ()
    jac: Any = None
    stiff: bool = False
    reference: Array | None = None
    scale: Any = 1.0
    known_digits: float = 13.0
    sparsity: Callable[[], Any] | None = None

    def tolerances(self, rtol: float) -> dict[str, Any]:
        """Options `rtol` and `atol` for a relative tolerance."""
        return {"rtol": rtol, "atol": rtol * np.asarray(self.scale) if np.ndim(self.scale) else rtol * self.scale}


def digits(y: Any, problem: IvpProblem) -> float:
    """Significant correct digits of the end values `y`, the worst over the components (mixed, as the test set's).

    A component counts relative to its size or the problem's scale, whichever is larger.
    """
    reference = problem.reference
    if reference is None:
        raise ValueError(f"{problem.name} has no reference")
    known = np.isfinite(reference)
    size = np.maximum(np.abs(reference), np.broadcast_to(problem.scale, reference.shape))[known]
    error = np.max(np.abs(np.asarray(y, dtype=float)[known] - reference[known]) / size)
    return float(-np.log10(max(error, 1e-17))) if np.isfinite(error) else 0.0


def _both(into: Any) -> tuple[Any, Any]:
    """SciPy's form of an in-place right-hand side, and itself, jitted."""
    write = numba.njit(error_model="numpy")(into)
    extra = into.__code__.co_varnames[3 : into.__code__.co_argcount]
    text = "".join(f", {name}" for name in extra)
    space: dict[str, Any] = {"write": write, "np": np}
    source = f"def {into.__name__}(t, y{text}):\n    out = np.empty_like(y)\n    write(t, y, out{text})\n    return out"
    exec(source, space)
    return numba.njit(error_model="numpy")(space[into.__name__]), write


def hires(t, y, out):
    """High irradiance responses of photomorphogenesis (Schaefer, 1975)."""
    out[0] = -1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + 0.0007
    out[1] = 1.71 * y[0] - 8.75 * y[1]
    out[2] = -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4]
    out[3] = 8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3]
    out[4] = -1.745 * y[4] + 0.43 * y[5] + 0.43 * y[6]
    out[5] = -280.0 * y[5] * y[7] + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + 0.69 * y[6]
    out[6] = 280.0 * y[5] * y[7] - 1.81 * y[6]
    out[7] = -out[6]


@numba.njit
def hires_jac(t, y):
    J = np.zeros((8, 8))
    J[0, :3] = np.array([-1.71, 0.43, 8.32])
    J[1, :2] = np.array([1.71, -8.75])
    J[2, 2:5] = np.array([-10.03, 0.43, 0.035])
    J[3, 1:4] = np.array([8.32, 1.71, -1.12])
    J[4, 4:7] = np.array([-1.745, 0.43, 0.43])
    J[5, 3:8] = np.array([0.69, 1.71, -280.0 * y[7] - 0.43, 0.69, -280.0 * y[5]])
    J[6, 5:8] = np.array([280.0 * y[7], -1.81, 280.0 * y[5]])
    J[7] = -J[6]
    return J


def rober(t, y, out):
    """Robertson's autocatalytic reaction (1966)."""
    out[0] = -0.04 * y[0] + 1e4 * y[1] * y[2]
    out[2] = 3e7 * y[1] * y[1]
    out[1] = -out[0] - out[2]


@numba.njit
def rober_jac(t, y):
    return np.array(
        [
            [-0.04, 1e4 * y[2], 1e4 * y[1]],
            [0.04, -1e4 * y[2] - 6e7 * y[1], -1e4 * y[1]],
            [0.0, 6e7 * y[1], 0.0],
        ]
    )


def orego(t, y, out):
    """The Oregonator of Field and Noyes (1974)."""
    out[0] = 77.27 * (y[1] + y[0] * (1.0 - 8.375e-6 * y[0] - y[1]))
    out[1] = (y[2] - (1.0 + y[0]) * y[1]) / 77.27
    out[2] = 0.161 * (y[0] - y[2])


@numba.njit
def orego_jac(t, y):
    return np.array(
        [
            [77.27 * (1.0 - 2.0 * 8.375e-6 * y[0] - y[1]), 77.27 * (1.0 - y[0]), 0.0],
            [-y[1] / 77.27, -(1.0 + y[0]) / 77.27, 1.0 / 77.27],
            [0.161, 0.0, -0.161],
        ]
    )


def vdpol(t, y, out, eps):
    """Van der Pol's oscillator, time scaled by its period."""
    out[0] = y[1]
    out[1] = ((1.0 - y[0] * y[0]) * y[1] - y[0]) / eps


@numba.njit
def vdpol_jac(t, y, eps):
    return np.array([[0.0, 1.0], [(-2.0 * y[0] * y[1] - 1.0) / eps, (1.0 - y[0] * y[0]) / eps]])


def e5(t, y, out):
    """Chemical pyrolysis of Enright, Hull and Lindberg (1975): values down to 1e-23."""
    first, third, fourth = 7.89e-10 * y[0], 1.1e7 * y[0] * y[2], 1.13e3 * y[3]
    second = 1.13e9 * y[1] * y[2]
    out[0] = -first - third
    out[1] = first - second
    out[3] = third - fourth
    out[2] = out[1] - out[3]


@numba.njit
def e5_jac(t, y):
    a, b, c, m = 7.89e-10, 1.1e7, 1.13e3, 1.13e9
    return np.array(
        [
            [-a - b * y[2], 0.0, -b * y[0], 0.0],
            [a, -m * y[2], -m * y[1], 0.0],
            [a - b * y[2], -m * y[2], -b * y[0] - m * y[1], c],
            [b * y[2], 0.0, b * y[0], -c],
        ]
    )


def pollu(t, y, out):
    """Air pollution, 25 reactions of 20 species (Verwer, 1994)."""
    r1, r2, r3 = 0.35 * y[0], 26.6 * y[1] * y[3], 12300.0 * y[4] * y[1]
    r4, r5, r6 = 0.00086 * y[6], 0.00082 * y[6], 15000.0 * y[6] * y[5]
    r7, r8, r9 = 0.00013 * y[8], 24000.0 * y[8] * y[5], 16500.0 * y[10] * y[1]
    r10, r11, r12 = 9000.0 * y[10] * y[0], 0.022 * y[12], 12000.0 * y[9] * y[1]
    r13, r14, r15 = 1.88 * y[13], 16300.0 * y[0] * y[5], 4800000.0 * y[2]
    r16, r17, r18 = 0.00035 * y[3], 0.0175 * y[3], 1e8 * y[15]
    r19, r20, r21 = 4.44e11 * y[15], 1240.0 * y[16] * y[5], 2.1 * y[18]
    r22, r23, r24, r25 = 5.78 * y[18], 0.0474 * y[0] * y[3], 1780.0 * y[18] * y[0], 3.12 * y[19]
    out[0] = -r1 - r10 - r14 - r23 - r24 + r2 + r3 + r9 + r11 + r12 + r22 + r25
    out[1] = -r2 - r3 - r9 - r12 + r1 + r21
    out[2] = -r15 + r1 + r17 + r19 + r22
    out[3] = -r2 - r16 - r17 - r23 + r15
    out[4] = -r3 + 2.0 * r4 + r6 + r7 + r13 + r20
    out[5] = -r6 - r8 - r14 - r20 + r3 + 2.0 * r18
    out[6] = -r4 - r5 - r6 + r13
    out[7] = r4 + r5 + r6 + r7
    out[8] = -r7 - r8
    out[9] = -r12 + r7 + r9
    out[10] = -r9 - r10 + r8 + r11
    out[11] = r9
    out[12] = -r11 + r10
    out[13] = -r13 + r12
    out[14] = r14
    out[15] = -r18 - r19 + r16
    out[16] = -r20
    out[17] = r20
    out[18] = -r21 - r22 - r24 + r23 + r25
    out[19] = -r25 + r24


def plei(t, y, out):
    """The Pleiades: seven stars of mass 1 to 7 in a plane (Hairer, Norsett and Wanner, 1993, section II.10)."""
    for i in range(7):
        out[i] = y[14 + i]
        out[7 + i] = y[21 + i]
        ax = ay = 0.0
        for j in range(7):
            if j != i:
                dx, dy = y[j] - y[i], y[7 + j] - y[7 + i]
                square = dx * dx + dy * dy
                weight = (j + 1) / (square * np.sqrt(square))
                ax += weight * dx
                ay += weight * dy
        out[14 + i] = ax
        out[21 + i] = ay


def lorenz(t, y, out, sigma, rho, beta):
    """Lorenz (1963)."""
    out[0] = sigma * (y[1] - y[0])
    out[1] = y[0] * (rho - y[2]) - y[1]
    out[2] = y[0] * y[1] - beta * y[2]


def lotka_volterra(t, y, out, a, b, c, d):
    """Predator and prey."""
    out[0] = a * y[0] - b * y[0] * y[1]
    out[1] = -c * y[1] + d * y[0] * y[1]


def brusselator_line(t, y, out, alpha):
    """The Brusselator with diffusion on [0, 1], u and v in turns (Hairer and Wanner, 1996, section IV.10)."""
    points = y.shape[0] // 2
    strength = alpha * (points + 1.0) ** 2
    for i in range(points):
        u, v = y[2 * i], y[2 * i + 1]
        left_u, left_v = (y[2 * i - 2], y[2 * i - 1]) if i > 0 else (1.0, 3.0)
        right_u, right_v = (y[2 * i + 2], y[2 * i + 3]) if i < points - 1 else (1.0, 3.0)
        out[2 * i] = 1.0 + u * u * v - 4.0 * u + strength * (left_u - 2.0 * u + right_u)
        out[2 * i + 1] = 3.0 * u - u * u * v + strength * (left_v - 2.0 * v + right_v)


def brusselator_plane(t, y, out, m, alpha):
    """The periodic Brusselator on the unit square with a source from 1.1 on (Hairer and Wanner, 1996, IV.10)."""
    strength = alpha * m * m
    for i in range(m):
        up, down = (i + 1) % m, (i - 1) % m
        for j in range(m):
            right, left = (j + 1) % m, (j - 1) % m
            k = 2 * (i * m + j)
            u, v = y[k], y[k + 1]
            n, s, e, w = 2 * (up * m + j), 2 * (down * m + j), 2 * (i * m + right), 2 * (i * m + left)
            source = 0.0
            if t >= 1.1 and (j / m - 0.3) ** 2 + (i / m - 0.6) ** 2 <= 0.01:
                source = 5.0
            reaction = u * u * v
            around_u, around_v = y[n] + y[s] + y[e] + y[w], y[n + 1] + y[s + 1] + y[e + 1] + y[w + 1]
            out[k] = 1.0 + reaction - 4.4 * u + strength * (around_u - 4.0 * u) + source
            out[k + 1] = 3.4 * u - reaction + strength * (around_v - 4.0 * v)


_LINE, _PLANE = _both(brusselator_line), _both(brusselator_plane)


@cache
def brusselator_1d(n: int) -> IvpProblem:
    """The Brusselator on a line with `n` equations; its Jacobian has two diagonals on either side."""

    def pattern() -> Any:
        from scipy.sparse import diags_array

        odd = np.tile([1.0, 0.0], n // 2)[: n - 1]
        ones = np.ones(n)
        return diags_array([ones[:-2], odd, ones, odd, ones[:-2]], offsets=[-2, -1, 0, 1, 2], shape=(n, n)).tocsc()

    x = np.arange(1, n // 2 + 1) / (n // 2 + 1)
    y0 = np.stack([1.0 + np.sin(2.0 * np.pi * x), np.full(x.size, 3.0)], axis=1).ravel()
    return IvpProblem(f"Brusselator 1-D n={n}", *_LINE, (0.0, 10.0), y0, (0.02,), stiff=True, sparsity=pattern)


@cache
def brusselator_2d(m: int) -> IvpProblem:
    """The Brusselator on a square of m by m points: 2 m^2 equations."""

    def pattern() -> Any:
        from scipy.sparse import csc_array, eye_array, kron

        ring = eye_array(m, k=1) + eye_array(m, k=-1) + eye_array(m, k=m - 1) + eye_array(m, k=1 - m)
        grid = kron(ring, eye_array(m)) + kron(eye_array(m), ring)
        whole = kron(grid, eye_array(2)) + kron(eye_array(m * m), np.ones((2, 2)))
        return csc_array((whole != 0).astype(float))

    x = np.arange(m) / m
    u = np.repeat(22.0 * x * (1.0 - x) ** 1.5, m)
    v = np.tile(27.0 * x * (1.0 - x) ** 1.5, m)
    y0 = np.stack([u, v], axis=1).ravel()
    name = f"Brusselator 2-D n={2 * m * m}"
    return IvpProblem(name, *_PLANE, (0.0, 11.5), y0, (m, 0.1), stiff=True, sparsity=pattern)


def _array(text: str) -> Array:
    return np.array([float(word) for word in text.split()])


_HIRES = """0.7371312573325668e-3 0.1442485726316185e-3 0.5888729740967575e-4 0.1175651343283149e-2
0.2386356198831331e-2 0.6238968252742796e-2 0.2849998395185769e-2 0.2850001604814231e-2"""
_POLLU = """0.5646255480022769e-01 0.1342484130422339 0.4139734331099427e-08 0.5523140207484359e-02
0.2018977262302196e-06 0.1464541863493966e-06 0.7784249118997964e-01 0.3245075353396018 0.7494013383880406e-02
0.1622293157301561e-07 0.1135863833257075e-07 0.2230505975721359e-02 0.2087162882798630e-03 0.1396921016840158e-04
0.8964884856898295e-02 0.4352846369330103e-17 0.6899219696263405e-02 0.1007803037365946e-03 0.1772146513969984e-05
0.5682943292316392e-04"""
_POLLU_START = "0 0.2 0 0.04 0 0 0.1 0.3 0.01 0 0 0 0 0 0 0 0.007 0 0 0"
_PLEI = """0.3706139143970502 0.3237284092057233e1 -0.3222559032418324e1 0.6597091455775310 0.3425581707156584
0.1562172101400631e1 -0.7003092922212495 -0.3943437585517392e1 -0.3271380973972550e1 0.5225081843456543e1
-0.2590612434977470e1 0.1198213693392275e1 -0.2429682344935824 0.1091449240428980e1 0.3417003806314313e1
0.1354584501625501e1 -0.2590065597810775e1 0.2025053734714242e1 -0.1155815100160448e1 -0.8072988170223021
0.5952396354208710 -0.3741244961234010e1 0.3773459685750630 0.9386858869551073 0.3667922227200571
-0.3474046353808490 0.2344915448180937e1 -0.1947020434263292e1"""
_PLEI_START = "3 3 -1 -3 2 -2 2 3 -3 2 0 0 -4 4 0 0 0 0 0 1.75 -1.5 0 0 0 -1.25 1 0 0"

_LIST = [
    IvpProblem(
        "HIRES", *_both(hires), (0.0, 321.8122), _array("1 0 0 0 0 0 0 0.0057"), jac=hires_jac, stiff=True,
        reference=_array(_HIRES), scale=1e-4,
    ),
    IvpProblem(
        "ROBER", *_both(rober), (0.0, 1e11), _array("1 0 0"), jac=rober_jac, stiff=True,
        reference=_array("0.2083340149701255e-07 0.8333360770334713e-13 0.9999999791665050"),
        scale=np.array([1e-8, 1e-14, 1.0]),
    ),
    IvpProblem(
        "OREGO", *_both(orego), (0.0, 360.0), _array("1 2 3"), jac=orego_jac, stiff=True,
        reference=_array("0.1000814870318523e1 0.1228178521549917e4 0.1320554942846706e3"),
    ),
    IvpProblem(
        "VDPOL", *_both(vdpol), (0.0, 2.0), _array("2 0"), (1e-6,), jac=vdpol_jac, stiff=True,
        reference=_array("0.1706167732170483e1 -0.8928097010247975"),
    ),
    IvpProblem(
        "E5", *_both(e5), (0.0, 1e13), _array("1.76e-3 0 0 0"), jac=e5_jac, stiff=True,
        reference=_array("nan 8.8612335e-23 8.8612335e-23 nan"), known_digits=3.0,
        scale=1e-31,
    ),
    IvpProblem(
        "POLLU", *_both(pollu), (0.0, 60.0), _array(_POLLU_START), stiff=True, reference=_array(_POLLU),
        scale=np.maximum(np.abs(_array(_POLLU)), 1e-10),
    ),
    IvpProblem("PLEI", *_both(plei), (0.0, 3.0), _array(_PLEI_START), reference=_array(_PLEI), known_digits=12.0),
    IvpProblem(
        "Lorenz", *_both(lorenz), (0.0, 20.0), np.ones(3), (10.0, 28.0, 8.0 / 3.0),
        reference=_array("13.793199595130380911 12.951803936192500496 34.901608681136812412"),
    ),
    IvpProblem(
        "Lotka-Volterra", *_both(lotka_volterra), (0.0, 15.0), _array("10 5"), (1.5, 1.0, 3.0, 1.0),
        reference=_array("0.71375137809775929884 0.075407796240794693073"),
    ),
    brusselator_1d(500),
    brusselator_1d(5000),
    brusselator_2d(32),
]  # fmt: skip

# By name.
PROBLEMS: dict[str, IvpProblem] = {problem.name: problem for problem in _LIST}
