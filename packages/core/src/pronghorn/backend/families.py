"""Families of primitives: how operand dtypes are promoted, and which shape and dtype come out.

A family is data. `compute(op, *dtypes)` gives one dtype per operand (weak names allowed in, strong ones out). `rule(op, *args)` gets the call's
canonical arguments with tensors replaced by objects with `.dims` and `.dtype`, and
returns an `Out` or a tuple of them; it raises `ValueError` for shapes that do not fit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from pronghorn.backend import dtypes
from pronghorn.backend.dims import Dim, broadcast_dim, same_dim, show


class Out(NamedTuple):
    """Shape and dtype of one result."""

    dims: tuple
    dtype: str


@dataclass(frozen=True)
class Family:
    """Promotion and rule shared by several primitives."""

    name: str
    operands: int
    compute: Callable[..., tuple[str, ...]]
    rule: Callable[..., Any]


# -- promotion -----------------------------------------------------------------------------------------------------------------------------
def keep(op: str, *names: str) -> tuple[str, ...]:
    """Every operand keeps its dtype."""
    return tuple(dtypes.strong(n) for n in names)


def same(op: str, *names: str) -> tuple[str, ...]:
    """All operands get their common dtype."""
    return (dtypes.result_type(*names),) * len(names)


def floating(op: str, *names: str) -> tuple[str, ...]:
    """All operands get their common dtype, floatx if that is an integer or bool."""
    return (dtypes.to_float(dtypes.promote(*names)),) * len(names)


def numeric(op: str, *names: str) -> tuple[str, ...]:
    """All operands get their common dtype, int32 if that is bool."""
    common = dtypes.result_type(*names)
    return ("int32" if common == "bool" else common,) * len(names)


def boolean(op: str, *names: str) -> tuple[str, ...]:
    """Operands become bool: true where not zero."""
    return ("bool",) * len(names)


def integral(op: str, *names: str) -> tuple[str, ...]:
    """All operands get their common dtype, which must be bool or an integer."""
    common = dtypes.result_type(*names)
    if common in dtypes.INEXACT:
        raise TypeError(f"{op}: expected integers or booleans; received {', '.join(dtypes.strong(n) for n in names)}.")
    return (common,) * len(names)


def shifted(op: str, *names: str) -> tuple[str, ...]:
    """All operands get their common dtype, which must be an integer; booleans count as int32."""
    return tuple("int32" if n == "bool" else n for n in integral(op, *names))


def real(compute: Callable[..., tuple[str, ...]]) -> Callable[..., tuple[str, ...]]:
    """Return the promotion `compute` for ops that complex numbers, which have no order, do not have."""

    def checked(op: str, *names: str) -> tuple[str, ...]:
        found = compute(op, *names)
        wrong = next((n for n in found if n in dtypes.COMPLEX), None)
        if wrong is not None:
            raise TypeError(f"{op}: not defined for {wrong}; received {', '.join(dtypes.strong(n) for n in names)}.")
        return found

    return checked


def selection(op: str, *names: str) -> tuple[str, ...]:
    """A condition, which becomes bool, then values of one dtype."""
    return ("bool", *same(op, *names[1:]))


def indexed(op: str, *names: str) -> tuple[str, ...]:
    """Data keeps its dtype, the second operand must be integers, a third gets the data's dtype."""
    data, index, *values = names
    if dtypes.strong(index) not in dtypes.INTEGER | dtypes.BOOL:
        raise TypeError(f"{op}: indices must be integers; received {dtypes.strong(index)}. Cast them first.")
    if dtypes.strong(index) == "bool":
        index = "int32"
    return (dtypes.strong(data), dtypes.strong(index), *[dtypes.strong(data)] * len(values))


# -- rules ---------------------------------------------------------------------------------------------------------------------------------
def broadcast_dims(op: str, *shapes: tuple) -> tuple:
    """Return the shape that `shapes` broadcast to; raise `ValueError` naming the op and the shapes."""
    n, out = max(map(len, shapes)), []
    for i in range(n):
        size: Any = 1
        for s in shapes:
            j = i - n + len(s)
            if j >= 0:
                size = broadcast_dim(size, s[j])
                if size is None:
                    raise ValueError(f"{op}: shapes {' and '.join(show(s) for s in shapes)} do not broadcast together.")
        out.append(size)
    return tuple(out)


