"""`SeedGenerator`: a stream of keys that advances inside steps."""

from typing import Any

import numpy as np

from pronghorn.backend import primitives as p
from pronghorn.backend.owners import owner, unwrap
from pronghorn.random import seed as global_seed
from pronghorn.random.keys import derive, words
from pronghorn.state import STATE, StateError, Variable, naming

_STEP = np.array([0, 1], "int32")


class SeedGenerator:
    """A source of different random numbers at every use.

    Its state is a variable, so it advances inside compiled steps and is saved with a model. Generators of neighbouring seeds share nothing: the
    state starts from a hash of the seed.

    Args:
        seed: an integer, which alone decides the stream. Without one the stream derives from the process's seed (`set_random_seed`) and from
            where in the model the generator is.
        name: shown in paths.

    Raises:
        ValueError: a seed that is not an integer.

    Example:
        >>> import pronghorn as ph
        >>> g = SeedGenerator(7)
        >>> a, b = ph.random.uniform((), seed=g), ph.random.uniform((), seed=g)
        >>> bool(a == b), bool(a == ph.random.uniform((), seed=SeedGenerator(7)))
        (False, True)
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any):
        kwargs.pop("custom_backend", None)
        if kwargs:
            raise TypeError(f"SeedGenerator() got unexpected arguments: {', '.join(kwargs)}.")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer))):
            raise ValueError(f"SeedGenerator: seed must be an integer or None; received {seed!r}.")
        self.name = naming.auto_name("seed_generator") if name is None else name
        self.seed = None if seed is None else int(seed)
        self.state = Variable(
            words(self._key()), dtype="int32", trainable=False, aggregation="none", name="seed_generator_state", path=f"{self.name}/seed_generator_state"
        )

    def _key(self) -> int:
        if self.seed is not None:
            return derive(self.seed, "seed_generator")
        stack = naming.SCOPES.stack
        owner_ = stack[-1] if stack else None
        local = naming.new_key("seed_generator", getattr(owner_, "_key_counters", None))
        prefix = getattr(owner_, "_key", None)
        return derive(global_seed.process_seed(), "seed_generator", f"{prefix}/{local}" if prefix else local)

    def next(self, ordered: bool = True) -> Any:
        """Return the key of the next draw, an int32 tensor of two elements, and advance."""
        # the advanced value, a tensor of its own: the old one may be the variable's storage, which engines write in place
        key = p.add(self.state.value, _STEP)
        self.state.assign(key)
        return key

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SeedGenerator":
        """Make a generator from what `get_config` returned."""
        return cls(**config)


def draw_key(seed: Any, purpose: str = "draw") -> Any:
    """Return the key, two int32 numbers, for an argument `seed`.

    Args:
        seed: None (a new key each time, from the process's seed), an int (the same key each time), a `SeedGenerator`, or a key.
        purpose: what the numbers are for.

    Raises:
        StateError: None inside a compiled step, where the numbers would be the same at every step.
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is None:
        _refuse_constant(purpose)
        return words(global_seed.next_key(purpose))
    seed = unwrap(seed)
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return words(derive(int(seed), "draw"))
    if owner(type(seed)) is not None or isinstance(seed, (np.ndarray, list, tuple)):
        if owner(type(seed)) is None:
            pair = np.asarray(seed)
            if pair.shape == (2,) and pair.dtype.kind in "iu":
                return (pair.astype("int64") & 0xFFFFFFFF).astype("uint32").view("int32")
        elif len(seed.shape) == 1:
            from pronghorn.ops.creation import cast

            return cast(seed, "int32")
    raise ValueError(f"seed must be None, an int, a SeedGenerator, or a key of two integers; received {seed!r}.")


def _refuse_constant(purpose: str) -> None:
    scope = STATE.scope
    while scope is not None:
        if scope.symbolic:
            return
        if scope.closed:
            raise StateError(
                f"{purpose}: random numbers without a seed inside a compiled step would be the same at every step. "
                "Make a ph.random.SeedGenerator an attribute of the layer and pass it as seed."
            )
        scope = scope.outer


__all__ = ["SeedGenerator", "draw_key"]
