"""The configuration of a layer: what describes it well enough to make it again."""

import importlib
import inspect
from typing import Any

_BASE = ("name", "trainable", "dtype")
#: end of an argument's name -> the module that turns identifiers into objects
_MODULES = {"initializer": "initializers", "regularizer": "regularizers", "constraint": "constraints", "activation": "activations"}


def _module_for(name: str) -> Any:
    place = _MODULES.get(name.rpartition("_")[2])
    return importlib.import_module(f"pronghorn.{place}") if place else None


def _interpret(name: str, value: Any) -> Any:
    module = _module_for(name)
    return value if module is None else module.get(value)


def plain(name: str, value: Any) -> Any:
    """Return an attribute in the form it has in a config."""
    module = _module_for(name)
    return value if module is None or value is None else module.serialize(value)


class LayerConfig:
    """Part of `Layer` that deals with configuration and files."""

    _init_args: tuple[tuple, dict]
    _build_shapes: dict[str, Any] | None
    #: attributes of pronghorn's own layers that make up their config
    _keys = ""

    def _configure(self, **values: Any) -> None:
        """Set attributes from arguments; names, functions and configs of initializers and their like become objects."""
        for name, value in values.items():
            setattr(self, name, value if value is None and name != "activation" else _interpret(name, value))

    @classmethod
    def _init_names(cls) -> set[str] | None:
        """Named parameters of `__init__`; None where it takes any keyword."""
        from pronghorn.layers.signature import call_info

        return call_info(cls).init_names

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer.

        A subclass without its own `get_config` is described by the arguments its `__init__` got.
        """
        from pronghorn import dtype_policies

        base: dict[str, Any] = {"name": self.name, "trainable": self._trainable, "dtype": dtype_policies.serialize(self._dtype_policy)}  # type: ignore[attr-defined]
        if self.activity_regularizer is not None:  # type: ignore[attr-defined]
            from pronghorn import regularizers

            base["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)  # type: ignore[attr-defined]
        if not self._is_described_by_init():
            for name in self._keys.split():
                base[name] = plain(name, getattr(self, name))
            return base
        accepted = type(self)._init_names()
        kept = base if accepted is None else {k: v for k, v in base.items() if k in accepted}
        return {**kept, **{k: v for k, v in self._captured().items() if k not in base}}

    def _is_described_by_init(self) -> bool:
        """Whether no subclass wrote `get_config`, so that the arguments of `__init__` stand in."""
        for cls in type(self).__mro__:
            if "get_config" in cls.__dict__:
                return cls is LayerConfig and not type(self).__module__.startswith("pronghorn.")
        return False

    def _captured(self) -> dict[str, Any]:
        args, kwargs = self._init_args
        bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        bound.apply_defaults()
        found = dict(list(bound.arguments.items())[1:])
        for p in inspect.signature(type(self).__init__).parameters.values():
            if p.kind is p.VAR_KEYWORD:
                found.update(found.pop(p.name, {}))
            elif p.kind is p.VAR_POSITIONAL and found.pop(p.name, ()):
                raise NotImplementedError(
                    f"{type(self).__name__} takes any number of positional arguments (*{p.name}), so its config cannot be worked out. Define get_config()."
                )
        return found

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the layer that `get_config` described.

        Raises:
            TypeError: the config has keys that `__init__` does not take.
        """
        config = dict(config)
        accepted = cls._init_names()
        late: dict[str, Any] = {}
        if accepted is not None:
            late = {k: config.pop(k) for k in _BASE if k in config and k not in accepted}
        if not cls.__module__.startswith("pronghorn.") and cls.__dict__.get("get_config") is None:
            from pronghorn.saving.serialization import revive

            config = {k: revive(v) if k != "dtype" else v for k, v in config.items()}
        try:
            layer: Any = cls(**config)
        except TypeError as error:
            raise TypeError(f"{cls.__name__} cannot be made from its config {config}: {error}") from error
        if "trainable" in late:
            layer.trainable = late["trainable"]
        if late.get("name"):
            layer.name = late["name"]
        if late.get("dtype") is not None:
            layer.dtype_policy = late["dtype"]
        return layer

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the shapes the layer was built with, for `build_from_config`."""
        shapes = self._build_shapes
        if shapes is None:
            return None
        if len(shapes) == 1:
            (only,) = shapes.values()
            return None if only is None else {"input_shape": only}
        return {"shapes_dict": dict(shapes)}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the layer with shapes from `get_build_config`."""
        if not config or self.built:  # type: ignore[has-type]
            return
        if "input_shape" in config:
            self.build(_tuples(config["input_shape"]))  # type: ignore[attr-defined]
        elif "shapes_dict" in config:
            self.build(**{k: _tuples(v) for k, v in config["shapes_dict"].items()})  # type: ignore[attr-defined]

    def save_own_variables(self, store: Any) -> None:
        """Write the layer's own variables into `store`, a mapping of strings to arrays."""
        from pronghorn.layers.tracking import own_variables

        for i, v in enumerate(own_variables(self)):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read the layer's own variables from `store`.

        Raises:
            ValueError: the number of variables or a shape differs.
        """
        from pronghorn.layers.tracking import own_variables

        own = own_variables(self)
        if len(store.keys()) != len(own):
            name = self.name  # type: ignore[attr-defined]
            if own and not store.keys():
                raise ValueError(f'Layer "{name}" has {len(own)} variables, and the file holds none for it.')
            raise ValueError(f'Layer "{name}" has {len(own)} variables, and the file holds {len(store.keys())} for it. Is it built alike?')
        for i, v in enumerate(own):
            v.assign(store[str(i)])


def _tuples(shape: Any) -> Any:
    """Lists from JSON back to tuples, where they are shapes."""
    if isinstance(shape, (list, tuple)):
        if all(d is None or isinstance(d, int) for d in shape):
            return tuple(shape)
        return [_tuples(s) for s in shape]
    if isinstance(shape, dict):
        return {k: _tuples(v) for k, v in shape.items()}
    return shape
