"""Linear algebra and signals with Keras' arguments."""

import numpy as np

from pronghorn_testing.case import OpCase, V, X
from pronghorn_testing.cases_heavy import _eigen, _rebuilt, _unpacked, positive_definite, triangular

_M = X(2, 3, 3, make=triangular)
_S = X(2, 3, 3, make=positive_definite)


def _stft(x, length, stride, n_fft):
    """Centred frames under a periodic Hann window."""
    pad = n_fft // 2
    x = np.pad(x, ((0, 0), (pad, pad)), mode="reflect")
    window = np.zeros(n_fft)
    left = (n_fft - length) // 2
    window[left : left + length] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    frames = np.stack([x[:, i : i + n_fft] for i in range(0, x.shape[1] - n_fft + 1, stride)], 1)
    z = np.fft.rfft(frames * window)
    return z.real, z.imag


def _istft(pair, length, stride, n_fft):
    """Least squares: frames under the window added up, over the sum of its squares."""
    window = np.zeros(n_fft)
    left = (n_fft - length) // 2
    window[left : left + length] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    frames = np.fft.irfft(pair[0] + 1j * pair[1], n_fft)
    total = np.zeros((frames.shape[0], (frames.shape[1] - 1) * stride + n_fft))
    weight = np.zeros(total.shape[1])
    for i in range(frames.shape[1]):
        total[:, i * stride : i * stride + n_fft] += frames[:, i] * window
        weight[i * stride : i * stride + n_fft] += window**2
    return (total / np.where(weight > 1e-10, weight, 1))[:, n_fft // 2 : -(n_fft // 2)]


CASES = [
    OpCase("cholesky", [_S], needs="linalg", grad=False, expected=np.linalg.cholesky),
    OpCase("cholesky", [_S], {"upper": True}, needs="linalg", grad=False, expected=lambda x, upper: np.swapaxes(np.linalg.cholesky(x), -1, -2)),
    OpCase("cholesky_inverse", [_M], needs="linalg", tolerance=5, grad=False, expected=lambda x: np.linalg.inv(np.tril(x) @ np.swapaxes(np.tril(x), -1, -2))),
    OpCase("det", [_M], needs="linalg", tolerance=5, expected=np.linalg.det),
    OpCase("slogdet", [_M], needs="linalg", tolerance=5, expected=lambda x: tuple(np.linalg.slogdet(x))),
    OpCase("logdet", [_S], needs="linalg", tolerance=5, expected=lambda x: np.linalg.slogdet(x)[1]),
    OpCase("inv", [_M], needs="linalg", tolerance=5, expected=np.linalg.inv),
    OpCase("solve", [_M, X(2, 3)], label="vectors", needs="linalg", tolerance=5, expected=lambda a, b: np.linalg.solve(a, b[..., None])[..., 0]),
    OpCase("solve", [_M, X(2, 3, 2)], needs="linalg", tolerance=5, expected=np.linalg.solve),
    OpCase("solve_triangular", [_M, X(2, 3, 2)], {"lower": True}, needs="linalg", tolerance=5, expected=lambda a, b, lower: np.linalg.solve(np.tril(a), b)),
    OpCase("lstsq", [X(5, 3), X(5, 2)], needs="linalg", tolerance=10, batch=False, expected=lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0]),
    OpCase("pinv", [X(4, 3)], needs="linalg", tolerance=10, batch=False, expected=np.linalg.pinv),
    OpCase("matrix_rank", [X(2, 4, 3)], needs="linalg", grad=False, expected=np.linalg.matrix_rank),
    OpCase("qr", [X(2, 4, 3)], needs="linalg", grad=False, check=_rebuilt(lambda q, r: q @ r, (0,))),
    OpCase("svd", [X(2, 4, 3)], {"full_matrices": False}, needs="linalg", grad=False, check=_rebuilt(lambda u, s, vh: (u * s[..., None, :]) @ vh, (0, 2))),
    OpCase("svd", [X(2, 4, 3)], {"compute_uv": False}, needs="linalg", tolerance=5, expected=np.linalg.svd),
    OpCase("eigh", [_S], needs="linalg", grad=False, check=_rebuilt(lambda w, v: (v * w[..., None, :]) @ np.swapaxes(v, -1, -2), (1,))),
    OpCase("eig", [X(2, 3, 3)], needs="linalg", grad=False, check=_eigen),
    *[OpCase("lu_factor", [X(*s)], label=f"{s[-2]}x{s[-1]}", needs="linalg", grad=False, check=_rebuilt(_unpacked)) for s in ((2, 3, 3), (2, 4, 3), (2, 3, 4))],
    *[
        OpCase("norm", [X(2, 3, 4)], kw, tolerance=5, needs=n, expected=lambda x, **kw: np.linalg.norm(x, **kw), batch=not n)
        for kw, n in (
            ({}, ""),
            ({"axis": 1}, ""),
            ({"ord": 1, "axis": 1}, ""),
            ({"ord": "fro", "axis": (1, 2), "keepdims": True}, ""),
            ({"ord": np.inf, "axis": -1}, ""),
            ({"ord": 2, "axis": (1, 2)}, "linalg"),
            ({"ord": "nuc", "axis": (2, 0)}, "linalg"),
            ({"ord": 3, "axis": 1}, ""),
            ({"ord": -1, "axis": (0, 1), "keepdims": True}, ""),
        )
    ],
    OpCase("norm", [V([[0.0, 0.0], [3.0, 4.0]])], {"axis": 1}, label="zero", expected=lambda x, axis: np.array([0.0, 5.0])),
    *[
        OpCase(n, [_S], label="half", dtypes=("float16", "bfloat16"), needs="linalg", grad=False, tolerance=5, expected=getattr(np.linalg, n))
        for n in ("cholesky", "inv", "det")
    ],
    # signals: real and imaginary parts as a pair, as in Keras
    OpCase("fft", [(X(2, 6), X(2, 6))], needs="complex", expected=lambda x: (lambda z: (z.real, z.imag))(np.fft.fft(x[0] + 1j * x[1]))),
    *[
        OpCase(n, [(X(2, 3, 4), X(2, 3, 4))], needs="complex", expected=lambda x, f=getattr(np.fft, n): (lambda z: (z.real, z.imag))(f(x[0] + 1j * x[1])))
        for n in ("fft2", "ifft2")
    ],
    OpCase("rfft", [X(2, 6)], needs="complex", expected=lambda x: (lambda z: (z.real, z.imag))(np.fft.rfft(x))),
    OpCase("rfft", [X(2, 6)], {"fft_length": 8}, needs="complex", expected=lambda x, fft_length: (lambda z: (z.real, z.imag))(np.fft.rfft(x, fft_length))),
    OpCase("irfft", [(X(2, 4), X(2, 4))], needs="complex", expected=lambda x: np.fft.irfft(x[0] + 1j * x[1])),
    OpCase("stft", [X(2, 20), 6, 2, 8], needs="complex", tolerance=3, expected=_stft),
    OpCase(
        "stft",
        [X(2, 20), 6, 2, 8],
        {"window": None, "center": False},
        needs="complex",
        tolerance=3,
        expected=lambda x, *_, **kw: (lambda z: (z.real, z.imag))(np.fft.rfft(np.stack([x[:, i : i + 8] for i in range(0, 13, 2)], 1))),
    ),
    OpCase("istft", [(X(2, 9, 5), X(2, 9, 5)), 6, 2, 8], needs="complex", tolerance=3, expected=_istft),
    OpCase("istft", [(X(2, 9, 5), X(2, 9, 5)), 6, 2, 8], {"length": 13}, needs="complex", tolerance=3, expected=lambda *a, length: _istft(*a)[:, :length]),
]
