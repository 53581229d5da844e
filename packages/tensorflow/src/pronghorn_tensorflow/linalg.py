"""Linear algebra and complex numbers."""

from typing import Any

import tensorflow as tf

from pronghorn_tensorflow.support import F8, cast, plain, raw, via

_SMALL = {**F8, "float16": "float32", "bfloat16": "float32"}


def _each(fn: Any) -> Any:
    """`fn` with a tuple of results, in 32 bits where the input has fewer."""

    def call(x: Any, *args: Any) -> Any:
        kind = x.dtype
        if kind.name not in _SMALL:
            return fn(x, *args)
        return tuple(cast(out, kind) if out.dtype.is_floating else out for out in fn(cast(x, tf.float32), *args))

    return call


def _qr(x: Any, mode: str) -> tuple:
    return tuple(tf.linalg.qr(x, full_matrices=mode == "complete"))


def _svd(x: Any, full_matrices: bool) -> tuple:
    s, u, v = tf.linalg.svd(x, full_matrices=full_matrices)
    return u, s, tf.linalg.adjoint(v)


def _eigh(x: Any) -> tuple:
    values, vectors = tf.linalg.eigh(x)
    return tf.math.real(values), vectors


def _lu_factor(x: Any) -> tuple:
    """Gaussian elimination with partial pivoting; TensorFlow's own kernel refuses singular and oblong matrices."""
    m, n = x.shape[-2], x.shape[-1]
    if m is None or n is None:
        raise ValueError(f"lu_factor: the size of the matrices must be known; received shape {tuple(x.shape)}.")
    steps = min(m, n)
    rows, columns = tf.range(m), tf.range(n)

    def eliminate(j: Any, a: Any, pivots: Any) -> tuple:
        column = tf.gather(a, j, axis=-1)
        size = tf.where(rows < j, tf.constant(-1, column.dtype.real_dtype), tf.abs(column))
        p = tf.argmax(size, -1, output_type=tf.int32)[..., None]  # the row that comes up
        swap = tf.where(rows == j, p, tf.where(rows == p, j, rows))
        a = tf.gather(a, swap, axis=-2, batch_dims=len(a.shape) - 2)
        column, row = tf.gather(a, j, axis=-1), tf.gather(a, j, axis=-2)
        pivot = tf.gather(row, j, axis=-1)[..., None]
        factor = tf.where((rows > j) & (pivot != 0), column / tf.where(pivot == 0, tf.ones_like(pivot), pivot), tf.zeros_like(column))
        update = factor[..., None] * tf.where(columns > j, row, tf.zeros_like(row))[..., None, :]
        below = tf.where((rows[:, None] > j) & (columns == j) & (pivot[..., None] != 0), factor[..., None], a)
        return j + 1, below - update, pivots + p * tf.one_hot(j, steps, dtype=tf.int32)

    start = (tf.constant(0), plain(x), tf.zeros(tf.concat([tf.shape(x)[:-2], [steps]], 0), tf.int32))
    _, a, pivots = tf.while_loop(
        lambda j, *_: j < steps, eliminate, start, maximum_iterations=steps,
        shape_invariants=(tf.TensorShape(()), x.shape, tf.TensorShape((*x.shape[:-2], steps))),
    )  # fmt: skip
    return a, pivots


def _triangular(a: Any, b: Any, lower: bool) -> Any:
    return tf.linalg.triangular_solve(a, b, lower=lower)


cholesky = via(lambda x: raw.Cholesky(input=x), _SMALL)
qr = _each(_qr)
svd = _each(_svd)
eigh = _each(_eigh)
eig = _each(lambda x: tuple(tf.linalg.eig(x)))
lu_factor = _each(_lu_factor)
solve_triangular = via(_triangular, _SMALL, 2)


def real(x: Any) -> Any:
    """Real part."""
    return tf.math.real(x) if x.dtype.is_complex else plain(x)


def imag(x: Any) -> Any:
    """Imaginary part."""
    return tf.math.imag(x) if x.dtype.is_complex else cast(tf.zeros(tf.shape(x)), x.dtype)


view_as_complex = via(lambda real, imag: tf.complex(real, imag), _SMALL, 2, back=False)


def fft(x: Any) -> Any:
    """Discrete Fourier transform of the last axis."""
    return tf.signal.fft(x)


rfft = via(lambda x: tf.signal.rfft(x), _SMALL, back=False)


def irfft(x: Any, length: int) -> Any:
    """Inverse of `rfft`."""
    return tf.signal.irfft(x, [length])


def nonzero(x: Any) -> tuple:
    """Index vectors of the nonzero elements."""
    found = tf.where(x if x.dtype.is_bool else raw.NotEqual(x=cast(x, tf.float32) if x.dtype.name in F8 else x, y=0))
    return tuple(tf.unstack(cast(found, tf.int32), num=x.shape.rank, axis=1))


PRIMITIVES = {
    "cholesky": cholesky, "qr": qr, "svd": svd, "eigh": eigh, "eig": eig, "lu_factor": lu_factor, "solve_triangular": solve_triangular,
    "real": real, "imag": imag, "view_as_complex": view_as_complex, "fft": fft, "rfft": rfft, "irfft": irfft, "nonzero": nonzero,
}  # fmt: skip
