"""Activations, convolutions, pools, normalisations, cross-entropies and attention against Keras', on NumPy and on JAX.

Run: python3 dev.py run bench python benchmarks/peers/ops_nn.py
"""

import itertools
from typing import Any

import numpy as np
from op_calls import Known, draw, main

DTYPES = ("float32", "int32", "float16", "bool", "uint8")

#: engine of Keras -> ops that it computes in integers, cuts off to them, or refuses for them
PROMOTED = {
    "numpy": "batch_normalization celu conv conv_transpose depthwise_conv elu gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh layer_normalization leaky_relu log_sigmoid log_softmax moments normalize relu relu6 rms_normalization selu sigmoid silu softmax softplus softsign sparse_plus sparse_sigmoid squareplus swish tanh_shrink threshold",
    "jax": "glu hard_tanh layer_normalization log_sigmoid log_softmax normalize relu6 rms_normalization sigmoid silu softmax swish threshold",
}

EXPLAINED = [
    Known("numpy", "moments", "only Keras refuses*synchronized*", "one device needs no synchronising", "refused on NumPy"),
    Known("numpy", "one_hot", "shape (2, 0), Keras (2, 2)", "no classes give no columns", "counts the classes on NumPy"),
    Known("*", "sparsemax", "value*", "the projection onto the simplex, as in the paper", "another result where several elements are in the support"),
    Known("numpy", "sparsemax", "dtype*", "the dtype is kept, as on JAX", "float64 on NumPy"),
    Known("*", "*_shrink", "value*", "nan stays nan", "nan becomes 0"),
    Known("*", "squareplus", "value*", "large negative numbers keep their digits", "they cancel"),
    Known("numpy", "*_hot", "only Keras refuses*", "a class out of range is a row of zeros, as on JAX", "fails on NumPy"),
    Known("numpy", "*conv*", "only Keras refuses*lax.conv_general_dil*", "mixed dtypes are promoted", "fails"),
    Known("jax", "conv", "*int32*: value*", "mixed dtypes are promoted", "the kernel is cut off to integers"),
    Known("*", "*_pool", "only Keras refuses*", "strides default to the size of the pool, and sizes may be tuples", "fails without strides"),
    Known("*", "*_to_*", "only Keras refuses*block_size*at least 2*", "a block of 1 changes nothing", "refused"),
    Known("numpy", "normalize", "only Keras refuses*order*", "infinity is an order", "refused"),
    Known("*", "rms_normalization", "only Keras refuses*", "the scale belongs to the axis", "fails unless it is the last one"),
    Known("jax", "sparse_categorical_crossentropy", "*dtype float16, Keras float32", "the dtype of the output", "float32 where the targets are integers"),
    Known("jax", "sparse_categorical_crossentropy", "only Keras refuses*", "classes may lie on any axis", "refused"),
    Known("numpy", "*categorical_crossentropy", "*float64", "integer targets take the dtype of the output", "float64 on NumPy"),
    Known("numpy", "binary_crossentropy", "*float64", "integer targets take the dtype of the output", "float64 on NumPy"),
    Known("jax", "binary_crossentropy", "*float16*value*", "16-bit probabilities are kept off 0 and 1 in 32 bits", "nan and infinity near 0 and 1"),
    Known("numpy", "binary_crossentropy", "value*", "computed from logits, without cutting off", "probabilities are cut off at epsilon on NumPy"),
    Known(
        "numpy",
        "sparse_categorical_crossentropy",
        "*",
        "the dtype of the output; classes out of range and any axis are taken, as on JAX",
        "float32 or fails on NumPy",
    ),
    Known("numpy", "dot_product_attention", "*float16*", "16-bit floats are computed in 32 bits", "rounded to 16 bits after each step"),
    Known("*", "dot_product_attention", "only Keras refuses*", "stacks of any rank, fewer heads of keys, and a soft cap work", "refused"),
    *[
        Known(engine, name, "*([iub]*", "integers and booleans become floatx (relu and relu6 keep them)", "the engine's own promotion, cut off to the integer, or refused")
        for engine, names in PROMOTED.items()
        for name in names.split()
    ],
]

