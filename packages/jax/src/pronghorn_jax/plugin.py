"""What pronghorn knows about this backend before it loads it. Imports no engine."""

from pronghorn.backend.hookspec import BackendSpec, hookimpl


@hookimpl
def pronghorn_backend() -> BackendSpec:
    return BackendSpec(
        name="jax",
        distribution="pronghorn-jax",
        engine="jax",
        engine_distributions=("jax",),
        factory="pronghorn_jax.backend:Backend",
        capabilities=frozenset({"linalg", "complex", "autodiff", "native_rng"}),
        contract=1,
        priority=40,
        modules=("jaxlib",),
    )
