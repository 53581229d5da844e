"""pronghorn: one API for deep learning, any engine underneath.

Names, arguments and semantics are Keras 3's. Engines (JAX, PyTorch, TensorFlow, OpenVINO, NumPy, or a third party's) are plugins chosen at run time:

    import pronghorn as ph
    ph.set_backend("torch")
    model = ph.Sequential([ph.layers.Dense(10, activation="softmax")])
"""

import importlib
from typing import Any

from pronghorn import ops
from pronghorn.backend.registry import list_backends, set_backend, use_backend
from pronghorn.ops.operators import install as _install
from pronghorn.ops.operators import install_methods as _install_methods
from pronghorn.state.variable import Variable
from pronghorn.symbolic.spec import Spec as KerasTensor

__version__ = "0.1.0"

_install(KerasTensor, equality=True)
_install_methods(KerasTensor)
_install(Variable, equality=False)  # variables are keys of bound state

# public name -> module that holds it, imported at first use
_HOME = {
    "value_and_grad": "state.grad",
    "StateError": "state.binding",
    "MixedBackendsError": "backend.errors",
    "CapabilityError": "backend.errors",
    "Layer": "layers.layer",
    "Input": "layers.core.input_layer",
    "InputSpec": "layers.input_spec",
    "Model": "models.model",
    "Sequential": "models.sequential",
    "Function": "models.function",
    "Operation": "layers.operation",
    "StatelessScope": "layers.scopes",
    "SymbolicScope": "layers.scopes",
    "RematScope": "state.remat",
    "remat": "state.remat",
    "name_scope": "state.naming",
    "device": "layers.scopes",
    "Loss": "losses.loss",
    "Metric": "metrics.metric",
    "Optimizer": "optimizers.optimizer",
    "Initializer": "initializers",
    "Regularizer": "regularizers",
    "DTypePolicy": "dtype_policies",
    "FloatDTypePolicy": "dtype_policies",
    "native": "interop",
    "race": "racing",
}
_MODULES = (
    "activations", "applications", "backend", "callbacks", "config", "constraints", "datasets", "dtype_policies", "initializers", "layers",
    "losses", "metrics", "mixed_precision", "models", "optimizers", "quantizers", "random", "regularizers", "saving", "state", "symbolic",
    "training", "tree", "utils",
)  # fmt: skip

__all__ = ["KerasTensor", "Variable", "list_backends", "ops", "set_backend", "use_backend", *_HOME, *_MODULES]


def version() -> str:
    """Return the version of pronghorn.

    Example:
        >>> version() == __version__
        True
    """
    return __version__


def __getattr__(name: str) -> Any:
    if name in _HOME:
        module, _, attribute = _HOME[name].partition(":")
        value = getattr(importlib.import_module(f"pronghorn.{module}"), attribute or name)
    elif name in _MODULES:
        value = importlib.import_module(f"pronghorn.{name}")
    else:
        from pronghorn.backend.errors import closest

        raise AttributeError(f'module "pronghorn" has no attribute "{name}".{closest(name, __all__)}')
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
