"""Steps as compiled functions: built once, and again when what they depend on has changed."""

from collections.abc import Callable
from typing import Any

from pronghorn.backend import registry
from pronghorn.layers.context import training_scope
from pronghorn.layers.tracking import settled
from pronghorn.state.binding import symbolic_state
from pronghorn.state.tree import map_structure
from pronghorn.symbolic.graph import silent
from pronghorn.symbolic.spec import Spec
from pronghorn.training.state import collect

STEPS = {"train": "train_step", "test": "test_step", "predict": "predict_step"}


class Functions:
    """The compiled steps of one model."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, int], tuple[Any, Callable]] = {}
        self._structure: dict[int, tuple[Any, list]] = {}

    def clear(self) -> None:
        """Forget them all."""
        self.made.clear()

    def get(self, model: Any, kind: str, repeat: int = 1) -> Callable:
        """Return the compiled step for the state, the trainable variables and the options as they are now.

        Args:
            model: whose step.
            kind: "train", "test" or "predict".
            repeat: how many batches one call takes.
        """
        self._structure.clear()
        if kind == "predict":
            variables = model.variables
        else:
            variables = collect(model)
        backend = model.backend
        key = (model.run_eagerly, model.jit_compile, backend.name, tuple([(id(v), v.trainable) for v in variables]))
        found = self.made.get((kind, repeat))
        if found is not None and found[0] == key:
            return found[1]
        for v in variables:
            if v.backend is not backend:
                v.to(backend)
        made = _compile(model, kind, variables, backend, repeat, self._structure)
        self.made[kind, repeat] = (key, made)
        return made


def _compile(model: Any, kind: str, variables: list[Any], backend: Any, repeat: int, structure: dict) -> Callable:
    method = getattr(model, STEPS[kind])
    training = kind == "train"

    if model.run_eagerly:

        def step(data: Any) -> Any:
            with training_scope(training):
                return method(data)

        if repeat == 1:
            return step

        def several(batches: Any) -> Any:
            out = None
            for (data,) in batches:
                out = step(data)
            return out

        return several

    ran = False

    def settled_step(data: Any) -> Any:  # an executor may run it step by step; the first one may still make something
        nonlocal ran
        with training_scope(training), settled(structure if ran else None):
            out = method(data)
        ran = True
        return out

    return backend.executor().compile(settled_step, variables, jit=model.jit_compile, repeat=repeat)


def dry_run(model: Any, kind: str, data: Any) -> None:
    """Run a step on shapes alone: builds what is built at first use (layers, optimizer slots, metrics) and finds misfits before the first batch.

    Args:
        model: whose step.
        kind: "train", "test" or "predict".
        data: a batch on the host.
    """
    backend = model.backend
    specs = map_structure(lambda x: None if x is None else _spec(x, backend), data)
    with registry.use_backend(backend.name), silent(), symbolic_state(), training_scope(kind == "train"):
        if not model.built:
            try:
                model(specs[0])
            except NotImplementedError:  # a model without `call`, trained by a step of its own
                pass
        getattr(model, STEPS[kind])(specs)


def _spec(x: Any, backend: Any) -> Any:
    from pronghorn.backend.op import owner, unwrap

    x = unwrap(x)
    own = owner(type(x))
    if own is not None:
        return Spec(own.static_shape(x), own.dtype(x))
    import numpy as np

    from pronghorn.backend.convert import host_dtype

    array = x if isinstance(x, np.ndarray) else np.asarray(x)
    weak = not isinstance(x, np.ndarray)
    return Spec(array.shape, backend.canonical(host_dtype(array, weak)))
