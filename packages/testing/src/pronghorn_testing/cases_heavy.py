"""Primitives that contract, slide windows, factor matrices and transform signals."""

import itertools
import math

import numpy as np

from pronghorn_testing.case import FLOATS, C, OpCase, X


def _conv(x, kernel, strides, padding, dilation, groups):
    """Cross-correlation by its sum, channels last."""
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    taps, n = kernel.shape[:-2], kernel.ndim - 2
    out = [(x.shape[1 + i] - dilation[i] * (taps[i] - 1) - 1) // strides[i] + 1 for i in range(n)]
    y = np.zeros((x.shape[0], *out, kernel.shape[-1]), x.dtype)
    per_in, per_out = kernel.shape[-2], kernel.shape[-1] // groups
    for at, tap, o in itertools.product(np.ndindex(*out), np.ndindex(*taps), range(kernel.shape[-1])):
        place = tuple(a * s + t * d for a, s, t, d in zip(at, strides, tap, dilation, strict=True))
        g = o // per_out
        y[(slice(None), *at, o)] += x[(slice(None), *place, slice(g * per_in, (g + 1) * per_in))] @ kernel[(*tap, slice(None), o)]
    return y


def _pool(fn):
    def run(x, size, strides, padding):
        x = np.pad(x.astype("float64"), ((0, 0), *padding, (0, 0)), constant_values=np.nan)
        out = [(x.shape[1 + i] - size[i]) // strides[i] + 1 for i in range(len(size))]
        y = np.zeros((x.shape[0], *out, x.shape[-1]))
        for at in np.ndindex(*out):
            window = tuple(slice(a * s, a * s + k) for a, s, k in zip(at, strides, size, strict=True))
            y[(slice(None), *at)] = fn(x[(slice(None), *window)], axis=tuple(range(1, 1 + len(size))))
        return y

    return run


def _transposed(x, kernel, strides, padding, output_padding, dilation):
    """Every input element spread over the taps, by the definition."""
    taps, n = kernel.shape[:-2], kernel.ndim - 2
    full = [(x.shape[1 + i] - 1) * strides[i] + dilation[i] * (taps[i] - 1) + 1 + output_padding[i] for i in range(n)]
    y = np.zeros((x.shape[0], *full, kernel.shape[-2]))
    for at, tap in itertools.product(np.ndindex(*x.shape[1:-1]), np.ndindex(*taps)):
        place = tuple(a * s + t * d for a, s, t, d in zip(at, strides, tap, dilation, strict=True))
        y[(slice(None), *place)] += x[(slice(None), *at)] @ kernel[tap].T
    return y[(slice(None), *[slice(p[0], f - p[1]) for p, f in zip(padding, full, strict=True)])]


def positive_definite(rng, shape):
    """Draw well-conditioned symmetric matrices."""
    a = rng.normal(size=shape)
    return a @ np.swapaxes(a, -1, -2) + 2 * np.eye(shape[-1])


def triangular(rng, shape):
    """Draw well-conditioned matrices, to be read as triangular."""
    return rng.normal(size=shape) * 0.3 + 2 * np.eye(shape[-1])


def _rebuilt(build, orthogonal=()):
    """Compare what factors multiply to, since their signs are free; the factors at `orthogonal` must be so."""

    def check(out, x, *_):
        for i in orthogonal:
            q = out[i] if out[i].shape[-2] >= out[i].shape[-1] else np.swapaxes(out[i], -1, -2)
            np.testing.assert_allclose(np.swapaxes(q, -1, -2) @ q, np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2], q.shape[-1], q.shape[-1])), atol=2e-5)
        np.testing.assert_allclose(build(*out), x, atol=5e-5)

    return check


def _unpacked(lu, pivots):
    m, n = lu.shape[-2:]
    k = min(m, n)
    a = (np.tril(lu[..., :k], -1) + np.eye(m, k)) @ np.triu(lu[..., :k, :])
    for b in np.ndindex(*lu.shape[:-2]):
        for i in reversed(range(k)):
            j = pivots[(*b, i)]
            a[b][[i, j]] = a[b][[j, i]]
    return a


def _eigen(out, x):
    values, vectors = out
    np.testing.assert_allclose(x @ vectors, vectors * values[..., None, :], atol=2e-4)


