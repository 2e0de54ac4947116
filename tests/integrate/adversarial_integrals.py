"""Integrands that deceive quadrature, by family, from a seeded generator; exact integrals from closed forms.

J. N. Lyness (1983), When not to use an automatic quadrature routine: any rule that samples can be deceived. The
families are those ways of it that occur.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

__all__ = ["FAMILIES", "Trap", "traps"]

inf = math.inf
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Trap:
    """An integrand, its limits and its integral; `note` says what its numbers were.

    `seen` holds what of its trap was met by evaluations so far: while it is empty, they are those of another, harmless
    function, and nobody who has only them can tell.
    """

    family: str
    function: Callable[[float], Any]
    a: float
    b: float
    exact: Any
    note: str
    seen: set[float] | None = None


def bump(
    place: float, width: float, height: float, seen: set[float]
) -> tuple[Callable[[float], float], Callable[[float, float], float]]:
    """A Gaussian of standard deviation `width`, and its integral between limits."""

    def f(x: float) -> float:
        z = (x - place) / width
        if abs(z) >= 40.0:
            return 0.0
        if abs(z) < 3.0:
            seen.add(place)
        return height * math.exp(-0.5 * z * z)

    def integral(a: float, b: float) -> float:
        low, high = ((mpmath.mpf(e) - mpmath.mpf(place)) / mpmath.mpf(width) for e in (a, b))
        return float(height * width * mpmath.sqrt(2 * mpmath.pi) * (mpmath.ncdf(high) - mpmath.ncdf(low)))

    return f, integral


def _sum(parts: list[Any], a: float, b: float, background: float = 0.0) -> tuple[Callable[[float], float], float]:
    """The sum of bumps on background * (2 + cos 3 x), and its integral."""
    functions = [f for f, _ in parts]

    def f(x: float) -> float:
        return background * (2.0 + math.cos(3.0 * x)) + sum(g(x) for g in functions)

    smooth = background * (2.0 * (b - a) + (math.sin(3.0 * b) - math.sin(3.0 * a)) / 3.0) if background else 0.0
    return f, math.fsum([smooth, *(i(a, b) for _, i in parts)])


def _range(rng: Rng) -> tuple[float, float]:
    return [(0.0, 1.0), (-1.0, 1.0), (-1000.0, 1000.0), (2.0, 7.0)][int(rng.integers(4))]


def _places(rng: Rng, a: float, b: float, count: int) -> list[float]:
    return [float(x) for x in a + (b - a) * rng.uniform(0.01, 0.99, count)]


def one_peak(rng: Rng) -> Trap:
    """One peak, 1e-2 to 1e-8 of the range wide, on nothing."""
    seen: set[float] = set()
    a, b = _range(rng)
    width = float(10.0 ** rng.uniform(-8, -2)) * (b - a)
    f, exact = _sum([bump(_places(rng, a, b, 1)[0], width, 1.0, seen)], a, b)
    return Trap("one peak", f, a, b, exact, f"width {width / (b - a):.1e}", seen)


def peak_at_an_end(rng: Rng) -> Trap:
    """One peak at an end point, or so many of its widths away from it."""
    seen: set[float] = set()
    a, b = _range(rng)
    width = float(10.0 ** rng.uniform(-8, -2)) * (b - a)
    away = float(rng.uniform(-2.0, 8.0)) * width
    place = a + away if rng.random() < 0.5 else b - away
    f, exact = _sum([bump(place, width, 1.0, seen)], a, b, float(rng.choice([0.0, 1e-3])))
    return Trap("peak at an end", f, a, b, exact, f"width {width / (b - a):.1e}", seen)


def like_peaks(rng: Rng) -> Trap:
    """Several peaks of one width, so narrow that some fall between all samples."""
    seen: set[float] = set()
    a, b = _range(rng)
    width = float(10.0 ** rng.uniform(-8, -2)) * (b - a)
    places = _places(rng, a, b, int(rng.integers(2, 12)))
    background = float(rng.choice([0.0, 0.0, 1e-6, 1.0]))
    f, exact = _sum([bump(x, width, float(rng.uniform(0.2, 2.0)), seen) for x in places], a, b, background)
    return Trap("like peaks", f, a, b, exact, f"{len(places)} of width {width / (b - a):.1e} on {background:g}", seen)


def unlike_peaks(rng: Rng) -> Trap:
    """A wide peak and narrower ones."""
    seen: set[float] = set()
    a, b = _range(rng)
    places = _places(rng, a, b, 4)
    widths = [float(w) * (b - a) for w in 10.0 ** rng.uniform(-4, -1.5, 4)]
    f, exact = _sum([bump(x, w, 1.0, seen) for x, w in zip(places, widths, strict=True)], a, b)
    return Trap("unlike peaks", f, a, b, exact, f"widths {[f'{w / (b - a):.0e}' for w in widths]}", seen)


def peak_on_a_slope(rng: Rng) -> Trap:
    """One peak that the samples can see, on a smooth background of any size."""
    seen: set[float] = set()
    a, b = _range(rng)
    width = float(10.0 ** rng.uniform(-3.7, -1)) * (b - a)
    f, exact = _sum([bump(_places(rng, a, b, 1)[0], width, 1.0, seen)], a, b, float(10.0 ** rng.uniform(-6, 6)))
    return Trap("peak on a slope", f, a, b, exact, f"width {width / (b - a):.1e}", seen)


def boxes(rng: Rng) -> Trap:
    """Jumps: constants between random places, some of them close to each other."""
    a, b = 0.0, 1.0
    width = float(10.0 ** rng.uniform(-7, -1))
    start = float(rng.uniform(0.0, 1.0 - width))
    cuts = sorted([*(float(x) for x in rng.random(int(rng.integers(0, 4)))), start, start + width])
    levels = [float(x) for x in rng.normal(size=len(cuts) + 1)]
    if rng.random() < 0.5:
        levels[::2] = [levels[0]] * len(levels[::2])

    levels_seen: set[float] = set()
    seen: set[float] = set()  # empty while there was but one level

    def f(x: float) -> float:
        value = levels[sum(x > c for c in cuts)]
        levels_seen.add(value)
        if len(levels_seen) > 1:
            seen.add(value)
        return value

    ends = [a, *cuts, b]
    exact = math.fsum(v * (ends[i + 1] - ends[i]) for i, v in enumerate(levels))
    return Trap("boxes", f, a, b, exact, f"{len(cuts)} jumps, narrowest {width:.1e}", seen)


def power_inside(rng: Rng) -> Trap:
    """A power of the distance from a point inside, with or without a smooth function."""
    c, p = float(rng.uniform(0.0, 1.0)), float(rng.uniform(-0.95, 1.9))

    def f(x: float) -> float:
        return (abs(x - c) or 1e-300) ** p + 1.0

    return Trap("power inside", f, 0.0, 1.0, 1.0 + (c ** (p + 1) + (1 - c) ** (p + 1)) / (p + 1), f"{p:.2f} at {c:.3f}")


def logarithm_inside(rng: Rng) -> Trap:
    """The logarithm of the distance from points inside."""
    cs = [float(x) for x in rng.random(int(rng.integers(1, 4)))]

    def f(x: float) -> float:
        return sum(math.log(abs(x - c)) for c in cs)

    exact = math.fsum(c * math.log(c) + (1 - c) * math.log(1 - c) - 1.0 for c in cs)
    return Trap("logarithm inside", f, 0.0, 1.0, exact, f"at {cs}")


def kinks(rng: Rng) -> Trap:
    """Jumps of the first or second derivative at many places."""
    cs = [float(x) for x in rng.random(int(rng.integers(1, 30)))]
    order = int(rng.integers(1, 3))

    def f(x: float) -> float:
        return 1.0 + sum(abs(x - c) * (x - c) ** (order - 1) for c in cs)

    exact = 1.0 + math.fsum((c**2 + (1 - c) ** 2) / 2 if order == 1 else ((1 - c) ** 3 - c**3) / 3 for c in cs)
    return Trap("kinks", f, 0.0, 1.0, exact, f"{len(cs)} of order {order}")


def waves(rng: Rng) -> Trap:
    """A wave of any frequency, on a background that hides it."""
    omega = float(10.0 ** rng.uniform(0, 7))
    size, phase = float(10.0 ** rng.uniform(-3, 0.5)), float(rng.uniform(0, 6.3))

    def f(x: float) -> float:
        return 1.0 + size * math.cos(omega * x + phase)

    exact = 1.0 + size * (math.sin(omega + phase) - math.sin(phase)) / omega
    return Trap("waves", f, 0.0, 1.0, exact, f"omega {omega:.2e}, size {size:.1e}")


def aliases(rng: Rng) -> Trap:
    """A wave whose period is the distance of the samples of a grid of a round number."""
    count = int(rng.choice([21, 256, 512, 1024, 1025, 2047, 2048, 2049, 4096, 8192, 16384, 65536]))
    phase = float(rng.uniform(0, 1))

    def f(x: float) -> float:
        return 1.0 + math.sin(math.pi * count * (x - phase)) ** 2

    turn = 2.0 * math.pi * count
    exact = 1.5 - 0.5 * (math.sin(turn * (1.0 - phase)) - math.sin(turn * -phase)) / turn
    return Trap("aliases", f, 0.0, 1.0, exact, f"{count} turns")


_NODES = [
    0.0, 0.9956571630258081, 0.9739065285171717, 0.9301574913557082, 0.8650633666889845, 0.7808177265864169,
    0.6794095682990244, 0.5627571346686047, 0.4333953941292472, 0.2943928627014602, 0.14887433898163122,
]  # fmt: skip


def zero_at_the_nodes(rng: Rng) -> Trap:
    """Vanishes at all nodes of QUADPACK's first panel, or of the first two halves too."""
    c = float(10.0 ** rng.uniform(-3, 3))
    deep = bool(rng.random() < 0.5)
    nodes = sorted({*_NODES, *(-x for x in _NODES)})
    if deep:
        nodes = sorted({*nodes, *(0.5 * x + 0.5 for x in nodes), *(0.5 * x - 0.5 for x in nodes)})

    def f(x: float) -> float:
        product = 1.0
        for node in nodes:
            product *= 2.0 * (x - node)
        return 1.0 + c * product * product

    # Gauss-Legendre rule of enough points: exact for the polynomial, in 40 digits.
    with mpmath.workdps(60):
        square = mpmath.quad(
            lambda x: mpmath.fprod((2 * (x - mpmath.mpf(node))) ** 2 for node in nodes), mpmath.linspace(-1, 1, 9)
        )
        exact = float(2 + mpmath.mpf(c) * square)
    return Trap("zero at the nodes", f, -1.0, 1.0, exact, f"{len(nodes)} nodes, times {c:.1e}")


