import numpy as np
import pytest

from pronghorn import ops
from pronghorn.backend.dims import Dim
from pronghorn.symbolic import Spec, order, run


def test_shapes_and_unknown_sizes():
    x = Spec((None, 4, 6))
    assert ops.reshape(x, (-1, 24)).shape == (None, 24)
    assert ops.reshape(x, (-1, 24)).dims[0] == x.dims[0]
    assert ops.mean(x, axis=(1, 2)).shape == (None,)
    assert ops.concatenate([x, x], axis=0).dims[0] == 2 * x.dims[0]
    assert ops.transpose(x).shape == (6, 4, None)
    assert ops.matmul(x, np.ones((6, 2), "float32")).shape == (None, 4, 2)
    assert ops.stack([x, x], axis=-1).shape == (None, 4, 6, 2)
    assert ops.argmax(x, axis=-1).dtype == "int32"


def test_named_dimensions_keep_their_names():
    x = Spec((Dim("batch"), Dim("time"), 3))
    assert repr(ops.reshape(x, (-1, 3)).dims[0]) == "batch*time"


def test_outermost_op_leaves_one_node_and_replays():
    x = Spec((None, 3))
    y = ops.mean(ops.exp(x), axis=-1)
    nodes = order([y], [x])
    assert [n.name for n in nodes] == ["exp", "mean"]
    value = np.arange(6, dtype="float32").reshape(2, 3)
    out = run(nodes, {id(x): value}, y)
    np.testing.assert_allclose(np.asarray(ops.convert_to_numpy(out)), np.exp(value).mean(-1), rtol=1e-6)


def test_a_spec_has_no_values():
    x = Spec((2,))
    with pytest.raises(TypeError, match="no values"):
        np.asarray(x)
    with pytest.raises(TypeError, match="truth value"):
        bool(x)


def test_disconnected_graph_is_reported():
    x, stray = Spec((2,)), Spec((2,))
    with pytest.raises(ValueError, match="disconnected"):
        order([ops.add(x, stray)], [x])
