"""Adafactor: adaptive steps with little memory."""

from collections.abc import Iterable
from typing import Any

from pronghorn import ops
from pronghorn.backend import registry
from pronghorn.optimizers.gradients import like
from pronghorn.optimizers.optimizer import Optimizer
from pronghorn.state.variable import Variable


class Adafactor(Optimizer):
    """Steps divided by the root of a mean square kept as row and column sums (Shazeer and Stern 2018).

    Args:
        learning_rate: largest relative step, or the step where `relative_step` is False; or a schedule.
        beta_2_decay: exponent by which the mean square's memory grows with the step.
        epsilon_1: added to squared gradients.
        epsilon_2: least scale of a variable.
        clip_threshold: largest root mean square of a step.
        relative_step: whether steps are relative to the scale of each variable.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name: as in `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.beta_2_decay, self.epsilon_1, self.epsilon_2 = beta_2_decay, epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step

    def build(self, variables: Iterable[Variable]) -> None:
        """Make row and column sums of matrices, and whole mean squares of others."""
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        self._slots = {"row": [], "column": [], "velocity": []}
        with registry.use_backend(self._iterations.backend.name):
            for v in variables:
                for name, shape in (("row", v.shape[:-1]), ("column", (*v.shape[:-2], *v.shape[-1:]))):
                    if len(v.shape) < 2:  # files have a placeholder here
                        self._slots[name].append(self._tracked(Variable(0, dtype="int32", trainable=False, name=v.name)))
                    else:
                        self._slots[name].append(self.add_variable(shape, "zeros", v._dtype, name=v.name))
                self._slots["velocity"].append(self.add_variable_from_reference(v, "velocity"))

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`."""
        names = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")
        return {n: getattr(self, n) for n in names}

    def rate(self, learning_rate: Any, step: Any) -> Any:
        """Return the relative step size."""
        return ops.minimum(learning_rate, 1.0 / ops.sqrt(step)) if self.relative_step else learning_rate

    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and slots."""
        size = ops.maximum(_root_mean_square(value), self.epsilon_2) * learning_rate
        square = gradient * gradient + self.epsilon_1
        keep = like(1.0 - ops.power(step, self.beta_2_decay), value)
        new: dict[str, Any] = {}
        if len(value.shape) >= 2:
            row = keep * slots["row"] + (1.0 - keep) * ops.mean(square, axis=-1)
            column = keep * slots["column"] + (1.0 - keep) * ops.mean(square, axis=-2)
            scaled = row / ops.mean(row, axis=-1, keepdims=True)
            velocity = ops.expand_dims(scaled, -1) * ops.expand_dims(column, -2)
            new = {"row": row, "column": column}
        else:
            velocity = keep * slots["velocity"] + (1.0 - keep) * square
        new["velocity"] = velocity
        direction = gradient / ops.sqrt(velocity)
        direction = direction / ops.maximum(1.0, _root_mean_square(direction) / self.clip_threshold)
        return value - size * direction, new


def _root_mean_square(x: Any) -> Any:
    return ops.sqrt(ops.mean(x * x))
