"""Every test that takes `engine` runs once per engine, in one process."""

import pytest

import pronghorn as ph
from pronghorn.backend.registry import list_backends

ENGINES = [b.name for b in list_backends() if b.status == "ready" and b.name != "openvino"]


@pytest.fixture(params=ENGINES)
def engine(request):
    with ph.use_backend(request.param) as backend:
        yield backend
