"""The contract of every kernel, run over the registry: a kernel is tested the moment it registers.

Each kernel is forced through the policy's override, so that it answers the public function where it applies.
"""

from __future__ import annotations

import copy
import warnings
from zlib import crc32

import numpy as np
import pytest
import scipy.linalg as sl

import fsci
from fsci.core import registry
from tests.contract.cases import Case
from tests.contract.kinds import CASES

registry.load_all("host")
KERNELS = [(kind, name) for kind in sorted(registry.kinds()) for name in sorted(registry.kernels(kind, "host"))]
TOLERANCE = {"float64": 1e-11, "complex128": 1e-11, "float32": 2e-3, "complex64": 2e-3}


def _variants(case: Case, dtype: str):
    return case.variants(np.random.default_rng(crc32(f"{case.name}{dtype}".encode())), dtype)


def test_every_kind_has_a_case():
    assert set(registry.kinds()) == set(CASES)


@pytest.mark.parametrize(("kind", "kernel"), KERNELS, ids=str)
def test_kernel_agrees_with_scipy_and_certifies_truthfully(kind: str, kernel: str):
    reached = 0
    for case in CASES[kind]:
        for dtype in case.dtypes:
            for label, args, kwargs in _variants(case, dtype):
                pristine = copy.deepcopy(args)
                policy = {**case.policy, "overrides": {kind: kernel}}
                with fsci.policy(**policy), fsci.trace() as log, warnings.catch_warnings():
                    # The badly scaled variants are ill-conditioned in single precision; SciPy warns too.
                    warnings.simplefilter("ignore", sl.LinAlgWarning)
                    ours = case.ours()(*args, **kwargs)
                if not log or not log[-1].attempts or log[-1].attempts[0].kernel != kernel:
                    continue
                reached += 1
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", sl.LinAlgWarning)
                    theirs = case.theirs()(*args, **kwargs)
                try:
                    # At a condition of 1e12 two backward stable answers share a few digits; in
                    # single precision they share none, and only the certificate is looked at.
                    rtol = TOLERANCE[dtype] if label != "badly-scaled" else 1e-3
                    if label != "badly-scaled" or dtype in ("float64", "complex128"):
                        case.same(ours, theirs, args, rtol)
                    for given, kept in zip(args, pristine, strict=True):
                        if isinstance(given, np.ndarray):
                            np.testing.assert_array_equal(given, kept)
                except AssertionError as error:
                    raise AssertionError(f"{kernel} on {case.name} {label} {dtype}: {error}") from error
                certificate = log[-1].certificate
                assert certificate.algorithm, (label, dtype)
                assert log[-1].handover == ""
    if not reached and kernel not in OUT_OF_REACH:
        pytest.fail(f"no variant of {kind} reaches {kernel}: add one to tests/contract/kinds.py")


# Kernels that serve only problems which the well-conditioned variants do not pose; each has tests of its own.
OUT_OF_REACH = {
    "auto": "a method that SciPy does not have: tests/integrate/test_auto.py",
    "rodas5p": "a method that SciPy does not have: tests/integrate/test_rodas.py",
    "tsit5": "a method that SciPy does not have: tests/integrate/test_pairs.py",
    "vern7": "a method that SciPy does not have: tests/integrate/test_pairs.py",
    "structured_auto": "a method that SciPy does not have: tests/integrate/test_structured.py",
    "gmres_ir": "for conditions that single-precision factors alone cannot refine: tests/linalg/test_refinement.py",
    "refined_twofold": "for factors of an attempt before it: tests/sparse/test_sparse_certificates.py",
    "small_direct": "for calls without evidence: tests/sparse/test_spsolve.py",
    "fused_structured": "for calls that nobody looks into: tests/linalg/test_structured_systems.py",
    "pardiso": "where pypardiso is installed (extra mkl): tests/sparse/test_pardiso.py",
    "nonfinite": "for operands that hold NaN or infinity: test_not_finite_is_refused_as_scipy_refuses_it",
}


LAYOUTS = {
    "fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "reversed": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "read_only": lambda x: _frozen(x.copy()),
    "big_endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "unaligned": lambda x: np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1).reshape(x.shape),
    "list": lambda x: x.tolist(),
}


def _frozen(x: np.ndarray) -> np.ndarray:
    x.flags.writeable = False
    return x


def _laid_out(argument: object, layout: str) -> object:
    if isinstance(argument, np.ndarray):
        return LAYOUTS[layout](argument)
    return argument


# Problems whose operands are arrays alone: a callback has neither layout nor dtype.
PUBLIC = [(k, i) for k, cases in CASES.items() for i in range(len(cases)) if cases[i].name.startswith("linalg.")]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("kind", "index"), PUBLIC, ids=str)
def test_layout_changes_nothing(kind: str, index: int, layout: str):
    case = CASES[kind][index]
    dtype = "float64" if layout == "list" else "complex128"
    for label, args, kwargs in list(_variants(case, dtype))[:: 5 if layout != "fortran" else 2]:
        moved = tuple(_laid_out(a, layout) for a in args)
        kept = copy.deepcopy(moved)
        theirs = case.theirs()(*args, **kwargs)
        try:
            for _ in range(2):  # the second call goes through the plan cache
                ours = case.ours()(*moved, **kwargs)
        except (TypeError, ValueError) as error:
            # SciPy takes no foreign byte order or odd address in some functions, and inverts wrong numbers in others.
            assert layout in ("big_endian", "unaligned"), error
            with pytest.raises(type(error)):
                case.theirs()(*moved, **kwargs)
            continue
        try:
            case.same(ours, theirs, args, 1e-11)
        except AssertionError as error:
            raise AssertionError(f"{case.name} {label}: {error}") from error
        for given, original in zip(moved, kept, strict=True):
            if isinstance(given, np.ndarray):
                np.testing.assert_array_equal(given, original)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("kind", "index"), PUBLIC, ids=str)
def test_not_finite_is_refused_as_scipy_refuses_it(kind: str, index: int, bad: float):
    case = CASES[kind][index]
    for _, args, kwargs in list(_variants(case, "float64"))[::7]:
        spoiled = list(copy.deepcopy(args))
        arrays = [i for i, a in enumerate(spoiled) if isinstance(a, np.ndarray)]
        if not arrays:
            continue
        spoiled[arrays[0]].flat[-1] = bad
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = case.theirs()(*spoiled, **kwargs)
        except (ValueError, np.linalg.LinAlgError) as error:
            with pytest.raises(type(error)) as caught:
                case.ours()(*spoiled, **kwargs)
            assert str(caught.value) == str(error)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ours = case.ours()(*spoiled, **kwargs)
            np.testing.assert_array_equal(np.isfinite(np.asarray(ours)), np.isfinite(np.asarray(expected)))


@pytest.mark.parametrize(("kind", "index"), PUBLIC, ids=str)
def test_integers_are_promoted_as_scipy_promotes_them(kind: str, index: int):
    case = CASES[kind][index]
    for label, args, kwargs in list(_variants(case, "float64"))[::4]:
        whole = tuple((10 * a).round().astype(np.int64) if isinstance(a, np.ndarray) else a for a in args)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = case.theirs()(*whole, **kwargs)
        except (ValueError, np.linalg.LinAlgError) as error:
            with pytest.raises(type(error)):
                case.ours()(*whole, **kwargs)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours = case.ours()(*whole, **kwargs)
        if label != "deficient":
            case.same(ours, theirs, whole, 1e-9)
