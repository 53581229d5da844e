"""Callbacks: what happens at the start and end of training, epochs and batches."""

from pronghorn.callbacks.callback import Callback, CallbackList
from pronghorn.callbacks.history import CSVLogger, History
from pronghorn.callbacks.monitor import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from pronghorn.callbacks.progbar import ProgbarLogger
from pronghorn.callbacks.simple import LambdaCallback, LearningRateScheduler, TerminateOnNaN

__all__ = [
    "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "ProgbarLogger",
    "ReduceLROnPlateau", "TerminateOnNaN",
]  # fmt: skip
