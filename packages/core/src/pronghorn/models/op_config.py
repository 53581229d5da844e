"""Calls of ops in the config of a functional model, in Keras' schema: `ops.relu` is written as the class `keras.src.ops.nn.Relu`.

Tensors are arguments of the call, everything else is the class's config. The tables list every class of Keras' ops, so that a name in a file can
select these functions and no others.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn.backend.errors import closest
from pronghorn.saving.serialization import revive, serialize_keras_object
from pronghorn.symbolic.graph import specs_in

# module of Keras' ops -> its classes; every class that is not listed here belongs to the module "numpy"
_MODULES = {
    "nn": (
        "Relu Relu6 Sigmoid SparseSigmoid Softplus Softsign SoftShrink SparsePlus Silu Squareplus LogSigmoid LeakyRelu HardSigmoid HardSilu Elu Selu Gelu "
        "Celu Glu TanhShrink HardTanh HardShrink Threshold Softmax LogSoftmax Sparsemax MaxPool AdaptiveMaxPool AveragePool AdaptiveAveragePool Conv "
        "DepthwiseConv SeparableConv ConvTranspose OneHot BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy MultiHot Moments "
        "BatchNorm CTCLoss CTCDecode Normalize PSNR DotProductAttention RMSNorm LayerNorm Polar Unfold Fold DepthToSpace SpaceToDepth"
    ),
    "core": "Scatter ScatterUpdate Slice SliceUpdate StopGradient Unstack Cast SaturateCast ConvertToTensor",
    "image": (
        "RGBToGrayscale RGBToHSV HSVToRGB Resize AffineTransform ExtractPatches MapCoordinates PadImages CropImages PerspectiveTransform GaussianBlur "
        "ElasticTransform ScaleAndTranslate SobelEdges SSIM"
    ),
    "linalg": "Cholesky CholeskyInverse Det Eig Eigh Inv LuFactor Norm Qr Solve SolveTriangular SVD Lstsq MatrixRank Pinv",
    "math": (
        "SegmentSum SegmentMax SegmentMin SegmentProd TopK InTopK Logsumexp CDist ExtractSequences FFT FFT2 IFFT2 RFFT IRFFT STFT ISTFT Rsqrt Erf Erfc "
        "Erfinv Logdet ViewAsComplex ViewAsReal"
    ),
    "einops": "Rearrange",
    "numpy": (
        "Rot90 Absolute Abs Fabs Add All AllClose Angle Any Amax Amin Append Arange Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh Argmax Argmin "
        "Argsort Array View Average Heaviside Bincount BitwiseAnd BitwiseInvert BitwiseNot BitwiseOr BitwiseXor BitwiseLeftShift LeftShift BitwiseRightShift "
        "RightShift BroadcastTo Cbrt Ceil Clip Concatenate Conjugate Conj Copy Cos Cosh CountNonzero Cross Cumprod Cumsum Deg2rad Rad2deg Diag Diagflat "
        "Diagonal Diff Digitize Dot Dstack Einsum EmptyLike Equal Exp Exp2 ExpandDims Expm1 Flip Fliplr Flipud Floor Full FullLike Gcd GetItem Geomspace "
        "Greater GreaterEqual Hstack Hsplit Hypot Imag I0 Isclose Isfinite IsIn Isinf Isnan Isneginf Isposinf Isreal Kron Lcm Ldexp Less LessEqual Linspace "
        "Log Log10 Log1p Log2 Logaddexp Logaddexp2 LogicalAnd LogicalNot LogicalOr Logspace Matmul Max Maximum Fmax Median Meshgrid Min Minimum Fmin Mod "
        "Fmod Moveaxis Nanargmax Nanargmin Nancumsum Nancumprod Nanmax Nanmean Nanmedian Nanmin Nanpercentile Nanprod Nanquantile Nanstd Nansum Nanvar "
        "NanToNum Nonzero NotEqual OnesLike ZerosLike Outer Pad Percentile Prod Ptp Quantile Ravel UnravelIndex Real Reciprocal Repeat Reshape Roll Round "
        "SearchSorted Sign Signbit Sin Sinc Sinh Size Sort Split Stack Std Swapaxes Take TakeAlongAxis Tan Tanh Tensordot Tile Trace Tril Triu Trunc Vdot "
        "Inner Vstack Vsplit Where Subtract Multiply Divide DivideNoNan TrueDivide Power Negative Nextafter Square Sqrt Squeeze Transpose Trapezoid Mean "
        "Vander Var Sum FloorDivide LogicalXor Corrcoef Correlate Select Slogdet Argpartition Histogram ArraySplit Unique Dsplit"
    ),
}
#: op -> class, where the class is not called like the op
_IRREGULAR = {"batch_normalization": "BatchNorm", "layer_normalization": "LayerNorm", "rms_normalization": "RMSNorm"}
#: op -> arguments of the class's call; for all others these are the operands
_CALLS = {
    "pad": ("x", "constant_values"),
    "clip": ("x",),
    "full_like": ("x", "fill_value"),
    "slice": ("inputs", "start_indices"),
    "slice_update": ("inputs", "start_indices", "updates"),
    "dot_product_attention": ("query", "key", "value", "bias", "mask", "scale"),
    "batch_normalization": ("x", "mean", "variance", "offset", "scale"),
    "layer_normalization": ("x", "gamma", "beta"),
    "rms_normalization": ("x", "scale"),
    "isclose": ("x1", "x2", "rtol", "atol"),
    "einsum": ("operands",),
    "getitem": ("x", "key"),
}
#: arguments of Keras' classes and functions that have another name here
_ALIASES = {"shape": "newshape"}


def _plain_name(name: str) -> str:
    return name.replace("_", "").lower()


@functools.cache
def _classes() -> dict[str, tuple[str, str]]:
    """Op → (module, class), by the op's name without underscores."""
    found = {_plain_name(label): (module, label) for module, labels in _MODULES.items() for label in labels.split()}
    found.update({_plain_name(name): found[_plain_name(label)] for name, label in _IRREGULAR.items()})
    return found


