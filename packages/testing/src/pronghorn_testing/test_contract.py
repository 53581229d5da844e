"""The backend as a plugin: it fits the contract, imports nothing before it is used, and takes host data by the same rules as every other."""

import subprocess
import sys

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops
from pronghorn.backend import contract, dtypes, primitives, registry
from pronghorn.backend.errors import MixedBackendsError
from pronghorn_testing import kit

pytestmark = pytest.mark.conformance
pytest_generate_tests = kit.generate
backend = kit.backend


def test_contract(name):
    """It loads and implements what it promises; the message lists every fault."""
    backend = contract.validate(registry.get(name))
    spec = registry.specs()[name]
    assert backend.name == name
    assert backend.capabilities == spec.capabilities, "the class and pronghorn_backend() promise different capabilities"
    assert backend.types, "types must name the tensor classes"


def test_deviations_are_known(name):
    """Every entry of the plugin's xfails.toml names a check and a case of this kit."""
    assert not kit.undeclared(name, runtime_checks())


def runtime_checks():
    """The names of the runtime checks, which `[runtime]` in xfails.toml may hold."""
    from pronghorn_testing import test_control, test_state, test_training

    modules = (sys.modules[__name__], test_state, test_control, test_training)
    return {n for m in modules for n in vars(m) if n.startswith("test_")}


def test_listing_imports_no_engine(name):
    """Listing backends imports the plugin's light module and not the engine."""
    spec = registry.specs()[name]
    engines = {spec.engine.partition(".")[0], *spec.modules} - {"numpy"}
    code = f"import sys, pronghorn; pronghorn.list_backends(); print(sorted({engines!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_activation(backend):
    """`use_backend` and `set_backend` make it the active one."""
    with ph.use_backend(backend.name) as active:
        assert active is backend is registry.active()
        x = ops.convert_to_tensor([1.0, 2.0])
        assert backend.owns(type(x)) and ops.is_tensor(x)


def test_conversion_keeps_values_and_copies(backend):
    """Arrays come back as they went, and later changes of the array do not reach the tensor."""
    for name in dtypes.ALL:
        if name not in backend.dtypes or name.startswith("float8") or name in dtypes.COMPLEX and "complex" not in backend.capabilities:
            continue
        array = np.array([[0, 1, 2], [3, 4, 100]]).astype(dtypes.numpy_dtype(name))
        x = backend.convert_to_tensor(array, name)
        assert backend.dtype(x) == name
        back = backend.convert_to_numpy(x)
        assert back.dtype == array.dtype and back.shape == (2, 3)
        kept = array.copy()
        np.testing.assert_array_equal(back.astype("complex64"), kept.astype("complex64"))
        array[0, 0] = 1
        np.testing.assert_array_equal(np.asarray(backend.convert_to_numpy(x)).astype("complex64"), kept.astype("complex64"))
    scalar = backend.convert_to_tensor(np.array(2.5, "float32"), "float32")
    assert backend.convert_to_numpy(scalar).shape == () and tuple(backend.static_shape(scalar)) == ()
    empty = backend.convert_to_tensor(np.zeros((0, 3), "float32"), "float32")
    assert backend.convert_to_numpy(empty).shape == (0, 3)


def test_host_data_without_a_dtype(backend):
    """Python numbers and lists become floatx, int32 and bool; int64 arrays stay where the backend has the dtype."""
    with ph.use_backend(backend.name):
        found = {name: backend.dtype(ops.convert_to_tensor(v)) for name, v in {"float": 1.5, "list": [1.5], "int": [1], "bool": [True]}.items()}
        assert found == {"float": "float32", "list": "float32", "int": "int32", "bool": "bool"}
        wide = np.array([1, 2], "int64")
        assert backend.dtype(ops.add(ops.convert_to_tensor(wide), 0)) == backend.canonical("int64")
        if not backend.host_tensors:
            assert backend.dtype(ops.convert_to_tensor(np.array([1.5]))) == "float32"


def test_integers_are_not_truncated(backend):
    """Integers that do not fit raise; explicit dtypes are kept or refused."""
    with ph.use_backend(backend.name):
        big = np.array([2**40])
        if "int64" in backend.dtypes:
            assert ops.convert_to_numpy(ops.convert_to_tensor(big)).tolist() == [2**40]
        else:
            with pytest.raises(OverflowError, match="does not fit"):
                ops.convert_to_tensor(big)
        x = ops.convert_to_tensor(np.array([1], "uint8"))
        with pytest.raises(OverflowError, match="does not fit uint8"):
            ops.add(x, 300)
        for name in ("float64", "int64"):
            if name in backend.dtypes:
                assert backend.dtype(ops.convert_to_tensor([1], dtype=name)) == name
            else:
                with pytest.raises(TypeError, match=f"no dtype {name}"):
                    ops.convert_to_tensor([1], dtype=name)


