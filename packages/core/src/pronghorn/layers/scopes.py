"""Public contexts around state: values for variables, shapes instead of values, devices."""

from typing import Any

from pronghorn.backend import registry
from pronghorn.backend.owners import owner
from pronghorn.layers.calling import static_shape
from pronghorn.layers.context import CONTEXT
from pronghorn.ops.creation import convert_to_tensor
from pronghorn.state.binding import Scope, symbolic_state
from pronghorn.state.variable import Variable
from pronghorn.symbolic.graph import silent


class StatelessScope(Scope):
    """Context in which variables read the values of a mapping, and what is assigned is kept in the scope instead of the variables.

    Args:
        state_mapping: pairs of a variable and its value; variables that are not listed read as they are.
        collect_losses: whether `losses` holds what layers add to their losses inside.
        initialize_variables: accepted; variables always have a value once they are made.

    Raises:
        ValueError: a key is no variable, or a value has another shape.

    Example:
        >>> import pronghorn as ph
        >>> v = ph.Variable([1.0])
        >>> with StatelessScope([(v, ph.ops.zeros(1))]) as scope:
        ...     _ = v.assign_add([5.0])
        >>> scope.get_current_value(v).tolist(), v.numpy().tolist()
        ([5.0], [1.0])
    """

    __slots__ = ("collect_losses", "initialize_variables", "losses")

    def __init__(self, state_mapping: Any = None, collect_losses: bool = False, initialize_variables: bool = True):
        pairs = list(state_mapping.items() if isinstance(state_mapping, dict) else state_mapping or [])
        values = []
        for key, value in pairs:
            if not isinstance(key, Variable):
                raise ValueError(f"StatelessScope: the keys of state_mapping must be variables; received {key!r}.")
            values.append(self._value(key, value))
        super().__init__([key for key, _ in pairs], values, closed=False)
        self.collect_losses, self.initialize_variables = collect_losses, initialize_variables
        self.losses: list[Any] = []

    @staticmethod
    def _value(variable: Variable, value: Any) -> Any:
        value = value.value if isinstance(value, Variable) else value
        if owner(type(value)) is None:
            with registry.use_backend(variable.backend.name):
                value = convert_to_tensor(value, variable._dtype)
        shape = static_shape(value)
        if shape is None or len(shape) != len(variable.shape) or any(a is not None and a != b for a, b in zip(shape, variable.shape, strict=True)):
            raise ValueError(f'StatelessScope: the value for variable "{variable.path}" should have shape {variable.shape}; received shape {shape}.')
        return value

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        if self.collect_losses:
            self.losses += [value for kept in CONTEXT.losses.values() for scope, value in kept if scope is self]

    def add_loss(self, loss: Any) -> None:
        """Keep a loss in `losses`."""
        self.losses.append(loss)

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """Let a variable read a new value from here on: `(variable, value)`."""
        variable, value = update
        self.write(variable, value)

    def get_current_value(self, variable: Variable) -> Any:
        """Return the value a variable has in this scope; None where the scope does not hold one."""
        return self.values.get(variable)


class SymbolicScope:
    """Context in which variables read as symbolic tensors, so that any function of ops can be run on shapes."""

    def __enter__(self) -> "SymbolicScope":
        self._parts: list[Any] = [silent(), symbolic_state()]
        for part in self._parts:
            part.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        for part in reversed(self._parts):
            part.__exit__(*error)


def device(device_name: str) -> Any:
    """Return a context in which new tensors of the active engine are placed on a device.

    Args:
        device_name: such as "cpu:0" or "gpu:1"; without a number the first of its kind.

    Raises:
        ValueError: the engine has no such device.

    Example:
        >>> with device("cpu"):
        ...     pass
    """
    backend = registry.active()
    name = str(device_name).lower()
    if ":" not in name:
        name = f"{name}:0"
    return backend.device_scope(name)