def far_bump(rng: Rng) -> Trap:
    """A decaying function on a half-line, and a bump far out."""
    seen: set[float] = set()
    place = float(10.0 ** rng.uniform(0.5, 4))
    width = float(10.0 ** rng.uniform(-1, 0.5)) * max(1.0, place * float(rng.choice([0.003, 0.02])))
    g, integral = bump(place, width, 1.0, seen)
    size = float(rng.choice([0.0, 1.0]))

    def f(x: float) -> float:
        return size * math.exp(-x) + g(x)

    return Trap(
        "far bump", f, 0.0, inf, size + integral(0.0, place + 60 * width), f"at {place:.1e}, width {width:.1e}", seen
    )


def far_bumps(rng: Rng) -> Trap:
    """Bumps of one width on a half-line, or the line; the furthest no more than 30 times as far out as the nearest."""
    seen: set[float] = set()
    count = int(rng.integers(2, 6))
    places = [float(x) for x in 10.0 ** (rng.uniform(0, 1.5) + rng.uniform(0, 1.47, count))]
    low = 0.0
    if rng.random() < 0.5:
        low, places = -inf, [x * float(rng.choice([-1.0, 1.0])) for x in places]
    width = float(10.0 ** rng.uniform(-3, 0))
    parts = [bump(x, width, 1.0, seen) for x in places]
    far = max(map(abs, places)) + 60 * width
    exact = math.fsum(i(max(low, -far), far) for _, i in parts)
    return Trap(
        "far bumps", lambda x: sum(f(x) for f, _ in parts), low, inf, exact, f"{places}, width {width:.1e}", seen
    )


