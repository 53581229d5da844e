"""Making tensors and converting between kinds of them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn.backend import dtypes, registry
from pronghorn.backend import primitives as p
from pronghorn.backend.convert import host_array, require_dense
from pronghorn.backend.dims import Dim, plain_sizes
from pronghorn.backend.op import PRIMITIVES, op, place
from pronghorn.backend.owners import OWNERS, owner, symbolic_backend, unwrap
from pronghorn.symbolic.graph import TRACE
from pronghorn.symbolic.spec import Spec


def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """Return `x` as a tensor of the active backend; a tensor of any engine stays on its engine.

    Args:
        x: number, nested list, array, Variable or tensor.
        dtype: dtype name; kept as asked or refused. Without one, float64 host data becomes `floatx` and Python ints int32.

    Raises:
        TypeError: data that is not numeric, or a dtype the engine lacks.

    Example:
        >>> convert_to_tensor([1, 2], dtype="float32")
        array([1., 2.], dtype=float32)
    """
    for name, flag in (("sparse", sparse), ("ragged", ragged)):
        if flag:
            raise ValueError(f"{name} tensors are not supported yet. Use a dense tensor.")
    x = unwrap(x)
    want = None if dtype is None else dtypes.standardize(dtype)
    b = owner(type(x))
    if b is None:
        b = registry.active()
        if b.host_tensors and isinstance(x, (np.ndarray, np.generic)) and x.dtype.isnative:
            name = dtypes.name_of(x.dtype)
            if name in b.dtypes and want in (None, name):
                return x
        array = host_array(x, b, want)
        return b.convert_to_tensor(array, array.dtype.name)
    require_dense(b, x)
    if want is None or b.dtype(x) == want:
        return x
    return p.cast(x, want if isinstance(x, Spec) else b.require(want))


def convert_to_numpy(x: Any) -> np.ndarray:
    """Return the values of a tensor as a NumPy array.

    Example:
        >>> convert_to_numpy([1.0, 2.0])
        array([1., 2.], dtype=float32)
    """
    x = unwrap(x)
    b = owner(type(x))
    return host_array(x, registry.active()) if b is None else np.asarray(b.convert_to_numpy(require_dense(b, x)))


def convert(x: Any, backend: str) -> Any:
    """Move a tensor, or a nest of tensors, to another engine.

    Args:
        x: tensor, array, Variable, or tuples, lists and dicts of them.
        backend: name of the engine that gets it. Engines that share memory through DLPack do so; otherwise the data goes through the host.

    Example:
        >>> convert([1.0, 2.0], backend="numpy")
        [array(1., dtype=float32), array(2., dtype=float32)]
    """
    from pronghorn.state.tree import map_structure

    target = registry.get(backend)

    def move(v: Any) -> Any:
        v = unwrap(v)
        own = owner(type(v))
        if own is target:
            return v
        array = np.asarray(v) if own is None else own.convert_to_numpy(require_dense(own, v))
        return target.from_host(array, target.canonical(array.dtype.name) if own is not None else None)

    return map_structure(move, x)


def is_tensor(x: Any) -> bool:
    """Tell whether `x` is a tensor of an engine, symbolic ones included.

    Example:
        >>> is_tensor([1.0])
        False
    """
    b = owner(type(x))
    return b is not None or (isinstance(x, (np.ndarray, np.generic)) and registry.active().host_tensors)


def shape(x: Any) -> tuple:
    """Return the shape as a tuple: ints, and where a size is not known while tracing, the engine's scalar or a symbolic dimension.

    Example:
        >>> shape([[1, 2, 3]])
        (1, 3)
    """
    b = OWNERS.get(type(x))
    if b is None:
        x = unwrap(x)
        b = owner(type(x))
    return np.shape(x) if b is None else b.shape(x)


def ndim(x: Any) -> int:
    """Return the number of axes.

    Example:
        >>> ndim([[1, 2, 3]])
        2
    """
    try:
        return len(x.shape)
    except (AttributeError, TypeError, ValueError):  # host data, or a tensor whose engine does not know
        return len(shape(x))


def dtype_of(x: Any) -> str:
    """Return the dtype name of a tensor, or the one host data would get on the active backend."""
    b = OWNERS.get(type(x))
    if b is None:
        x = unwrap(x)
        b = owner(type(x))
    if b is not None:
        return b.dtype(x)
    active = registry.active()
    if isinstance(x, (np.ndarray, np.generic)) and active.host_tensors:
        return dtypes.name_of(x.dtype)
    return dtypes.name_of(host_array(x, active).dtype)


def cast(x: Any, dtype: Any) -> Any:
    """Convert to another dtype; floats are truncated towards zero when they become integers.

    Example:
        >>> cast([1.7, -1.7], "int32")
        array([ 1, -1], dtype=int32)
    """
    try:
        known = _CASTS[type(x)][x.dtype][dtype]
    except (KeyError, AttributeError, TypeError):
        return _cast(x, dtype)
    return known[0](x, known[1])


#: class of the tensor -> its dtype -> the dtype asked for -> what converts it, and the dtype's name
_CASTS: dict[Any, dict[Any, dict[Any, tuple[Callable[[Any, str], Any], str]]]] = {}


def _cast(x: Any, dtype: Any) -> Any:
    try:
        name = dtypes.standardize(dtype)
    except ValueError as error:
        raise ValueError(f"cast: {error}") from None
    b = OWNERS.get(type(x))
    if b is None:
        x = unwrap(x)
        b = owner(type(x))
        if b is None:
            b = registry.active()
            if type(x) is not np.ndarray or not b.host_tensors or not x.dtype.isnative:
                x = convert_to_tensor(x)
    if isinstance(x, Spec):
        return x if b.dtype(x) == name else p.cast(x, name)
    run = b.dense_only("cast", _same if b.dtype(x) == b.require(name) else b.cast, (0,))
    if type(dtype) is str and not b.traced():
        if b.own_dtypes and OWNERS.get(type(x)) is b:
            _CASTS.setdefault(type(x), {}).setdefault(x.dtype, {})[dtype] = (run, name)
        elif type(x) is np.ndarray and b.host_tensors:
            place(b, [(_CASTS.setdefault(np.ndarray, {}).setdefault(x.dtype, {}), dtype)], run, _cast, lambda run: (run, name))
    return run(x, name)


def _same(x: Any, _: str) -> Any:
    return x


#: ops that take -1 for what is left
_WITH_REST = ("shape", "reshape", "slice", "broadcast_to")


def sizes(value: Any, op_name: str = "shape") -> tuple:
    """Return a shape argument (int, or a sequence of ints and symbolic sizes) as a tuple."""
    if plain_sizes(value) and (op_name in _WITH_REST or -1 not in value):
        return value
    value = unwrap(value)
    if isinstance(value, (int, np.integer)) or isinstance(value, Dim):
        value = (value,)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        try:
            value = tuple(value)
        except TypeError:
            raise TypeError(f"{op_name}: expected an int or a sequence of ints; received {value!r}.") from None
    out = []
    for d in value:
        if isinstance(d, (float, str)) or d is None:
            raise TypeError(f"{op_name}: sizes must be integers; received {value!r}.")
        out.append(int(d) if isinstance(d, (int, np.integer)) else d)
    least = -1 if op_name in _WITH_REST else 0
    if any(isinstance(d, int) and d < least for d in out):
        raise ValueError(f"{op_name}: sizes must not be negative; received {tuple(out)!r}.")
    return tuple(out)


def _unknown(dims: tuple) -> bool:
    return any(isinstance(d, Dim) for d in dims)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return a tensor of `shape` filled with a number (or a tensor that broadcasts to it); `floatx` by default.

    Example:
        >>> full((2,), 7, "int32")
        array([7, 7], dtype=int32)
    """
    dims = sizes(shape, "full")
    fill_value = unwrap(fill_value)
    b = registry.active()
    name = dtypes.standardize(dtype)
    if isinstance(fill_value, (bool, int, float, np.generic)):
        number = fill_value.item() if isinstance(fill_value, np.generic) else fill_value
        if _unknown(dims):  # symbolic, though no operand says so; a compiler is told the number, a model cannot find out the size
            start = Spec((), name) if TRACE.tape is None else np.asarray(number, dtypes.numpy_dtype(name))
            return symbolic_backend().runner(PRIMITIVES["broadcast_to"])(start, dims)
        return b.full(dims, number, b.require(name) if dtype is not None else b.canonical(name))
    value = convert_to_tensor(fill_value, name)
    return p.broadcast_to(value, dims)


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Return a tensor of zeros; `floatx` by default.

    Example:
        >>> zeros((2,))
        array([0., 0.], dtype=float32)
    """
    name = dtypes.standardize(dtype)
    return full(shape, False if name == "bool" else 0 if name in dtypes.INTEGER else 0.0, name)


def ones(shape: Any, dtype: Any = None) -> Any:
    """Return a tensor of ones; `floatx` by default.

    Example:
        >>> ones((2,), "int32")
        array([1, 1], dtype=int32)
    """
    name = dtypes.standardize(dtype)
    return full(shape, True if name == "bool" else 1 if name in dtypes.INTEGER else 1.0, name)


def empty(shape: Any, dtype: Any = None) -> Any:
    """Return a tensor whose values are not specified (here: zeros)."""
    return zeros(shape, dtype)


@op
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return a tensor of the shape of `x` filled with a number.

    Example:
        >>> full_like([1.0, 2.0], 5)
        array([5., 5.], dtype=float32)
    """
    return full(shape(x), fill_value, dtype_of(x) if dtype is None else dtype)


@op
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Return zeros of the shape and dtype of `x`.

    Example:
        >>> zeros_like([1, 2])
        array([0, 0], dtype=int32)
    """
    return zeros(shape(x), dtype_of(x) if dtype is None else dtype)


@op
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Return ones of the shape and dtype of `x`.

    Example:
        >>> ones_like([1, 2])
        array([1, 1], dtype=int32)
    """
    return ones(shape(x), dtype_of(x) if dtype is None else dtype)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Return evenly spaced numbers from `start` up to, not including, `stop`.

    Example:
        >>> arange(3)
        array([0, 1, 2], dtype=int32)
    """
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    b = registry.active()
    if dtype is None:
        name = b.canonical(dtypes.result_type(*[dtypes.WEAK.get(type(v)) or dtype_of(v) for v in (start, stop, step)]))
    else:
        name = b.require(dtypes.standardize(dtype))
    if _unknown((start, stop, step)):
        return Spec(((stop - start + step - 1) // step,), name)
    return b.arange(start, stop, step, name)
