"""Operations: callables that become a node of the graph when they are called on symbolic tensors. Layers are operations, too."""

import inspect
from typing import Any

from pronghorn.state.binding import symbolic_state
from pronghorn.state.naming import auto_name
from pronghorn.symbolic.graph import TRACE, record, silent, specs_in
from pronghorn.symbolic.spec import Spec


class Operation:
    """A function of tensors with a name and a config; subclasses write `call`.

    Called on symbolic tensors it leaves a node in the graph, so it can be part of a functional model. The shapes of its outputs are worked out by running
    `call` on shapes; write `compute_output_spec` where that is impossible.

    Args:
        name: unique name; made from the class name by default.

    Example:
        >>> import pronghorn as ph
        >>> class Power(ph.Operation):
        ...     def __init__(self, exponent, name=None):
        ...         super().__init__(name=name)
        ...         self.exponent = exponent
        ...     def call(self, x):
        ...         return x ** self.exponent
        >>> Power(2)(ph.Input((3,))).shape
        (None, 3)
    """

    _made_with: tuple[tuple, dict[str, Any]]
    _remembers = True  # whether the arguments of __init__ are kept as the config

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = object.__new__(cls)
        if cls._remembers:
            made._made_with = (args, kwargs)
        return made

    def __init__(self, name: str | None = None):
        if name is not None and not isinstance(name, str):
            raise ValueError(f"{type(self).__name__}: name must be a string; received {name!r}.")
        self.name = name or auto_name(type(self).__name__)
        self._inbound: list[tuple] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if TRACE.tape is not None or next(specs_in((args, kwargs)), None) is None:
            return self.call(*args, **kwargs)
        outputs = self.symbolic_call(*args, **kwargs)
        if TRACE.depth == 0:
            outputs = record(self, args, kwargs, outputs, self.name)
            found = next(specs_in(outputs), None)
            if found is not None:
                self._inbound.append((found.node, outputs))
        return outputs

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; every subclass writes this."""
        raise NotImplementedError(f'Operation "{self.name}" ({type(self).__name__}) has no call(). Define `def call(self, inputs)`.')

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs' specs for symbolic inputs, without leaving a node."""
        return self.compute_output_spec(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return the symbolic tensors that `call` gives for symbolic arguments."""
        with silent(), symbolic_state():
            return self.call(*args, **kwargs)

    def _only_node(self, what: str) -> tuple:
        if len(self._inbound) != 1:
            why = "was not called on symbolic tensors" if not self._inbound else f"was called {len(self._inbound)} times"
            raise AttributeError(f'{type(self).__name__} "{self.name}" has no single {what}: it {why}.')
        return self._inbound[0]

    @property
    def input(self) -> Any:
        """Symbolic input of the only symbolic call."""
        node, _ = self._only_node("input")
        return node.args[0] if len(node.args) == 1 else (list(node.args) or list(node.kwargs.values()))

    @property
    def output(self) -> Any:
        """Symbolic output of the only symbolic call."""
        return self._only_node("output")[1]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal operation.

        Raises:
            NotImplementedError: an argument of `__init__` is no plain value, or `__init__` takes any number of them.
        """
        args, kwargs = self._made_with
        parameters = inspect.signature(type(self).__init__).parameters
        if args and any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):
            raise NotImplementedError(f"{type(self).__name__} takes any number of positional arguments. Define get_config().")
        names = list(parameters)[1:]
        config = {**dict(zip(names, args, strict=False)), **kwargs}
        for key, value in config.items():
            if not _is_plain(value):
                raise NotImplementedError(f'{type(self).__name__}: the argument "{key}" is a {type(value).__name__}, no plain value. Define get_config().')
        return {"name": self.name, **config} if "name" in names else config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the operation that `get_config` described."""
        return cls(**config)

    def quantized_call(self, *args: Any, **kwargs: Any) -> Any:
        """Call with low-precision weights; operations that have them override this."""
        raise NotImplementedError(f"{type(self).__name__} has no quantized form.")

    def rematerialized_call(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        """Return `fn(*args, **kwargs)`, computed again in the backward pass instead of kept."""
        from pronghorn.state.remat import remat

        return remat(fn)(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(v) for v in value)
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_plain(v) for k, v in value.items())
    return value is None or isinstance(value, (bool, int, float, str)) and not isinstance(value, Spec)
