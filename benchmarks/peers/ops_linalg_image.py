"""Linear algebra, Fourier transforms, CTC, patches and images against Keras: on NumPy and JAX, each on both sides.

Run: python3 dev.py run bench python benchmarks/peers/ops_linalg_image.py
"""

import itertools
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import keras
import numpy as np
from comparing import Comparison, host
from op_calls import Findings, Known, main

import pronghorn as ph

rng = np.random.default_rng(0)
HARD = 1e-4  # for what float32 computes in many steps


def f32(*shape: int) -> np.ndarray:
    """Return normal numbers."""
    return rng.normal(size=shape).astype("float32")


def product(u: Any, s: Any, vh: Any) -> np.ndarray:
    """Return what a thin decomposition multiplies to."""
    return (u[..., : s.shape[-1]] * s[..., None, :]) @ vh[..., : s.shape[-1], :]


def linalg() -> Iterator[tuple[str, Any]]:
    """Yield name and function of a module of ops."""
    a, wide, tall = f32(2, 3, 3) + 2 * np.eye(3, dtype="float32"), f32(2, 2, 4), f32(2, 4, 2)
    s = a @ a.swapaxes(1, 2) + np.eye(3, dtype="float32")
    whole = np.array([[4, 1], [2, 3]])
    for name in ("cholesky", "cholesky_inverse"):
        for upper in (False, True):
            yield f"{name} upper={upper}", lambda o, n=name, u=upper: getattr(o, n)(s, upper=u)
    for name in ("det", "inv", "slogdet", "logdet", "lu_factor", "matrix_rank", "pinv"):
        yield name, lambda o, n=name: getattr(o, n)(a)
        yield f"{name} of integers", lambda o, n=name: getattr(o, n)(whole)
        yield f"{name} of a vector", lambda o, n=name: getattr(o, n)(a[0, 0])
    for name in ("det", "inv", "cholesky", "eigh", "eig"):
        yield f"{name} of a rectangle", lambda o, n=name: getattr(o, n)(wide)
    yield "slogdet singular", lambda o: o.slogdet(np.ones((2, 2), "float32"))
    yield "logdet negative", lambda o: o.logdet(np.array([[1.0, 2.0], [3.0, 1.0]], "float32"))
    for x, what in ((wide, "wide"), (tall, "tall")):
        yield f"lu_factor {what}", lambda o, x=x: o.lu_factor(x)
        yield f"pinv {what}", lambda o, x=x: o.pinv(x)
        yield f"pinv {what} rcond", lambda o, x=x: o.pinv(x, rcond=0.5)
        yield f"matrix_rank {what}", lambda o, x=x: o.matrix_rank(x, tol=1.0)
        for mode in ("reduced", "complete"):
            yield f"qr {what} {mode}", lambda o, x=x, m=mode: np.matmul(*host(o.qr(x, mode=m)))
            yield f"qr {what} {mode} shapes", lambda o, x=x, m=mode: [list(v.shape) for v in o.qr(x, mode=m)]
        for full in (True, False):
            yield f"svd {what} full={full}", lambda o, x=x, f=full: product(*host(o.svd(x, full_matrices=f)))
            yield f"svd {what} full={full} shapes", lambda o, x=x, f=full: [list(v.shape) for v in o.svd(x, full_matrices=f)]
        yield f"svd {what} values", lambda o, x=x: o.svd(x, compute_uv=False)
        yield f"lstsq {what}", lambda o, x=x: o.lstsq(x[0], np.ones((x.shape[1], 3), "float32"))
        yield f"lstsq {what} vector", lambda o, x=x: o.lstsq(x[0], np.ones(x.shape[1], "float32"))
        yield f"lstsq {what} batch", lambda o, x=x: o.lstsq(x, np.ones((2, x.shape[1], 3), "float32"))
    yield "qr mode raw", lambda o: o.qr(a, mode="raw")
    yield "pinv of small values", lambda o: o.pinv(np.diag([1.0, 1e-4, 1e-9]).astype("float32"))
    yield "eigh values", lambda o: o.eigh(s)[0]
    yield "eigh product", lambda o: (lambda w, v: (v * w[..., None, :]) @ v.swapaxes(-1, -2))(*host(o.eigh(s)))
    yield "eig values", lambda o: np.sort(host(o.eig(s)[0]))
    for b, what in ((f32(2, 3, 2), "matrices"), (f32(2, 3, 1), "columns"), (f32(2, 3), "vectors")):
        yield f"solve {what}", lambda o, b=b: o.solve(a, b)
        for lower in (False, True):
            yield f"solve_triangular {what} lower={lower}", lambda o, b=b, low=lower: o.solve_triangular(a, b, lower=low)
    yield "solve one vector", lambda o: o.solve(a[0], np.ones(3, "float32"))
    for order, (axis, keep) in itertools.product(
        (None, "fro", "nuc", np.inf, -np.inf, 1, -1, 2, -2, 0, 3, 0.5), ((1, False), ((1, 2), False), ((-1, 0), True), ((1,), True))
    ):
        yield f"norm {order} {axis} {keep}", lambda o, p=order, ax=axis, k=keep: o.norm(a, ord=p, axis=ax, keepdims=k)
    for x, what in ((a, "cube"), (a[0], "matrix"), (a[0, 0], "vector"), (whole, "integers"), (whole > 1, "booleans")):
        for order in (None, 2, "fro"):
            yield f"norm {order} of {what}", lambda o, x=x, p=order: o.norm(x, ord=p)
    with_none = keras.KerasTensor((None, 4, 3)), keras.KerasTensor((None, 3, 3))
    for name in ("qr", "svd", "lu_factor", "pinv", "det", "inv", "slogdet", "eigh", "norm", "matrix_rank"):
        for x in with_none:
            yield f"spec {name} {x.shape[1:]}", lambda o, n=name, x=x: specs(o, getattr(o, n), x)


