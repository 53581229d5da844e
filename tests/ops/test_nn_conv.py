"""Windows: against direct sums, TensorFlow's conventions for padding, and the adjoint relation."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 7, 8, 4)).astype("float32")


def _np(x):
    return ops.convert_to_numpy(x)


def _same(size, k, s, d):
    total = max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
    return total // 2, total - total // 2


def _direct(x, kernel, strides, padding, dilation, groups):
    """Convolution as the sum over taps."""
    taps = kernel.shape[:2]
    pairs = [_same(n, k, s, d) if padding == "same" else (0, 0) for n, k, s, d in zip(x.shape[1:3], taps, strides, dilation, strict=True)]
    x = np.pad(x, ((0, 0), *pairs, (0, 0))).astype("float64")
    out = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[1:3], taps, strides, dilation, strict=True)]
    y = np.zeros((x.shape[0], *out, kernel.shape[-1]))
    each, made = kernel.shape[2], kernel.shape[3] // groups
    for i in range(taps[0]):
        for j in range(taps[1]):
            a, b = i * dilation[0], j * dilation[1]
            part = x[:, a : a + (out[0] - 1) * strides[0] + 1 : strides[0], b : b + (out[1] - 1) * strides[1] + 1 : strides[1]]
            for g in range(groups):
                y[..., g * made : (g + 1) * made] += part[..., g * each : (g + 1) * each] @ kernel[i, j, :, g * made : (g + 1) * made]
    return y


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("strides", "dilation", "groups"), [((1, 1), (1, 1), 1), ((2, 3), (1, 1), 1), ((1, 1), (2, 2), 2)])
def test_conv_equals_the_direct_sum(engine, layout, padding, strides, dilation, groups):
    kernel = RNG.normal(size=(3, 2, 4 // groups, 6)).astype("float32")
    expected = _direct(IMAGES, kernel, strides, padding, dilation, groups)
    first = layout == "channels_first"
    x = np.moveaxis(IMAGES, -1, 1) if first else IMAGES
    out = ops.conv(x, kernel, strides, padding, layout, dilation)
    np.testing.assert_allclose(np.moveaxis(_np(out), 1, -1) if first else _np(out), expected, rtol=1e-4, atol=1e-4)
    spec = ops.conv(ph.KerasTensor((None, *x.shape[1:])), kernel, strides, padding, layout, dilation)
    assert spec.shape[1:] == tuple(engine.static_shape(out)[1:])


def test_depthwise_and_separable_conv_are_grouped_convs(engine):
    depthwise, pointwise = RNG.normal(size=(3, 3, 4, 2)).astype("float32"), RNG.normal(size=(1, 1, 8, 5)).astype("float32")
    expected = _direct(IMAGES, depthwise.reshape(3, 3, 1, 8), (2, 2), "same", (1, 1), 4)
    np.testing.assert_allclose(_np(ops.depthwise_conv(IMAGES, depthwise, 2, "same")), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(_np(ops.separable_conv(IMAGES, depthwise, pointwise, 2, "same")), expected @ pointwise[0, 0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("rank", [1, 3])
def test_conv_of_other_ranks(engine, rank):
    x = RNG.normal(size=(2, *(5,) * rank, 3)).astype("float32")
    kernel = np.ones((*(1,) * rank, 3, 2), "float32")
    np.testing.assert_allclose(_np(ops.conv(x, kernel)), np.repeat(x.sum(-1, keepdims=True), 2, -1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("taps", "strides"), [((3, 3), 1), ((3, 3), 2), ((2, 4), 3), ((5, 2), (2, 1)), ((1, 1), 2)])
def test_conv_transpose_is_the_adjoint_of_conv(engine, padding, taps, strides):
    kernel = RNG.normal(size=(*taps, 6, 4)).astype("float32")
    out = ops.conv_transpose(IMAGES, kernel, strides, padding)
    steps = (strides,) * 2 if isinstance(strides, int) else strides
    if padding == "same":
        assert tuple(engine.static_shape(out))[1:3] == tuple(n * s for n, s in zip(IMAGES.shape[1:3], steps, strict=True))
    probe = RNG.normal(size=engine.static_shape(out)).astype("float32")
    forward = _np(ops.conv(probe, kernel, strides, padding))
    # <conv(probe), x> == <probe, conv_transpose(x)>, in float64 to compare sums
    np.testing.assert_allclose(np.vdot(forward.astype("float64"), IMAGES), np.vdot(probe.astype("float64"), _np(out)), rtol=1e-3, atol=1e-3)


def test_conv_transpose_output_padding_lengthens_the_end(engine):
    x, kernel = np.ones((1, 3, 1), "float32"), np.ones((3, 1, 1), "float32")
    assert _np(ops.conv_transpose(x, kernel, 2, "valid", 0))[0, :, 0].tolist() == [1, 1, 2, 1, 2, 1, 1]
    assert _np(ops.conv_transpose(x, kernel, 2, "valid", 1))[0, :, 0].tolist() == [1, 1, 2, 1, 2, 1, 1, 0]
    assert ops.conv_transpose(ph.KerasTensor((None, 3, 1)), kernel, 2, "same", 1).shape == (None, 6, 1)


def test_pooling_same_counts_only_what_is_inside(engine):
    x = np.array([1.0, 3.0, 2.0], "float32").reshape(1, 3, 1)
    assert _np(ops.average_pool(x, 2, 2, "same"))[0, :, 0].tolist() == [2.0, 2.0]
    assert _np(ops.max_pool(-x, 2, 2, "same"))[0, :, 0].tolist() == [-1.0, -2.0]
    assert _np(ops.max_pool(np.moveaxis(IMAGES, -1, 1), (3, 2), 1, "valid", "channels_first")).shape == (2, 4, 5, 7)


@pytest.mark.parametrize("size", [3, (2, 5), (7, 8), (9, 3)])
def test_adaptive_pools_take_windows_from_floor_to_ceil(engine, size):
    rows, columns = (size, size) if isinstance(size, int) else size

    def windows(fold):
        out = np.zeros((2, rows, columns, 4))
        for i in range(rows):
            for j in range(columns):
                a, b = slice(i * 7 // rows, -(-(i + 1) * 7 // rows)), slice(j * 8 // columns, -(-(j + 1) * 8 // columns))
                out[:, i, j] = fold(IMAGES[:, a, b], axis=(1, 2))
        return out

    np.testing.assert_allclose(_np(ops.adaptive_average_pool(IMAGES, size)), windows(np.mean), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(_np(ops.adaptive_max_pool(IMAGES, size)), windows(np.max))


def test_symbolic_sizes_survive_strided_same_padding():
    x = ph.KerasTensor((None, None, None, 4))
    y = ops.max_pool(ops.conv(x, np.zeros((3, 3, 4, 5), "float32"), 2, "same"), 2)
    assert y.shape == (None, None, None, 5)


def test_wrong_arguments_are_named():
    with ph.use_backend("numpy"):
        with pytest.raises(ValueError, match='conv: padding must be "valid" or "same"; received \'full\''):
            ops.conv(IMAGES, np.zeros((3, 3, 4, 5), "float32"), padding="full")
        with pytest.raises(ValueError, match="conv: the input has 4 channels, no multiple of the 3"):
            ops.conv(IMAGES, np.zeros((3, 3, 3, 5), "float32"))
        with pytest.raises(ValueError, match="max_pool: strides must be an int or 2 ints"):
            ops.max_pool(IMAGES, 2, (1, 2, 3))
        with pytest.raises(ValueError, match="does not fit into an input"):
            ops.max_pool(IMAGES, 9)


def test_blocks_of_pixels_and_channels_are_inverse(engine):
    x = IMAGES[:, :6]
    deep = ops.space_to_depth(x, 2)
    assert _np(deep)[0, 0, 0].tolist() == x[0, :2, :2].reshape(-1).tolist()
    np.testing.assert_array_equal(_np(ops.depth_to_space(deep, 2)), x)


def test_channels_first_keeps_the_pixels_of_a_channel_together(engine):
    x = np.arange(2 * 8 * 2 * 3, dtype="float32").reshape(2, 8, 2, 3)
    wide = x.reshape(2, 2, 2, 2, 2, 3).transpose(0, 1, 4, 2, 5, 3).reshape(2, 2, 4, 6)
    np.testing.assert_array_equal(_np(ops.depth_to_space(x, 2, "channels_first")), wide)
    np.testing.assert_array_equal(_np(ops.space_to_depth(wide, 2, "channels_first")), x)