def _elementwise(op: str, x: Any) -> Out:
    return Out(x.dims, x.dtype)


def _predicate(op: str, x: Any) -> Out:
    return Out(x.dims, "bool")


def _absolute(op: str, x: Any) -> Out:
    return Out(x.dims, dtypes.REAL_OF.get(x.dtype, x.dtype))


def _broadcast(op: str, *xs: Any) -> Out:
    return Out(broadcast_dims(op, *[x.dims for x in xs]), xs[-1].dtype)


def _compare(op: str, *xs: Any) -> Out:
    return Out(broadcast_dims(op, *[x.dims for x in xs]), "bool")


def check_axis(op: str, axis: int, ndim: int) -> int:
    """Return `axis` as a non-negative number; raise `ValueError` if it is out of range."""
    if not -ndim <= axis < ndim:
        raise ValueError(f"{op}: axis {axis} is out of range for a tensor of rank {ndim}.")
    return axis % ndim


def _reduced(op: str, x: Any, axis: tuple, keepdims: bool) -> tuple:
    axes = {check_axis(op, a, len(x.dims)) for a in axis}
    return tuple(1 if i in axes else d for i, d in enumerate(x.dims) if keepdims or i not in axes)


def _reduce(op: str, x: Any, axis: tuple, keepdims: bool) -> Out:
    if op in ("max", "min") and any(x.dims[check_axis(op, a, len(x.dims))] == 0 for a in axis):
        raise ValueError(f"{op}: cannot reduce an axis of size zero; received shape {show(x.dims)} and axis {axis}.")
    return Out(_reduced(op, x, axis, keepdims), x.dtype)


def _reduce_bool(op: str, x: Any, axis: tuple, keepdims: bool) -> Out:
    return Out(_reduced(op, x, axis, keepdims), "bool")


def _arg_reduce(op: str, x: Any, axis: int) -> Out:
    a = check_axis(op, axis, len(x.dims))
    if x.dims[a] == 0:
        raise ValueError(f"{op}: cannot reduce an axis of size zero; received shape {show(x.dims)} and axis {axis}.")
    return Out(_reduced(op, x, (a,), False), "int32")


def _along_axis(op: str, x: Any, axis: int) -> Out:
    check_axis(op, axis, len(x.dims))
    return Out(x.dims, x.dtype)


def _argsort(op: str, x: Any, axis: int) -> Out:
    check_axis(op, axis, len(x.dims))
    return Out(x.dims, "int32")


def _top_k(op: str, x: Any, k: int) -> tuple[Out, Out]:
    if not x.dims or (isinstance(x.dims[-1], int) and k > x.dims[-1]):
        raise ValueError(f"{op}: k={k} is larger than the last axis of shape {show(x.dims)}.")
    dims = (*x.dims[:-1], k)
    return Out(dims, x.dtype), Out(dims, "int32")


def _searchsorted(op: str, sorted_sequence: Any, values: Any, side: str) -> Out:
    if len(sorted_sequence.dims) != 1:
        raise ValueError(f"{op}: sorted_sequence must have rank 1; received shape {show(sorted_sequence.dims)}.")
    return Out(values.dims, "int32")


def size_of(dims: Any) -> Any:
    """Return the number of elements of a shape."""
    n: Any = 1
    for d in dims:  # math.prod of symbolic sizes breaks torch's compiler
        n = n * d
    return n


