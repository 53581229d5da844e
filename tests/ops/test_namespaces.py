"""The namespaces beside `pronghorn.ops`."""

import importlib

import pytest

from pronghorn import ops
from pronghorn.ops.namespaces import NAMES


@pytest.mark.parametrize("space", NAMES)
def test_namespace_has_its_names_and_no_copies(space):
    module = importlib.import_module(f"pronghorn.ops.{space}")
    assert module is getattr(ops, space)
    assert dir(module) == sorted(NAMES[space].split()) == sorted(module.__all__)
    for name in dir(module):
        found = getattr(module, name)
        assert callable(found)
        assert space == "image" or found is getattr(ops, name)


def test_star_import_brings_the_names():
    found: dict = {}
    exec("from pronghorn.ops.nn import *", found)
    assert set(found) - {"__builtins__"} == set(NAMES["nn"].split())
