"""Layers that bring their inputs to a common scale."""

from typing import Any

from pronghorn import constraints, initializers, ops, regularizers
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.layer import Layer
from pronghorn.ops.fused import normalized_batch
from pronghorn.state.variable import Variable

_PARTS = (
    ("beta_initializer", initializers), ("gamma_initializer", initializers), ("moving_mean_initializer", initializers),
    ("moving_variance_initializer", initializers), ("beta_regularizer", regularizers), ("gamma_regularizer", regularizers),
    ("beta_constraint", constraints), ("gamma_constraint", constraints),
)  # fmt: skip


class _Normalization(Layer):
    """What the layers with a learned scale and shift share."""

    supports_masking = True
    _plain: tuple[str, ...] = ()

    def _set(self, values: dict[str, Any]) -> None:
        for name in self._plain:
            setattr(self, name, values[name])
        for name, module in _PARTS:
            if name in values:
                setattr(self, name, module.get(values[name]))

    def _scale_and_shift(self, shape: tuple) -> None:
        self.gamma: Variable | None = None
        self.beta: Variable | None = None
        for name, wanted in (("gamma", self.scale), ("beta", self.center)):
            if wanted:
                options = {part: getattr(self, f"{name}_{part}") for part in ("initializer", "regularizer", "constraint")}
                setattr(self, name, self.add_weight(shape=shape, name=name, autocast=False, **options))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        config = {name: getattr(self, name) for name in self._plain}
        config |= {name: module.serialize(getattr(self, name)) for name, module in _PARTS if hasattr(self, name)}
        return {**super().get_config(), **config}


