"""Every example in a docstring, the README and the guides runs."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import pronghorn as ph

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(m.name for m in pkgutil.walk_packages(ph.__path__, "pronghorn.") if not m.name.endswith("__main__"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(autouse=True)
def registered_for_the_example_alone(monkeypatch):
    monkeypatch.setattr("pronghorn.training.data.adapter._ADAPTERS", [])


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    module = importlib.import_module(name)
    with ph.use_backend("numpy"):
        failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_pages_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if page.name == "design.md":  # its code shows the inside, in fragments
        return
    names: dict = {"__name__": "page"}
    try:
        for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
            exec(compile(code, str(page), "exec"), names)
    finally:
        ph.set_backend(None)
