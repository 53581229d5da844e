"""Callbacks: what happens around training."""

from pronghorn.callbacks.callback import Callback
from pronghorn.callbacks.callback_list import CallbackList
from pronghorn.callbacks.checkpoint import ModelCheckpoint
from pronghorn.callbacks.history import History
from pronghorn.callbacks.monitor import EarlyStopping, ReduceLROnPlateau
from pronghorn.callbacks.progbar_logger import ProgbarLogger
from pronghorn.callbacks.simple import CSVLogger, LambdaCallback, LearningRateScheduler, TerminateOnNaN

__all__ = [
    "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "ProgbarLogger",
    "ReduceLROnPlateau", "TerminateOnNaN",
]  # fmt: skip
