"""From names and configs to losses, metrics, optimizers and schedules."""

from typing import Any

from pronghorn.backend.errors import closest


def _registered(name: str, custom_objects: dict[str, Any] | None) -> Any:
    if custom_objects and name in custom_objects:
        return custom_objects[name]
    from pronghorn.saving.registry import get_registered_object

    return get_registered_object(name)


def lookup(name: str, known: dict[str, Any], kind: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return what `name` stands for, among `known` names and registered custom objects.

    Raises:
        ValueError: nothing has this name; the message offers the closest.
    """
    found = known.get(name)
    if found is None:
        found = _registered(name, custom_objects)
    if found is None:
        raise ValueError(f'Unknown {kind} "{name}".{closest(name, known)} Pass the object itself, or register it with register_keras_serializable().')
    return found


def deserialize_object(config: Any, known: dict[str, Any], custom_objects: dict[str, Any] | None, kind: str) -> Any:
    """Return the object for a name, or for a dict with `class_name` and `config`."""
    if isinstance(config, str):
        return lookup(config, known, kind, custom_objects)
    if not isinstance(config, dict) or "class_name" not in config:
        raise ValueError(f'Cannot make a {kind} from {config!r}: expected a name or a dict with "class_name" and "config".')
    name, inner = config["class_name"], config.get("config", {})
    if name == "function":
        name = inner if isinstance(inner, str) else inner.get("name", "")
        return lookup(name, known, kind, custom_objects)
    module = config.get("module") or ""
    registered = config.get("registered_name")
    if custom_objects is None and registered is None and (not module or module.startswith("keras.")) and name in known and isinstance(known[name], type):
        return known[name].from_config(dict(inner))
    if "module" not in config and isinstance(found := lookup(name, known, kind, custom_objects), type):
        return found.from_config(dict(inner))  # type: ignore[attr-defined]
    from pronghorn.saving.registry import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects=custom_objects)


def interpret(identifier: Any, known: dict[str, Any], kind: str, call: bool = False) -> Any:
    """Return the object that a user's identifier means.

    Args:
        identifier: None, a name, a config, or the object.
        known: names.
        kind: word for messages.
        call: whether a class is called without arguments to make an instance.
    """
    if identifier is None:
        return None
    if isinstance(identifier, (str, dict)):
        found = deserialize_object(identifier, known, None, kind)
    else:
        found = identifier
    if isinstance(found, type):
        return found()
    if callable(found) or call:
        return found
    raise ValueError(f"Cannot interpret {identifier!r} as a {kind}: expected a name, a config, or a callable.")


def serialize_object(value: Any) -> Any:
    """Return the config of an object."""
    from pronghorn.saving.registry import serialize_keras_object

    return serialize_keras_object(value)
