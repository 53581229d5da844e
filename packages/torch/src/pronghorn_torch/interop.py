"""A layer as an `nn.Module` that shares its weights."""

from collections.abc import Callable
from typing import Any

import torch

from pronghorn.backend import registry


class Module(torch.nn.Module):
    """A built layer or model as torch's own kind of object.

    Its parameters are the very tensors of the layer, so torch's optimizers, hooks, `state_dict` and data parallelism work on it, and what they change
    shows in the layer at once. Names in `state_dict` are variable paths with dots.

    Args:
        layer: built layer whose variables live on torch.

    Raises:
        TypeError: a variable lives on another engine.

    Example:
        >>> module = pronghorn.native(model)                              # doctest: +SKIP
        >>> optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)   # doctest: +SKIP
    """

    def __init__(self, layer: Any):
        super().__init__()
        object.__setattr__(self, "layer", layer)  # not a submodule, and must not be searched for one
        object.__setattr__(self, "_places", [])
        for variable in layer.variables:
            if variable.backend.name != "torch":
                raise TypeError(f'Variable "{variable.path}" lives on {variable.backend.name}, not on torch. Run model.to("torch") first.')
            if not any(variable is v for v, _ in self._places):
                self._register(variable)

    def _register(self, variable: Any) -> None:
        holder: torch.nn.Module = self
        *folders, leaf = (part.replace(".", "_") or "_" for part in variable.path.split("/"))
        for part in folders:
            while part not in holder._modules and hasattr(holder, part):  # such as a layer called "float"
                part += "_"
            if part not in holder._modules:
                holder.add_module(part, torch.nn.Module())
            holder = holder._modules[part]  # type: ignore[assignment]
        while hasattr(holder, leaf):
            leaf += "_"
        storage = variable.storage
        if isinstance(storage, torch.nn.Parameter):
            storage.requires_grad_(bool(variable.trainable))
            holder.register_parameter(leaf, storage)
        else:
            holder.register_buffer(leaf, storage)
        self._places.append((variable, storage))

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Call the layer; `training` follows `train()` and `eval()` unless given."""
        kwargs.setdefault("training", self.training)
        engine = registry.get("torch")
        device = self._places[0][1].device if self._places else engine._device
        with registry.use_backend("torch"):
            if device == engine._device:
                return self.layer(*inputs, **kwargs)
            with engine.device_scope(str(device)):
                return self.layer(*inputs, **kwargs)

    def _apply(self, fn: Callable, recurse: bool = True) -> "Module":
        """Move the weights, in place, so that the layer goes along; refuse what would change their dtype."""
        for variable, _ in self._places:
            probe = fn(torch.empty(0, dtype=variable.storage.dtype, device=variable.storage.device))
            if probe.dtype != variable.storage.dtype:
                raise TypeError(
                    f'The layer owns the dtype of "{variable.path}" ({variable.storage.dtype}); it cannot become {probe.dtype} here. '
                    "Build the layer with another dtype policy instead."
                )
        for _, storage in self._places:
            with torch.no_grad():
                storage.data = fn(storage.data)
                if storage.grad is not None:
                    storage.grad.data = fn(storage.grad.data)
        return self

    def __repr__(self) -> str:
        return f"Module({getattr(self.layer, 'name', self.layer)}, {sum(p.numel() for p in self.parameters()):,} parameters)"
