"""Weights and configuration of optimizers: what files hold of them."""

from collections.abc import Sequence
from typing import Any

from pronghorn.state.variable import Variable

#: arguments that every optimizer has
OPTIONS = ("weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor",
            "gradient_accumulation_steps")  # fmt: skip


class OptimizerConfig:
    """Part of `Optimizer` that deals with files."""

    name: str
    variables: Any
    built: bool
    _learning_rate: Variable | None
    _schedule: Any
    hyperparameters: Any

    # -- files -----------------------------------------------------------------------------------------------------------------------------
    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the state from arrays in the order of `variables`."""
        mine = self.variables
        if len(weights) != len(mine):
            raise ValueError(f"set_weights: the optimizer has {len(mine)} variables; received {len(weights)} arrays. Is it built?")
        for v, w in zip(mine, weights, strict=True):
            v.assign(w)

    def save_own_variables(self, store: Any) -> None:
        """Write the state into a store (a mapping from names to arrays)."""
        for i, v in enumerate(self.variables):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read the state from a store."""
        mine = self.variables
        if len(store) == (1 if self._learning_rate is None else 2):  # saved before it was built: iterations and learning rate alone
            mine = mine[: len(store)]
        if len(store) != len(mine):
            what = "is not built; call build(model.trainable_variables) first" if not self.built else "has other variables than those saved"
            raise ValueError(f"Cannot load optimizer state: {len(store)} arrays for {len(mine)} variables. The optimizer {what}.")
        for i, v in enumerate(mine):
            v.assign(store[str(i)])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this optimizer again."""
        if self._learning_rate is not None:
            rate: Any = float(self._learning_rate.numpy())
        else:
            from pronghorn.saving.registry import serialize_keras_object

            rate = serialize_keras_object(self._schedule)
        return {"name": self.name, "learning_rate": rate} | {k: getattr(self, k) for k in OPTIONS} | self.hyperparameters()

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """Make the optimizer that `get_config` described."""
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            from pronghorn.optimizers import schedules

            config = config | {"learning_rate": schedules.deserialize(rate, custom_objects)}
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def check_options(o: Any) -> None:
    """Raise `ValueError` where an optimizer's options exclude each other or make no sense."""
    given = [n for n in ("clipnorm", "clipvalue", "global_clipnorm") if getattr(o, n) is not None]
    if len(given) > 1:
        raise ValueError(f"Only one of clipnorm, clipvalue and global_clipnorm can be set; received {' and '.join(given)}.")
    if o.use_ema:
        if not 0 <= o.ema_momentum <= 1:
            raise ValueError(f"ema_momentum must be between 0 and 1; received {o.ema_momentum}.")
        if o.ema_overwrite_frequency and (not isinstance(o.ema_overwrite_frequency, int) or o.ema_overwrite_frequency < 1):
            raise ValueError(f"ema_overwrite_frequency must be an integer above 0 or None; received {o.ema_overwrite_frequency!r}.")
    n = o.gradient_accumulation_steps
    if n is not None and (not isinstance(n, int) or n < 2):
        raise ValueError(f"gradient_accumulation_steps must be an integer of 2 or more, or None; received {n!r}.")
