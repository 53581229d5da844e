"""Building an `ov.Model`: values of the graph, how dtypes are carried, and lazy transposes.

The CPU plugin computes in f32, i32 and boolean and saturates or rounds elsewhere, so every pronghorn dtype travels in one of these three *carriers*; integers
narrower than 32 bits are wrapped after arithmetic. A value may hold its axes in another order than the program sees (`order`), which is how channels-last
convolutions run without copies: elementwise ops and reductions work on whatever order there is, and a transpose appears only where somebody needs the axes.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from pronghorn.backend.dims import Dim
from pronghorn.backend.errors import CapabilityError
from pronghorn.symbolic.spec import Spec
from pronghorn_openvino.engine import o, ov

BITS = {"int8": 8, "uint8": 8, "int16": 16, "uint16": 16}
UNSIGNED32 = frozenset({"uint32", "uint64"})
_LOW = np.int32(-(2**31))


def carrier(name: str) -> str:
    """Return the element type that carries a dtype in the graph."""
    if name == "bool":
        return "boolean"
    if name.startswith(("int", "uint")):
        return "i32"
    if name.startswith(("float", "bfloat")):
        return "f32"
    raise CapabilityError(f"openvino has no dtype {name}. Run this on another engine, or on real numbers.")


def to_carrier(array: np.ndarray) -> np.ndarray:
    """Return host data as the graph carries it.

    Raises:
        OverflowError: 64-bit integers that do not fit 32 bits.
    """
    kind = carrier(array.dtype.name)
    if kind == "boolean":
        return array
    if kind == "f32":
        return array if array.dtype == np.float32 else array.astype(np.float32)
    if array.dtype == np.int32:
        return array
    if array.dtype.itemsize == 8 and array.size:
        low, high = (0, 2**32) if array.dtype == np.uint64 else (-(2**31), 2**31)
        if array.min() < low or array.max() >= high:
            raise OverflowError(f"openvino computes with 32-bit integers; received {array.dtype} values from {array.min()} to {array.max()}.")
    if array.dtype.name in UNSIGNED32:
        return array.astype(np.uint32).view(np.int32)
    return array.astype(np.int32)


def shareable(array: np.ndarray) -> np.ndarray:
    """Return an array whose memory OpenVINO accepts: contiguous and writable. A variable's storage is a read-only view of such an array."""
    flags = array.flags
    if not flags.c_contiguous:
        return np.array(array, order="C")
    if flags.writeable:
        return array
    base = array.base
    same = type(base) is np.ndarray and base.flags.writeable and base.shape == array.shape and base.dtype == array.dtype and base.strides == array.strides
    return base if same and base is not None else array.copy()


def from_carrier(array: np.ndarray, name: str) -> np.ndarray:
    """Return a result of the graph in its dtype."""
    from pronghorn.backend.dtypes import numpy_dtype

    if array.dtype.name == name:
        return array
    return array.view(np.uint32) if name == "uint32" else array.astype(numpy_dtype(name))


def const(value: Any, kind: Any = np.float32) -> Any:
    """Return a constant node."""
    return o.constant(np.asarray(value, kind)).output(0)


def ints(value: Any) -> Any:
    """Return an int64 constant: axes, shapes, bounds."""
    return const(value, np.int64)


class Value:
    """A tensor of the graph.

    Attributes:
        node: output of an OpenVINO node.
        dtype: pronghorn's dtype.
        order: `order[i]` is the axis of `node` that the program sees as axis i; None where they agree.
        array: the values, where they are known now.
    """

    __slots__ = ("node", "dtype", "order", "array", "arranged")

    def __init__(self, node: Any, dtype: str, order: tuple | None = None, array: np.ndarray | None = None):
        self.node = node.output(0) if isinstance(node, ov.Node) else node
        self.dtype, self.array = dtype, array
        self.order = None if order is None or order == tuple(range(len(order))) else order
        self.arranged: dict[tuple, Any] = {}

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.node.get_partial_shape())

    @property
    def dims(self) -> tuple:
        """Sizes as the program sees them, None where unknown."""
        found = [d.get_length() if d.is_static else None for d in self.node.get_partial_shape()]
        return tuple(found if self.order is None else [found[a] for a in self.order])

    def axis(self, a: int) -> int:
        """Return the node's axis for the program's axis `a`."""
        return a if self.order is None else self.order[a]

    def as_axes(self, axes: Sequence[int]) -> Any:
        """Return a node whose axes are the program's axes `axes`, a permutation."""
        want = tuple(self.axis(a) for a in axes)
        if want == tuple(range(len(want))):
            return self.node
        if want not in self.arranged:
            self.arranged[want] = (
                o.constant(np.ascontiguousarray(self.array.transpose(want)), shared_memory=True)
                if self.array is not None
                else o.transpose(self.node, ints(want))
            ).output(0)
        return self.arranged[want]

    @property
    def plain(self) -> Any:
        """The node in the program's order of axes."""
        return self.node if self.order is None else self.as_axes(range(len(self.order)))


