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
    _all: list[Variable]
    _learning_rate: Variable | None
    _schedule: Any
    hyperparameters: Any

    # -- files -----------------------------------------------------------------------------------------------------------------------------
    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the state from arrays in the order of `variables`."""
        if len(weights) != len(self._all):
            raise ValueError(f"set_weights: the optimizer has {len(self._all)} variables; received {len(weights)} arrays. Is it built?")
        for v, w in zip(self._all, weights, strict=True):
            v.assign(w)

    def save_own_variables(self, store: Any) -> None:
        """Write the state into a store (a mapping from names to arrays)."""
        for i, v in enumerate(self._all):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read the state from a store."""
        if len(store) != len(self._all):
            what = "is not built; call build(model.trainable_variables) first" if len(self._all) <= 2 else "has other variables than those saved"
            raise ValueError(f"Cannot load optimizer state: {len(store)} arrays for {len(self._all)} variables. The optimizer {what}.")
        for i, v in enumerate(self._all):
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