class BatchNormalization(_Normalization):
    """Normalises each feature over the batch; in inference by running averages (Ioffe and Szegedy, 2015).

    Args:
        axis: axis of the features.
        momentum: how slowly the averages move.
        epsilon: added to the variance.
        center, scale: whether there is a learned shift and scale.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: start values.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: for shift and scale.
        renorm: correct a training batch's statistics towards the running averages (batch renormalization, Ioffe, 2017).
        renorm_clipping: dict with limits `rmin`, `rmax`, `dmax` for the correction.
        renorm_momentum: how slowly the averages for the correction move.
        synchronized: accepted for data-parallel use.

    Example:
        >>> BatchNormalization()([[1.0, 2.0]]).shape
        (1, 2)
    """

    _plain = ("axis", "momentum", "epsilon", "center", "scale", "synchronized", "renorm", "renorm_clipping", "renorm_momentum")

    def __init__(
        self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True, beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros", moving_variance_initializer: Any = "ones", beta_regularizer: Any = None,
        gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None, renorm: bool = False, renorm_clipping: Any = None,
        renorm_momentum: float = 0.99, synchronized: bool = False, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(**kwargs)
        if not isinstance(axis, int):
            raise TypeError(f"BatchNormalization: axis must be an int; received {axis!r}.")
        unknown = set(renorm_clipping or {}) - {"rmin", "rmax", "dmax"}
        if unknown:
            raise ValueError(f"BatchNormalization: renorm_clipping has the unknown keys {sorted(unknown)}; known: rmin, rmax, dmax.")
        if renorm and renorm_clipping is None:
            renorm_clipping = {}
        self._set(locals())

    def build(self, input_shape: Any) -> None:
        """Make scale, shift and the averages."""
        n = len(input_shape)
        if not -n <= self.axis < n:
            raise ValueError(f'Layer "{self.name}": axis {self.axis} is out of range for inputs of shape {tuple(input_shape)}.')
        features = input_shape[self.axis]
        if features is None:
            raise ValueError(f'Layer "{self.name}": the size of axis {self.axis} must be known; received shape {tuple(input_shape)}.')
        self._scale_and_shift((features,))
        for name, start in (("moving_mean", self.moving_mean_initializer), ("moving_variance", self.moving_variance_initializer)):
            setattr(self, name, self.add_weight(shape=(features,), name=name, initializer=start, trainable=False, autocast=False))
        if self.renorm:
            for name, start in (
                ("moving_stddev", self._root_of_variance), ("renorm_mean", self.moving_mean_initializer), ("renorm_stddev", self._root_of_variance)
            ):  # fmt: skip
                setattr(self, name, self.add_weight(shape=(features,), name=name, initializer=start, trainable=False, autocast=False))
        self.input_spec = InputSpec(ndim=n, axes={self.axis: features})

    def _root_of_variance(self, shape: Any, dtype: Any = None) -> Any:
        """Start of the averages of standard deviations."""
        return ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Normalise; with `training` by this batch, which also moves the averages."""
        x = ops.cast(inputs, "float32") if self.compute_dtype in ("float16", "bfloat16") else inputs
        axis = self.axis % len(ops.shape(x))
        scale, offset = _value(self.gamma), _value(self.beta)
        if not (training and self.trainable):
            out = ops.batch_normalization(x, self.moving_mean.value, self.moving_variance.value, axis, offset, scale, self.epsilon)
        elif mask is None and not self.renorm:
            out, mean, variance = normalized_batch(x, axis, offset, scale, self.epsilon)
            _move(self.moving_mean, self.moving_mean.value, mean, self.momentum)
            _move(self.moving_variance, self.moving_variance.value, variance, self.momentum)
        else:
            mean, variance = self._statistics(x, axis, mask)
            old_mean, old_variance = self.moving_mean.value, self.moving_variance.value
            if self.renorm:
                scale, offset = self._renormalised(mean, variance)
            _move(self.moving_mean, old_mean, mean, self.momentum)
            if self.renorm:  # the average is that of the standard deviations
                self.moving_variance.assign(ops.maximum(ops.subtract(ops.square(self.moving_stddev.value), self.epsilon), 0.0))
            else:
                _move(self.moving_variance, old_variance, variance, self.momentum)
            out = ops.batch_normalization(x, mean, variance, axis, offset, scale, self.epsilon)
        return ops.cast(out, self.compute_dtype)

    def _statistics(self, x: Any, axis: int, mask: Any) -> tuple[Any, Any]:
        """Mean and variance of each feature, over the entries that a mask keeps."""
        axes = [a for a in range(len(ops.shape(x))) if a != axis]
        if mask is None:
            return ops.moments(x, axes=axes)
        weights = ops.cast(mask, x.dtype if isinstance(x.dtype, str) else ops.dtype_of(x))
        weights = ops.reshape(weights, (*ops.shape(weights), *(1,) * (len(ops.shape(x)) - len(ops.shape(weights)))))
        weights = ops.broadcast_to(weights, ops.shape(x))
        total = ops.add(ops.sum(weights, axis=axes), 1e-7)
        keep = [1] * len(ops.shape(x))
        keep[axis] = -1
        mean = ops.divide(ops.sum(ops.multiply(x, weights), axis=axes), total)
        difference = ops.subtract(x, ops.reshape(mean, tuple(keep)))
        return mean, ops.divide(ops.sum(ops.multiply(weights, ops.multiply(difference, difference)), axis=axes), total)

    def _renormalised(self, mean: Any, variance: Any) -> tuple[Any, Any]:
        """Scale and shift with the correction towards the averages folded in."""
        std = ops.sqrt(ops.add(variance, self.epsilon))
        limits = self.renorm_clipping or {}
        average, deviation = self.renorm_mean.value, self.renorm_stddev.value
        r, d = ops.divide(std, deviation), ops.divide(ops.subtract(mean, average), deviation)
        if "rmin" in limits:
            r = ops.maximum(r, limits["rmin"])
        if "rmax" in limits:
            r = ops.minimum(r, limits["rmax"])
        if "dmax" in limits:
            d = ops.clip(d, -limits["dmax"], limits["dmax"])
        r, d = ops.stop_gradient(r), ops.stop_gradient(d)
        _move(self.renorm_mean, average, mean, self.renorm_momentum)
        _move(self.renorm_stddev, deviation, std, self.renorm_momentum)
        _move(self.moving_stddev, self.moving_stddev.value, std, self.momentum)
        scale = r if self.gamma is None else ops.multiply(r, self.gamma)
        shift = d if self.gamma is None else ops.multiply(d, self.gamma)
        return scale, shift if self.beta is None else ops.add(shift, self.beta)


class LayerNormalization(_Normalization):
    """Normalises each sample over its features (Ba et al., 2016).

    Args:
        axis: axis, or axes, of the features.
        epsilon: added to the variance.
        center, scale: whether there is a learned shift and scale.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: for shift and scale.

    Example:
        >>> LayerNormalization(epsilon=0.0)([[1.0, 3.0]]).tolist()
        [[-1.0, 1.0]]
    """

    _plain = ("axis", "epsilon", "center", "scale", "rms_scaling")

    def __init__(
        self, axis: Any = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True, beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None,
        gamma_constraint: Any = None, **kwargs: Any,
    ):  # fmt: skip
        rms_scaling = kwargs.pop("rms_scaling", False)  # in every config that Keras writes
        if rms_scaling:
            raise ValueError("LayerNormalization: rms_scaling is not supported. Use RMSNormalization.")
        super().__init__(**kwargs)
        axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        if not isinstance(axis, (int, list)):
            raise TypeError(f"LayerNormalization: axis must be an int or a list of ints; received {axis!r}.")
        self._set(locals())

    axis: Any

    def build(self, input_shape: Any) -> None:
        """Make scale and shift."""
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        self._scale_and_shift(tuple(input_shape[a] for a in self.axis))

    def call(self, inputs: Any) -> Any:
        """Normalise."""
        x = ops.cast(inputs, "float32") if self.compute_dtype in ("float16", "bfloat16") else inputs
        out = ops.layer_normalization(x, _value(self.gamma), _value(self.beta), self.axis, self.epsilon)
        return ops.cast(out, self.compute_dtype)


class RMSNormalization(_Normalization):
    """Divides by the root mean square over the features and scales (Zhang and Sennrich, 2019).

    Args:
        axis: axis of the features.
        epsilon: added to the mean square.

    Example:
        >>> RMSNormalization(epsilon=0.0)([[3.0, 3.0]]).tolist()
        [[1.0, 1.0]]
    """

    _plain = ("axis", "epsilon")
    axis: Any

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self._set(locals())

    def build(self, input_shape: Any) -> None:
        """Make the scale."""
        self.axis = list(self.axis) if isinstance(self.axis, (list, tuple)) else [self.axis]
        self.scale = self.add_weight(shape=tuple(input_shape[a] for a in self.axis), name="scale", initializer="ones", autocast=False)

    def call(self, x: Any) -> Any:
        """Normalise."""
        x = ops.cast(x, "float32") if self.compute_dtype in ("float16", "bfloat16") else x
        return ops.cast(ops.rms_normalization(x, self.scale.value, self.axis, self.epsilon), self.compute_dtype)


class UnitNormalization(_Normalization):
    """Divides by the Euclidean norm over the features.

    Args:
        axis: axis, or axes, of the features.

    Example:
        >>> UnitNormalization()([[3.0, 4.0]]).tolist()
        [[0.6000000238418579, 0.800000011920929]]
    """

    _plain = ("axis",)

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self._set(locals())
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Normalise."""
        return ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)


def _move(v: Variable, old: Any, new: Any, momentum: float) -> None:
    """Let a running average take a step from `old` towards `new`."""
    v.assign(ops.add(ops.multiply(old, momentum), ops.multiply(ops.stop_gradient(ops.cast(new, v.dtype)), 1.0 - momentum)))


def _value(v: Any) -> Any:
    return v.value if isinstance(v, Variable) else v
