"""Engines: the contract, dispatch, discovery; and the settings that Keras keeps under `backend`."""

from pronghorn.backend.settings import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)


def backend() -> str:
    """Return the name of the active engine.

    Example:
        >>> import pronghorn as ph
        >>> with ph.use_backend("numpy"):
        ...     ph.backend.backend()
        'numpy'
    """
    from pronghorn.backend.registry import active_name

    return active_name()


def result_type(*dtypes: object) -> str:
    """Return the dtype that mixing dtypes (or Python scalar types) gives.

    Example:
        >>> result_type("int32", float)
        'float32'
    """
    from pronghorn.backend import dtypes as d

    weak = {int: "int*", float: "float*"}
    return d.result_type(*[weak.get(v) or d.standardize(v) for v in dtypes])  # type: ignore[call-overload]


def standardize_dtype(dtype: object) -> str:
    """Return the name of a dtype given in any form."""
    from pronghorn.backend.dtypes import standardize

    return standardize(dtype)


def is_float_dtype(dtype: object) -> bool:
    """Tell whether `dtype` is a real floating dtype."""
    from pronghorn.backend.dtypes import is_float, standardize

    return is_float(standardize(dtype))


def is_int_dtype(dtype: object) -> bool:
    """Tell whether `dtype` is an integer dtype."""
    from pronghorn.backend.dtypes import is_int, standardize

    return is_int(standardize(dtype))


__all__ = [
    "backend", "epsilon", "floatx", "image_data_format", "is_float_dtype", "is_int_dtype", "result_type", "set_epsilon", "set_floatx",
    "set_image_data_format", "standardize_dtype",
]  # fmt: skip
