"""Every op, under Keras' names. One function per op; each runs on every engine, on symbolic tensors, and inside the engines' compilers."""
# ruff: noqa: F401, F403, A004

import importlib
import pkgutil
import sys
from typing import TYPE_CHECKING, Any

from pronghorn.ops import namespaces

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """The public names are collected when the package is imported."""


_PRIVATE = ("axes", "frames", "namespaces", "operators")


def _collect() -> None:
    """Bring the public functions of every module of this package into one namespace."""
    for info in pkgutil.iter_modules(__path__):
        if info.name in _PRIVATE or info.ispkg:
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        names = getattr(module, "__all__", None)
        for name in [n for n in vars(module) if not n.startswith("_")] if names is None else names:
            value: Any = getattr(module, name)
            if callable(value) and getattr(value, "__module__", "").startswith(("pronghorn.ops", "pronghorn.backend.primitives")):
                globals()[name] = value
    globals().update(namespaces.build(sys.modules[__name__]))


_collect()
