"""Convolutions and pooling on NumPy against torch.nn.functional, which is another library here."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import pronghorn as ph

L = ph.layers
RNG = np.random.default_rng(0)
DATA = {
    1: RNG.normal(size=(2, 9, 4)).astype("float32"),
    2: RNG.normal(size=(2, 7, 8, 4)).astype("float32"),
    3: RNG.normal(size=(2, 5, 6, 5, 4)).astype("float32"),
}
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


@pytest.fixture(autouse=True)
def on_numpy():
    with ph.use_backend("numpy"):
        yield


def first(x):
    """Channels-last to torch's layout."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))


def last(y):
    return np.moveaxis(y.numpy(), 1, -1)


def kernel(w):
    """(spatial..., in, out) to torch's (out, in, spatial...)."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(w, (-1, -2), (0, 1))))


def same_padding(sizes, window, strides, dilation=1):
    """Zeros before and behind each axis for ceil(size / stride) outputs, in the order torch's pad wants: the last axis first."""
    pads = []
    for size, k, s in zip(sizes, window, strides):
        total = max((-(-size // s) - 1) * s + (k - 1) * dilation + 1 - size, 0)
        pads.append((total // 2, total - total // 2))
    return [p for pair in reversed(pads) for p in pair]


def filled(layer, x):
    """Build a layer and give it random weights."""
    layer.build(x.shape)
    layer.set_weights([RNG.normal(size=w.shape).astype("float32") for w in layer.weights])
    return layer


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3},
        {"kernel_size": 3, "strides": 2, "padding": "same"},
        {"kernel_size": 2, "dilation_rate": 2},
        {"kernel_size": 2, "dilation_rate": 2, "padding": "same"},
        {"kernel_size": 3, "groups": 2, "use_bias": False},
        {"kernel_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first", "activation": "relu"},
    ],
    ids=str,
)
def test_convolution_is_that_of_torch(n, options):
    layer, x = getattr(L, f"Conv{n}D")(6, **options), DATA[n]
    moved = options.get("data_format") == "channels_first"
    given = np.ascontiguousarray(np.moveaxis(x, -1, 1)) if moved else x
    y = filled(layer, given)(given)
    w, bias = layer.get_weights()[0], torch.from_numpy(layer.get_weights()[1]) if layer.use_bias else None
    t, stride, dilation = first(x), options.get("strides", 1), options.get("dilation_rate", 1)
    if options.get("padding") == "same":
        t = F.pad(t, same_padding(x.shape[1:-1], layer.kernel_size, layer.strides, dilation))
    expected = CONV[n](t, kernel(w), bias, stride=stride, dilation=dilation, groups=options.get("groups", 1))
    expected = expected.relu() if "activation" in options else expected
    np.testing.assert_allclose(y, expected.numpy() if moved else last(expected), atol=2e-5)
    assert layer.compute_output_shape(given.shape) == y.shape


@pytest.mark.parametrize("options", [{}, {"dilation_rate": 2}, {"strides": 2}], ids=str)
def test_causal_convolution_never_looks_ahead(options):
    x, layer = DATA[1], L.Conv1D(3, 3, padding="causal", **options)
    y = filled(layer, x)(x)
    w, b = layer.get_weights()
    step, stride = options.get("dilation_rate", 1), options.get("strides", 1)
    for i, t in enumerate(range(0, 9, stride)):
        taps = [x[:, t - step * (2 - k)] @ w[k] for k in range(3) if t - step * (2 - k) >= 0]
        np.testing.assert_allclose(y[:, i], sum(taps) + b, atol=1e-5)


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(
    "options", [{}, {"strides": 2, "padding": "same"}, {"dilation_rate": 2}, {"depth_multiplier": 2, "data_format": "channels_first"}], ids=str
)
def test_depthwise_and_separable_convolutions_are_grouped_ones(n, options):
    x, m = DATA[n], options.get("depth_multiplier", 1)
    moved = options.get("data_format") == "channels_first"
    given = np.ascontiguousarray(np.moveaxis(x, -1, 1)) if moved else x
    deep, split = getattr(L, f"DepthwiseConv{n}D")(3, **options), getattr(L, f"SeparableConv{n}D")(5, 3, **options)
    y, z = filled(deep, given)(given), filled(split, given)(given)

    def grouped(w):
        t = F.pad(first(x), same_padding(x.shape[1:-1], deep.kernel_size, deep.strides)) if "padding" in options else first(x)
        flat = w.reshape(*w.shape[:-2], 1, 4 * m)  # torch counts the filters of the first channel first
        return CONV[n](t, kernel(flat), stride=options.get("strides", 1), dilation=options.get("dilation_rate", 1), groups=4)

    def shown(t):
        return t.numpy() if moved else last(t)

    w, b = deep.get_weights()
    np.testing.assert_allclose(y, shown(grouped(w) + torch.from_numpy(b).reshape(1, -1, *(1,) * n)), atol=2e-5)
    w, point, b = split.get_weights()
    np.testing.assert_allclose(z, shown(CONV[n](grouped(w), kernel(point), torch.from_numpy(b))), atol=2e-5)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(
    "options", [{}, {"strides": 2}, {"strides": 3, "output_padding": 1}, {"dilation_rate": 2}, {"strides": 2, "data_format": "channels_first"}], ids=str
)
def test_transposed_convolution_is_that_of_torch(n, options):
    x, layer = DATA[n], getattr(L, f"Conv{n}DTranspose")(3, 3, **options)
    moved = options.get("data_format") == "channels_first"
    given = np.ascontiguousarray(np.moveaxis(x, -1, 1)) if moved else x
    y = filled(layer, given)(given)
    w, b = layer.get_weights()  # (spatial..., out, in)
    stride, more = options.get("strides", 1), options.get("output_padding", 0)
    expected = TRANSPOSED[n](first(x), kernel(w), torch.from_numpy(b), stride=stride, output_padding=more, dilation=options.get("dilation_rate", 1))
    np.testing.assert_allclose(y, expected.numpy() if moved else last(expected), atol=2e-5)


def test_transposed_convolution_is_the_gradient_of_the_convolution():
    # <conv(x), y> = <x, conv_transpose(y)> for the same kernel
    x = RNG.normal(size=(1, 8, 6, 2)).astype("float32")
    down, up = L.Conv2D(3, 3, strides=2, padding="same", use_bias=False), L.Conv2DTranspose(2, 3, strides=2, padding="same", use_bias=False)
    h = filled(down, x)(x)
    y = RNG.normal(size=h.shape).astype("float32")
    up.build(y.shape)
    up.set_weights(down.get_weights())
    np.testing.assert_allclose((h * y).sum(), (x * up(y)).sum(), rtol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_pooling_is_that_of_torch(n):
    x = DATA[n]
    largest, mean = {1: (F.max_pool1d, F.avg_pool1d), 2: (F.max_pool2d, F.avg_pool2d), 3: (F.max_pool3d, F.avg_pool3d)}[n]
    for kind, fn in (("Max", largest), ("Average", mean)):
        make = getattr(L, f"{kind}Pooling{n}D")
        np.testing.assert_allclose(make(2)(x), last(fn(first(x), 2)), atol=1e-6)
        np.testing.assert_allclose(make(3, strides=1)(x), last(fn(first(x), 3, stride=1)), atol=1e-6)
        planes = np.ascontiguousarray(np.moveaxis(x, -1, 1))
        np.testing.assert_allclose(make(2, data_format="channels_first")(planes), fn(first(x), 2).numpy(), atol=1e-6)
    # "same": padding never wins, and never counts
    pads = same_padding(x.shape[1:-1], (3,) * n, (2,) * n)
    low = F.pad(first(x), pads, value=-torch.inf)
    np.testing.assert_allclose(getattr(L, f"MaxPooling{n}D")(3, 2, "same")(x), last(largest(low, 3, stride=2)), atol=1e-6)
    total, count = (mean(F.pad(t, pads), 3, stride=2) for t in (first(x), torch.ones_like(first(x))))
    np.testing.assert_allclose(getattr(L, f"AveragePooling{n}D")(3, 2, "same")(x), last(total / count), atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_global_and_adaptive_pooling(n):
    x, axes = DATA[n], tuple(range(1, n + 1))
    np.testing.assert_allclose(getattr(L, f"GlobalMaxPooling{n}D")()(x), x.max(axes))
    np.testing.assert_allclose(getattr(L, f"GlobalAveragePooling{n}D")(keepdims=True)(x), x.mean(axes, keepdims=True), atol=1e-6)
    largest, mean = {
        1: (F.adaptive_max_pool1d, F.adaptive_avg_pool1d),
        2: (F.adaptive_max_pool2d, F.adaptive_avg_pool2d),
        3: (F.adaptive_max_pool3d, F.adaptive_avg_pool3d),
    }[n]
    np.testing.assert_allclose(getattr(L, f"AdaptiveMaxPooling{n}D")(3)(x), last(largest(first(x), 3)), atol=1e-6)
    np.testing.assert_allclose(getattr(L, f"AdaptiveAveragePooling{n}D")(4)(x), last(mean(first(x), 4)), atol=1e-6)


@pytest.mark.parametrize(
    "make, shape, message",
    [
        (lambda: L.Conv2D(3, 3, name="eye"), (2, 8, 8), r'"eye".*min_ndim=4.*\(2, 8, 8\)'),
        (lambda: L.Conv2D(4, 3, groups=2, name="eye"), (2, 8, 8, 3), "3 input channels are no multiple of groups=2"),
        (lambda: L.MaxPooling1D(name="pool"), (2, 8), r'"pool".*ndim=3.*\(2, 8\)'),
        (lambda: L.GlobalAveragePooling2D(name="mean"), (2, 8, 8), r'"mean".*ndim=4'),
    ],
)
def test_wrong_inputs_name_the_layer_and_both_shapes(make, shape, message):
    with pytest.raises(ValueError, match=message):
        make()(np.ones(shape, "float32"))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: L.Conv2D(0, 3), "filters must be a positive integer; received 0"),
        (lambda: L.Conv2D(3, (3, 3, 3)), "kernel_size"),
        (lambda: L.Conv2D(3, 3, strides=2, dilation_rate=2), "cannot both be above 1"),
        (lambda: L.Conv2D(3, 3, padding="causal"), "padding"),
        (lambda: L.Conv1D(3, 3, padding="causal", data_format="channels_first"), "channels_last"),
        (lambda: L.Conv2DTranspose(3, 3, strides=2, output_padding=2), "output_padding must be below strides"),
        (lambda: L.MaxPooling2D((2, 2, 2)), "pool_size"),
    ],
)
def test_wrong_arguments_are_refused_when_the_layer_is_made(make, message):
    with pytest.raises(ValueError, match=message):
        make()