def tiny_noise(rng: Rng) -> Trap:
    """A smooth function with a ripple too fast to be sampled, as rounding or a simulation leaves it."""
    size = float(10.0 ** rng.uniform(-14, -4))

    def f(x: float) -> float:
        # The fraction of a large multiple: as good as random, with mean 1/2.
        return math.exp(x) + size * (math.modf(abs(math.sin(x * 1e4 + 1.0)) * 43758.5453)[0] - 0.5)

    return Trap("noise", f, 0.0, 1.0, math.e - 1.0, f"size {size:.1e}")


def cancelling(rng: Rng) -> Trap:
    """The positive and the negative part are as large: the integral is zero, or nearly."""
    k = int(rng.integers(1, 30))
    tilt = float(rng.choice([0.0, 0.0, 1e-12, 1e-6]))

    def f(x: float) -> float:
        return math.sin(k * x) * math.exp(math.cos(x)) + tilt

    return Trap("cancelling", f, -math.pi, math.pi, 2 * math.pi * tilt, f"k {k}, tilt {tilt:g}")


def scales(rng: Rng) -> Trap:
    """Values near the largest and the least numbers."""
    size = float(rng.choice([1e-320, 1e-308, 1e-300, 1e-200, 1e200, 1e300, 1e307]))
    exact = float(mpmath.mpf(size) * (mpmath.e - 1))
    return Trap("scales", lambda x: size * math.exp(x), 0.0, 1.0, exact, f"{size:g}")


