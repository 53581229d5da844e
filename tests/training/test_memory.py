"""Freed memory stays with the process once a model's steps are compiled: the same blocks again cost no page faults."""

import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest

import pronghorn as ph
from pronghorn.backend import memory

PROGRAM = """
import json, resource
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pronghorn as ph

ph.set_backend("numpy")
model = ph.Sequential([ph.layers.Dense(1)])
model.predict(np.ones((2, 3), "float32"), verbose=0)

def work(size):
    blocks = [np.ones(size << 20, "uint8") for _ in range(8)]

def run(times):
    for _ in range(times):
        work(5)
        other.submit(work, 15).result()

with ThreadPoolExecutor(1) as other:  # a thread's memory is in pieces of its own, of 64 MiB at most
    run(3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    run(10)
    print(json.dumps((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize() / 2**20))
"""


def fetched(**environment):
    """MiB that ten rounds of 40 MiB, and of 120 MiB in another thread, fetch from the system."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUNABLES", "PRONGHORN_KEEP_MEMORY"))} | environment
    return json.loads(subprocess.run([sys.executable, "-c", PROGRAM], env=env, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only GNU's allocator is told anything")
def test_memory_that_steps_freed_is_not_fetched_from_the_system_again():
    assert fetched() < 0.8
    for choice in ({"PRONGHORN_KEEP_MEMORY": "0"}, {"MALLOC_TRIM_THRESHOLD_": "131072"}, {"GLIBC_TUNABLES": "glibc.malloc.top_pad=131072"}):
        assert fetched(**choice) > 40, choice


def test_a_choice_that_is_none_is_refused_before_the_first_batch(monkeypatch):
    monkeypatch.setenv(memory.ENVIRONMENT, "no")
    memory.keep_freed.cache_clear()
    with ph.use_backend("numpy"), pytest.raises(ValueError, match="PRONGHORN_KEEP_MEMORY is 'no'; expected 0"):
        ph.Sequential([ph.layers.Dense(1)]).predict(np.ones((2, 3), "float32"), verbose=0)
