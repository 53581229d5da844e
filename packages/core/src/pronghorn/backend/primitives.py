"""The contract: every primitive that an engine implements, with its canonical arguments.

An engine's method receives its own native tensors, of one dtype where the family promotes, and the arguments exactly as written here: axes are
non-negative integers (tuples where a tuple is named), shapes are tuples of ints (or the engine's own scalars for sizes unknown while tracing), dtypes are
names. Images are channels-last. The functions here are what core calls; leniency (defaults, negative axes, lists) lives in `pronghorn.ops`.
"""
# ruff: noqa: A001, A002

from typing import Any

from pronghorn.backend import families as f
from pronghorn.backend.functions import AUTODIFF as AUTODIFF
from pronghorn.backend.functions import CONTROL as CONTROL
from pronghorn.backend.functions import CONVERSION as CONVERSION
from pronghorn.backend.functions import CREATION as CREATION
from pronghorn.backend.functions import NATIVE_RNG as NATIVE_RNG
from pronghorn.backend.op import primitive

# -- unary ---------------------------------------------------------------------------------------------------------------------------------

@primitive(f.unary_float)
def exp(x: Any) -> Any:
    """Elementwise `e**x`."""
    ...

@primitive(f.unary_float)
def log(x: Any) -> Any:
    """Natural logarithm; nan for negative numbers, -inf for zero."""
    ...

@primitive(f.unary_float)
def log1p(x: Any) -> Any:
    """`log(1 + x)`, accurate near zero."""
    ...

@primitive(f.unary_float)
def expm1(x: Any) -> Any:
    """`exp(x) - 1`, accurate near zero."""
    ...

@primitive(f.unary_float)
def sqrt(x: Any) -> Any:
    """Square root; nan for negative numbers."""
    ...

@primitive(f.unary_float)
def sin(x: Any) -> Any:
    """Sine of an angle in radians."""
    ...

@primitive(f.unary_float)
def cos(x: Any) -> Any:
    """Cosine of an angle in radians."""
    ...

@primitive(f.unary_float)
def tan(x: Any) -> Any:
    """Tangent of an angle in radians."""
    ...

@primitive(f.unary_float)
def arcsin(x: Any) -> Any:
    """Inverse sine, in radians."""
    ...

@primitive(f.unary_float)
def arccos(x: Any) -> Any:
    """Inverse cosine, in radians."""
    ...

@primitive(f.unary_float)
def arctan(x: Any) -> Any:
    """Inverse tangent, in radians."""
    ...

@primitive(f.unary_float)
def sinh(x: Any) -> Any:
    """Hyperbolic sine."""
    ...

@primitive(f.unary_float)
def cosh(x: Any) -> Any:
    """Hyperbolic cosine."""
    ...

@primitive(f.unary_float)
def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    ...

@primitive(f.unary_float)
def arcsinh(x: Any) -> Any:
    """Inverse hyperbolic sine."""
    ...

@primitive(f.unary_float)
def arccosh(x: Any) -> Any:
    """Inverse hyperbolic cosine."""
    ...

@primitive(f.unary_float)
def arctanh(x: Any) -> Any:
    """Inverse hyperbolic tangent."""
    ...

@primitive(f.unary_real_float)
def erf(x: Any) -> Any:
    """Error function."""
    ...

@primitive(f.unary_real_float)
def floor(x: Any) -> Any:
    """Largest integer not above x, as a float."""
    ...

@primitive(f.unary_real_float)
def ceil(x: Any) -> Any:
    """Smallest integer not below x, as a float."""
    ...

@primitive(f.unary_real)
def round(x: Any) -> Any:
    """Nearest integer, halves to even; integers unchanged."""
    ...

@primitive(f.unary_real)
def trunc(x: Any) -> Any:
    """Integer part, towards zero; integers unchanged."""
    ...

@primitive(f.unary_numeric)
def negative(x: Any) -> Any:
    """`-x`."""
    ...

@primitive(f.absolute)
def abs(x: Any) -> Any:
    """Absolute value; the modulus of complex numbers, as a real dtype."""
    ...

