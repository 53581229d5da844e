"""The tensorflow engine takes host arrays over through DLPack: whose memory a tensor has, and where it may begin."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from pronghorn.backend import registry  # noqa: E402
from pronghorn.state import Variable  # noqa: E402

TF = registry.get("tensorflow")
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _tensorflow_is_active():
    with registry.use_backend("tensorflow"):
        yield


def test_tensors_do_not_share_memory_with_host_arrays():
    x = np.ones((1000, 1000), "float32")
    t = TF.convert_to_tensor(x, "float32")
    x[:] = 0
    back = TF.convert_to_numpy(t)
    assert back[0, 0] == 1
    back[:] = 5
    assert float(t[0, 0]) == 1


def test_kernels_read_arrays_that_begin_anywhere():
    memory = np.zeros(4096, "uint8")
    start = -memory.ctypes.data % 64
    for offset in (0, 4, 16, 32, 60):
        held = memory[start + offset :][:128].view("float32").reshape(4, 8)
        held[...] = RNG.normal(size=(4, 8))
        expected = held + held
        given = TF.convert_to_tensor(held, "float32"), TF.executor().put((held,))[0], TF.from_host(held.T), TF.variable(held.copy(), True, "v")
        variable = Variable(held)
        held[...] = 0
        for found in (given[0], given[1], TF.transpose(given[2], (1, 0)), given[3], variable.value):
            np.testing.assert_array_equal(found + found, expected)
        variable.assign_add(np.ones((4, 8), "float32"))
        np.testing.assert_allclose(variable.numpy(), expected / 2 + 1, rtol=1e-6)
    lone = (np.ones((64, 64), "float32"), None, np.ones(3, "int64"))
    x, nothing, y = TF.executor().put(lone)
    assert nothing is None and y.dtype == tf.int64
    np.testing.assert_array_equal(x @ x, np.full((64, 64), 64))
    for n in range(8):  # some begin where a tensor may
        lone = (np.ones((64, 100 + n), "float32"),)
        lone[0].setflags(write=False)
        assert float(tf.reduce_sum(TF.executor().put(lone)[0])) == 64 * (100 + n)
