"""Lowering of a tape of primitives to OpenVINO nodes: reductions, shapes, indices, sorting, products and windows."""
# ruff: noqa: A001, A002

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pronghorn.backend.errors import CapabilityError
from pronghorn.backend.op import OPS, PRIMITIVES
from pronghorn.symbolic.graph import specs_in
from pronghorn.symbolic.spec import Spec
from pronghorn_openvino import graph as gr
from pronghorn_openvino.elementwise import ELEMENTWISE, aligned, bits_float, float_bits
from pronghorn_openvino.engine import o
from pronghorn_openvino.graph import Graph, Value, carrier, const, ints, wrap

LOWER: dict[str, Callable] = {}


def lower(*names: str) -> Callable:
    """Register what lowers these ops."""
    def add(fn: Callable) -> Callable:
        for name in names:
            LOWER[name] = (lambda *a, _n=name: fn(_n, *a)) if len(names) > 1 else fn
        return fn

    return add


def _nan_free(x: Any, dtype: str) -> tuple[Any, Any]:
    """Return a node without nan (infinite instead), in an order of numbers, and where nan was (None for integers)."""
    if carrier(dtype) != "f32":
        return gr.ordered(x, dtype), None
    nan = o.is_nan(x)
    return o.select(nan, const(np.inf), x), nan


def _iota(n: int, rank: int, axis: int) -> Any:
    shape = [1] * rank
    shape[axis] = n
    return const(np.arange(n).reshape(shape), np.int32)


# -- reductions ----------------------------------------------------------------------------------------------------------------------------
_FLOAT_REDUCE = {"sum": o.reduce_sum, "prod": o.reduce_prod, "max": o.reduce_max, "min": o.reduce_min}
_INT_REDUCE = {"sum": o.add, "prod": o.multiply, "max": o.maximum, "min": o.minimum}
_BOOL_REDUCE = {"any": o.reduce_logical_or, "all": o.reduce_logical_and, "max": o.reduce_logical_or, "min": o.reduce_logical_and}


@lower("sum", "prod", "max", "min", "any", "all")
def _reduce(name: str, g: Graph, out: Spec, x: Value, axis: tuple, keepdims: bool) -> Value:
    d = x.dtype
    axes = [x.axis(a) for a in axis]
    if keepdims:
        order = x.order
    else:  # what is left of the order, with the node's axes renumbered
        left = [x.axis(a) for a in range(x.rank) if a not in axis]
        order = tuple(sorted(left).index(a) for a in left)
    if not axes:
        return Value(x.node, d, x.order)
    if d == "bool":
        if name in ("sum", "prod"):
            name = {"sum": "any", "prod": "all"}[name]
        node = _BOOL_REDUCE[name](x.node, ints(axes), keepdims)
    elif carrier(d) == "f32":
        node = _FLOAT_REDUCE[name](x.node, ints(axes), keepdims)
        if name in ("max", "min"):
            nan = o.reduce_logical_or(o.is_nan(x.node), ints(axes), keepdims)
            node = o.select(nan, const(np.nan), node)
    else:
        node = gr.ordered(x.node, d) if name in ("max", "min") else x.node
        for a in axes:
            node = gr.tree(_INT_REDUCE[name], node, a)
        node = gr.unordered(node, d) if name in ("max", "min") else wrap(node, d)
        if not keepdims:
            node = o.squeeze(node, ints(axes))
    return Value(node, d, order)


@lower("argmax", "argmin")
def _arg_reduce(name: str, g: Graph, out: Spec, x: Value, axis: int) -> Value:
    node = gr.ordered(x.plain, x.dtype)
    pick = lambda n, mode: o.squeeze(o.topk(n, ints(1), axis, mode, "value", index_element_type="i32", stable=True).output(1), ints([axis]))  # noqa: E731
    found = pick(node, name[3:])
    if carrier(x.dtype) == "f32":  # the first nan wins
        nan = o.is_nan(node)
        found = gr.choose(o.reduce_logical_or(nan, ints([axis]), False), pick(o.convert(nan, "f32"), "max"), found)
    return Value(found, "int32")


@lower("cumsum")
def _cumsum(g: Graph, out: Spec, x: Value, axis: int) -> Value:
    return Value(wrap(o.cumsum(x.node, const(x.axis(axis), np.int32)), x.dtype), x.dtype, x.order)


