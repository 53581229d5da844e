"""Random tensors: numbers of a distribution from random bits and a key."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import same_dim
from pronghorn.backend.op import op
from pronghorn.backend.owners import unwrap
from pronghorn.ops.creation import cast, dtype_of, shape, sizes, zeros_like
from pronghorn.ops.elementwise import clip, erfinv
from pronghorn.random.bits import fold, get_rng, random_bits, shift_right
from pronghorn.random.seed_generator import draw_key
from pronghorn.symbolic.graph import TRACE, record
from pronghorn.symbolic.spec import Spec

__all__ = ["beta", "binomial", "categorical", "dropout", "gamma", "normal", "randint", "shuffle", "truncated_normal", "uniform"]


def _float_name(name: str, dtype: Any) -> str:
    found = dtypes.standardize(dtype)
    if found not in dtypes.FLOAT:
        raise ValueError(f"{name}: dtype must be a float; received {found}.")
    return found


def _again(fn: Callable, tensors: tuple, args: tuple, kwargs: dict) -> Any:
    """Run `fn` on symbolic tensors and make it one node of the graph, so that each replay draws anew."""
    TRACE.depth += 1
    try:
        out = fn(*tensors, *args, **kwargs)
    finally:
        TRACE.depth -= 1
    if TRACE.depth or TRACE.tape is not None:
        return out
    return record(fn, (*tensors, *args), kwargs, out, fn.__name__)


def _top_level(x: Any) -> bool:
    return isinstance(x, Spec) and not TRACE.depth and TRACE.tape is None


# -- the unit interval ---------------------------------------------------------------------------------------------------------------------
_STEPS = {"float32": 24, "float16": 11, "bfloat16": 8}


def unit(key: Any, dims: tuple, name: str, rng: str, stream: Any = 0) -> Any:
    """Return numbers from 0 to below 1, evenly spaced by the dtype's resolution: exact, hence equal on every engine."""
    if name == "float64":
        high, low = _halves(random_bits(key, (2, *dims), rng, stream), dims)
        whole = p.add(p.multiply(cast(shift_right(high, 5), "float64"), 2.0**26), cast(shift_right(low, 6), "float64"))
        return p.multiply(whole, 2.0**-53)
    n = _STEPS[name]
    return p.multiply(cast(shift_right(random_bits(key, dims, rng, stream), 32 - n), name), 2.0**-n)


def _halves(x: Any, dims: tuple) -> list[Any]:
    """The two parts of a tensor of shape (2, *dims)."""
    return [p.reshape(p.slice(x, (i, *(0,) * len(dims)), (i + 1, *dims), (1,) * (len(dims) + 1)), dims) for i in range(2)]


def _symmetric(key: Any, dims: tuple, name: str, rng: str, stream: Any = 0) -> Any:
    """Return numbers strictly between -1 and 1, symmetric about zero, in float32 or float64."""
    if name == "float64":
        return p.add(p.multiply(unit(key, dims, name, rng, stream), 2.0 * (1.0 - 2.0**-53)), -1.0 + 2.0**-53)
    steps = shift_right(random_bits(key, dims, rng, stream), 8)
    odd = p.add(p.multiply(steps, 2), 1 - 2**24)
    return p.multiply(cast(odd, "float32"), 2.0**-24)


@op(operands="key")
def keyed_uniform(key: Any, dims: tuple, minval: Any, maxval: Any, name: str, rng: str) -> Any:
    """Return uniform numbers of shape `dims` in [minval, maxval), drawn from the counter stream of `key`."""
    u = unit(key, dims, name, rng)
    if isinstance(minval, (int, float)) and isinstance(maxval, (int, float)):
        u = u if maxval - minval == 1 else p.multiply(u, float(maxval) - float(minval))
        return u if minval == 0 else p.add(u, float(minval))
    low, high = cast(minval, name), cast(maxval, name)
    return p.add(p.multiply(u, p.subtract(high, low)), low)


