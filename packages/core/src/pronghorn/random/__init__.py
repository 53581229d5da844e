"""Random numbers: the same seed gives the same numbers on every engine."""

from pronghorn.random.bits import get_rng, set_rng
from pronghorn.random.distributions import beta, binomial, categorical, dropout, gamma, normal, randint, shuffle, truncated_normal, uniform
from pronghorn.random.seed import get_random_seed, set_random_seed
from pronghorn.random.seed_generator import SeedGenerator, draw_key

__all__ = [
    "SeedGenerator", "beta", "binomial", "categorical", "draw_key", "dropout", "gamma", "get_random_seed", "get_rng", "normal", "randint",
    "set_random_seed", "set_rng", "shuffle", "truncated_normal", "uniform",
]  # fmt: skip
