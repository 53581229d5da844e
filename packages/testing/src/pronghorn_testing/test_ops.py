"""Every case through every check; one test per backend, case and dtype."""

import pytest

from pronghorn.backend import registry
from pronghorn_testing import checks, kit

pytestmark = [pytest.mark.conformance, pytest.mark.filterwarnings("ignore::RuntimeWarning")]  # NumPy on inf and nan
pytest_generate_tests = kit.generate


def test_value(name, run):
    checks.check_value(run, registry.get(name))


def test_spec(name, run):
    checks.check_spec(run, registry.get(name))


def test_override(name, run):
    checks.check_override(run, registry.get(name))


def test_gradient(name, run):
    checks.check_gradient(run, registry.get(name))


def test_compiled(name, run):
    checks.check_compiled(run, registry.get(name))
