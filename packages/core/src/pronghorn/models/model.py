"""The base of all models: a layer that can be trained, saved and summarised."""

import warnings
from typing import Any

from pronghorn.backend import registry
from pronghorn.layers import tracking
from pronghorn.layers.layer import Layer
from pronghorn.training.trainer import Trainer


def is_functional(args: tuple, kwargs: dict[str, Any]) -> bool:
    """Tell whether these are the arguments of a functional model: inputs and outputs."""
    return len(args) >= 2 or (len(args) == 1 and "outputs" in kwargs) or ("inputs" in kwargs and "outputs" in kwargs)


class Model(Trainer, Layer):
    """A layer with `compile`, `fit`, `evaluate`, `predict`, `save` and `summary`.

    Make one of inputs and outputs (`Model(inputs, outputs)`), or subclass it and write `__init__` and `call`.

    Args:
        inputs: symbolic tensor, or a list or dict of them.
        outputs: the same.
        name: name of the model.
        trainable, dtype: as in `Layer`.

    Example:
        >>> import pronghorn as ph
        >>> x = ph.Input((3,))
        >>> model = ph.Model(x, ph.layers.Dense(2)(x))
        >>> model.output_shape
        (None, 2)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and is_functional(args, kwargs):
            from pronghorn.models.functional import Functional

            return object.__new__(Functional)
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any):
        from pronghorn.models import functional

        if is_functional(args, kwargs) and not isinstance(self, functional.Functional):
            functional.adopt(self)
            functional.Functional.__init__(self, *args, **kwargs)  # type: ignore[arg-type]
            return
        Trainer.__init__(self)
        Layer.__init__(self, *args, **kwargs)

    _default_build = True

    def build(self, input_shape: Any = None) -> None:
        """Build the layers below by running `call` on shapes.

        Args:
            input_shape: shape with the batch axis, or a list or dict of shapes.

        Raises:
            ValueError: `call` cannot be run on shapes alone.
        """
        if self.built or self._building:
            return
        if input_shape is None:
            raise ValueError(f'Model "{self.name}" needs the shape of its input to be built: build((None, 32)), or call it on data.')
        try:
            self._build_by_tracing(input_shape)
        except Exception as error:
            error.add_note(f'Model "{self.name}" could not be built from the shape {input_shape} alone. Call it on data instead.')
            raise
        self._build_shapes = {"input_shape": input_shape}
        self._mark_built()

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; a subclass writes this."""
        raise NotImplementedError(f'Model "{self.name}" ({type(self).__name__}) has no call(). Define `def call(self, inputs)`.')

    # -- layers ----------------------------------------------------------------------------------------------------------------------------
    @property
    def layers(self) -> list[Layer]:
        """The layers directly below, in order."""
        return tracking.sublayers(self)

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError("Model.layers cannot be set: it lists the layers that are attributes. Choose another name for yours.")

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by name or by position.

        Raises:
            ValueError: there is none, or neither or both are given.
        """
        if (name is None) == (index is None):
            raise ValueError("get_layer: pass either name or index.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f'get_layer: model "{self.name}" has {len(layers)} layers; received index {index}.')
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        from pronghorn.backend.errors import closest

        names = [layer.name for layer in layers]
        raise ValueError(f'get_layer: model "{self.name}" has no layer "{name}".{closest(name, names)} Layers: {", ".join(names)}.')

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print the layers with their output shapes and numbers of parameters.

        Args:
            line_length: width of the table.
            positions: relative positions of the columns' ends.
            print_fn: function that gets the text instead of the screen.
            expand_nested: whether layers of nested models are listed.
            show_trainable: whether a column tells which layers are trained.
            layer_range: names of the first and the last layer to list (regular expressions work).
        """
        from pronghorn.models.summary import print_summary

        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    # -- engines ---------------------------------------------------------------------------------------------------------------------------
    def to(self, backend: str) -> Any:
        """Move the model, its optimizer and its metrics to another engine and return the model."""
        target = registry.get(backend)
        super().to(backend)
        optimizer = getattr(self, "optimizer", None)
        for v in getattr(optimizer, "variables", ()):
            v.to(target)
        moved = getattr(self, "_moved", None)  # the trainer drops what it compiled for the engine before
        if callable(moved):
            moved()
        return self

    # -- files -----------------------------------------------------------------------------------------------------------------------------
    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Save architecture, weights, compilation and optimizer to a `.keras` file.

        The file is written completely before it takes the place of an older one.

        Args:
            filepath: path that ends in ".keras".
            overwrite: whether an existing file is replaced without asking.
            zipped: True or None; directories are not written.
        """
        from pronghorn.saving.files import save_model

        save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, max_shard_size: Any = None) -> None:
        """Save the weights to a `.weights.h5` file."""
        from pronghorn.saving.files import save_weights

        save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Load weights from a `.weights.h5` or `.keras` file.

        Args:
            filepath: path of the file.
            skip_mismatch: whether layers that do not fit are left as they are, with a warning.
        """
        from pronghorn.saving.files import load_weights

        load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """Return the architecture as JSON, for `model_from_json`."""
        import json

        from pronghorn.saving.serialization import serialize_model

        return json.dumps(serialize_model(self), **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal model."""
        return Layer.get_config(self)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Return the model that `get_config` described."""
        from pronghorn.models.functional import Functional, functional_from_config
        from pronghorn.saving.custom import CustomObjectScope

        with CustomObjectScope(custom_objects):
            if {"name", "layers", "input_layers", "output_layers"} <= set(config) and (cls in (Model, Functional) or issubclass(cls, Model)):
                if cls in (Model, Functional) or _takes_inputs_and_outputs(cls):
                    return functional_from_config(cls, config)
            return super().from_config(config)

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the model with shapes from `get_build_config`."""
        if not config or self.built or config.get("input_shape", True) is None:
            return
        try:
            super().build_from_config(config)
        except Exception as error:
            warnings.warn(f'Model "{self.name}" could not be built from its config ({error}). It will be built when it is called.', stacklevel=2)

    # -- state as a tree -------------------------------------------------------------------------------------------------------------------
    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """Return all variables as nested dicts by path: trainable, non-trainable, optimizer, metrics.

        Args:
            value_format: "backend_tensor", or "numpy_array" for host arrays.
        """
        if value_format not in ("backend_tensor", "numpy_array"):
            raise ValueError(f'get_state_tree: value_format must be "backend_tensor" or "numpy_array"; received {value_format!r}.')
        tree: dict[str, Any] = {}
        for group, variables in self._state_groups().items():
            branch = tree.setdefault(group, {})
            for v in variables:
                *parents, leaf = v.path.split("/")
                node = branch
                for part in parents:
                    node = node.setdefault(part, {})
                node[leaf] = v.numpy() if value_format == "numpy_array" else v.value
        return tree

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Assign what `get_state_tree` returned."""
        for group, variables in self._state_groups().items():
            if group not in state_tree:
                continue
            for v in variables:
                node = state_tree[group]
                for part in v.path.split("/"):
                    if part not in node:
                        raise ValueError(f'set_state_tree: there is no value for the variable "{v.path}".')
                    node = node[part]
                v.assign(node)

    def _state_groups(self) -> dict[str, Any]:
        groups = {"trainable_variables": self.trainable_variables, "non_trainable_variables": self.non_trainable_variables}
        optimizer = getattr(self, "optimizer", None)
        groups["optimizer_variables"] = list(optimizer.variables) if optimizer is not None else []
        groups["metrics_variables"] = self.metrics_variables
        return groups


def _takes_inputs_and_outputs(cls: type) -> bool:
    names = cls._init_names()  # type: ignore[attr-defined]
    return names is None or {"inputs", "outputs"} <= names


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the model that `Model.to_json` described, with new weights.

    Args:
        json_string: the description.
        custom_objects: names → classes and functions that are not pronghorn's own.

    Example:
        >>> import pronghorn as ph
        >>> model = ph.Sequential([ph.Input((3,)), ph.layers.Dense(2)])
        >>> model_from_json(model.to_json()).output_shape
        (None, 2)
    """
    import json

    from pronghorn.saving.serialization import deserialize_model

    return deserialize_model(json.loads(json_string), custom_objects)
