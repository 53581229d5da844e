"""Writes to variables that depend on a tensor."""

from collections.abc import Callable, Iterable
from typing import Any

from pronghorn import ops
from pronghorn.state.binding import bind
from pronghorn.state.variable import Variable


def write_one_of(pred: Any, yes: Callable[[], None], no: Callable[[], None], variables: Iterable[Variable]) -> None:
    """Let one of two functions write to variables, depending on a scalar tensor; compilers may trace it."""
    state = sorted(set(variables), key=lambda v: v.uid)
    before = [v.value for v in state]

    def run(fn: Callable[[], None]) -> Callable[[], list]:
        def branch() -> list:
            with bind(state, before) as scope:
                fn()
            return [scope.values[v] for v in state]

        return branch

    for v, old, new in zip(state, before, ops.cond(pred, run(yes), run(no)), strict=True):
        if new is not old:
            v.assign(new)
