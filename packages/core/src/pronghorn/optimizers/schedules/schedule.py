"""Learning rates that change with the step."""

import math
from collections.abc import Sequence
from typing import Any

from pronghorn import ops
from pronghorn.backend import dtypes


class LearningRateSchedule:
    """Base class of schedules: implement `__call__(step)`.

    Example:
        >>> class Halving(LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 1.0 / 2.0 ** step
        >>> Halving()(2)
        0.25
    """

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(step).")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this schedule again."""
        raise NotImplementedError(f"{type(self).__name__} must implement get_config() to be saved.")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LearningRateSchedule":
        """Make the schedule that `get_config` described."""
        return cls(**config)


def _as_float(step: Any) -> tuple[Any, str]:
    name = dtypes.SETTINGS.floatx
    return ops.cast(step, name), name


class ExponentialDecay(LearningRateSchedule):
    """`initial_learning_rate * decay_rate ** (step / decay_steps)`; with `staircase`, the exponent is rounded down.

    Example:
        >>> float(ExponentialDecay(1.0, decay_steps=10, decay_rate=0.5)(20))
        0.25
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False, name: str = "ExponentialDecay"):
        self.initial_learning_rate, self.decay_steps, self.decay_rate, self.staircase, self.name = (
            initial_learning_rate, decay_steps, decay_rate, staircase, name,
        )  # fmt: skip
        _positive("decay_steps", decay_steps)

    def __call__(self, step: Any) -> Any:
        step, _ = _as_float(step)
        p = ops.divide(step, float(self.decay_steps))
        return ops.multiply(ops.power(float(self.decay_rate), ops.floor(p) if self.staircase else p), self.initial_learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this schedule again."""
        return _config(self, "initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")


class PiecewiseConstantDecay(LearningRateSchedule):
    """One value up to and including each boundary, and one after the last.

    Args:
        boundaries: rising steps.
        values: one more than boundaries.

    Example:
        >>> schedule = PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
        >>> [round(float(schedule(s)), 2) for s in (10, 11, 21)]
        [1.0, 0.5, 0.1]
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(f"PiecewiseConstantDecay: one value more than boundaries is needed; received {len(boundaries)} boundaries, {len(values)} values.")
        self.boundaries, self.values, self.name = boundaries, values, name

    def __call__(self, step: Any) -> Any:
        step, _ = _as_float(step)
        value: Any = self.values[-1]
        for boundary, v in zip(reversed(self.boundaries), list(reversed(self.values))[1:], strict=True):
            below = ops.less_equal(step, float(boundary))
            value = ops.where(below, float(v), ops.convert_to_tensor(value, dtypes.SETTINGS.floatx) if isinstance(value, (int, float)) else value)
        return value

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this schedule again."""
        return _config(self, "boundaries", "values", "name")


class PolynomialDecay(LearningRateSchedule):
    """From `initial_learning_rate` to `end_learning_rate` along `(1 - step / decay_steps) ** power`; with `cycle`, again and again over longer spans.

    Example:
        >>> round(float(PolynomialDecay(1.0, 10, end_learning_rate=0.0)(4)), 4)
        0.6
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        _positive("decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.end_learning_rate = initial_learning_rate, decay_steps, end_learning_rate
        self.power, self.cycle, self.name = power, cycle, name

    def __call__(self, step: Any) -> Any:
        step, _ = _as_float(step)
        n: Any = float(self.decay_steps)
        if self.cycle:
            n = ops.multiply(ops.where(ops.equal(step, 0.0), 1.0, ops.ceil(ops.divide(step, n))), n)
        else:
            step = ops.minimum(step, n)
        span = self.initial_learning_rate - self.end_learning_rate
        left = ops.maximum(ops.subtract(1.0, ops.divide(step, n)), 0.0)
        return ops.add(ops.multiply(ops.power(left, float(self.power)), span), self.end_learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this schedule again."""
        return _config(self, "initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")


