"""Callbacks: what happens around training."""

from pronghorn.callbacks.averages import SwapEMAWeights
from pronghorn.callbacks.backup import BackupAndRestore
from pronghorn.callbacks.callback import Callback
from pronghorn.callbacks.callback_list import CallbackList
from pronghorn.callbacks.checkpoint import ModelCheckpoint
from pronghorn.callbacks.history import History
from pronghorn.callbacks.monitor import EarlyStopping, ReduceLROnPlateau
from pronghorn.callbacks.progbar_logger import ProgbarLogger
from pronghorn.callbacks.remote import RemoteMonitor
from pronghorn.callbacks.simple import CSVLogger, LambdaCallback, LearningRateScheduler, TerminateOnNaN
from pronghorn.callbacks.tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint",
    "ProgbarLogger", "ReduceLROnPlateau", "RemoteMonitor", "SwapEMAWeights", "TensorBoard", "TerminateOnNaN",
]  # fmt: skip
