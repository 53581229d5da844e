"""The conformance kit on every backend that is installed, within this process; `--backend NAME` narrows it."""
# ruff: noqa: F403

import pytest

from pronghorn_testing import kit
from pronghorn_testing.test_contract import *
from pronghorn_testing.test_control import *
from pronghorn_testing.test_ops import *
from pronghorn_testing.test_state import *
from pronghorn_testing.test_training import *

pytest_generate_tests = kit.generate
pytestmark = [pytest.mark.conformance, pytest.mark.filterwarnings("ignore::RuntimeWarning")]  # NumPy on inf and nan
