"""Contenders for initial value problems: fsci, SciPy, CyRK and diffrax on one problem, each by relative tolerance.

A contender is ``call(rtol) -> state at the end``. Callbacks are compiled and warm, each in the form that its
solver likes best: SciPy and CyRK's Numba solver take the function that gives an array, CyRK's C++ one a C callback that
writes in place, diffrax a JAX function. A peer that is not installed has no contenders.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import numba
import numpy as np
import scipy.integrate

import fsci.integrate
from benchmarks.ivp_problems import PROBLEMS, IvpProblem

__all__ = ["Contender", "contenders", "ensemble_contenders", "fsci_call", "scipy_call"]

Contender = Callable[[float], Any]
_LONGEST = 10_000_000  # steps that diffrax may take


def fsci_call(problem: IvpProblem, method: str, form: str = "fun", **options: Any) -> Contender:
    """fsci, with the callback that gives an array (``form="fun"``) or writes in place (``"into"``)."""
    fun, args = getattr(problem, form), problem.args or None
    solve = fsci.integrate.solve_ivp

    def call(rtol: float) -> Any:
        found = solve(fun, problem.span, problem.y0, method, args=args, **problem.tolerances(rtol), **options)
        return found.y[:, -1] if found.status == 0 else np.full(problem.y0.size, np.nan)

    return call


def scipy_call(problem: IvpProblem, method: str, **options: Any) -> Contender:
    """SciPy, with the callback that gives an array."""

    def call(rtol: float) -> Any:
        found = scipy.integrate.solve_ivp(
            problem.fun,
            problem.span,
            problem.y0,
            method,
            args=problem.args or None,
            **problem.tolerances(rtol),
            **options,
        )
        return found.y[:, -1] if found.status == 0 else np.full(problem.y0.size, np.nan)

    return call


@cache
def _c_callback(problem: IvpProblem) -> Any:
    """The C callback of CyRK's C++ solver; arguments are numbers."""
    from CyRK.nb.numba_solver import cyjit_sig

    size, extra = problem.y0.size, "".join(f", a[{i}]" for i in range(len(problem.args)))
    text = f"def call(dy, t, y, a):\n    into(t, carray(y, ({size},)), carray(dy, ({size},)){extra})"
    space: dict[str, Any] = {"into": problem.into, "carray": numba.carray}
    exec(text, space)
    return numba.cfunc(cyjit_sig)(space["call"])


def cyrk_call(problem: IvpProblem, method: str) -> Contender:
    """CyRK's C++ solver, with a C callback."""
    import CyRK

    code, n = _c_callback(problem), problem.y0.size
    args = np.array(problem.args if problem.args else [0.0], dtype=float)

    def call(rtol: float) -> Any:
        atols = np.broadcast_to(np.asarray(problem.tolerances(rtol)["atol"], dtype=float), (n,)).copy()
        found = CyRK.nbsolve2_ivp(
            code.address, problem.span, problem.y0, method=method, args=args, rtols=np.full(n, rtol), atols=atols
        )
        end = np.array(found.y[:, -1]) if found.success else np.full(n, np.nan)
        found.free()
        return end

    return call


def cyrk_numba_call(problem: IvpProblem, method: int) -> Contender:
    """CyRK's Numba solver (0 RK23, 1 RK45, 2 DOP853), with the callback that gives an array."""
    import CyRK

    def call(rtol: float) -> Any:
        tolerances = problem.tolerances(rtol)
        found = CyRK.nbsolve_ivp(
            problem.fun, problem.span, problem.y0, args=problem.args, rtol=rtol, atol=tolerances["atol"],
            rk_method=method, warnings=False,
        )  # fmt: skip
        return found.y[:, -1] if found.success else np.full(problem.y0.size, np.nan)

    return call


def _lorenz_in_jax(t: Any, y: Any, args: Any) -> Any:
    import jax.numpy as jnp

    sigma, rho, beta = args
    return jnp.stack([sigma * (y[1] - y[0]), y[0] * (rho - y[2]) - y[1], y[0] * y[1] - beta * y[2]])


