"""Batches from arrays, generators and datasets."""

from pronghorn.training.data.adapter import get_data, register_data_adapter
from pronghorn.training.data.arrays import ArrayData
from pronghorn.training.data.iterables import IterableData, PyDatasetData
from pronghorn.training.data.prefetch import prefetched

__all__ = ["ArrayData", "IterableData", "PyDatasetData", "get_data", "prefetched", "register_data_adapter"]
