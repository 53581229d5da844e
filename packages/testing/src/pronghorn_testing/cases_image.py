"""Images and volumes, channels last unless the case says otherwise."""

import colorsys

import numpy as np

from pronghorn_testing.case import OpCase, V, X

IMAGE = X(2, 5, 6, 3, low=0.05, high=0.95)


def _patches(x, size, strides=None, padding="valid"):
    step = strides or size
    rows = [[x[:, i : i + size, j : j + size].reshape(x.shape[0], -1) for j in range(0, x.shape[2] - size + 1, step)] for i in range(0, x.shape[1] - size + 1, step)]
    return np.stack([np.stack(r, 1) for r in rows], 1)


def _nearest(x, size, interpolation):
    rows, columns = (np.floor((np.arange(n) + 0.5) * d / n).astype(int) for n, d in zip(size, x.shape[1:3], strict=True))
    return x[:, rows][:, :, columns]


def _bilinear(x, size):
    for axis, n in zip((1, 2), size, strict=True):
        d = x.shape[axis]
        at = np.clip((np.arange(n) + 0.5) * d / n - 0.5, 0, d - 1)
        low = np.floor(at).astype(int)
        high, share = np.minimum(low + 1, d - 1), at - low
        share = share.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


def _colours(fn):
    return lambda x: np.apply_along_axis(lambda c: fn(*c), -1, x)


IDENTITY = [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]] * 2
SHIFT = [[1.0, 0.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0]] * 2
TURN = [[0.8, -0.6, 1.3, 0.6, 0.8, -0.7, 0.0, 0.0]] * 2
CORNERS = [[[0.0, 0.0], [5.0, 0.0], [0.0, 4.0], [5.0, 4.0]]] * 2
MOVED = [[[0.5, 0.2], [4.5, 0.1], [0.3, 4.2], [5.2, 3.6]]] * 2


def _shifted(x, t, **kw):
    out = np.zeros_like(x)
    out[:, :-2, :-1] = x[:, 2:, 1:]
    return out


CASES = [
    OpCase("image.rgb_to_grayscale", [IMAGE], tolerance=5, expected=lambda x: x @ np.array([[0.2989], [0.587], [0.114]])),
    OpCase("image.rgb_to_hsv", [IMAGE], tolerance=5, expected=_colours(colorsys.rgb_to_hsv)),
    OpCase("image.hsv_to_rgb", [IMAGE], tolerance=5, expected=_colours(colorsys.hsv_to_rgb)),
    OpCase("image.resize", [IMAGE, (7, 4)], {"interpolation": "nearest"}, grad=False, expected=_nearest),
    OpCase("image.resize", [IMAGE, (7, 8)], expected=_bilinear),
    OpCase("image.resize", [IMAGE, (3, 4)], label="smaller", expected=_bilinear),
    *[OpCase("image.resize", [IMAGE, (7, 4)], {"interpolation": m}, tolerance=5) for m in ("bicubic", "lanczos3", "lanczos5")],
    OpCase("image.resize", [IMAGE, (3, 3)], {"antialias": True}, tolerance=5),
    *[OpCase("image.resize", [IMAGE, (4, 4)], {k: True}, tolerance=5) for k in ("crop_to_aspect_ratio", "pad_to_aspect_ratio")],
    OpCase("image.resize", [X(2, 3, 5, 6), (4, 4)], {"data_format": "channels_first"}, tolerance=5, expected=lambda x, s, data_format: np.moveaxis(_bilinear(np.moveaxis(x, 1, -1), s), -1, 1)),
    OpCase("image.affine_transform", [IMAGE, V(IDENTITY)], label="identity", batch=False, grad=False, expected=lambda x, t: x),
    OpCase("image.affine_transform", [IMAGE, V(SHIFT)], label="shift", batch=False, grad=False, expected=_shifted),
    *[OpCase("image.affine_transform", [IMAGE, V(TURN)], {"fill_mode": m}, batch=False, tolerance=10, grad=False) for m in ("constant", "nearest", "reflect", "mirror", "wrap")],
    OpCase("image.affine_transform", [IMAGE, V(TURN)], {"interpolation": "nearest"}, batch=False, grad=False),
    OpCase("image.perspective_transform", [IMAGE, V(CORNERS), V(CORNERS)], label="identity", batch=False, tolerance=20, grad=False, expected=lambda x, a, b: x),
    OpCase("image.perspective_transform", [IMAGE, V(CORNERS), V(MOVED)], batch=False, tolerance=20, grad=False),
    OpCase("image.extract_patches", [IMAGE, 2], expected=_patches),
    OpCase("image.extract_patches", [IMAGE, 3], {"strides": 1}, expected=_patches),
    OpCase("image.extract_patches", [IMAGE, 3], {"strides": 2, "padding": "same"}),
    OpCase("image.extract_patches_3d", [X(1, 4, 4, 5, 2), 2]),
    OpCase("image.map_coordinates", [X(4, 5), V([[0.0, 1.5, 2.2], [0.0, 2.5, 3.1]]), 1], batch=False, grad=False),
    OpCase("image.map_coordinates", [X(4, 5), V([[0.0, 1.4, 2.2], [0.0, 2.4, 3.1]]), 0], label="nearest", batch=False, grad=False, expected=lambda x, c, o: x[[0, 1, 2], [0, 2, 3]]),
    *[OpCase("image.map_coordinates", [X(4, 5), V([[-1.3, 1.5, 5.2], [0.3, 6.5, 3.1]]), 1], {"fill_mode": m}, batch=False, grad=False) for m in ("constant", "nearest", "wrap", "mirror", "reflect")],
    OpCase("image.pad_images", [IMAGE, 1, 2], {"target_height": 8, "target_width": 9}, expected=lambda x, t, le, **kw: np.pad(x, ((0, 0), (1, 2), (2, 1), (0, 0)))),
    OpCase("image.crop_images", [IMAGE, 1, 2], {"target_height": 3, "target_width": 2}, expected=lambda x, t, le, **kw: x[:, 1:4, 2:4]),
    OpCase("image.gaussian_blur", [IMAGE], {"kernel_size": (3, 3), "sigma": (1.0, 0.7)}, tolerance=5),
    OpCase("image.sobel_edges", [IMAGE], tolerance=5),
    OpCase("image.ssim", [X(2, 13, 13, 1, low=0.0, high=1.0), X(2, 13, 13, 1, low=0.0, high=1.0)], tolerance=20, batch=False),
    OpCase("image.scale_and_translate", [X(2, 5, 6, 3), (2, 4, 8, 3), V([0.8, 1.3]), V([0.2, -0.3]), (1, 2), "linear"], batch=False, tolerance=10),
    OpCase("image.elastic_transform", [IMAGE], {"alpha": 2.0, "sigma": 2.0, "seed": 3}, batch=False, tolerance=200, grad=False),
]
