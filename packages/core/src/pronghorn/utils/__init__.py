"""Utilities under Keras' names; each module is imported at first use."""

import importlib
from typing import Any

_HOME = {
    "CustomObjectScope": "saving.registry:CustomObjectScope",
    "Progbar": "utils.progbar",
    "PyDataset": "utils.data",
    "Sequence": "utils.data:PyDataset",
    "clear_session": "utils.logging",
    "custom_object_scope": "saving.registry",
    "deserialize_keras_object": "saving.registry",
    "disable_interactive_logging": "utils.logging",
    "enable_interactive_logging": "utils.logging",
    "get_custom_objects": "saving.registry",
    "get_registered_name": "saving.registry",
    "get_registered_object": "saving.registry",
    "is_interactive_logging_enabled": "utils.logging",
    "is_keras_tensor": "utils.arrays",
    "normalize": "utils.arrays",
    "pack_x_y_sample_weight": "utils.data",
    "pad_sequences": "utils.arrays",
    "register_keras_serializable": "saving.registry",
    "serialize_keras_object": "saving.registry",
    "set_random_seed": "random.seed",
    "standardize_dtype": "backend.dtypes:standardize",
    "to_categorical": "utils.arrays",
    "unpack_x_y_sample_weight": "utils.data",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        from pronghorn.backend.errors import closest

        raise AttributeError(f'module "pronghorn.utils" has no attribute "{name}".{closest(name, __all__)}')
    module, _, attribute = _HOME[name].partition(":")
    value = getattr(importlib.import_module(f"pronghorn.{module}"), attribute or name)
    globals()[name] = value
    return value
