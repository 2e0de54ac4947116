"""Matrices and right-hand sides from files: Matrix Market, NumPy's .npy and .npz, and SciPy's sparse .npz."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import scipy.sparse

from fsci.cli.errors import InputError

__all__ = ["FORMATS", "read_array", "read_dense"]


def read_array(path: Path) -> Any:
    """A float or complex array as the file holds it: an ndarray, or a sparse array in compressed columns."""
    kind = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    if kind not in _READERS:
        raise InputError(f"{path}: {FORMATS} is needed")
    try:
        array = _READERS[kind](path)
        if scipy.sparse.issparse(array):
            array = _sound(array)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except MemoryError as error:
        raise InputError(f"{path}: too large to be read here") from error
    except (OSError, ValueError, TypeError, KeyError, NotImplementedError, EOFError, BadZipFile) as error:
        raise InputError(f"{path} cannot be read: {_first_line(error)}") from error
    except (OverflowError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {_first_line(error)}") from error
    if array.dtype.kind not in "biufc":
        raise InputError(f"{path} holds {array.dtype}: numbers are needed")
    return array if array.dtype.char in "fdFD" else array.astype(complex if array.dtype.kind == "c" else float)


def read_dense(path: Path) -> Any:
    """An ndarray, whatever the file holds."""
    array = read_array(path)
    if not scipy.sparse.issparse(array):
        return array
    _must_fit(path, *array.shape)
    return array.toarray()


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else "malformed"


def _must_fit(path: Path, rows: int, columns: int) -> None:
    # A matrix that the machine cannot hold three times over would end in the swap, or in a kill.
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 2**62
    if 3 * 16 * rows * columns > memory:
        raise InputError(f"{path} is {rows} x {columns}: too large for a dense matrix here")


def _matrix_market(path: Path) -> Any:
    import scipy.io

    rows, columns, _, form, *_ = scipy.io.mminfo(path)
    _must_fit(path, rows, columns if form == "array" else 1)
    return scipy.io.mmread(path, spmatrix=False)


def _zipped(path: Path) -> Any:
    """What `scipy.sparse.save_npz` wrote, or the one array of `numpy.savez`."""
    # NumPy leaves a file that it opened itself open where the archive is cut.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        names = archive.files
        if "format" not in names:
            if len(names) != 1:
                raise ValueError(f"one array is needed, not {len(names)} ({', '.join(sorted(names))})")
            return archive[names[0]]
    return scipy.sparse.load_npz(path)


def _sound(array: Any) -> Any:
    """In compressed columns; only when every index is known to lie in the matrix."""
    if array.ndim != 2:
        raise ValueError(f"a sparse array of {array.ndim} dimension is no matrix")
    if hasattr(array, "check_format"):
        array.check_format(full_check=True)
    array = scipy.sparse.csc_array(array)
    array.sum_duplicates()
    return array


_READERS: dict[str, Callable[[Path], Any]] = {
    ".mtx": _matrix_market,
    ".mtx.gz": _matrix_market,
    ".npy": lambda path: np.load(path, allow_pickle=False),
    ".npz": _zipped,
}
FORMATS = "{}, {}, {} or {}".format(*_READERS)
