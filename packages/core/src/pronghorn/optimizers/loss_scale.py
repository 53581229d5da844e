"""Loss scaling, so that small gradients survive in half precision."""

from collections.abc import Iterable, Sequence
from typing import Any

from pronghorn import ops
from pronghorn.backend import registry
from pronghorn.optimizers.config import OPTIONS
from pronghorn.optimizers.optimizer import Optimizer, write_one_of
from pronghorn.state.binding import STATE
from pronghorn.state.variable import Variable


class LossScaleOptimizer(Optimizer):
    """Scales the loss up and the gradients down by a factor that follows what half precision can hold.

    Steps with gradients that are not finite are left out and halve the factor; after enough good ones it doubles.

    Args:
        inner_optimizer: the optimizer that does the work.
        initial_scale: the first factor.
        dynamic_growth_steps: good steps before the factor doubles.
        name: name in variables' paths.
        **kwargs: none that change anything; other options belong to the inner optimizer.

    Raises:
        ValueError: options of the inner optimizer, or `dynamic=False`.

    Example:
        >>> import pronghorn as ph
        >>> o = LossScaleOptimizer(ph.optimizers.SGD(1.0), initial_scale=8.0)
        >>> v = ph.Variable([1.0])
        >>> o.apply([ph.ops.convert_to_tensor([4.0])], [v])
        >>> v.numpy().tolist()
        [0.5]
    """

    def __init__(self, inner_optimizer: Optimizer, initial_scale: float = 2.0**15, dynamic_growth_steps: int = 2000, name: str | None = None, **kwargs: Any):
        if not kwargs.pop("dynamic", True):
            raise ValueError("LossScaleOptimizer: dynamic=False is not supported. Use the optimizer's own loss_scale_factor.")
        if not isinstance(inner_optimizer, Optimizer):
            raise ValueError(f"LossScaleOptimizer: inner_optimizer must be an Optimizer; received {inner_optimizer!r}.")
        for option, value in kwargs.items():
            if option not in OPTIONS:
                raise ValueError(f"LossScaleOptimizer() got an unexpected argument: {option}.")
            if value:
                raise ValueError(f"LossScaleOptimizer: {option} belongs to the inner optimizer. Set it there.")
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        inner_optimizer.loss_scale_factor = None
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        self.step_counter = self._tracked(Variable(0, dtype="int32", trainable=False, name="step_counter"))
        self.dynamic_scale = self._tracked(Variable(float(initial_scale), dtype="float32", trainable=False, name="dynamic_scale"))

    @property
    def variables(self) -> list[Variable]:
        """Own state, then that of the inner optimizer."""
        return [*self._all, *self.inner_optimizer.variables]

    def build(self, variables: Iterable[Variable]) -> None:
        """Build the inner optimizer."""
        variables = list(variables)
        if not self.built:
            if variables:
                self._move(variables[0].backend)
            self.inner_optimizer.build(variables)
            self._trainable = variables
            self._index = {v: i for i, v in enumerate(variables)}
            self.built = True

    def to(self, backend: str) -> "Optimizer":
        """Move the state to another engine."""
        self.inner_optimizer.to(backend)
        return super().to(backend)

    @property
    def iterations(self) -> Any:
        """The number of updates so far."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's learning rate."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times the factor."""
        factor = self.dynamic_scale.value if self.built else self.initial_scale
        return ops.multiply(loss, factor if isinstance(factor, float) else ops.cast(factor, ops.dtype_of(loss)))

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Update with gradients of the scaled loss, unless one is not finite."""
        grads = list(grads)
        if not grads:
            return
        variables = self._trainable if trainable_variables is None else list(trainable_variables)
        if not self.built:
            self.build(variables)
        if STATE.scope is not None and STATE.scope.symbolic:
            return
        with registry.use_backend(variables[0].backend.name):
            finite = self.check_finite(grads)
            scale = self.dynamic_scale.value

            def good() -> None:
                self.inner_optimizer.apply([None if g is None else ops.divide(g, ops.cast(scale, ops.dtype_of(g))) for g in grads], variables)
                due = ops.equal(ops.add(self.step_counter, 1), self.dynamic_growth_steps)
                self.dynamic_scale.assign(ops.where(due, ops.multiply(scale, 2.0), scale))
                self.step_counter.assign(ops.where(due, 0, ops.add(self.step_counter, 1)))

            def bad() -> None:
                self.step_counter.assign(ops.zeros((), "int32"))
                self.dynamic_scale.assign(ops.divide(scale, 2.0))

            write_one_of(finite, good, bad, [*variables, *self.variables, *self._trainable])

    def check_finite(self, grads: Sequence[Any]) -> Any:
        """Return whether every element of every gradient is finite, as a scalar tensor.

        Raises:
            ValueError: there is no gradient at all.
        """
        finite: Any = None
        for g in grads:
            if g is not None:
                ok = ops.all(ops.isfinite(g))
                finite = ok if finite is None else ops.logical_and(finite, ok)
        if finite is None:
            raise ValueError("No gradients for any variable: the loss does not depend on them.")
        return finite

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Let the inner optimizer put its averages in place."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this optimizer again."""
        from pronghorn.saving.registry import serialize_keras_object

        return {
            "name": self.name, "inner_optimizer": serialize_keras_object(self.inner_optimizer), "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Optimizer:
        """Make the optimizer that `get_config` described."""
        from pronghorn import optimizers

        return cls(**config | {"inner_optimizer": optimizers.deserialize(config["inner_optimizer"], custom_objects)})
