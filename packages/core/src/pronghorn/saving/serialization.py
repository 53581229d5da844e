"""Objects to JSON-ready configs in Keras' schema, and back; nothing in a config can select code, a module or a path."""

import inspect
import threading
from typing import Any

import numpy as np

from pronghorn.backend.dims import Dim
from pronghorn.backend.errors import closest
from pronghorn.backend.owners import owner, unwrap
from pronghorn.saving import builtin
from pronghorn.saving.custom import CustomObjectScope, get_registered_name, get_registered_object
from pronghorn.symbolic.spec import Spec

_PLAIN = (str, bool, int, float, type(None))
_LIMIT = 1 << 24  # elements of a tensor inside a config; weights belong into the weights file


class _Shared(threading.local):
    """Layers that occur more than once in what this thread writes or reads, so that they are one object again afterwards."""

    seen: dict[int, list[Any]] | None = None  # while writing: id of a layer -> [layer, how often it was met, its number in the file]
    made: dict[Any, Any] | None = None  # while reading: number in the file -> layer
    alike: list[tuple[dict[str, Any], Any]] | None = None  # while reading: (config, layer) for every layer so far
    scaled: bool | None = None  # while reading: whether the file holds the state of an optimizer that scales losses; None where nobody looked


_SHARED = _Shared()


def scaled_in_file() -> bool:
    """Tell whether a model that is being read was compiled with scaling of its losses, as far as its file shows: files name the optimizer alone."""
    return _SHARED.scaled is not False


def serialize_model(model: Any) -> Any:
    """Return the config of a model, with a number (`shared_object_id`) on layers that occur more than once."""
    outer = _SHARED.seen
    _SHARED.seen = {}
    try:
        config = serialize_keras_object(model)
        if any(entry[1] > 1 for entry in _SHARED.seen.values()):
            for n, entry in enumerate(entry for entry in _SHARED.seen.values() if entry[1] > 1):
                entry[2] = n + 1
            config = serialize_keras_object(model)
        return config
    finally:
        _SHARED.seen = outer


def deserialize_model(config: Any, custom_objects: dict[str, Any] | None = None, scaled: bool | None = None) -> Any:
    """Return the model of a config; layers that share a number become one layer.

    Args:
        config: of the model.
        custom_objects: classes and functions by name.
        scaled: whether the file also holds the state of an optimizer that scales losses; None where it holds none of any optimizer.
    """
    outer = _SHARED.made, _SHARED.alike, _SHARED.scaled
    _SHARED.made, _SHARED.alike, _SHARED.scaled = {}, [], scaled
    try:
        return deserialize_keras_object(config, custom_objects)
    finally:
        _SHARED.made, _SHARED.alike, _SHARED.scaled = outer


def _count(obj: Any) -> int | None:
    """Note that a layer is written and return its number, if it has one."""
    from pronghorn.layers.layer import Layer

    if _SHARED.seen is None or not isinstance(obj, Layer):
        return None
    entry = _SHARED.seen.setdefault(id(obj), [obj, 0, None])
    entry[1] += 1
    return entry[2]


def _known(config: dict[str, Any]) -> Any:
    """Return the layer that a config with a number stands for, if it was made before."""
    number = config.get("shared_object_id")
    if number is None or _SHARED.made is None or _SHARED.alike is None:
        return None
    if number in _SHARED.made:
        return _SHARED.made[number]
    # Keras writes the number from the second time on: what it means is the equal layer before
    same = [layer for other, layer in _SHARED.alike if other["class_name"] == config["class_name"] and _bare(other) == _bare(config)]
    if len(same) != 1:
        return None
    _SHARED.made[number] = same[0]
    return same[0]


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if k not in ("shared_object_id", "build_config", "inbound_nodes")}
    return [_bare(v) for v in value] if isinstance(value, list) else value


