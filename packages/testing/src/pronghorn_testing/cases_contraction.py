"""Products of tensors, convolutions and pooling with Keras' arguments, images' windows."""

import numpy as np

from pronghorn_testing.case import FLOATS, OpCase, X
from pronghorn_testing.cases_heavy import _conv, _pool

EINSUMS = {
    "ij,jk->ik": ((2, 3), (3, 4)),
    "bij,bjk->bik": ((2, 3, 4), (2, 4, 5)),
    "...ij,jk->...ik": ((2, 3, 4), (4, 5)),
    "ii->i": ((3, 3),),
    "ij->ji": ((2, 3),),
    "ij->": ((2, 3),),
    "i,j->ij": ((2,), (3,)),
    "ij,jk,kl->il": ((2, 3), (3, 4), (4, 2)),
    "bhqd,bhkd->bhqk": ((2, 2, 3, 4), (2, 2, 5, 4)),
    "ij,j": ((2, 3), (3,)),
}


def _same(x, taps, strides, dilation):
    """Padding of "same": as much as makes ceil(size / stride) positions, the odd one at the end."""
    pairs = []
    for d, k, s, r in zip(x.shape[1:-1], taps, strides, dilation, strict=True):
        total = max((-(-d // s) - 1) * s + r * (k - 1) + 1 - d, 0)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


def _conv_keras(x, kernel, strides=1, padding="valid", dilation_rate=1, data_format="channels_last"):
    n = kernel.ndim - 2
    grow = lambda v: (v,) * n if isinstance(v, int) else tuple(v)
    first = data_format == "channels_first"
    x = np.moveaxis(x, 1, -1) if first else x
    strides, dilation = grow(strides), grow(dilation_rate)
    pad = _same(x, kernel.shape[:n], strides, dilation) if padding == "same" else ((0, 0),) * n
    y = _conv(x, kernel, strides, pad, dilation, x.shape[-1] // kernel.shape[-2])
    return np.moveaxis(y, -1, 1) if first else y


def _depthwise(x, kernel, **kw):
    return _conv_keras(x, kernel.reshape(*kernel.shape[:-2], 1, -1), **kw)


def _pool_keras(fn):
    def run(x, pool_size, strides=None, padding="valid", data_format="channels_last"):
        n = x.ndim - 2
        first = data_format == "channels_first"
        x = np.moveaxis(x, 1, -1) if first else x
        size = (pool_size,) * n if isinstance(pool_size, int) else tuple(pool_size)
        step = size if strides is None else (strides,) * n if isinstance(strides, int) else tuple(strides)
        pad = _same(x, size, step, (1,) * n) if padding == "same" else ((0, 0),) * n
        y = _pool(fn)(x, size, step, pad)
        return np.moveaxis(y, -1, 1) if first else y

    return run


def _adaptive(fn):
    def run(x, output_size, data_format="channels_last"):
        out = np.zeros((x.shape[0], *output_size, x.shape[-1]))
        for i in np.ndindex(*output_size):
            window = tuple(slice(j * d // n, -(-(j + 1) * d // n)) for j, d, n in zip(i, x.shape[1:-1], output_size, strict=True))
            out[(slice(None), *i)] = fn(x[(slice(None), *window)], axis=tuple(range(1, x.ndim - 1)))
        return out

    return run


CONV = [{}, {"strides": 2, "padding": "same"}, {"dilation_rate": 2, "padding": "same"}]
CASES = [
    *[OpCase("matmul", [X(*a), X(*b)], label=f"{len(a)}x{len(b)}", dtypes=FLOATS if (len(a), len(b)) == (2, 2) else ("float32", "int32"), expected=np.matmul, batch=len(a) > 1)
      for a, b in (((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((2, 1, 3, 4), (5, 4, 2)))],
    *[OpCase("dot", [X(*a), X(*b)], label=f"{len(a)}x{len(b)}", expected=np.dot, batch=len(a) > 1) for a, b in (((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((2, 3), (2, 3, 2)), ((), (2,)))],
    OpCase("vdot", [X(2, 3), X(2, 3)], expected=np.vdot),
    OpCase("inner", [X(2, 3), X(4, 3)], expected=np.inner),
    OpCase("outer", [X(2, 2), X(3)], expected=np.outer),
    OpCase("tensordot", [X(2, 3, 4), X(3, 4, 5)], {"axes": 2}, expected=np.tensordot),
    OpCase("tensordot", [X(2, 3, 4), X(4, 2)], {"axes": ((0, 2), (1, 0))}, batch=False, expected=np.tensordot),
    *[OpCase("einsum", [e, *[X(*s) for s in shapes]], label=e, tolerance=2, batch=not e.startswith("ii"), expected=lambda *a: np.einsum(*a)) for e, shapes in EINSUMS.items()],
    OpCase("cross", [X(2, 3), X(2, 3)], expected=np.cross),
    OpCase("cross", [X(3, 2), X(3, 2)], {"axis": 0}, batch=False, expected=np.cross),
    OpCase("kron", [X(2, 3), X(2, 2)], expected=np.kron),
    OpCase("cdist", [X(2, 3), X(4, 3)], tolerance=5, expected=lambda a, b: np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))),
    # convolution
    *[OpCase("conv", [X(2, 7, 3), X(3, 3, 4)], kw, label="1d" + "".join(kw), expected=_conv_keras) for kw in CONV],
    *[OpCase("conv", [X(2, 5, 6, 3), X(3, 2, 3, 4)], kw, label="2d" + "".join(kw), expected=_conv_keras) for kw in CONV],
    OpCase("conv", [X(2, 3, 5, 6), X(3, 3, 3, 4)], {"data_format": "channels_first"}, expected=_conv_keras),
    OpCase("conv", [X(2, 5, 5, 4), X(3, 3, 2, 6)], label="groups", expected=_conv_keras),
    OpCase("conv", [X(1, 4, 4, 3, 2), X(2, 2, 2, 2, 3)], {"padding": "same"}, label="3d", expected=_conv_keras),
    *[OpCase("depthwise_conv", [X(2, 5, 6, 3), X(3, 3, 3, 2)], kw, expected=_depthwise) for kw in CONV],
    OpCase("separable_conv", [X(2, 6, 6, 3), X(3, 3, 3, 2), X(1, 1, 6, 4)], {"padding": "same"}, expected=lambda x, d, p, padding: _conv_keras(_depthwise(x, d, padding=padding), p)),
    OpCase("conv_transpose", [X(2, 4, 3), X(3, 2, 3)], {"strides": 2}),
    OpCase("conv_transpose", [X(2, 3, 4, 3), X(3, 3, 2, 3)], {"strides": 2, "padding": "same"}),
    OpCase("conv_transpose", [X(2, 3, 4, 3), X(3, 3, 2, 3)], {"strides": 3, "padding": "same", "output_padding": 1}),
    # pooling
    *[OpCase(n, [X(2, 6, 5, 2)], {"pool_size": 2, **kw}, expected=_pool_keras(f)) for n, f in (("max_pool", np.nanmax), ("average_pool", np.nanmean))
      for kw in ({}, {"strides": 1, "padding": "same"})],
    OpCase("max_pool", [X(2, 3, 6)], {"pool_size": 2, "data_format": "channels_first"}, expected=_pool_keras(np.nanmax)),
    *[OpCase(n, [X(2, 5, 7, 2)], {"output_size": (2, 3)}, expected=_adaptive(f)) for n, f in (("adaptive_average_pool", np.mean), ("adaptive_max_pool", np.max))],
    OpCase("unfold", [X(2, 3, 5, 4)], {"kernel_size": 2}, expected=lambda x, kernel_size: np.stack([x[:, :, i : i + 2, j : j + 2].reshape(2, -1) for i in range(4) for j in range(3)], -1)),
    OpCase("fold", [X(2, 8, 4)], {"output_size": (4, 4), "kernel_size": 2, "stride": 2}),
    # rearranging pixels
    OpCase("space_to_depth", [X(2, 4, 6, 3), 2], expected=lambda x, b: x.reshape(2, 2, 2, 3, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 2, 3, 12)),
    OpCase("depth_to_space", [X(2, 2, 3, 12), 2], expected=lambda x, b: x.reshape(2, 2, 3, 2, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 4, 6, 3)),
]
