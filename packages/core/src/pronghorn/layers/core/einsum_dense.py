"""Dense layers whose contraction is an einsum."""

import re
from typing import Any

from pronghorn import activations, ops
from pronghorn.layers.core.dense import refuse_rewriting
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.layer import Layer
from pronghorn.ops.fused import linear_axes


class EinsumDense(Layer):
    """`activation(einsum(equation, inputs, kernel) + bias)`.

    Args:
        equation: such as "ab,bc->ac"; axes of the batch may be written as "...".
        output_shape: sizes of the output without the batch axis, None where they follow from the input.
        activation: function or name.
        bias_axes: output axes that the bias has, such as "c"; None for no bias.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: as in `Dense`.
        lora_rank, lora_alpha, gptq_unpacked_column_size, quantization_config: accepted as None only.

    Example:
        >>> EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="d")([[[1.0, 2.0]]]).shape
        (1, 1, 4)
    """

    _keys = (
        "output_shape equation activation bias_axes kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer "
        "kernel_constraint bias_constraint quantization_config"
    )

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        refuse_rewriting(self, lora_rank, quantization_config)
        self.equation, self.bias_axes, self.quantization_config = equation, bias_axes, None
        self.output_shape = (output_shape,) if isinstance(output_shape, int) or output_shape is None else tuple(output_shape)
        self._configure(
            activation=activation,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )

    def build(self, input_shape: Any) -> None:
        """Make kernel and bias."""
        kernel, bias, self._full_output = _shapes(self.equation, self.bias_axes, tuple(input_shape), self.output_shape)
        self.kernel = self.add_weight(
            shape=kernel, initializer=self.kernel_initializer, regularizer=self.kernel_regularizer, constraint=self.kernel_constraint, name="kernel"
        )
        self.bias = None
        if bias is not None:
            self.bias = self.add_weight(
                shape=bias, initializer=self.bias_initializer, regularizer=self.bias_regularizer, constraint=self.bias_constraint, name="bias"
            )
        self._linear = self.activation is activations.linear
        self._contract = n = _last_axes(self.equation, self.bias_axes)
        if n:
            rank = len(self.equation.partition(",")[0].replace(" ", "").replace("...", ""))
            axes = {i - n: size for i, size in enumerate(kernel[:n])}
            self.input_spec = InputSpec(min_ndim=rank, axes=axes) if "..." in self.equation else InputSpec(ndim=rank, axes=axes)

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Return the contracted inputs."""
        if self._contract:
            x = linear_axes(inputs, self.kernel, self.bias, self._contract)
        else:
            x = ops.einsum(self.equation, inputs, self.kernel.value)
            if self.bias is not None:
                x = ops.add(x, self.bias.value)
        return x if self._linear else self.activation(x)


def _last_axes(equation: str, bias_axes: str | None) -> int:
    """How many axes a map contracts that takes an input's last axes to new ones, each with its bias; 0 for other maps."""
    text = equation.replace(" ", "")
    left, weight, right = re.split(",|->", text.replace("...", ""))
    if text.endswith("...") or len(set(left)) < len(left):
        return 0
    for n in range(1, len(weight)):
        inner, outer = weight[:n], weight[n:]
        if left.endswith(inner) and right == left[:-n] + outer and not set(inner) & set(outer) and set(bias_axes or "") == set(outer):
            return n
    return 0


def _shapes(equation: str, bias_axes: str | None, input_shape: tuple, output_shape: tuple) -> tuple[tuple, tuple | None, tuple]:
    """Work out the shapes of kernel, bias and output."""
    text = equation.replace(" ", "")
    found = re.fullmatch(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?", text)
    if found is None:
        raise ValueError(f'EinsumDense: expected an equation such as "ab,bc->ac" or "...ab,bc->...ac"; received "{equation}".')
    before, left, after, weight, _, right, _ = found.groups()
    if before:  # unnamed axes come first
        extra = len(input_shape) - len(left)
        named, lead = input_shape[extra:], input_shape[:extra]
        full = (*lead, *output_shape[-len(right) :]) if len(output_shape) >= len(right) else (*lead, *(None,) * (len(right) - len(output_shape)), *output_shape)
        outputs = dict(zip(right, full[len(lead) :], strict=True))
    elif after:
        named = input_shape[: len(left)]
        lead, rest = (), input_shape[len(left) :]
        full = (input_shape[0], *output_shape[: len(right) - 1], *rest)
        outputs = dict(zip(right, full, strict=False))
    else:
        named, lead = input_shape, ()
        full = (input_shape[0], *output_shape)
        outputs = dict(zip(right, full, strict=True)) if len(full) == len(right) else {}
        if not outputs:
            raise ValueError(f'EinsumDense: output_shape {output_shape} should have {len(right) - 1} sizes for the equation "{equation}".')
    if len(named) != len(left):
        raise ValueError(f'EinsumDense: the equation "{equation}" needs an input of rank {len(left)}; received shape {input_shape}.')
    inputs = dict(zip(left, named, strict=True))
    for axis, size in inputs.items():
        known = outputs.get(axis)
        if axis in outputs and known is not None and size is not None and known != size:
            raise ValueError(f'EinsumDense: axis "{axis}" has size {size} in the input and {known} in output_shape (equation "{equation}").')
    for axis in right:
        if axis not in left and axis not in weight:
            raise ValueError(f'EinsumDense: axis "{axis}" of the output is neither in the input nor in the kernel (equation "{equation}").')
        if outputs[axis] is None and axis in inputs:
            outputs[axis] = inputs[axis]
    kernel = []
    for axis in weight:
        size = inputs.get(axis) if axis in inputs else outputs.get(axis)
        if size is None:
            raise ValueError(f'EinsumDense: the size of the kernel\'s axis "{axis}" is not known (equation "{equation}", input shape {input_shape}).')
        kernel.append(size)
    bias = None
    if bias_axes is not None:
        for axis in bias_axes:
            if axis not in right:
                raise ValueError(f'EinsumDense: bias axis "{axis}" is not an axis of the output (equation "{equation}").')
        first = min(right.index(a) for a in bias_axes)
        shape = [outputs[a] if a in bias_axes else 1 for a in right[first:]]
        bias = tuple(shape) + ((1,) * (len(input_shape) - len(left)) if after else ())
    return tuple(kernel), bias, full