class Graph:
    """What is known while one model, or one body of a loop or branch, is being built.

    Args:
        outer: the graph around a body; what the body uses of it becomes a parameter of the body.
    """

    def __init__(self, outer: "Graph | None" = None):
        self.values: dict[int, Value] = {}
        self.lazy: dict[int, Any] = {}  # id of a spec -> how to make its value, for inputs and variables that may be unused
        self.parameters: list[Any] = []
        self.captured: list[tuple[Any, Any]] = []  # outer value's node, parameter of this body
        self.sizes: dict[str, Any] = {}  # name of a dimension -> scalar node
        self.sized: dict[str, Spec] = {}  # name of a dimension -> an input with an axis of that size
        self.outer = outer
        self.keep: list[Any] = []  # host memory that constants share
        self._constants: dict[int, Value] = {}

    def parameter(self, shape: Sequence[Any], dtype: str) -> Any:
        """Add an input, with -1 for unknown sizes, in the carrier of `dtype`."""
        node = o.parameter([-1 if d is None or isinstance(d, Dim) else d for d in shape], ov.Type(_NUMPY[carrier(dtype)]))
        self.parameters.append(node)
        return node

    def constant(self, array: Any) -> Value:
        """Return host data as a value; big arrays share their memory."""
        key = id(array)
        if key in self._constants:
            return self._constants[key]
        array = np.asarray(array)
        data = to_carrier(array)
        if array.dtype == np.float16 and array.size > 1024:  # half the memory; the plugin converts
            node = o.convert(o.constant(shareable(array), shared_memory=True), "f32")
            made = Value(node, "float16", array=None)
        else:
            data = shareable(data)
            made = Value(o.constant(data, shared_memory=data.size > 1024), array.dtype.name, array=data)
        self.keep += [array, data]
        self._constants[key] = made
        return made

    def value(self, x: Any) -> Value:
        """Return the value of a spec, or of host data."""
        if isinstance(x, Value):
            return x
        if not isinstance(x, Spec):
            return self.constant(x)
        key = id(x)
        if key not in self.values:
            if key in self.lazy:
                self.values[key] = self.lazy[key]()
            elif self.outer is not None:
                found = self.outer.value(x)
                if found.array is not None:  # weights stay constants inside a body
                    self.values[key] = Value(o.constant(found.array, shared_memory=found.array.size > 1024), found.dtype, found.order, found.array)
                    return self.values[key]
                node = o.parameter(found.node.get_partial_shape(), found.node.get_element_type())
                self.parameters.append(node)
                self.captured.append((found.node, node))
                self.values[key] = Value(node, found.dtype, found.order)
            else:
                raise RuntimeError(f"{x} is used in a compiled step but was made outside of it. Pass it to the step as an argument.")
        return self.values[key]

    # -- shapes whose sizes may be unknown
    def size(self, d: Any) -> Any:
        """Return a size as a vector node of one int64."""
        if not isinstance(d, Dim):
            return ints([int(d)])
        total = None
        for names, factor in d.terms.items():
            term = ints([factor])
            for name in names:
                size = self._size(name)
                if size is None:
                    raise CapabilityError(f"openvino: the size {d} cannot be computed from the inputs. Give that axis a fixed size.")
                term = o.multiply(term, size).output(0)
            total = term if total is None else o.add(total, term).output(0)
        return total

    def _size(self, name: str) -> Any:
        """Return the size of a named dimension, which bodies get as a parameter; None where no input has it."""
        if name not in self.sizes and name in self.sized:
            self.value(self.sized[name])
        if name not in self.sizes and self.outer is not None:
            outer = self.outer._size(name)
            if outer is None:
                return None
            node = o.parameter([1], ov.Type.i64)
            self.parameters.append(node)
            self.captured.append((outer, node))
            self.sizes[name] = node.output(0)
        return self.sizes.get(name)

    def shape(self, dims: Sequence[Any], infer: bool = False) -> Any:
        """Return a shape as an int64 vector node; with `infer`, one unknown size is left to `reshape` as -1."""
        unknown = [d for d in dims if isinstance(d, Dim)]
        if not unknown:
            return ints([int(d) for d in dims])
        if infer and len(unknown) == 1 and not any(isinstance(d, int) and d < 0 for d in dims):
            return ints([-1 if isinstance(d, Dim) else d for d in dims])
        return o.concat([self.size(d) for d in dims], 0).output(0)

    def entry(self, node: Any, spec: Spec) -> None:
        """Name the unknown sizes of an input."""
        for i, name in _named(spec):
            if name not in self.sizes:
                self.sizes[name] = o.gather(o.shape_of(node), ints([i]), ints(0)).output(0)

    def later(self, spec: Spec, make: Callable[[], Value]) -> None:
        """Let `make` give the value of an input, with its sizes, once something needs one of them."""
        self.lazy[id(spec)] = make
        for _, name in _named(spec):
            self.sized.setdefault(name, spec)


