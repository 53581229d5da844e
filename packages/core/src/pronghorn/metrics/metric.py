"""The base class of metrics: numbers accumulated over batches."""

from typing import Any

from pronghorn import ops
from pronghorn.backend import dtypes, registry
from pronghorn.state.binding import bind
from pronghorn.state.naming import auto_name
from pronghorn.state.variable import Variable


class Metric:
    """Base class of metrics: implement `update_state` and `result`; state lives in variables made by `add_variable`.

    Args:
        dtype: dtype of the state, floatx by default.
        name: name in logs.

    Example:
        >>> class Largest(Metric):
        ...     def __init__(self, name="largest"):
        ...         super().__init__(name=name)
        ...         self.top = self.add_variable((), "zeros", name="top")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.top.assign(ops.maximum(self.top, ops.max(y_pred)))
        ...     def result(self):
        ...         return self.top.value
        >>> float(Largest()([0.0], [3.0]))
        3.0
    """

    #: "up" or "down" for what is better, where that is known
    _direction: str | None = None

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = name or auto_name(type(self).__name__)
        self._dtype = dtypes.SETTINGS.floatx if dtype is None else dtypes.standardize(getattr(dtype, "compute_dtype", dtype))

    @property
    def dtype(self) -> str:
        """The dtype of the state."""
        return self._dtype

    # -- state
    def add_variable(self, shape: Any, initializer: Any, dtype: Any = None, aggregation: str = "sum", name: str | None = None) -> Variable:
        """Make a variable that belongs to this metric.

        Args:
            shape: its sizes.
            initializer: name or function `(shape, dtype)`; `reset_state` uses zeros whatever it is.
            dtype: its dtype, the metric's by default.
            aggregation: accepted for data-parallel use.
            name: its name.
        """
        if not hasattr(self, "_dtype"):
            raise RuntimeError(f"{type(self).__name__}.__init__ must call super().__init__() before add_variable().")
        start = initial_value(initializer, tuple(shape), dtypes.standardize(dtype or self._dtype))
        variable = Variable(start, dtype=dtype or self._dtype, trainable=False, aggregation=aggregation, name=name)
        variable.path = f"{self.name}/{variable.name}"
        self.__dict__.setdefault("_own", []).append(variable)
        return variable

    def add_weight(self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None) -> Variable:
        """Make a variable that belongs to this metric."""
        return self.add_variable(shape, initializer, dtype=dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """The state: own variables and those of metrics held as attributes."""
        found = list(self.__dict__.get("_own", ()))
        for value in self.__dict__.values():
            if isinstance(value, Metric):
                found += value.variables
            elif isinstance(value, (list, tuple)):
                for v in value:
                    if isinstance(v, Metric):
                        found += v.variables
        return found

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The same as `variables`."""
        return self.variables

    def reset_state(self) -> None:
        """Set the state to zero."""
        for v in self.variables:
            with registry.use_backend(v.backend.name):
                v.assign(ops.zeros(v.shape, v.dtype))

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch; subclasses implement this."""
        raise NotImplementedError(f"{type(self).__name__} must implement update_state().")

    def result(self) -> Any:
        """Return the value so far, a scalar tensor or a dict of them; subclasses implement this."""
        raise NotImplementedError(f"{type(self).__name__} must implement result().")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    # -- as pure functions
    def stateless_update_state(self, metric_variables: Any, *args: Any, **kwargs: Any) -> list:
        """Return the state after a batch, given the state before it; the metric's own stays as it is."""
        own = self._checked(metric_variables)
        with bind(own, metric_variables) as scope:
            self.update_state(*args, **kwargs)
        return [scope.values[v] for v in own]

    def stateless_result(self, metric_variables: Any) -> Any:
        """Return the value that the given state stands for."""
        with bind(self._checked(metric_variables), metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list:
        """Return the state at the start."""
        own = self.variables
        with bind(own, [v.value for v in own]) as scope:
            self.reset_state()
        return [scope.values[v] for v in own]

    def _checked(self, values: Any) -> list[Variable]:
        own = self.variables
        if len(values) != len(own):
            raise ValueError(f"{self.name}: the metric has {len(own)} variables ({', '.join(v.path for v in own)}); received {len(values)} values.")
        return own

    # -- configuration
    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Metric":
        """Make the metric that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def initial_value(initializer: Any, shape: tuple, dtype: str) -> Any:
    """Return the start value as a host array; "zeros" and "ones" need no initializer object."""
    import numpy as np

    if initializer is None or initializer == "zeros":
        return np.zeros(shape, dtypes.numpy_dtype(dtype))
    if initializer == "ones":
        return np.ones(shape, dtypes.numpy_dtype(dtype))
    if not callable(initializer):
        from pronghorn import initializers

        initializer = initializers.get(initializer)
    return initializer(shape, dtype=dtype)
