"""The conformance kit on every backend that is installed, within this process; `--backend NAME` narrows it."""

from pronghorn_testing.kit import generate as pytest_generate_tests
from pronghorn_testing.test_contract import *
from pronghorn_testing.test_control import *
from pronghorn_testing.test_ops import *
from pronghorn_testing.test_state import *
from pronghorn_testing.test_training import *
