"""Gradient descent, with momentum, by sign and by root mean square."""

from typing import Any

from pronghorn import ops
from pronghorn.optimizers.optimizer import Optimizer


class SGD(Optimizer):
    """Gradient descent, with momentum.

    `m = momentum * m - learning_rate * g`, then `w += m`; with `nesterov`, `w += momentum * m - learning_rate * g`.

    Args:
        learning_rate: step size, or a schedule.
        momentum: how much of the last step is kept; 0 for none.
        nesterov: whether the gradient is taken ahead (Nesterov 1983).
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name: as in `Optimizer`.

    Example:
        >>> import pronghorn as ph
        >>> v = ph.Variable([1.0])
        >>> SGD(0.1).apply([ph.ops.convert_to_tensor([2.0])], [v])
        >>> round(float(v.numpy()[0]), 6)
        0.8
    """

    kind = "sgd"
    slots = (("momentum",),)

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        self.momentum = momentum
        self.nesterov = nesterov
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ValueError(f"SGD: momentum must be between 0 and 1; received {momentum!r}.")

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`."""
        return {"momentum": self.momentum, "nesterov": self.nesterov}

    def has_slot(self, name: str) -> bool:
        """Momentum needs a slot."""
        return self.momentum != 0

    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and slots."""
        if self.momentum == 0:
            return value - learning_rate * gradient, {}
        step_size = learning_rate * gradient
        m = self.momentum * slots["momentum"] - step_size
        return value + (self.momentum * m - step_size if self.nesterov else m), {"momentum": m}


class Lion(Optimizer):
    """Steps of the sign of an interpolated momentum (Chen et al. 2023).

    Args:
        learning_rate: step size, or a schedule; a third to a tenth of Adam's.
        beta_1: share of the momentum in the step's direction.
        beta_2: how much of the momentum is kept.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name: as in `Optimizer`.
    """

    slots = (("momentum",),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        if beta_1 <= 0 or beta_1 > 1:
            raise ValueError(f"Lion: beta_1 must be above 0 and at most 1; received {beta_1}.")

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`."""
        return {"beta_1": self.beta_1, "beta_2": self.beta_2}

    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and slots."""
        m = slots["momentum"]
        direction = ops.sign(m * self.beta_1 + gradient * (1.0 - self.beta_1))
        return value - learning_rate * direction, {"momentum": m * self.beta_2 + gradient * (1.0 - self.beta_2)}


class RMSprop(Optimizer):
    """Gradients divided by the root of a running mean of their squares (Hinton 2012).

    Args:
        learning_rate: step size, or a schedule.
        rho: how much of the running mean is kept.
        momentum: how much of the last step is kept; 0 for none.
        epsilon: added to the mean square.
        centered: whether the squared running mean gradient is subtracted from the mean square.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name: as in `Optimizer`.
    """

    kind = "rmsprop"
    slots = (("velocity",), ("momentum",), ("average_gradient",))

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`."""
        return {"rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon, "centered": self.centered}

    def has_slot(self, name: str) -> bool:
        """Momentum and the mean gradient are optional."""
        return name == "velocity" or (self.momentum > 0 if name == "momentum" else self.centered)

    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and slots."""
        new = {"velocity": self.rho * slots["velocity"] + (1.0 - self.rho) * (gradient * gradient)}
        spread = new["velocity"]
        if self.centered:
            mean = new["average_gradient"] = self.rho * slots["average_gradient"] + (1.0 - self.rho) * gradient
            spread = spread - mean * mean
        step_size = learning_rate * gradient * ops.rsqrt(spread + self.epsilon)
        if self.momentum > 0:
            step_size = new["momentum"] = self.momentum * slots["momentum"] + step_size
        return value - step_size, new
