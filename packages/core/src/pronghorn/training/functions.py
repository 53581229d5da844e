"""Steps as compiled functions: built once, and again when what they depend on has changed."""

from collections.abc import Callable
from typing import Any

from pronghorn.backend import memory, registry
from pronghorn.layers.context import CONTEXT, training_scope
from pronghorn.layers.tracking import Held, settled
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
        self.dried: dict[str, tuple[Any, list[Any]]] = {}  # kind -> what the step depends on, and the batches that it was run on as shapes
        self._structure: dict[Any, tuple[Any, list]] = {}
        self._last: dict[tuple[str, int], tuple[Held, tuple, list[tuple[Any, bool]], Any]] = {}

    def clear(self) -> None:
        """Forget them all."""
        self._last.clear()
        self.made.clear()
        self.dried.clear()

    def dry_run(self, model: Any, kind: str, data: Any) -> None:
        """Run a step on shapes alone, unless it was with batches like this one and nothing has changed since; see `dry_run`."""
        batch = _signature(data)
        before = self.dried.get(kind)
        if before is not None and batch in before[1] and model.built and before[0] == self._key(model, kind, _variables(model, kind)):
            return
        dry_run(model, kind, data)
        if batch is not None:
            key = self._key(model, kind, _variables(model, kind))
            if before is not None and before[0] == key:
                before[1].append(batch)
            else:
                self.dried[kind] = key, [batch]

    def _key(self, model: Any, kind: str, variables: list[Any]) -> tuple:
        return model.run_eagerly, model.jit_compile, model.backend.name, tuple([(id(v), v.trainable) for v in variables])

    def get(self, model: Any, kind: str, repeat: int = 1) -> Callable:
        """Return the compiled step for the state, the trainable variables and the options as they are now.

        Args:
            model: whose step.
            kind: "train", "test" or "predict".
            repeat: how many batches one call takes.
        """
        last = self._last.get((kind, repeat))
        if last is not None:
            held, options, trainable, made = last
            now = model.run_eagerly, model.jit_compile, registry.active()
            at_home = not trainable or trainable[0][0].backend is now[2]
            if now == options and at_home and held.still() and all([v._trainable is flag for v, flag in trainable]):
                return made
            self._last.pop((kind, repeat), None)  # another thread may have been here
        made = self._get(model, kind, repeat)
        if kind == "predict":  # the one step that is asked for batch by batch, and depends on layers alone
            trainable = [(v, v._trainable) for v in model.variables]
            self._last[kind, repeat] = Held(model), (model.run_eagerly, model.jit_compile, model.backend), trainable, made
        return made

    def _get(self, model: Any, kind: str, repeat: int) -> Callable:
        self._structure.clear()
        with settled({}):  # each layer is looked at once
            variables = _variables(model, kind)
            backend = model.backend
            key = self._key(model, kind, variables)
        found = self.made.get((kind, repeat))
        if found is not None and found[0] == key:
            return found[1]
        for v in variables:
            if v.backend is not backend:
                v.to(backend)
        made = _compile(model, kind, variables, backend, repeat, self._structure)
        self.made[kind, repeat] = (key, made)
        return made


def _variables(model: Any, kind: str) -> list[Any]:
    """The state that a step may touch."""
    with settled({} if CONTEXT.structure is None else CONTEXT.structure):
        return model.variables if kind == "predict" else collect(model)


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

    memory.keep_freed()
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


def _signature(data: Any) -> Any:
    """Shapes and dtypes of a batch, to compare; None where a leaf has none."""
    plain = True

    def leaf(x: Any) -> Any:
        nonlocal plain
        if x is None:
            return None
        plain = plain and hasattr(x, "dtype") and hasattr(x, "shape")
        return (tuple(x.shape), x.dtype, type(x)) if plain else None

    found = map_structure(leaf, data)
    return found if plain else None


def _spec(x: Any, backend: Any) -> Any:
    from pronghorn.backend.owners import owner, unwrap

    x = unwrap(x)
    own = owner(type(x))
    if own is not None:
        return Spec(own.static_shape(x), own.dtype(x))
    import numpy as np

    from pronghorn.backend.convert import host_dtype
    from pronghorn.training.data.arrays import holds_text

    array = x if isinstance(x, np.ndarray) else np.asarray(x)
    if array.dtype.kind in "OSU":
        raise holds_text("The data", array.dtype)
    weak = not isinstance(x, np.ndarray)
    return Spec(array.shape, backend.canonical(host_dtype(array, weak)))
