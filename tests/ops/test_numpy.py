"""What the conformance kit's cases of NumPy's functions do not state: refusals, traced calls, symbolic shapes, gradients at kinks."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops
from pronghorn.backend import registry

ENGINES = ("numpy", "jax", "torch", "tensorflow", "openvino")
TRAINING = ("jax", "torch", "tensorflow")
NAN = float("nan")


@pytest.fixture(params=ENGINES)
def engine(request):
    with ph.use_backend(request.param):
        yield request.param


REFUSED = {
    "quantile level": (lambda: ops.quantile([1.0, 2.0], 1.5), ValueError, "between 0 and 1"),
    "percentile level": (lambda: ops.percentile([1.0, 2.0], [50, 101]), ValueError, "between 0 and 100"),
    "quantile method": (lambda: ops.quantile([1.0, 2.0], 0.5, method="nearst"), ValueError, '"nearest"|nearest'),
    "quantile of nothing": (lambda: ops.quantile(np.zeros((2, 0), "float32"), 0.5, axis=1), ValueError, "no elements"),
    "average weights": (lambda: ops.average(np.ones((2, 3)), weights=np.ones(3)), ValueError, "axis"),
    "average sizes": (lambda: ops.average(np.ones((2, 3)), axis=1, weights=np.ones(2)), ValueError, "fit neither"),
    "ptp bool": (lambda: ops.ptp([True, False]), TypeError, "booleans"),
    "diff order": (lambda: ops.diff([1, 2], n=-1), ValueError, "negative"),
    "correlate mode": (lambda: ops.correlate([1.0], [1.0], mode="all"), ValueError, "mode"),
    "correlate nothing": (lambda: ops.correlate(np.zeros(0, "float32"), [1.0]), ValueError, "empty"),
    "cdist rank": (lambda: ops.cdist([1.0], [[1.0]]), ValueError, "rank 2"),
    "cdist rows": (lambda: ops.cdist([[1.0]], [[1.0, 2.0]]), ValueError, "one length"),
    "bincount float": (lambda: ops.bincount([1.0]), TypeError, "integers"),
    "bincount negative": (lambda: ops.bincount([1, -1]), ValueError, "negative"),
    "bincount sparse": (lambda: ops.bincount([1], sparse=True), ValueError, "sparse"),
    "histogram bins": (lambda: ops.histogram([1.0], bins=[0, 1]), TypeError, "int"),
    "histogram range": (lambda: ops.histogram([1.0], range=(1, 0)), ValueError, "range"),
    "gcd float": (lambda: ops.gcd([1.0], [2.0]), TypeError, "integers"),
    "lcm bool": (lambda: ops.lcm([True], [True]), TypeError, "integers"),
    "segment rows": (lambda: ops.segment_sum([1.0, 2.0], [0, 1, 1]), ValueError, "one number per row"),
    "segment float": (lambda: ops.segment_max([1.0, 2.0], [0.0, 1.0]), TypeError, "integers"),
    "select lengths": (lambda: ops.select([[True]], [[1], [2]]), ValueError, "one choice per condition"),
    "select nothing": (lambda: ops.select([], []), ValueError, "empty"),
    "vander rank": (lambda: ops.vander([[1.0]]), ValueError, "vector"),
    "view width": (lambda: ops.view(np.zeros(3, "uint8"), "int32"), ValueError, "divide"),
    "view scalar": (lambda: ops.view(np.float32(1.0), "int16"), ValueError, "scalar"),
    "unravel float": (lambda: ops.unravel_index([1.0], (2, 2)), TypeError, "integers"),
    "argpartition rank": (lambda: ops.argpartition([1, 2], 2), ValueError, "out of range"),
    "vsplit rank": (lambda: ops.vsplit([1, 2], 2), ValueError, "rank 2"),
    "linspace count": (lambda: ops.linspace(0, 1, -1), ValueError, "num"),
    "eye size": (lambda: ops.eye(2.0), TypeError, "expected an int"),
    "rearrange arrow": (lambda: ops.rearrange(np.ones((2, 3)), "a b"), ValueError, "->"),
    "rearrange rank": (lambda: ops.rearrange(np.ones((2, 3)), "a -> a"), ValueError, "describes 1 axes"),
    "rearrange names": (lambda: ops.rearrange(np.ones((2, 3)), "a b -> a c"), ValueError, "same names"),
    "rearrange open": (lambda: ops.rearrange(np.ones(6), "(a b) -> a b"), ValueError, "leaves the sizes"),
    "rearrange size": (lambda: ops.rearrange(np.ones(6), "(a b) -> a b", a=4), ValueError, "does not fit"),
    "rearrange unknown": (lambda: ops.rearrange(np.ones(6), "a -> a", b=2), ValueError, "does not name"),
    "rearrange sign": (lambda: ops.rearrange(np.ones(6), "a -> a +"), ValueError, "cannot read"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("backend", ("numpy", "torch"))
def test_wrong_arguments_are_refused_with_the_reason(backend, name):
    call, kind, words = REFUSED[name]
    with ph.use_backend(backend), pytest.raises(kind, match=words):
        call()


DEPENDING = {
    "unique": lambda x: ops.unique(x),
    "bincount": lambda x: ops.bincount(x),
    "segment_sum": lambda x: ops.segment_sum(x, x),
    "bartlett": lambda x: ops.bartlett(x[0]),
}


@pytest.mark.parametrize("name", DEPENDING)
@pytest.mark.parametrize("backend", ("jax", "tensorflow"))
def test_a_result_whose_shape_depends_on_values_is_refused_while_traced(backend, name):
    import jax
    import tensorflow as tf

    compiled = {"jax": jax.jit, "tensorflow": tf.function}[backend](DEPENDING[name])
    with ph.use_backend(backend):
        x = ops.convert_to_tensor([2, 0, 2], "int32")
        DEPENDING[name](x)
        with pytest.raises(ValueError, match="while a function is traced"):
            compiled(x)


def test_the_same_shapes_are_unknown_dimensions_of_a_model():
    x = ph.KerasTensor((5, 2), "int32")
    assert ops.unique(x).shape == (None,)
    values, inverse = ops.unique(x, axis=0, return_inverse=True)
    assert values.shape == (None, 2) and inverse.shape == (5,)
    assert ops.unique(x, size=3).shape == (3,)
    assert ops.bincount(x, minlength=4).shape == (5, None)
    assert ops.segment_sum(x, ph.KerasTensor((5,), "int32")).shape == (None, 2)
    batch = ph.KerasTensor((None, 4))
    assert ops.quantile(batch, [0.1, 0.5], axis=1, keepdims=True).shape == (2, None, 1)
    assert ops.rearrange(batch, "n (h w) -> (n h) w", h=2).shape == (None, 2)
    assert ops.view(batch, "uint8").shape == (None, 16)
    assert [v.shape for v in ops.histogram(ph.KerasTensor((None,)), bins=3)] == [(3,), (4,)]
    assert ops.median(batch, axis=0).shape == (4,)


def test_a_model_holds_them_as_steps(engine):
    x = np.arange(12, dtype="float32").reshape(2, 6)
    i = ph.Input((6,))
    parts = ops.rearrange(i, "n (a b) -> n b a", a=2)
    model = ph.Model(i, [ops.median(parts, axis=(1, 2)), ops.quantile(i, [0.0, 1.0], axis=0), ops.diff(parts, axis=1)])
    median, ends, steps = (ops.convert_to_numpy(v) for v in model(ops.convert_to_tensor(x)))
    np.testing.assert_allclose(median, [2.5, 8.5])
    np.testing.assert_allclose(ends, x)
    np.testing.assert_allclose(steps, np.ones((2, 2, 2)))


def test_host_data_gives_tensors_of_the_active_engine(engine):
    b = registry.active()
    for made in (ops.eye(2), ops.tri(2), ops.linspace(0, 1, 3), ops.geomspace(1, 8, 4), ops.hanning(4), ops.array([1, 2]), ops.select([[True]], [[1]])):
        assert b.owns(type(made))
    numbers, step = ops.linspace(0, 10, 5, retstep=True)
    assert b.owns(type(step)) and float(ops.convert_to_numpy(step)) == 2.5
    assert ops.dtype(numbers) == "float32" and ops.dtype(ops.linspace(0, 3, 4, dtype="int32")) == "int32"


def test_variables_are_taken(engine):
    v = ph.Variable(np.array([3.0, 1.0, 2.0], "float32"))
    assert float(ops.convert_to_numpy(ops.median(v))) == 2.0
    assert float(ops.convert_to_numpy(ops.quantile(v, ph.Variable(0.5)))) == 2.0
    assert ops.convert_to_numpy(ops.isin(v, v)).all()


KINKS = {
    "cdist of equal points": (lambda x: ops.cdist(x, x), np.array([[1.0, 2.0], [1.0, 2.0]])),
    "nanvar of nan": (lambda x: ops.nanvar(x, axis=1)[1:], np.array([[NAN, NAN], [1.0, NAN]])),
    "nanmean of nan": (lambda x: ops.nanmean(x, axis=1)[1:], np.array([[NAN, NAN], [1.0, NAN]])),
    "nanstd of one number": (lambda x: ops.nanstd(x, axis=1), np.array([[1.0, NAN], [2.0, 2.0]])),
    "quantile beside infinity": (lambda x: ops.quantile(x, 0.0), np.array([1.0, np.inf])),
    "vander at zero": (lambda x: ops.vander(x, 4), np.array([0.0, 1.0])),
    "i0 at zero": (lambda x: ops.i0(x), np.array([0.0, 30.0])),
    "erfc far out": (lambda x: ops.erfc(x), np.array([-40.0, 0.0, 40.0])),
    "geomspace": (lambda x: ops.geomspace(x, x * 4.0, 3), np.array([1.0, 2.0])),
}  # fmt: skip


@pytest.mark.parametrize("name", KINKS)
@pytest.mark.parametrize("backend", TRAINING)
def test_gradients_stay_finite_at_kinks(backend, name):
    fn, at = KINKS[name]
    with ph.use_backend(backend):
        x = ops.convert_to_tensor(at.astype("float32"))
        (_, _), (gradient,) = registry.active().value_and_grad(lambda v: (ops.sum(fn(v[0])), None), [x])
        assert np.isfinite(ops.convert_to_numpy(gradient)).all()


def test_the_slope_of_erfc_at_zero():
    with ph.use_backend("torch"):
        x = ops.convert_to_tensor([0.0])
        (_, _), (gradient,) = registry.active().value_and_grad(lambda v: (ops.sum(ops.erfc(v[0])), None), [x])
        assert float(gradient[0]) == pytest.approx(-2 / np.sqrt(np.pi))


def test_bessel_and_error_function_agree_with_scipy():
    special = pytest.importorskip("scipy.special")
    x = np.linspace(-40, 40, 2001)
    with ph.use_backend("numpy"):
        np.testing.assert_allclose(ops.i0(x), special.i0(x), rtol=1e-14)
        inside = x[np.abs(x) < 26]
        np.testing.assert_allclose(ops.erfc(inside), special.erfc(inside), rtol=1.5e-13)  # exp(-x²) has a condition number of 2x² < 1352
        small = np.linspace(-9, 9, 3001).astype("float32")
        np.testing.assert_allclose(ops.erfc(small), special.erfc(small.astype("float64")), rtol=1e-6)
        large = small * 9
        np.testing.assert_allclose(ops.i0(large), special.i0(large.astype("float64")), rtol=2e-6)
