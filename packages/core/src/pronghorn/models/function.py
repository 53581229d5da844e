"""A graph of operations as a function, without the trappings of a model."""

from typing import Any

from pronghorn.layers.operation import Operation
from pronghorn.models.graph import Program, arrange, leaves
from pronghorn.symbolic.graph import specs_in
from pronghorn.symbolic.spec import Spec


class Function(Operation):
    """The computation that leads from symbolic inputs to symbolic outputs.

    Args:
        inputs: symbolic tensor, or a list, tuple or dict of them.
        outputs: the same.
        name: name.

    Raises:
        ValueError: an output depends on a tensor that is no input.

    Example:
        >>> import pronghorn as ph
        >>> x = ph.Input((2,))
        >>> Function(x, ph.ops.relu(x) * 2)([[-1.0, 3.0]]).tolist()
        [[0.0, 6.0]]
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None):
        super().__init__(name=name)
        for what, nest in (("inputs", inputs), ("outputs", outputs)):
            bad = [x for x in leaves(nest) if not isinstance(x, Spec)]
            if bad or next(iter(leaves(nest)), None) is None:
                shown = type(bad[0]).__name__ if bad else "nothing"
                raise ValueError(f"Function: {what} must be symbolic tensors, as Input(...) and what is computed from it are; received {shown}.")
        self._inputs_nest, self._outputs_nest = inputs, outputs
        self._inputs, self._outputs = list(specs_in(inputs)), list(specs_in(outputs))
        calls, self._operations = arrange(self._inputs, self._outputs)
        self._program = Program(calls, self._inputs, outputs)

    @property
    def operations(self) -> list[Any]:
        """The layers and calls of ops, the farthest from the outputs first."""
        return list(self._operations)

    @property
    def inputs(self) -> list[Any]:
        """The symbolic inputs, as a list."""
        return list(self._inputs)

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs, as a list."""
        return list(self._outputs)

    def call(self, inputs: Any) -> Any:
        """Return the outputs for `inputs`, a tensor or a nest like the one the function was made of."""
        from pronghorn.layers.calling import static_shape

        if isinstance(self._inputs_nest, dict) and isinstance(inputs, dict):
            missing = [k for k in self._inputs_nest if k not in inputs]
            if missing:
                raise ValueError(f'Function "{self.name}" expects the inputs {", ".join(self._inputs_nest)}; missing: {", ".join(missing)}.')
            flat = [x for k in self._inputs_nest for x in leaves(inputs[k])]
        else:
            flat = [inputs] if len(self._inputs) == 1 and not isinstance(inputs, dict) else list(leaves(inputs))
            if len(flat) == 1 and isinstance(flat[0], (list, tuple)):
                flat = [_unpacked(flat[0], self._inputs_nest)]
        if len(flat) != len(self._inputs):
            raise ValueError(f'Function "{self.name}" expects {len(self._inputs)} input(s); received {len(flat)}.')
        for x, spec in zip(flat, self._inputs, strict=True):
            shape = static_shape(x)
            if shape is not None and not _fits(shape, spec.shape):
                raise ValueError(f'Function "{self.name}": an input should have shape {spec.shape}; received shape {shape}.')
        return self._program.run(flat)

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return the symbolic outputs for symbolic inputs."""
        return super().compute_output_spec(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs for inputs of this shape, or of these shapes."""
        from pronghorn.layers.calling import shapes_of

        shapes = iter(_shapes_in(input_shape))
        specs = [Spec(next(shapes), spec.dtype) for spec in self._inputs]
        return shapes_of(super().compute_output_spec(specs[0] if len(specs) == 1 else specs))


def _unpacked(value: Any, nest: Any) -> Any:
    """A list around the only input is opened where the function was made of such a list; otherwise it is data."""
    return value[0] if isinstance(nest, (list, tuple)) and len(value) == 1 else value


def _fits(shape: tuple, expected: tuple) -> bool:
    return len(shape) == len(expected) and all(e is None or d is None or d == e for d, e in zip(shape, expected, strict=True))


def _shapes_in(value: Any) -> Any:
    if isinstance(value, dict):
        for v in value.values():
            yield from _shapes_in(v)
    elif all(d is None or isinstance(d, int) for d in value):
        yield tuple(value)
    else:
        for v in value:
            yield from _shapes_in(v)
