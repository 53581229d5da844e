"""Cutting the middle out of images."""

from typing import Any

from pronghorn import ops
from pronghorn.backend.settings import standardize_data_format
from pronghorn.layers.layer import Layer


class CenterCrop(Layer):
    """Returns the middle of images; images that are too small are enlarged first, keeping their aspect ratio.

    Args:
        height, width: size of the result.
        data_format: "channels_last" or "channels_first".

    Shapes: `(..., rows, columns, channels)`, with one batch axis or none.

    Example:
        >>> import numpy as np
        >>> CenterCrop(1, 1)(np.arange(9.0, dtype="float32").reshape(3, 3, 1)).tolist()
        [[[4.0]]]
    """

    _keys = "data_format height width"

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        for name, value in (("height", height), ("width", width)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"CenterCrop: {name} must be a positive integer; received {value!r}.")
        self.height, self.width, self.data_format = height, width, standardize_data_format(data_format)
        self.built = True

    def call(self, data: Any, training: bool = True) -> Any:
        """Return the middle of images, or of the "images" of a dict whose other entries stay."""
        if isinstance(data, dict):
            return {**data, "images": self._crop(data["images"])}
        return self._crop(data)

    def _crop(self, images: Any) -> Any:
        x = ops.cast(images, self.compute_dtype)
        dims = ops.shape(x)
        if len(dims) not in (3, 4):
            raise ValueError(f'Layer "{self.name}" (CenterCrop) expects images of rank 3 or 4; received shape {dims}.')
        first = len(dims) - 2 if self.data_format == "channels_first" else len(dims) - 3
        rows, columns = dims[first], dims[first + 1]
        if not isinstance(rows, int) or not isinstance(columns, int):
            raise ValueError(f'Layer "{self.name}" (CenterCrop): rows and columns must be known; received shape {dims}.')
        if rows < self.height or columns < self.width:
            return ops.image.resize(x, (self.height, self.width), crop_to_aspect_ratio=True, data_format=self.data_format)
        top, left = (rows - self.height) // 2, (columns - self.width) // 2
        index: list[Any] = [slice(None)] * len(dims)
        index[first], index[first + 1] = slice(top, top + self.height), slice(left, left + self.width)
        return ops.getitem(x, tuple(index))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape with the new rows and columns."""
        if self.data_format == "channels_first":
            return (*input_shape[:-2], self.height, self.width)
        return (*input_shape[:-3], self.height, self.width, input_shape[-1])