@primitive(f.unary)
def sign(x: Any) -> Any:
    """-1, 0 or 1, in x's dtype; nan stays nan."""
    ...

@primitive(f.predicate)
def isfinite(x: Any) -> Any:
    """True where x is neither infinite nor nan."""
    ...

@primitive(f.logical_unary)
def logical_not(x: Any) -> Any:
    """`not x`."""
    ...

@primitive(f.unary_int)
def bitwise_not(x: Any) -> Any:
    """Bits inverted."""
    ...

@primitive(f.unary)
def stop_gradient(x: Any) -> Any:
    """x, through which no gradient flows."""
    ...

# -- binary, with broadcasting -------------------------------------------------------------------------------------------------------------

@primitive(f.binary)
def add(x1: Any, x2: Any) -> Any:
    """`x1 + x2`; of booleans, or."""
    ...

@primitive(f.binary_numeric)
def subtract(x1: Any, x2: Any) -> Any:
    """`x1 - x2`."""
    ...

@primitive(f.binary)
def multiply(x1: Any, x2: Any) -> Any:
    """`x1 * x2`; of booleans, and."""
    ...

@primitive(f.binary_float)
def divide(x1: Any, x2: Any) -> Any:
    """`x1 / x2`, a float also for integers."""
    ...

@primitive(f.binary_real_numeric)
def floor_divide(x1: Any, x2: Any) -> Any:
    """Quotient rounded towards minus infinity."""
    ...

@primitive(f.binary_real_numeric)
def mod(x1: Any, x2: Any) -> Any:
    """Remainder with the sign of x2."""
    ...

@primitive(f.binary_numeric)
def power(x1: Any, x2: Any) -> Any:
    """`x1 ** x2`."""
    ...

@primitive(f.binary_real)
def maximum(x1: Any, x2: Any) -> Any:
    """The larger; nan if either is nan."""
    ...

@primitive(f.binary_real)
def minimum(x1: Any, x2: Any) -> Any:
    """The smaller; nan if either is nan."""
    ...

@primitive(f.binary_real_float)
def arctan2(x1: Any, x2: Any) -> Any:
    """Angle of the point (x2, x1), in radians."""
    ...

@primitive(f.compare)
def equal(x1: Any, x2: Any) -> Any:
    """`x1 == x2`."""
    ...

@primitive(f.order)
def less(x1: Any, x2: Any) -> Any:
    """`x1 < x2`."""
    ...

@primitive(f.order)
def less_equal(x1: Any, x2: Any) -> Any:
    """`x1 <= x2`."""
    ...

@primitive(f.logical)
def logical_and(x1: Any, x2: Any) -> Any:
    """Both true."""
    ...

@primitive(f.logical)
def logical_or(x1: Any, x2: Any) -> Any:
    """Either true."""
    ...

@primitive(f.binary_int)
def bitwise_and(x1: Any, x2: Any) -> Any:
    """Bits set in both."""
    ...

@primitive(f.binary_int)
def bitwise_or(x1: Any, x2: Any) -> Any:
    """Bits set in either."""
    ...

@primitive(f.binary_int)
def bitwise_xor(x1: Any, x2: Any) -> Any:
    """Bits set in exactly one."""
    ...

@primitive(f.shift)
def bitwise_left_shift(x1: Any, x2: Any) -> Any:
    """Bits of x1 moved up by x2."""
    ...

@primitive(f.shift)
def bitwise_right_shift(x1: Any, x2: Any) -> Any:
    """Bits of x1 moved down by x2; arithmetic for signed dtypes."""
    ...

@primitive(f.where)
def where(condition: Any, x1: Any, x2: Any) -> Any:
    """x1 where the condition holds, else x2; with broadcasting."""
    ...

# -- reductions and scans; `axis` is a tuple for reductions and an int for the others ------------------------------------------------------

@primitive(f.reduction)
def sum(x: Any, axis: Any, keepdims: Any) -> Any:
    """Sum, in x's dtype."""
    ...

