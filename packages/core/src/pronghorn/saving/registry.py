"""Objects to configurations and back. Names resolve in pronghorn's own public names and in what was registered, nowhere else.

Nothing here imports a module, evaluates text or unpickles because a file says so: a class that is neither public in pronghorn nor registered nor passed in
`custom_objects` is an error that says how to pass it.
"""

import importlib
import inspect
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

_CUSTOM: dict[str, Any] = {}
_CUSTOM_NAMES: dict[Any, str] = {}
_local = threading.local()

# where public classes and functions live, by the last part of the module that a file names
_NAMESPACES = ("layers", "models", "initializers", "regularizers", "constraints", "activations", "losses", "metrics", "optimizers", "random", "dtype_policies")
_ROOT = ("Sequential", "Functional", "Model", "DTypePolicy", "FloatDTypePolicy", "SeedGenerator", "Input", "InputLayer", "Layer")


def _scopes() -> list[dict[str, Any]]:
    if not hasattr(_local, "scopes"):
        _local.scopes = []
    return _local.scopes


class CustomObjectScope:
    """Context in which names in configurations also resolve in `custom_objects`.

    Example:
        >>> with CustomObjectScope({"double": lambda x: 2 * x}):
        ...     get_registered_object("double")(4)
        8
    """

    def __init__(self, custom_objects: dict[str, Any] | None):
        self.custom_objects = dict(custom_objects or {})

    def __enter__(self) -> "CustomObjectScope":
        _scopes().append(self.custom_objects)
        return self

    def __exit__(self, *_: Any) -> None:
        _scopes().remove(self.custom_objects)


custom_object_scope = CustomObjectScope


def get_custom_objects() -> dict[str, Any]:
    """Return the dictionary of registered objects; changing it changes what is registered."""
    return _CUSTOM


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable:
    """Register a class or function, so that files that name it can be loaded.

    Args:
        package: first part of the registered name, `package>name`.
        name: second part; the class's own name by default.

    Raises:
        ValueError: a class without `get_config`.

    Example:
        >>> @register_keras_serializable("doctest")
        ... def triple(x):
        ...     return 3 * x
        >>> get_registered_name(triple)
        'doctest>triple'
    """

    def register(obj: Any) -> Any:
        if inspect.isclass(obj) and not hasattr(obj, "get_config"):
            raise ValueError(f"Cannot register {obj.__name__}: a class needs a get_config() method to be saved.")
        full = f"{package}>{name or obj.__name__}"
        _CUSTOM[full] = obj
        _CUSTOM_NAMES[obj] = full
        return obj

    return register


def get_registered_name(obj: Any) -> str:
    """Return the name an object is registered under, its own name otherwise."""
    try:
        return _CUSTOM_NAMES.get(obj) or obj.__name__
    except TypeError:
        return obj.__name__


def get_registered_object(name: str, custom_objects: dict[str, Any] | None = None, module_objects: dict[str, Any] | None = None) -> Any:
    """Return what a name is registered for, or None.

    Scopes come first, then what was registered, then `custom_objects` and `module_objects`.
    """
    for table in (*reversed(_scopes()), _CUSTOM, custom_objects or {}, module_objects or {}):
        if name in table:
            return table[name]
    return None


def _public(namespace: str, name: str) -> Any:
    module = importlib.import_module(f"pronghorn.{namespace}")
    if name not in getattr(module, "__all__", ()):
        return None
    found = getattr(module, name)
    return found if inspect.isclass(found) else None


def _builtin(module: str, name: str) -> Any:
    """A public class of pronghorn for the module and class name that a file gives."""
    parts = str(module or "").split(".")
    if parts[0] not in ("keras", "pronghorn", "tf_keras", "builtins"):
        return None
    if len(parts) == 1 or name in _ROOT:
        if name in ("Sequential", "Functional", "Model"):
            return _public("models", name) or _public("models.all", name)
        if name in ("DTypePolicy", "FloatDTypePolicy"):
            return _public("dtype_policies", name)
        if name == "SeedGenerator":
            return _public("random", name)
    if "schedules" in parts:
        return _public("optimizers.schedules", name)
    hits = [n for n in _NAMESPACES if n in parts]
    for namespace in hits or _NAMESPACES:
        try:
            found = _public(namespace, name)
        except ImportError:
            continue
        if found is not None:
            return found
    if "ops" in parts:  # an op in a functional model's graph
        from pronghorn.models.functional import op_layer

        return op_layer(name)
    return None


