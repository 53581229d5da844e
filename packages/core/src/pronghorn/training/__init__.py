"""Training: one step, one loop, for every engine."""

from pronghorn.training.data import register_data_adapter
from pronghorn.training.trainer import Trainer
from pronghorn.utils.data import unpack_x_y_sample_weight as unpack

__all__ = ["Trainer", "register_data_adapter", "unpack"]
