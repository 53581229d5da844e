"""Rematerialisation: computing activations again in the backward pass instead of keeping them."""

import functools
import threading
from collections.abc import Callable
from typing import Any

from pronghorn.backend import registry
from pronghorn.backend.owners import owner
from pronghorn.state.binding import STATE, bind, commit
from pronghorn.state.tree import flatten, pack
from pronghorn.symbolic.graph import TRACE

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class _Current(threading.local):
    scope: "RematScope | None" = None


CURRENT = _Current()


class RematScope:
    """Context in which layers are made that compute their activations again in the backward pass, which saves memory and costs time.

    Args:
        mode: "full" for every layer; "activations" for layers with an activation function; "larger_than" for those whose output has more than
            `output_size_threshold` elements; "list_of_layers" for those named in `layer_names`; None for none.
        output_size_threshold: for "larger_than".
        layer_names: for "list_of_layers".

    Raises:
        ValueError: an unknown mode.

    Example:
        >>> import pronghorn as ph
        >>> with RematScope(mode="full"):
        ...     layer = ph.layers.Dense(2)
        >>> layer([[1.0]]).shape
        (1, 2)
    """

    def __init__(self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Any = None):
        if mode not in _MODES:
            raise ValueError(f"RematScope: mode must be one of {', '.join(map(repr, _MODES))}; received {mode!r}.")
        self.mode, self.output_size_threshold, self.layer_names = mode, output_size_threshold, list(layer_names or [])

    def __enter__(self) -> "RematScope":
        self._outer, CURRENT.scope = CURRENT.scope, self
        return self

    def __exit__(self, *_: Any) -> None:
        CURRENT.scope = self._outer

    def covers(self, layer: Any, shapes: Any) -> bool:
        """Tell whether a layer called on inputs of these shapes is to be rematerialised."""
        if self.mode == "full":
            return True
        if self.mode == "activations":
            return callable(layer.__dict__.get("activation"))
        if self.mode == "list_of_layers":
            return layer.name in self.layer_names
        if self.mode == "larger_than":
            out = layer.compute_output_shape(shapes)
            sizes = [out] if all(d is None or isinstance(d, int) for d in out) else list(out)
            return any(functools.reduce(lambda n, d: n * (d or 1), s, 1) > self.output_size_threshold for s in sizes)
        return False


def remat(f: Callable) -> Callable:
    """Return `f` as a function whose inner results are computed again in the backward pass.

    Variables may be read and written inside: writes take effect once, and the second run sees the same values as the first. On engines that cannot do
    this (`Backend.rematerialize`), the function runs as it is.

    Example:
        >>> import numpy as np
        >>> remat(lambda x: x * 2)(np.array([3.0])).tolist()
        [6.0]
    """

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        from pronghorn.ops.elementwise import copy

        leaves = flatten((args, kwargs))
        places = [i for i, x in enumerate(leaves) if owner(type(x)) is not None]
        found = owner(type(leaves[places[0]])) if places else registry.active()
        if found.name == "spec" or TRACE.tape is not None or (STATE.scope is not None and STATE.scope.symbolic):
            return f(*args, **kwargs)
        layout: Any = None
        written: list[Any] = []
        before: list[Any] = []

        def run(*tensors: Any) -> Any:
            nonlocal layout
            filled = list(leaves)
            for i, x in zip(places, tensors, strict=True):
                filled[i] = x
            new_args, new_kwargs = pack((args, kwargs), filled)
            with bind(written[: len(before)], before, closed=False) as scope:
                out = f(*new_args, **new_kwargs)
            written[:] = list(scope.written)
            layout = out
            return tuple(flatten(out)), tuple(scope.written[v] for v in written)

        flat, new = found.rematerialize(run)(*[leaves[i] for i in places])
        if written:
            before[:] = [copy(v.value) for v in written]  # copies, since engines write storage in place
            commit(dict(zip(written, new, strict=True)))
        return pack(layout, flat)

    return call