@lower("cumprod")
def _cumprod(g: Graph, out: Spec, x: Value, axis: int) -> Value:
    node, a, n, step = x.node, x.axis(axis), x.dims[axis], 1
    if n is None:
        raise CapabilityError("openvino: cumprod needs a known size along its axis.")
    one = const(1, np.float32 if carrier(x.dtype) == "f32" else np.int32)
    while step < n:  # multiply with the products of the `step` elements before
        before, after = np.zeros(x.rank, np.int64), np.zeros(x.rank, np.int64)
        before[a], after[a] = step, 0
        cut = o.slice(node, ints([0]), ints([n - step]), ints([1]), ints([a]))
        node = o.multiply(node, o.pad(cut, ints(before), ints(after), "constant", one))
        step *= 2
    return Value(wrap(node, x.dtype), x.dtype, x.order)


# -- dtypes and shapes ---------------------------------------------------------------------------------------------------------------------
@lower("cast")
def _cast(g: Graph, out: Spec, x: Value, dtype: str) -> Value:
    source, target, node = carrier(x.dtype), carrier(dtype), x.node
    if target == "boolean":
        node = node if source == "boolean" else o.not_equal(node, const(0, np.float32 if source == "f32" else np.int32))
    elif target == "f32":
        node = gr.unsigned_to_float(node) if x.dtype in gr.UNSIGNED32 else node if source == "f32" else o.convert(node, "f32")
    elif source == "f32":
        node = gr.float_to_unsigned(node) if dtype in gr.UNSIGNED32 else wrap(o.convert(node, "i32"), dtype)
    else:
        node = wrap(node if source == "i32" else o.convert(node, "i32"), dtype)
    return Value(node, dtype, x.order)


@lower("view")
def _view(g: Graph, out: Spec, x: Value, dtype: str) -> Value:
    kinds = (x.dtype if carrier(x.dtype) == "f32" else carrier(x.dtype), dtype if carrier(dtype) == "f32" else carrier(dtype))
    if kinds == ("float32", "i32"):
        return Value(float_bits(x.node), dtype, x.order)
    if kinds == ("i32", "float32"):
        return Value(bits_float(x.node), dtype, x.order)
    if kinds != ("i32", "i32"):
        raise CapabilityError(f"openvino: view cannot read the bits of {x.dtype} as {dtype} inside a compiled step, since it has no operation for that.")
    return Value(wrap(x.node, dtype), dtype, x.order)


@lower("reshape")
def _reshape(g: Graph, out: Spec, x: Value, shape: tuple) -> Value:
    if x.dims == out.shape and None not in out.shape:
        return x
    if not shape:  # a product reshaped to a scalar crashes the plugin (2026.4); a squeeze does not
        return Value(o.squeeze(x.plain, ints(list(range(x.rank)))), x.dtype)
    return Value(o.reshape(x.plain, g.shape(out.dims, infer=True), False), x.dtype)


@lower("transpose")
def _transpose(g: Graph, out: Spec, x: Value, axes: tuple) -> Value:
    return Value(x.node, x.dtype, tuple(x.axis(a) for a in axes), x.array)


@lower("broadcast_to")
def _broadcast_to(g: Graph, out: Spec, x: Value, shape: tuple) -> Value:
    return Value(o.broadcast(x.plain, g.shape(out.dims)), x.dtype)


@lower("concatenate")
def _concatenate(g: Graph, out: Spec, xs: list[Value], axis: int) -> Value:
    xs = [x for x in xs if 0 not in x.dims]
    first = xs[0]
    if all(x.order == first.order for x in xs):
        return Value(o.concat([x.node for x in xs], first.axis(axis)), first.dtype, first.order)
    return Value(o.concat([x.plain for x in xs], axis), first.dtype)


@lower("pad")
def _pad(g: Graph, out: Spec, x: Value, pad_width: tuple, constant_values: Any) -> Value:
    widths = np.zeros((2, x.rank), np.int64)
    for a, pair in enumerate(pad_width):
        widths[:, x.axis(a)] = pair
    fill = gr.to_carrier(np.asarray(constant_values).astype(_numpy(x.dtype)))
    return Value(o.pad(x.node, ints(widths[0]), ints(widths[1]), "constant", o.constant(fill)), x.dtype, x.order)


def _numpy(dtype: str) -> Any:
    from pronghorn.backend.dtypes import numpy_dtype

    return numpy_dtype(dtype)


@lower("flip")
def _flip(g: Graph, out: Spec, x: Value, axis: tuple) -> Value:
    axes = [x.axis(a) for a in axis]
    if not axes:
        return x
    n = len(axes)
    return Value(o.slice(x.node, ints([-1] * n), ints([np.iinfo(np.int32).min] * n), ints([-1] * n), ints(axes)), x.dtype, x.order)


