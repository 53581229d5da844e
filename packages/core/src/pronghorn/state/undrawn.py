"""Start values that are drawn when somebody reads them: those of a model that is being loaded are overwritten before that."""

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pronghorn.backend.convert import host_array
from pronghorn.backend.owners import UNWRAP, unwrap
from pronghorn.state.binding import STATE
from pronghorn.state.variable import Variable


class _Waiting(threading.local):
    """The undrawn variables of this thread's loading; None where nothing is being loaded."""

    found: list[weakref.ref] | None = None


_WAITING = _Waiting()


@contextlib.contextmanager
def drawing_later() -> Iterator[None]:
    """Let random start values of variables made in this block be drawn when they are first read, and at its end where nothing was assigned before."""
    outer, _WAITING.found = _WAITING.found, []
    try:
        yield
        for variable in [found() for found in _WAITING.found]:
            if variable is not None:
                variable.storage  # noqa: B018 - reading draws
    finally:
        _WAITING.found = outer


def waits() -> bool:
    """Whether this thread makes variables whose random start values may be drawn later."""
    return _WAITING.found is not None


def undrawn(draw: Callable[[], np.ndarray], shape: tuple[int, ...], dtype: str, **options: Any) -> Variable:
    """Return a variable that starts with what `draw()` will return, an array of this shape and dtype that nobody else has.

    Args:
        draw: called at most once.
        shape, dtype: of the variable.
        options: whether it is trainable and so on, as for `Variable`.
    """
    variable = _Undrawn(draw, shape, dtype, options)
    if _WAITING.found is not None:
        _WAITING.found.append(weakref.ref(variable))
    return variable


class _Undrawn(Variable):
    """A variable without its start value; it turns into a plain one when it gets one."""

    __slots__ = ()

    def __init__(self, draw: Callable[[], np.ndarray], shape: tuple[int, ...], dtype: str, options: dict[str, Any]):
        self._describe(**options)
        self._shape, self._dtype = shape, self.backend.require(dtype)
        self.__dict__["draw"] = draw, self._trainable

    def _start(self, value: np.ndarray) -> None:
        """Take the start value, an array that nobody else has."""
        if value.shape != self._shape:
            raise ValueError(f"Variable {self.name}: the initial value has shape {value.shape}; expected {self._shape}.")
        _, trainable = self.__dict__.pop("draw")
        self.__class__ = Variable  # type: ignore[assignment]
        self.storage = self.backend.variable(value, trainable, self.name)

    @property
    def storage(self) -> Any:  # type: ignore[override]
        self._start(self.__dict__["draw"][0]())
        return self.storage

    @storage.setter
    def storage(self, value: Any) -> None:
        self.__dict__.pop("draw")
        self.__class__ = Variable  # type: ignore[assignment]
        self.storage = value

    def assign(self, value: Any) -> Any:
        value = unwrap(value)
        if type(self) is Variable or STATE.scope is not None or type(value) is not np.ndarray or value.shape != self._shape:
            return Variable.assign(self, value)  # working out the new value may have read this one
        array = host_array(value, self.backend, self._dtype)
        self._start(array if array.base is None and array is not value else np.array(array))
        return self.storage


UNWRAP[_Undrawn] = UNWRAP[Variable]
