"""How a backend introduces itself: all that the author of a plugin has to know before writing one.

A backend is an ordinary Python distribution with three parts:

1. **An entry point** in the group `pronghorn.backends`. In the plugin's `pyproject.toml`:

       [project.entry-points."pronghorn.backends"]
       acme = "pronghorn_acme.plugin"

2. **A light module**, named by the entry point, with one hook that returns a `BackendSpec`. It is imported whenever backends
   are listed, so neither it nor the package around it may import the engine:

       from pronghorn.backend.hookspec import BackendSpec, hookimpl

       @hookimpl
       def pronghorn_backend():
           return BackendSpec(
               name="acme",
               distribution="pronghorn-acme",
               engine="acme",
               engine_distributions=("acme", "acme-cpu"),
               factory="pronghorn_acme.backend:Backend",
               capabilities=frozenset({"linalg", "autodiff"}),
               contract=1,
           )

3. **A factory**, named by the spec: a subclass of `pronghorn.backend.contract.Backend`. Its module may import the engine; it
   is imported when the backend is used for the first time, once per process, and called without arguments.

What the class must implement is in `pronghorn.backend.contract`. `pip install pronghorn-testing`, then
`pytest --pyargs pronghorn_testing --backend acme`, checks that it does. Nothing has to be registered anywhere else: with the
distribution installed, `pronghorn.set_backend("acme")` works and `python -m pronghorn backends` lists it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pluggy

GROUP = "pronghorn.backends"
"""The entry-point group that plugins register in."""

CONTRACT_VERSION = 1
"""The version of the contract that this pronghorn speaks. It rises when a working backend could stop working."""

hookspec = pluggy.HookspecMarker("pronghorn")
hookimpl = pluggy.HookimplMarker("pronghorn")


@dataclass(frozen=True)
class BackendSpec:
    """What can be said about a backend without importing its engine.

    Attributes:
        name: What users write in `set_backend(name)`: a short lower-case word, unique among installed plugins.
        distribution: The plugin's own distribution, as in `pip install DISTRIBUTION`.
        engine: The import name of the engine. It is looked for, not imported, to tell whether the engine is there.
        engine_distributions: Distributions that can bring the engine. The version of the first one installed is shown.
        factory: `"module:attribute"` of the class to create at first use.
        capabilities: What the backend can do beyond the required primitives: `"linalg"`, `"complex"`, `"dynamic_shapes"`,
            `"autodiff"` (which is what training needs), `"native_rng"`; and `"compile_only"` for an engine without eager
            operations. Unknown words are ignored, so a plugin may name what only a later pronghorn asks for.
        contract: The `CONTRACT_VERSION` that the plugin was written for. Write the number, not the constant: the constant
            follows whichever pronghorn is installed.
        install: The command that brings a missing engine. By default pip with the extra of pronghorn that is called like the
            backend, if there is one, and with `distribution` if not.
        priority: Where the backend stands when nobody has chosen one: the highest installed one that can train is taken.
            Plugins from elsewhere leave it at 0.
        modules: Top-level modules, besides `engine`, in which the engine's tensor classes are defined.

    Raises:
        TypeError: A field has the wrong type.
        ValueError: `name` or `factory` is malformed.
    """

    name: str
    distribution: str
    engine: str
    engine_distributions: tuple[str, ...]
    factory: str
    capabilities: frozenset[str] = frozenset()
    contract: int = 1
    install: str = ""
    priority: int = 0
    modules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in ("name", "distribution", "engine", "factory", "install"):
            if not isinstance(getattr(self, field), str):
                raise TypeError(f"BackendSpec.{field} must be a string, not {getattr(self, field)!r}.")
        if isinstance(self.engine_distributions, str) or isinstance(self.capabilities, str):
            raise TypeError("BackendSpec.engine_distributions and capabilities are collections of strings, not one string.")
        object.__setattr__(self, "engine_distributions", tuple(self.engine_distributions))
        object.__setattr__(self, "capabilities", frozenset(self.capabilities))
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise ValueError(f"BackendSpec.name must be a lower-case identifier, not {self.name!r}.")
        module, colon, attribute = self.factory.partition(":")
        if not (module and colon and attribute):
            raise ValueError(f'BackendSpec.factory must read "module:attribute", not {self.factory!r}.')


@hookspec
def pronghorn_backend() -> BackendSpec:  # type: ignore[empty-body]
    """Return the plugin's `BackendSpec`, importing no engine."""