def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Return numbers from `minval` to below `maxval`.

    Args:
        shape: sizes of the result.
        minval, maxval: bounds.
        dtype: float dtype, floatx by default.
        seed: None, an int (the same numbers each time), or a `SeedGenerator`.

    Example:
        >>> bool((uniform((3,), seed=1) == uniform((3,), seed=1)).all())
        True
    """
    name = _float_name("uniform", dtype)
    return keyed_uniform(draw_key(seed, "uniform"), sizes(shape, "uniform"), minval, maxval, name, get_rng())


@op(operands="key")
def keyed_normal(key: Any, dims: tuple, mean: Any, stddev: Any, name: str, limit: float, rng: str) -> Any:
    """Return normal numbers of shape `dims` from the stream of `key`; beyond `limit` standard deviations none, where it is not 0."""
    wide = "float64" if name == "float64" else "float32"
    z = _symmetric(key, dims, wide, rng)
    z = p.multiply(erfinv(z if not limit else p.multiply(z, math.erf(limit / math.sqrt(2.0)))), math.sqrt(2.0))
    if limit:
        z = clip(z, -limit, limit)
    z = p.multiply(z, _number(stddev, wide))
    return cast(p.add(z, _number(mean, wide)), name)


def _number(v: Any, name: str) -> Any:
    return float(v) if isinstance(v, (int, float, np.generic)) else cast(v, name)


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Return numbers of the normal distribution.

    Args:
        shape: sizes of the result.
        mean, stddev: of the distribution.
        dtype: float dtype, floatx by default.
        seed: None, an int (the same numbers each time), or a `SeedGenerator`.

    Example:
        >>> normal((2, 3), seed=1).shape
        (2, 3)
    """
    return keyed_normal(draw_key(seed, "normal"), sizes(shape, "normal"), mean, stddev, _float_name("normal", dtype), 0.0, get_rng())


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Return numbers of the normal distribution within two standard deviations of the mean.

    Args:
        shape: sizes of the result.
        mean, stddev: of the distribution before it is cut.
        dtype: float dtype, floatx by default.
        seed: None, an int (the same numbers each time), or a `SeedGenerator`.

    Example:
        >>> bool((abs(truncated_normal((100,), seed=1)) <= 2).all())
        True
    """
    name = _float_name("truncated_normal", dtype)
    return keyed_normal(draw_key(seed, "truncated_normal"), sizes(shape, "truncated_normal"), mean, stddev, name, 2.0, get_rng())


# -- integers ------------------------------------------------------------------------------------------------------------------------------
@op(operands="key")
def keyed_randint(key: Any, dims: tuple, low: int, span: int, name: str, rng: str) -> Any:
    """Return integers of shape `dims` in [low, low + span) from the stream of `key`, biased by at most span / 2**62."""
    first, second = _halves(random_bits(key, (2, *dims), rng), dims)
    # 62 random bits modulo the span, without a product that leaves int32
    high, rest = p.mod(shift_right(first, 1), span), p.mod(shift_right(second, 1), span)
    if span <= 1 << 15:
        high = p.mod(p.multiply(high, (1 << 31) % span), span)
    else:
        for _ in range(31):
            high = _add_modulo(high, high, span)
    out = _add_modulo(high, rest, span)
    if -(2**31) <= low and low + span <= 2**31:
        return cast(p.add(out, low), name)
    return p.add(cast(out, name), low)


def _add_modulo(a: Any, b: Any, span: int) -> Any:
    room = p.subtract(span, b)
    return p.where(p.less_equal(room, a), p.subtract(a, room), p.add(a, b))


def _bound(name: str, v: Any) -> int:
    v = unwrap(v)
    try:
        return int(v)
    except (TypeError, ValueError) as error:
        raise TypeError(f"randint: {name} must be a number known on the host; received {v!r}.") from error


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Any:
    """Return integers from `minval` to below `maxval`.

    Args:
        shape: sizes of the result.
        minval, maxval: bounds, less than 2**31 apart.
        dtype: integer dtype.
        seed: None, an int (the same numbers each time), or a `SeedGenerator`.

    Raises:
        ValueError: an empty or too wide range, or a dtype that is no integer.

    Example:
        >>> bool((randint((100,), 2, 5, seed=1) >= 2).all())
        True
    """
    name = dtypes.standardize(dtype)
    if name not in dtypes.INTEGER:
        raise ValueError(f"randint: dtype must be an integer; received {name}.")
    low, high = _bound("minval", minval), _bound("maxval", maxval)
    if not 0 < high - low < 2**31:
        raise ValueError(f"randint: maxval must be above minval by less than 2**31; received {low} and {high}.")
    return keyed_randint(draw_key(seed, "randint"), sizes(shape, "randint"), low, high - low, name, get_rng())


@op(operands="logits key", dtype=None)
def keyed_categorical(logits: Any, key: Any, num_samples: int, name: str, rng: str) -> Any:
    """Return class indices, (batch, num_samples), from unnormalized log-probabilities, (batch, classes), and the stream of `key`."""
    batch, classes = shape(logits)
    logits = cast(logits, "float64" if dtype_of(logits) == "float64" else "float32")
    # the largest of logits plus Gumbel noise; the noise never sees a zero
    half = _symmetric(key, (batch, num_samples, classes), "float32", rng)
    noise = p.negative(p.log(p.negative(p.log(p.add(p.multiply(half, 0.5), 0.5)))))
    scores = p.add(p.reshape(logits, (batch, 1, classes)), cast(noise, dtype_of(logits)))
    return cast(p.argmax(scores, 2), name)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Return class numbers drawn by unnormalised log-probabilities.

    Args:
        logits: (batch, classes).
        num_samples: how many per row.
        dtype: integer dtype.
        seed: None, an int (the same numbers each time), or a `SeedGenerator`.

    Returns:
        (batch, num_samples) integers.

    Example:
        >>> categorical([[0.0, 100.0]], 3, seed=1)
        array([[1, 1, 1]], dtype=int32)
    """
    logits = unwrap(logits)
    if _top_level(logits):
        return _again(categorical, (logits,), (num_samples,), {"dtype": dtype, "seed": seed})
    if len(shape(logits)) != 2:
        raise ValueError(f"categorical: logits must have rank 2, (batch, classes); received rank {len(shape(logits))}.")
    return keyed_categorical(logits, draw_key(seed, "categorical"), num_samples, dtypes.standardize(dtype), get_rng())


