"""Images against SciPy and torch, unknown sizes, random fields, layouts and errors; small cases are in the conformance kit."""

import numpy as np
import pytest
import scipy.ndimage
import torch

import pronghorn as ph
from pronghorn import ops

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(2, 20, 30, 3)).astype("float32")
PLACES = RNG.uniform(-30, 60, (2, 200)).astype("float32")


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize(
    ("mode", "theirs"), [("constant", "grid-constant"), ("nearest", "nearest"), ("wrap", "grid-wrap"), ("mirror", "mirror"), ("reflect", "reflect")]
)
def test_map_coordinates_is_scipys(engine, mode, theirs, order):
    x = IMAGES[0, ..., 0]
    expected = scipy.ndimage.map_coordinates(x, PLACES, order=order, mode=theirs, cval=0.5)
    got = ops.convert_to_numpy(ops.image.map_coordinates(x, PLACES, order, fill_mode=mode, fill_value=0.5))
    np.testing.assert_allclose(got, expected, atol=2e-4)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("size", [(7, 45), (33, 11)])
def test_bilinear_resize_is_torchs(engine, size, antialias):
    first = torch.tensor(np.moveaxis(IMAGES, -1, 1))
    expected = torch.nn.functional.interpolate(first, size=size, mode="bilinear", antialias=antialias)
    got = ops.image.resize(IMAGES, size, antialias=antialias)
    np.testing.assert_allclose(ops.convert_to_numpy(got), np.moveaxis(expected.numpy(), 1, -1), atol=2e-5)


def test_resize_of_sizes_that_are_known_late():
    import tensorflow as tf

    spec = tf.TensorSpec((None, None, None, 3))
    for method in ("nearest", "bilinear", "bicubic"):
        for antialias in (False, True):
            late = tf.function(lambda x, m=method, a=antialias: ops.image.resize(x, (9, 40), interpolation=m, antialias=a), input_signature=[spec])
            with ph.use_backend("numpy"):
                expected = ops.image.resize(IMAGES, (9, 40), interpolation=method, antialias=antialias)
            np.testing.assert_allclose(late(tf.constant(IMAGES)), expected, atol=1e-5)


def test_other_ops_of_sizes_that_are_known_late():
    import tensorflow as tf

    calls = {
        "patches": lambda x: ops.image.extract_patches(x, 4, strides=3, padding="same"),
        "blur": lambda x: ops.image.gaussian_blur(x, (5, 3)),
        "sobel": ops.image.sobel_edges,
        "pad": lambda x: ops.image.pad_images(x, 1, 2, target_height=40, target_width=41),
        "crop": lambda x: ops.image.crop_images(x, 1, 2, target_height=8, target_width=9),
        "affine": lambda x: ops.image.affine_transform(x, [0.9, 0.1, 1.0, -0.1, 1.1, 2.0, 0.0, 0.0], fill_mode="reflect"),
        "unfold": lambda x: ops.unfold(x, 3, stride=2),
        "ssim": lambda x: ops.image.ssim(x, x * 0.5),
    }
    for name, call in calls.items():
        late = tf.function(call, input_signature=[tf.TensorSpec((None, None, None, 3))])(tf.constant(IMAGES))
        with ph.use_backend("numpy"):
            np.testing.assert_allclose(late, call(IMAGES), atol=1e-4, err_msg=name)


def test_unknown_sizes():
    x = ph.KerasTensor((None, None, None, 3))
    assert ops.image.resize(x, (4, 5)).shape == (None, 4, 5, 3)
    assert ops.image.resize(x, (4, 5), "lanczos3", antialias=True).shape == (None, 4, 5, 3)
    assert ops.image.extract_patches(x, (2, 3), strides=1, padding="same").shape == (None, None, None, 18)
    assert ops.image.extract_patches(x, 4, strides=3, padding="same").shape == (None, None, None, 48)
    assert ops.image.pad_images(x, 1, 2, target_height=40, target_width=41).shape == (None, 40, 41, 3)
    assert ops.image.crop_images(x, 1, 2, target_height=8, target_width=9).shape == (None, 8, 9, 3)
    assert ops.image.sobel_edges(x).shape == (None, None, None, 3, 2)
    assert ops.image.ssim(x, x).shape == (None,)
    assert ops.image.elastic_transform(x, seed=1).shape == (None, None, None, 3)
    assert ops.image.affine_transform(x, ph.KerasTensor((None, 8))).shape == (None, None, None, 3)
    assert ops.image.perspective_transform(x, ph.KerasTensor((None, 4, 2)), ph.KerasTensor((None, 4, 2))).shape == (None, None, None, 3)
    assert ops.unfold(ph.KerasTensor((None, 3, None, None)), 2).shape == (None, 12, None)
    assert ops.fold(ph.KerasTensor((None, 12, None)), 4, 2).shape == (None, 3, 4, 4)