def _reshape(op: str, x: Any, shape: tuple) -> Out:
    total = size_of(x.dims)
    rest = [i for i, d in enumerate(shape) if isinstance(d, int) and d == -1]
    dims = list(shape)
    wrong = ValueError(f"{op}: cannot reshape {show(x.dims)} to {show(shape)}: the sizes differ.")
    if len(rest) > 1:
        raise ValueError(f"{op}: at most one size may be -1; received {show(shape)}.")
    if rest:
        others = size_of(d for i, d in enumerate(shape) if i != rest[0])
        if isinstance(others, int) and isinstance(total, int):
            if (others == 0 and total) or (others and total % others):
                raise wrong
            dims[rest[0]] = total // others if others else 0
        else:
            dims[rest[0]] = total // others if not (isinstance(others, int) and others == 0) else 0
    elif isinstance(total, int) and isinstance(size := size_of(shape), int) and size != total:
        raise wrong
    return Out(tuple(dims), x.dtype)


def _transpose(op: str, x: Any, axes: tuple) -> Out:
    if sorted(axes) != list(range(len(x.dims))):
        raise ValueError(f"{op}: axes {tuple(axes)} are not a permutation of the axes of shape {show(x.dims)}.")
    return Out(tuple(x.dims[a] for a in axes), x.dtype)


def _broadcast_to(op: str, x: Any, shape: tuple) -> Out:
    n = len(shape) - len(x.dims)
    if any(isinstance(d, int) and d < 0 for d in shape):
        raise ValueError(f"{op}: sizes must not be negative; received {show(shape)}.")
    if n < 0 or any(not (d == 1 or same_dim(d, s)) for d, s in zip(x.dims, shape[n:], strict=True)):
        raise ValueError(f"{op}: shape {show(x.dims)} does not broadcast to {show(shape)}.")
    return Out(tuple(shape), x.dtype)


def _concatenate(op: str, xs: list, axis: int) -> Out:
    first = xs[0]
    a = check_axis(op, axis, len(first.dims))
    dims = list(first.dims)
    for x in xs[1:]:
        if len(x.dims) != len(dims) or any(not same_dim(p, q) for i, (p, q) in enumerate(zip(first.dims, x.dims, strict=True)) if i != a):
            raise ValueError(f"{op}: shapes {', '.join(show(x.dims) for x in xs)} differ outside axis {a}.")
        dims[a] = dims[a] + x.dims[a]
        dims = [q if isinstance(p, Dim) and i != a else p for i, (p, q) in enumerate(zip(dims, x.dims, strict=True))]
    return Out(tuple(dims), first.dtype)


def _pad(op: str, x: Any, pad_width: tuple, constant_values: Any) -> Out:
    if len(pad_width) != len(x.dims):
        raise ValueError(f"{op}: expected {len(x.dims)} pairs of widths for shape {show(x.dims)}; received {len(pad_width)}.")
    if any(isinstance(w, int) and w < 0 for pair in pad_width for w in pair):
        raise ValueError(f"{op}: widths must not be negative; received {pad_width}.")
    return Out(tuple(d + (a + b) for d, (a, b) in zip(x.dims, pad_width, strict=True)), x.dtype)


