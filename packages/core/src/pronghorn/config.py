"""Process-wide settings under Keras' names."""

from pronghorn.backend.registry import active_name as backend
from pronghorn.backend.settings import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    standardize_data_format,
)

__all__ = ["backend", "epsilon", "floatx", "image_data_format", "set_epsilon", "set_floatx", "set_image_data_format", "standardize_data_format"]
