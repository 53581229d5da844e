"""The layers that layers.py compares with Keras', with arguments and inputs."""

import keras
import numpy as np

RNG = np.random.default_rng(7)


def f(*shape):
    """Random floats."""
    return RNG.normal(size=shape).astype("float32")


def ints(high, *shape):
    """Random integers below `high`."""
    return RNG.integers(0, high, size=shape).astype("int32")


class Case:
    """One layer with arguments, on given inputs.

    Args:
        name: class.
        kwargs: arguments; a function `library -> arguments` where they hold layers or other objects.
        x: input or list of inputs (tuples are several positional arguments).
        training: whether outputs in training are deterministic.
        unknown: axes of the symbolic input, besides the batch, whose size is left open; None for no symbolic check with an unknown batch.
        tolerance: of outputs.
        **call: further arguments of the call.
    """

    def __init__(self, name, kwargs, x, *, training=True, unknown=(), tolerance=2e-5, calls=1, batch=False, **call):
        self.name, self.kwargs, self.x, self.training, self.unknown, self.tolerance, self.calls = name, kwargs, x, training, unknown, tolerance, calls
        self.batch, self.call = batch, call

    def arguments(self, lib):
        return self.kwargs(lib) if callable(self.kwargs) else dict(self.kwargs)

    def __str__(self):
        shown = {k: v for k, v in self.arguments(keras).items()}
        shapes = keras.tree.map_structure(lambda v: getattr(v, "shape", v), self.x)
        extra = f" call {sorted(self.call)}" if self.call else ""
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in shown.items())}) on {shapes}{extra}"


# -- the cases -----------------------------------------------------------------------------------------------------------------------------
X2, SEQ, IMG, VOL = f(3, 6), f(2, 7, 4), f(2, 8, 7, 4), f(2, 6, 5, 7, 4)
FIRST = {2: np.moveaxis(SEQ, -1, 1).copy(), 3: np.moveaxis(IMG, -1, 1).copy(), 4: np.moveaxis(VOL, -1, 1).copy()}
DATA = {1: SEQ, 2: IMG, 3: VOL}
DATA_FIRST = {1: FIRST[2], 2: FIRST[3], 3: FIRST[4]}
MASK = np.array([[1, 1, 1, 0, 0, 1, 0], [0, 1, 1, 1, 1, 1, 1]], bool)
RIGHT = np.array([[1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]], bool)
FULL = {
    "kernel_initializer": "he_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l2",
    "bias_regularizer": "l1",
    "activity_regularizer": "l1",
    "kernel_constraint": "max_norm",
    "bias_constraint": "non_neg",
}


