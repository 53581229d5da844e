"""All state that a training step may read or write: found by walking the model's attributes."""

from typing import Any

from pronghorn.layers.layer import Layer
from pronghorn.layers.tracking import INTERNAL, flatten_layers
from pronghorn.metrics.metric import Metric
from pronghorn.optimizers.optimizer import Optimizer
from pronghorn.random.seed_generator import SeedGenerator
from pronghorn.state.variable import Variable
from pronghorn.training.compile_loss import CompileLoss

#: kinds of attribute values: nothing, a variable, a container, something with `variables`, a seed generator, an object to look into
_NOTHING, _VARIABLE, _CONTAINER, _OWNER, _SEED, _OBJECT = range(6)
_KINDS: dict[type, int] = {}


def _kind(cls: type) -> int:
    found = _KINDS.get(cls)
    if found is None:
        if issubclass(cls, Variable):
            found = _VARIABLE
        elif issubclass(cls, (list, tuple, dict, set)):
            found = _CONTAINER
        elif issubclass(cls, (Optimizer, Metric, CompileLoss)):
            found = _OWNER
        elif issubclass(cls, SeedGenerator):
            found = _SEED
        elif issubclass(cls, Layer):
            found = _OBJECT
        else:
            found = _NOTHING
        _KINDS[cls] = found
    return found


def collect(model: Any) -> list[Variable]:
    """Return every variable of a model, its optimizers, metrics, losses and seed generators, each once."""
    found: dict[Variable, None] = {}
    seen: set[int] = set()

    known = _KINDS.get

    def inside(values: Any) -> None:
        for v in values:
            if known(type(v)) != _NOTHING:  # most are numbers and names
                visit(v)

    def visit(value: Any) -> None:
        kind = _kind(type(value))
        if kind == _NOTHING:
            return
        if kind == _VARIABLE:
            found[value] = None
            return
        if id(value) in seen:
            return
        seen.add(id(value))
        if kind == _CONTAINER:
            inside(value.values() if isinstance(value, dict) else value)
        elif kind == _OWNER:
            for v in value.variables:
                found[v] = None
            for v in vars(value).values():  # an optimizer inside an optimizer, a seed in a metric
                if _kind(type(v)) in (_OWNER, _SEED):
                    visit(v)
        elif kind == _SEED:
            found[value.state] = None
        else:
            if id(value) not in covered or type(value).variables is not Layer.variables:
                for v in value.variables:
                    found[v] = None
            inside([v for n, v in vars(value).items() if n not in INTERNAL])

    covered: set[int] = set()
    if type(model).variables is Layer.variables:  # it names those of every layer below
        found = dict.fromkeys(model.variables)
        covered = {id(layer) for layer in flatten_layers(model)}
    visit(model)
    return list(found)
