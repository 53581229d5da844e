"""The pytest side of the conformance kit: `pytest --pyargs pronghorn_testing --backend NAME`.

Loaded in every pytest run where the kit is installed, so it only adds options and imports nothing else.
"""

from typing import Any


def pytest_addoption(parser: Any) -> None:
    """Add the kit's options."""
    group = parser.getgroup("pronghorn")
    group.addoption("--backend", action="append", metavar="NAME", help="backend that pronghorn's conformance kit checks; may be repeated (default: all that are ready)")


def pytest_configure(config: Any) -> None:
    """Register the kit's marker."""
    config.addinivalue_line("markers", "conformance: a check of pronghorn's conformance kit")


def pytest_collection_modifyitems(config: Any, items: list) -> None:
    """Arrange the kit's checks.

    Those that no chosen backend has the capabilities for are left out, since pytest would show them as skipped. The checks of one case on one backend come
    one after another, and so in one worker of pytest-xdist: what the engine compiled for the first of them serves the others.
    """
    empty, places, first = set(), [], {}
    for place, item in enumerate(items):
        if item.get_closest_marker("conformance") and (spec := getattr(item, "callspec", None)) is not None:
            if "NOTSET" in spec.id:
                empty.add(item)
            elif "run" in spec.params:
                places.append(place)
                first.setdefault((spec.params["name"], spec.params["run"].id), place)
    checks = [items[p] for p in places]
    checks.sort(key=lambda i: first[i.callspec.params["name"], i.callspec.params["run"].id])
    for place, item in zip(places, checks, strict=True):
        items[place] = item
    if empty:
        config.hook.pytest_deselected(items=list(empty))
        items[:] = [i for i in items if i not in empty]
