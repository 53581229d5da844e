"""Variables: named tensors that layers, optimizers and metrics read and assign."""

import itertools
from typing import Any

import numpy as np

from pronghorn.backend import dtypes, registry
from pronghorn.backend.convert import host_array, require_dense
from pronghorn.backend.owners import UNWRAP, owner
from pronghorn.state.binding import STATE
from pronghorn.state.naming import scoped
from pronghorn.symbolic.graph import TRACE
from pronghorn.symbolic.spec import Spec

_AGGREGATIONS = (None, "none", "mean", "sum", "only_first_replica")
_COUNTER = itertools.count()


class Variable:
    """A tensor with a name that can be assigned.

    Args:
        initializer: start value, or a function `(shape, dtype) -> array`.
        shape: needed with a function.
        dtype: dtype name; floatx for a function, the value's own otherwise.
        trainable: whether optimizers update it.
        autocast: whether it reads as the compute dtype inside layers with mixed precision.
        aggregation, synchronization: accepted for data-parallel use.
        name: last part of the path.
        layout: how the value is spread over devices.

    Raises:
        ValueError: no shape with a function, or shapes that differ in `assign`.

    Example:
        >>> import pronghorn as ph
        >>> v = ph.Variable([1.0, 2.0])
        >>> _ = v.assign_add([1.0, 1.0])
        >>> v.numpy().tolist()
        [2.0, 3.0]
    """

    __slots__ = (
        "storage", "backend", "name", "path", "_trainable", "_dtype", "_shape", "autocast", "aggregation", "synchronization",
        "constraint", "regularizer", "overwrite_with_gradient", "layout", "uid", "__weakref__", "__dict__",
    )  # fmt: skip
    __array_priority__ = 200.0

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        layout: Any = None,
        **kwargs: Any,
    ):
        path = kwargs.pop("path", None)  # given by layers; everybody else gets the name, behind the scopes around
        private = kwargs.pop("private", False)  # whether the engine may keep the array, which nobody else will see
        if kwargs:
            raise TypeError(f"Variable() got unexpected arguments: {', '.join(kwargs)}.")
        self._describe(trainable, autocast, aggregation, synchronization, name, layout, path)
        if callable(initializer) and not isinstance(initializer, Variable):
            if shape is None:
                raise ValueError(f"Variable {self.name}: a shape is needed with an initializer function.")
            shape = tuple(int(d) for d in shape)
            value = initializer(shape, dtype=dtypes.standardize(dtype))
        else:
            value = initializer.value if isinstance(initializer, Variable) else initializer
        own = owner(type(value))
        if own is not None:
            require_dense(own, value)
        if own is not None and own is not self.backend and not isinstance(value, Spec):
            value = own.convert_to_numpy(value)
            own = None
        if own is None:
            value = host_array(value, self.backend, None if dtype is None else dtypes.standardize(dtype))
            if not private:
                value = np.array(value)
            self._dtype, self._shape = dtypes.name_of(value.dtype), tuple(value.shape)
        else:
            if dtype is not None and own.dtype(value) != dtypes.standardize(dtype):
                value = own.cast(value, dtypes.standardize(dtype))
            self._dtype, self._shape = own.dtype(value), tuple(value.shape)
        if shape is not None and tuple(shape) != self._shape:
            raise ValueError(f"Variable {self.name}: the initial value has shape {self._shape}; expected {tuple(shape)}.")
        self.storage = self.backend.variable(value, self._trainable, self.name)

    def _describe(
        self, trainable: bool, autocast: bool, aggregation: str, synchronization: str = "auto", name: str | None = None, layout: Any = None,
        path: str | None = None,
    ) -> None:  # fmt: skip
        """Set everything but the value."""
        if aggregation not in _AGGREGATIONS:
            raise ValueError(f"Variable: aggregation must be one of {_AGGREGATIONS}; received {aggregation!r}.")
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(f'Variable: name must be a string without "/"; received {name!r}.')
        self.uid = next(_COUNTER)
        self.name = name or f"variable_{self.uid}"
        self.path = path or scoped(self.name)
        self._trainable = bool(trainable)
        self.autocast, self.aggregation, self.synchronization = autocast, aggregation, synchronization
        self.constraint: Any = None
        self.regularizer: Any = None
        self.overwrite_with_gradient = False
        self.layout: Any = layout
        self.backend = registry.active()

    # -- reading
    @property
    def value(self) -> Any:
        """The native tensor: bound inside a traced step, the storage itself otherwise."""
        state = STATE
        scope = state.scope
        x = self.storage if scope is None else scope.read(self)
        cast = state.autocast
        if cast is not None and cast != self._dtype and self.autocast and self._dtype in dtypes.FLOAT:
            from pronghorn.backend.primitives import cast as to

            return to(x, cast)
        return x

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes."""
        return self._shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._shape)

    @property
    def dtype(self) -> str:
        """Dtype name as it reads now."""
        cast = STATE.autocast
        return cast if cast is not None and self.autocast and self._dtype in dtypes.FLOAT else self._dtype

    @property
    def trainable(self) -> bool:
        """Whether optimizers update it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)

    def spec(self) -> Spec:
        """Return the symbolic tensor of its shape and dtype."""
        return Spec(self._shape, self._dtype)

    def numpy(self) -> np.ndarray:
        """Return the value as a NumPy array."""
        return self.backend.convert_to_numpy(self.value)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        array = np.asarray(self.numpy())
        return array if dtype is None else array.astype(dtype)

    # -- writing
    def assign(self, value: Any) -> Any:
        """Set the value; returns the new value as a tensor.

        Raises:
            ValueError: the shape differs.
        """
        if isinstance(value, Variable):
            value = value.value
        kind = owner(type(value))
        if kind is not None and kind.name == "spec":
            if TRACE.tape is not None and STATE.scope is not None:  # a compiler traces on specs: the write is part of the step
                value = value if value.dtype == self._dtype else kind.cast(value, self._dtype)
                STATE.scope.write(self, value)
            return value
        if kind is not None:
            require_dense(kind, value)
        if kind is not self.backend:
            if kind is not None:
                value = kind.convert_to_numpy(value)
            value = self.backend.convert_to_tensor(host_array(value, self.backend, self._dtype), self._dtype)
        elif self.backend.dtype(value) != self._dtype:
            value = self.backend.cast(value, self._dtype)
        shape = self.backend.static_shape(value)
        if shape != self._shape and (len(shape) != len(self._shape) or any(a is not None and a != b for a, b in zip(shape, self._shape, strict=True))):
            raise ValueError(f"Variable {self.path}: cannot assign a value of shape {tuple(shape)}; the variable has shape {self._shape}.")
        scope = STATE.scope
        if scope is None:
            self.storage = self.backend.assign(self.storage, value)
        else:
            scope.write(self, value)
        return value

    def assign_add(self, value: Any) -> Any:
        """Add `value`."""
        from pronghorn.backend.primitives import add

        return self.assign(add(self.value, value))

    def assign_sub(self, value: Any) -> Any:
        """Subtract `value`."""
        from pronghorn.backend.primitives import subtract

        return self.assign(subtract(self.value, value))

    def to(self, backend: Any) -> None:
        """Move the storage to another engine (a `Backend`)."""
        if backend is self.backend:
            return
        host = self.backend.convert_to_numpy(self.storage)
        self.storage = backend.variable(host.astype(dtypes.numpy_dtype(backend.require(self._dtype))), self._trainable, self.name)
        self.backend = backend

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self._shape}, dtype={self._dtype}, backend={self.backend.name}>"


UNWRAP[Variable] = lambda v: v.value
