"""Which backends there are, which one is active, and loading them at first use.

Plugins are found through entry points (`pronghorn.backend.hookspec` tells how to write one). Finding and listing imports no
engine; `get` does. What a plugin does wrong is kept as that plugin's error and never gets in the way of another.

Nothing here knows which engines exist: names come from plugins, and those of plugins that are not installed from the extras
in pronghorn's own metadata.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import threading
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from importlib import import_module, metadata, util
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pronghorn.backend.errors import BackendIncompatibleError, BackendNotFoundError, BackendNotInstalledError, closest
from pronghorn.backend.hookspec import CONTRACT_VERSION, GROUP, BackendSpec

if TYPE_CHECKING:
    from pronghorn.backend.contract import Backend

CORE = "pronghorn"
ENVIRONMENT = "PRONGHORN_BACKEND"
READY, MISSING, INCOMPATIBLE, BROKEN = "ready", "engine missing", "incompatible", "broken"

LOADED: dict[str, Backend] = {}
"""The backends in use, by name. Filled by `get`."""

_F = TypeVar("_F", bound=Callable[..., Any])
_lock = threading.RLock()


@dataclass(frozen=True)
class BackendInfo:
    """One line of `list_backends`.

    Attributes:
        name: What `set_backend` takes.
        distribution: The plugin's distribution.
        version: The installed version of the engine, or None.
        capabilities: What the backend says that it can do.
        status: `"ready"`, `"engine missing"`, `"incompatible"` (with this pronghorn) or `"broken"`.
        hint: What to do about it; empty for a backend that is ready.
    """

    name: str
    distribution: str
    version: str | None
    capabilities: frozenset[str]
    status: str
    hint: str


@dataclass(frozen=True)
class _Found:
    """What one entry point, or one extra of pronghorn, gave: a spec, an error, or (an extra without its plugin) neither."""

    name: str
    distribution: str
    spec: BackendSpec | None = None
    error: Exception | None = None


# -- discovery ---------------------------------------------------------------------------------------------------------------


@functools.cache
def _extras() -> dict[str, str]:
    """The extras of pronghorn that bring a backend, with the plugin each one requires: read from pronghorn's own metadata."""
    try:
        meta = metadata.metadata(CORE)
    except metadata.PackageNotFoundError:  # run from a folder of sources
        return {}
    required = meta.get_all("Requires-Dist") or []
    extras = {}
    for extra in meta.get_all("Provides-Extra") or []:
        plugin = f"{CORE}-{extra}"
        rule = re.compile(rf"{re.escape(plugin)}(?![\w.-]).*extra\s*==\s*['\"]{re.escape(extra)}['\"]", re.IGNORECASE)
        if any(rule.match(line) for line in required):
            extras[extra] = plugin
    return extras


def _ask(plugin: object) -> BackendSpec:
    """Call one plugin's hook."""
    import pluggy

    from pronghorn.backend import hookspec

    manager = pluggy.PluginManager(CORE)
    manager.add_hookspecs(hookspec)
    manager.register(plugin)
    answers = manager.hook.pronghorn_backend()
    if len(answers) != 1 or not isinstance(answers[0], BackendSpec):
        raise TypeError(f"its hook pronghorn_backend() should return one BackendSpec, but gave {answers!r}")
    return answers[0]


def _read(entry: metadata.EntryPoint) -> _Found:
    distribution = entry.dist.name if entry.dist else entry.module
    try:
        spec = _ask(entry.load())
    except Exception as error:  # whatever a plugin does at import: it is listed, and the others go on
        return _Found(entry.name, distribution, error=error)
    return _Found(spec.name, distribution, spec)


@functools.cache
def _found() -> dict[str, _Found]:
    """Everything there is, in order of preference; imports the plugins' light modules and no engine."""
    with _lock:
        extras = _extras()
        ours = {CORE, *extras.values()}
        read = [_read(entry) for entry in metadata.entry_points(group=GROUP)]
        # pronghorn's own come first, so that nobody else's plugin takes their names
        read.sort(key=lambda f: (f.distribution not in ours, -(f.spec.priority if f.spec else 0), f.name, f.distribution))
        found: dict[str, _Found] = {}
        for f in read:
            if f.name in found:
                taken = ValueError(f'"{f.name}" is also the name of a backend of {found[f.name].distribution}')
                f = replace(f, name=f"{f.name} ({f.distribution})", spec=None, error=taken)
            found[f.name] = f
        for extra, plugin in extras.items():
            found.setdefault(extra, _Found(extra, plugin))
        return found


def specs() -> dict[str, BackendSpec]:
    """Return what each installed plugin says of itself, by backend name. Imports no engine; read once per process."""
    return {f.name: f.spec for f in _found().values() if f.spec}