def test_elastic_fields_are_smooth_random_and_repeatable(engine):
    ramp = np.stack(np.broadcast_arrays(np.arange(80.0)[:, None], np.arange(80.0)), -1)[None].repeat(2, 0).astype("float32")

    def moves(seed):
        return (ops.convert_to_numpy(ops.image.elastic_transform(ramp, alpha=5.0, sigma=2.0, fill_mode="nearest", seed=seed)) - ramp)[:, 20:-20, 20:-20]

    first, again, other = moves(1), moves(1), moves(2)
    assert (first == again).all() and (first != other).any()
    assert first.std() == pytest.approx(5.0 / (2.0 * np.sqrt(np.pi)), rel=0.2)  # a blur divides the deviation of noise by 2 sqrt(pi) sigma
    assert abs(np.corrcoef(first[..., 0].ravel(), first[..., 1].ravel())[0, 1]) < 0.35
    assert np.abs(first[0] - first[1]).max() > 1.0
    assert np.corrcoef(first[0, :, 1:, 0].ravel(), first[0, :, :-1, 0].ravel())[0, 1] > 0.85


def test_perspective_takes_start_points_to_end_points(engine):
    start = np.array([[3.0, 2.0], [25.0, 4.0], [2.0, 16.0], [27.0, 15.0]])
    end = np.array([[5.0, 1.0], [22.0, 6.0], [4.0, 14.0], [29.0, 18.0]])
    image = np.zeros((20, 30, 1), "float32")
    for i, (column, row) in enumerate(start.astype(int)):
        image[row, column] = i + 1.0
    out = ops.convert_to_numpy(ops.image.perspective_transform(image, start, end))
    for i, (column, row) in enumerate(end.astype(int)):
        assert out[row, column, 0] == pytest.approx(i + 1.0, abs=2e-3)


@pytest.mark.parametrize("name", ["rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb", "sobel_edges", "gaussian_blur"])
def test_layouts_agree(engine, name):
    fn = getattr(ops.image, name)
    last = ops.convert_to_numpy(fn(IMAGES))
    first = ops.convert_to_numpy(fn(np.moveaxis(IMAGES, -1, 1), data_format="channels_first"))
    np.testing.assert_allclose(np.moveaxis(first, 1, 3), last, atol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(fn(IMAGES[1])), last[1], atol=1e-6)


def test_integers_are_rounded_into_their_range(engine):
    steps = np.array([[0, 255, 0, 255, 255]], "uint8")[..., None]
    with ph.use_backend("numpy"):
        floats = ops.image.resize(steps.astype("float32"), (1, 13), interpolation="bicubic")
    got = ops.image.resize(steps, (1, 13), interpolation="bicubic")
    assert engine.dtype(got) == "uint8" and floats.max() > 255 and floats.min() < 0
    np.testing.assert_allclose(ops.convert_to_numpy(got), np.clip(np.round(floats), 0, 255), atol=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.image.resize(IMAGES, (4, 4), interpolation="biliner"), 'interpolation must be one of.*Did you mean "bilinear"'),
        (lambda: ops.image.resize(IMAGES, 4), "size must be two ints"),
        (lambda: ops.image.resize(IMAGES[0, 0], (4, 4)), r"resize: expected one image of rank 3 or a batch of rank 4; received shape \(30, 3\)"),
        (lambda: ops.image.rgb_to_hsv((IMAGES * 255).astype("uint8")), "rgb_to_hsv: expected float images"),
        (lambda: ops.image.pad_images(IMAGES, 1, 1), "pass exactly two of top_padding, bottom_padding and target_height"),
        (lambda: ops.image.crop_images(IMAGES, 15, 0, 15, 0), "cannot take 15 and 15 from a height of 20"),
        (lambda: ops.image.extract_patches(IMAGES, 40), r"patches of \(40, 40\).*do not fit into \(20, 30\)"),
        (lambda: ops.image.ssim(IMAGES, IMAGES, filter_size=21), "are smaller than the filter of 21 pixels"),
        (lambda: ops.image.affine_transform(IMAGES, np.ones((3, 8))), r"transform must have shape \(8,\).*received \(3, 8\)"),
        (lambda: ops.image.map_coordinates(IMAGES, PLACES, 1), r"need coordinates of shape \(4, ...\)"),
        (lambda: ops.unfold(IMAGES, 40), "patches of"),
        (lambda: ops.fold(np.ones((1, 8, 5)), 4, 2), r"have 3 x 3 patches of \(2, 2\); received 5"),
    ],
)
def test_errors_say_what_does_not_fit(call, message):
    with ph.use_backend("numpy"), pytest.raises(ValueError, match=message):
        call()
