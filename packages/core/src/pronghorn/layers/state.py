"""The state of a layer: variables, weights, what is trained, and moving it between engines."""

from typing import Any

import numpy as np

from pronghorn.backend import registry
from pronghorn.layers import tracking
from pronghorn.state.binding import bind
from pronghorn.state.variable import Variable


class LayerState:
    """Part of `Layer` that deals with variables."""

    _frozen: list[Any]
    _own: list[Any]
    _plans: dict[Any, tuple]
    _trainable: bool
    _home: Any
    built: bool
    name: str

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.__dict__.get(name)
        super().__setattr__(name, value)
        if value is not before and name not in tracking.INTERNAL and (tracking.kind_of(type(value)) or tracking.kind_of(type(before))):
            tracking.CHANGES.note()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        tracking.CHANGES.note()

    @property
    def variables(self) -> list[Variable]:
        """All variables, states of random seeds included."""
        return tracking.variables(self)

    @property
    def weights(self) -> list[Variable]:
        """All variables except states of random seeds."""
        return tracking.variables(self, seeds=False)

    def own_variables(self) -> list[Variable]:
        """Return the variables of the layer itself, without those of layers below: what its place in a file holds."""
        return tracking.own_variables(self)

    @property
    def trainable_variables(self) -> list[Variable]:
        """Variables that training updates."""
        return [v for v in tracking.variables(self) if v.trainable] if self._trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """Variables that training does not update through gradients."""
        return [v for v in tracking.variables(self) if not (self._trainable and v.trainable)]

    @property
    def trainable_weights(self) -> list[Variable]:
        """Weights that training updates."""
        return [v for v in tracking.variables(self, seeds=False) if v.trainable] if self._trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Weights that training does not update through gradients."""
        return [v for v in tracking.variables(self, seeds=False) if not (self._trainable and v.trainable)]

    @property
    def metrics(self) -> list[Any]:
        """Metrics of this layer and of those below it."""
        return tracking.metrics(self)

    @property
    def metrics_variables(self) -> list[Variable]:
        """Variables of `metrics`."""
        return [v for m in self.metrics for v in m.variables]

    @property
    def trainable(self) -> bool:
        """Whether training updates the variables; setting it sets it for everything below."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        self._freeze() if not value else self._thaw()
        for child in tracking.sublayers(self):
            child.trainable = value

    def _freeze(self) -> None:
        for kind, v in tracking.children(self):
            if kind == tracking.VARIABLE and v.trainable:
                self._frozen.append(v)
                v.trainable = False

    def _thaw(self) -> None:
        for v in self._frozen:
            v.trainable = True
        self._frozen.clear()

    def count_params(self) -> int:
        """Return the number of elements of all weights.

        Raises:
            ValueError: the layer is not built.
        """
        if not self.built:
            raise ValueError(f'Layer "{self.name}" has no weights yet: it is not built. Call it on data, or build(input_shape), first.')
        return sum(int(np.prod(v.shape)) for v in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """Return the weights as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: list[Any]) -> None:
        """Assign arrays to the weights, in the order of `get_weights`.

        Raises:
            ValueError: their number or a shape differs.
        """
        mine = self.weights
        if len(mine) != len(weights):
            raise ValueError(f'set_weights: layer "{self.name}" has {len(mine)} weights; received {len(weights)}.')
        for v, w in zip(mine, weights, strict=True):
            if tuple(np.shape(w)) != v.shape:
                raise ValueError(f'set_weights: weight "{v.path}" of layer "{self.name}" has shape {v.shape}; received {tuple(np.shape(w))}.')
        for v, w in zip(mine, weights, strict=True):
            v.assign(w)

    @property
    def backend(self) -> Any:
        """The engine that holds the variables, the active one for a layer without."""
        found = tracking.first_variable(self)
        return registry.active() if found is None else found.backend

    def to(self, backend: str) -> Any:
        """Move all variables to another engine and return the layer.

        Example:
            >>> import pronghorn as ph
            >>> layer = ph.layers.Dense(2)
            >>> layer.build((None, 3))
            >>> layer.to("numpy").backend.name
            'numpy'
        """
        target = registry.get(backend)
        for v in self._movable():
            v.to(target)
        for layer in tracking.flatten_layers(self):  # type: ignore[arg-type]
            layer._plans.clear()
            layer._home = None
        return self

    def _movable(self) -> list[Variable]:
        return [*self.variables, *self.metrics_variables]

    def stateless_call(self, trainable_variables: Any, non_trainable_variables: Any, *args: Any, return_losses: bool = False, **kwargs: Any) -> Any:
        """Call the layer as a pure function of its variables.

        Args:
            trainable_variables, non_trainable_variables: values in the order of the properties of those names.
            *args: what `call` takes.
            return_losses: whether the losses are returned, too.
            **kwargs: what `call` takes.

        Returns:
            `(outputs, new non-trainable values)`, with the list of losses behind them if asked for.

        Raises:
            ValueError: the layer is not built, or the number of values differs.
        """
        if not self.built:
            raise ValueError(f'stateless_call: layer "{self.name}" is not built. Call it on data, or build(input_shape), first.')
        train, rest = self.trainable_variables, self.non_trainable_variables
        for what, have, given in (("trainable", train, trainable_variables), ("non-trainable", rest, non_trainable_variables)):
            if len(have) != len(given):
                raise ValueError(f'stateless_call: layer "{self.name}" has {len(have)} {what} variables; received {len(given)} values.')
        values = [v.value if isinstance(v, Variable) else v for v in [*trainable_variables, *non_trainable_variables]]
        with bind([*train, *rest], values) as scope:
            outputs = self(*args, **kwargs)  # type: ignore[operator]
            losses = list(self.losses) if return_losses else []  # type: ignore[attr-defined]
            new = [scope.values[v] for v in rest]
        return (outputs, new, losses) if return_losses else (outputs, new)