def powers_at_the_ends(rng: Rng) -> Trap:
    """Algebraic singularities at both ends."""
    p, q = (float(x) for x in rng.uniform(-0.9, 2.0, 2))

    def f(x: float) -> float:
        return (x**p if x > 0.0 else inf if p < 0.0 else 0.0) * ((1 - x) ** q if x < 1.0 else inf if q < 0.0 else 0.0)

    return Trap("powers at the ends", f, 0.0, 1.0, float(mpmath.beta(p + 1, q + 1)), f"{p:.2f}, {q:.2f}")


def spirals(rng: Rng) -> Trap:
    """Complex: a wave, and a peak in one part."""
    seen: set[float] = set()
    omega = float(10.0 ** rng.uniform(0, 4))
    width = float(10.0 ** rng.uniform(-4, -1))
    g, integral = bump(float(rng.uniform(0.1, 0.9)), width, 1.0, seen)

    def f(x: float) -> complex:
        return complex(math.cos(omega * x), math.sin(omega * x) + g(x))

    exact = complex(math.sin(omega) / omega, (1.0 - math.cos(omega)) / omega + integral(0.0, 1.0))
    return Trap("complex", f, 0.0, 1.0, exact, f"omega {omega:.1e}, width {width:.1e}", seen)


FAMILIES: dict[str, Callable[[Rng], Trap]] = {
    family.__name__: family
    for family in (
        one_peak, peak_at_an_end, like_peaks, unlike_peaks, peak_on_a_slope, boxes, power_inside, logarithm_inside,
        kinks, waves, aliases, zero_at_the_nodes, far_bump, far_bumps, tiny_noise, cancelling, scales,
        powers_at_the_ends, spirals,
    )
}  # fmt: skip


def traps(family: str, count: int, seed: int) -> list[Trap]:
    """`count` of a family."""
    rng = np.random.default_rng([seed, sum(map(ord, family))])
    return [FAMILIES[family](rng) for _ in range(count)]
