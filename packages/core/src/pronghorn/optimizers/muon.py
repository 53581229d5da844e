"""Muon: steps along orthogonalised momentum."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pronghorn import ops
from pronghorn.backend import registry
from pronghorn.optimizers.gradients import like
from pronghorn.optimizers.optimizer import Optimizer
from pronghorn.state.variable import Variable


class Muon(Optimizer):
    """Momentum whose matrices are made nearly orthogonal, so that every direction is stepped along alike (Jordan et al. 2024); Adam for all but matrices.

    Args:
        learning_rate: step size, or a schedule.
        adam_beta_1, adam_beta_2: how much of the mean gradient and of the mean squared gradient Adam keeps.
        adam_weight_decay: `weight_decay` of the variables that Adam updates.
        epsilon: added to the root of Adam's mean square.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name: as in `Optimizer`.
        exclude_layers: regular expressions; Adam updates matrices whose path has a match.
        exclude_embeddings: whether Adam updates matrices with "embedding" in their path.
        muon_a, muon_b, muon_c: coefficients of the polynomial `a x + b x^3 + c x^5` that drives singular values towards one.
        adam_lr_ratio: Adam's share of the learning rate.
        momentum: how much of the momentum is kept.
        ns_steps: how many times the polynomial is applied.
        nesterov: whether the gradient is taken ahead.
        rms_rate: root mean square of a step over the learning rate, as if Adam had made it; None for steps as orthogonalised.

    Example:
        >>> import pronghorn as ph
        >>> v = ph.Variable([[1.0, 0.0], [0.0, 1.0]])
        >>> Muon(0.1, weight_decay=None).apply([ph.ops.convert_to_tensor([[3.0, 0.0], [0.0, 3.0]])], [v])
        >>> bool((v.numpy().diagonal() < 1).all())
        True
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ):
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.adam_beta_1, self.adam_beta_2, self.epsilon = adam_beta_1, adam_beta_2, epsilon
        self.adam_weight_decay, self.adam_lr_ratio = adam_weight_decay, adam_lr_ratio
        self.exclude_layers, self.exclude_embeddings = list(exclude_layers or ()), exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.momentum, self.ns_steps, self.nesterov, self.rms_rate = momentum, ns_steps, nesterov, rms_rate

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`."""
        names = ("adam_beta_1", "adam_beta_2", "epsilon", "exclude_layers", "muon_a", "muon_b", "muon_c", "adam_lr_ratio", "momentum", "ns_steps",
                 "nesterov", "exclude_embeddings", "adam_weight_decay", "rms_rate")  # fmt: skip
        return {n: getattr(self, n) for n in names}

    def _by_adam(self, variable: Variable) -> bool:
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def build(self, variables: Iterable[Variable]) -> None:
        """Make momenta, and Adam's mean squares for the variables that it updates."""
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        self._slots = {"momentum": [], "velocity": []}
        with registry.use_backend(self._iterations.backend.name):
            for v in variables:
                self._slots["momentum"].append(self.add_variable_from_reference(v, "momentum"))
                self._slots["velocity"].append(self.add_variable_from_reference(v, "velocity") if self._by_adam(v) else None)

    def decay_of(self, variable: Variable) -> float | None:
        """Return the weight decay of a variable."""
        return self.adam_weight_decay if self._by_adam(variable) else self.weight_decay

    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and slots; Adam's where there is a mean square."""
        m = slots["momentum"]
        if "velocity" in slots:
            m = m + (gradient - m) * (1.0 - self.adam_beta_1)
            v = slots["velocity"] + (gradient * gradient - slots["velocity"]) * (1.0 - self.adam_beta_2)
            corrected = ops.sqrt(1.0 - ops.power(self.adam_beta_2, step)) / (1.0 - ops.power(self.adam_beta_1, step))
            rate = learning_rate * self.adam_lr_ratio * like(corrected, m)
            return value - rate * m / (ops.sqrt(v) + self.epsilon), {"momentum": m, "velocity": v}
        m = self.momentum * m + gradient
        direction = gradient + self.momentum * m if self.nesterov else m
        direction = self.lr_adjust(self.zeropower_via_newtonschulz5(direction, self.ns_steps))
        return value - learning_rate * direction, {"momentum": m}

    def lr_adjust(self, x: Any) -> Any:
        """Scale an orthogonalised matrix to the root mean square that Adam's steps have (Liu et al. 2025)."""
        if self.rms_rate is None:
            return x
        return x * (self.rms_rate * math.sqrt(max(x.shape[-2:])))

    def transpose_last_axis(self, X: Any) -> Any:  # noqa: N803
        """Swap the last two axes."""
        return ops.swapaxes(X, -1, -2)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return a matrix with the singular vectors of `x` and singular values near one, by a Newton-Schulz iteration of degree five."""
        high = x.shape[-2] > x.shape[-1]
        x = self.transpose_last_axis(x) if high else x  # products of the shorter sides cost less
        x = x / (ops.sqrt(ops.sum(x * x, axis=(-2, -1), keepdims=True)) + 1e-7)
        for _ in range(steps):
            square = ops.matmul(x, self.transpose_last_axis(x))
            x = self.muon_a * x + ops.matmul(self.muon_b * square + self.muon_c * ops.matmul(square, square), x)
        return self.transpose_last_axis(x) if high else x
