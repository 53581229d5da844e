"""What pronghorn knows about its own reference backend before it loads it."""

from pronghorn.backend.hookspec import BackendSpec, hookimpl


@hookimpl
def pronghorn_backend() -> BackendSpec:
    return BackendSpec(
        name="numpy",
        distribution="pronghorn",
        engine="numpy",
        engine_distributions=("numpy",),
        factory="pronghorn.backend.numpy.backend:NumpyBackend",
        capabilities=frozenset({"linalg", "complex", "dynamic_shapes", "native_rng"}),
        contract=1,
        install="pip install numpy",
        priority=10,
    )
