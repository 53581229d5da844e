"""Native kernels for derived ops, with the ops' own parameters. Core's bodies are what they must agree with."""

from collections.abc import Callable

OVERRIDES: dict[str, Callable] = {}


def available() -> dict[str, Callable]:
    """Return the overrides of the ops that core has."""
    from pronghorn.backend.op import OPS

    return {name: fn for name, fn in OVERRIDES.items() if name in OPS}
