"""Sparse and ragged tensors of any library are refused in words, also by ops that an engine has a kernel for."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops
from pronghorn.backend.op import OPS, PRIMITIVES


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


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("layout", ["to_sparse", "to_sparse_csr"])
def test_no_op_takes_pytorchs_sparse_tensors_after_dense_ones(layout, dtype):
    """PyTorch runs many of its functions on sparse tensors too; what they give must not depend on what an op has seen before."""
    torch = pytest.importorskip("torch")
    dense = torch.eye(3, dtype=getattr(torch, dtype))
    sparse, taken, tried = getattr(dense, layout)(), [], 0
    more = {"cast": "float16", "expand_dims": 0, "reshape": (9,), "split": 3, "take": [0], "repeat": 2, "tile": 2, "swapaxes": (0, 1)}
    with ph.use_backend("torch"):
        for name, entry in [*OPS.items(), *PRIMITIVES.items(), ("cast", None)]:
            if name.startswith("_"):  # for ops' own use
                continue
            count = 1 if entry is None else len(entry.operands)
            call = ops.cast if entry is None else entry.public
            given = more.get(name, ())
            given = given if name == "swapaxes" else (given,) if name in more else ()

            def run(*xs, call=call, entry=entry, given=given):
                return call([*xs], *given) if entry is not None and entry.listed else call(*xs, *given)

            try:
                run(*[dense] * count)
                run(*[dense] * count)
            except Exception:  # it needs more than matrices, or other ones
                continue
            tried += 1
            for xs in ([sparse] * count, [sparse, *[dense] * (count - 1)], [*[dense] * (count - 1), sparse]):
                try:
                    run(*xs)
                    taken.append(name)
                except TypeError as error:
                    assert "Sparse and ragged tensors are not supported yet" in str(error), name
    assert not taken and tried > 150