def _slice(op: str, x: Any, start: tuple, stop: tuple, step: tuple) -> Out:
    dims: list[Any] = []
    for a, b, s in zip(start, stop, step, strict=True):
        n = b - a
        dims.append(n if isinstance(s, int) and s == 1 else (n + (s - 1)) // s)
        if isinstance(dims[-1], int):
            dims[-1] = max(dims[-1], 0)
    return Out(tuple(dims), x.dtype)


def _take(op: str, x: Any, indices: Any, axis: int) -> Out:
    a = check_axis(op, axis, len(x.dims))
    return Out((*x.dims[:a], *indices.dims, *x.dims[a + 1 :]), x.dtype)


def _take_along_axis(op: str, x: Any, indices: Any, axis: int) -> Out:
    a = check_axis(op, axis, len(x.dims))
    if len(indices.dims) != len(x.dims):
        raise ValueError(f"{op}: x of shape {show(x.dims)} and indices of shape {show(indices.dims)} must have the same rank.")
    try:
        dims = broadcast_dims(op, *(d[:a] + d[a + 1 :] for d in (x.dims, indices.dims)))
    except ValueError:
        raise ValueError(f"{op}: x of shape {show(x.dims)} and indices of shape {show(indices.dims)} do not broadcast outside axis {a}.") from None
    return Out((*dims[:a], indices.dims[a], *dims[a:]), x.dtype)


def _scatter(op: str, x: Any, indices: Any, updates: Any, mode: str) -> Out:
    depth = indices.dims[-1]
    expected = indices.dims[:-1] + x.dims[depth:]
    if len(updates.dims) != len(expected) or any(not same_dim(p, q) for p, q in zip(updates.dims, expected, strict=True)):
        raise ValueError(f"{op}: updates of shape {show(updates.dims)} do not fit: indices {show(indices.dims)} into {show(x.dims)} need {show(expected)}.")
    return Out(x.dims, x.dtype)


def _slice_update(op: str, x: Any, start: Any, updates: Any) -> Out:
    dims = getattr(updates, "dims", None) or tuple(updates.shape)
    fits = len(dims) == len(x.dims) == len(start)
    if not fits or any(isinstance(u, int) and isinstance(d, int) and u > d for u, d in zip(dims, x.dims, strict=True)):
        raise ValueError(f"{op}: updates of shape {show(dims)} at {len(start)} start indices do not fit into {show(x.dims)}.")
    return Out(x.dims, x.dtype)


def _matmul(op: str, x1: Any, x2: Any) -> Out:
    a, b = x1.dims, x2.dims
    if len(a) < 2 or len(b) < 2 or not same_dim(a[-1], b[-2]):
        raise ValueError(f"{op}: shapes {show(a)} and {show(b)} do not fit: the last axis of the first must equal the last but one of the second.")
    try:
        batch = broadcast_dims(op, a[:-2], b[:-2])
    except ValueError:
        raise ValueError(f"{op}: shapes {show(a)} and {show(b)} do not fit: the axes before the last two do not broadcast together.") from None
    return Out((*batch, a[-2], b[-1]), x1.dtype)


def window_size(size: Any, k: int, stride: int, dilation: int, pad: tuple) -> Any:
    """Return the number of positions of a window of `k` taps along an axis of `size`."""
    return (size + pad[0] + pad[1] - dilation * (k - 1) - 1) // stride + 1


def _conv(op: str, x: Any, kernel: Any, strides: tuple, padding: tuple, dilation: tuple, groups: int) -> Out:
    spatial, k = x.dims[1:-1], kernel.dims[:-2]
    if len(kernel.dims) != len(x.dims):
        raise ValueError(f"{op}: input of shape {show(x.dims)} and kernel of shape {show(kernel.dims)} must have the same rank.")
    if isinstance(x.dims[-1], int) and x.dims[-1] != kernel.dims[-2] * groups:
        raise ValueError(
            f"{op}: input of shape {show(x.dims)} has {x.dims[-1]} channels; a kernel of shape {show(kernel.dims)} needs {kernel.dims[-2] * groups}."
        )
    out = [window_size(d, n, s, r, p) for d, n, s, r, p in zip(spatial, k, strides, dilation, padding, strict=True)]
    if any(isinstance(d, int) and d <= 0 for d in out):
        raise ValueError(f"{op}: a kernel of shape {show(k)} with dilation {dilation} does not fit into an input of shape {show(x.dims)}.")
    return Out((x.dims[0], *out, kernel.dims[-1]), x.dtype)


def _conv_transpose(op: str, x: Any, kernel: Any, strides: tuple, padding: tuple, output_padding: tuple, dilation: tuple) -> Out:
    if isinstance(x.dims[-1], int) and x.dims[-1] != kernel.dims[-1]:
        raise ValueError(f"{op}: input of shape {show(x.dims)} has {x.dims[-1]} channels; a kernel of shape {show(kernel.dims)} needs {kernel.dims[-1]}.")
    out = [
        (d - 1) * s + r * (n - 1) + 1 - p[0] - p[1] + o
        for d, n, s, p, o, r in zip(x.dims[1:-1], kernel.dims[:-2], strides, padding, output_padding, dilation, strict=True)
    ]
    return Out((x.dims[0], *out, kernel.dims[-2]), x.dtype)


def _pool(op: str, x: Any, pool_size: tuple, strides: tuple, padding: tuple, *rest: Any) -> Out:
    if len(x.dims) != len(pool_size) + 2:
        raise ValueError(f"{op}: expected an input of rank {len(pool_size) + 2}; received shape {show(x.dims)}.")
    out = [window_size(d, n, s, 1, p) for d, n, s, p in zip(x.dims[1:-1], pool_size, strides, padding, strict=True)]
    if any(isinstance(d, int) and d <= 0 for d in out):
        raise ValueError(f"{op}: a window of {pool_size} does not fit into an input of shape {show(x.dims)}.")
    return Out((x.dims[0], *out, x.dims[-1]), x.dtype)


def _square(op: str, x: Any) -> None:
    if len(x.dims) < 2 or not same_dim(x.dims[-1], x.dims[-2]):
        raise ValueError(f"{op}: expected square matrices; received shape {show(x.dims)}.")


def _matrix(op: str, x: Any, *args: Any) -> Out:
    _square(op, x)
    return Out(x.dims, x.dtype)


def _qr(op: str, x: Any, mode: str) -> tuple[Out, Out]:
    *batch, m, n = x.dims
    k = m if mode == "complete" else min(m, n)
    return Out((*batch, m, k), x.dtype), Out((*batch, k, n), x.dtype)


def _svd(op: str, x: Any, full_matrices: bool) -> tuple[Out, Out, Out]:
    *batch, m, n = x.dims
    k = min(m, n)
    return (
        Out((*batch, m, m if full_matrices else k), x.dtype),
        Out((*batch, k), dtypes.REAL_OF.get(x.dtype, x.dtype)),
        Out((*batch, n if full_matrices else k, n), x.dtype),
    )


def _eigh(op: str, x: Any) -> tuple[Out, Out]:
    _square(op, x)
    return Out(x.dims[:-1], dtypes.REAL_OF.get(x.dtype, x.dtype)), Out(x.dims, x.dtype)


def _eig(op: str, x: Any) -> tuple[Out, Out]:
    _square(op, x)
    c = dtypes.COMPLEX_OF.get(x.dtype, x.dtype)
    return Out(x.dims[:-1], c), Out(x.dims, c)


def _lu(op: str, x: Any) -> tuple[Out, Out]:
    *batch, m, n = x.dims
    return Out(x.dims, x.dtype), Out((*batch, min(m, n)), "int32")


def _solve_triangular(op: str, a: Any, b: Any, lower: bool) -> Out:
    _square(op, a)
    if len(b.dims) != len(a.dims) or not same_dim(a.dims[-1], b.dims[-2]):
        raise ValueError(f"{op}: a of shape {show(a.dims)} and b of shape {show(b.dims)} do not fit.")
    return Out(b.dims, b.dtype)


def _view(op: str, x: Any, dtype: str) -> Out:
    if dtypes.numpy_dtype(x.dtype).itemsize != dtypes.numpy_dtype(dtype).itemsize:
        raise ValueError(f"{op}: elements of {x.dtype} and {dtype} have different sizes.")
    return Out(x.dims, dtype)


def _real_part(op: str, x: Any) -> Out:
    return Out(x.dims, dtypes.REAL_OF.get(x.dtype, x.dtype))


def _view_as_complex(op: str, real: Any, imag: Any) -> Out:
    return Out(broadcast_dims(op, real.dims, imag.dims), dtypes.COMPLEX_OF[real.dtype])


def _rfft(op: str, x: Any) -> Out:
    return Out((*x.dims[:-1], x.dims[-1] // 2 + 1), dtypes.COMPLEX_OF[x.dtype])


def _irfft(op: str, x: Any, length: int) -> Out:
    return Out((*x.dims[:-1], length), dtypes.REAL_OF[x.dtype])


def _nonzero(op: str, x: Any) -> tuple[Out, ...]:
    n = Dim()
    return tuple(Out((n,), "int32") for _ in x.dims)


unary = Family("unary", 1, keep, _elementwise)
unary_numeric = Family("unary_numeric", 1, numeric, _elementwise)
unary_float = Family("unary_float", 1, floating, _elementwise)
unary_real = Family("unary_real", 1, real(keep), _elementwise)
unary_real_float = Family("unary_real_float", 1, real(floating), _elementwise)
unary_int = Family("unary_int", 1, integral, _elementwise)
absolute = Family("absolute", 1, keep, _absolute)
predicate = Family("predicate", 1, floating, _predicate)
logical_unary = Family("logical_unary", 1, boolean, _predicate)
binary = Family("binary", 2, same, _broadcast)
binary_numeric = Family("binary_numeric", 2, numeric, _broadcast)
binary_real = Family("binary_real", 2, real(same), _broadcast)
binary_real_numeric = Family("binary_real_numeric", 2, real(numeric), _broadcast)
binary_real_float = Family("binary_real_float", 2, real(floating), _broadcast)
binary_float = Family("binary_float", 2, floating, _broadcast)
binary_int = Family("binary_int", 2, integral, _broadcast)
shift = Family("shift", 2, shifted, _broadcast)
compare = Family("compare", 2, same, _compare)
order = Family("order", 2, real(same), _compare)
logical = Family("logical", 2, boolean, _compare)
where = Family("where", 3, selection, _broadcast)
reduction = Family("reduction", 1, keep, _reduce)
extremum = Family("extremum", 1, real(keep), _reduce)
reduction_bool = Family("reduction_bool", 1, boolean, _reduce_bool)
arg_reduction = Family("arg_reduction", 1, real(keep), _arg_reduce)
along_axis = Family("along_axis", 1, real(keep), _along_axis)
along_axis_numeric = Family("along_axis_numeric", 1, numeric, _along_axis)
argsorting = Family("argsorting", 1, real(keep), _argsort)
top_k = Family("top_k", 1, real(keep), _top_k)
searching = Family("searching", 2, real(same), _searchsorted)
reshaping = Family("reshaping", 1, keep, _reshape)
transposing = Family("transposing", 1, keep, _transpose)
broadcasting = Family("broadcasting", 1, keep, _broadcast_to)
joining = Family("joining", 1, same, _concatenate)
padding = Family("padding", 1, keep, _pad)
slicing = Family("slicing", 1, keep, _slice)
flipping = Family("flipping", 1, keep, lambda op, x, axis: Out(x.dims, x.dtype))
gathering = Family("gathering", 2, indexed, _take)
gathering_along = Family("gathering_along", 2, indexed, _take_along_axis)
scattering = Family("scattering", 3, indexed, _scatter)
updating = Family("updating", 1, keep, _slice_update)
product = Family("product", 2, same, _matmul)
convolution = Family("convolution", 2, floating, _conv)
transposed_convolution = Family("transposed_convolution", 2, floating, _conv_transpose)
pooling = Family("pooling", 1, real(keep), _pool)
pooling_float = Family("pooling_float", 1, real(floating), _pool)
casting = Family("casting", 1, keep, lambda op, x, dtype: Out(x.dims, dtype))
viewing = Family("viewing", 1, keep, _view)
matrix = Family("matrix", 1, floating, _matrix)
qr = Family("qr", 1, floating, _qr)
svd = Family("svd", 1, floating, _svd)
eigh = Family("eigh", 1, floating, _eigh)
eig = Family("eig", 1, floating, _eig)
lu = Family("lu", 1, floating, _lu)
triangular = Family("triangular", 2, floating, _solve_triangular)
real_part = Family("real_part", 1, keep, _real_part)
complex_parts = Family("complex_parts", 2, real(floating), _view_as_complex)
complex_unary = Family("complex_unary", 1, keep, _elementwise)
rfft = Family("rfft", 1, real(floating), _rfft)
irfft = Family("irfft", 1, keep, _irfft)
nonzero = Family("nonzero", 1, keep, _nonzero)
