"""Which backends and cases a run of the kit has, and the deviations that plugins declare."""

import collections
import functools
import tomllib
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest

from pronghorn.backend import registry
from pronghorn.backend.dtypes import ALL
from pronghorn_testing import checks
from pronghorn_testing.case import Run, all_cases, exists

CHECKS = {name.removeprefix("check_"): getattr(checks, name) for name in ("check_value", "check_spec", "check_override", "check_gradient", "check_compiled")}


def backends(config: Any) -> list[str]:
    """Return the names that `--backend` gives, or every backend that is ready.

    Raises:
        pytest.UsageError: a name that no plugin has.
    """
    known = {b.name: b for b in registry.list_backends()}
    chosen = config.getoption("--backend", None) or [b.name for b in known.values() if b.status == registry.READY]
    for name in chosen:
        if name not in known:
            raise pytest.UsageError(f"--backend {name}: no such backend. Installed: {', '.join(known)}.")
    return chosen


@functools.cache
def load(name: str) -> Any:
    """Return the loaded backend, or None where it does not load (which `test_contract` reports)."""
    try:
        return registry.get(name)
    except Exception:
        return None


@functools.cache
def runs() -> tuple[Run, ...]:
    """Return every case in each of its dtypes.

    Raises:
        ValueError: two cases with one id.
    """
    found = [Run(case, dtype) for case in all_cases() for dtype in case.dtypes]
    twice = [name for name, n in collections.Counter(run.id for run in found).items() if n > 1]
    if twice:
        raise ValueError(f"Two cases have one name, give one a label: {', '.join(twice)}.")
    return tuple(found)


def capability(op: str) -> str | None:
    """Return the capability that gates an op named in a case, if it is a gated primitive."""
    from pronghorn.backend.op import PRIMITIVES

    return PRIMITIVES[op[2:]].capability if op.startswith("p.") else None


def applies(check: str, run: Run, backend: Any) -> bool:
    """Tell whether a check of a case is for this backend: capabilities and dtypes decide, never its name."""
    if not exists(run.case.op):
        return False
    needs = set(run.case.needs.split()) | ({capability(run.case.op)} - {None})
    kinds = {run.dtype, *(x.dtype for x in run.inputs if x.dtype), *(needs & set(ALL))}
    if not needs - set(ALL) <= backend.capabilities or not kinds <= backend.dtypes:
        return False
    if check == "override":
        return checks.has_override(run, backend)
    if check == "gradient":
        return "autodiff" in backend.capabilities and bool(checks.differentiable(run))
    if check == "compiled":
        return run.case.compiled and run.dtype == run.case.dtypes[0]
    return True


# -- deviations ----------------------------------------------------------------------------------------------------------------------------
@functools.cache
def deviations(name: str) -> dict[str, dict[str, str]]:
    """Return the deviations a plugin declares in `xfails.toml` next to its backend module: check → case id → reason.

    Raises:
        ValueError: an entry without a reason.
    """
    spec = registry.specs()[name]
    module = spec.factory.partition(":")[0]
    package = module.rpartition(".")[0] or module
    try:
        text = resources.files(package).joinpath("xfails.toml").read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    found = tomllib.loads(text)
    for check, entries in found.items():
        for case, reason in entries.items() if isinstance(entries, dict) else [(check, "")]:
            if not isinstance(reason, str) or not reason.strip():
                raise ValueError(f'xfails.toml of {spec.distribution}: [{check}] "{case}" needs a reason, a sentence in a string.')
    return found


def mark(name: str, check: str, case: str) -> list[Any]:
    """Return the marks of one check: a strict expected failure where the plugin declares it."""
    reason = deviations(name).get(check, {}).get(case)
    return [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]


def undeclared(name: str, runtime: set[str]) -> list[str]:
    """Return the entries of a plugin's `xfails.toml` that name no check of this kit."""
    backend = load(name)
    wrong = []
    for check, entries in deviations(name).items():
        if check == "runtime":
            known = runtime
        elif check in CHECKS:
            known = {run.id for run in runs() if backend is not None and applies(check, run, backend)}
        else:
            known = set()
        wrong += [f'[{check}] "{case}"' for case in entries if case not in known]
    return wrong


def generate(metafunc: Any) -> None:
    """Parametrise a test module of the kit: `(name, run)` for the checks of cases, `backend` for those of the runtime."""
    names = backends(metafunc.config)
    if "run" in metafunc.fixturenames:
        check = metafunc.function.__name__.removeprefix("test_")
        params = []
        for name in names:
            backend = load(name)
            if backend is not None:
                params += [pytest.param(name, run, id=f"{name}-{run.id}", marks=mark(name, check, run.id)) for run in runs() if applies(check, run, backend)]
        metafunc.parametrize(("name", "run"), params)
    elif "backend" in metafunc.fixturenames:
        needs = set(getattr(metafunc.function, "needs", ()))
        test = metafunc.function.__name__
        loaded = {name: load(name) for name in names}
        params = [
            pytest.param(b, id=name, marks=mark(name, "runtime", test)) for name, b in loaded.items() if b is not None and needs <= b.capabilities
        ]
        metafunc.parametrize("backend", params, indirect=True)
    elif "name" in metafunc.fixturenames:
        metafunc.parametrize("name", names)


@pytest.fixture
def backend(request: Any) -> Iterator[Any]:
    """The backend under test, active."""
    with registry.use_backend(request.param.name):
        yield request.param


def needs(*capabilities: str) -> Any:
    """Mark a runtime check as one for backends with these capabilities."""

    def set_needs(test: Any) -> Any:
        test.needs = capabilities
        return test

    return set_needs
