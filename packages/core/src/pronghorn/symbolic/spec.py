"""Symbolic tensors: a shape and a dtype without values."""

from typing import Any

from pronghorn.backend import dtypes
from pronghorn.backend.dims import Dim, show
from pronghorn.backend.errors import UnknownValueError


class Spec:
    """A tensor known by shape and dtype only; public name `KerasTensor`.

    Ops accept it like any tensor and return one, and remember how it was made, which is how functional models are built.

    Args:
        shape: sizes; None (or a `Dim`) for a size not known yet.
        dtype: dtype name; None for floatx.
        sparse, ragged: not supported yet.
        record_history: accepted; a tensor without history is one that no call made.
        name: shown in summaries and messages.

    Example:
        >>> Spec((None, 3)).shape
        (None, 3)
    """

    __slots__ = ("dims", "dtype", "name", "node", "index", "mask", "__weakref__", "__dict__")
    __array_priority__ = 200.0

    def __init__(
        self, shape: Any, dtype: Any = "float32", sparse: bool = False, ragged: bool = False, record_history: bool = True, name: str | None = None,
        **kwargs: Any,
    ):  # fmt: skip
        for key in kwargs:
            if key not in ("ragged_rank", "row_splits_dtype"):
                raise TypeError(f"KerasTensor() got an unexpected argument {key!r}.")
        if sparse or ragged:
            raise ValueError(f"{'sparse' if sparse else 'ragged'} tensors are not supported yet. Use a dense tensor.")
        self.dims: tuple = tuple((Dim() if d is None else d if isinstance(d, Dim) else int(d)) for d in shape)
        self.dtype: str = dtypes.standardize(dtype)
        self.name = name
        self.node: Any = None  # the call that made it
        self.index = 0  # which of that call's results
        self.mask: Any = None

    @property
    def shape(self) -> tuple:
        """Sizes, None where unknown."""
        return tuple(None if isinstance(d, Dim) else d for d in self.dims)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.dims)

    @property
    def sparse(self) -> bool:
        """Always False: sparse tensors are not supported yet."""
        return False

    @property
    def ragged(self) -> bool:
        """Always False: ragged tensors are not supported yet."""
        return False

    @property
    def ragged_rank(self) -> None:
        """Always None: ragged tensors are not supported yet."""
        return None

    @property
    def row_splits_dtype(self) -> None:
        """Always None: ragged tensors are not supported yet."""
        return None

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise UnknownValueError(f"{self} has no values: it only stands for a tensor while a model is being built. Use pronghorn.ops, not NumPy, on it.")

    def __bool__(self) -> bool:
        raise UnknownValueError(f"{self} has no truth value while a model is being built. Use ops.where or ops.cond.")

    def __iter__(self) -> Any:
        raise UnknownValueError(f"Cannot iterate over {self}. Use ops.unstack.")

    def __repr__(self) -> str:
        return f"<KerasTensor shape={show(self.dims)}, dtype={self.dtype}{f', name={self.name}' if self.name else ''}>"
