"""What surrounds the call of a layer: the training flag, masks of tensors, losses. All of it is per thread.

Masks are kept in a table beside the tensors (id → weak reference and mask), since a tensor of another library is no place for attributes; a symbolic tensor
carries its own. Losses are kept with the state scope they were computed in, so that the tensors of a finished trace are never handed out.
"""

import threading
import weakref
from typing import Any

from pronghorn.state.binding import STATE
from pronghorn.state.tree import flatten
from pronghorn.symbolic.spec import Spec


class _Context(threading.local):
    def __init__(self) -> None:
        self.training: bool | None = None
        self.depth = 0
        self.masks: dict[int, tuple[Any, Any]] = {}
        self.losses: dict[Any, list[tuple[Any, Any]]] = {}
        self.structure: dict[Any, tuple[Any, list]] | None = None  # see tracking.settled


CONTEXT = _Context()


def get_mask(x: Any) -> Any:
    """Return the mask of a tensor, or None."""
    if type(x) is Spec:
        return x.mask
    found = CONTEXT.masks.get(id(x))
    return None if found is None else found[1]


def set_mask(x: Any, mask: Any) -> None:
    """Attach a mask to a tensor, for the tensor's lifetime on this thread; None detaches."""
    if type(x) is Spec:
        x.mask = mask
        return
    masks, key = CONTEXT.masks, id(x)
    if mask is None:
        masks.pop(key, None)
        return
    try:
        holder: Any = weakref.ref(x, lambda _: masks.pop(key, None))
    except TypeError:  # a tensor class without weak references lives as long as the table
        holder = x
    masks[key] = (holder, mask)


def has_masks(value: Any) -> bool:
    """Tell whether any tensor of a nest has a mask."""
    return any(get_mask(x) is not None for x in flatten(value))


def add_loss(layer: Any, value: Any) -> None:
    """Keep a loss that `layer` computed in this call."""
    CONTEXT.losses.setdefault(layer, []).append((STATE.scope, value))


def losses_of(layer: Any) -> list[Any]:
    """Return the losses of the last call of `layer` that belong to the state that is bound now."""
    kept = CONTEXT.losses.get(layer)
    if not kept:
        return []
    live = _scopes()
    return [value for scope, value in kept if scope is None or scope in live]


def clear_losses(layers: Any) -> None:
    """Forget the losses of these layers, and those of traces that have ended."""
    table = CONTEXT.losses
    if not table:
        return
    for layer in layers:
        table.pop(layer, None)
    live = _scopes()
    for layer in list(table):
        table[layer] = [(s, v) for s, v in table[layer] if s is None or s in live]
        if not table[layer]:
            del table[layer]


def _scopes() -> list[Any]:
    found, scope = [], STATE.scope
    while scope is not None:
        found.append(scope)
        scope = scope.outer
    return found


class training_scope:
    """Context in which layers that are not told otherwise run with this training flag."""

    def __init__(self, training: bool | None):
        self.training = training

    def __enter__(self) -> None:
        self.outer, CONTEXT.training = CONTEXT.training, self.training

    def __exit__(self, *_: Any) -> None:
        CONTEXT.training = self.outer
