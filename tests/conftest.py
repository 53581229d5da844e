"""A test that takes `engine` runs once per engine that runs eagerly, one that takes `training_engine` once per engine that has gradients, in one process."""

import pytest

import pronghorn as ph
from pronghorn.backend.registry import list_backends

READY = [b for b in list_backends() if b.status == "ready" and "compile_only" not in b.capabilities]


@pytest.fixture(params=[b.name for b in READY])
def engine(request):
    with ph.use_backend(request.param) as backend:
        yield backend


@pytest.fixture(params=[b.name for b in READY if "autodiff" in b.capabilities])
def training_engine(request):
    with ph.use_backend(request.param) as backend:
        yield backend
