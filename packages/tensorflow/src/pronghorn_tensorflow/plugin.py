"""What pronghorn knows about this backend before it loads it. Imports no engine."""

from pronghorn.backend.hookspec import BackendSpec, hookimpl


@hookimpl
def pronghorn_backend() -> BackendSpec:
    return BackendSpec(
        name="tensorflow",
        distribution="pronghorn-tensorflow",
        engine="tensorflow",
        engine_distributions=("tensorflow", "tensorflow-cpu"),
        factory="pronghorn_tensorflow.backend:Backend",
        capabilities=frozenset({"linalg", "complex", "dynamic_shapes", "autodiff", "native_rng"}),
        contract=1,
        priority=20,
    )