def dense():
    yield Case("Dense", {"units": 5}, X2)
    yield Case("Dense", {"units": 5, "activation": "relu", "use_bias": False}, SEQ, unknown=(1,))
    yield Case("Dense", {"units": 5, "activation": "softmax", **FULL}, X2)
    yield Case("Dense", {"units": 5, "dtype": "mixed_bfloat16"}, X2)
    yield Case("Dense", {"units": 5, "dtype": "float16"}, X2)
    yield Case("Dense", {"units": 2, "trainable": False}, X2)
    yield Case("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 5, "bias_axes": "c"}, X2)
    yield Case("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 5), "bias_axes": "d", "activation": "tanh"}, SEQ, unknown=(1,))
    yield Case("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 5, "bias_axes": "y"}, SEQ)
    yield Case("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (7, 2, 3), "bias_axes": "de"}, SEQ)
    yield Case("EinsumDense", {"equation": "abc,bd->adc", "output_shape": (5, 4)}, SEQ)
    yield Case("Embedding", {"input_dim": 9, "output_dim": 3}, ints(9, 2, 5), unknown=(1,))
    yield Case(
        "Embedding", {"input_dim": 9, "output_dim": 3, "mask_zero": True, "embeddings_regularizer": "l2", "embeddings_constraint": "unit_norm"}, ints(9, 2, 5)
    )
    yield Case("Embedding", {"input_dim": 9, "output_dim": 3, "dtype": "mixed_float16"}, ints(9, 2, 5))
    for kwargs in ({}, {"tie_weights": False}, {"reverse_dtype": "float32", "logit_soft_cap": 2.0, "dtype": "mixed_bfloat16"}, {"mask_zero": True}):
        yield Case("ReversibleEmbedding", {"input_dim": 9, "output_dim": 3, **kwargs}, ints(9, 2, 5))
        yield Case("ReversibleEmbedding", {"input_dim": 9, "output_dim": 3, **kwargs}, f(2, 5, 3), reverse=True, unknown=None)
    yield Case("Embedding", {"input_dim": 9, "output_dim": 3}, ints(9, 4).astype("float32"))


def convolutions():
    for n in (1, 2, 3):
        x, first = DATA[n], DATA_FIRST[n]
        yield Case(f"Conv{n}D", {"filters": 6, "kernel_size": 3}, x, unknown=(1,))
        yield Case(f"Conv{n}D", {"filters": 6, "kernel_size": 2, "strides": 2, "padding": "same", "activation": "relu"}, x, unknown=(1,))
        yield Case(f"Conv{n}D", {"filters": 6, "kernel_size": 2, "dilation_rate": 2, "groups": 2, "use_bias": False}, x)
        yield Case(f"Conv{n}D", {"filters": 6, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, x)
        yield Case(f"Conv{n}D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first", **FULL}, first)
        yield Case(f"Conv{n}DTranspose", {"filters": 3, "kernel_size": 3}, x, unknown=(1,))
        yield Case(f"Conv{n}DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", **FULL}, x, unknown=(1,))
        yield Case(f"Conv{n}DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3, "output_padding": 1, "use_bias": False}, x)
        yield Case(f"Conv{n}DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "output_padding": 1, "padding": "same"}, x)
        yield Case(f"Conv{n}DTranspose", {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "activation": "elu"}, x)
        yield Case(f"Conv{n}DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "data_format": "channels_first"}, first)
    for kwargs in ({"kernel_size": 3}, {"kernel_size": 3, "dilation_rate": 2}, {"kernel_size": 2, "strides": 2}):
        yield Case("Conv1D", {"filters": 3, "padding": "causal", **kwargs}, SEQ, unknown=(1,))
    yield Case("Conv2D", {"filters": 3, "kernel_size": (3, 1), "strides": (1, 2), "padding": "same"}, IMG)
    yield Case("Conv2D", {"filters": 3, "kernel_size": 3, "dtype": "mixed_bfloat16"}, IMG, tolerance=5e-2)
    for n in (1, 2):
        x, first = DATA[n], DATA_FIRST[n]
        deep = {"depthwise_initializer": "ones", "depthwise_regularizer": "l2", "depthwise_constraint": "max_norm"}
        both = {**deep, "pointwise_initializer": "ones", "pointwise_regularizer": "l1", "pointwise_constraint": "max_norm"}
        for kwargs in (
            {"kernel_size": 3},
            {"kernel_size": 3, "strides": 2, "padding": "same"},
            {"kernel_size": 2, "dilation_rate": 2, "use_bias": False},
            {"kernel_size": 2, "depth_multiplier": 2, "activation": "relu"},
        ):
            yield Case(f"DepthwiseConv{n}D", kwargs, x, unknown=(1,))
            yield Case(f"SeparableConv{n}D", {"filters": 5, **kwargs}, x, unknown=(1,))
        yield Case(f"DepthwiseConv{n}D", {"kernel_size": 3, "data_format": "channels_first", "padding": "same", **deep}, first)
        yield Case(f"SeparableConv{n}D", {"filters": 2, "kernel_size": 3, "data_format": "channels_first", "padding": "same", **both}, first)
        yield Case(f"SeparableConv{n}D", {"filters": 2, "kernel_size": 3, "strides": 2, "depth_multiplier": 3}, x)


def pooling():
    for n in (1, 2, 3):
        x, first = DATA[n], DATA_FIRST[n]
        for kind in ("Max", "Average"):
            name = f"{kind}Pooling{n}D"
            yield Case(name, {"pool_size": 2}, x, unknown=(1,))
            yield Case(name, {"pool_size": 3, "strides": 2, "padding": "same"}, x, unknown=(1,))
            yield Case(name, {"pool_size": 3, "strides": 1}, x)
            yield Case(name, {"pool_size": 2, "padding": "same", "data_format": "channels_first"}, first)
            yield Case(f"Global{name}", {}, x, unknown=(1,))
            yield Case(f"Global{name}", {"keepdims": True, "data_format": "channels_first"}, first)
            yield Case(f"Adaptive{name}", {"output_size": 3}, x)
            yield Case(f"Adaptive{name}", {"output_size": (2, 3, 4)[:n] if n > 1 else 4, "data_format": "channels_first"}, first)
        if n > 1:
            yield Case(f"MaxPooling{n}D", {}, x)
    yield Case("MaxPooling1D", {}, SEQ)
    yield Case("MaxPooling2D", {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"}, IMG)
    yield Case("GlobalAveragePooling1D", {}, SEQ, mask=MASK, unknown=None)
    yield Case("GlobalAveragePooling1D", {"data_format": "channels_first", "keepdims": True}, FIRST[2], mask=MASK, unknown=None)


def normalisation():
    for kwargs in (
        {},
        {"momentum": 0.7, "epsilon": 1e-2, "center": False},
        {"scale": False},
        {"axis": 1},
        {"trainable": False},
        {"dtype": "mixed_bfloat16"},
        {
            "beta_initializer": "ones",
            "gamma_initializer": "zeros",
            "moving_mean_initializer": "ones",
            "moving_variance_initializer": "zeros",
            "beta_regularizer": "l1",
            "gamma_regularizer": "l2",
            "beta_constraint": "non_neg",
            "gamma_constraint": "non_neg",
        },
        {"renorm": True},
        {"renorm": True, "renorm_clipping": {"rmax": 2.0, "rmin": 0.5, "dmax": 1.0}, "renorm_momentum": 0.5, "momentum": 0.9},
    ):
        yield Case("BatchNormalization", kwargs, IMG, unknown=(1,) if kwargs.get("axis") != 1 else ())
        yield Case("BatchNormalization", kwargs, X2)
    yield Case("BatchNormalization", {}, SEQ, mask=MASK, unknown=None)
    yield Case("BatchNormalization", {}, X2.astype("float16"))
    for kwargs in (
        {},
        {"axis": 1},
        {"axis": (1, 2)},
        {"axis": [-1, 1], "epsilon": 1e-5},
        {"center": False},
        {"scale": False, "beta_initializer": "ones"},
        {"dtype": "mixed_float16"},
        {"gamma_regularizer": "l2", "beta_constraint": "non_neg"},
    ):
        yield Case("LayerNormalization", kwargs, IMG)
    yield Case("LayerNormalization", {}, SEQ, unknown=(1,))
    for kwargs in ({}, {"epsilon": 1e-2}, {"dtype": "mixed_bfloat16"}):
        yield Case("RMSNormalization", kwargs, IMG)
    for kwargs in (
        {"groups": 2},
        {"groups": -1},
        {"groups": 1},
        {"groups": 2, "axis": 1},
        {"groups": 2, "center": False, "epsilon": 1e-2},
        {"groups": 4, "scale": False},
        {"groups": 2, "dtype": "mixed_bfloat16"},
        {"groups": 2, "gamma_initializer": "zeros", "beta_regularizer": "l2"},
    ):
        yield Case("GroupNormalization", kwargs, IMG, unknown=(1, 2) if kwargs.get("axis") != 1 else ())
    for kwargs in ({}, {"power_iterations": 3}):
        yield Case("SpectralNormalization", lambda lib, k=kwargs: {"layer": lib.layers.Dense(3, name="inner"), **k}, X2)
        yield Case("SpectralNormalization", lambda lib, k=kwargs: {"layer": lib.layers.Conv2D(3, 2, name="inner"), **k}, IMG)
    yield Case("SpectralNormalization", lambda lib: {"layer": lib.layers.Embedding(9, 2, name="inner")}, ints(9, 2, 5))
    for axis in (-1, 1, (1, 2)):
        yield Case("UnitNormalization", {"axis": axis}, IMG)


def activations():
    for name, options in {
        "ReLU": [{}, {"max_value": 1.0, "negative_slope": 0.2, "threshold": 0.1}],
        "LeakyReLU": [{}, {"negative_slope": 0.1}],
        "ELU": [{}, {"alpha": 0.3}],
        "PReLU": [{}, {"shared_axes": [1]}, {"shared_axes": [1, 2], "alpha_initializer": "ones", "alpha_regularizer": "l2", "alpha_constraint": "non_neg"}],
        "Softmax": [{}, {"axis": 1}, {"axis": (1, 2)}],
        "Activation": [{"activation": "gelu"}, {"activation": "softmax"}],
    }.items():
        for kwargs in options:
            yield Case(name, kwargs, SEQ, unknown=(1,) if name != "PReLU" or kwargs else ())
            yield Case(name, kwargs, IMG)
    yield Case("Softmax", {}, SEQ, mask=f(2, 7, 4) > 0)
    yield Case("ReLU", {}, ints(9, 2, 3) - 4)


def regularisation():
    for name, kwargs in {
        "Dropout": {"rate": 0.3, "seed": 3},
        "SpatialDropout1D": {"rate": 0.3, "seed": 2},
        "GaussianDropout": {"rate": 0.3},
        "GaussianNoise": {"stddev": 0.3},
        "AlphaDropout": {"rate": 0.3, "seed": 1},
        "ActivityRegularization": {"l1": 0.1, "l2": 0.2},
    }.items():
        yield Case(name, kwargs, SEQ, training=name == "ActivityRegularization", unknown=(1,))
    yield Case("Dropout", {"rate": 0.3, "noise_shape": (None, 1, 4)}, SEQ, training=False)
    yield Case("Dropout", {"rate": 0.0}, SEQ)
    yield Case("SpatialDropout2D", {"rate": 0.3, "data_format": "channels_first"}, FIRST[3], training=False)
    yield Case("SpatialDropout3D", {"rate": 0.3}, VOL, training=False)


def recurrent():
    for name in ("SimpleRNN", "GRU", "LSTM"):
        extra = {"recurrent_activation": "hard_sigmoid"} if name != "SimpleRNN" else {}
        for kwargs in (
            {},
            {"return_sequences": True},
            {"return_state": True},
            {"return_sequences": True, "return_state": True, "go_backwards": True},
            {"use_bias": False, "activation": "relu", **extra},
            {"unroll": True, "return_sequences": True},
            {"dropout": 0.2, "recurrent_dropout": 0.1, "seed": 4},
            {
                "kernel_initializer": "ones",
                "recurrent_initializer": "glorot_normal",
                "bias_initializer": "ones",
                "kernel_regularizer": "l2",
                "recurrent_regularizer": "l1",
                "bias_regularizer": "l2",
                "activity_regularizer": "l2",
                "kernel_constraint": "max_norm",
                "recurrent_constraint": "max_norm",
                "bias_constraint": "max_norm",
            },
            {"dtype": "mixed_bfloat16"},
        ):
            yield Case(name, {"units": 3, **kwargs}, SEQ, training="dropout" not in kwargs, unknown=(1,) if "unroll" not in kwargs else ())
        for kwargs in (
            {},
            {"return_sequences": True},
            {"return_state": True},
            {"return_sequences": True, "go_backwards": True},
            {"unroll": True, "return_sequences": True},
        ):
            yield Case(name, {"units": 3, **kwargs}, SEQ, mask=MASK, unknown=None)
            yield Case(name, {"units": 3, **kwargs}, SEQ, mask=RIGHT, unknown=None)
        start = [f(2, 3), f(2, 3)] if name == "LSTM" else f(2, 3)
        yield Case(name, {"units": 3, "return_state": True}, SEQ, initial_state=start, unknown=None)
        yield Case(name, {"units": 3, "stateful": True}, SEQ, calls=3, batch=True, training=False)
        yield Case(name, {"units": 3, "stateful": True, "return_sequences": True}, SEQ, calls=2, batch=True, training=False)
        cell = f"{name}Cell"
        states = [f(2, 3), f(2, 3)] if name == "LSTM" else [f(2, 3)]
        yield Case(cell, {"units": 3}, (f(2, 4), states), unknown=None)
        yield Case(cell, {"units": 3, "use_bias": False, "dropout": 0.1, "recurrent_dropout": 0.1}, (f(2, 4), states), training=False, unknown=None)
        yield Case("RNN", lambda lib, c=cell: {"cell": getattr(lib.layers, c)(3, name="cell"), "return_sequences": True}, SEQ)
        yield Case("RNN", lambda lib, c=cell: {"cell": [getattr(lib.layers, c)(3, name="a"), getattr(lib.layers, c)(2, name="b")], "return_state": True}, SEQ)
        yield Case(
            "RNN",
            lambda lib, c=cell: {"cell": getattr(lib.layers, c)(3, name="cell"), "return_sequences": True, "zero_output_for_mask": True},
            SEQ,
            mask=MASK,
            unknown=None,
        )
        for kwargs in (
            {},
            {"merge_mode": "sum"},
            {"merge_mode": "mul"},
            {"merge_mode": "ave"},
            {"merge_mode": None},
        ):
            yield Case("Bidirectional", lambda lib, n=name, k=kwargs: {"layer": getattr(lib.layers, n)(3, name="inner"), **k}, SEQ)
            yield Case(
                "Bidirectional", lambda lib, n=name, k=kwargs: {"layer": getattr(lib.layers, n)(3, name="inner", return_sequences=True), **k}, SEQ, unknown=(1,)
            )
        yield Case("Bidirectional", lambda lib, n=name: {"layer": getattr(lib.layers, n)(3, name="inner", return_sequences=True, return_state=True)}, SEQ)
        yield Case("Bidirectional", lambda lib, n=name: {"layer": getattr(lib.layers, n)(3, name="inner", return_sequences=True)}, SEQ, mask=MASK, unknown=None)
        yield Case("Bidirectional", lambda lib, n=name: {"layer": getattr(lib.layers, n)(3, name="inner")}, SEQ, mask=RIGHT, unknown=None)
    for n, x in ((1, f(2, 3, 6, 2)), (2, f(2, 3, 5, 6, 2)), (3, f(2, 2, 4, 3, 5, 2))):
        base = {"filters": 3, "kernel_size": 2}
        for kwargs in (
            {},
            {"return_sequences": True, "return_state": True},
            {"strides": 2, "padding": "same", "use_bias": False},
            {"dilation_rate": 2, "go_backwards": True},
            {"padding": "same", "activation": "relu", "recurrent_activation": "hard_sigmoid", "kernel_regularizer": "l2", "recurrent_constraint": "max_norm"},
            {"unit_forget_bias": False, "return_sequences": True},
        ):
            yield Case(f"ConvLSTM{n}D", {**base, **kwargs}, x, unknown=(1,), tolerance=5e-5)
        yield Case(f"ConvLSTM{n}D", {**base, "data_format": "channels_first", "return_sequences": True}, np.moveaxis(x, -1, 2).copy())
        yield Case(f"ConvLSTM{n}D", {**base, "stateful": True, "padding": "same"}, x, calls=2, batch=True, training=False)
        yield Case(f"ConvLSTM{n}D", {**base, "dropout": 0.1, "recurrent_dropout": 0.1, "seed": 3}, x, training=False)
    yield Case("GRU", {"units": 3, "reset_after": False}, SEQ)
    yield Case("LSTM", {"units": 3, "unit_forget_bias": False}, SEQ)
    yield Case("TimeDistributed", lambda lib: {"layer": lib.layers.Dense(3, name="inner")}, SEQ, unknown=(1,))
    yield Case("TimeDistributed", lambda lib: {"layer": lib.layers.Conv2D(3, 2, name="inner")}, f(2, 3, 5, 5, 2))
    yield Case("TimeDistributed", lambda lib: {"layer": lib.layers.Dense(3, name="inner")}, SEQ, mask=MASK, unknown=None)
    yield Case(
        "StackedRNNCells",
        lambda lib: {"cells": [lib.layers.LSTMCell(3, name="a"), lib.layers.GRUCell(2, name="b")]},
        (f(2, 4), [[f(2, 3), f(2, 3)], [f(2, 2)]]),
        unknown=None,
    )


def attention():
    q, v, k = f(2, 5, 6), f(2, 7, 6), f(2, 7, 6)
    for kwargs in ({}, {"use_scale": True}, {"score_mode": "concat"}, {"score_mode": "concat", "use_scale": True}, {"dropout": 0.2, "seed": 1}):
        yield Case("Attention", kwargs, [q, v], training="dropout" not in kwargs)
        yield Case("Attention", kwargs, [q, v, k], mask=[f(2, 5) > 0, f(2, 7) > -0.5, None], training=False, unknown=None)
    yield Case("Attention", {}, [q, v], use_causal_mask=True, return_attention_scores=True)
    for kwargs in ({}, {"use_scale": False}, {"dropout": 0.1}):
        yield Case("AdditiveAttention", kwargs, [q, v], training=not kwargs.get("dropout"))
        yield Case("AdditiveAttention", kwargs, [q, v, k], mask=[f(2, 5) > 0, f(2, 7) > -0.5, None], training=False, unknown=None)
    for kwargs in (
        {},
        {"value_dim": 3},
        {"use_bias": False},
        {"output_shape": 8},
        {"output_shape": (2, 3)},
        {"dropout": 0.1, "seed": 3},
        {"sliding_window": 2},
        {"use_gate": True},
        {"kernel_initializer": "ones", "kernel_regularizer": "l2", "bias_constraint": "non_neg"},
        {"dtype": "mixed_bfloat16"},
    ):
        square = kwargs.get("sliding_window")
        if "value_dim" not in kwargs:  # Keras on JAX fails
            yield Case("MultiHeadAttention", {"num_heads": 2, "key_dim": 4, **kwargs}, (q, q if square else v), training="dropout" not in kwargs)
        yield Case("MultiHeadAttention", {"num_heads": 2, "key_dim": 4, **kwargs}, (q, q if square else v), return_attention_scores=True, training=False)
    yield Case("MultiHeadAttention", {"num_heads": 2, "key_dim": 4}, (q, v, k), attention_mask=f(2, 5, 7) > 0, unknown=None)
    yield Case(
        "MultiHeadAttention",
        {"num_heads": 2, "key_dim": 4},
        (q, v),
        query_mask=f(2, 5) > 0,
        value_mask=f(2, 7) > -1,
        return_attention_scores=True,
        unknown=None,
    )
    yield Case("MultiHeadAttention", {"num_heads": 2, "key_dim": 4}, (q, v), query_mask=f(2, 5) > 0, value_mask=f(2, 7) > -1, unknown=None)
    yield Case("MultiHeadAttention", {"num_heads": 2, "key_dim": 4}, (q, q), use_causal_mask=True, unknown=(1,))
    yield Case("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "attention_axes": (2,)}, (f(2, 3, 5, 4), f(2, 3, 5, 4)))
    yield Case("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, (f(2, 3, 5, 4), f(2, 3, 5, 4)))
    for kwargs in ({}, {"use_bias": False}, {"dropout": 0.1, "seed": 1}, {"sliding_window": 2}, {"use_gate": True}, {"kernel_regularizer": "l2"}):
        square = kwargs.get("sliding_window")
        options = {"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2, **kwargs}
        yield Case("GroupQueryAttention", options, (q, q if square else v), training="dropout" not in kwargs)
        yield Case("GroupQueryAttention", options, (q, q if square else v), return_attention_scores=True, training=False)
    options = {"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2}
    yield Case("GroupQueryAttention", options, (q, v, k), attention_mask=f(2, 5, 7) > 0, unknown=None)
    yield Case("GroupQueryAttention", options, (q, v), query_mask=f(2, 5) > 0, value_mask=f(2, 7) > -1, return_attention_scores=True, unknown=None)
    yield Case("GroupQueryAttention", options, (q, q), use_causal_mask=True)


def merging():
    a, b, c = f(2, 5, 4), f(2, 5, 4), f(2, 1, 4)
    for name in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
        yield Case(name, {}, [a, b], unknown=(1,))
        yield Case(name, {}, [a, b, c])
    yield Case("Add", {}, [a, f(2, 4)])
    yield Case("Subtract", {}, [a, b])
    yield Case("Subtract", {}, [a, c])
    yield Case("Concatenate", {}, [a, b, f(2, 5, 3)], unknown=(1,))
    yield Case("Concatenate", {"axis": 1}, [a, c], unknown=(1,))
    yield Case("Dot", {"axes": 2}, [a, f(2, 3, 4)])
    yield Case("Dot", {"axes": (2, 1)}, [a, f(2, 4, 3)])
    yield Case("Dot", {"axes": (1, 2), "normalize": True}, [a, f(2, 3, 5)])
    yield Case("Dot", {"axes": 1}, [f(2, 4), f(2, 4)])
    yield Case("Dot", {"axes": -1}, [f(2, 3, 4, 5), f(2, 5)])


def reshaping():
    yield Case("Flatten", {}, IMG)
    yield Case("Flatten", {"data_format": "channels_first"}, IMG)
    yield Case("Flatten", {}, f(3))
    yield Case("Flatten", {}, SEQ, unknown=(1,))
    yield Case("Reshape", {"target_shape": (4, 7)}, SEQ)
    yield Case("Reshape", {"target_shape": (-1, 2)}, SEQ)
    yield Case("Reshape", {"target_shape": (-1, 2)}, SEQ, unknown=(1,))
    yield Case("Reshape", {"target_shape": (28,)}, SEQ)
    yield Case("Permute", {"dims": (2, 1)}, SEQ, unknown=(1,))
    yield Case("Permute", {"dims": (3, 1, 2)}, IMG)
    yield Case("RepeatVector", {"n": 3}, X2)
    yield Case("Masking", {"mask_value": 0.0}, np.where(MASK[..., None], SEQ, 0).astype("float32"))
    yield Case("Identity", {}, SEQ)
    yield Case("Rescaling", {"scale": 0.5, "offset": 1.0}, SEQ)
    yield Case("Rescaling", {"scale": [0.5, 1.0, 2.0, 3.0], "offset": [1.0, 0.0, 0.0, 2.0]}, SEQ)
    yield Case("Rescaling", {"scale": 1 / 255}, ints(255, 2, 3, 3, 1).astype("uint8"))
    for n in (1, 2, 3):
        x, first = DATA[n], DATA_FIRST[n]
        yield Case(f"UpSampling{n}D", {"size": 2}, x, unknown=(1,))
        yield Case(f"ZeroPadding{n}D", {"padding": 1}, x, unknown=(1,))
        yield Case(f"Cropping{n}D", {"cropping": 1}, x, unknown=(1,))
        pairs = tuple((i, 1) for i in range(n))
        yield Case(f"ZeroPadding{n}D", {"padding": (2, 0) if n == 1 else pairs, "data_format": "channels_first"}, first)
        yield Case(f"Cropping{n}D", {"cropping": (2, 0)} if n == 1 else {"cropping": pairs, "data_format": "channels_first"}, x if n == 1 else first)
        if n > 1:
            yield Case(f"UpSampling{n}D", {"size": (2, 3, 1)[:n], "data_format": "channels_first"}, first)
        yield Case(f"UpSampling{n}D", {}, x)
        yield Case(f"ZeroPadding{n}D", {}, x)
        yield Case(f"Cropping{n}D", {}, x)
    yield Case("UpSampling2D", {"size": 2, "interpolation": "bilinear"}, IMG, tolerance=1e-4)
    yield Case("UpSampling2D", {"size": (2, 3), "interpolation": "bicubic"}, IMG, tolerance=1e-4)


GROUPS = (dense, convolutions, pooling, normalisation, activations, regularisation, recurrent, attention, merging, reshaping)
