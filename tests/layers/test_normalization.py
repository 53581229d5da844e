"""Normalisation layers against torch.nn.functional and their formulas."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import pronghorn as ph
from pronghorn.ops.fused import normalized_batch

L = ph.layers
RNG = np.random.default_rng(1)
X = RNG.normal(2.0, 3.0, size=(6, 5, 4)).astype("float32")
PLANES = torch.from_numpy(np.ascontiguousarray(np.moveaxis(X, -1, 1)))


@pytest.fixture(autouse=True)
def on_numpy():
    with ph.use_backend("numpy"):
        yield


def filled(layer, shape):
    """Build a layer and give it random weights, positive where they are variances."""
    layer.build(shape)
    layer.set_weights([np.abs(RNG.normal(size=w.shape)).astype("float32") + 0.5 for w in layer.weights])
    return layer


@pytest.mark.parametrize("training", [False, True])
def test_batch_normalization_is_that_of_torch(training):
    layer = filled(L.BatchNormalization(momentum=0.7, epsilon=1e-2), X.shape)
    gamma, beta, mean, variance = (torch.from_numpy(w.copy()) for w in layer.get_weights())
    y = layer(X, training=training)
    expected = F.batch_norm(PLANES, mean.clone(), variance.clone(), gamma, beta, training, eps=1e-2).numpy()
    np.testing.assert_allclose(y, np.moveaxis(expected, 1, -1), atol=1e-5)
    after = layer.get_weights()
    if training:  # torch's running variance is the unbiased one, Keras' is not
        np.testing.assert_allclose(after[2], 0.7 * mean.numpy() + 0.3 * X.mean((0, 1)), atol=1e-5)
        np.testing.assert_allclose(after[3], 0.7 * variance.numpy() + 0.3 * X.var((0, 1)), rtol=1e-5)
    else:
        np.testing.assert_array_equal(after[2], mean.numpy())


def test_batch_normalization_along_another_axis_without_scale_and_shift():
    layer = L.BatchNormalization(axis=1, center=False, scale=False, epsilon=0.0)
    y = layer(X, training=True)
    np.testing.assert_allclose(y, (X - X.mean((0, 2), keepdims=True)) / X.std((0, 2), keepdims=True), atol=1e-5)
    assert [w.name for w in layer.weights] == ["moving_mean", "moving_variance"]


@pytest.mark.parametrize("engine", ["jax", "torch", "tensorflow"])
@pytest.mark.parametrize("shape, axis", [((6, 4), -1), ((3, 4, 5), 1), ((3, 5, 2, 4), -1), ((2, 4, 3, 3), 1), ((2, 3, 2, 2, 4), -1), ((1, 4), -1)])
def test_gradients_of_batch_normalization_flow_through_its_statistics(engine, shape, axis):
    x, slope = RNG.normal(1.0, 2.0, size=shape), RNG.normal(size=shape)
    rows, slopes = (np.moveaxis(v, axis, -1).reshape(-1, 4) for v in (x, slope))
    with ph.use_backend(engine):
        layer = filled(L.BatchNormalization(axis=axis, epsilon=1e-2, momentum=0.0), shape)
        gamma = np.asarray(layer.get_weights()[0], "float64")
        inputs = ph.Variable(x.astype("float32"))
        wanted = [inputs, layer.gamma, layer.beta]
        _, found = ph.value_and_grad(lambda: ph.ops.sum(ph.ops.multiply(layer(inputs.value, training=True), slope.astype("float32"))), wanted)
        dx, dgamma, dbeta = (ph.ops.convert_to_numpy(g) for g in found)
        mean, variance = layer.get_weights()[2:]
    deviation = np.sqrt(rows.var(0) + 1e-2)
    unit = (rows - rows.mean(0)) / deviation
    expected = gamma / deviation * (slopes - slopes.mean(0) - unit * (slopes * unit).mean(0))
    np.testing.assert_allclose(np.moveaxis(dx, axis, -1).reshape(-1, 4), expected, atol=2e-5)
    np.testing.assert_allclose(dgamma, (slopes * unit).sum(0), atol=2e-5)
    np.testing.assert_allclose(dbeta, slopes.sum(0), atol=2e-5)
    np.testing.assert_allclose(mean, rows.mean(0), atol=1e-5)
    np.testing.assert_allclose(variance, rows.var(0), atol=1e-5)


@pytest.mark.parametrize("engine", ["jax", "torch", "tensorflow"])
@pytest.mark.parametrize("shape", [(5, 4), (16, 16, 16, 32), (4, 4, 8, 32, 32), (64, 64, 32)])  # engines have other kernels for the large ones
def test_gradients_of_given_statistics(engine, shape):
    x, slope = (RNG.normal(size=shape).astype("float32") for _ in range(2))
    mean, offset, scale = (RNG.normal(size=shape[-1]).astype("float32") for _ in range(3))
    variance = RNG.uniform(0.5, 2.0, size=shape[-1]).astype("float32")
    with ph.use_backend(engine):
        values = [ph.Variable(v) for v in (x, mean, variance, offset, scale)]

        def loss():
            a, m, v, o, s = (v.value for v in values)
            return ph.ops.sum(ph.ops.multiply(ph.ops.batch_normalization(a, m, v, -1, o, s, 1e-2), slope))

        found = [ph.ops.convert_to_numpy(g) for g in ph.value_and_grad(loss, values)[1]]
    over = tuple(range(len(shape) - 1))
    x, slope, mean, variance, scale = (v.astype("float64") for v in (x, slope, mean, variance, scale))
    inverse = 1 / np.sqrt(variance + 1e-2)
    expected = [
        slope * scale * inverse, -(slope.sum(over) * scale * inverse), -0.5 * (slope * (x - mean)).sum(over) * scale * inverse**3,
        slope.sum(over), (slope * (x - mean)).sum(over) * inverse,
    ]  # fmt: skip
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("engine", ["jax", "torch", "tensorflow"])
def test_batches_are_normalised_side_by_side(engine):
    with ph.use_backend(engine):
        y = ph.ops.vectorized_map(lambda batch: normalized_batch(batch, -1, epsilon=0.0)[0], ph.ops.convert_to_tensor(X))
        y = ph.ops.convert_to_numpy(y)
    np.testing.assert_allclose(y, (X - X.mean(1, keepdims=True)) / X.std(1, keepdims=True), atol=1e-4)


def test_frozen_batch_normalization_uses_its_averages_even_in_training():
    layer = filled(L.BatchNormalization(trainable=False), X.shape)
    before = layer.get_weights()
    np.testing.assert_array_equal(layer(X, training=True), layer(X))
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_masked_steps_do_not_count_in_batch_statistics():
    mask = np.arange(30).reshape(6, 5) % 4 > 0
    layer = L.BatchNormalization(momentum=0.0)
    layer(X, training=True, mask=mask)
    np.testing.assert_allclose(layer.moving_mean.numpy(), X[mask].mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), X[mask].var(0), rtol=1e-5)


def test_batch_renormalization_corrects_towards_the_averages():
    # with r and d unlimited the training output is that of inference by the averages before the step (Ioffe, 2017)
    layer = L.BatchNormalization(renorm=True, epsilon=0.0)
    layer.build(X.shape)
    mean, std = np.full(4, 1.5, "float32"), np.full(4, 2.5, "float32")
    layer.renorm_mean.assign(mean), layer.renorm_stddev.assign(std)
    np.testing.assert_allclose(layer(X, training=True), (X - mean) / std, atol=1e-4)
    # limits of r = 1 and d = 0 leave plain batch normalisation
    plain = L.BatchNormalization(renorm=True, renorm_clipping={"rmin": 1.0, "rmax": 1.0, "dmax": 0.0}, epsilon=0.0)
    np.testing.assert_allclose(plain(X, training=True), (X - X.mean((0, 1))) / X.std((0, 1)), atol=1e-4)


@pytest.mark.parametrize("axis, shape", [(-1, (4,)), ([1, 2], (5, 4))])
def test_layer_normalization_is_that_of_torch(axis, shape):
    layer = filled(L.LayerNormalization(axis=axis, epsilon=1e-2), X.shape)
    gamma, beta = (torch.from_numpy(w) for w in layer.get_weights())
    np.testing.assert_allclose(layer(X), F.layer_norm(torch.from_numpy(X), shape, gamma, beta, eps=1e-2).numpy(), atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_group_normalization_is_that_of_torch(groups):
    layer = filled(L.GroupNormalization(groups, epsilon=1e-2), X.shape)
    gamma, beta = (torch.from_numpy(w) for w in layer.get_weights())
    np.testing.assert_allclose(layer(X), np.moveaxis(F.group_norm(PLANES, groups, gamma, beta, eps=1e-2).numpy(), 1, -1), atol=1e-5)


def test_rms_and_unit_normalization():
    layer = filled(L.RMSNormalization(epsilon=1e-2), X.shape)
    np.testing.assert_allclose(layer(X), F.rms_norm(torch.from_numpy(X), (4,), torch.from_numpy(layer.get_weights()[0]), eps=1e-2).numpy(), atol=1e-5)
    np.testing.assert_allclose(L.UnitNormalization()(X), F.normalize(torch.from_numpy(X), dim=-1).numpy(), atol=1e-6)


def test_spectral_normalization_divides_by_the_largest_singular_value():
    layer = L.SpectralNormalization(L.Dense(5, use_bias=False), power_iterations=50)
    x = RNG.normal(size=(3, 4)).astype("float32")
    layer.build(x.shape)
    kernel = RNG.normal(size=(4, 5)).astype("float32")
    layer.layer.kernel.assign(kernel)
    np.testing.assert_allclose(layer(x), x @ kernel, atol=1e-5)  # inference leaves the kernel
    layer(x, training=True)
    np.testing.assert_allclose(layer.layer.get_weights()[0], kernel / np.linalg.svd(kernel)[1][0], atol=1e-4)
    with pytest.raises(ValueError, match='"re_lu.*neither kernel nor embeddings'):
        L.SpectralNormalization(L.ReLU()).build((None, 3))


def test_half_precision_computes_statistics_in_float32():
    x = np.full((2, 4096), 60.0, "float32")  # the sum of squares overflows float16
    for layer in (L.LayerNormalization(dtype="float16", epsilon=1.0), L.RMSNormalization(dtype="float16"), L.GroupNormalization(1, dtype="float16")):
        y = layer(x)
        assert y.dtype == "float16" and np.isfinite(y.astype("float32")).all()


@pytest.mark.parametrize(
    "make, shape, message",
    [
        (lambda: L.BatchNormalization(axis=3, name="norm"), (2, 3), r'"norm".*axis 3.*\(2, 3\)'),
        (lambda: L.GroupNormalization(3, name="norm"), (2, 4), '"norm".*4 channels are no multiple of groups=3'),
        (lambda: L.BatchNormalization(name="norm"), (2, None), '"norm".*axis -1 must be known'),
    ],
)
def test_wrong_shapes_name_the_layer(make, shape, message):
    with pytest.raises(ValueError, match=message):
        make().build(shape)
