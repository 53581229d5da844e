"""Adam with averaging in place of a learning rate schedule."""

from collections.abc import Iterable
from typing import Any

from pronghorn import ops
from pronghorn.backend import registry
from pronghorn.optimizers.gradients import like
from pronghorn.optimizers.optimizer import Optimizer
from pronghorn.state.variable import Variable


class ScheduleFreeAdamW(Optimizer):
    """Adam's steps, made by a second copy of the variables, and gradients between that copy and its mean (Defazio et al. 2024).

    The variables are where gradients are taken: `beta_1` of the way from the copy to the mean of all its values. The paper evaluates at the mean; as in
    Keras, models are evaluated where they train, and the mean itself is nowhere kept.

    Args:
        learning_rate: step size, or a schedule.
        beta_1: where gradients are taken: 1 at the mean, 0 at the copy.
        beta_2: how much of the mean squared gradient is kept.
        epsilon: added to the root of the mean square.
        warmup_steps: how many steps the learning rate rises linearly.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name: as in `Optimizer`.

    Example:
        >>> import pronghorn as ph
        >>> v, o = ph.Variable([1.0]), ScheduleFreeAdamW(0.5)
        >>> for _ in range(2):
        ...     o.apply([ph.ops.convert_to_tensor([2.0])], [v])
        >>> round(float(v.numpy()[0]), 4)  # from 0.0 towards the mean of 0.5 and 0.0
        0.225
    """

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
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
        self.beta_1, self.beta_2, self.epsilon, self.warmup_steps = beta_1, beta_2, epsilon, warmup_steps

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`."""
        return {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "warmup_steps": self.warmup_steps}

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the copies, which start where the variables are, and the mean squares."""
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        self._slots = {"momentum": [], "velocity": []}
        with registry.use_backend(self._iterations.backend.name):
            for v in variables:
                start = v.backend.convert_to_numpy(v.storage)
                self._slots["momentum"].append(self.add_variable_from_reference(v, "momentum", lambda shape, dtype, start=start: start))
                self._slots["velocity"].append(self.add_variable_from_reference(v, "velocity"))

    def rate(self, learning_rate: Any, step: Any) -> Any:
        """Return the learning rate of a step of the warm-up."""
        return learning_rate * ops.minimum(step / self.warmup_steps, 1.0) if self.warmup_steps else learning_rate

    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and slots."""
        v = slots["velocity"] + (gradient * gradient - slots["velocity"]) * (1.0 - self.beta_2)
        root = ops.sqrt(v / like(1.0 - ops.power(self.beta_2, step), v))
        copy = slots["momentum"] - learning_rate * gradient / (root + self.epsilon)
        weight = like(1.0 / step, value)
        # beta_1 times the mean before this step is value - (1 - beta_1) * momentum
        before = value - slots["momentum"] * (1.0 - self.beta_1)
        new = before * (1.0 - weight) + copy * (1.0 - self.beta_1 + weight * self.beta_1)
        return new, {"momentum": copy, "velocity": v}