ACTIVATIONS: dict[str, list[dict]] = {
    "celu": [{"alpha": 0.3}], "elu": [{"alpha": 2.0}], "gelu": [{"approximate": False}], "glu": [{"axis": 0}], "hard_shrink": [{"threshold": 1.0}], "hard_sigmoid": [],
    "hard_silu": [], "hard_swish": [], "hard_tanh": [], "leaky_relu": [{"negative_slope": 0.5}], "log_sigmoid": [], "log_softmax": [{"axis": 0}, {"axis": (0, 1)}], "relu": [],
    "relu6": [], "selu": [], "sigmoid": [], "silu": [], "soft_shrink": [{"threshold": 1.0}], "softmax": [{"axis": 0}, {"axis": (0, 1)}, {"axis": None}], "softplus": [],
    "softsign": [], "sparse_plus": [], "sparse_sigmoid": [], "sparsemax": [{"axis": 0}], "squareplus": [{"b": 1}], "swish": [], "tanh_shrink": [],
}  # fmt: skip


def calls() -> Any:
    """Every call: name, positional arguments, keywords. Arrays become tensors."""
    rng = np.random.default_rng(12)
    d = lambda shape, dtype="float32", special=False: draw(rng, shape, dtype, special)
    line = np.concatenate([np.linspace(-8, 8, 33), [-100, 100, -0.0, 1e-4, -3, 3, np.inf, -np.inf, np.nan]]).astype("float32")
    for name, options in ACTIVATIONS.items():
        yield name, [d((4, 6))], {}
        for kw in options:
            yield name, [d((4, 6))], kw
        if name not in ("softmax", "log_softmax", "sparsemax"):
            yield name, [line], {}
        for dtype in DTYPES[1:]:
            yield name, [d((4, 6), dtype)], {}
        yield name, [d((0, 4))], {}
        yield name, [d((3,))], {}
    for dtype in DTYPES:
        yield "threshold", [d((4, 6), dtype), 0.5, -1.0], {}
        yield "threshold", [d((4, 6), dtype), 1, 3], {}
    for name, dtype in itertools.product(("softmax", "log_softmax"), ("float32", "float16")):
        yield name, [np.array([[np.inf, 1, 2], [-np.inf, -np.inf, -np.inf], [1e4, -1e4, 0]], dtype)], {}
        yield name, [d((2, 1), dtype)], {}
    # convolutions
    for padding, stride, dilation, form in itertools.product(("valid", "same"), (1, 2), (1, 2), ("channels_last", "channels_first")):
        kw = {"padding": padding, "strides": stride, "dilation_rate": dilation, "data_format": form}
        for rank, depth in ((1, 4), (2, 4), (2, 2), (3, 2)):
            space = (9, 7, 6)[:rank]
            x = d((2, *space, 4) if form == "channels_last" else (2, 4, *space))
            yield "conv", [x, d(((3, 2, 2)[:rank]) + (depth, 6))], kw
            if depth == 4:
                yield "conv_transpose", [x, d(((3, 2, 2)[:rank]) + (5, 4))], kw
            if rank < 3 and depth == 4:
                yield "depthwise_conv", [x, d(((3, 2)[:rank]) + (4, 2))], kw
                yield "separable_conv", [x, d(((3, 2)[:rank]) + (4, 2)), d((*(1,) * rank, 8, 3))], kw
    for dtype, other in itertools.product(DTYPES[:3], DTYPES[:3]):
        yield "conv", [d((1, 6, 3), dtype), d((2, 3, 2), other)], {}
        yield "conv_transpose", [d((1, 6, 3), dtype), d((2, 2, 3), other)], {}
        yield "depthwise_conv", [d((1, 6, 3), dtype), d((2, 3, 2), other)], {}
    for strides, output in itertools.product((2, 3), (None, 0, 1)):
        yield "conv_transpose", [d((1, 5, 3)), d((4, 2, 3))], {"strides": strides, "output_padding": output}
        yield "conv_transpose", [d((1, 5, 4, 3)), d((3, 4, 2, 3))], {"strides": strides, "output_padding": output, "padding": "same"}
    x = d((2, 6, 5, 3))
    for kw in (
        {"strides": 2, "dilation_rate": 2},
        {"padding": "other"},
        {"padding": "causal"},
        {"strides": (1, 2)},
        {"strides": (1, 2, 3)},
        {"data_format": "other"},
    ):
        yield "conv", [x, d((2, 2, 3, 4))], kw
    yield "conv", [x, d((2, 2, 4, 4))], {}
    yield "conv", [x, d((7, 7, 3, 4))], {}
    yield "conv", [d((2, 6)), d((2, 3, 4))], {}
    # pools
    for name, padding, strides, form in itertools.product(
        ("max_pool", "average_pool"), ("valid", "same"), (None, 1, 2, 3), ("channels_last", "channels_first")
    ):
        kw = {"padding": padding, "strides": strides, "data_format": form}
        for rank, size in ((1, 2), (2, (3, 2)), (3, 2)):
            space = (7, 6, 5)[:rank]
            yield name, [d((2, *space, 3) if form == "channels_last" else (2, 3, *space)), size], kw
    for name, dtype in itertools.product(("max_pool", "average_pool"), DTYPES[:3]):
        yield name, [d((1, 6, 2), dtype), 2], {}
        yield name, [d((1, 6, 2), dtype), 9], {}
    yield "max_pool", [d((1, 6, 2)), 2], {"padding": "other"}
    for name, rank, size, form in itertools.product(("adaptive_average_pool", "adaptive_max_pool"), (1, 2, 3), (1, 3, 4), ("channels_last", "channels_first")):
        space = (7, 6, 5)[:rank]
        yield name, [d((2, *space, 3) if form == "channels_last" else (2, 3, *space)), size], {"data_format": form}
    yield "adaptive_max_pool", [d((1, 7, 6, 2)), (2, 3)], {}
    yield "adaptive_average_pool", [d((1, 7, 6, 2)), (2, 3)], {}
    # normalisation
    for axis, dtype in itertools.product((-1, 1, (1, 2), 0), ("float32", "float16", "int32")):
        shape = (2, 3, 4)
        yield "normalize", [d(shape, dtype)], {"axis": axis}
        yield "moments", [d(shape, dtype), axis if isinstance(axis, tuple) else [axis]], {}
        yield "moments", [d(shape, dtype), axis if isinstance(axis, tuple) else [axis]], {"keepdims": True}
        yield "layer_normalization", [d(shape, dtype)], {"axis": axis}
        yield "rms_normalization", [d(shape, dtype)], {"axis": axis}
        if isinstance(axis, int):
            size = (shape[axis],)
            kw = {"gamma": d(size), "beta": d(size)}
            yield "layer_normalization", [d(shape, dtype)], {"axis": axis, **kw, "epsilon": 1e-2}
            yield "rms_normalization", [d(shape, dtype), d(size)], {"axis": axis, "epsilon": 1e-2}
            yield "batch_normalization", [d(shape, dtype), d(size), np.abs(d(size)), axis], {}
            yield "batch_normalization", [d(shape, dtype), d(size), np.abs(d(size)), axis], {"offset": d(size), "scale": d(size), "epsilon": 0.1}
    yield "layer_normalization", [d((2, 3, 4)), d((3, 4)), d((3, 4))], {"axis": (1, 2)}
    yield "layer_normalization", [d((2, 3, 4))], {"rms_scaling": True}
    yield "rms_normalization", [d((2, 3, 4)), d((3, 4))], {"axis": (1, 2)}
    yield "batch_normalization", [d((2, 3)), d((2,)), d((2,)), -1], {}
    yield "moments", [d((2, 3)), [0]], {"synchronized": True}
    for order, epsilon in itertools.product((1, 2, 3, np.inf, 0), (None, 0.5)):
        yield "normalize", [d((3, 4))], {"order": order, "epsilon": epsilon}
    yield "normalize", [np.zeros((2, 3), "float32")], {}
    # cross-entropies
    scores = d((4, 5))
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    labels, hot = np.array([0, 4, 2, 2], "int32"), np.eye(5, dtype="float32")[[0, 4, 2, 2]]
    for logits, dtype in itertools.product((False, True), ("float32", "float16")):
        p, kw = (scores if logits else shares).astype(dtype), {"from_logits": logits}
        yield "categorical_crossentropy", [hot.astype(dtype), p], kw
        yield "categorical_crossentropy", [hot.T.copy().astype(dtype), p.T.copy()], {**kw, "axis": 0}
        yield "sparse_categorical_crossentropy", [labels, p], kw
        yield "sparse_categorical_crossentropy", [labels[:, None], p], kw
        yield "sparse_categorical_crossentropy", [labels.astype("float32"), p], kw
        yield "sparse_categorical_crossentropy", [np.array([7, -1, 0, 1], "int32"), p], kw
        yield "sparse_categorical_crossentropy", [d((2, 3), "uint8") % 4, d((2, 4, 3)) if logits else np.abs(d((2, 4, 3)))], {**kw, "axis": 1}
        yield "binary_crossentropy", [hot.astype(dtype), p], kw
        yield "binary_crossentropy", [np.array([0, 1, 1, 0], dtype), np.array([0, 1, 0, 1], dtype) * (90 if logits else 1)], kw
        for name in ("categorical_crossentropy", "binary_crossentropy"):
            yield name, [hot, p[:, :3]], kw
            yield name, [hot.astype("int32"), p], kw
        yield "sparse_categorical_crossentropy", [labels[:2], p], kw
    yield "categorical_crossentropy", [np.float32(1.0), np.float32(1.0)], {}
    yield "categorical_crossentropy", [hot, d((4, 5)) ** 2], {}
    # labels as vectors
    for axis, dtype, of in itertools.product((-1, 0, 1), (None, "int32", "bool"), ("int32", "uint8")):
        yield "one_hot", [d((2, 3), of), 4], {"axis": axis, "dtype": dtype}
        yield "multi_hot", [d((2, 3), of), 4], {"axis": axis, "dtype": dtype}
    for of in ("float32", "bool", "int8"):
        yield "one_hot", [d((3,), of), 4], {}
        yield "multi_hot", [d((3,), of), 4], {}
    yield "one_hot", [2, 4], {}
    yield "one_hot", [[0, 1], 0], {}
    # images as channels
    for name, shape, block, form in itertools.product(
        ("depth_to_space", "space_to_depth"), ((2, 4, 6, 8), (1, 8, 4, 12)), (1, 2, 4, 3), ("channels_last", "channels_first")
    ):
        yield name, [d(shape), block], {"data_format": form}
    # attention
    q, k, v = d((2, 5, 4, 8)), d((2, 6, 4, 8)), d((2, 6, 4, 8))
    yield "dot_product_attention", [q, k, v], {}
    yield "dot_product_attention", [q, k[:, :, :2], v[:, :, :2]], {}
    yield "dot_product_attention", [q, k, v], {"scale": 0.3}
    yield "dot_product_attention", [q, k, v], {"bias": d((2, 4, 5, 6))}
    yield "dot_product_attention", [q, k, v], {"bias": d((1, 4, 5, 6))}
    yield "dot_product_attention", [q, k, v], {"mask": d((2, 4, 5, 6), "bool") | (np.arange(6) == 0)}
    yield "dot_product_attention", [q, k, v], {"mask": d((2, 1, 1, 6), "bool") | (np.arange(6) == 0)}
    yield "dot_product_attention", [q, k, v], {"mask": np.zeros((2, 4, 5, 6), "bool")}
    yield "dot_product_attention", [q, k[:, :5], v[:, :5]], {"is_causal": True}
    yield "dot_product_attention", [q, k, v], {"is_causal": True}
    yield "dot_product_attention", [q, k, v], {"attn_logits_soft_cap": 2.0}
    yield "dot_product_attention", [q, k, v], {"flash_attention": False}
    yield "dot_product_attention", [q[0], k[0], v[0]], {}
    yield "dot_product_attention", [q, k[:, :5], v], {}
    for dtype in ("float16", "bfloat16"):
        yield "dot_product_attention", lambda o, t=dtype: o.dot_product_attention(*[o.cast(u, t) for u in (q, k, v)]), dtype
    # CTC and windows, beside ops_linalg_image
    yield "ctc_loss", [np.array([[1, 2], [2, 2]], "int32"), d((2, 5, 4)), np.array([2, 2], "int32"), np.array([5, 4], "int32")], {}
    yield "ctc_decode", [d((2, 5, 4)), np.array([5, 3], "int32")], {}


if __name__ == "__main__":
    main(__file__, calls, EXPLAINED, few=9, every=11)
