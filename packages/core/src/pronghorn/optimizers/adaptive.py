"""Step sizes that follow the history of each element."""

from typing import Any

from pronghorn import ops
from pronghorn.backend import dtypes
from pronghorn.optimizers.optimizer import Optimizer


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of their squares (Duchi et al. 2011).

    Args:
        learning_rate: step size, or a schedule.
        initial_accumulator_value: start of the sums.
        epsilon: added to the sums.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name: as in `Optimizer`.
    """

    slots = (("accumulator",),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
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
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`."""
        return {"initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}

    def slot_initializer(self, name: str) -> Any:
        """Return what the sums start with."""
        return _constant(self.initial_accumulator_value)

    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and slots."""
        total = slots["accumulator"] + gradient * gradient
        return value - learning_rate * gradient / ops.sqrt(total + self.epsilon), {"accumulator": total}


class Adadelta(Optimizer):
    """Steps in the ratio of past steps to past gradients (Zeiler 2012).

    Args:
        learning_rate: factor of the steps, or a schedule; 1.0 as in the paper.
        rho: how much of the running means is kept.
        epsilon: added to the means.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name: as in `Optimizer`.
    """

    slots = (("accumulated_grad", "accumulated_delta_var"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
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
        self.rho = rho
        self.epsilon = epsilon

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`."""
        return {"rho": self.rho, "epsilon": self.epsilon}

    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and slots."""
        past = slots["accumulated_delta_var"]
        square = self.rho * slots["accumulated_grad"] + (1.0 - self.rho) * (gradient * gradient)
        delta = -ops.sqrt(past + self.epsilon) * gradient / ops.sqrt(square + self.epsilon)
        past = self.rho * past + (1.0 - self.rho) * (delta * delta)
        return value + learning_rate * delta, {"accumulated_grad": square, "accumulated_delta_var": past}


class Ftrl(Optimizer):
    """Follow the regularised leader: sparse weights for large shallow models (McMahan et al. 2013).

    Args:
        learning_rate: step size, or a schedule.
        learning_rate_power: how the step size falls with the sum of squares; 0 for not at all.
        initial_accumulator_value: start of the sums of squares.
        l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength: penalties, 0 or more.
        beta: the paper's beta.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name: as in `Optimizer`.
    """

    slots = (("accumulator", "linear"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        negative = [n for n in ("initial_accumulator_value", "l1_regularization_strength", "l2_regularization_strength") if getattr(self, n) < 0]
        if negative or learning_rate_power > 0 or l2_shrinkage_regularization_strength < 0:
            raise ValueError("Ftrl: strengths and initial_accumulator_value must be 0 or more, learning_rate_power 0 or less.")

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`."""
        strengths = ("l1_regularization_strength", "l2_regularization_strength", "l2_shrinkage_regularization_strength")
        names = ("learning_rate_power", "initial_accumulator_value", *strengths, "beta")
        return {name: getattr(self, name) for name in names}

    def slot_initializer(self, name: str) -> Any:
        """Return what the sums start with."""
        return _constant(self.initial_accumulator_value) if name == "accumulator" else "zeros"

    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and slots."""
        old, power = slots["accumulator"], -self.learning_rate_power
        l2 = self.l2_regularization_strength + self.beta / (2.0 * learning_rate)
        shrunk = gradient + 2.0 * self.l2_shrinkage_regularization_strength * value
        new = old + gradient * gradient
        linear = slots["linear"] + shrunk - (ops.power(new, power) - ops.power(old, power)) / learning_rate * value
        quadratic = ops.power(new, power) / learning_rate + 2.0 * l2
        l1 = self.l1_regularization_strength
        return (ops.clip(linear, -l1, l1) - linear) / quadratic, {"accumulator": new, "linear": linear}


def _constant(start: float) -> Any:
    import numpy as np

    return lambda shape, dtype: np.full(shape, start, dtypes.numpy_dtype(dtype))