@lower("slice")
def _slice(g: Graph, out: Spec, x: Value, start: tuple, stop: tuple, step: tuple) -> Value:
    whole = [isinstance(a, int) and a == 0 and isinstance(s, int) and s == 1 and b == d for a, b, s, d in zip(start, stop, step, x.dims, strict=True)]
    kept = [i for i, w in enumerate(whole) if not w]
    if not kept:
        return x
    axes = [x.axis(i) for i in kept]
    bounds = [g.shape([v[i] for i in kept]) for v in (start, stop, step)]
    return Value(o.slice(x.node, *bounds, ints(axes)), x.dtype, x.order)


# -- index and sort ------------------------------------------------------------------------------------------------------------------------
@lower("take")
def _take(g: Graph, out: Spec, x: Value, indices: Value, axis: int) -> Value:
    return Value(o.gather(x.plain, indices.plain, ints(axis)), x.dtype)


@lower("take_along_axis")
def _take_along_axis(g: Graph, out: Spec, x: Value, indices: Value, axis: int) -> Value:
    def grown(v: Value) -> Any:
        want = tuple(v.dims[axis] if i == axis else d for i, d in enumerate(out.dims))
        return v.plain if v.dims == want else o.broadcast(v.plain, g.shape(want))

    return Value(o.gather_elements(grown(x), grown(indices), axis), x.dtype)


@lower("scatter")
def _scatter(g: Graph, out: Spec, x: Value, indices: Value, updates: Value, mode: str) -> Value:
    d, where = x.dtype, indices.plain
    if 0 in updates.dims or 0 in indices.dims:
        return x
    kind = {"set": "none", "add": "sum", "multiply": "prod"}.get(mode, mode)
    flip = mode in ("max", "min")
    a, b = (gr.ordered(v.plain, d) if flip else v.plain for v in (x, updates))
    if d == "bool" and not flip:
        a, b = o.convert(a, "i32"), o.convert(b, "i32")
    node = o.scatter_nd_update(a, where, b, kind)
    if d == "bool":
        return Value(o.not_equal(node, const(0, np.int32)), d)
    return Value(gr.unordered(node, d) if flip else wrap(node, d), d)


@lower("slice_update")
def _slice_update(g: Graph, out: Spec, x: Value, start: tuple, updates: Any) -> Value:
    updates = g.value(updates)
    if 0 in updates.dims:
        return x
    node, inside, rank = updates.plain, None, x.rank
    for a, (s, d, n) in enumerate(zip(start, x.dims, updates.dims, strict=True)):
        if d == n:
            continue
        if d is None or n is None:
            raise CapabilityError("openvino: slice_update needs known sizes.")
        begin = o.convert(g.value(s if isinstance(s, Spec) else np.asarray(s, np.int32)).plain, "i32")
        begin = o.minimum(o.maximum(begin, const(0, np.int32)), const(d - n, np.int32))
        at = o.subtract(const(np.arange(d), np.int32), begin)  # place in the updates of each place in x
        clipped = o.minimum(o.maximum(at, const(0, np.int32)), const(n - 1, np.int32))
        node = o.gather(node, clipped, ints(a))
        shape = [1] * rank
        shape[a] = d
        hit = o.reshape(o.equal(at, clipped), ints(shape), False)
        inside = hit if inside is None else o.logical_and(inside, hit)
    return Value(node if inside is None else gr.select(x.dtype, inside, node, x.plain), x.dtype)


def _sorted(x: Any, k: int, axis: int, mode: str) -> Any:
    return o.topk(x, ints(k), axis, mode, "value", index_element_type="i32", stable=True)


def _order_of(x: Value, axis: int, k: int, mode: str) -> Any:
    """Indices that sort stably; nan counts as the largest."""
    node, nan = _nan_free(x.plain, x.dtype)
    if nan is None:
        return _sorted(node, k, axis, mode).output(1)
    first = _sorted(node, x.dims[axis], axis, mode).output(1)
    second = _sorted(o.gather_elements(o.convert(nan, "f32"), first, axis), k, axis, mode).output(1)
    return o.gather_elements(first, second, axis)


@lower("sort")
def _sort(g: Graph, out: Spec, x: Value, axis: int) -> Value:
    n = x.dims[axis]
    if n is None:
        raise CapabilityError("openvino: sort needs a known size along its axis.")
    node, nan = _nan_free(x.plain, x.dtype)
    found = _sorted(node, n, axis, "min").output(0)
    if nan is None:
        return Value(gr.unordered(found, x.dtype), x.dtype)
    count = o.reduce_sum(o.convert(nan, "f32"), ints([axis]), True)
    return Value(o.select(o.greater_equal(o.convert(_iota(n, x.rank, axis), "f32"), o.subtract(const(float(n)), count)), const(np.nan), found), x.dtype)


