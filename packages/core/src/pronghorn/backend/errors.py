"""What goes wrong between a user and a backend. Each message says what, why, and what to run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BackendNotFoundError(ValueError):
    """No installed plugin and no extra of pronghorn has this name."""


class BackendNotInstalledError(ImportError):
    """The backend is known, but its engine or its plugin is not installed."""


class BackendIncompatibleError(RuntimeError):
    """The plugin or the engine is installed, but cannot work with this pronghorn."""


class MixedBackendsError(TypeError):
    """One operation got tensors of two engines."""


class CapabilityError(RuntimeError):
    """The backend lacks a capability that the operation needs."""


class UnknownValueError(TypeError):
    """A value was needed of a symbolic tensor or size, which has none."""


def closest(name: object, options: Iterable[str]) -> str:
    """Return `' Did you mean "x"?'` for the option most like `name`, or `''` if none is."""
    by_lower = {option.lower(): option for option in options}
    match = difflib.get_close_matches(str(name).lower(), by_lower, n=1)
    return f' Did you mean "{by_lower[match[0]]}"?' if match else ""
