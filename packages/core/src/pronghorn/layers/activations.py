"""Activations as layers."""

from typing import Any

from pronghorn import ops
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.layer import Layer
from pronghorn.ops.creation import cast, dtype_of


class _Elementwise(Layer):
    supports_masking = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.built = True


class Activation(_Elementwise):
    """Apply an activation function.

    Args:
        activation: function or name.

    Example:
        >>> Activation("relu")([-1.0, 2.0]).tolist()
        [0.0, 2.0]
    """

    _keys = "activation"

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self._configure(activation=activation)

    def call(self, inputs: Any) -> Any:
        """Return `activation(inputs)`."""
        return self.activation(inputs)


class ReLU(_Elementwise):
    """Rectified linear unit with an optional ceiling, leak and threshold.

    Args:
        max_value: ceiling, None for none.
        negative_slope: slope below the threshold.
        threshold: values below count as negative.

    Example:
        >>> ReLU(max_value=2.0)([-1.0, 1.0, 3.0]).tolist()
        [0.0, 1.0, 2.0]
    """

    _keys = "max_value negative_slope threshold"

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        for name, value in (("max_value", max_value), ("negative_slope", negative_slope), ("threshold", threshold)):
            if (value is None and name != "max_value") or (value is not None and value < 0):
                raise ValueError(f"ReLU: {name} must not be negative; received {value!r}.")
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def call(self, inputs: Any) -> Any:
        """Return the rectified inputs."""
        from pronghorn.activations import relu

        return relu(inputs, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold)


class LeakyReLU(_Elementwise):
    """`x` where positive, `negative_slope * x` elsewhere.

    Example:
        >>> LeakyReLU(0.5)([-1.0, 2.0]).tolist()
        [-0.5, 2.0]
    """

    _keys = "negative_slope"

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(f"LeakyReLU: negative_slope must not be negative; received {negative_slope!r}.")
        self.negative_slope = negative_slope

    def call(self, inputs: Any) -> Any:
        """Return the rectified inputs."""
        return ops.leaky_relu(inputs, negative_slope=self.negative_slope)


class ELU(_Elementwise):
    """`x` where positive, `alpha * (exp(x) - 1)` elsewhere.

    Example:
        >>> ELU()([1.0]).tolist()
        [1.0]
    """

    _keys = "alpha"

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Any) -> Any:
        """Return the activation."""
        return ops.elu(inputs, alpha=self.alpha)


class PReLU(Layer):
    """Leaky ReLU whose slope is learned.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of the slope.
        shared_axes: axes along which one slope is shared, counted with the batch axis.

    Example:
        >>> PReLU("ones")([[-1.0, 2.0]]).tolist()
        [[-1.0, 2.0]]
    """

    supports_masking = True
    _keys = "alpha_initializer alpha_regularizer alpha_constraint shared_axes"

    def __init__(self, alpha_initializer: Any = "Zeros", alpha_regularizer: Any = None, alpha_constraint: Any = None, shared_axes: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self._configure(alpha_initializer=alpha_initializer, alpha_regularizer=alpha_regularizer, alpha_constraint=alpha_constraint)
        self.shared_axes = None if shared_axes is None else list(shared_axes) if isinstance(shared_axes, (list, tuple)) else [shared_axes]

    def build(self, input_shape: Any) -> None:
        """Make the slopes."""
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            shape[axis - 1] = 1
        self.alpha = self.add_weight(
            shape=tuple(shape), initializer=self.alpha_initializer, regularizer=self.alpha_regularizer, constraint=self.alpha_constraint, name="alpha"
        )
        axes = {i: d for i, d in enumerate(input_shape) if i and i not in (self.shared_axes or ())}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs: Any) -> Any:
        """Return the rectified inputs."""
        return ops.subtract(ops.relu(inputs), ops.multiply(self.alpha.value, ops.relu(ops.negative(inputs))))


class Softmax(_Elementwise):
    """Normalise to sum to one along an axis or several; masked elements get none.

    Args:
        axis: axis or axes.

    Example:
        >>> Softmax()([0.0, 0.0]).tolist()
        [0.5, 0.5]
    """

    _keys = "axis"

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Return the softmax; `mask` is True where elements take part."""
        if mask is not None:
            name = dtype_of(inputs)
            low = -3e4 if name == "float16" else -1e9
            inputs = inputs + (1.0 - cast(mask, name)) * low
        axis = self.axis
        if isinstance(axis, list) and len(axis) == 1:
            axis = axis[0]
        result = ops.exp(inputs - ops.logsumexp(inputs, axis=tuple(axis), keepdims=True)) if isinstance(axis, list) else ops.softmax(inputs, axis=axis)
        if mask is not None:
            result = result * cast(mask, dtype_of(result))
        return result

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the inputs."""
        return previous_mask