def specs(o: Any, fn: Any, *shapes: Any) -> list[Any]:
    """Return shape and dtype of symbolic results."""
    kind = ph.KerasTensor if o is ph.ops else keras.KerasTensor
    out = fn(*[kind(s.shape, s.dtype) for s in shapes])
    return [[list(v.shape), v.dtype] for v in (out if isinstance(out, (list, tuple)) else (out,))]


def signals() -> Iterator[tuple[str, Any]]:
    """Yield name and function of a module of ops."""
    x, y = f32(2, 6), f32(2, 20)
    pair, grid = (f32(2, 6), f32(2, 6)), (f32(2, 3, 4), f32(2, 3, 4))
    yield "fft", lambda o: o.fft(pair)
    yield "fft of integers", lambda o: o.fft((np.arange(3), np.arange(3)))
    yield "fft2", lambda o: o.fft2(grid)
    yield "ifft2", lambda o: o.ifft2(grid)
    for n in (None, 3, 6, 8, 9):
        yield f"rfft {n}", lambda o, n=n: o.rfft(x, fft_length=n)
        yield f"irfft {n}", lambda o, n=n: o.irfft((pair[0][:, :4], pair[1][:, :4]), fft_length=n)
    for n, stride in ((3, 2), (6, 1), (7, 1)):
        yield f"extract_sequences {n} {stride}", lambda o, n=n, s=stride: o.extract_sequences(x, n, s)
    for window, center in itertools.product(("hann", "hamming", None, "wrong", np.arange(1.0, 7.0, dtype="float32"), np.ones(8, "float32")), (True, False)):
        label = window if window is None or isinstance(window, str) else f"array({len(window)})"
        yield f"stft {label} {center}", lambda o, w=window, c=center: o.stft(y, 6, 2, 8, window=w, center=c)
    for window, center, n in itertools.product(("hann", "hamming", None), (True, False), (None, 15, 20, 25)):
        yield (
            f"istft {window} {center} {n}",
            lambda o, w=window, c=center, n=n: o.istft(o.stft(y, 6, 2, 8, window=w, center=c), 6, 2, 8, length=n, window=w, center=c),
        )
        yield f"istft anything {window} {center} {n}", lambda o, w=window, c=center, n=n: o.istft((ANY, ANY[::-1]), 6, 2, 8, length=n, window=w, center=c)
    yield "stft odd", lambda o: o.stft(y, 5, 3, 9)
    yield "stft too long", lambda o: o.stft(y, 9, 2, 8)
    yield "view_as_complex", lambda o: np.abs(host(o.view_as_complex(f32(3, 2) * 0 + 1)))
    yield "view_as_real", lambda o: o.view_as_real(np.array([1 + 2j, 3j], "complex64"))


