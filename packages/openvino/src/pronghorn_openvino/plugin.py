"""What pronghorn knows about this backend before it loads it. Imports no engine."""

from pronghorn.backend.hookspec import BackendSpec, hookimpl


@hookimpl
def pronghorn_backend() -> BackendSpec:
    return BackendSpec(
        name="openvino",
        distribution="pronghorn-openvino",
        engine="openvino",
        engine_distributions=("openvino",),
        factory="pronghorn_openvino.backend:Backend",
        capabilities=frozenset({"compile_only"}),
        contract=1,
        priority=5,
    )