@lower("argsort")
def _argsort(g: Graph, out: Spec, x: Value, axis: int) -> Value:
    return Value(_order_of(x, axis, x.dims[axis], "min"), "int32")


@lower("top_k")
def _top_k(g: Graph, out: tuple, x: Value, k: int) -> tuple[Value, Value]:
    axis = x.rank - 1
    order = _order_of(x, axis, k, "max")
    return Value(o.gather_elements(x.plain, order, axis), x.dtype), Value(order, "int32")


@lower("searchsorted")
def _searchsorted(g: Graph, out: Spec, sorted_sequence: Value, values: Value, side: str) -> Value:
    sequence, _ = _nan_free(sorted_sequence.plain, sorted_sequence.dtype)
    node, nan = _nan_free(values.plain, values.dtype)
    found = o.search_sorted(sequence, o.reshape(node, ints([-1]), False), side == "right", "i32")
    found = o.convert(o.reshape(found, o.shape_of(node), False), "i32")
    if nan is not None:
        found = gr.choose(nan, const(sorted_sequence.dims[0], np.int32), found)
    return Value(found, "int32")


# -- contraction and windows ---------------------------------------------------------------------------------------------------------------
@lower("matmul")
def _matmul(g: Graph, out: Spec, x1: Value, x2: Value) -> Value:
    if carrier(x1.dtype) == "f32":
        return Value(o.matmul(x1.plain, x2.plain, False, False), x1.dtype)
    if x1.dtype == "bool":
        a, b = (o.convert(x.plain, "f32") for x in (x1, x2))
        return Value(o.greater(o.matmul(a, b, False, False), const(0.0)), "bool")
    # the plugin multiplies integer matrices as floats: products and sums of 32-bit integers are exact
    products = o.multiply(o.unsqueeze(x1.plain, ints(-1)), o.unsqueeze(x2.plain, ints(-3)))
    axis = len(out.dims) - 1
    return Value(wrap(o.squeeze(gr.tree(o.add, products, axis), ints([axis])), x1.dtype), x1.dtype)


def _channels_first(n: int) -> tuple[int, ...]:
    return (0, n + 1, *range(1, n + 1))


def _channels_last(n: int) -> tuple[int, ...]:
    return (0, *range(2, n + 2), 1)


