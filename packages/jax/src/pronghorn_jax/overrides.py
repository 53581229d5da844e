"""Derived ops for which JAX has something better than the composition of primitives."""


class Overrides:
    """Native versions of derived ops, with the ops' own parameters."""
