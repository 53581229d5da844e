"""What pronghorn knows about this backend before it loads it."""

from pronghorn.backend.hookspec import BackendSpec, hookimpl


@hookimpl
def pronghorn_backend():
    return BackendSpec(
        name="tinynp",
        distribution="pronghorn-tinynp",
        engine="tinynp",
        engine_distributions=("pronghorn-tinynp",),
        factory="pronghorn_tinynp.backend:TinyBackend",
        capabilities=frozenset(),
        contract=1,
    )