ANY = f32(2, 9, 5)


def nn() -> Iterator[tuple[str, Any]]:
    """Yield name and function of a module of ops."""
    images = f32(2, 3, 5, 4)
    for kernel, dilation, padding, stride in itertools.product((2, (2, 3)), (1, 2), (0, 1, (1, 2)), (1, (2, 1))):
        args = dict(kernel_size=kernel, dilation=dilation, padding=padding, stride=stride)
        yield f"unfold {args}", lambda o, k=args: o.unfold(images, **k)
        yield f"fold {args}", lambda o, k=args: o.fold(o.unfold(images, **k), (5, 4), **k)
    labels = np.array([[1, 2, 1, 0], [2, 2, 0, 0], [3, 1, 0, 0]])
    scores = f32(3, 12, 7) * 2
    for blank in (0, 4):
        yield f"ctc_loss blank {blank}", lambda o, m=blank: o.ctc_loss(labels, scores, np.array([3, 2, 1]), np.array([12, 9, 5]), mask_index=m)
    yield "ctc_loss impossible", lambda o: o.ctc_loss(labels, scores, np.array([3, 2, 2]), np.array([2, 2, 1]))
    for width, paths, merge, blank in itertools.product((1, 2, 5, 30), (1, 2), (True, False), (0, 4)):
        yield (
            f"ctc_decode beam {width} {paths} {merge} {blank}",
            lambda o, w=width, p=paths, r=merge, m=blank: o.ctc_decode(
                scores, np.array([12, 9, 5]), strategy="beam_search", beam_width=w, top_paths=p, merge_repeated=r, mask_index=m
            ),
        )
    for merge, blank in itertools.product((True, False), (0, 4)):
        yield f"ctc_decode greedy {merge} {blank}", lambda o, r=merge, m=blank: o.ctc_decode(scores, np.array([12, 9, 5]), merge_repeated=r, mask_index=m)
    yield "ctc_decode wrong", lambda o: o.ctc_decode(scores, np.array([12, 9, 5]), strategy="wrong")