def engine_of(roots: Set[str]) -> str | None:
    """Return the backend whose engine's import name is among `roots`, the top-level modules of a tensor class and its bases."""
    for f in _found().values():
        if f.spec and (f.spec.engine.partition(".")[0] in roots or not roots.isdisjoint(f.spec.modules)):
            return f.name
    return None


# -- status ------------------------------------------------------------------------------------------------------------------


def _engine_version(spec: BackendSpec) -> str | None:
    for distribution in spec.engine_distributions:
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return None


def _engine_present(spec: BackendSpec) -> bool:
    try:
        found = util.find_spec(spec.engine.partition(".")[0])
    except ValueError:  # a module made by hand, which has no spec
        return True
    except ImportError:
        return False
    # a folder that happens to have the engine's name is a namespace package without origin
    return found is not None and (found.origin is not None or _engine_version(spec) is not None)


def _install_command(found: _Found) -> str:
    if found.spec and found.spec.install:
        return found.spec.install
    if _extras().get(found.name) == found.distribution:
        return f'pip install "{CORE}[{found.name}]"'
    return f"pip install {found.distribution}"


def _status(found: _Found) -> tuple[str, str]:
    """Status and hint."""
    spec = found.spec
    if found.error is not None:
        what = str(found.error).partition("\n")[0]
        return BROKEN, f"{type(found.error).__name__}: {what}. Try: pip install --upgrade {found.distribution}"
    if spec is not None and spec.contract != CONTRACT_VERSION:
        older = found.distribution if spec.contract < CONTRACT_VERSION else CORE
        return INCOMPATIBLE, f"pip install --upgrade {older}"
    if spec is None or not _engine_present(spec):
        return MISSING, _install_command(found)
    return READY, ""


def list_backends() -> list[BackendInfo]:
    """List every backend, in order of preference, those that could be installed included. Imports no engine.

    Example:
        >>> [b.name for b in list_backends() if b.name == "numpy"]
        ['numpy']
    """
    infos = []
    for f in _found().values():
        status, hint = _status(f)
        version = _engine_version(f.spec) if f.spec else None
        infos.append(BackendInfo(f.name, f.distribution, version, f.spec.capabilities if f.spec else frozenset(), status, hint))
    rank = {f.name: f.spec.priority if f.spec else -1 for f in _found().values()}
    return sorted(infos, key=lambda info: -rank[info.name])


def _installed() -> str:
    return ", ".join(sorted(f.name for f in _found().values() if _status(f)[0] == READY)) or "none"


def _check(name: str) -> BackendSpec:
    """The spec of a backend that can be loaded, or the error that tells why it cannot."""
    found = _found().get(name) if isinstance(name, str) else None
    if found is None:
        raise BackendNotFoundError(f'Backend "{name}" is not known.{closest(name, _found())} Installed: {_installed()}.')
    status, hint = _status(found)
    if status == MISSING:
        raise BackendNotInstalledError(f'Backend "{name}" is not installed. Run: {hint}. Installed: {_installed()}.')
    if status == BROKEN:
        raise BackendIncompatibleError(f'The plugin of backend "{name}" is broken. {hint}.') from found.error
    spec = found.spec
    assert spec is not None  # without a spec it is missing or broken
    if status == INCOMPATIBLE:
        raise BackendIncompatibleError(
            f'Backend "{name}" ({found.distribution}) speaks version {spec.contract} of the contract, '
            f"this {CORE} speaks version {CONTRACT_VERSION}. Run: {hint}."
        )
    return spec


# -- loading -----------------------------------------------------------------------------------------------------------------


def get(name: str) -> Backend:
    """Return the backend called `name`, importing its engine the first time.

    Raises:
        BackendNotFoundError: No plugin has this name.
        BackendNotInstalledError: The plugin or its engine is missing; the message has the command that brings it.
        BackendIncompatibleError: The plugin was written for another version of the contract, or the engine fails to load.
        ContractError: The plugin does not implement the contract.
    """
    if backend := LOADED.get(name):
        return backend
    with _lock:
        if name not in LOADED:
            LOADED[name] = _create(_check(name))
        return LOADED[name]


def _create(spec: BackendSpec) -> Backend:
    from pronghorn.backend.contract import ContractError, validate

    module, _, attribute = spec.factory.partition(":")
    try:
        factory: Any = functools.reduce(getattr, attribute.split("."), cast(Any, import_module(module)))
        backend = validate(factory())
    except (ImportError, OSError, AttributeError) as error:
        version = " ".join(filter(None, [spec.engine, _engine_version(spec)]))
        raise BackendIncompatibleError(
            f'Backend "{spec.name}" is installed but fails to load ({version}): {type(error).__name__}: {error}. '
            f"Reinstall it: pip install --upgrade {spec.distribution}"
        ) from error
    if backend.name != spec.name:
        raise ContractError(f'Backend "{spec.name}" of {spec.distribution} creates a backend that calls itself "{backend.name}".')
    return backend


