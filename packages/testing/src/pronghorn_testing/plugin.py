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
    """Leave out the kit's checks that no chosen backend has the capabilities for, which pytest would show as skipped."""
    empty = {i for i in items if i.get_closest_marker("conformance") and "NOTSET" in getattr(getattr(i, "callspec", None), "id", "")}
    if empty:
        config.hook.pytest_deselected(items=list(empty))
        items[:] = [i for i in items if i not in empty]
