"""Derived ops that torch has a faster way for."""

class Overrides:
    """Mixin."""