PROMOTIONS = [
    ("int32", "float32", "float32"), ("int8", "uint8", "int16"), ("uint8", "int32", "int32"), ("float16", "bfloat16", "float32"),
    ("bfloat16", "float32", "float32"), ("int32", "bfloat16", "bfloat16"), ("bool", "int8", "int8"), ("bool", "float16", "float16"),
    ("int64", "float16", "float16"), ("float32", "float64", "float64"), ("float32", "complex64", "complex64"),
]  # fmt: skip


def test_promotion(backend):
    """Mixed dtypes give the lattice's, in either order, and a Python number keeps the tensor's."""
    with ph.use_backend(backend.name):
        for a, b, expected in PROMOTIONS:
            if {a, b, expected} - backend.dtypes or "complex64" in (a, b) and "complex" not in backend.capabilities:
                continue
            x, y = (backend.convert_to_tensor(np.ones(2, dtypes.numpy_dtype(n)), n) for n in (a, b))
            assert {backend.dtype(ops.add(x, y)), backend.dtype(ops.multiply(y, x))} == {expected}, (a, b)
        for name in ("float16", "bfloat16", "uint8", "int64"):
            if name in backend.dtypes:
                x = backend.convert_to_tensor(np.ones(2, dtypes.numpy_dtype(name)), name)
                assert backend.dtype(ops.multiply(x, 2)) == name
                assert backend.dtype(ops.multiply(2.5, x)) == (name if name in dtypes.FLOAT else "float32")


def test_tensors_of_two_backends_do_not_mix(backend):
    """Mixing raises and says how to move; moving keeps values and dtype."""
    other = next((b for n in ("numpy", *kit.registry.specs()) if (b := kit.load(n)) is not None and b is not backend and not b.host_tensors), None)
    with ph.use_backend(backend.name):
        x = ops.convert_to_tensor([1.0, 2.0])
        moved = ops.convert(x, backend="numpy")
        assert type(moved) is np.ndarray and moved.dtype == np.float32
        np.testing.assert_array_equal(moved, [1.0, 2.0])
    if other is None or backend.host_tensors:
        return  # an ndarray is host data, so with one backend of real tensors there is nothing to mix
    y = other.convert_to_tensor(np.ones(2, "float32"), "float32")
    with pytest.raises(MixedBackendsError, match="ops.convert"):
        ops.add(x, y)


def test_errors_are_pronghorns(backend):
    """Shapes that do not fit give the rule's message, whatever the engine would have said."""
    with ph.use_backend(backend.name):
        a, b = (ops.convert_to_tensor(np.zeros(s, "float32")) for s in ((2, 3), (4, 5)))
        with pytest.raises(ValueError, match=r"add: shapes \(2, 3\) and \(4, 5\) do not broadcast"):
            ops.add(a, b)
        with pytest.raises(ValueError, match=r"matmul: shapes \(2, 3\) and \(4, 5\) do not fit"):
            ops.matmul(a, b)
        with pytest.raises(ValueError, match="axis 5 is out of range"):
            ops.sum(a, axis=5)


def test_devices(backend):
    """There is a default device, tensors can be put there, and an unknown one is refused."""
    first = backend.devices()[0]
    x = backend.convert_to_tensor(np.ones(2, "float32"), "float32")
    np.testing.assert_array_equal(backend.convert_to_numpy(backend.put(x, first)), [1.0, 1.0])
    with backend.device_scope(first):
        backend.convert_to_tensor(np.ones(2, "float32"), "float32")
    with pytest.raises(ValueError, match="has no device"), backend.device_scope("quantum:0"):
        pass


def test_creation_primitives(backend):
    """`full` and `arange` in every kind of dtype."""
    for name, value in (("float32", 2.5), ("int32", -3), ("bool", True), ("bfloat16", 0.5)):
        x = backend.full((2, 0, 3), value, name), backend.full((2,), value, name), backend.full((), value, name)
        assert [backend.dtype(v) for v in x] == [name] * 3
        assert [backend.convert_to_numpy(v).shape for v in x] == [(2, 0, 3), (2,), ()]
        assert backend.convert_to_numpy(x[1]).astype(float).tolist() == [float(value)] * 2
    for args, expected in (((0, 4, 1, "int32"), [0, 1, 2, 3]), ((5, 0, -2, "int32"), [5, 3, 1]), ((0, 1, 0.25, "float32"), [0, 0.25, 0.5, 0.75]), ((3, 3, 1, "int32"), [])):
        x = backend.arange(*args)
        assert backend.dtype(x) == args[3] and backend.convert_to_numpy(x).tolist() == expected


def test_ops_have_cases():
    """The kit covers every primitive and every public op, so that an op comes with its case."""
    from pronghorn_testing.coverage import missing

    assert not missing()
    assert set(primitives.CREATION) == {"convert_to_tensor", "full", "arange"}, "test_creation_primitives covers these"
