"""Python operators on symbolic tensors and variables, as the ops they stand for."""

from collections.abc import Callable
from typing import Any

from pronghorn.backend import primitives as p
from pronghorn.ops.elementwise import greater, greater_equal, not_equal
from pronghorn.ops.indexing import getitem


def matmul(x1: Any, x2: Any) -> Any:
    """Matrix product as in NumPy."""
    from pronghorn.ops.contraction import matmul

    return matmul(x1, x2)


_BINARY: dict[str, Callable] = {
    "add": p.add, "sub": p.subtract, "mul": p.multiply, "truediv": p.divide, "floordiv": p.floor_divide, "mod": p.mod, "pow": p.power,
    "matmul": matmul, "and": p.logical_and, "or": p.logical_or, "xor": p.bitwise_xor,
}  # fmt: skip
_COMPARE: dict[str, Callable] = {"lt": p.less, "le": p.less_equal, "gt": greater, "ge": greater_equal}
_UNARY: dict[str, Callable] = {"neg": p.negative, "abs": p.abs, "invert": p.logical_not}


def install(cls: type, equality: bool) -> None:
    """Give a tensor-like class Python's operators.

    Args:
        cls: class whose instances ops accept.
        equality: whether `==` and `!=` compare elements; a class whose instances are dictionary keys keeps identity.
    """

    def forward(fn: Callable) -> Callable:
        return lambda self, other: fn(self, other)

    def backward(fn: Callable) -> Callable:
        return lambda self, other: fn(other, self)

    def compare(fn: Callable) -> Callable:
        return lambda self, other: NotImplemented if other is None else fn(self, other)  # next to None, Python falls back to identity

    for name, fn in _BINARY.items():
        setattr(cls, f"__{name}__", forward(fn))
        setattr(cls, f"__r{name}__", backward(fn))
    for name, fn in _COMPARE.items():
        setattr(cls, f"__{name}__", forward(fn))
    for name, fn in _UNARY.items():
        setattr(cls, f"__{name}__", lambda self, _fn=fn: _fn(self))
    setattr(cls, "__getitem__", lambda self, key: getitem(self, key))  # noqa: B010
    if equality:
        cls.__eq__ = compare(p.equal)  # type: ignore[method-assign, assignment]
        cls.__ne__ = compare(not_equal)  # type: ignore[method-assign, assignment]
        cls.__hash__ = object.__hash__  # type: ignore[method-assign, assignment]


def install_methods(cls: type) -> None:
    """Give the class of symbolic tensors its methods `reshape` and `squeeze`."""
    from pronghorn.ops import shaping

    def reshape(self: Any, newshape: Any) -> Any:
        """Return `ops.reshape(self, newshape)`."""
        return shaping.reshape(self, newshape)

    def squeeze(self: Any, axis: Any = None) -> Any:
        """Return `ops.squeeze(self, axis)`."""
        return shaping.squeeze(self, axis)

    setattr(cls, "reshape", reshape)  # noqa: B010
    setattr(cls, "squeeze", squeeze)  # noqa: B010
