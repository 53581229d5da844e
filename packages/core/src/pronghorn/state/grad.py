"""`value_and_grad`: the gradient of stateful code with respect to variables."""

from collections.abc import Callable, Sequence
from typing import Any

from pronghorn.backend.errors import CapabilityError
from pronghorn.state.binding import STATE, bind, commit


def can_train(backend: Any) -> bool:
    """Tell whether an engine has gradients."""
    return "autodiff" in backend.capabilities


def require_autodiff(backend: Any) -> None:
    """Raise `CapabilityError` where an engine has no gradients, naming those that have."""
    if can_train(backend):
        return
    from pronghorn.backend.registry import list_backends

    able = [b.name for b in list_backends() if "autodiff" in b.capabilities]
    where = f"Train on {', '.join(able)}" if able else "Install an engine that can"
    raise CapabilityError(f'{backend.name} cannot train (no autodiff). {where}, then model.to("{backend.name}").')


def value_and_grad(fn: Callable[[], Any], variables: Sequence[Any]) -> Any:
    """Run `fn()` and differentiate its loss with respect to `variables`.

    Args:
        fn: returns a scalar loss, or `(loss, aux)`.
        variables: `Variable`s of one engine.

    Returns:
        `(loss, gradients)` or `((loss, aux), gradients)`, following `fn`; a gradient is None where the loss does not depend on the variable.
        Writes to variables inside `fn` take effect once.

    Raises:
        CapabilityError: the engine has no gradients.

    Example:
        >>> import pronghorn as ph                                        # doctest: +SKIP
        >>> loss, (g,) = value_and_grad(lambda: ph.ops.sum(v * v), [v])   # doctest: +SKIP
    """
    variables = list(variables)
    if not variables:
        raise ValueError("value_and_grad: no variables given. Is the model built and trainable?")
    backend = variables[0].backend
    require_autodiff(backend)
    if STATE.scope is not None and STATE.scope.symbolic:  # shapes alone: a gradient looks like its variable
        return fn(), [v.value for v in variables]
    has_aux = False
    written: list[Any] = []

    def function(values: Sequence[Any]) -> Any:
        nonlocal has_aux
        with bind(variables, values, closed=False) as scope:
            out = fn()
        has_aux = isinstance(out, tuple)
        loss, aux = out if has_aux else (out, None)
        written[:] = list(scope.written)
        return loss, (aux, [scope.written[v] for v in written])

    (loss, (aux, new)), grads = backend.value_and_grad(function, [v.value for v in variables])
    commit(dict(zip(written, new, strict=True)))
    return ((loss, aux) if has_aux else loss), grads
