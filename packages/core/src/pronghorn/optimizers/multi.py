"""Several optimizers for one model."""

import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any

from pronghorn.optimizers.gradients import check_gradients
from pronghorn.optimizers.optimizer import Optimizer
from pronghorn.state.variable import Variable

_MISSING: Any = object()


class OptimizerMap(MutableMapping):
    """Optimizers by regular expressions that match the whole path of a variable.

    Reading an entry that does not exist gives the optimizer of the variable with that path, which is the default where nothing matches.

    Args:
        default_optimizer: the optimizer of variables that nothing matches.
        optimizer_map: dict of regular expressions and optimizers.

    Raises:
        TypeError: anything but optimizers and a dict.
        ValueError: a key that is no regular expression, or set already; several that match one variable.

    Example:
        >>> from pronghorn.optimizers import SGD, Adam
        >>> m = OptimizerMap(SGD(), {"encoder/.*": Adam()})
        >>> type(m["encoder/kernel"]).__name__, type(m["decoder/kernel"]).__name__
        ('Adam', 'SGD')
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"OptimizerMap: default_optimizer must be an Optimizer; received {default_optimizer!r}.")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"OptimizerMap: optimizer_map must be a dict of regular expressions and optimizers; received {optimizer_map!r}.")
        self._default = default_optimizer
        self._map: dict[str, Optimizer] = {}
        self.update(optimizer_map or {})

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of variables that nothing matches."""
        return self._default

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._map:
            return self._map[key]
        found = [pattern for pattern in self._map if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(f"OptimizerMap: several keys match the variable {key}: {', '.join(found)}. Make the regular expressions exclude each other.")
        return self._map[found[0]] if found else self._default

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"OptimizerMap: keys must be strings; received {key!r}.")
        if key in self._map:
            raise ValueError(f"OptimizerMap: {key!r} is set already. Delete it first: del optimizer_map[{key!r}].")
        if not isinstance(optimizer, Optimizer):
            raise ValueError(f"OptimizerMap: values must be optimizers; received {optimizer!r} for {key!r}.")
        try:
            re.compile(key)
        except re.error as e:
            raise ValueError(f"OptimizerMap: {key!r} is no regular expression: {e}.") from None
        self._map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __contains__(self, key: object) -> bool:
        return key in self._map

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __len__(self) -> int:
        return len(self._map)

    def __call__(self, variable: Variable) -> Optimizer:
        return self[variable.path]

    def pop(self, key: str, default: Any = _MISSING) -> Any:
        """Remove an entry and return its optimizer, or `default` where there is none."""
        return self._map.pop(key) if default is _MISSING else self._map.pop(key, default)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this map again."""
        from pronghorn.saving.registry import serialize_keras_object

        return {
            "default_optimizer": serialize_keras_object(self._default),
            "optimizer_map": {key: serialize_keras_object(optimizer) for key, optimizer in self._map.items()},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "OptimizerMap":
        """Make the map that `get_config` described."""
        from pronghorn import optimizers

        def made(found: Any) -> Optimizer:
            return found if isinstance(found, Optimizer) else optimizers.deserialize(found, custom_objects)

        return cls(made(config["default_optimizer"]), {key: made(optimizer) for key, optimizer in config["optimizer_map"].items()})


class MultiOptimizer(Optimizer):
    """Gives each variable to one of several optimizers.

    It has no learning rate of its own: read and set those of `optimizers`.

    Args:
        optimizer_map: an `OptimizerMap`, or a function from a variable to its optimizer.
        loss_scale_factor: as in `Optimizer`; takes the place of those of all optimizers.
        name: name in variables' paths.

    Raises:
        TypeError: neither a map nor a function.

    Example:
        >>> import pronghorn as ph
        >>> from pronghorn.optimizers import SGD
        >>> a, b = ph.Variable([1.0], name="a"), ph.Variable([1.0], name="b")
        >>> one = ph.ops.convert_to_tensor([1.0])
        >>> MultiOptimizer(OptimizerMap(SGD(0.5), {"a": SGD(0.1)})).apply([one, one], [a, b])
        >>> a.numpy().tolist(), b.numpy().tolist()
        ([0.8999999761581421], [0.5])
    """

    def __init__(self, optimizer_map: OptimizerMap | Callable[[Variable], Optimizer], loss_scale_factor: float | None = None, name: str | None = None):
        if not callable(optimizer_map):
            raise TypeError(f"MultiOptimizer: optimizer_map must be an OptimizerMap or a function of a variable; received {optimizer_map!r}.")
        self._loss_scale: float | None = None
        super().__init__(learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        self._optimizers: list[Optimizer] = []
        self._owners: dict[Variable, Optimizer] = {}
        if isinstance(optimizer_map, OptimizerMap):
            for o in [*optimizer_map.values(), optimizer_map.default_optimizer]:
                self._add(o)

    def _add(self, optimizer: Optimizer) -> None:
        if not any(o is optimizer for o in self._optimizers):
            optimizer.loss_scale_factor = self.loss_scale_factor
            self._optimizers.append(optimizer)

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers: those of the map, then the default; or those that the function returned, known once this is built."""
        return self._optimizers[:]

    @property
    def variables(self) -> list[Variable]:
        """Own state, then that of each optimizer."""
        return [*self._all, *(v for o in self.optimizers for v in o.variables)]

    @property
    def learning_rate(self) -> Any:
        """Each optimizer has its own."""
        raise AttributeError("A MultiOptimizer has no learning rate. Read those of its parts: [o.learning_rate for o in optimizer.optimizers].")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError("A MultiOptimizer has no learning rate. Set those of its parts: optimizer.optimizers[0].learning_rate = ...")

    @property
    def loss_scale_factor(self) -> float | None:
        """What the loss is multiplied by and the gradients are divided by, in all optimizers."""
        return self._loss_scale

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale = value
        for o in self.__dict__.get("_optimizers", ()):
            o.loss_scale_factor = value

    def build(self, var_list: Iterable[Variable]) -> None:
        """Give the variables to their optimizers and build those."""
        variables = list(var_list)
        if self.built:
            return
        for v in variables:
            owner = self._optimizer_map(v)
            if not isinstance(owner, Optimizer):
                raise TypeError(f"MultiOptimizer: the function must return an optimizer; for {v.path} it returned {owner!r}.")
            self._add(owner)
            self._owners[v] = owner
        for o in self._optimizers:
            mine = [v for v in variables if self._owners[v] is o]
            if mine:
                o.build(mine)
        if variables:
            self._move(variables[0].backend)
        self._trainable = variables
        self._index = {v: i for i, v in enumerate(variables)}
        self.built = True

    def to(self, backend: str) -> "Optimizer":
        """Move the state to another engine."""
        for o in self._optimizers:
            o.to(backend)
        return super().to(backend)

    def exclude_from_weight_decay(self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None) -> None:
        """Leave variables out of weight decay in all optimizers known so far; call it before `build`."""
        found, names = list(var_list or ()), list(var_names or ())
        for o in self._optimizers:
            o.exclude_from_weight_decay(found, names)

    def _apply(self, grads: list[Any], variables: list[Variable]) -> None:
        check_gradients(grads, variables)
        for o in self._optimizers:
            mine = [(g, v) for g, v in zip(grads, variables, strict=True) if self._owners[v] is o]
            if any(g is not None for g, _ in mine):
                o.apply([g for g, _ in mine], [v for _, v in mine])
        self._iterations.assign_add(1)

    def _move(self, backend: Any) -> None:
        super()._move(backend)
        for o in self._optimizers:
            o._move(backend)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Let each optimizer put its averages in place."""
        variables = list(var_list)
        for o in self._optimizers:
            o.finalize_variable_values([v for v in variables if self._owners.get(v) is o])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this optimizer again."""
        from pronghorn.saving.registry import serialize_keras_object

        chosen = self._optimizer_map
        if type(chosen) is OptimizerMap:
            written: Any = {"module": "keras.optimizers", "class_name": "OptimizerMap", "config": chosen.get_config(), "registered_name": None}
        else:
            written = serialize_keras_object(chosen)
        return {"optimizer_map": written, "loss_scale_factor": self.loss_scale_factor, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Optimizer:
        """Make the optimizer that `get_config` described."""
        from pronghorn.saving.registry import deserialize_keras_object

        found = config["optimizer_map"]
        if isinstance(found, dict):
            if found.get("class_name") == "OptimizerMap":
                found = OptimizerMap.from_config(found["config"], custom_objects)
            else:
                found = deserialize_keras_object(found, custom_objects=custom_objects)
        return cls(**config | {"optimizer_map": found})
