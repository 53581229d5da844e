"""A layer or model as what JAX code works with: a pure function and its parameters."""

from collections.abc import Callable
from typing import Any

import jax

from pronghorn.backend.registry import use_backend
from pronghorn.state.binding import bind


def functional(layer: Any) -> tuple[Callable, dict[str, jax.Array]]:
    """Return `(apply, params)` for a built layer or model.

    Returns:
        apply: `apply(params, *inputs, training=False, mutable=False, **kwargs) -> outputs`, pure: it works under `jax.jit`, `jax.grad`, `jax.vmap`
            and `jax.checkpoint`. With `mutable=True` it returns `(outputs, params)` with what the call wrote (batch statistics, seeds); otherwise
            these writes are dropped.
        params: the variables' arrays by path, trainable and not. They are the model's own arrays, not copies; training the model replaces them.

    Raises:
        ValueError: the layer has no variables yet because it is not built, or two variables share a path.

    Example:
        >>> apply, params = ph.native(model)                             # doctest: +SKIP
        >>> jax.grad(lambda p: apply(p, x).sum())(params)                # doctest: +SKIP
    """
    variables = list(layer.variables)
    if not getattr(layer, "built", True):
        raise ValueError(f'native: "{getattr(layer, "name", layer)}" is not built. Call it on data, or build(input_shape), first.')
    paths = [v.path for v in variables]
    if len(set(paths)) != len(paths):
        twice = next(p for p in paths if paths.count(p) > 1)
        raise ValueError(f'native: two variables have the path "{twice}". Give the layers different names.')

    def apply(params: dict[str, Any], *inputs: Any, training: bool = False, mutable: bool = False, **kwargs: Any) -> Any:
        """Run the layer on `params`; see `pronghorn_jax.interop.functional`."""
        missing = [p for p in paths if p not in params]
        if missing:
            raise KeyError(f"apply: params lack {', '.join(missing[:5])}. Pass all of them; start from the dict that ph.native(model) returned.")
        with use_backend("jax"), bind(variables, [params[p] for p in paths]) as scope:
            outputs = layer(*inputs, training=training, **kwargs)
        return (outputs, {p: scope.values[v] for p, v in zip(paths, variables, strict=True)}) if mutable else outputs

    return apply, {p: v.storage for p, v in zip(paths, variables, strict=True)}