def _named(spec: Spec) -> Iterator[tuple[int, str]]:
    """The axes whose sizes are one name, with it."""
    for i, d in enumerate(spec.dims):
        if isinstance(d, Dim) and len(d.terms) == 1:
            ((names, factor),) = d.terms.items()
            if factor == 1 and len(names) == 1:
                yield i, names[0]


_NUMPY = {"f32": np.float32, "i32": np.int32, "boolean": np.bool_}


# -- integers in 32 bits -------------------------------------------------------------------------------------------------------------------


def wrap(node: Any, dtype: str) -> Any:
    """Reduce an i32 result modulo the width of a narrow integer dtype."""
    bits = BITS.get(dtype)
    if bits is None:
        return node
    mask = const(2**bits - 1, np.int32)
    if dtype.startswith("u"):
        return o.bitwise_and(node, mask)
    half = const(2 ** (bits - 1), np.int32)
    return o.subtract(o.bitwise_and(o.add(node, half), mask), half)


def ordered(node: Any, dtype: str) -> Any:
    """Return a node of the same order as a signed number or float: booleans as 0 and 1, unsigned 32-bit numbers shifted; `unordered` undoes it."""
    if dtype == "bool":
        return o.convert(node, "i32")
    return o.add(node, const(_LOW, np.int32)) if dtype in UNSIGNED32 else node


def unordered(node: Any, dtype: str) -> Any:
    """Undo `ordered`."""
    if dtype == "bool":
        return o.not_equal(node, const(0, np.int32))
    return o.add(node, const(_LOW, np.int32)) if dtype in UNSIGNED32 else node


def unsigned_to_float(node: Any) -> Any:
    """Convert an unsigned 32-bit number with one rounding."""
    high = o.bitwise_and(o.bitwise_right_shift(node, const(16, np.int32)), const(0xFFFF, np.int32))
    low = o.bitwise_and(node, const(0xFFFF, np.int32))
    return o.add(o.multiply(o.convert(high, "f32"), const(65536.0)), o.convert(low, "f32"))


def choose(condition: Any, a: Any, b: Any) -> Any:
    """Select between 32-bit integers: the plugin's `Select` goes through floats where it is fused, `b + condition * (a - b)` does not."""
    return o.add(b, o.multiply(o.convert(condition, "i32"), o.subtract(a, b)))


def select(dtype: str, condition: Any, a: Any, b: Any) -> Any:
    """Select between values of a dtype."""
    return choose(condition, a, b) if dtype not in BITS and carrier(dtype) == "i32" else o.select(condition, a, b)


def same(dtype: str, x: Any, y: Any) -> Any:
    """Compare for equality; 32-bit integers by their bits, since the plugin compares them as floats."""
    if dtype in BITS or carrier(dtype) == "f32":
        return o.equal(x, y)
    if dtype == "bool":
        return o.logical_not(o.logical_xor(x, y))
    return o.equal(o.bitwise_xor(x, y), const(0, np.int32))


def below(dtype: str, x: Any, y: Any, or_equal: bool = False) -> Any:
    """Compare for order; 32-bit integers through their maximum, which is exact."""
    if dtype in BITS or carrier(dtype) == "f32":
        return (o.less_equal if or_equal else o.less)(x, y)
    x, y = ordered(x, dtype), ordered(y, dtype)
    largest, zero = o.maximum(x, y), const(0, np.int32)
    return o.equal(o.bitwise_xor(largest, y), zero) if or_equal else o.not_equal(o.bitwise_xor(largest, x), zero)


def float_to_unsigned(node: Any) -> Any:
    """Convert a float below 2**32 to an unsigned 32-bit number; negative ones wrap."""
    shifted = o.add(o.convert(o.subtract(node, const(2.0**31)), "i32"), const(_LOW, np.int32))
    return choose(o.greater_equal(node, const(2.0**31)), shifted, o.convert(node, "i32"))


def _negative(x: Any) -> Any:
    """-1 where the highest bit is set, else 0: a mask."""
    return o.bitwise_right_shift(x, const(31, np.int32))


def _nonzero(x: Any) -> Any:
    return o.multiply(o.convert(o.not_equal(x, const(0, np.int32)), "i32"), const(-1, np.int32))


def _blend(mask: Any, a: Any, b: Any) -> Any:
    return o.bitwise_or(o.bitwise_and(mask, a), o.bitwise_and(o.bitwise_not(mask), b))