# -- on tensors ----------------------------------------------------------------------------------------------------------------------------
@op(operands="inputs key", dtype=None)
def keyed_dropout(inputs: Any, key: Any, rate: float, dims: tuple, rng: str) -> Any:
    """Return `inputs` with a share `rate` of zeros, decided per element of `dims` by the stream of `key`, the rest scaled by 1 / (1 - rate)."""
    # kept where 24 random bits are at least rate: decided in integers, so on every engine alike
    kept = p.less_equal(round(rate * 2**24), shift_right(random_bits(key, dims, rng), 8))
    return p.where(kept, p.divide(inputs, 1.0 - rate), zeros_like(inputs))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Set elements to zero with probability `rate` and scale the others so that the mean stays.

    Args:
        inputs: float tensor.
        rate: from 0 to 1.
        noise_shape: shape of the mask, which broadcasts; None in it means the input's size.
        seed: None, an int (the same mask each time), or a `SeedGenerator`.

    Raises:
        ValueError: a rate outside, or a noise_shape that does not broadcast.

    Example:
        >>> sorted(set(dropout([1.0] * 50, 0.5, seed=1).tolist()))
        [0.0, 2.0]
    """
    inputs = unwrap(inputs)
    if not 0 <= rate <= 1:
        raise ValueError(f"dropout: rate must be a number from 0 to 1; received {rate!r}.")
    if _top_level(inputs):
        return _again(dropout, (inputs,), (rate,), {"noise_shape": noise_shape, "seed": seed})
    if dtype_of(inputs) not in dtypes.FLOAT:
        inputs = cast(inputs, dtypes.to_float(dtype_of(inputs)))
    if rate == 0:
        return inputs
    if rate == 1:
        return zeros_like(inputs)
    dims = shape(inputs)
    if noise_shape is not None:
        noise = tuple(dims[i] if d is None else d for i, d in enumerate(noise_shape))
        if len(noise) != len(dims) or not all((isinstance(a, int) and a == 1) or same_dim(a, b) for a, b in zip(noise, dims, strict=True)):
            raise ValueError(f"dropout: noise_shape {tuple(noise_shape)} does not broadcast to the input's shape {tuple(dims)}.")
        dims = noise
    return keyed_dropout(inputs, draw_key(seed, "dropout"), float(rate), dims, get_rng())


@op(operands="x key", dtype=None)
def keyed_shuffle(x: Any, key: Any, axis: int, rng: str) -> Any:
    """Return the slices of `x` along `axis` in the order that the stream of `key` gives."""
    return p.take(x, p.argsort(random_bits(key, (shape(x)[axis],), rng), 0), axis)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """Return the slices of `x` along an axis in random order.

    Example:
        >>> sorted(shuffle([3, 1, 2], seed=1).tolist())
        [1, 2, 3]
    """
    from pronghorn.ops.axes import canonical_axis

    x = unwrap(x)
    if _top_level(x):
        return _again(shuffle, (x,), (), {"axis": axis, "seed": seed})
    return keyed_shuffle(x, draw_key(seed, "shuffle"), canonical_axis("shuffle", axis, len(shape(x))), get_rng())


# -- by rejection --------------------------------------------------------------------------------------------------------------------------
def _loop(body: Callable, start: tuple, rounds: int) -> tuple:
    """Repeat `body(i, done, *values)` until every element is done, at most `rounds` times; specs pass through."""
    from pronghorn.ops.control import while_loop

    def go(i: Any, done: Any, *_: Any) -> Any:
        return p.logical_not(p.all(done, tuple(range(len(shape(done)))), False))

    return while_loop(go, body, start, maximum_iterations=rounds)


def _fill(v: Any, dims: tuple, name: str) -> Any:
    return p.broadcast_to(cast(v, name), dims)


def _counter(key: Any) -> Any:
    return p.reshape(p.multiply(p.slice(key, (0,), (1,), (1,)), 0), ())


@op(operands="alpha key", dtype=None)
def keyed_gamma(alpha: Any, key: Any, dims: tuple, name: str, rng: str) -> Any:
    """Return Gamma(alpha, 1) numbers of shape `dims` from the stream of `key`."""
    # G. Marsaglia and W. Tsang, "A simple method for generating gamma variables" (2000)
    wide = "float64" if name == "float64" else "float32"
    a = _fill(alpha, dims, wide)
    small = p.less(a, 1.0)
    d = p.subtract(p.where(small, p.add(a, 1.0), a), 1.0 / 3.0)
    c = p.divide(1.0, p.sqrt(p.multiply(d, 9.0)))

    def body(i: Any, done: Any, value: Any) -> tuple:
        first, second = _halves(_symmetric(key, (2, *dims), wide, rng, p.add(i, 1)), dims)
        z, u = p.multiply(erfinv(first), math.sqrt(2.0)), p.add(p.multiply(second, 0.5), 0.5)
        v = p.add(p.multiply(c, z), 1.0)
        positive = p.less(0.0, v)
        v = p.where(positive, p.multiply(p.multiply(v, v), v), 1.0)
        bound = p.add(p.multiply(p.multiply(z, z), 0.5), p.multiply(d, p.add(p.subtract(1.0, v), p.log(v))))
        accepted = p.logical_and(p.logical_and(positive, p.less(p.log(u), bound)), p.logical_not(done))
        return p.add(i, 1), p.logical_or(done, accepted), p.where(accepted, p.multiply(d, v), value)

    never = p.less(a, -math.inf)
    _, _, out = _loop(body, (_counter(key), never, d), 64)
    # below one: the draw for alpha + 1 times a uniform number to the power of 1 / alpha
    u = p.add(p.multiply(_symmetric(key, dims, wide, rng), 0.5), 0.5)
    scale = p.exp(p.divide(p.log(u), p.where(small, a, 1.0)))
    return cast(p.where(small, p.multiply(out, scale), out), name)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Return numbers of the gamma distribution with scale one.

    Args:
        shape: sizes of the result.
        alpha: positive shape parameter; broadcasts.
        dtype: float dtype, floatx by default.
        seed: None, an int (the same numbers each time), or a `SeedGenerator`.

    Example:
        >>> bool((gamma((5,), 2.0, seed=1) > 0).all())
        True
    """
    name, dims = _float_name("gamma", dtype), sizes(shape, "gamma")
    alpha = unwrap(alpha)
    return keyed_gamma(np.float32(alpha) if isinstance(alpha, (int, float)) else alpha, draw_key(seed, "gamma"), dims, name, get_rng())


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Return numbers of the beta distribution.

    Args:
        shape: sizes of the result.
        alpha, beta: positive parameters; broadcast.
        dtype: float dtype, floatx by default.
        seed: None, an int (the same numbers each time), or a `SeedGenerator`.

    Example:
        >>> bool((beta((5,), 2.0, 3.0, seed=1) < 1).all())
        True
    """
    name = _float_name("beta", dtype)
    key = draw_key(seed, "beta")
    a, b = gamma(shape, alpha, dtype, fold(key, 0)), gamma(shape, beta, dtype, fold(key, 1))
    return cast(p.divide(a, p.add(a, b)), name)


@op(operands="counts probabilities key", dtype=None)
def keyed_binomial(counts: Any, probabilities: Any, key: Any, dims: tuple, name: str, rng: str) -> Any:
    """Return counts of successes of shape `dims` from the stream of `key`."""
    wide = "float64" if name == "float64" else "float32"
    n, q = _fill(counts, dims, wide), _fill(probabilities, dims, wide)
    flip = p.less(0.5, q)
    q = p.where(flip, p.subtract(1.0, q), q)
    few = p.less(p.multiply(n, q), 10.0)
    # few successes: count the geometric gaps between them (L. Devroye, 1986). Where none can happen, the gap is longer than n.
    safe = p.where(p.logical_and(few, p.less(0.0, q)), q, 0.5)
    log_fail = p.log1p(p.negative(safe))
    # many: W. Hörmann, "The generation of binomial random variates" (1993), algorithm BTRS
    big_n, big_q = p.where(few, 40.0, n), p.where(few, 0.5, q)
    spread = p.sqrt(p.multiply(p.multiply(big_n, big_q), p.subtract(1.0, big_q)))
    b = p.add(p.multiply(spread, 2.53), 1.15)
    a = p.add(p.add(p.multiply(b, 0.0248), p.multiply(big_q, 0.01)), -0.0873)
    centre = p.add(p.multiply(big_n, big_q), 0.5)
    v_r = p.subtract(0.92, p.divide(4.2, b))
    odds = p.divide(big_q, p.subtract(1.0, big_q))
    alpha = p.multiply(p.add(p.divide(5.1, b), 2.83), spread)
    mode = p.floor(p.multiply(p.add(big_n, 1.0), big_q))

    def body(i: Any, done: Any, gaps: Any, value: Any) -> tuple:
        first, second = _halves(_symmetric(key, (2, *dims), wide, rng, i), dims)
        u, w = p.multiply(first, 0.5), p.add(p.multiply(second, 0.5), 0.5)
        gap = p.add(p.floor(p.divide(p.log(w), log_fail)), 1.0)
        gaps = p.add(gaps, p.where(few, gap, 0.0))
        inside = p.logical_and(p.less_equal(gaps, n), p.less(0.0, q))
        us = p.subtract(0.5, p.abs(u))
        k = p.floor(p.add(p.multiply(p.add(p.divide(p.multiply(a, 2.0), us), b), u), centre))
        possible = p.logical_and(p.less_equal(0.0, k), p.less_equal(k, big_n))
        k = p.where(possible, k, mode)
        easy = p.logical_and(p.less_equal(0.07, us), p.less_equal(w, v_r))
        v = p.log(p.divide(p.multiply(w, alpha), p.add(p.divide(a, p.multiply(us, us)), b)))
        upper = p.multiply(p.add(mode, 0.5), p.log(p.divide(p.add(mode, 1.0), p.multiply(odds, p.add(p.subtract(big_n, mode), 1.0)))))
        middle = p.multiply(p.add(big_n, 1.0), p.log(p.divide(p.add(p.subtract(big_n, mode), 1.0), p.add(p.subtract(big_n, k), 1.0))))
        ratio = p.divide(p.multiply(odds, p.add(p.subtract(big_n, k), 1.0)), p.add(k, 1.0))
        lower = p.multiply(p.add(k, 0.5), p.log(ratio))
        tails = p.subtract(
            p.add(_stirling(mode), _stirling(p.subtract(big_n, mode))), p.add(_stirling(k), _stirling(p.subtract(big_n, k)))
        )
        bound = p.add(p.add(p.add(upper, middle), lower), tails)
        accepted = p.logical_and(possible, p.logical_or(easy, p.less_equal(v, bound)))
        new = p.where(few, p.add(value, p.where(inside, 1.0, 0.0)), p.where(accepted, k, value))
        finished = p.where(few, p.logical_not(inside), accepted)
        return p.add(i, 1), p.logical_or(done, finished), gaps, p.where(done, value, new)

    zero = p.multiply(p.where(p.less(n, -math.inf), 1.0, 0.0), big_n)
    _, _, _, out = _loop(body, (_counter(key), p.less(n, -math.inf), zero, zero), 256)
    return cast(p.where(flip, p.subtract(n, out), out), name)


def _stirling(k: Any) -> Any:
    """What Stirling's formula for `log(k!)` leaves out; the series errs by 3e-4 at zero, where BTRS hardly ever looks, and by less than 1e-6 from 4."""
    z = p.add(k, 1.0)
    z2 = p.multiply(z, z)
    return p.divide(p.subtract(1.0 / 12.0, p.divide(p.subtract(1.0 / 360.0, p.divide(1.0 / 1260.0, z2)), z2)), z)


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Return numbers of successes among `counts` trials.

    Args:
        shape: sizes of the result.
        counts, probabilities: number of trials and probability of success; broadcast.
        dtype: float dtype, floatx by default.
        seed: None, an int (the same numbers each time), or a `SeedGenerator`.

    Example:
        >>> bool((binomial((5,), 10, 1.0, seed=1) == 10).all())
        True
    """
    name, dims = _float_name("binomial", dtype), sizes(shape, "binomial")
    counts, probabilities = (np.float32(v) if isinstance(v, (int, float)) else v for v in (unwrap(counts), unwrap(probabilities)))
    return keyed_binomial(counts, probabilities, draw_key(seed, "binomial"), dims, name, get_rng())