def _function(name: str) -> Any:
    for namespace in ("activations", "losses", "metrics"):
        module = importlib.import_module(f"pronghorn.{namespace}")
        if name in getattr(module, "__all__", ()) and inspect.isfunction(getattr(module, name)):
            return getattr(module, name)
    return None


def _unknown(kind: str, name: str) -> TypeError:
    return TypeError(
        f'Unknown {kind} "{name}": it is not part of pronghorn and was not registered. Pass custom_objects={{"{name}": ...}}, or decorate it with '
        "@pronghorn.saving.register_keras_serializable(). Files never import code by themselves."
    )


def serialize_keras_object(obj: Any) -> Any:
    """Return a configuration, ready for JSON, from which `deserialize_keras_object` makes an equal object.

    Raises:
        TypeError: an object without `get_config`, or a lambda.

    Example:
        >>> serialize_keras_object((1, "a", None))
        (1, 'a', None)
    """
    from pronghorn.backend.op import owner
    from pronghorn.symbolic.spec import Spec

    if obj is None or isinstance(obj, (str, bool, int, float)):
        return obj
    if isinstance(obj, (list, tuple)):
        items = [serialize_keras_object(v) for v in obj]
        return tuple(items) if isinstance(obj, tuple) else items
    if isinstance(obj, dict):
        return {k: serialize_keras_object(v) for k, v in obj.items()}
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode()}}
    if isinstance(obj, Spec):
        return {"class_name": "__keras_tensor__", "config": {"shape": obj.shape, "dtype": obj.dtype, "keras_history": list(_history(obj))}}
    if isinstance(obj, slice):
        return {"class_name": "__slice__", "config": {k: serialize_keras_object(getattr(obj, k)) for k in ("start", "stop", "step")}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, np.ndarray):
        return {"class_name": "__numpy__", "config": {"value": obj.tolist(), "dtype": obj.dtype.name}}
    backend = owner(type(obj))
    if backend is not None:
        array = backend.convert_to_numpy(obj)
        return {"class_name": "__tensor__", "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    if isinstance(obj, np.dtype):
        return obj.name
    if inspect.isfunction(obj) or inspect.isbuiltin(obj):
        if obj.__name__ == "<lambda>":
            raise TypeError("A lambda cannot be saved: files hold no code. Write a named function and register it with @register_keras_serializable().")
        registered = _CUSTOM_NAMES.get(obj)
        module = "builtins" if registered is None else None
        return {"module": module, "class_name": "function", "config": obj.__name__, "registered_name": registered or "function"}
    if inspect.isclass(obj):
        return {"module": _module(obj), "class_name": "type", "config": obj.__name__, "registered_name": get_registered_name(obj)}
    if not hasattr(obj, "get_config"):
        raise TypeError(f"Cannot save an object of type {type(obj).__name__}: it has no get_config() method.")
    return _serialize_object(obj)


def _history(spec: Any) -> tuple:
    from pronghorn.models.functional import history_of

    return history_of(spec)


def _module(cls: type) -> str | None:
    """The module that Keras would write for a class of pronghorn; None for others."""
    parts = cls.__module__.split(".")
    if parts[0] != "pronghorn":
        return None
    if cls.__name__ == "Functional":
        return "keras.src.models.functional"
    if cls.__name__ in ("Sequential", "Model", "DTypePolicy", "FloatDTypePolicy", "SeedGenerator", "Layer"):
        return "keras.random" if cls.__name__ == "SeedGenerator" else "keras"
    if "schedules" in parts:
        return "keras.optimizers.schedules"
    return f"keras.{parts[1]}"


def _serialize_object(obj: Any) -> dict[str, Any]:
    cls = type(obj)
    module = _module(cls)
    config: dict[str, Any] = {
        "module": module,
        "class_name": cls.__name__,
        "config": _plain(obj.get_config()),
        "registered_name": None if module is not None and cls not in _CUSTOM_NAMES else get_registered_name(cls),
    }
    if cls.__name__ == "Functional":
        config["registered_name"] = "Functional"
    for method in ("build", "compile"):
        get = getattr(obj, f"get_{method}_config", None)
        found = get() if get is not None else None
        if found is not None:
            config[f"{method}_config"] = _plain(found)
    return config


def _plain(config: Any) -> Any:
    return {k: serialize_keras_object(v) for k, v in config.items()} if isinstance(config, dict) else serialize_keras_object(config)


def deserialize_keras_object(config: Any, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any) -> Any:
    """Return the object that a configuration describes.

    Args:
        config: what `serialize_keras_object` gave, perhaps through JSON.
        custom_objects: classes and functions by name.
        safe_mode: accepted for compatibility; code in a configuration is refused in any case.
        **kwargs: `module_objects`, names to try last.

    Raises:
        TypeError: a name that is not known, or code in the configuration.
        ValueError: a configuration that is malformed.

    Example:
        >>> deserialize_keras_object({"class_name": "__slice__", "config": {"start": 1, "stop": 2, "step": None}})
        slice(1, 2, None)
    """
    if custom_objects:
        with CustomObjectScope(custom_objects):
            return deserialize_keras_object(config, None, safe_mode, **kwargs)
    if config is None or isinstance(config, (bool, int, float)):
        return config
    if isinstance(config, str):
        found = get_registered_object(config, None, kwargs.get("module_objects"))
        return config if found is None else found
    if isinstance(config, (list, tuple)):
        return type(config)(deserialize_keras_object(v, None, safe_mode, **kwargs) for v in config)
    if not isinstance(config, dict):
        raise ValueError(f"Cannot read a configuration of type {type(config).__name__}.")
    if "class_name" not in config or "config" not in config:
        return {k: deserialize_keras_object(v, None, safe_mode, **kwargs) for k, v in config.items()}
    return _deserialize_object(config, **kwargs)


def _deserialize_object(config: dict[str, Any], **kwargs: Any) -> Any:
    name, inner = config["class_name"], config["config"]
    if not isinstance(name, str):
        raise ValueError(f"A configuration's class_name must be a string; received {name!r}.")
    if name.startswith("__") and name.endswith("__"):
        return _deserialize_special(name, inner)
    if name == "function":
        registered = config.get("registered_name")
        found = get_registered_object(registered) if registered not in (None, "function") else None
        found = found or get_registered_object(str(inner), None, kwargs.get("module_objects")) or _function(str(inner))
        if found is None:
            raise _unknown("function", str(inner))
        return found
    registered = config.get("registered_name")
    cls = (get_registered_object(registered) if registered else None) or get_registered_object(name, None, kwargs.get("module_objects"))
    if cls is None:
        cls = _builtin(config.get("module") or ("keras" if "module" not in config else ""), name)
    if cls is None:
        raise _unknown("class", name)
    if inspect.isfunction(cls):
        return cls
    if not hasattr(cls, "from_config"):
        raise TypeError(f'Class "{name}" has no from_config() method.')
    if not isinstance(inner, dict):
        raise ValueError(f'The configuration of "{name}" must be a dictionary; received {type(inner).__name__}.')
    obj = cls.from_config(dict(inner))
    build = config.get("build_config")
    if build and hasattr(obj, "build_from_config") and not getattr(obj, "built", False):
        obj.build_from_config(build)
    compile_config = config.get("compile_config")
    if compile_config and hasattr(obj, "compile_from_config"):
        obj.compile_from_config(compile_config)
    return obj


def _deserialize_special(name: str, inner: Any) -> Any:
    if name == "__lambda__":
        raise TypeError(
            "The file holds the bytecode of a lambda, which is never run. Define the function in your code, register it with "
            "@pronghorn.saving.register_keras_serializable(), and pass it in custom_objects."
        )
    if name == "__numpy__":
        return np.array(inner["value"], dtype=inner["dtype"])
    if name == "__tensor__":
        from pronghorn.ops import convert_to_tensor

        return convert_to_tensor(inner["value"], dtype=inner["dtype"])
    if name == "__bytes__":
        return inner["value"].encode()
    if name == "__ellipsis__":
        return Ellipsis
    if name == "__slice__":
        return slice(*(deserialize_keras_object(inner[k]) for k in ("start", "stop", "step")))
    if name == "__keras_tensor__":
        from pronghorn.symbolic.spec import Spec

        return Spec(inner["shape"], inner["dtype"])
    if name == "__tuple__":
        return tuple(deserialize_keras_object(v) for v in inner["value"])
    raise TypeError(f'Unknown kind of value "{name}" in a configuration.')