def serialize_keras_object(obj: Any) -> Any:
    """Return an object as a JSON-ready config.

    Args:
        obj: a plain value, a container, a tensor, a function, or anything with `get_config`.

    Raises:
        ValueError: it has no config.

    Example:
        >>> import pronghorn as ph
        >>> serialize_keras_object(ph.regularizers.L2(0.5))["config"]
        {'l2': 0.5}
    """
    if isinstance(obj, (np.bool_, np.integer)):
        return obj.item()
    if isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, Dim):
        return None
    if isinstance(obj, (list, tuple)):
        return [serialize_keras_object(v) for v in obj]
    if isinstance(obj, dict):
        return {k: serialize_keras_object(v) for k, v in obj.items()}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, slice):
        parts = {k: serialize_keras_object(getattr(obj, k)) for k in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": parts}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, Spec):
        return {"class_name": "__keras_tensor__", "config": {"shape": list(obj.shape), "dtype": obj.dtype, "keras_history": None}}
    value = unwrap(obj)
    if isinstance(value, (np.ndarray, np.generic)) or owner(type(value)) is not None:
        array = np.asarray(value if owner(type(value)) is None else owner(type(value)).convert_to_numpy(value))
        return {"class_name": "__tensor__", "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    if isinstance(obj, np.dtype):
        return obj.name
    if inspect.isfunction(obj) or inspect.isbuiltin(obj) or inspect.ismethod(obj):
        return _function_config(obj)
    if isinstance(obj, type):
        place = builtin.place_of(obj)
        module, name = place or (_module(obj), obj.__name__)
        return {"module": module, "class_name": name, "config": None, "registered_name": None if place else get_registered_name(obj)}
    if not hasattr(obj, "get_config"):
        raise ValueError(f"Cannot save {obj!r} of type {type(obj).__name__}: it has no get_config(). Define it, and from_config(), on the class.")
    return _object_config(obj)


def _module(cls: Any) -> str | None:
    return None if cls.__module__ in ("__main__", "builtins") else cls.__module__


def _function_config(fn: Any) -> dict[str, Any]:
    if fn.__name__ == "<lambda>":
        raise ValueError("Cannot save a lambda: files never hold code. Write it as a function, decorate it with @register_keras_serializable(), and use that.")
    return {"module": "builtins", "class_name": "function", "config": get_registered_name(fn), "registered_name": "function"}


def _object_config(obj: Any) -> dict[str, Any]:
    cls = getattr(type(obj), "_public_class", type(obj))
    place = builtin.place_of(cls)
    if place is not None:
        module: str | None = place[0]
        name, registered = place[1], "Functional" if place[1] == "Functional" else None
    else:
        module, name, registered = _module(cls), cls.__name__, get_registered_name(cls)
    config = {"module": module, "class_name": name, "config": serialize_keras_object(obj.get_config()), "registered_name": registered}
    build = getattr(obj, "get_build_config", None)
    if build is not None and (found := build()) is not None:
        config["build_config"] = serialize_keras_object(found)
    compiled = getattr(obj, "get_compile_config", None)
    if compiled is not None:
        config["compile_config"] = serialize_keras_object(compiled() or {})
    if (number := _count(obj)) is not None:
        config["shared_object_id"] = number
    return config


def deserialize_keras_object(config: Any, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any) -> Any:
    """Return the object that a config describes.

    Classes are looked up in `custom_objects`, in the registry (`register_keras_serializable`) and among pronghorn's own; nowhere else.

    Args:
        config: what `serialize_keras_object` returned, also by Keras.
        custom_objects: further names → classes or functions.
        safe_mode: accepted for compatibility; code in a config is never run, whatever it says.

    Raises:
        TypeError: a class or function that cannot be found; the message says how to provide it.
        ValueError: a config that describes nothing.
    """
    module_objects = kwargs.pop("module_objects", None)
    if kwargs.pop("printable_module_name", None) is None and kwargs:
        raise TypeError(f"deserialize_keras_object() has no argument {next(iter(kwargs))!r}.")
    if custom_objects or module_objects:
        with CustomObjectScope({**(module_objects or {}), **(custom_objects or {})}):
            return _revive(config, top=True)
    return _revive(config, top=True)


def revive(config: Any) -> Any:
    """Turn configs inside a value back into objects; other values stay."""
    return _revive(config, top=False)


def _revive(config: Any, top: bool) -> Any:
    if config is None or isinstance(config, (bool, int, float)):
        return config
    if isinstance(config, str):
        if top:
            found = get_registered_object(config)
            if found is not None:
                return found
        return config
    if isinstance(config, (list, tuple)):
        return [_revive(v, False) for v in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {k: _revive(v, False) for k, v in config.items()}
    return _revive_object(config)


def _revive_object(config: dict[str, Any]) -> Any:
    name, inner = config["class_name"], config["config"]
    if not isinstance(name, str):
        raise ValueError(f"Not the config of an object: class_name is {name!r}.")
    special = _SPECIAL.get(name)
    if special is not None:
        return special(inner or {})
    if name == "function":
        return _find_function(inner if isinstance(inner, str) else str((inner or {}).get("name", "")), config)
    known = _known(config)
    if known is not None:
        return known
    cls = find_class(config)
    if inner is None:
        return cls
    if not isinstance(inner, dict) or not hasattr(cls, "from_config"):
        raise ValueError(f"Cannot make a {name} from the config {inner!r}.")
    instance = cls.from_config(inner)
    build = config.get("build_config")
    if build and hasattr(instance, "build_from_config"):
        instance.build_from_config(build)
    compiled = config.get("compile_config")
    if compiled and hasattr(instance, "compile_from_config"):
        instance.compile_from_config(compiled)
    if _SHARED.made is not None and _SHARED.alike is not None and hasattr(instance, "build_from_config"):
        _SHARED.alike.append((config, instance))
        if config.get("shared_object_id") is not None:
            _SHARED.made[config["shared_object_id"]] = instance
    return instance


def find_class(config: dict[str, Any]) -> Any:
    """Return the class that a config names.

    Raises:
        TypeError: there is none of that name in the registry or among pronghorn's own.
    """
    name, module, registered = config["class_name"], config.get("module"), config.get("registered_name")
    for label in (registered, name):
        if isinstance(label, str):
            found = get_registered_object(label)
            if found is not None:
                return found
    ours = builtin.find_class(module, name)
    if ours is None and module is None and registered is None:
        ours = builtin.find_anywhere(name)
    if ours is not None:
        return ours
    family = builtin.family_of(module)
    known = builtin.classes(family) if family else {}
    where = f'"{module}.{name}"' if module else f'"{name}"'
    raise TypeError(
        f"The file refers to the class {where}, which is not known here.{closest(name, known)} Pass custom_objects={{{registered or name!r}: <the class>}} "
        "or decorate the class with @register_keras_serializable(). Nothing is imported because a file says so."
    )


def _find_function(name: str, config: dict[str, Any]) -> Any:
    found = get_registered_object(name)
    if found is None:
        found = builtin.functions().get(name)
    if found is None:
        raise TypeError(
            f'The file refers to the function "{name}", which is not known here.{closest(name, builtin.functions())} '
            f"Pass custom_objects={{{name!r}: <the function>}} or decorate it with @register_keras_serializable()."
        )
    return found


def _tensor(inner: dict[str, Any]) -> Any:
    array = np.asarray(inner.get("value"))
    if array.dtype.kind not in "biufc" or array.size > _LIMIT:
        raise ValueError(f"Not a tensor config: values of dtype {array.dtype} and shape {array.shape}.")
    from pronghorn.ops.creation import convert_to_tensor

    return convert_to_tensor(array, inner.get("dtype"))


def _numpy(inner: dict[str, Any]) -> Any:
    from pronghorn.backend import dtypes

    return np.asarray(inner.get("value"), dtypes.numpy_dtype(dtypes.standardize(inner.get("dtype"))))


def _lambda(inner: dict[str, Any]) -> Any:
    raise ValueError(
        "The file holds the bytecode of a Python lambda. It is never run here, with or without safe_mode, since it could do anything. "
        'Load with custom_objects={"<name of the layer>": function}, giving the function that the Lambda layer should call.'
    )


_SPECIAL = {
    "__bytes__": lambda c: str(c.get("value", "")).encode("utf-8"),
    "__slice__": lambda c: slice(_revive(c.get("start"), False), _revive(c.get("stop"), False), _revive(c.get("step"), False)),
    "__ellipsis__": lambda c: Ellipsis,
    "__tensor__": _tensor,
    "__numpy__": _numpy,
    "__lambda__": _lambda,
    "__tuple__": lambda c: tuple(_revive(v, False) for v in (c if isinstance(c, list) else c.get("value", []))),
    "__keras_tensor__": lambda c: Spec(c.get("shape") or (), c.get("dtype")),
}