CONVS = {
    "1d": (X(2, 7, 3), X(3, 3, 4), (1,), ((0, 0),), (1,), 1),
    "1d-strided": (X(2, 8, 3), X(3, 3, 4), (2,), ((1, 1),), (1,), 1),
    "1d-causal": (X(2, 6, 2), X(3, 2, 2), (1,), ((4, 0),), (2,), 1),
    "2d": (X(2, 5, 6, 3), X(3, 2, 3, 4), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "2d-padded": (X(2, 5, 6, 3), X(3, 3, 3, 2), (2, 1), ((1, 2), (0, 1)), (1, 1), 1),
    "2d-dilated": (X(1, 7, 7, 2), X(3, 2, 2, 2), (1, 1), ((2, 2), (1, 0)), (2, 3), 1),
    "2d-groups": (X(2, 5, 5, 4), X(3, 3, 2, 6), (1, 1), ((1, 1), (1, 1)), (1, 1), 2),
    "2d-depthwise": (X(2, 5, 5, 3), X(3, 3, 1, 6), (2, 2), ((0, 1), (1, 0)), (1, 1), 3),
    "3d": (X(1, 4, 4, 3, 2), X(2, 2, 2, 2, 3), (1, 2, 1), ((0, 0), (1, 1), (0, 1)), (1, 1, 1), 1),
}
TRANSPOSED = {
    "1d": (X(2, 4, 3), X(3, 2, 3), (2,), ((0, 0),), (0,), (1,)),
    "1d-grown": (X(2, 4, 3), X(3, 2, 3), (3,), ((1, 0),), (2,), (1,)),
    "2d": (X(2, 3, 4, 3), X(3, 3, 2, 3), (2, 2), ((1, 0), (0, 1)), (0, 1), (1, 1)),
    "2d-dilated": (X(1, 3, 4, 2), X(2, 3, 3, 2), (1, 2), ((1, 1), (2, 0)), (0, 0), (2, 2)),
    "2d-gap": (X(1, 3, 3, 2), X(1, 2, 2, 2), (3, 3), ((0, 0), (0, 0)), (0, 0), (1, 1)),
    "3d": (X(1, 2, 3, 2, 2), X(2, 2, 2, 3, 2), (2, 1, 2), ((0, 1), (0, 0), (1, 0)), (1, 0, 0), (1, 1, 1)),
}
POOLS = {
    "1d": (X(2, 7, 3), (2,), (2,), ((0, 0),)),
    "2d": (X(2, 6, 5, 3), (2, 3), (2, 1), ((0, 0), (0, 0))),
    "2d-padded": (X(2, 5, 5, 2), (3, 3), (2, 2), ((1, 1), (0, 1))),
    "2d-gap": (X(1, 6, 6, 2), (2, 2), (3, 3), ((0, 0), (0, 0))),
    "3d": (X(1, 4, 4, 5, 2), (2, 2, 2), (2, 2, 2), ((0, 0), (0, 0), (0, 1))),
}


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _lstm(x, h, c, kernel, recurrent, bias, back):
    ys = []
    for t in range(x.shape[1])[:: -1 if back else 1]:
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + (0 if bias is None else bias), 4, -1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        ys.append(h)
    return np.stack(ys, 1), h, c


def _gru(x, h, kernel, recurrent, bias, back):
    b = np.zeros((2, 1)) if bias is None else bias
    ys = []
    for t in range(x.shape[1])[:: -1 if back else 1]:
        (xz, xr, xh), (hz, hr, hh) = np.split(x[:, t] @ kernel + b[0], 3, -1), np.split(h @ recurrent + b[1], 3, -1)
        z = _sigmoid(xz + hz)
        h = z * h + (1 - z) * np.tanh(xh + _sigmoid(xr + hr) * hh)
        ys.append(h)
    return np.stack(ys, 1), h


def _normalized_batch(x, axis, offset=0.0, scale=1.0, epsilon=1e-3):
    features = np.moveaxis(x, axis, -1)
    rows = features.reshape(-1, features.shape[-1])
    out = (features - rows.mean(0)) / np.sqrt(rows.var(0) + epsilon) * scale + offset
    return np.moveaxis(out, -1, axis), rows.mean(0), rows.var(0)


CASES = [
    OpCase("p.matmul", [X(2, 3), X(3, 4)], dtypes=("float32", "float64", "bfloat16", "float16", "int32"), expected=np.matmul),
    *[OpCase("linear", [X(*lead, 3), X(3, 4), X(4)], label=f"{len(lead)}-axes", dtypes=FLOATS, expected=lambda x, k, b: x @ k + b) for lead in ((2,), (2, 1, 2))],
    *[
        OpCase("linears", [[X(*lead, 3), X(3, 4), X(4), X(3, 2), X(2)]], label=f"{math.prod(lead)}-rows", dtypes=FLOATS,
               expected=lambda t: (t[0] @ t[1] + t[2], t[0] @ t[3] + t[4]))
        for lead in ((2,), (2, 5))
    ],  # fmt: skip
    *[
        OpCase("normalized_batch", [X(*shape), axis], {"offset": X(3), "scale": X(3), "epsilon": 0.01} if affine else {}, expected=_normalized_batch, grad=False,
               dtypes=FLOATS if shape[0] > 1 else ("float32", "float64"), label=f"{'x'.join(map(str, shape))} over {axis}")
        for shape, axis, affine in (((4, 3), -1, True), ((5, 3, 2), 1, True), ((2, 4, 3), 2, False), ((2, 5, 4, 3), -1, True), ((2, 3, 4, 2), 1, True), ((1, 3), -1, False))
    ],  # fmt: skip
    OpCase("biased_conv", [X(2, 5, 4, 2), X(3, 2, 2, 3), X(3), (1, 2), ((1, 0), (0, 1)), (1, 1), 1], dtypes=FLOATS),
    OpCase("biased_conv", [X(2, 6, 4), X(2, 2, 6), X(6), (1,), ((1, 1),), (2,), 2], label="groups", dtypes=FLOATS),
    *[
        OpCase("lstm", [X(2, 4, 3), X(2, 5), X(2, 5), X(3, 20), X(5, 20), bias, back], label=label, dtypes=FLOATS, expected=_lstm)
        for label, bias, back in (("", X(20), False), ("no bias", None, False), ("backwards", X(20), True))
    ],
    *[
        OpCase("gru", [X(2, 4, 3), X(2, 5), X(3, 15), X(5, 15), bias, back], label=label, dtypes=FLOATS, expected=_gru)
        for label, bias, back in (("", X(2, 15), False), ("no bias", None, False), ("backwards", X(2, 15), True))
    ],
    OpCase("p.matmul", [X(2, 1, 3, 4), X(5, 4, 2)], label="batch", expected=np.matmul),
    OpCase("p.matmul", [X(2, 3, 4), X(4, 2)], label="shared", expected=np.matmul),
    OpCase("p.matmul", [C(2, 3), C(3, 4)], label="complex", needs="complex", expected=np.matmul),
    *[OpCase("p.conv", a, label=n, dtypes=("float32", "bfloat16") if n == "2d" else ("float32",), expected=_conv) for n, a in CONVS.items()],
    *[OpCase("p.conv_transpose", a, label=n, expected=_transposed) for n, a in TRANSPOSED.items()],
    *[OpCase("p.max_pool", a, label=n, dtypes=("float32", "int32") if n == "2d" else ("float32",), expected=_pool(np.nanmax)) for n, a in POOLS.items()],
    *[OpCase("p.average_pool", a, label=n, dtypes=("float32", "bfloat16") if n == "2d" else ("float32",), expected=_pool(np.nanmean)) for n, a in POOLS.items()],
    # linear algebra
    OpCase("p.cholesky", [X(2, 3, 3, make=positive_definite)], dtypes=("float32", "float64"), grad=False, expected=np.linalg.cholesky),
    *[OpCase("p.qr", [X(*s), m], label=f"{m}-{s[-2]}x{s[-1]}", grad=False, check=_rebuilt(lambda q, r: q @ r, (0,))) for m in ("reduced", "complete") for s in ((2, 4, 3), (2, 3, 4))],
    *[OpCase("p.svd", [X(*s), f], label=f"{'full' if f else 'thin'}-{s[-2]}x{s[-1]}", grad=False,
             check=_rebuilt(lambda u, s, vh: (u[..., : s.shape[-1]] * s[..., None, :]) @ vh[..., : s.shape[-1], :], (0, 2))) for f in (True, False) for s in ((2, 4, 3), (2, 3, 4))],
    OpCase("p.eigh", [X(2, 3, 3, make=positive_definite)], grad=False, check=_rebuilt(lambda w, v: (v * w[..., None, :]) @ np.swapaxes(v, -1, -2), (1,))),
    OpCase("p.eig", [X(2, 3, 3)], grad=False, check=_eigen),
    *[OpCase("p.lu_factor", [X(*s)], label=f"{s[-2]}x{s[-1]}", grad=False, check=_rebuilt(_unpacked)) for s in ((2, 3, 3), (2, 4, 3), (2, 3, 4))],
    *[OpCase("p.solve_triangular", [X(2, 3, 3, make=triangular), X(2, 3, 2), lower], label="lower" if lower else "upper",
             expected=lambda a, b, lower: np.linalg.solve((np.tril if lower else np.triu)(a), b)) for lower in (True, False)],
    # signals
    OpCase("p.fft", [C(2, 6)], expected=np.fft.fft),
    OpCase("p.rfft", [X(2, 6)], dtypes=("float32", "float64"), expected=np.fft.rfft),
    OpCase("p.rfft", [X(2, 5)], label="odd", expected=np.fft.rfft),
    OpCase("p.irfft", [C(2, 4), 6], expected=np.fft.irfft),
    OpCase("p.irfft", [C(2, 4), 7], label="odd", expected=np.fft.irfft),
]
