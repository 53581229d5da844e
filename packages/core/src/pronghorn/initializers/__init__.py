"""Start values of variables, drawn on the host so that they are the same on every engine."""

from typing import Any

from pronghorn.initializers.constant import STFT, Constant, Identity, Ones, Zeros
from pronghorn.initializers.initializer import Initializer
from pronghorn.initializers.random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomInitializer,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)
from pronghorn.state.naming import to_snake_case
from pronghorn.utils.identify import deserialize_object, interpret, serialize_object

IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
constant, identity, ones, zeros, stft, orthogonal = Constant, Identity, Ones, Zeros, STFT, Orthogonal
glorot_normal, glorot_uniform, he_normal, he_uniform, lecun_normal, lecun_uniform = (
    GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform,
)  # fmt: skip
random_normal, random_uniform, truncated_normal, variance_scaling = RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling

_CLASSES = (
    Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity, LecunNormal, LecunUniform, Ones, Orthogonal, RandomNormal, RandomUniform,
    STFT, TruncatedNormal, VarianceScaling, Zeros,
)  # fmt: skip
_KNOWN: dict[str, Any] = {
    **{c.__name__: c for c in _CLASSES},
    **{to_snake_case(c.__name__): c for c in _CLASSES},
    "IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal, "STFTInitializer": STFT, "stft": STFT,
    "normal": RandomNormal, "one": Ones, "uniform": RandomUniform, "zero": Zeros,
}  # fmt: skip


def serialize(initializer: Any) -> Any:
    """Return the configuration of an initializer.

    Example:
        >>> serialize(Zeros())["class_name"]
        'Zeros'
    """
    return serialize_object(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the initializer that a configuration or a name describes.

    Example:
        >>> deserialize({"class_name": "Constant", "config": {"value": 2}}).value
        2
    """
    found = deserialize_object(config, _KNOWN, custom_objects, "initializer")
    return found() if isinstance(found, type) else found


def get(identifier: Any) -> Any:
    """Return the initializer that is meant: by None, a name, a configuration, a class, a function of shape and dtype, a tensor, or an initializer.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> type(get("glorot_uniform")).__name__
        'GlorotUniform'
    """
    from pronghorn.ops.creation import is_tensor
    from pronghorn.state import Variable

    if is_tensor(identifier) or isinstance(identifier, Variable):
        return Constant(identifier)
    return interpret(identifier, _KNOWN, "initializer")


__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "IdentityInitializer", "Initializer", "LecunNormal",
    "LecunUniform", "Ones", "Orthogonal", "OrthogonalInitializer", "RandomInitializer", "RandomNormal", "RandomUniform", "STFT", "STFTInitializer",
    "TruncatedNormal", "VarianceScaling", "Zeros", "constant", "deserialize", "get", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform",
    "identity", "lecun_normal", "lecun_uniform", "ones", "orthogonal", "random_normal", "random_uniform", "serialize", "stft", "truncated_normal",
    "variance_scaling", "zeros",
]  # fmt: skip
