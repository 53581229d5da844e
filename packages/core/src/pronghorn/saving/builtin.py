"""Which of pronghorn's own classes and functions a file may name: one explicit table per family of Keras' modules.

A family's table holds subclasses of its base class only, never functions (with one table of plain functions), so no name in a file reaches anything else.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any

# family -> (module that holds the classes, base class as "module:name")
_FAMILIES = {
    "layers": ("pronghorn.layers", "pronghorn.layers.layer:Layer"),
    "models": ("pronghorn.models", "pronghorn.layers.layer:Layer"),
    "initializers": ("pronghorn.initializers", "pronghorn.initializers:Initializer"),
    "regularizers": ("pronghorn.regularizers", "pronghorn.regularizers:Regularizer"),
    "constraints": ("pronghorn.constraints", "pronghorn.constraints:Constraint"),
    "losses": ("pronghorn.losses", "pronghorn.losses.loss:Loss"),
    "metrics": ("pronghorn.metrics", "pronghorn.metrics.metric:Metric"),
    "optimizers": ("pronghorn.optimizers", "pronghorn.optimizers.optimizer:Optimizer"),
    "optimizers.schedules": ("pronghorn.optimizers.schedules", "pronghorn.optimizers.schedules:LearningRateSchedule"),
    "dtype_policies": ("pronghorn.dtype_policies", "pronghorn.dtype_policies:DTypePolicy"),
    "random": ("pronghorn.random", "pronghorn.random.seed_generator:SeedGenerator"),
}
_FUNCTIONS = ("pronghorn.activations", "pronghorn.losses", "pronghorn.metrics")


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    found: Any = importlib.import_module(module)
    return getattr(found, name) if name else found


@functools.cache
def classes(family: str) -> dict[str, type]:
    """Return the classes of a family by name."""
    module, base = _FAMILIES[family]
    root = _load(base)
    space = _load(module)
    names = ("Functional", "Model", "Sequential") if family == "models" else getattr(space, "__all__", None) or dir(space)
    found = {}
    for name in names:
        value = getattr(space, name, None)
        if isinstance(value, type) and issubclass(value, root):
            found[name] = value
    return found


def family_of(module: str | None) -> str | None:
    """Return the family that a Keras module name stands for: `keras.layers`, `keras.src.layers.core.dense`, ...

    Example:
        >>> family_of("keras.src.layers.core.dense"), family_of("keras.optimizers.schedules"), family_of("os")
        ('layers', 'optimizers.schedules', None)
    """
    if not isinstance(module, str):
        return None
    parts = module.split(".")
    if parts[0] not in ("keras", "pronghorn", "tf_keras"):
        return None
    parts = [p for p in parts[1:] if p not in ("src", "api", "_tf_keras", "keras")]
    if not parts:
        return "models"  # keras.Sequential, keras.Model
    if parts[0] == "optimizers" and any("schedule" in p for p in parts[1:]):
        return "optimizers.schedules"
    if parts[0] == "engine":
        return "models"
    # engine-specific classes of Keras sit in keras.src.backend.<engine>.<family>
    return next((p for p in parts if p in _FAMILIES), None)


def find_class(module: str | None, name: str) -> type | None:
    """Return pronghorn's class for a module and class name of a file, or None."""
    family = family_of(module)
    if family is None:
        return None
    order = [family, "models", "layers", "dtype_policies"] if family == "models" else [family]
    for f in order:
        found = classes(f).get(name)
        if found is not None:
            return found
    return None


def find_anywhere(name: str) -> type | None:
    """Return the class of a name in whichever family has it, for files that name no modules."""
    return next((c for family in ("layers", "models", *_FAMILIES) if (c := classes(family).get(name)) is not None), None)


def place_of(cls: type) -> tuple[str, str] | None:
    """Return Keras' (module, class name) for one of pronghorn's classes, None for any other class."""
    if not cls.__module__.startswith("pronghorn."):
        return None
    if cls.__name__ == "Functional":
        return "keras.src.models.functional", "Functional"
    for family in ("models", *(f for f in _FAMILIES if f != "models")):
        if not issubclass(cls, _load(_FAMILIES[family][1])):
            continue
        name = next((n for n, c in classes(family).items() if c is cls and n == cls.__name__), None)
        name = name or next((n for n, c in classes(family).items() if c is cls), None)  # known by another name than its own
        if name is not None:
            return ("keras" if family == "models" or name in ("DTypePolicy", "FloatDTypePolicy") else f"keras.{family}"), name
    return None


@functools.cache
def functions() -> dict[str, Callable]:
    """Return the functions that a file may name: activations, losses, metrics."""
    found: dict[str, Callable] = {}
    for module in _FUNCTIONS:
        space = _load(module)
        for name in getattr(space, "__all__", None) or dir(space):
            value = getattr(space, name, None)
            if callable(value) and not isinstance(value, type) and name not in ("get", "serialize", "deserialize") and not name.startswith("_"):
                found.setdefault(name, value)
    return found