@lower("conv")
def _conv(g: Graph, out: Spec, x: Value, kernel: Value, strides: tuple, padding: tuple, dilation: tuple, groups: int) -> Value:
    n = x.rank - 2
    begin, end = [p[0] for p in padding], [p[1] for p in padding]
    node, weights = x.as_axes(_channels_first(n)), kernel.as_axes((n + 1, n, *range(n)))
    if groups == 1:
        node = o.convolution(node, weights, strides, begin, end, dilation)
    else:
        *taps, size, outputs = kernel.dims
        weights = o.reshape(weights, ints([groups, outputs // groups, size, *taps]), False)
        node = o.group_convolution(node, weights, strides, begin, end, dilation)
    return Value(node, x.dtype, _channels_last(n))


@lower("conv_transpose")
def _conv_transpose(g: Graph, out: Spec, x: Value, kernel: Value, strides: tuple, padding: tuple, output_padding: tuple, dilation: tuple) -> Value:
    n = x.rank - 2
    begin = [p[0] for p in padding]
    end = [p[1] for p in padding]
    node = o.convolution_backprop_data(
        x.as_axes(_channels_first(n)), kernel.as_axes((n + 1, n, *range(n))), strides, None, begin, end, dilation, output_padding=output_padding
    )
    return Value(node, x.dtype, _channels_last(n))


@lower("max_pool", "average_pool")
def _pool(name: str, g: Graph, out: Spec, x: Value, pool_size: tuple, strides: tuple, padding: tuple) -> Value:
    n, d = x.rank - 2, x.dtype
    begin, end = [p[0] for p in padding], [p[1] for p in padding]
    node = x.as_axes(_channels_first(n))
    if name == "average_pool":
        node = o.avg_pool(node, strides, begin, end, pool_size, True)
    elif carrier(d) == "f32":
        node = o.max_pool(node, strides, [1] * n, begin, end, pool_size, axis=2).output(0)
    else:  # as a maximum of shifted slices, exact for 32-bit integers
        node, axes = gr.ordered(node, d), list(range(2, n + 2))
        low = const(np.iinfo(np.int32).min, np.int32)
        node = o.pad(node, ints([0, 0, *begin]), ints([0, 0, *end]), "constant", low)
        sizes, best = [size - 1 for size in out.dims[1:-1]], None
        for tap in np.ndindex(*pool_size):
            stop = [t + s * m + 1 for t, s, m in zip(tap, strides, sizes, strict=True)]
            part = o.slice(node, ints(tap), ints(stop), ints(strides), ints(axes))
            best = part if best is None else o.maximum(best, part)
        node = gr.unordered(best, d)
    return Value(node, d, _channels_last(n))


# -- derived ops with a kernel in the plugin; None falls back to the op's body --------------------------------------------------------------
@lower("softmax", "log_softmax")
def _softmax(name: str, g: Graph, out: Spec, x: Value, axis: Any) -> Value | None:
    if not isinstance(axis, int) or not x.rank:
        return None
    a = x.axis(axis % x.rank)
    return Value(o.softmax(x.node, a) if name == "softmax" else o.log_softmax(x.node, a), x.dtype, x.order)


@lower("gelu")
def _gelu(g: Graph, out: Spec, x: Value, approximate: Any) -> Value:
    return Value(o.gelu(x.node, "tanh" if approximate else "erf"), x.dtype, x.order)


#: derived ops that are lowered whole
WHOLE = frozenset({"relu", "sigmoid", "silu", "signbit", "softmax", "log_softmax", "gelu", "lstm", "gru"})

#: their arguments are nests and tapes (pronghorn.symbolic.backend); lowered in `control`
CONTROL = frozenset({"cond", "while_loop", "scan"})
_IDENTITY = {"sum": 0, "prod": 1, "any": False, "all": True}


def run(g: Graph, tape: list[tuple], outputs: Iterable[Spec]) -> None:
    """Lower the entries of `tape` that `outputs` need, into `g`.

    Raises:
        CapabilityError: a primitive has no lowering; the message names it and why.
    """
    needed = {id(s) for s in outputs}
    live = []
    for entry in reversed(tape):
        if any(id(s) in needed for s in specs_in(entry[2])):
            live.append(entry)
            needed.update(id(s) for s in specs_in(entry[1]))
    for entry in reversed(live):
        _run_one(g, *entry)


def _run_one(g: Graph, name: str, args: tuple, out: Any, inner: list | None = None) -> None:
    outs = list(specs_in(out))
    try:
        found = _result(g, name, args, out, outs)
    except (RuntimeError, ValueError, TypeError) as error:
        if isinstance(error, CapabilityError):
            raise
        shown = ", ".join([str(s) for s in specs_in(args)][:4])
        raise CapabilityError(f"openvino: {name} cannot be lowered for {shown}: {error}") from error
    if found is None:
        if inner is None:
            raise CapabilityError(_missing(name))
        run(g, inner, outs)
        return
    for spec, value in zip(outs, found if isinstance(found, tuple) else (found,), strict=True):
        g.values[id(spec)] = value


def _missing(name: str) -> str:
    entry = PRIMITIVES.get(name)
    capability = None if entry is None else entry.capability
    why = f'it belongs to the capability "{capability}", which OpenVINO lacks' if capability else "OpenVINO has no such operation"
    return f"openvino cannot run {name}: {why}. Run this part on another engine."


def _result(g: Graph, name: str, args: tuple, out: Any, outs: list[Spec]) -> Any:
    elementwise = ELEMENTWISE.get(name)
    if elementwise is None and name not in LOWER:
        return None
    if all(0 in s.dims for s in outs):
        made = tuple(g.constant(np.zeros([1 if d is None else d for d in s.shape], _numpy(s.dtype))) for s in outs)
        return made if isinstance(out, tuple) else made[0]
    if name in CONTROL:
        return LOWER[name](g, out, *args)
    entry = PRIMITIVES.get(name) or OPS[name]
    n = len(entry.operands)
    values = [[g.value(x) for x in args[0]], *args[1:]] if entry.listed else [g.value(x) if i < n and x is not None else x for i, x in enumerate(args)]
    first = values[0]
    if elementwise is not None:
        nodes, order = aligned(values[:n])
        return Value(elementwise(values[n - 1].dtype, *nodes), out.dtype, order)
    if isinstance(first, Value) and 0 in first.dims:  # something out of nothing
        if name in _IDENTITY:
            return g.constant(np.full(out.shape, _IDENTITY[name], _numpy(out.dtype)))
        if name == "pad":
            return g.constant(np.full(out.shape, args[2], _numpy(out.dtype)))
        if name == "matmul":
            return g.constant(np.zeros(out.shape, _numpy(out.dtype)))
        if name == "searchsorted":
            return g.constant(np.zeros(out.shape, np.int32))
    return LOWER[name](g, out, *values)


__all__ = ["LOWER", "WHOLE", "lower", "run"]
