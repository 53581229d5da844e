"""Layers, under Keras' names; each module is imported at first use."""

import importlib
from typing import Any

# module -> what it offers
_MODULES = {
    "layer": "Layer",
    "input_spec": "InputSpec",
    "core.input_layer": "Input InputLayer",
    "core.dense": "Dense",
    "core.embedding": "Embedding",
    "core.reversible_embedding": "ReversibleEmbedding",
    "core.simple": "Identity Lambda Masking Wrapper",
    "core.einsum_dense": "EinsumDense",
    "activations": "Activation ELU LeakyReLU PReLU ReLU Softmax",
    "convolutional.conv": "Conv1D Conv2D Conv3D Convolution1D Convolution2D Convolution3D",
    "convolutional.depthwise": "DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D",
    "convolutional.transpose": ("Conv1DTranspose Conv2DTranspose Conv3DTranspose Convolution1DTranspose Convolution2DTranspose Convolution3DTranspose"),
    "pooling": (
        "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D "
        "AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D GlobalAveragePooling1D GlobalAveragePooling2D "
        "GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D "
        "GlobalMaxPooling2D GlobalMaxPooling3D MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D"
    ),
    "regularization": "ActivityRegularization AlphaDropout Dropout GaussianDropout GaussianNoise SpatialDropout1D SpatialDropout2D SpatialDropout3D",
    "attention": "MultiHeadAttention",
    "attention.attention": "AdditiveAttention Attention",
    "attention.group_query_attention": "GroupQueryAttention",
    "rnn": "GRU LSTM RNN Bidirectional GRUCell LSTMCell SimpleRNN SimpleRNNCell StackedRNNCells TimeDistributed",
    "normalization.normalization": "BatchNormalization LayerNormalization RMSNormalization UnitNormalization",
    "rnn.conv_lstm": "ConvLSTM1D ConvLSTM2D ConvLSTM3D",
    "normalization.group": "GroupNormalization",
    "normalization.spectral": "SpectralNormalization",
    "merging.merging": ("Add Average Concatenate Dot Maximum Minimum Multiply Subtract add average concatenate dot maximum minimum multiply subtract"),
    "preprocessing.category_encoding": "CategoryEncoding",
    "preprocessing.center_crop": "CenterCrop",
    "preprocessing.discretization": "Discretization",
    "preprocessing.hashing": "HashedCrossing Hashing",
    "preprocessing.lookup": "IntegerLookup StringLookup",
    "preprocessing.normalization": "Normalization",
    "preprocessing.rescaling": "Rescaling",
    "preprocessing.text_vectorization": "TextVectorization",
    "reshaping.resizing": ("Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D"),
    "reshaping.shapes": "Flatten Permute RepeatVector Reshape",
}
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}
__all__ = [*_HOME, "deserialize", "serialize"]


def serialize(layer: Any) -> dict[str, Any]:
    """Return a layer as a JSON-ready dict."""
    from pronghorn.saving.serialization import serialize_keras_object

    return serialize_keras_object(layer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the layer that `serialize` described."""
    from pronghorn.saving.serialization import deserialize_keras_object

    layer = deserialize_keras_object(config, custom_objects=custom_objects)
    from pronghorn.layers.layer import Layer

    if not isinstance(layer, Layer):
        raise ValueError(f"deserialize: the config describes a {type(layer).__name__}, no layer.")
    return layer


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        from pronghorn.backend.errors import closest

        raise AttributeError(f'module "pronghorn.layers" has no attribute "{name}".{closest(name, __all__)}')
    value = getattr(importlib.import_module(f"pronghorn.layers.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
