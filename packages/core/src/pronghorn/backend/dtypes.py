"""Dtype names and the promotion lattice, as data.

Names are strings ("float32"). Python scalars are weak: "int*", "float*" and "complex*" stand for them and take the dtype of the tensor they meet.
The lattice is JAX's (https://docs.jax.dev/en/latest/type_promotion.html): the result of mixing dtypes is their least upper bound.
"""

import functools
from typing import Any

import numpy as np

from pronghorn.backend.settings import SETTINGS as SETTINGS

WEAK = {bool: "bool", int: "int*", float: "float*", complex: "complex*"}

# dtype -> the dtypes directly above it
_ABOVE: dict[str, tuple[str, ...]] = {
    "bool": ("int*",),
    "int*": ("uint8", "int8"),
    "uint8": ("int16", "uint16"),
    "int8": ("int16",),
    "uint16": ("int32", "uint32"),
    "int16": ("int32",),
    "uint32": ("int64", "uint64"),
    "int32": ("int64",),
    "uint64": ("float*",),
    "int64": ("float*",),
    "float*": ("complex*", "float8_e4m3fn", "float8_e5m2", "bfloat16", "float16"),
    "float8_e4m3fn": ("float32",),
    "float8_e5m2": ("float32",),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex*": ("complex64",),
    "complex64": ("complex128",),
    "complex128": (),
}
ALL = tuple(name for name in _ABOVE if not name.endswith("*"))
_STRONG = frozenset(ALL)
BOOL = frozenset({"bool"})
UNSIGNED = frozenset({"uint8", "uint16", "uint32", "uint64"})
SIGNED = frozenset({"int8", "int16", "int32", "int64"})
INTEGER = UNSIGNED | SIGNED
FLOAT = frozenset({"float8_e4m3fn", "float8_e5m2", "bfloat16", "float16", "float32", "float64"})
COMPLEX = frozenset({"complex64", "complex128"})
INEXACT = FLOAT | COMPLEX

# what stands in for a dtype that an engine lacks, where nobody asked for it by name
NARROWER = {"int64": "int32", "uint64": "uint32", "float64": "float32", "complex128": "complex64"}
REAL_OF = {"complex64": "float32", "complex128": "float64"}
COMPLEX_OF = {"float16": "complex64", "bfloat16": "complex64", "float32": "complex64", "float64": "complex128"}


def _closure(name: str) -> frozenset[str]:
    found = {name}
    for above in _ABOVE[name]:
        found |= _closure(above)
    return frozenset(found)


_UPPER = {name: _closure(name) for name in _ABOVE}


_PROMOTED: dict[tuple[str, ...], str] = {}  # a dictionary because torch's compiler warns of functools.cache


def promote(*names: str) -> str:
    """Return the least upper bound of dtype names; weak names may occur in arguments and in the result.

    Example:
        >>> promote("int32", "float*"), promote("bfloat16", "float*"), promote("uint8", "int8")
        ('float*', 'bfloat16', 'int16')
    """
    found = _PROMOTED.get(names)
    if found is not None:
        return found
    common = frozenset.intersection(*[_UPPER[name] for name in names])
    least = [name for name in common if common <= _UPPER[name]]
    if len(least) != 1:
        raise TypeError(f"No common dtype for {', '.join(names)}: cast one of them explicitly.")
    _PROMOTED[names] = least[0]
    return least[0]


def strong(name: str) -> str:
    """Replace a weak name by the dtype it stands for when no tensor decides: int32, floatx, complex64."""
    if name == "float*":
        return SETTINGS.floatx
    return {"int*": "int32", "complex*": "complex64"}.get(name, name)


def result_type(*names: str) -> str:
    """Return the dtype that mixing `names` gives, with weak names resolved.

    Example:
        >>> result_type("int32", "float*"), result_type("int8", "int*")
        ('float32', 'int8')
    """
    return strong(promote(*names))


def to_float(name: str) -> str:
    """Return the dtype in which float functions of `name` are computed: itself if inexact, else floatx."""
    name = strong(name)
    return name if name in INEXACT else SETTINGS.floatx


_ALIASES: dict[Any, str] = {
    bool: "bool",
    int: "int32",
    "int": "int32",
    "bool_": "bool",
    "half": "float16",
    "double": "float64",
}


_NAMES: dict[np.dtype, str] = {}


def name_of(dtype: np.dtype) -> str:
    """Return the name of a NumPy dtype; NumPy itself composes it anew each time, which takes longer than most ops on small tensors."""
    found = _NAMES.get(dtype)
    if found is None:
        found = _NAMES[dtype] = dtype.name
    return found


def standardize(dtype: Any) -> str:
    """Return the name of `dtype`, given as a name, a Python type, a NumPy dtype or an engine's own dtype object.

    Raises:
        ValueError: if it is no dtype pronghorn knows.

    Example:
        >>> import numpy as np
        >>> standardize(np.float16), standardize("int64"), standardize(None)
        ('float16', 'int64', 'float32')
    """
    if type(dtype) is str and dtype in _STRONG:
        return dtype
    if dtype is None or dtype is float or dtype == "float":
        return SETTINGS.floatx
    try:
        if dtype in _ALIASES:
            return _ALIASES[dtype]
    except TypeError:
        pass
    for candidate in (getattr(dtype, "name", None), getattr(dtype, "__name__", None), str(dtype).rpartition(".")[2]):
        if isinstance(candidate, str):
            candidate = _ALIASES.get(candidate, candidate)
            if candidate in _ABOVE and not candidate.endswith("*"):
                return candidate
    if isinstance(dtype, str):
        try:
            return standardize(np.dtype(dtype))
        except TypeError:
            pass
    from pronghorn.backend.errors import closest

    raise ValueError(f"Unknown dtype {dtype!r}.{closest(str(dtype), ALL)} Known: {', '.join(ALL)}.")


@functools.cache
def numpy_dtype(name: str) -> np.dtype:
    """Return the NumPy dtype for `name`; bfloat16 and the float8 kinds come from ml_dtypes."""
    if name == "bfloat16" or name.startswith("float8"):
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, name))
    return np.dtype(name)


def is_float(name: str) -> bool:
    """Tell whether `name` is a real floating dtype."""
    return name in FLOAT


def is_int(name: str) -> bool:
    """Tell whether `name` is an integer dtype; bool is not."""
    return name in INTEGER