class InverseTimeDecay(LearningRateSchedule):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`; with `staircase`, the quotient is rounded down."""

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False, name: str = "InverseTimeDecay"):
        _positive("decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.decay_rate, self.staircase, self.name = (
            initial_learning_rate, decay_steps, decay_rate, staircase, name,
        )  # fmt: skip

    def __call__(self, step: Any) -> Any:
        step, _ = _as_float(step)
        p = ops.divide(step, float(self.decay_steps))
        p = ops.floor(p) if self.staircase else p
        return ops.divide(self.initial_learning_rate, ops.add(ops.multiply(p, self.decay_rate), 1.0))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this schedule again."""
        return _config(self, "initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")


class CosineDecay(LearningRateSchedule):
    """Half a cosine from `initial_learning_rate` to `alpha` times it, after an optional linear warm-up (Loshchilov and Hutter 2016).

    Args:
        initial_learning_rate: start; with a warm-up, the start of that.
        decay_steps: length of the cosine.
        alpha: share that stays at the end.
        name: name.
        warmup_target: what the warm-up rises to and the cosine falls from; None for no warm-up.
        warmup_steps: length of the warm-up.

    Example:
        >>> round(float(CosineDecay(1.0, 100)(50)), 4)
        0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        _positive("decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.alpha, self.name = initial_learning_rate, decay_steps, alpha, name
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def _falling(self, step: Any, top: float) -> Any:
        done = ops.divide(ops.minimum(step, float(self.decay_steps)), float(self.decay_steps))
        cosine = ops.multiply(ops.add(ops.cos(ops.multiply(done, math.pi)), 1.0), 0.5)
        return ops.multiply(ops.add(ops.multiply(cosine, 1.0 - self.alpha), self.alpha), top)

    def __call__(self, step: Any) -> Any:
        step, _ = _as_float(step)
        if self.warmup_target is None:
            return self._falling(step, self.initial_learning_rate)
        w = float(self.warmup_steps)
        falling = self._falling(ops.maximum(ops.subtract(step, w), 0.0), self.warmup_target)
        rising = ops.add(ops.multiply(ops.divide(step, max(w, 1.0)), self.warmup_target - self.initial_learning_rate), self.initial_learning_rate)
        return ops.where(ops.less(step, w), rising, falling)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this schedule again."""
        return _config(self, "initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")


class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines one after another, each `t_mul` times longer and starting `m_mul` times as high (Loshchilov and Hutter 2016).

    Example:
        >>> round(float(CosineDecayRestarts(1.0, 10)(10)), 4)
        1.0
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        _positive("first_decay_steps", first_decay_steps)
        self.initial_learning_rate, self.first_decay_steps, self.t_mul, self.m_mul = initial_learning_rate, first_decay_steps, t_mul, m_mul
        self.alpha, self.name = alpha, name

    def __call__(self, step: Any) -> Any:
        step, _ = _as_float(step)
        done = ops.divide(step, float(self.first_decay_steps))
        t = float(self.t_mul)
        if t == 1.0:
            period = ops.floor(done)
            done = ops.subtract(done, period)
        else:
            period = ops.floor(ops.divide(ops.log(ops.subtract(1.0, ops.multiply(done, 1.0 - t))), math.log(t)))
            grown = ops.power(t, period)
            done = ops.divide(ops.subtract(done, ops.divide(ops.subtract(1.0, grown), 1.0 - t)), grown)
        height = ops.power(float(self.m_mul), period)
        cosine = ops.multiply(ops.multiply(ops.add(ops.cos(ops.multiply(done, math.pi)), 1.0), 0.5), height)
        return ops.multiply(ops.add(ops.multiply(cosine, 1.0 - self.alpha), self.alpha), self.initial_learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this schedule again."""
        return _config(self, "initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")


def _config(schedule: Any, *names: str) -> dict[str, Any]:
    return {n: getattr(schedule, n) for n in names}


def _positive(name: str, value: Any) -> None:
    if value <= 0:
        raise ValueError(f"{name} must be above 0; received {value}.")


CLASSES = (CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, LearningRateSchedule, PiecewiseConstantDecay, PolynomialDecay)
