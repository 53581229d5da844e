"""Process-wide settings under Keras' names."""

from pronghorn.backend.registry import active_name as backend
from pronghorn.backend.settings import (
    epsilon,
    floatx,
    image_data_format,
    max_epochs,
    max_steps_per_epoch,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    set_max_epochs,
    set_max_steps_per_epoch,
    standardize_data_format,
)
from pronghorn.dtype_policies import dtype_policy, set_dtype_policy

__all__ = [
    "backend", "dtype_policy", "epsilon", "floatx", "image_data_format", "max_epochs", "max_steps_per_epoch", "set_dtype_policy", "set_epsilon",
    "set_floatx", "set_image_data_format", "set_max_epochs", "set_max_steps_per_epoch", "standardize_data_format",
]  # fmt: skip
