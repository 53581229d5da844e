"""What pronghorn knows about this backend before it loads it. Imports no engine."""

from pronghorn.backend.hookspec import BackendSpec, hookimpl


@hookimpl
def pronghorn_backend() -> BackendSpec:
    return BackendSpec(
        name="torch",
        distribution="pronghorn-torch",
        engine="torch",
        engine_distributions=("torch",),
        factory="pronghorn_torch.backend:Backend",
        capabilities=frozenset({"linalg", "complex", "dynamic_shapes", "autodiff", "native_rng"}),
        contract=1,
        priority=30,
    )
