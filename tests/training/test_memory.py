"""Freed memory stays with the process once a model's steps are compiled: the same blocks again cost no page faults."""

import json
import os
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import json, resource
import numpy as np
import pronghorn as ph

ph.set_backend("numpy")
model = ph.Sequential([ph.layers.Dense(1)])
model.predict(np.ones((2, 3), "float32"), verbose=0)

def work():
    blocks = [np.ones(5 << 20, "uint8") for _ in range(8)]

for _ in range(3):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    work()
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before))
"""


def faults(**environment):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUNABLES", "PRONGHORN_KEEP_MEMORY"))} | environment
    return json.loads(subprocess.run([sys.executable, "-c", PROGRAM], env=env, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only GNU's allocator is told anything")
def test_memory_that_steps_freed_is_not_fetched_from_the_system_again():
    assert faults() < 200
    for choice in ({"PRONGHORN_KEEP_MEMORY": "0"}, {"MALLOC_TRIM_THRESHOLD_": "131072"}, {"GLIBC_TUNABLES": "glibc.malloc.top_pad=131072"}):
        assert faults(**choice) > 10_000, choice
