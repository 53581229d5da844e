"""Activations, normalisations, attention, losses."""

import math

import numpy as np

from pronghorn_testing.case import FLOATS, B, OpCase, P, V, X

INF = math.inf
LARGE = [-1e30, -1000.0, -30.0, -1e-8, 0.0, 1e-8, 30.0, 1000.0, 1e30]
_erf = np.vectorize(math.erf, otypes=[float])
_sigmoid = lambda x: np.where(x < 0, np.exp(np.minimum(x, 0)) / (1 + np.exp(np.minimum(x, 0))), 1 / (1 + np.exp(-np.maximum(x, 0))))
_softplus = lambda x: np.logaddexp(x, 0.0)
_relu6 = lambda x: np.clip(x, 0, 6)
_elu = lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _64(fn):
    return lambda x, *args, **kw: fn(x.astype("float64"), *args, **kw)


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": _relu6,
    "leaky_relu": lambda x: np.where(x < 0, 0.2 * x, x),
    "elu": _elu,
    "selu": lambda x: 1.0507009873554805 * _elu(x, 1.6732632423543772),
    "celu": _elu,
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_sigmoid": lambda x: _relu6(x + 3) / 6,
    "hard_silu": lambda x: x * _relu6(x + 3) / 6,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "log_sigmoid": lambda x: -_softplus(-x),
    "silu": lambda x: x * _sigmoid(x),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * np.clip(x, -1e6, 1e6) ** 3))),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "squareplus": lambda x: np.where(x < 0, 2 / (np.sqrt(x * x + 4) - np.minimum(x, 0)), (x + np.sqrt(x * x + 4)) / 2),
    "sparse_plus": lambda x: np.where(x < 1, (np.clip(x, -1, 1) + 1) ** 2 / 4, x),
    "sparse_sigmoid": lambda x: (np.clip(x, -1, 1) + 1) / 2,
}
#: these overflow float32 on the way, as their formulas do
OVERFLOWING = ("gelu",)


def _softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _sparsemax(x, axis=-1):
    """The projection onto the simplex by bisection of its threshold."""
    low, high = x.max(axis=axis, keepdims=True) - 1, x.max(axis=axis, keepdims=True)
    for _ in range(80):
        middle = (low + high) / 2
        over = np.maximum(x - middle, 0).sum(axis=axis, keepdims=True) > 1
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    return np.maximum(x - low, 0)


def _layer_norm(x, gamma=1.0, beta=0.0, axis=-1, epsilon=1e-7):
    mean, var = x.mean(axis=axis, keepdims=True), x.var(axis=axis, keepdims=True)
    return (x - mean) / np.sqrt(var + epsilon) * gamma + beta