@primitive(f.reduction)
def prod(x: Any, axis: Any, keepdims: Any) -> Any:
    """Product, in x's dtype."""
    ...

@primitive(f.extremum)
def max(x: Any, axis: Any, keepdims: Any) -> Any:
    """Largest element; nan if there is one."""
    ...

@primitive(f.extremum)
def min(x: Any, axis: Any, keepdims: Any) -> Any:
    """Smallest element; nan if there is one."""
    ...

@primitive(f.reduction_bool)
def any(x: Any, axis: Any, keepdims: Any) -> Any:
    """True where any element is."""
    ...

@primitive(f.reduction_bool)
def all(x: Any, axis: Any, keepdims: Any) -> Any:
    """True where all elements are."""
    ...

@primitive(f.arg_reduction)
def argmax(x: Any, axis: Any) -> Any:
    """Index (int32) of the first largest element."""
    ...

@primitive(f.arg_reduction)
def argmin(x: Any, axis: Any) -> Any:
    """Index (int32) of the first smallest element."""
    ...

@primitive(f.along_axis_numeric)
def cumsum(x: Any, axis: Any) -> Any:
    """Running sum."""
    ...

@primitive(f.along_axis_numeric)
def cumprod(x: Any, axis: Any) -> Any:
    """Running product."""
    ...

# -- shape ---------------------------------------------------------------------------------------------------------------------------------

@primitive(f.casting)
def cast(x: Any, dtype: Any) -> Any:
    """x in another dtype; floats are truncated towards zero, nonzero is true."""
    ...

@primitive(f.viewing)
def view(x: Any, dtype: Any) -> Any:
    """The same bits read as another dtype of the same width."""
    ...

@primitive(f.reshaping)
def reshape(x: Any, shape: Any) -> Any:
    """The elements in another shape; one size may be -1."""
    ...

@primitive(f.transposing)
def transpose(x: Any, axes: Any) -> Any:
    """Axes in another order."""
    ...

@primitive(f.broadcasting)
def broadcast_to(x: Any, shape: Any) -> Any:
    """x repeated along axes of size one and new leading axes."""
    ...

@primitive(f.joining, operands="[xs]")
def concatenate(xs: Any, axis: Any) -> Any:
    """Tensors of one dtype joined along an axis."""
    ...

@primitive(f.padding)
def pad(x: Any, pad_width: Any, constant_values: Any) -> Any:
    """x with a constant around it; `pad_width` holds one pair per axis, `constant_values` is a number."""
    ...

@primitive(f.flipping)
def flip(x: Any, axis: Any) -> Any:
    """Order reversed along the axes of a tuple."""
    ...

@primitive(f.slicing)
def slice(x: Any, start: Any, stop: Any, step: Any) -> Any:
    """`x[start:stop:step]` on every axis; bounds within the shape, steps positive."""
    ...

# -- index and sort ------------------------------------------------------------------------------------------------------------------------

@primitive(f.gathering)
def take(x: Any, indices: Any, axis: Any) -> Any:
    """Slices of x along an axis; indices are valid, not negative."""
    ...

@primitive(f.gathering_along)
def take_along_axis(x: Any, indices: Any, axis: Any) -> Any:
    """Elements of x along an axis, with a broadcast of the other axes; indices are not negative."""
    ...

@primitive(f.scattering)
def scatter(x: Any, indices: Any, updates: Any, mode: Any) -> Any:
    """x with `updates` combined in at `indices` (int, last axis indexes x's leading axes); mode "set", "add", "max", "min" or "multiply"; duplicates
    accumulate except for "set".
    """
    ...

@primitive(f.updating)
def slice_update(x: Any, start: Any, updates: Any) -> Any:
    """x with `updates` written at `start`, a tuple of ints or scalar int tensors, clamped so that updates fit."""
    ...

@primitive(f.along_axis)
def sort(x: Any, axis: Any) -> Any:
    """Ascending order along an axis, nan last."""
    ...

@primitive(f.argsorting)
def argsort(x: Any, axis: Any) -> Any:
    """Indices (int32) that sort, stable, nan last."""
    ...