@cache
def _diffrax_solve(solver: str, many: bool) -> Any:
    """The Lorenz problem by diffrax, jitted; mapped over initial states if `many`."""
    import diffrax
    import jax

    problem = PROBLEMS["Lorenz"]

    def solve(y0: Any, rtol: Any) -> Any:
        found = diffrax.diffeqsolve(
            diffrax.ODETerm(_lorenz_in_jax), getattr(diffrax, solver)(), *problem.span, None, y0, problem.args,
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=rtol), saveat=diffrax.SaveAt(t1=True),
            max_steps=_LONGEST, adjoint=diffrax.ForwardMode(), throw=False,
        )  # fmt: skip
        return found.ys[0]

    return jax.jit(jax.vmap(solve, in_axes=(0, None)) if many else solve)


def diffrax_call(solver: str) -> Contender:
    """Lorenz by diffrax: "Dopri5", "Dopri8", "Tsit5"."""
    import jax

    y0 = PROBLEMS["Lorenz"].y0

    def call(rtol: float) -> Any:
        with jax.enable_x64(True):
            return np.asarray(_diffrax_solve(solver, False)(y0, rtol))

    return call


def contenders(problem: IvpProblem, method: str) -> dict[str, Contender]:
    """Who solves `problem` by `method`, fsci first.

    Parameters
    ----------
    problem : IvpProblem
    method : str
        SciPy's name of it, or "auto".
    """
    found: dict[str, Contender] = {"fsci": fsci_call(problem, method)}
    explicit = method in ("RK23", "RK45", "DOP853")
    if explicit:
        found["fsci in place"] = fsci_call(problem, method, "into")
    if method == "auto":
        found |= {f"SciPy {name}": scipy_call(problem, name) for name in ("LSODA", "BDF", "Radau")}
    else:
        found["SciPy"] = scipy_call(problem, method)
    if find_spec("CyRK") is not None and all(isinstance(arg, float) for arg in problem.args):
        name = {"Radau": "RADAU", "auto": "LSODA"}.get(method, method)
        found["CyRK C++" if method != "auto" else "CyRK LSODA"] = cyrk_call(problem, name)
        if explicit:
            found["CyRK Numba"] = cyrk_numba_call(problem, ("RK23", "RK45", "DOP853").index(method))
    if find_spec("diffrax") is not None and problem.name == "Lorenz" and explicit:
        solver = {"RK23": "Bosh3", "RK45": "Dopri5", "DOP853": "Dopri8"}[method]
        found[f"diffrax {solver}"] = diffrax_call(solver)
    return found


def ensemble_contenders(members: int, rtol: float = 1e-8) -> dict[str, Callable[[], Any]]:
    """Lorenz from `members` initial states: fsci on the host and on JAX arrays, diffrax mapped over them."""
    problem = PROBLEMS["Lorenz"]
    y0 = problem.y0 + 0.1 * np.random.default_rng(20).standard_normal((members, 3))
    solve = fsci.integrate.solve_ivp_ensemble

    def host(form: str, method: str) -> Any:
        return solve(getattr(problem, form), problem.span, y0, problem.args, method=method, rtol=rtol, atol=rtol).y

    found: dict[str, Callable[[], Any]] = {
        "fsci": partial(host, "into", "RK45"),
        "fsci DOP853": partial(host, "into", "DOP853"),
        "fsci array callback": partial(host, "fun", "RK45"),
    }
    if find_spec("jax") is not None:
        import jax

        def on_jax() -> Any:
            with jax.enable_x64(True):
                fun = _jax_right_hand_side
                given = jax.numpy.asarray(y0)
                return np.asarray(solve(fun, problem.span, given, problem.args, rtol=rtol, atol=rtol).y)

        found["fsci on JAX"] = on_jax
    if find_spec("diffrax") is not None:
        import jax

        def mapped(solver: str) -> Any:
            with jax.enable_x64(True):
                return np.asarray(_diffrax_solve(solver, True)(y0, rtol))

        found["diffrax vmap"] = partial(mapped, "Dopri5")
        found["diffrax vmap Dopri8"] = partial(mapped, "Dopri8")
    return found


def _jax_right_hand_side(t: Any, y: Any, sigma: Any, rho: Any, beta: Any) -> Any:
    return _lorenz_in_jax(t, y, (sigma, rho, beta))
