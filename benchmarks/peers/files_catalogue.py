"""Every layer and optimizer as a small model, and every other object with a config, for the file checks in `files.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

SEQUENCE, VECTOR, IMAGE, VOLUME = (5, 6), (6,), (8, 8, 3), (4, 4, 4, 2)
#: layer -> (arguments, shapes of its inputs); "layer:Name" makes an inner layer
LAYERS: dict[str, tuple[dict[str, Any], list[tuple]]] = {
    "Activation": ({"activation": "relu"}, [VECTOR]),
    "ActivityRegularization": ({"l1": 0.1, "l2": 0.2}, [VECTOR]),
    "Add": ({}, [VECTOR, VECTOR]),
    "AdditiveAttention": ({"use_scale": True, "dropout": 0.1, "seed": 1}, [SEQUENCE, SEQUENCE]),
    "AlphaDropout": ({"rate": 0.2, "noise_shape": (None, 1), "seed": 3}, [VECTOR]),
    "Attention": ({"use_scale": True, "dropout": 0.1}, [SEQUENCE, SEQUENCE]),
    "Average": ({}, [VECTOR, VECTOR]),
    "AveragePooling1D": ({"pool_size": 2, "padding": "same"}, [SEQUENCE]),
    "AveragePooling2D": ({"pool_size": (2, 3), "strides": 2}, [IMAGE]),
    "AveragePooling3D": ({"pool_size": 2}, [VOLUME]),
    "AdaptiveAveragePooling1D": ({"output_size": 2}, [SEQUENCE]),
    "AdaptiveAveragePooling2D": ({"output_size": (2, 3)}, [IMAGE]),
    "AdaptiveAveragePooling3D": ({"output_size": 2}, [VOLUME]),
    "AdaptiveMaxPooling1D": ({"output_size": 2}, [SEQUENCE]),
    "AdaptiveMaxPooling2D": ({"output_size": 2}, [IMAGE]),
    "AdaptiveMaxPooling3D": ({"output_size": 2}, [VOLUME]),
    "BatchNormalization": ({"momentum": 0.9, "center": False, "gamma_regularizer": "l2"}, [IMAGE]),
    "Bidirectional": ({"layer": "layer:GRU:units=2", "merge_mode": "mul"}, [SEQUENCE]),
    "CategoryEncoding": ({"num_tokens": 4, "output_mode": "count"}, []),
    "CenterCrop": ({"height": 4, "width": 5}, [IMAGE]),
    "Concatenate": ({"axis": 1}, [VECTOR, VECTOR]),
    "Conv1D": ({"filters": 4, "kernel_size": 2, "groups": 2, "padding": "causal"}, [SEQUENCE]),
    "Conv1DTranspose": ({"filters": 3, "kernel_size": 2, "strides": 2, "output_padding": 1}, [SEQUENCE]),
    "Conv2D": ({"filters": 4, "kernel_size": (2, 3), "dilation_rate": 2, "activation": "relu", "kernel_constraint": "unit_norm"}, [IMAGE]),
    "Conv2DTranspose": ({"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, [IMAGE]),
    "Conv3D": ({"filters": 3, "kernel_size": 2, "use_bias": False}, [VOLUME]),
    "Conv3DTranspose": ({"filters": 3, "kernel_size": 2}, [VOLUME]),
    "ConvLSTM1D": ({"filters": 2, "kernel_size": 2}, [(3, 5, 2)]),
    "ConvLSTM2D": ({"filters": 2, "kernel_size": 2, "return_sequences": True}, [(3, 5, 5, 2)]),
    "ConvLSTM3D": ({"filters": 2, "kernel_size": 2}, [(2, 3, 3, 3, 2)]),
    "Cropping1D": ({"cropping": (1, 2)}, [SEQUENCE]),
    "Cropping2D": ({"cropping": ((1, 0), (2, 1))}, [IMAGE]),
    "Cropping3D": ({"cropping": 1}, [VOLUME]),
    "Dense": ({"units": 3, "activation": "silu", "bias_initializer": "ones", "lora_rank": None}, [VECTOR]),
    "DepthwiseConv1D": ({"kernel_size": 2, "depth_multiplier": 2}, [SEQUENCE]),
    "DepthwiseConv2D": ({"kernel_size": 2, "depthwise_regularizer": "l1"}, [IMAGE]),
    "Discretization": ({"bin_boundaries": [-0.5, 0.0, 0.5]}, [VECTOR]),
    "Dot": ({"axes": 1, "normalize": True}, [VECTOR, VECTOR]),
    "Dropout": ({"rate": 0.5, "noise_shape": (None, 1), "seed": 2}, [VECTOR]),
    "ELU": ({"alpha": 0.5}, [VECTOR]),
    "Embedding": ({"input_dim": 4, "output_dim": 3, "embeddings_regularizer": "l2"}, []),
    "ReversibleEmbedding": ({"input_dim": 4, "output_dim": 3}, []),
    "EinsumDense": ({"equation": "abc,cd->abd", "output_shape": (None, 3), "bias_axes": "d", "activation": "relu"}, [SEQUENCE]),
    "Flatten": ({}, [IMAGE]),
    "GRU": ({"units": 3, "reset_after": False, "return_sequences": True, "recurrent_dropout": 0.1, "seed": 4}, [SEQUENCE]),
    "GaussianDropout": ({"rate": 0.2, "seed": 5}, [VECTOR]),
    "GaussianNoise": ({"stddev": 0.2}, [VECTOR]),
    "GlobalAveragePooling1D": ({"keepdims": True}, [SEQUENCE]),
    "GlobalAveragePooling2D": ({}, [IMAGE]),
    "GlobalAveragePooling3D": ({}, [VOLUME]),
    "GlobalMaxPooling1D": ({}, [SEQUENCE]),
    "GlobalMaxPooling2D": ({"keepdims": True}, [IMAGE]),
    "GlobalMaxPooling3D": ({}, [VOLUME]),
    "GroupNormalization": ({"groups": -1, "scale": False}, [IMAGE]),
    "GroupQueryAttention": ({"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2, "use_gate": True}, [SEQUENCE, SEQUENCE]),
    "Identity": ({}, [VECTOR]),
    "LSTM": ({"units": 3, "unit_forget_bias": False, "go_backwards": True, "dropout": 0.1}, [SEQUENCE]),
    "LayerNormalization": ({"epsilon": 1e-5, "beta_constraint": "max_norm"}, [SEQUENCE]),
    "LeakyReLU": ({"negative_slope": 0.3}, [VECTOR]),
    "Masking": ({"mask_value": 0.5}, [SEQUENCE]),
    "MaxPooling1D": ({"pool_size": 2, "strides": 1}, [SEQUENCE]),
    "MaxPooling2D": ({"padding": "same"}, [IMAGE]),
    "MaxPooling3D": ({}, [VOLUME]),
    "Maximum": ({}, [VECTOR, VECTOR]),
    "Minimum": ({}, [VECTOR, VECTOR]),
    "MultiHeadAttention": ({"num_heads": 2, "key_dim": 3, "output_shape": 4, "use_bias": False, "seed": 1}, [SEQUENCE, SEQUENCE]),
    "Multiply": ({}, [VECTOR, VECTOR]),
    "Normalization": ({"axis": -1, "mean": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "variance": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}, [VECTOR]),
    "PReLU": ({"shared_axes": [1]}, [SEQUENCE]),
    "Permute": ({"dims": (2, 1)}, [SEQUENCE]),
    "RMSNormalization": ({"epsilon": 1e-5}, [SEQUENCE]),
    "RNN": ({"cell": "layer:GRUCell:units=3", "return_sequences": True}, [SEQUENCE]),
    "RandomBrightness": ({"factor": 0.2, "seed": 1}, [IMAGE]),
    "RandomContrast": ({"factor": 0.2}, [IMAGE]),
    "RandomCrop": ({"height": 4, "width": 4}, [IMAGE]),
    "RandomFlip": ({"mode": "horizontal", "seed": 1}, [IMAGE]),
    "RandomRotation": ({"factor": (-0.1, 0.2), "fill_mode": "nearest"}, [IMAGE]),
    "RandomTranslation": ({"height_factor": 0.1, "width_factor": (0.1, 0.2)}, [IMAGE]),
    "RandomZoom": ({"height_factor": 0.1}, [IMAGE]),
    "ReLU": ({"max_value": 2.0, "negative_slope": 0.1}, [VECTOR]),
    "RepeatVector": ({"n": 3}, [VECTOR]),
    "Rescaling": ({"scale": 0.5, "offset": 1.0}, [IMAGE]),
    "Reshape": ({"target_shape": (2, -1)}, [VECTOR]),
    "Resizing": ({"height": 4, "width": 5, "interpolation": "nearest"}, [IMAGE]),
    "SeparableConv1D": ({"filters": 3, "kernel_size": 2, "pointwise_initializer": "he_normal"}, [SEQUENCE]),
    "SeparableConv2D": ({"filters": 3, "kernel_size": 2, "depth_multiplier": 2}, [IMAGE]),
    "SimpleRNN": ({"units": 3, "activation": "relu", "unroll": True}, [SEQUENCE]),
    "Softmax": ({"axis": 1}, [SEQUENCE]),
    "SpatialDropout1D": ({"rate": 0.2, "seed": 1}, [SEQUENCE]),
    "SpatialDropout2D": ({"rate": 0.2}, [IMAGE]),
    "SpatialDropout3D": ({"rate": 0.2, "data_format": "channels_last"}, [VOLUME]),
    "SpectralNormalization": ({"layer": "layer:Dense:units=3", "power_iterations": 2}, [VECTOR]),
    "Subtract": ({}, [VECTOR, VECTOR]),
    "TimeDistributed": ({"layer": "layer:Dense:units=3"}, [SEQUENCE]),
    "UnitNormalization": ({"axis": 1}, [SEQUENCE]),
    "UpSampling1D": ({"size": 3}, [SEQUENCE]),
    "UpSampling2D": ({"size": (2, 3)}, [IMAGE]),
    "UpSampling3D": ({"size": 2}, [VOLUME]),
    "ZeroPadding1D": ({"padding": (1, 2)}, [SEQUENCE]),
    "ZeroPadding2D": ({"padding": ((1, 0), (2, 1))}, [IMAGE]),
    "ZeroPadding3D": ({"padding": 1}, [VOLUME]),
}  # fmt: skip
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "Adadelta": {"rho": 0.9}, "Adafactor": {"beta_2_decay": -0.7}, "Adagrad": {"initial_accumulator_value": 0.2}, "Adam": {"amsgrad": True},
    "AdamW": {"weight_decay": 0.01}, "Adamax": {"beta_1": 0.8}, "Ftrl": {"l1_regularization_strength": 0.1, "beta": 0.1}, "Lamb": {"clipvalue": 0.5},
    "Lion": {"beta_2": 0.9}, "Muon": {}, "Nadam": {"epsilon": 1e-6}, "RMSprop": {"centered": True, "momentum": 0.2, "use_ema": True},
    "SGD": {"momentum": 0.9, "global_clipnorm": 1.0}, "ScheduleFreeAdamW": {"warmup_steps": 3},
}  # fmt: skip
#: module -> objects with a config: name, or name with arguments
OBJECTS: dict[str, str] = {
    "losses": (
        "BinaryCrossentropy(from_logits=True,label_smoothing=0.1) BinaryFocalCrossentropy(alpha=0.3,gamma=1.5) CTC() CategoricalCrossentropy(axis=1) "
        "CategoricalFocalCrossentropy(gamma=1.0) CategoricalHinge(reduction='sum') Circle(gamma=64.0) CosineSimilarity(axis=1) Dice(name='d') Hinge() "
        "KLDivergence() LogCosh() MeanAbsoluteError() MeanAbsolutePercentageError(reduction=None) MeanSquaredError(name='m') MeanSquaredLogarithmicError() "
        "Poisson() SparseCategoricalCrossentropy(ignore_class=0) SquaredHinge() Tversky(alpha=0.3) MultiMarginLoss() RankedProbabilityScore()"
    ),
    "metrics": (
        "AUC(num_thresholds=9,curve='PR') Accuracy() BinaryAccuracy(threshold=0.3) BinaryCrossentropy(from_logits=True) BinaryIoU(threshold=0.4) "
        "CategoricalAccuracy() CategoricalCrossentropy() CategoricalHinge() CosineSimilarity(axis=0) F1Score(average='micro') FBetaScore(beta=2.0) "
        "FalseNegatives(thresholds=0.3) FalsePositives() Hinge() IoU(num_classes=3,target_class_ids=[0,1]) KLDivergence() LogCoshError() Mean(name='x') "
        "MeanAbsoluteError() MeanAbsolutePercentageError() MeanIoU(num_classes=3) MeanSquaredError(dtype='float64') MeanSquaredLogarithmicError() "
        "OneHotIoU(num_classes=3,target_class_ids=[0]) OneHotMeanIoU(num_classes=3) Poisson() Precision(top_k=2,class_id=1) "
        "PrecisionAtRecall(recall=0.5) "
        "R2Score(num_regressors=2) Recall(thresholds=[0.2,0.5]) RecallAtPrecision(precision=0.5) RootMeanSquaredError() SensitivityAtSpecificity(specificity=0.5) "
        "SparseCategoricalAccuracy() SparseCategoricalCrossentropy(from_logits=True) SparseTopKCategoricalAccuracy(k=3) "
        "SpecificityAtSensitivity(sensitivity=0.5) "
        "SquaredHinge() Sum() TopKCategoricalAccuracy(k=2) TrueNegatives() TruePositives()"
    ),
    "initializers": (
        "Constant(value=0.3) GlorotNormal(seed=1) GlorotUniform() HeNormal() HeUniform() Identity(gain=2.0) LecunNormal() LecunUniform() Ones() Zeros() "
        "Orthogonal(gain=0.5) RandomNormal(stddev=0.2,seed=1) RandomUniform(minval=-1.0,maxval=1.0) STFT(side='real') TruncatedNormal(mean=0.1) "
        "VarianceScaling(scale=2.0,mode='fan_out',distribution='uniform')"
    ),
    "regularizers": "L1(l1=0.1) L2(l2=0.2) L1L2(l1=0.1,l2=0.2) OrthogonalRegularizer(factor=0.1,mode='columns')",
    "constraints": "MaxNorm(max_value=1.5,axis=[0,1]) MinMaxNorm(min_value=0.1,rate=0.5) NonNeg() UnitNorm(axis=1)",
    "optimizers.schedules": (
        "CosineDecay(0.1,10,alpha=0.1,warmup_target=0.2,warmup_steps=3) CosineDecayRestarts(0.1,10,t_mul=1.5) ExponentialDecay(0.1,10,0.9,staircase=True) "
        "InverseTimeDecay(0.1,10,0.9) PiecewiseConstantDecay([1,2],[0.1,0.2,0.3]) PolynomialDecay(0.1,10,power=2.0)"
    ),
    "optimizers": " ".join(f"{name}(0.01)" for name in OPTIMIZERS),
    "dtype_policies": "DTypePolicy('mixed_bfloat16') FloatDTypePolicy('float32') DTypePolicyMap()",
    "random": "SeedGenerator(3,name='s')",
}


def _argument(k: Any, value: Any) -> Any:
    if isinstance(value, str) and value.startswith("layer:"):
        _, name, options = value.split(":")
        key, _, number = options.partition("=")
        return getattr(k.layers, name)(**{key: int(number)})
    return value


def _layer_model(name: str) -> Callable:
    kwargs, shapes = LAYERS[name]

    def build(k: Any) -> Any:
        layer = getattr(k.layers, name)(**{key: _argument(k, v) for key, v in kwargs.items()})
        inputs = [k.Input(s) for s in shapes] or [k.Input((5,), dtype="int32")]
        separate = name in ("MultiHeadAttention", "GroupQueryAttention")
        out = layer(*inputs) if separate or len(inputs) == 1 else layer(inputs)
        return k.Model(inputs if len(inputs) > 1 else inputs[0], out)

    return build


def _optimizer_model(name: str) -> Callable:
    def build(k: Any) -> Any:
        L = k.layers
        m = k.Sequential([k.Input((6,)), L.Dense(4, activation="relu"), L.Dense(2)])
        m.compile(getattr(k.optimizers, name)(0.01, **OPTIMIZERS[name]), "mse")
        return m

    return build


def models(k: Any) -> dict[str, Callable]:
    """Return the builders of all layers and optimizers that the library `k` has."""
    found = {f"layers.{name}": _layer_model(name) for name in LAYERS if hasattr(k.layers, name)}
    return {**found, **{f"optimizers.{name}": _optimizer_model(name) for name in OPTIMIZERS if hasattr(k.optimizers, name)}}


def inputs_of(name: str, rng: np.random.Generator) -> Any:
    """Return a batch for a model of the catalogue."""
    if name.startswith("optimizers."):
        return rng.normal(size=(4, 6)).astype("float32")
    shapes = LAYERS[name.partition(".")[2]][1]
    if not shapes:
        return rng.integers(0, 4, (4, 5)).astype("int32")
    found = [rng.normal(size=(4, *s)).astype("float32") for s in shapes]
    return found[0] if len(found) == 1 else found


def objects(k: Any) -> dict[str, Any]:
    """Return the objects with configs that the library `k` has, by an expression."""
    found = {}
    for module, text in OBJECTS.items():
        space = k
        for part in module.split("."):
            space = getattr(space, part)
        for item in text.split():
            if hasattr(space, item.partition("(")[0]):
                found[f"{module}.{item}"] = eval(item, dict(vars(space)))
    return found


def missing(k: Any) -> list[str]:
    """Return the public layers and optimizers of a library that this catalogue does not have."""
    found = []
    for module, base, have in (("layers", k.layers.Layer, LAYERS), ("optimizers", k.optimizers.Optimizer, OPTIMIZERS)):
        for name, value in vars(getattr(k, module)).items():
            if isinstance(value, type) and issubclass(value, base) and value.__name__ == name and name not in have:
                found.append(f"{module}.{name}")
    return sorted(found)