@primitive(f.top_k)
def top_k(x: Any, k: Any) -> Any:
    """The k largest of the last axis in descending order and their indices (int32)."""
    ...

@primitive(f.searching)
def searchsorted(sorted_sequence: Any, values: Any, side: Any) -> Any:
    """Insertion points (int32) in a sorted vector; side "left" or "right"."""
    ...

# -- contraction and windows, channels last ------------------------------------------------------------------------------------------------

@primitive(f.product)
def matmul(x1: Any, x2: Any) -> Any:
    """Matrix product of the last two axes, both of rank at least two, leading axes broadcast."""
    ...

@primitive(f.convolution)
def conv(x: Any, kernel: Any, strides: Any, padding: Any, dilation: Any, groups: Any) -> Any:
    """Cross-correlation of (N, spatial..., C) with (taps..., C/groups, O); `padding` holds one pair per spatial axis."""
    ...

@primitive(f.transposed_convolution)
def conv_transpose(x: Any, kernel: Any, strides: Any, padding: Any, output_padding: Any, dilation: Any) -> Any:
    """Gradient of conv with respect to its input: kernel (taps..., O, C); `padding` pairs are cut from the full result, `output_padding` is added at the
    end.
    """
    ...

@primitive(f.pooling)
def max_pool(x: Any, pool_size: Any, strides: Any, padding: Any) -> Any:
    """Largest element of each window; padding never wins."""
    ...

@primitive(f.pooling_float)
def average_pool(x: Any, pool_size: Any, strides: Any, padding: Any) -> Any:
    """Mean of each window over the elements inside the input."""
    ...

# -- linear algebra ------------------------------------------------------------------------------------------------------------------------

@primitive(f.matrix, capability="linalg")
def cholesky(x: Any) -> Any:
    """Lower triangular factor."""
    ...

@primitive(f.qr, capability="linalg")
def qr(x: Any, mode: Any) -> Any:
    """Orthogonal and upper triangular factors; mode "reduced" or "complete"."""
    ...

@primitive(f.svd, capability="linalg")
def svd(x: Any, full_matrices: Any) -> Any:
    """u, s, vh with s descending."""
    ...

@primitive(f.eigh, capability="linalg")
def eigh(x: Any) -> Any:
    """Eigenvalues ascending, and eigenvectors, of Hermitian matrices."""
    ...

@primitive(f.eig, capability="linalg")
def eig(x: Any) -> Any:
    """Complex eigenvalues and eigenvectors."""
    ...

@primitive(f.lu, capability="linalg")
def lu_factor(x: Any) -> Any:
    """Packed LU and row pivots (int32, zero-based, as in LAPACK)."""
    ...

@primitive(f.triangular, capability="linalg")
def solve_triangular(a: Any, b: Any, lower: Any) -> Any:
    """Solution of `a x = b`, both matrices."""
    ...

# -- complex numbers -----------------------------------------------------------------------------------------------------------------------

@primitive(f.real_part, capability="complex")
def real(x: Any) -> Any:
    """Real part."""
    ...

@primitive(f.real_part, capability="complex")
def imag(x: Any) -> Any:
    """Imaginary part."""
    ...

@primitive(f.complex_parts, capability="complex")
def view_as_complex(real: Any, imag: Any) -> Any:
    """`real + 1j * imag`."""
    ...

@primitive(f.complex_unary, capability="complex")
def fft(x: Any) -> Any:
    """Discrete Fourier transform of the last axis of a complex tensor, no scaling."""
    ...

@primitive(f.rfft, capability="complex")
def rfft(x: Any) -> Any:
    """The same for real input; the non-negative frequencies."""
    ...

@primitive(f.irfft, capability="complex")
def irfft(x: Any, length: Any) -> Any:
    """Inverse of rfft with the given length, scaled by its inverse."""
    ...

@primitive(f.nonzero, capability="dynamic_shapes")
def nonzero(x: Any) -> Any:
    """Tuple of index vectors (int32), one per axis."""
    ...