def images() -> Iterator[tuple[str, Any]]:
    """Yield name and function of a module of ops."""
    x = rng.uniform(0.05, 0.95, (2, 5, 6, 3)).astype("float32")
    forms = {"": (x, {}), "one ": (x[0], {}), "first ": (np.moveaxis(x, -1, 1), {"data_format": "channels_first"}), "uint8 ": ((x * 255).astype("uint8"), {}),
             "float16 ": (x.astype("float16"), {}), "int32 ": ((x * 900).astype("int32"), {})}  # fmt: skip
    seen: dict[str, int] = {}

    def each(label: str, name: str, *args: Any, **kwargs: Any) -> Iterator[tuple[str, Any]]:
        # every form once in a while: the first case of an op in all of them, then one after the other
        chosen = list(forms) if name not in seen else ["", list(forms)[seen[name] % len(forms)]]
        seen[name] = seen.get(name, 0) + 1
        for form in dict.fromkeys(chosen):
            v, kw = forms[form]
            yield f"{form}{name} {label}", lambda o, v=v, kw=kw: getattr(o.image, name)(v, *args, **kwargs, **kw)

    for name in ("rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb", "sobel_edges"):
        yield from each("", name)
    for method, size, antialias in itertools.product(("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"), ((7, 4), (10, 12), (2, 3)), (False, True)):
        yield from each(f"{method} {size} {antialias}", "resize", size, interpolation=method, antialias=antialias)
    for size, key, method in itertools.product(((4, 4), (3, 7), (8, 3), (12, 5)), ("crop_to_aspect_ratio", "pad_to_aspect_ratio"), ("nearest", "bilinear")):
        yield from each(f"{size} {key} {method}", "resize", size, interpolation=method, **{key: True})
        yield from each(f"{size} {key} {method} filled", "resize", size, interpolation=method, fill_value=2.0, **{key: True})
    for kwargs in ({"interpolation": "area"}, {"fill_mode": "nearest"}, {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}):
        yield f"resize {kwargs}", lambda o, k=kwargs: o.image.resize(x, (3, 4), **k)
    turn = np.array([0.8, -0.61, 1.3, 0.59, 0.83, -0.71, 0, 0], "float32")
    both = np.stack([turn, np.array([1.1, 0.1, -0.41, 0.05, 0.9, 0.33, 0, 0], "float32")])
    for method, mode in itertools.product(("nearest", "bilinear"), ("constant", "nearest", "wrap", "mirror", "reflect")):
        for form, (v, kw) in forms.items():
            t = turn if form == "one " else both
            yield (
                f"{form}affine_transform {method} {mode}",
                lambda o, v=v, kw=kw, t=t, m=method, f=mode: o.image.affine_transform(v, t, interpolation=m, fill_mode=f, fill_value=3, **kw),
            )
    bent = both + np.array([0] * 6 + [0.02, -0.01], "float32")
    yield "affine_transform with c0 and c1", lambda o: o.image.affine_transform(x, bent)
    yield "affine_transform of one matrix", lambda o: o.image.affine_transform(x, turn)
    start = np.array([[[0.0, 0.0], [5.0, 0.0], [0.0, 4.0], [5.0, 4.0]]] * 2, "float32")
    end = np.array([[[0.5, 0.2], [4.5, 0.1], [0.3, 4.2], [5.2, 3.6]], [[0, 0], [4, 1], [1, 4], [5, 5.0]]], "float32")
    for method, (form, (v, kw)) in itertools.product(("nearest", "bilinear"), forms.items()):
        a, b = (start[0], end[1]) if form == "one " else (start, end)
        yield (
            f"{form}perspective_transform {method}",
            lambda o, v=v, kw=kw, a=a, b=b, m=method: o.image.perspective_transform(v, a, b, interpolation=m, fill_value=1, **kw),
        )
    places = rng.uniform(-7, 12, (2, 30)).astype("float32")
    for order, mode, (v, what) in itertools.product(
        (0, 1), ("constant", "nearest", "wrap", "mirror", "reflect"), ((x[0, ..., 0], "floats"), (forms["int32 "][0][0, ..., 0], "integers"))
    ):
        yield f"map_coordinates {order} {mode} {what}", lambda o, v=v, p=order, m=mode: o.image.map_coordinates(v, places, p, fill_mode=m, fill_value=7)
    halves = np.arange(-12, 16, 0.5, dtype="float32")[None]
    for order, mode in itertools.product((0, 1), ("constant", "nearest", "wrap", "mirror", "reflect")):
        yield f"map_coordinates {order} {mode} halves", lambda o, p=order, m=mode: o.image.map_coordinates(x[0, :3, 0, 0], halves, p, fill_mode=m)
    yield "map_coordinates 3d", lambda o: o.image.map_coordinates(x[0], np.abs(places[:, :24].reshape(3, 4, 4)) / 4, 1)
    for kwargs in ({"order": 2}, {"order": 1, "fill_mode": "wrong"}):
        yield f"map_coordinates {kwargs}", lambda o, k=kwargs: o.image.map_coordinates(x[0, ..., 0], places, **k)
    for size, strides, dilation, padding in itertools.product((2, 3, (2, 3)), (None, 1, 2, (1, 2)), (1, 2), ("valid", "same")):
        label = f"{size} {strides} {dilation} {padding}"
        yield from each(label, "extract_patches", size, strides=strides, dilation_rate=dilation, padding=padding)
    volume = f32(2, 4, 5, 6, 2)
    for size, strides, dilation, padding in itertools.product((2, (2, 3, 2)), (None, 1), (1, 2), ("valid", "same")):
        kwargs = dict(size=size, strides=strides, dilation_rate=dilation, padding=padding)
        yield f"extract_patches_3d {kwargs}", lambda o, k=kwargs: o.image.extract_patches_3d(volume, **k)
        yield f"extract_patches_3d one {kwargs}", lambda o, k=kwargs: o.image.extract_patches_3d(volume[0], **k)
        yield (
            f"extract_patches_3d first {kwargs}",
            lambda o, k=kwargs: o.image.extract_patches_3d(np.moveaxis(volume, -1, 1), data_format="channels_first", **k),
        )
    yield "extract_patches of volumes", lambda o: o.image.extract_patches(volume, (2, 2, 2))
    yield "extract_patches too large", lambda o: o.image.extract_patches(x, 9)
    for sides in ((1, 2, None, None), (1, None, 3, None), (None, None, 1, 2), (None, 1, None, 2), (1, 1, 1, 1), (-1, 0, 0, 0), ()):
        for name, word, height, width in (("pad_images", "padding", 8, 9), ("crop_images", "cropping", 3, 3)):
            top, left, bottom, right = sides or (None,) * 4
            kwargs = {f"top_{word}": top, f"left_{word}": left, f"bottom_{word}": bottom, f"right_{word}": right}
            if None in (top, bottom):
                kwargs["target_height"] = height
            if None in (left, right):
                kwargs["target_width"] = width
            yield from each(str(kwargs), name, **kwargs)
    for size, sigma in (((3, 3), (1.0, 1.0)), ((5, 3), (1.0, 0.7)), ((2, 4), (1.0, 2.0)), ((3, 3), (0.1, 0.1))):
        yield from each(f"{size} {sigma}", "gaussian_blur", size, sigma)
    a, b = (rng.uniform(0, 1, (2, 13, 14, 3)).astype("float32") for _ in range(2))
    yield "ssim", lambda o: o.image.ssim(a, b)
    yield "ssim of 255", lambda o: o.image.ssim(a * 255, b * 255, max_val=255.0)
    yield "ssim of one", lambda o: o.image.ssim(a[0], b[0])
    yield "ssim first", lambda o: o.image.ssim(np.moveaxis(a, -1, 1), np.moveaxis(b, -1, 1), data_format="channels_first")
    yield "ssim options", lambda o: o.image.ssim(a, b, filter_size=5, filter_sigma=1.0, k1=0.02, k2=0.05)
    yield "ssim even", lambda o: o.image.ssim(a, b, filter_size=4)
    yield "ssim small", lambda o: o.image.ssim(x, x)
    yield "ssim of uint8", lambda o: o.image.ssim((a * 255).astype("uint8"), (b * 255).astype("uint8"), max_val=255)
    for method, antialias in itertools.product(
        ("linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5", "wrong"), (True, False)
    ):
        for factors in ((0.8, 1.3), (0.4, 0.5)):
            yield (
                f"scale_and_translate {method} {antialias} {factors}",
                lambda o, m=method, s=antialias, f=factors: o.image.scale_and_translate(
                    x, (2, 4, 8, 3), np.array(f, "float32"), np.array([0.2, -0.3], "float32"), (1, 2), m, antialias=s
                ),
            )
    yield (
        "scale_and_translate of uint8",
        lambda o: o.image.scale_and_translate(forms["uint8 "][0], (2, 4, 8, 3), np.array([0.8, 1.3], "float32"), np.zeros(2, "float32"), (1, 2), "linear"),
    )
    yield "elastic_transform by nothing", lambda o: o.image.elastic_transform(x, alpha=0.0, seed=1)
    ramp = np.broadcast_to(np.arange(61, dtype="float32")[None, None, :, None], (8, 61, 61, 1))
    for sigma in (0.5, 2.0):
        yield (
            f"elastic_transform spread {sigma}",
            lambda o, s=sigma: np.round(np.std((host(o.image.elastic_transform(ramp, 5.0, s, seed=1)) - ramp)[:, 20:-20, 20:-20]), 1),
        )


