"""Models, under Keras' names; each module is imported at first use."""

import importlib
from typing import Any

_HOME = {
    "Model": "models.model",
    "Functional": "models.functional",
    "Sequential": "models.sequential",
    "clone_model": "models.cloning",
    "model_from_json": "models.model",
    "load_model": "saving.files",
    "save_model": "saving.files",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        from pronghorn.backend.errors import closest

        raise AttributeError(f'module "pronghorn.models" has no attribute "{name}".{closest(name, __all__)}')
    value = getattr(importlib.import_module(f"pronghorn.{_HOME[name]}"), name)
    globals()[name] = value
    return value