def class_label(op_name: str) -> str:
    """Return the name of Keras' class for an op."""
    known = _classes().get(_plain_name(op_name))
    return known[1] if known else "".join(part.capitalize() for part in op_name.split("_"))


def module_of(label: str) -> str:
    """Return the module of Keras' ops that holds a class."""
    return next((module for module, labels in _MODULES.items() if label in labels.split()), "numpy")


def _public(op_name: str) -> Callable | None:
    """The public function of a name, among the ops or the image ops."""
    from pronghorn import ops
    from pronghorn.backend.op import OPS

    if op_name == "getitem":
        return OPS["getitem"].public
    for space in (ops, getattr(ops, "image", None)):
        found = getattr(space, op_name, None)
        if callable(found) and not isinstance(found, type):
            return found
    return None


@functools.cache
def _function_names() -> dict[str, str]:
    """Class of Keras → name of the op."""
    from pronghorn import ops

    found = {_plain_name(name): name for space in (ops, getattr(ops, "image", None)) if space is not None for name in dir(space)}
    named = {label: found[_plain_name(label)] for labels in _MODULES.values() for label in labels.split() if _plain_name(label) in found}
    return {**named, **{label: name for name, label in _IRREGULAR.items()}, "GetItem": "getitem"}


# -- to a config -------------------------------------------------------------------------------------------------------------------------------
def op_entry(node: Any, name: str, plain: Callable[[Any], Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (class entry, inbound node) for the call of an op.

    Args:
        node: the call.
        name: its name in the model.
        plain: turns arguments with symbolic tensors into their config.

    Raises:
        ValueError: the call cannot be described.
    """
    op = getattr(node.fn, "op", None)
    known = None if op is None else _classes().get(_plain_name(op.name))
    if op is None or known is None or not _same_parameters(op):
        raise ValueError(f"The graph holds a call of {node.name}, which has no config. Put it into a layer of your own with call() and get_config().")
    bound = op.signature.bind(*node.args, **node.kwargs)
    bound.apply_defaults()
    values = dict(bound.arguments)
    variable = next((p.name for p in op.signature.parameters.values() if p.kind is p.VAR_KEYWORD), None)
    values.update(values.pop(variable, {}) if variable else {})
    dtypes = {s.dtype for s in specs_in(list(values.values()))}
    args: list[Any] = []
    for argument in _CALLS.get(op.name, op.operands):
        if argument in values:
            value = _scalars(values.pop(argument), dtypes)
            args.extend(value) if op.signature.parameters[argument].kind is inspect.Parameter.VAR_POSITIONAL else args.append(value)
    while args and args[-1] is None:
        args.pop()
    if any(True for _ in specs_in(list(values.values()))):
        raise ValueError(f"The graph holds a call of {op.name} with tensors among its options, which has no config. Put it into a layer of your own.")
    module, label = known
    options = serialize_keras_object(_scalars(values, dtypes))
    entry = {"module": f"keras.src.ops.{module}", "class_name": label, "config": {"name": name, **options}, "registered_name": label}
    return entry, {"args": plain(args), "kwargs": {}}


def _same_parameters(op: Any) -> bool:
    """Whether the public function of the op's name takes the arguments of the recorded call: some are functions around a more general primitive."""
    public = _public(op.name)
    return public is not None and list(inspect.signature(public).parameters) == list(op.signature.parameters)


def _scalars(value: Any, dtypes: set[str]) -> Any:
    """Turn constants without axes back into the Python numbers they were made of, where they have the dtype of a tensor in the call."""
    if isinstance(value, (np.ndarray, np.generic)) and value.ndim == 0 and value.dtype.name in dtypes:
        if value.dtype.kind != "f" and value.dtype.name != "bfloat16":
            return value.item()
        number = float(str(value)) if np.isfinite(value) else float(value)  # the shortest decimals that give this value
        return int(number) if number.is_integer() and abs(number) < 1 << 24 else number
    if isinstance(value, (list, tuple)):
        return type(value)(_scalars(v, dtypes) for v in value) if not hasattr(value, "_fields") else value
    if isinstance(value, dict):
        return {k: _scalars(v, dtypes) for k, v in value.items()}
    return value


# -- from a config -----------------------------------------------------------------------------------------------------------------------------
class OpCall:
    """An op with its options, called like a layer."""

    def __init__(self, fn: Callable, name: str, config: dict[str, Any]):
        self.fn, self.op_name = fn, name
        self.parameters = list(inspect.signature(fn).parameters.values())
        accepted = {p.name for p in self.parameters}
        self.options: dict[str, Any] = {}
        for key, value in config.items():
            if key == "name":
                continue
            own = key if key in accepted else _ALIASES.get(key, key)
            if own in accepted:
                self.options[own] = revive(value)
            elif value is not None and value is not False:
                raise ValueError(f"The file calls {name} with the option {key}={value!r}, which is not known here.{closest(key, accepted)}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.op_name == "getitem" and len(args) == 2 and isinstance(args[1], list):
            args = (args[0], tuple(args[1]))  # JSON has no tuples
        free = [p for p in self.parameters if p.name not in self.options and p.name not in kwargs]
        if any(p.kind is p.VAR_POSITIONAL for p in free):
            leading = [self.options[p.name] for p in self.parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name in self.options]
            rest = {p.name: self.options[p.name] for p in self.parameters if p.kind is p.KEYWORD_ONLY and p.name in self.options}
            return self.fn(*leading, *args, **rest, **kwargs)
        named = {p.name: value for p, value in zip(free, args, strict=False)}
        return self.fn(**{**self.options, **named, **kwargs})


def op_call(entry: dict[str, Any]) -> OpCall | None:
    """Return the op that an entry of a config calls; None for an entry that is no op.

    Raises:
        TypeError: an op that is not known here.
    """
    module = entry.get("module")
    if not isinstance(module, str) or not module.startswith(("keras.src.ops.", "keras.ops")):
        return None
    label = str(entry.get("class_name"))
    name = _function_names().get(label)
    fn = None if name is None else _public(name)
    if name is None or fn is None:
        raise TypeError(f'The file refers to the op "{label}", which is not known here.{closest(label, _function_names())}')
    return OpCall(fn, name, entry.get("config") or {})
