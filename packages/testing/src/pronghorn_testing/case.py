"""What a case is: an op, its arguments with inputs described rather than given, and how exact the result has to be."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pronghorn.backend import dtypes

#: relative to the size of the result, by the least exact dtype that takes part
TOLERANCE = {"float64": 1e-9, "complex128": 1e-9, "float32": 2e-5, "complex64": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}
FLOATS = ("float32", "float64", "bfloat16", "float16")
ANY = ("float32", "int32", "bool")
NUMBERS = ("float32", "int32", "uint8")


@dataclass(frozen=True)
class Input:
    """A tensor to be drawn: what a case's arguments hold in place of arrays.

    Attributes:
        shape: sizes.
        low: smallest value; floats are normal where there is neither `low` nor `high`.
        high: largest value.
        dtype: dtype name; None for the dtype the case runs in.
        values: fixed values instead of drawn ones; no gradient is taken there.
        make: function of a NumPy generator and the shape that draws instead, for inputs with a structure (positive definite matrices).
    """

    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    dtype: str | None = None
    values: Any = field(default=None, compare=False)
    make: Callable | None = field(default=None, compare=False)

    def draw(self, rng: np.random.Generator, dtype: str) -> np.ndarray:
        """Return the array, of the input's own dtype or else of `dtype`."""
        name = self.dtype or dtype
        kind = dtypes.numpy_dtype(name)
        if self.values is not None:
            return np.asarray(self.values).astype(kind)
        if self.make is not None:
            return np.asarray(self.make(rng, self.shape)).astype(kind)
        if name == "bool":
            return rng.random(self.shape) < 0.5
        if name in dtypes.INTEGER:
            low = 0 if name in dtypes.UNSIGNED else -5
            low, high = (low if self.low is None else max(low, int(np.ceil(self.low)))), (5 if self.high is None else int(self.high))
            return rng.integers(low, max(high, low) + 1, self.shape).astype(kind)
        draw = rng.normal if self.low is None and self.high is None else lambda size: rng.uniform(self.low, self.high, size)
        if name in dtypes.COMPLEX:
            return (draw(size=self.shape) + 1j * draw(size=self.shape)).astype(kind)
        return np.asarray(draw(size=self.shape)).astype(kind)


def X(*shape: int, low: float | None = None, high: float | None = None, make: Callable | None = None) -> Input:
    """Return data in the case's dtype: normal, or uniform between `low` and `high`."""
    return Input(shape, low, high, make=make)


def P(*shape: int) -> Input:
    """Return positive data in the case's dtype."""
    return Input(shape, 0.5, 3.0)


def I(*shape: int, low: int = 0, high: int = 4, dtype: str = "int32") -> Input:  # noqa: E743
    """Return integers from `low` to `high`, both included."""
    return Input(shape, low, high, dtype)


def B(*shape: int) -> Input:
    """Return booleans."""
    return Input(shape, dtype="bool")


def C(*shape: int) -> Input:
    """Return complex numbers."""
    return Input(shape, dtype="complex64")


def V(values: Any, dtype: str | None = None) -> Input:
    """Return fixed values, in the case's dtype unless `dtype` is given."""
    return Input(np.shape(values), dtype=dtype, values=values)


@dataclass(frozen=True)
class OpCase:
    """One way to call an op, from which every check is made.

    Attributes:
        op: public name in `pronghorn.ops`, or `"p."` and the name of a primitive.
        args: positional arguments; each `Input`, also inside lists, becomes a tensor.
        kwargs: keyword arguments, likewise.
        label: tells the cases of one op apart; made from `kwargs` by default.
        dtypes: the dtypes that the case runs in, that is, those of inputs without one of their own.
        tolerance: factor on the tolerance of the dtype.
        needs: capabilities and dtypes without which the case is left out, separated by spaces.
        grad: whether gradients are checked (where there are float inputs and float results).
        batch: whether the op accepts a first input whose leading size is not known.
        compiled: whether the op can be compiled.
        expected: closed form in NumPy of the same arguments, against which the reference engine itself is checked.
        check: replaces the comparison of results, as a function `(actual, inputs)` of NumPy arrays that asserts; for results that are not unique.
    """

    op: str
    args: Sequence[Any] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    label: str = ""
    dtypes: tuple[str, ...] = ("float32",)
    tolerance: float = 1.0
    needs: str = ""
    grad: bool = True
    batch: bool = True
    compiled: bool = True
    expected: Callable | None = None
    check: Callable | None = None

    @property
    def name(self) -> str:
        """The case's name without a dtype."""
        label = self.label or ",".join(f"{k}={_short(v)}" for k, v in self.kwargs.items())
        return f"{self.op}-{label}" if label else self.op


def _short(value: Any) -> str:
    if isinstance(value, Input):
        return "x".join(map(str, value.shape)) or "scalar"
    if isinstance(value, (list, tuple)):
        return "(" + ",".join(map(_short, value)) + ")"
    return str(getattr(value, "__name__", value)).replace(" ", "")


@dataclass(frozen=True)
class Run:
    """A case in one dtype, with its inputs drawn."""

    case: OpCase
    dtype: str

    @property
    def id(self) -> str:
        """What pytest, `xfails.toml` and the table call it."""
        return f"{self.case.name}-{self.dtype}"

    @property
    def inputs(self) -> list[Input]:
        """The inputs, in the order of the arguments."""
        return [x for x in _leaves((list(self.case.args), self.case.kwargs)) if isinstance(x, Input)]

    def draw(self, dtype: str | None = None, sample: int = 0) -> list[np.ndarray]:
        """Return the input arrays, the same on every call; in another dtype where one is given, other ones for another `sample`."""
        rng = np.random.default_rng(zlib.crc32(self.case.name.encode()) + sample)
        return [x.draw(rng, dtype or self.dtype) for x in self.inputs]

    def fill(self, tensors: Sequence[Any]) -> tuple[list, dict]:
        """Return the arguments with tensors in place of inputs."""
        it = iter(tensors)
        return _replace((list(self.case.args), self.case.kwargs), it)

    def call(self, tensors: Sequence[Any]) -> Any:
        """Call the op."""
        args, kwargs = self.fill(tensors)
        return function(self.case.op)(*args, **kwargs)


def function(name: str) -> Callable:
    """Return the op that a case names."""
    from pronghorn import ops
    from pronghorn.backend.op import OPS, PRIMITIVES

    if name.startswith("p."):
        return PRIMITIVES[name[2:]].public
    found: Any = ops
    for part in name.split("."):
        found = getattr(found, part, None)
    return found or OPS[name].public


def exists(name: str) -> bool:
    """Tell whether this pronghorn has the op."""
    try:
        function(name)
    except KeyError:
        return False
    return True


def _leaves(value: Any) -> Any:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for v in value:
            yield from _leaves(v)
    else:
        yield value


def _replace(value: Any, tensors: Any) -> Any:
    if isinstance(value, Input):
        return next(tensors)
    if isinstance(value, dict):
        return {k: _replace(v, tensors) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_replace(v, tensors) for v in value)
    return value


def all_cases() -> list[OpCase]:
    """Return every case of the kit."""
    import importlib
    import pkgutil

    import pronghorn_testing

    found: list[OpCase] = []
    for info in pkgutil.iter_modules(pronghorn_testing.__path__):
        if info.name.startswith("cases_"):
            found += importlib.import_module(f"pronghorn_testing.{info.name}").CASES
    return found