def _divide_unsigned(x: Any, y: Any) -> tuple[Any, Any]:
    """Quotient and remainder of unsigned 32-bit numbers: the plugin divides integers as floats, so estimate, then correct exactly."""
    one = const(1, np.int32)
    fy = unsigned_to_float(y)
    q = float_to_unsigned(o.floor(o.divide(unsigned_to_float(x), fy)))
    for _ in range(2):
        rest = o.subtract(x, o.multiply(q, y))  # small, so its sign is right where y < 2**31
        q = o.add(q, o.convert(o.floor(o.divide(o.convert(rest, "f32"), fy)), "i32"))
    rest = o.subtract(x, o.multiply(q, y))
    under = _negative(rest)
    q, rest = o.add(q, under), o.add(rest, o.bitwise_and(under, y))
    over = o.bitwise_not(_negative(o.subtract(rest, y)))
    q, rest = o.subtract(q, over), o.subtract(rest, o.bitwise_and(over, y))
    # where y >= 2**31 the quotient is 0 or 1
    huge = _negative(y)
    once = o.bitwise_and(_negative(x), o.bitwise_not(_negative(o.subtract(x, y))))
    q = _blend(huge, o.bitwise_and(once, one), q)
    rest = _blend(huge, o.subtract(x, o.bitwise_and(once, y)), rest)
    divisible = _nonzero(y)
    return o.bitwise_and(q, divisible), o.bitwise_and(rest, divisible)


def magnitude(x: Any) -> Any:
    """Absolute value of an i32."""
    return o.maximum(x, o.subtract(const(0, np.int32), x))


def floor_divide_ints(x: Any, y: Any, dtype: str) -> Any:
    """Quotient rounded towards minus infinity; 0 for a zero divisor, as in NumPy."""
    if dtype.startswith("u"):
        return _divide_unsigned(x, y)[0]
    q, rest = _divide_unsigned(magnitude(x), magnitude(y))
    down = o.subtract(_nonzero(rest), q)  # minus the quotient rounded up
    return _blend(_negative(o.bitwise_xor(x, y)), down, q)


def mod_ints(x: Any, y: Any, dtype: str) -> Any:
    """Remainder with the sign of the divisor; 0 for a zero divisor."""
    if dtype.startswith("u"):
        return _divide_unsigned(x, y)[1]
    return o.bitwise_and(_nonzero(y), o.subtract(x, o.multiply(floor_divide_ints(x, y, dtype), y)))


def power_ints(x: Any, y: Any) -> Any:
    """`x ** y` by squaring, modulo 2**32."""
    one, out = const(1, np.int32), const(1, np.int32)
    for bit in range(32):
        odd = o.bitwise_and(o.bitwise_right_shift(y, const(bit, np.int32)), one)
        out = o.multiply(out, o.add(one, o.multiply(odd, o.subtract(x, one))))
        x = o.multiply(x, x)
    return out


def left_shift(x: Any, y: Any) -> Any:
    """Bits moved up, as a product with a power of two, which wraps as it should."""
    table = np.array([*(1 << np.arange(32, dtype=np.int64)), 0], np.int64).astype(np.uint32).view(np.int32)
    return o.multiply(x, o.gather(const(table, np.int32), o.minimum(o.bitwise_and(y, const(63, np.int32)), const(32, np.int32)), ints(0)))


def right_shift(x: Any, y: Any, dtype: str) -> Any:
    """Bits moved down; zeros come in for unsigned dtypes."""
    last = const(31, np.int32)
    if dtype not in UNSIGNED32:
        return o.bitwise_right_shift(x, o.minimum(y, last))
    one = const(1, np.int32)
    half = o.bitwise_and(o.bitwise_right_shift(x, one), const(2**31 - 1, np.int32))
    rest = o.bitwise_right_shift(half, o.maximum(o.minimum(o.subtract(y, one), last), const(0, np.int32)))
    return choose(o.equal(y, const(0, np.int32)), x, rest)


def tree(fn: Any, node: Any, axis: int) -> Any:
    """Reduce an axis of known size by halving, exact in 32-bit integers (the plugin reduces through floats); keeps the axis with size one."""
    size = node.get_partial_shape()[axis].get_length() if not isinstance(node, ov.Node) else node.output(0).get_partial_shape()[axis].get_length()
    cut = lambda x, a, b: o.slice(x, ints([a]), ints([b]), ints([1]), ints([axis]))  # noqa: E731
    while size > 1:
        half = size // 2
        folded = fn(cut(node, 0, half), cut(node, half, 2 * half))
        node = o.concat([folded, cut(node, 2 * half, size)], axis) if size % 2 else folded
        size = half + size % 2
    return node