# -- the active backend ------------------------------------------------------------------------------------------------------


class _Scope(threading.local):
    """Where this thread stands: the backend of its innermost `use_backend`, and those around it."""

    backend: Backend | None = None

    def __init__(self) -> None:
        self.outer: list[Backend | None] = []


_scope = _Scope()
_default: Backend | None = None  # what `active` gives outside any `use_backend`; None until somebody asks
_open: list[None] = []  # an entry per scope that is open, in any thread
#: Tables that lead arrays to the default backend without a look at which one is active: filled while no scope is open, emptied by what changes that.
_short: list[dict] = []


def shorten(backend: Backend, table: dict, key: Any, value: Any) -> None:
    """Set `table[key] = value` until a scope opens or the default changes, if `backend` is active in every thread now; all of the table goes then."""
    if _open:
        return
    with _lock:
        _short.append(table)  # before the look: a scope that opens after it finds the table, and waits for the lock
        if not _open and _default is backend:
            table[key] = value


def _lengthen() -> None:
    if _short:
        with _lock:
            for table in _short:
                table.clear()
            _short.clear()


_lengthen._dynamo_marked_constant = True  # type: ignore[attr-defined]  # torch's compiler is to call it, not to read the tables


def active() -> Backend:
    """Return the active backend.

    It is that of the innermost `use_backend`; else what `set_backend` set; else `$PRONGHORN_BACKEND`; else the installed one
    that can train, by priority; else numpy.
    """
    backend = _scope.backend
    if backend is not None:
        return backend
    return _default if _default is not None else _resolve()


def active_name() -> str:
    """Return the name of the active backend without importing its engine."""
    backend = _scope.backend or _default
    return backend.name if backend is not None else _default_name()


def _default_name() -> str:
    if name := os.environ.get(ENVIRONMENT, "").strip():
        return name
    ready = [f.spec for f in _found().values() if f.spec and _status(f)[0] == READY and "compile_only" not in f.spec.capabilities]
    if not ready:
        raise BackendNotInstalledError(f"No backend is installed. Run: pip install --upgrade {CORE}")
    return max(ready, key=lambda s: ("autodiff" in s.capabilities, s.priority)).name


def _resolve() -> Backend:
    global _default
    with _lock:
        if _default is None:
            try:
                _default = get(_default_name())
            except (BackendNotFoundError, BackendNotInstalledError, BackendIncompatibleError) as error:
                asked = os.environ.get(ENVIRONMENT)
                choose = f"Choose another: set_backend(name) or {ENVIRONMENT}=name."
                error.add_note(f"{ENVIRONMENT}={asked} asks for it." if asked else choose)
                raise
        return _default


def set_backend(name: str | None) -> None:
    """Make `name` the backend of the whole process; with None, go back to `$PRONGHORN_BACKEND` and the installed ones.

    Legal at any time. A surrounding `use_backend` goes on winning in its thread. Raises what `get` raises.

    Example:
        >>> set_backend("numpy")
        >>> active_name()
        'numpy'
    """
    global _default
    backend = None if name is None else get(name)
    with _lock:
        _default = backend
        _lengthen()


class use_backend:
    """Make `name` the active backend of this thread within a `with` block or a decorated function.

    Scopes nest, one object may be entered again, and leaving restores what was active before, whatever was raised inside.
    Raises what `get` raises: for a name that cannot be used when the object is made, for an engine that fails to load on entry.

    Example:
        >>> with use_backend("numpy") as backend:
        ...     active() is backend
        True
    """

    def __init__(self, name: str):
        if name not in LOADED:
            _check(name)
        self.name = name

    def __enter__(self) -> Backend:
        backend = get(self.name)
        _open.append(None)  # first, and a list, as its changes are atomic
        _lengthen()
        _scope.outer.append(_scope.backend)
        _scope.backend = backend
        return backend

    def __exit__(self, *exc: object) -> None:
        _scope.backend = _scope.outer.pop()
        _open.pop()

    def __call__(self, fn: _F) -> _F:
        if inspect.isgeneratorfunction(fn) or inspect.iscoroutinefunction(fn) or inspect.isasyncgenfunction(fn):
            why = "whose body runs after the call. Use `with use_backend(...):` inside."
            raise TypeError(f"@use_backend cannot decorate {fn.__name__}, {why}")

        @functools.wraps(fn)
        def within(*args: Any, **kwargs: Any) -> Any:
            with self:
                return fn(*args, **kwargs)

        return cast(_F, within)
