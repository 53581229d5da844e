"""Functions of functions: vectorising and differentiating them."""
# ruff: noqa: A001

from collections.abc import Callable
from typing import Any

from pronghorn.backend import primitives as p
from pronghorn.backend import registry
from pronghorn.backend.errors import CapabilityError
from pronghorn.backend.owners import unwrap
from pronghorn.ops.control import _backend, _native, _recorded, _row, _rows, _spec, _symbolic, _within, map
from pronghorn.ops.creation import convert_to_tensor, ndim, shape
from pronghorn.state.tree import flatten, map_structure

__all__ = ["custom_gradient", "jvp", "vectorize", "vectorized_map"]


def vectorized_map(function: Callable, elements: Any) -> Any:
    """Apply `function` to all slices along the leading axis at once, where the engine can, and stack the results.

    Args:
        function: function of one slice, or of a nest of slices.
        elements: nest of tensors with leading axes of one size.

    Example:
        >>> import numpy as np
        >>> vectorized_map(lambda x: x * x, np.array([1, 2, 3])).tolist()
        [1, 4, 9]
    """
    leaves = flatten(elements)
    if not leaves:
        raise ValueError("vectorized_map: expected at least one tensor.")
    if _symbolic(elements):

        def infer() -> Any:
            out = function(map_structure(_row, elements))
            return map_structure(lambda y: _rows(y, _spec(leaves[0]).dims[0]), out)

        return _recorded(vectorized_map, (function, elements), {}, infer)
    b = _backend("vectorized_map", elements)
    if "autodiff" not in b.capabilities:
        return map(function, elements)
    with _within(b):
        return b.vectorized_map(function, _native(b, elements))


def custom_gradient(f: Callable) -> Callable:
    """Give a function a gradient of its own.

    Args:
        f: returns `(output, grad)`, where `grad(upstream)` returns the gradients of the tensor arguments.

    Example:
        >>> @custom_gradient
        ... def double(x):
        ...     return x * 2, lambda upstream: upstream * 2
        >>> import numpy as np
        >>> double(np.array([3.0])).tolist()
        [6.0]
    """
    import functools

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        def bound(*tensors: Any) -> Any:
            return f(*tensors, **kwargs)

        if _symbolic(args):
            return _recorded(call, args, kwargs, lambda: bound(*args)[0])
        b = _backend("custom_gradient", args)
        tensors = _native(b, args)
        with _within(b):
            return b.custom_gradient(bound)(*tensors) if "autodiff" in b.capabilities else bound(*tensors)[0]

    return call


def jvp(fun: Callable, primals: Any, tangents: Any, has_aux: bool = False) -> tuple:
    """Return the value of `fun(*primals)` and its derivative in the direction of `tangents`.

    Args:
        fun: function of tensors.
        primals: its arguments, a list or tuple.
        tangents: as many directions, of the same shapes.
        has_aux: whether `fun` returns `(output, aux)`; then `aux` is returned third.

    Raises:
        CapabilityError: the engine has no gradients.

    Example:
        >>> import pronghorn as ph                              # doctest: +SKIP
        >>> jvp(lambda x: x * x, (3.0,), (1.0,))                # doctest: +SKIP
    """
    b = _backend("jvp", primals, tangents)
    if "autodiff" not in b.capabilities:
        able = ", ".join(i.name for i in registry.list_backends() if "autodiff" in i.capabilities) or "none installed"
        raise CapabilityError(f"{b.name} has no derivatives. Backends that do: {able}.")
    with _within(b):
        value, tangent = b.jvp(fun, _native(b, tuple(primals)), _native(b, tuple(tangents)))
    return (value[0], tangent[0], value[1]) if has_aux else (value, tangent)


def vectorize(pyfunc: Callable, *, excluded: Any = None, signature: str | None = None) -> Callable:
    """Make a function of single elements, or of small tensors, one of whole tensors that broadcasts.

    Args:
        pyfunc: the function.
        excluded: numbers or names of arguments that are passed as they are.
        signature: what one call takes and gives, such as `"(m,n),(n)->(m)"`; scalars without one.

    Example:
        >>> import numpy as np
        >>> vectorize(lambda a, b: a + b)(np.array([[1], [2]]), np.array([10, 20])).tolist()
        [[11, 21], [12, 22]]
    """
    left_out = set(excluded or ())

    def call(*args: Any, **kwargs: Any) -> Any:
        chosen = [i for i in range(len(args)) if i not in left_out]
        named = [k for k in kwargs if k not in left_out]
        tensors = [convert_to_tensor(unwrap(v)) for v in (*(args[i] for i in chosen), *(kwargs[k] for k in named))]
        ranks = [0] * len(tensors)
        if signature is not None:
            ranks = [len([d for d in part.split(",") if d.strip()]) for part in _groups(signature.partition("->")[0])]
            if len(ranks) != len(tensors):
                raise ValueError(f'vectorize: the signature "{signature}" is for {len(ranks)} tensors; received {len(tensors)}.')
        from pronghorn.backend.families import broadcast_dims, size_of

        outer = broadcast_dims("vectorize", *[shape(t)[: ndim(t) - r] for t, r in zip(tensors, ranks, strict=True)])
        flat = []
        for t, r in zip(tensors, ranks, strict=True):
            core = shape(t)[ndim(t) - r :]
            flat.append(p.reshape(p.broadcast_to(t, (*outer, *core)), (size_of(outer), *core)))

        def one(values: Any) -> Any:
            new = list(args)
            for i, v in zip(chosen, values, strict=False):
                new[i] = v
            return pyfunc(*new, **{**kwargs, **dict(zip(named, values[len(chosen) :], strict=True))})

        out = vectorized_map(one, tuple(flat))
        return map_structure(lambda y: p.reshape(y, (*outer, *shape(y)[1:])), out)

    return call


def _groups(text: str) -> list[str]:
    """The parenthesised groups of a signature's side."""
    import re

    return re.findall(r"\(([^()]*)\)", text)