EXPLAINED = [
    Known("*", "cholesky_inverse", "*only Keras raises*", "stacks of matrices work", "takes one matrix on NumPy"),
    Known("*", "*", "* of integers*: dtype float32, Keras float64", "integers become floatx, on every engine", "float64 on NumPy"),
    Known("*", "lstsq", "lstsq * batch: only Keras raises*", "stacks of matrices work", "fails"),
    Known(
        "*",
        "pinv",
        "pinv of small values: *",
        "singular values below the largest times max(m, n) times epsilon are nothing, on every engine",
        "another limit on each engine",
    ),
    Known("*", "eig", "eig values: dtype complex64, Keras float32", "eigenvalues are complex, whatever they are", "the dtype depends on the values on NumPy"),
    Known("*", "solve", "solve vectors: *", "b of one axis less is a stack of vectors, as documented", "takes it for one matrix"),
    Known("*", "spec lu_factor", "*ours 'int32', Keras 'float32'", "symbolic pivots are int32, as computed ones", "symbolic ones are float32"),
    Known("*", "spec slogdet", "*", "the symbolic sign has the shape of the stack", "a scalar for every shape"),
    Known("*", "fft", "fft of integers: only Keras raises*", "integers become floatx", "fails on NumPy"),
    Known("*", "istft", "istft *None *", "without a window the signal comes back", "it comes back times fft_length / sequence_stride"),
    Known("*", "*fold", "*fold {*'dilation': 2, 'padding': 0*: only ours raises*", "patches that do not fit are refused", "no patches"),
    Known("*", "ctc_decode", "ctc_decode beam 1 2 *: only ours raises*", "more results than prefixes are refused", "returns empty ones"),
    Known("jax", "fold", "*shape*", "the size that was asked for", "what the patches cover"),
    Known("jax", "sobel_edges", "*ours ?*", "the border is repeated, as on NumPy", "another border on JAX"),
    Known("jax", "sobel_edges", "uint8*", "differences of integers are floats", "fails on JAX"),
    Known("jax", "gaussian_blur", "*ours ?*", "zeros outside and weights of the textbook, as on NumPy", "another kernel on JAX"),
    Known("jax", "resize", "int32 resize*crop*", "integers are rounded", "cut off"),
    Known("jax", "map_coordinates", "map_coordinates 0 * halves*", "the middle between two elements belongs to the upper one, as on NumPy", "to the even one on JAX"),
    Known("jax", "scale_and_translate", "*of uint8*", "the dtype is kept, as on NumPy", "float32 on JAX"),
    Known("jax", "elastic_transform", "*spread*", "fields are blurred as `gaussian_blur` does", "the kernel of `gaussian_blur` on JAX is another"),
    Known("*", "sobel_edges", "one sobel_edges *: only Keras raises*", "works for one image", "fails"),
    Known("*", "sobel_edges", "uint8 sobel_edges *: dtype float32*", "differences of integers are floats", "differences of uint8 wrap around"),
    Known("*", "sobel_edges", "int32 sobel_edges *: dtype float32*", "differences of integers are floats", "they are integers"),
    Known("*", "sobel_edges", "float16 sobel_edges *: only Keras raises*", "works for float16", "fails"),
    Known("*", "resize", "uint8 resize *", "rounded and kept within 0 to 255", "wraps around, or cuts off"),
    Known("*", "affine_transform", "* affine_transform bilinear *: ours ?*", "integers are rounded", "cut off"),
    Known("*", "affine_transform", "affine_transform with c0 and c1: *", "c0 and c1 count, as documented, and on TensorFlow", "ignores them elsewhere"),
    Known("*", "affine_transform", "affine_transform of one matrix: only Keras raises*", "one matrix does for all images", "fails"),
    Known("*", "gaussian_blur", "uint8 gaussian_blur *", "weights are floats", "weights are integers: all zero"),
    Known("*", "gaussian_blur", "int32 gaussian_blur *", "weights are floats", "weights are integers: all zero"),
    Known("*", "ssim", "ssim of uint8: dtype float32, Keras uint8", "the result is a float", "0 or 1, as uint8"),
]


class Recorder:
    """A namespace of ops that keeps the name of the first one taken."""

    def __init__(self, space: Any, taken: list[str]):
        self._space, self._taken = space, taken

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._space, name)
        if isinstance(found, ModuleType):
            return Recorder(found, self._taken)
        self._taken.append(name)
        return found


def child(engine: str) -> None:
    """Compare on one engine."""
    c, findings = Comparison(f"Linear algebra, signals and images on {engine}", {}), Findings(engine, EXPLAINED)
    for group in (linalg, signals, nn, images):
        for case, fn in group():
            taken: list[str] = []
            with ph.use_backend(engine):
                tolerance = 2e-3 if case.startswith("float16") else HARD
                c.value(case, lambda fn=fn: fn(ph.ops), lambda fn=fn, taken=taken: fn(Recorder(keras.ops, taken)), rtol=HARD, atol=tolerance)
            op = "spec " + case.split()[1] if case.startswith("spec ") else taken[0]
            findings.add(op, case, None)
            for label, what in c.differences.items():
                findings.differ(op, label, what)
            c.differences.clear()
    findings.write()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(sys.argv[1])
    else:
        main(__file__, tuple, EXPLAINED)
