"""Adam and its relatives."""

from typing import Any

from pronghorn import ops
from pronghorn.backend import dtypes, registry
from pronghorn.optimizers.gradients import like
from pronghorn.optimizers.optimizer import Optimizer
from pronghorn.state.variable import Variable


class Adam(Optimizer):
    """Adam: steps of the mean gradient over the root of the mean square (Kingma and Ba 2014).

    Args:
        learning_rate: step size, or a schedule.
        beta_1: how much of the mean gradient is kept at each step.
        beta_2: how much of the mean squared gradient is kept.
        epsilon: added to the root of the mean square.
        amsgrad: whether the largest mean square so far is used (Reddi et al. 2018).
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name: as in `Optimizer`.

    Example:
        >>> import pronghorn as ph
        >>> v = ph.Variable([1.0])
        >>> _ = Adam(0.1).apply([ph.ops.convert_to_tensor([2.0])], [v])
        >>> round(float(v.numpy()[0]), 3)
        0.9
    """

    kind = "adam"
    slots = (("momentum", "velocity"), ("velocity_hat",))

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`."""
        return {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "amsgrad": self.amsgrad}

    def has_slot(self, name: str) -> bool:
        """The largest mean square is optional."""
        return name != "velocity_hat" or self.amsgrad

    def rate(self, learning_rate: Any, step: Any) -> Any:
        """Return the learning rate corrected for the start at zero."""
        return learning_rate * ops.sqrt(1.0 - ops.power(self.beta_2, step)) / (1.0 - ops.power(self.beta_1, step))

    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and slots."""
        m, v = slots["momentum"], slots["velocity"]
        m = m + (gradient - m) * (1.0 - self.beta_1)
        v = v + (gradient * gradient - v) * (1.0 - self.beta_2)
        new = {"momentum": m, "velocity": v}
        if self.amsgrad:
            v = new["velocity_hat"] = ops.maximum(slots["velocity_hat"], v)
        return value - m * learning_rate / (ops.sqrt(v) + self.epsilon), new


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019).

    Args:
        learning_rate: step size, or a schedule.
        weight_decay: share of each variable, times the learning rate, taken off at each step.
        beta_1: how much of the mean gradient is kept at each step.
        beta_2: how much of the mean squared gradient is kept.
        epsilon: added to the root of the mean square.
        amsgrad: whether the largest mean square so far is used.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name: as in `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        if self.weight_decay is None:
            raise ValueError("AdamW: weight_decay must be a number. Use Adam for none.")


class Adamax(Optimizer):
    """Adam with the largest gradient in place of the mean square (Kingma and Ba 2014, section 7).

    Args:
        learning_rate: step size, or a schedule.
        beta_1: how much of the mean gradient is kept at each step.
        beta_2: how much of the mean squared gradient is kept.
        epsilon: added to the root of the mean square.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name: as in `Optimizer`.
    """

    slots = (("momentum", "norm"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`."""
        return {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}

    def rate(self, learning_rate: Any, step: Any) -> Any:
        """Return the learning rate corrected for the start at zero."""
        return learning_rate / (1.0 - ops.power(self.beta_1, step))

    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and slots."""
        m = slots["momentum"] + (gradient - slots["momentum"]) * (1.0 - self.beta_1)
        norm = ops.maximum(self.beta_2 * slots["norm"], ops.abs(gradient))
        return value - learning_rate * m / (norm + self.epsilon), {"momentum": m, "norm": norm}


class Nadam(Optimizer):
    """Adam with Nesterov momentum (Dozat 2016).

    Args:
        learning_rate: step size, or a schedule.
        beta_1: how much of the mean gradient is kept at each step.
        beta_2: how much of the mean squared gradient is kept.
        epsilon: added to the root of the mean square.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name: as in `Optimizer`.
    """

    slots = (("momentum", "velocity"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`."""
        return {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}

    def build(self, variables: Any) -> None:
        """Make the slots, and the running product of momentum coefficients."""
        if self.built:
            return
        super().build(variables)
        with registry.use_backend(self._iterations.backend.name):
            self._u_product = self._tracked(Variable(1.0, dtype=dtypes.SETTINGS.floatx, trainable=False, name="variable"))

    def _momentum_at(self, step: Any) -> Any:
        return self.beta_1 * (1.0 - 0.5 * ops.power(0.96, step))

    def _update_all(self, grads: list[Any], variables: list[Variable], learning_rate: Any) -> None:
        step = ops.cast(ops.add(self.iterations, 1), self._u_product._dtype)
        self._u_product.assign(self._u_product.value * self._momentum_at(step))
        super()._update_all(grads, variables, learning_rate)

    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and slots."""
        now, following = self._momentum_at(step), self._momentum_at(step + 1.0)
        product = like(self._u_product.value, step)
        m = slots["momentum"] + (gradient - slots["momentum"]) * (1.0 - self.beta_1)
        v = slots["velocity"] + (gradient * gradient - slots["velocity"]) * (1.0 - self.beta_2)
        m_hat = m * like(following / (1.0 - product * following), m) + gradient * like((1.0 - now) / (1.0 - product), m)
        v_hat = v / like(1.0 - ops.power(self.beta_2, step), v)
        return value - m_hat * learning_rate / (ops.sqrt(v_hat) + self.epsilon), {"momentum": m, "velocity": v}


class Lamb(Optimizer):
    """Adam whose steps are scaled by the norm of each variable, for large batches (You et al. 2019).

    Args:
        learning_rate: step size, or a schedule.
        beta_1: how much of the mean gradient is kept at each step.
        beta_2: how much of the mean squared gradient is kept.
        epsilon: added to the root of the mean square.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name: as in `Optimizer`.
    """

    slots = (("momentum", "velocity"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`."""
        return {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}

    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and slots."""
        m = slots["momentum"] + (gradient - slots["momentum"]) * (1.0 - self.beta_1)
        v = slots["velocity"] + (gradient * gradient - slots["velocity"]) * (1.0 - self.beta_2)
        m_hat, v_hat = m / like(1.0 - ops.power(self.beta_1, step), m), v / like(1.0 - ops.power(self.beta_2, step), v)
        direction = m_hat / (ops.sqrt(v_hat) + self.epsilon)
        weight, length = ops.sqrt(ops.sum(value * value)), ops.sqrt(ops.sum(direction * direction))
        usable = ops.logical_and(ops.greater(weight, 0.0), ops.greater(length, 0.0))
        trust = ops.where(usable, weight / ops.where(usable, length, 1.0), 1.0)
        return value - trust * learning_rate * direction, {"momentum": m, "velocity": v}
