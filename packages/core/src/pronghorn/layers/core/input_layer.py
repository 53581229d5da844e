"""Where symbolic data enters a functional model."""

from typing import Any

from pronghorn.backend import dtypes
from pronghorn.layers.layer import Layer
from pronghorn.symbolic.spec import Spec


class InputLayer(Layer):
    """The layer behind `Input`: a shape and a dtype.

    Args:
        shape: sizes without the batch axis, None where unknown.
        batch_size: size of the batch axis, if it is fixed.
        dtype: dtype of the data, floatx by default.
        sparse, ragged: not supported yet.
        batch_shape: sizes with the batch axis; instead of `shape` and `batch_size`.
        input_tensor: symbolic tensor to use instead of a new one.
        optional: whether the input may be None.
        name: name, also of the tensor.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        kwargs.pop("trainable", None)
        super().__init__(name=name, **kwargs)
        if input_tensor is not None:
            if not isinstance(input_tensor, Spec):
                raise ValueError(f"Input: tensor must be a KerasTensor; received {type(input_tensor).__name__}.")
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        elif batch_shape is None:
            if shape is None:
                raise ValueError("Input: pass shape (sizes without the batch axis), for example Input((28, 28, 1)).")
            batch_shape = (batch_size, *_sizes(shape))
        elif shape is not None:
            raise ValueError("Input: pass either shape or batch_shape, not both.")
        self.batch_shape = _sizes(batch_shape)
        if sparse or ragged:
            raise ValueError("Input: sparse and ragged inputs are not supported yet. Use a dense tensor.")
        self.sparse, self.ragged, self.optional = bool(sparse), bool(ragged), optional
        self._dtype = dtypes.standardize(dtype)
        self.tensor: Any = input_tensor if input_tensor is not None else Spec(self.batch_shape, self._dtype, name=self.name)
        self.tensor.input_layer = self  # type: ignore[union-attr]
        self.tensor.optional = optional  # type: ignore[union-attr]
        self.built = True

    @property
    def dtype(self) -> str:
        """Dtype of the data."""
        return self._dtype

    @property
    def output(self) -> Any:
        """The symbolic tensor."""
        return self.tensor

    input = output

    def call(self, inputs: Any = None) -> Any:
        """Return the data as it is."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            "batch_shape": self.batch_shape, "dtype": self._dtype, "sparse": self.sparse, "ragged": self.ragged, "name": self.name, "optional": self.optional,
        }  # fmt: skip

    def get_build_config(self) -> None:
        """Return None: there is nothing to build."""


def _sizes(shape: Any) -> tuple:
    if isinstance(shape, int):
        raise ValueError(f"Input: shape must be a tuple; received {shape}. Write ({shape},) for vectors of {shape} elements.")
    return tuple(None if d is None else int(d) for d in shape)


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> Any:
    """Return a symbolic tensor that stands for the data a model gets.

    Args:
        shape: sizes without the batch axis, None where unknown.
        batch_size: size of the batch axis, if it is fixed.
        dtype: dtype of the data, floatx by default.
        sparse, ragged: not supported yet.
        batch_shape: sizes with the batch axis, instead of `shape`.
        name: name of the input.
        tensor: symbolic tensor to use instead of a new one.
        optional: whether the input may be None.

    Example:
        >>> Input((28, 28, 1)).shape
        (None, 28, 28, 1)
    """
    layer = InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name)
    return layer.output
