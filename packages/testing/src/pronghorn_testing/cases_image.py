"""Images and volumes, channels last unless the case says otherwise."""

import colorsys

import numpy as np

from pronghorn_testing.case import I, OpCase, V, X

IMAGE = X(2, 5, 6, 3, low=0.05, high=0.95)


def _patches(x, size, strides=None, padding="valid", dilation_rate=1):
    step = strides or size
    span = dilation_rate * (size - 1) + 1
    if padding == "same":
        total = [max((-(-d // step) - 1) * step + span - d, 0) for d in x.shape[1:-1]]
        x = np.pad(x, ((0, 0), *((t // 2, t - t // 2) for t in total), (0, 0)))
    counts = [(d - span) // step + 1 for d in x.shape[1:-1]]
    y = np.zeros((x.shape[0], *counts, size ** len(counts) * x.shape[-1]), x.dtype)
    for at in np.ndindex(*counts):
        window = tuple(slice(a * step, a * step + span, dilation_rate) for a in at)
        y[(slice(None), *at)] = x[(slice(None), *window)].reshape(x.shape[0], -1)
    return y


def _nearest(x, size, interpolation):
    rows, columns = (np.floor((np.arange(n) + 0.5) * d / n).astype(int) for n, d in zip(size, x.shape[1:3], strict=True))
    return x[:, rows][:, :, columns]


def _triangle(d):
    return np.maximum(1 - d, 0)


def _cubic(d):
    return np.where(d < 1, (1.5 * d - 2.5) * d * d + 1, np.where(d < 2, ((-0.5 * d + 2.5) * d - 4) * d + 2, 0))


def _lanczos(a):
    return lambda d: np.where(d < a, np.sinc(d) * np.sinc(d / a), 0)


KERNELS = {"bilinear": _triangle, "linear": _triangle, "bicubic": _cubic, "lanczos3": _lanczos(3), "lanczos5": _lanczos(5)}


def _along(x, axis, at, kernel, width):
    """Weighted means of the elements around places along an axis, zero outside it."""
    n = x.shape[axis]
    weights = kernel(np.abs(at[:, None] - np.arange(n)) / width)
    weights = weights / weights.sum(1, keepdims=True)
    weights[(at < -0.5001) | (at > n - 0.4999)] = 0
    return np.moveaxis(np.tensordot(weights, x, (1, axis)), 0, axis)


def _resized(x, size, interpolation="bilinear", antialias=False, crop_to_aspect_ratio=False, pad_to_aspect_ratio=False):
    h, w = x.shape[1:3]
    if crop_to_aspect_ratio:  # 5 x 6 to a square
        x = x[:, :, (w - h) // 2 : (w - h) // 2 + h]
    if pad_to_aspect_ratio:
        x = np.pad(x, ((0, 0), ((w - h) // 2,) * 2, (0, 0), (0, 0)))
    for axis, n in zip((1, 2), size, strict=True):
        d = x.shape[axis]
        x = _along(x, axis, (np.arange(n) + 0.5) * d / n - 0.5, KERNELS[interpolation], max(d / n, 1) if antialias else 1)
    return x


def _moved(x, shape, scale, translation, axes, method, antialias=True):
    for axis, s, t in zip(axes, scale, translation, strict=True):
        x = _along(x, axis, (np.arange(shape[axis]) + 0.5 - t) / s - 0.5, KERNELS[method], max(1 / s, 1) if antialias else 1)
    return x


def _read(x, places, order, fill_mode="constant", fill_value=0.0):
    """Elements of `x` at places (axes, ...), from a copy with a wide border."""
    x = x.astype("float64")
    border = [(12, 12)] * len(places) + [(0, 0)] * (x.ndim - len(places))
    mode = {"constant": "constant", "nearest": "edge", "wrap": "wrap", "mirror": "reflect", "reflect": "symmetric"}[fill_mode]
    x = np.pad(x, border, mode, **({"constant_values": fill_value} if mode == "constant" else {}))
    places = np.asarray(places, "float64") + 12
    if order == 0:
        return x[tuple(np.floor(places + 0.5).astype(int))]
    low = np.floor(places).astype(int)
    total = 0.0
    for corner in np.ndindex(*(2,) * len(places)):
        weight = np.prod([np.abs(1 - c - (p - i)) for c, p, i in zip(corner, places, low, strict=True)], 0)
        total = total + weight.reshape(weight.shape + (1,) * (x.ndim - len(places))) * x[tuple(i + c for i, c in zip(low, corner, strict=True))]
    return total


def _warped(x, matrices, order, **kw):
    """Images whose pixel (column, row, 1) comes from the product with a 3 x 3 matrix."""
    rows, columns = np.mgrid[: x.shape[1], : x.shape[2]].astype("float64")
    out = []
    for image, m in zip(x, matrices, strict=True):
        a, b, k = np.tensordot(m, np.stack([columns, rows, np.ones_like(rows)]), 1)
        out.append(_read(image, np.clip([b / k, a / k], -11, 16), order, **kw))
    return np.stack(out)


def _affine(x, transform, interpolation="bilinear", **kw):
    matrices = np.concatenate([transform, np.ones((len(transform), 1))], 1).reshape(-1, 3, 3)
    return _warped(x, matrices, int(interpolation == "bilinear"), **kw)


def _perspective(x, start, end):
    """By the eight equations of the four points."""
    matrices = []
    for s, e in zip(start.astype("float64"), end.astype("float64"), strict=True):
        rows = [[u, v, 1, 0, 0, 0, -u * x, -v * x] for (u, v), (x, y) in zip(e, s, strict=True)] + [
            [0, 0, 0, u, v, 1, -u * y, -v * y] for (u, v), (x, y) in zip(e, s, strict=True)
        ]
        matrices.append(np.append(np.linalg.solve(rows, np.concatenate([s[:, 0], s[:, 1]])), 1).reshape(3, 3))
    return _warped(x, matrices, 1)


def _filtered(x, kernel, mode="constant"):
    """Correlation with a small matrix, on a border of the given kind; valid positions only where `mode` is None."""
    h, w = kernel.shape
    if mode is not None:
        x = np.pad(x, ((0, 0), ((h - 1) // 2, h // 2), ((w - 1) // 2, w // 2), (0, 0)), mode)
    rows, columns = x.shape[1] - h + 1, x.shape[2] - w + 1
    return sum(kernel[i, j] * x[:, i : i + rows, j : j + columns] for i in range(h) for j in range(w))


def _bell(n, sigma):
    e = np.exp(-((np.arange(n) - (n - 1) / 2) ** 2) / (2 * sigma**2))
    return e / e.sum()


def _ssim(x, y, max_val=1.0):
    kernel = np.outer(_bell(11, 1.5), _bell(11, 1.5))
    mx, my, xx, yy, xy = (_filtered(v.astype("float64"), kernel, None) for v in (x, y, x * x, y * y, x * y))
    c1, c2 = (0.01 * max_val) ** 2, (0.03 * max_val) ** 2
    index = (2 * mx * my + c1) * (2 * (xy - mx * my) + c2) / ((mx**2 + my**2 + c1) * (xx - mx**2 + yy - my**2 + c2))
    return index.mean((1, 2, 3))


SOBEL = np.array([[-1.0, -2.0, -1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 1.0]])


def _colours(fn):
    return lambda x: np.apply_along_axis(lambda c: fn(*c), -1, x)


TURN = [[0.8, -0.6, 1.3, 0.6, 0.8, -0.7, 0.0, 0.0]] * 2
LEAN = [[0.81, -0.59, 1.33, 0.61, 0.79, -0.68, 0.0, 0.0]] * 2
BENT = [[0.8, -0.6, 1.3, 0.6, 0.8, -0.7, 0.02, -0.01]] * 2
PLACES = [[-1.3, 1.5, 5.2, -8.1, 3.0, 2.2], [0.3, 6.6, 3.1, 1.4, -5.7, 9.8]]
CORNERS = [[[0.0, 0.0], [5.0, 0.0], [0.0, 4.0], [5.0, 4.0]]] * 2
MOVED = [[[0.5, 0.2], [4.5, 0.1], [0.3, 4.2], [5.2, 3.6]]] * 2


CASES = [
    OpCase("image.rgb_to_grayscale", [IMAGE], tolerance=5, expected=lambda x: x @ np.array([[0.2989], [0.587], [0.114]])),
    OpCase("image.rgb_to_hsv", [IMAGE], tolerance=5, expected=_colours(colorsys.rgb_to_hsv)),
    OpCase("image.hsv_to_rgb", [IMAGE], tolerance=5, expected=_colours(colorsys.hsv_to_rgb)),
    OpCase("image.resize", [IMAGE, (7, 4)], {"interpolation": "nearest"}, grad=False, expected=_nearest),
    OpCase("image.resize", [IMAGE, (7, 8)], dtypes=("float32", "bfloat16"), expected=_resized),
    OpCase("image.resize", [IMAGE, (3, 4)], label="smaller", expected=_resized),
    OpCase(
        "image.resize",
        [I(2, 5, 6, 3, high=255, dtype="uint8"), (7, 9)],
        {"interpolation": "bicubic"},
        label="bytes",
        expected=lambda x, s, **kw: np.clip(np.round(_resized(x, s, **kw)), 0, 255),
    ),
    *[OpCase("image.resize", [IMAGE, (7, 4)], {"interpolation": m}, tolerance=5, expected=_resized) for m in ("bicubic", "lanczos3", "lanczos5")],
    *[OpCase("image.resize", [IMAGE, (3, 3)], {"antialias": True, "interpolation": m}, tolerance=5, expected=_resized) for m in ("bilinear", "lanczos3")],
    *[OpCase("image.resize", [IMAGE, (4, 4)], {k: True}, tolerance=5, expected=_resized) for k in ("crop_to_aspect_ratio", "pad_to_aspect_ratio")],
    OpCase(
        "image.resize",
        [X(2, 3, 5, 6), (4, 4)],
        {"data_format": "channels_first"},
        tolerance=5,
        expected=lambda x, s, data_format: np.moveaxis(_resized(np.moveaxis(x, 1, -1), s), -1, 1),
    ),
    *[
        OpCase("image.affine_transform", [IMAGE, V(TURN)], {"fill_mode": m}, batch=False, tolerance=10, expected=_affine)
        for m in ("constant", "nearest", "reflect", "mirror", "wrap")
    ],
    OpCase("image.affine_transform", [IMAGE, V(BENT)], label="bent", batch=False, tolerance=20, expected=_affine),
    OpCase("image.affine_transform", [IMAGE, V(LEAN)], {"interpolation": "nearest"}, batch=False, grad=False, expected=_affine),
    OpCase("image.perspective_transform", [IMAGE, V(CORNERS), V(CORNERS)], label="identity", batch=False, tolerance=20, grad=False, expected=lambda x, a, b: x),
    OpCase("image.perspective_transform", [IMAGE, V(CORNERS), V(MOVED)], batch=False, tolerance=20, expected=_perspective),
    OpCase("image.extract_patches", [IMAGE, 2], dtypes=("float32", "int32"), expected=_patches),
    OpCase("image.extract_patches", [IMAGE, 3], {"strides": 1}, expected=_patches),
    OpCase("image.extract_patches", [IMAGE, 3], {"strides": 2, "padding": "same"}, expected=_patches),
    OpCase("image.extract_patches", [IMAGE, 2], {"strides": 1, "dilation_rate": 2}, expected=_patches),
    OpCase("image.extract_patches_3d", [X(1, 4, 4, 5, 2), 2], expected=_patches),
    OpCase("image.extract_patches_3d", [X(1, 4, 4, 5, 2), 2], {"strides": 1, "padding": "same"}, expected=_patches),
    *[
        OpCase(
            "image.map_coordinates",
            [X(4, 5), V(PLACES), o],
            {"fill_mode": m},
            label=f"{o}-{m}",
            dtypes=("float32", "int32"),
            batch=False,
            tolerance=5,
            expected=lambda x, c, o, **kw: np.round(_read(x, c, o, **kw)) if x.dtype.kind == "i" else _read(x, c, o, **kw),
        )
        for o in (0, 1)
        for m in ("constant", "nearest", "wrap", "mirror", "reflect")
    ],
    OpCase(
        "image.map_coordinates",
        [X(4, 5), X(2, 6, low=0.1, high=2.9), 1],
        {"fill_value": 3.0},
        label="places",
        batch=False,
        tolerance=5,
        expected=lambda x, c, o, **kw: _read(x, c, o, **kw),
    ),
    OpCase(
        "image.pad_images", [IMAGE, 1, 2], {"target_height": 8, "target_width": 9}, expected=lambda x, t, le, **kw: np.pad(x, ((0, 0), (1, 2), (2, 1), (0, 0)))
    ),
    OpCase(
        "image.pad_images",
        [X(5, 6, 3)],
        {"top_padding": 1, "bottom_padding": 0, "left_padding": 0, "target_width": 8},
        label="one",
        batch=False,
        expected=lambda x, **kw: np.pad(x, ((1, 0), (0, 2), (0, 0))),
    ),
    OpCase("image.crop_images", [IMAGE, 1, 2], {"target_height": 3, "target_width": 2}, expected=lambda x, t, le, **kw: x[:, 1:4, 2:4]),
    OpCase(
        "image.gaussian_blur",
        [IMAGE],
        {"kernel_size": (5, 3), "sigma": (1.0, 0.7)},
        tolerance=5,
        expected=lambda x, kernel_size, sigma: _filtered(x, np.outer(_bell(3, 0.7), _bell(5, 1.0))),
    ),
    OpCase(
        "image.gaussian_blur",
        [IMAGE],
        {"kernel_size": (2, 4)},
        tolerance=5,
        expected=lambda x, kernel_size: _filtered(x, np.outer(_bell(4, 1.0), _bell(2, 1.0))),
    ),
    OpCase("image.sobel_edges", [IMAGE], tolerance=5, expected=lambda x: np.stack([_filtered(x, k, "edge") for k in (SOBEL, SOBEL.T)], -1)),
    OpCase("image.ssim", [X(2, 13, 13, 1, low=0.0, high=1.0), X(2, 13, 13, 1, low=0.0, high=1.0)], tolerance=20, batch=False, expected=_ssim),
    *[
        OpCase(
            "image.scale_and_translate",
            [X(2, 5, 6, 3), (2, 4, 8, 3), V([0.8, 1.3]), V([0.2, -0.3]), (1, 2), m],
            label=m,
            batch=False,
            tolerance=10,
            expected=_moved,
        )
        for m in ("linear", "lanczos3")
    ],
    OpCase(
        "image.scale_and_translate",
        [X(2, 5, 6, 3), (2, 4, 8, 3), V([0.6, 1.2]), V([0.4, -0.9]), (1, 2), "linear"],
        {"antialias": False},
        batch=False,
        tolerance=10,
        expected=_moved,
    ),
    OpCase("image.elastic_transform", [IMAGE], {"alpha": 0.0, "seed": 3}, label="still", batch=False, expected=lambda x, **kw: x),
    OpCase("image.elastic_transform", [IMAGE], {"alpha": 2.0, "sigma": 2.0, "seed": 3}, batch=False, tolerance=200, grad=False),
]
