"""The public names are Keras': signatures, members, and exactly the ones that missing.txt admits are absent."""

import importlib.util
from pathlib import Path

import pytest

import pronghorn as ph

_SPEC = importlib.util.spec_from_file_location("surface", Path(__file__).with_name("surface.py"))
surface = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(surface)


@pytest.fixture(autouse=True)
def on_numpy():
    with ph.use_backend("numpy"):
        yield


def test_signatures_and_aliases_are_those_of_keras():
    assert surface.differences() == []


def test_missing_names_are_exactly_the_listed_ones():
    listed, found = set(surface.MISSING.read_text().split()), set(surface.missing())
    new, gone = sorted(found - listed), sorted(listed - found)
    assert not new, f"public names have disappeared: {new}"
    assert not gone, f"these exist now; run `python tests/api/surface.py --update`: {gone}"


def test_every_deviation_names_something_that_exists():
    for name in surface.DEVIATIONS:
        cls, _, member = name.partition(" ")[0].rpartition(".")
        assert (member in surface.FACTS[cls]["members"]) if cls else any(member in (f["members"] or ()) for f in surface.FACTS.values())