def _attention(q, k, v, bias=None, mask=None, scale=None, is_causal=False, attn_logits_soft_cap=None):
    k, v = (np.repeat(t, q.shape[2] // t.shape[2], axis=2) for t in (k, v))
    logits = np.einsum("bqhd,bkhd->bhqk", q, k) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if attn_logits_soft_cap:
        logits = np.tanh(logits / attn_logits_soft_cap) * attn_logits_soft_cap
    logits = logits if bias is None else logits + bias
    allowed = np.ones(logits.shape, bool) if mask is None else np.broadcast_to(mask, logits.shape)
    if is_causal:
        allowed = allowed & np.tril(np.ones(logits.shape[-2:], bool))
    return np.einsum("bhqk,bkhd->bqhd", _softmax(np.where(allowed, logits, -1e30)), v)


def _row(rng, shape):
    x = rng.random(shape) + 0.1
    return x / x.sum(-1, keepdims=True)


def _diagonal_mask(shape):
    return np.eye(shape[-2], shape[-1], dtype=bool) | np.tri(shape[-2], shape[-1], dtype=bool)


Q, KV = X(2, 4, 2, 3), X(2, 5, 2, 3)
CASES = [
    *[OpCase(n, [X(3, 4)], dtypes=FLOATS, expected=_64(f)) for n, f in ACTIVATIONS.items()],
    *[OpCase(n, [V([v for v in LARGE if n not in OVERFLOWING or abs(v) < 1e10])], label="large", expected=_64(f)) for n, f in ACTIVATIONS.items()],
    *[OpCase(n, [X(3, 4)], label="int", dtypes=("int32",), expected=lambda x, f=f: f(x.astype("float64"))) for n, f in ACTIVATIONS.items() if n in ("relu", "relu6", "sigmoid", "gelu")],
    OpCase("leaky_relu", [X(3, 4)], {"negative_slope": 0.1}, expected=lambda x, negative_slope: np.where(x < 0, negative_slope * x, x)),
    OpCase("elu", [X(3, 4)], {"alpha": 2.0}, expected=_elu),
    OpCase("celu", [X(3, 4)], {"alpha": 2.0}, expected=lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))),
    OpCase("gelu", [X(3, 4)], {"approximate": False}, dtypes=("float32", "bfloat16"), expected=lambda x, approximate: 0.5 * x * (1 + _erf(x / math.sqrt(2)))),
    OpCase("threshold", [X(3, 4), 0.2, -7.0], expected=lambda x, t, v: np.where(x > t, x, v)),
    OpCase("hard_shrink", [X(3, 4)], {"threshold": 0.2}, expected=lambda x, threshold: np.where(np.abs(x) > threshold, x, 0)),
    OpCase("soft_shrink", [X(3, 4)], {"threshold": 0.2}, expected=lambda x, threshold: np.sign(x) * np.maximum(np.abs(x) - threshold, 0)),
    OpCase("squareplus", [X(3, 4)], {"b": 1.0}, expected=lambda x, b: (x + np.sqrt(x * x + b)) / 2),
    *[OpCase("glu", [X(2, 4)], kw, batch=kw.get("axis") != 0, expected=lambda x, axis=-1: (lambda a, b: a * _sigmoid(b))(*np.split(x, 2, axis))) for kw in ({}, {"axis": 0})],
    # over an axis
    *[OpCase("softmax", [X(3, 4)], kw, dtypes=FLOATS, expected=_64(_softmax)) for kw in ({}, {"axis": 0}, {"axis": (0, 1)})],
    OpCase("softmax", [V([[1000.0, 999.0], [-INF, 0.0], [-1000.0, -1000.0]])], label="large", expected=_64(_softmax)),
    *[OpCase("log_softmax", [X(3, 4)], kw, dtypes=FLOATS, expected=lambda x, **kw: np.log(_softmax(x.astype("float64"), **kw))) for kw in ({}, {"axis": 0})],
    OpCase("log_softmax", [V([[1000.0, 0.0]])], label="large", expected=lambda x: np.array([[0.0, -1000.0]])),
    *[OpCase("sparsemax", [X(3, 4)], kw, batch=False, expected=_64(_sparsemax)) for kw in ({}, {"axis": 0})],
    # classes
    OpCase("one_hot", [V([[0, 2], [1, -1]], "int32"), 3], expected=lambda x, n: (x[..., None] == np.arange(n)).astype("float32")),
    OpCase("one_hot", [V([0, 2, 1], "int32"), 3], {"axis": 0, "dtype": "int32"}, expected=lambda x, n, **kw: (x == np.arange(n)[:, None]).astype("int32")),
    OpCase("multi_hot", [V([[0, 2], [1, 1]], "int32"), 3], expected=lambda x, n: (x[..., None] == np.arange(n)).any(1).astype("float32")),
    # normalisation
    *[OpCase("normalize", [X(3, 4)], kw, expected=lambda x, axis=-1, order=2, **kw: x / np.linalg.norm(x, order, axis, keepdims=True)) for kw in ({}, {"axis": 0}, {"order": 1}, {"order": 3})],
    *[OpCase("moments", [X(3, 4, 2)], {"axes": (0, 1), **kw}, dtypes=("float32", "bfloat16"), expected=lambda x, axes, keepdims=False: (x.mean(axes, keepdims=keepdims), x.var(axes, keepdims=keepdims)))
      for kw in ({}, {"keepdims": True})],
    OpCase("batch_normalization", [X(3, 4), X(4), P(4), -1], dtypes=("float32", "bfloat16"), expected=lambda x, m, v, a: (x - m) / np.sqrt(v + 1e-3)),
    OpCase("batch_normalization", [X(3, 4, 2), X(4), P(4), 1], {"offset": X(4), "scale": X(4), "epsilon": 0.01},
           expected=lambda x, m, v, a, offset, scale, epsilon: (x - m[:, None]) / np.sqrt(v[:, None] + epsilon) * scale[:, None] + offset[:, None]),
    OpCase("layer_normalization", [X(3, 4)], dtypes=("float32", "bfloat16"), expected=_layer_norm),
    OpCase("layer_normalization", [X(3, 4), X(4), X(4)], {"epsilon": 0.01}, dtypes=("float32", "float16"), expected=_layer_norm),
    OpCase("layer_normalization", [X(3, 4, 2), X(4, 2), X(4, 2)], {"axis": (1, 2), "epsilon": 0.01}, expected=_layer_norm),
    OpCase("rms_normalization", [X(3, 4)], dtypes=("float32", "bfloat16"), expected=lambda x: x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-7)),
    OpCase("rms_normalization", [X(3, 4), X(4)], {"epsilon": 0.01}, expected=lambda x, s, epsilon: x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * s),
    # attention
    OpCase("dot_product_attention", [Q, KV, KV], dtypes=("float32", "bfloat16"), expected=_attention),
    OpCase("dot_product_attention", [Q, X(2, 4, 2, 3), X(2, 4, 2, 3)], {"is_causal": True}, expected=_attention),
    OpCase("dot_product_attention", [Q, KV, KV], {"mask": V(_diagonal_mask((1, 1, 4, 5)[2:])[None, None], "bool"), "scale": 0.5}, label="mask", expected=_attention),
    OpCase("dot_product_attention", [Q, KV, KV], {"bias": X(1, 2, 4, 5)}, label="bias", expected=_attention),
    OpCase("dot_product_attention", [X(2, 4, 4, 3), KV, KV], label="groups", expected=_attention),
    OpCase("dot_product_attention", [Q, KV, KV], {"attn_logits_soft_cap": 2.0}, expected=_attention),
    # losses
    OpCase("binary_crossentropy", [B(3, 4), X(3, 4, low=0.05, high=0.95)], expected=lambda t, p: -np.log(np.where(t, p, 1 - p))),
    OpCase("binary_crossentropy", [X(3, 4, low=0.0, high=1.0), X(3, 4)], {"from_logits": True}, dtypes=("float32", "bfloat16"), expected=lambda t, z, from_logits: _softplus(z) - t * z),
    OpCase("binary_crossentropy", [V([0.0, 1.0, 1.0]), V([0.0, 0.0, 1.0])], label="edges", tolerance=1000, expected=lambda t, p: np.array([0.0, -math.log(1e-7), 0.0])),
    OpCase("categorical_crossentropy", [X(3, 4, make=_row), X(3, 4, make=_row)], expected=lambda t, p: -(t * np.log(p / p.sum(-1, keepdims=True))).sum(-1)),
    OpCase("categorical_crossentropy", [X(3, 4, make=_row), X(3, 4)], {"from_logits": True}, expected=lambda t, z, from_logits: -(t * np.log(_softmax(z))).sum(-1)),
    OpCase("sparse_categorical_crossentropy", [V([1, 0, 3], "int32"), X(3, 4, make=_row)], expected=lambda t, p: -np.log(p / p.sum(-1, keepdims=True))[np.arange(3), t]),
    OpCase("sparse_categorical_crossentropy", [V([1, 0, 3], "int32"), X(3, 4)], {"from_logits": True}, dtypes=("float32", "bfloat16"), expected=lambda t, z, from_logits: -np.log(_softmax(z))[np.arange(3), t]),
    OpCase("psnr", [X(2, 3, low=0.0, high=1.0), X(2, 3, low=0.0, high=1.0), 1.0], expected=lambda a, b, m: 10 * np.log10(m * m / ((a - b) ** 2).mean())),
    OpCase("ctc_loss", [V([[1, 2, 0], [1, 1, 2]], "int32"), X(2, 6, 4), V([2, 3], "int32"), V([6, 5], "int32")], tolerance=5),
]
