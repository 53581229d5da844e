"""Sparse and ragged tensors of any library are refused in words, but where torch itself has an elementwise kernel for its own."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops


def scipy_matrix():
    return pytest.importorskip("scipy.sparse").eye(2)


def torch_sparse():
    return pytest.importorskip("torch").eye(2).to_sparse()


def torch_compressed():
    return pytest.importorskip("torch").eye(2).to_sparse_csr()


def tensorflow_sparse():
    return pytest.importorskip("tensorflow").sparse.from_dense(np.eye(2))


def tensorflow_ragged():
    return pytest.importorskip("tensorflow").ragged.constant([[1.0, 2.0], [3.0]])


def jax_sparse():
    return pytest.importorskip("jax.experimental.sparse").BCOO.fromdense(np.eye(2))


CALLS = {
    "convert_to_tensor": ops.convert_to_tensor, "conv": lambda x: ops.conv(x, x), "softplus": ops.softplus, "reshape": lambda x: ops.reshape(x, (4,)),
    "stack": lambda x: ops.stack([x, x]), "concatenate": lambda x: ops.concatenate([x, x]), "sort": ops.sort,
}  # fmt: skip


@pytest.mark.parametrize("make", [scipy_matrix, torch_sparse, torch_compressed, tensorflow_sparse, tensorflow_ragged, jax_sparse])
@pytest.mark.parametrize("call", CALLS)
def test_what_is_not_dense_is_refused(engine, make, call):
    if call != "conv":
        CALLS[call](ops.ones((2, 2)))  # what dense tensors left behind does not let others in
    with pytest.raises(TypeError, match=r"[Ss]parse and ragged tensors are not supported yet; received a .*to_dense"):
        CALLS[call](make())


@pytest.mark.parametrize("make", [torch_sparse, torch_compressed])
def test_no_entrance_takes_what_is_not_dense(make):
    x = make()
    with ph.use_backend("torch"):
        model = ph.Sequential([ph.layers.Dense(2)])
        model.compile("sgd", "mse")
        entrances = {
            "variable": lambda: ph.Variable(x), "assign": lambda: ph.Variable(np.ones((2, 2))).assign(x), "host": lambda: ops.convert_to_numpy(x),
            "move": lambda: ops.convert(x, "numpy"), "call": lambda: model(x),
            "predict": lambda: model.predict(x, verbose=0), "batch": lambda: model.predict_on_batch(x), "fit": lambda: model.fit(x, np.ones((2, 2)), verbose=0),
            "batches": lambda: model.predict(iter([x]), verbose=0), "train": lambda: model.train_on_batch(x, np.ones((2, 2))),
        }  # fmt: skip
        for name, enter in entrances.items():
            with pytest.raises(TypeError, match=r"[Ss]parse and ragged tensors are not supported yet; received a .*to_dense"):
                enter()
                raise AssertionError(name)
