"""Derived ops that torch has a faster way for, updates of lists of variables among them.

Each takes the op's own arguments; what torch does differently from the op's definition is left to the definition.
"""
# ruff: noqa: A001, A002

import functools
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from pronghorn.backend import settings
from pronghorn.backend.convert import not_dense
from pronghorn.backend.dims import plain_sizes
from pronghorn.backend.op import defined as core_defined
from pronghorn.ops.axes import canonical_axes
from pronghorn.state.binding import STATE
from pronghorn_torch.optimizers import foreach_sgd, fused_adam

_LOW = frozenset({torch.float16, torch.bfloat16})
_FULL = frozenset({torch.float32, torch.float64})
_KERNELS = _FULL | {torch.bfloat16, torch.float16}
#: numbers in kernels that are joined before the product, which makes it a tenth cheaper; beyond the size of a cache joining costs more than it gains
_JOINED = 1 << 16
#: logits up to which log_softmax is quicker over the first axis of the transpose, which wakes no thread; more of them are too, in rows shorter than a vector
_WAKING = 1 << 15
_MASKED = -0.7 * 3.4028234663852886e38  # where attention is not allowed: finite, so that a row without any allowed position gives the mean


defined = functools.partial(core_defined, "torch")


def tracing() -> bool:
    """Tell whether operations are recorded by torch's compilers rather than run."""
    return torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() > 0


def _axis(x: Any, axis: Any) -> bool:
    return type(axis) is int and -x.ndim <= axis < x.ndim


def _no_kernel(x: Any) -> bool:
    """Whether torch's recurrent kernels do not take `x`; its compiler does not take them at all."""
    return x.dtype not in _KERNELS or not x.shape[1] or not x.shape[0] or tracing()


_cat, _STRIDED = torch.cat, torch.strided  # two look-ups less


def _dense(out: Any) -> Any:
    """Refuse what torch made of sparse tensors; the kernels that join tensors are among the few that take them."""
    if out.layout is not _STRIDED:
        raise not_dense(out)
    return out


def _trailing(x: Any, axis: Any, *weights: Any) -> tuple[int, ...] | None:
    """Sizes of the normalised axes if they are the last ones and the weights have their shape and the dtype of `x`."""
    axes = canonical_axes("normalization", axis, x.ndim)
    if not x.is_floating_point() or axes != tuple(range(x.ndim - len(axes), x.ndim)):
        return None
    dims = x.shape[x.ndim - len(axes) :]
    for w in weights:
        if w is not None and (w.dtype != x.dtype or w.shape != dims):
            return None
    return dims


def _same_kind(xs: Sequence[Any]) -> bool:
    return all(x.dtype == xs[0].dtype for x in xs)


class Overrides:
    """Native versions of derived ops."""

    sigmoid = staticmethod(torch.sigmoid)
    silu = staticmethod(torch._C._nn.silu)
    log_sigmoid = staticmethod(torch._C._nn.log_sigmoid)
    hard_sigmoid = staticmethod(torch._C._nn.hardsigmoid)
    hard_silu = staticmethod(torch._C._nn.hardswish)
    relu = staticmethod(torch.relu)
    selu = staticmethod(torch.selu)
    square = staticmethod(torch.square)
    rsqrt = staticmethod(torch.rsqrt)
    reciprocal = staticmethod(torch.reciprocal)
    exp2 = staticmethod(torch.exp2)
    log2 = staticmethod(torch.log2)
    log10 = staticmethod(torch.log10)
    erfinv = staticmethod(torch.erfinv)
    isnan = staticmethod(torch.isnan)
    isinf = staticmethod(torch.isinf)
    logaddexp = staticmethod(torch.logaddexp)
    fmax = staticmethod(torch.fmax)
    fmin = staticmethod(torch.fmin)
    fmod = staticmethod(torch.fmod)
    logical_xor = staticmethod(torch.logical_xor)
    greater = staticmethod(torch.gt)
    greater_equal = staticmethod(torch.ge)
    not_equal = staticmethod(torch.ne)

    # -- elementwise -------------------------------------------------------------------------------------------------------------------------
    def softplus(self, x: Any) -> Any:
        return torch._C._nn.softplus(x, 1, 40)  # torch's threshold of 20 is seen in float64

    def gelu(self, x: Any, approximate: bool = True) -> Any:
        return torch._C._nn.gelu(x, approximate="tanh" if approximate else "none")

    def elu(self, x: Any, alpha: float = 1.0) -> Any:
        return torch._C._nn.elu(x, alpha)

    def leaky_relu(self, x: Any, negative_slope: float = 0.2) -> Any:
        return torch._C._nn.leaky_relu(x, negative_slope)

    def glu(self, x: Any, axis: int = -1) -> Any:
        if not _axis(x, axis) or x.shape[axis] % 2:
            return defined("glu", x, axis)
        return torch._C._nn.glu(x, axis)

    def clip(self, x: Any, x_min: Any, x_max: Any) -> Any:
        numbers = (float, int) if x.is_floating_point() else (int,) if x.dtype in (torch.int32, torch.int64) else ()
        if (x_min is None or (type(x_min) in numbers and x_min == x_min)) and (x_max is None or (type(x_max) in numbers and x_max == x_max)):
            if numbers == (int,) and any(abs(v) >= 2**31 for v in (x_min, x_max) if v is not None):
                return defined("clip", x, x_min, x_max)
            return x if x_min is None and x_max is None else torch.clamp(x, x_min, x_max)
        return defined("clip", x, x_min, x_max)

    def zeros_like(self, x: Any, dtype: Any = None) -> Any:
        return torch.zeros_like(x) if dtype is None else defined("zeros_like", x, dtype)

    def ones_like(self, x: Any, dtype: Any = None) -> Any:
        return torch.ones_like(x) if dtype is None else defined("ones_like", x, dtype)

    def linear(self, x: Any, kernel: Any, bias: Any) -> Any:
        if x.ndim == 2:
            return torch.addmm(bias, x, kernel)
        return F.linear(x, kernel.t(), bias)

    def linears(self, tensors: Any) -> Any:
        if len(tensors) < 3:
            return defined("linears", tensors)
        x, kernels, biases = tensors[0], tensors[1::2], tensors[2::2]
        columns = [k.shape[1] for k in kernels]
        rows, size = x.shape[:-1].numel(), x.shape[-1] * sum(columns)
        if x.device.type == "cpu" and x.dtype == torch.float32 and not tracing() and 0 < size <= _JOINED and rows >= 2 * x.shape[-1]:
            return F.linear(x, torch.cat(kernels, 1).t(), torch.cat(biases)).split(columns, -1)
        return tuple([self.linear(x, k, b) for k, b in zip(kernels, biases, strict=True)])

    # -- over axes ---------------------------------------------------------------------------------------------------------------------------
    def softmax(self, x: Any, axis: Any = -1) -> Any:
        return torch.softmax(x, axis) if _axis(x, axis) and x.numel() else defined("softmax", x, axis)

    def log_softmax(self, x: Any, axis: Any = -1) -> Any:
        return torch.log_softmax(x, axis) if _axis(x, axis) and x.numel() else defined("log_softmax", x, axis)

    def logsumexp(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        axes = canonical_axes("logsumexp", axis, x.ndim)
        return torch.logsumexp(x, axes, bool(keepdims)) if axes and x.numel() else defined("logsumexp", x, axis, keepdims)

    def sum_op(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return torch.sum(x, axis, keepdims) if _axis(x, axis) else defined("sum", x, axis, keepdims)

    def mean(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if axis is None and not keepdims:
            return torch.mean(x)
        if _axis(x, axis):
            return torch.mean(x, axis, keepdims)
        axes = canonical_axes("mean", axis, x.ndim)
        return torch.mean(x, axes, bool(keepdims)) if axes else x

    def divide_no_nan(self, x1: Any, x2: Any) -> Any:
        if torch.is_grad_enabled() or tracing():
            return defined("divide_no_nan", x1, x2)
        zero = x2 == 0
        return torch.divide(x1, x2).masked_fill_(zero, 0.0)

    def var(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        axes = canonical_axes("var", axis, x.ndim)
        if not x.is_floating_point() or not axes or not x.numel():
            return defined("var", x, axis, keepdims)
        return _moments(x.float() if x.dtype in _LOW else x, axes, bool(keepdims))[1].to(x.dtype)

    def moments(self, x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
        over = canonical_axes("moments", axes, x.ndim)
        if x.dtype in _LOW or x.is_complex() or not over or not x.numel():
            return defined("moments", x, axes, keepdims, synchronized)
        return _moments(x, over, bool(keepdims))

    # -- normalisation -----------------------------------------------------------------------------------------------------------------------
    def batch_normalization(self, x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3) -> Any:
        if x.ndim == 0 or axis not in (-1, x.ndim - 1) or any(w is not None and w.dtype != x.dtype for w in (offset, scale)):
            return defined("batch_normalization", x, mean, variance, axis, offset, scale, epsilon)
        factor = torch.rsqrt(variance + epsilon)
        if scale is not None:
            factor = factor * scale
        shift = torch.neg(mean * factor) if offset is None else torch.addcmul(offset, mean, factor, value=-1)
        return torch.addcmul(shift, x, factor)

    def normalized_batch(self, x: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3) -> Any:
        rank = x.ndim
        count = x.numel() // max(1, x.shape[axis]) if rank > 1 and axis in (-1, 1, rank - 1) else 0
        wrapped = torch._C._functorch.is_functorch_wrapped_tensor(x)  # vmap has no rule for averages that are written
        if count < 2 or wrapped or x.dtype not in _FULL or any(w is not None and w.dtype != x.dtype for w in (offset, scale)):
            return defined("normalized_batch", x, axis, offset, scale, epsilon)
        features, z = x.shape[axis], x
        if axis != 1:  # as images whose pixels hold their channels together, which is how they lie
            z = x.permute(0, 3, 1, 2) if rank == 4 else x.reshape(-1, features, 1, 1)
        mean, variance = torch.zeros(2, features, dtype=x.dtype, device=x.device)
        out = torch.batch_norm(z, scale, offset, mean, variance, True, 1.0, epsilon, torch.backends.cudnn.enabled)  # averages that hold this batch alone
        if axis != 1:
            out = out.permute(0, 2, 3, 1) if rank == 4 else out.reshape(x.shape)
        return out, mean, variance * ((count - 1) / count)

    def layer_normalization(self, x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None, **kwargs: Any) -> Any:
        dims = None if kwargs else _trailing(x, axis, gamma, beta)
        if dims is None:
            return defined("layer_normalization", x, gamma, beta, axis, epsilon, **kwargs)
        return torch.layer_norm(x, dims, gamma, beta, settings.epsilon() if epsilon is None else epsilon)

    def rms_normalization(self, x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
        dims = _trailing(x, axis, scale)
        if dims is None:
            return defined("rms_normalization", x, scale, axis, epsilon)
        return torch.rms_norm(x, dims, scale, settings.epsilon() if epsilon is None else epsilon)

    def dot_product_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        bias: Any = None,
        mask: Any = None,
        scale: float | None = None,
        is_causal: bool = False,
        flash_attention: bool | None = None,
        attn_logits_soft_cap: float | None = None,
    ) -> Any:
        args = (query, key, value, bias, mask, scale, is_causal, flash_attention, attn_logits_soft_cap)
        ranks = {query.ndim, key.ndim, value.ndim}
        coarse = query.dtype == torch.float16 and mask is not None  # too short a range for the finite mask
        if coarse or attn_logits_soft_cap is not None or len(ranks) > 1 or ranks - {3, 4} or query.shape[-2] % key.shape[-2]:
            return defined("dot_product_attention", *args)
        q, k, v = (t.unsqueeze(0) if t.ndim == 3 else t for t in (query, key, value))
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        extra = None
        if bias is not None or mask is not None:
            extra = None if bias is None else torch.as_tensor(bias, device=q.device).to(q.dtype)
            allowed = None if mask is None else torch.as_tensor(mask, device=q.device).to(torch.bool)
            if is_causal:
                causal = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril()
                allowed = causal if allowed is None else allowed & causal
            if allowed is not None:
                extra = torch.where(allowed, torch.zeros((), dtype=q.dtype, device=q.device) if extra is None else extra, _MASKED)
            extra = extra.expand((q.shape[0], q.shape[1], q.shape[2], k.shape[2]))
        causal_only = bool(is_causal) and extra is None
        out = F.scaled_dot_product_attention(q, k, v, extra, 0.0, causal_only, scale=scale, enable_gqa=q.shape[1] != k.shape[1]).transpose(1, 2)
        return out.squeeze(0) if query.ndim == 3 else out

    # -- shape -------------------------------------------------------------------------------------------------------------------------------
    def reshape_op(self, x: Any, newshape: Any) -> Any:
        return torch.reshape(x, newshape) if plain_sizes(newshape) and x.numel() else defined("reshape", x, newshape)

    def transpose_op(self, x: Any, axes: Any = None) -> Any:
        return defined("transpose", x, axes) if axes is not None or x.ndim != 2 else torch.t(x)

    def concatenate_op(self, xs: Any, axis: int = 0) -> Any:
        rank = xs[0].dim()
        if type(axis) is not int or not -rank <= axis < rank:
            return defined("concatenate", xs, axis)
        if xs[-1].dim() != rank or len(xs) > 2 and any(x.dim() != rank for x in xs):  # torch would leave empty vectors out
            return defined("concatenate", xs, axis)
        out = _cat(xs, axis) if axis else _cat(xs)  # reading the argument takes as long as joining small tensors
        return out if out.layout is _STRIDED else _dense(out)

    def where_op(self, condition: Any, x1: Any = None, x2: Any = None) -> Any:
        return defined("where", condition, x1, x2)  # but for tensors of one dtype, see `specialize`

    def stack(self, x: Any, axis: int = 0) -> Any:
        first = x[0]
        if type(axis) is not int or not -first.ndim - 1 <= axis <= first.ndim or not _same_kind(x) or any(v.shape != first.shape for v in x):
            return defined("stack", x, axis)
        return _dense(torch.stack(tuple(x), axis))

    def split(self, x: Any, indices_or_sections: Any, axis: int = 0) -> list:
        n = indices_or_sections
        if type(n) is not int or not _axis(x, axis) or n <= 0 or x.shape[axis] % n or not x.shape[axis]:
            return defined("split", x, indices_or_sections, axis)
        return list(torch.split(x, x.shape[axis] // n, axis))

    def unstack(self, x: Any, num: int | None = None, axis: int = 0) -> list:
        if not _axis(x, axis) or num not in (None, x.shape[axis]):
            return defined("unstack", x, num, axis)
        return list(torch.unbind(x, axis))

    def expand_dims(self, x: Any, axis: Any) -> Any:
        return torch.unsqueeze(x, axis) if type(axis) is int and -x.ndim - 1 <= axis <= x.ndim else defined("expand_dims", x, axis)

    def tril(self, x: Any, k: int = 0) -> Any:
        return torch.tril(x, k) if x.ndim >= 2 else defined("tril", x, k)

    def triu(self, x: Any, k: int = 0) -> Any:
        return torch.triu(x, k) if x.ndim >= 2 else defined("triu", x, k)

    # -- contraction -------------------------------------------------------------------------------------------------------------------------
    matmul_op = staticmethod(torch.matmul)

    def einsum(self, subscripts: str, *operands: Any, **kwargs: Any) -> Any:
        if not (operands[0].is_floating_point() or operands[0].is_complex()):
            return defined("einsum", subscripts, *operands, **kwargs)
        try:
            return torch.einsum(subscripts, *operands)
        except RuntimeError:  # the definition says what is wrong, or knows better
            return defined("einsum", subscripts, *operands, **kwargs)

    def tensordot(self, x1: Any, x2: Any, axes: Any = 2) -> Any:
        left, right = (tuple(range(x1.ndim - axes, x1.ndim)), tuple(range(axes))) if type(axes) is int else axes
        left, right = canonical_axes("tensordot", left, x1.ndim), canonical_axes("tensordot", right, x2.ndim)
        if not (x1.is_floating_point() or x1.is_complex()) or [x1.shape[i] for i in left] != [x2.shape[j] for j in right]:
            return defined("tensordot", x1, x2, axes)
        return torch.tensordot(x1, x2, (left, right))

    # -- recurrences -------------------------------------------------------------------------------------------------------------------------
    def lstm(self, x: Any, h: Any, c: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None, go_backwards: bool = False) -> tuple[Any, Any, Any]:
        if _no_kernel(x):
            return defined("lstm", x, h, c, kernel, recurrent_kernel, bias, go_backwards)
        weights = [kernel.t(), recurrent_kernel.t(), *([] if bias is None else [bias, torch.zeros_like(bias)])]  # torch adds a bias of the state
        state = (h.unsqueeze(0), c.unsqueeze(0))
        y, h, c = torch._VF.lstm(x.flip(1) if go_backwards else x, state, weights, bias is not None, 1, 0.0, True, False, True)
        return y, h.squeeze(0), c.squeeze(0)

    def gru(self, x: Any, h: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None, go_backwards: bool = False) -> tuple[Any, Any]:
        if _no_kernel(x):
            return defined("gru", x, h, kernel, recurrent_kernel, bias, go_backwards)
        n = h.shape[-1]

        def reset_first(w: Any) -> Any:
            return torch.cat([w[n : 2 * n], w[:n], w[2 * n :]])

        weights = [reset_first(w) for w in (kernel.t(), recurrent_kernel.t(), *(() if bias is None else bias.unbind()))]
        y, h = torch._VF.gru(x.flip(1) if go_backwards else x, h.unsqueeze(0), weights, bias is not None, 1, 0.0, True, False, True)
        return y, h.squeeze(0)

    # -- cross-entropies ---------------------------------------------------------------------------------------------------------------------
    def binary_crossentropy(self, target: Any, output: Any, from_logits: bool = False) -> Any:
        if not from_logits or target.shape != output.shape or output.is_complex():
            return defined("binary_crossentropy", target, output, from_logits)
        return F.binary_cross_entropy_with_logits(output, target, reduction="none")

    def categorical_crossentropy(self, target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
        if not from_logits or target.shape != output.shape or not _axis(output, axis) or not output.numel():
            return defined("categorical_crossentropy", target, output, from_logits, axis)
        return torch.neg(torch.sum(target * torch.log_softmax(output, axis), axis))

    def sparse_categorical_crossentropy(self, target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
        if (
            from_logits
            and axis == -1
            and output.ndim == 2
            and target.shape == output.shape[:1]  # gather takes fewer rows without a word
            and output.device.type == "cpu"
            and output.dtype in _FULL
            and not tracing()
        ):
            index = target if target.dtype is torch.int64 else target.to(torch.int64)
            classes_first = torch.get_num_threads() > 1 if output.numel() <= _WAKING else output.shape[1] < 16
            try:  # nll_loss wakes every thread for a handful of rows, there and back
                if classes_first:
                    return torch.log_softmax(output.t(), 0).gather(0, index.unsqueeze(0)).neg_().squeeze(0)
                return torch.log_softmax(output, 1).gather(1, index.unsqueeze(1)).neg_().squeeze(1)
            except (IndexError, ValueError, RuntimeError):  # numbers of no class, which have no loss
                pass
        if target.ndim == output.ndim and target.ndim and target.shape[-1] == 1:
            target = target.squeeze(-1)
        rest = output.movedim(axis, -1).shape[:-1] if _axis(output, axis) else None
        if not from_logits or rest != target.shape or output.dtype not in (torch.float32, torch.float64) or not output.numel():
            return defined("sparse_categorical_crossentropy", target, output, from_logits, axis)
        index = target.reshape(-1).to(torch.int64)
        rows = output.movedim(axis, -1).reshape(-1, output.shape[axis])
        index = torch.where((index >= 0) & (index < rows.shape[1]), index, -100)  # torch's mark for "no loss here"
        return F.nll_loss(torch.log_softmax(rows, 1), index, ignore_index=-100, reduction="none").reshape(rest)

    # -- lists of variables ------------------------------------------------------------------------------------------------------------------
    def optimizer_update(self, kind: str, gradients: list, values: list, slots: dict, options: dict) -> tuple[list, dict] | None:
        """Update whole lists of tensors with torch's fused kernels: in place, but on copies where the values are bound. None for what has no kernel."""
        if kind not in ("adam", "sgd") or tracing():
            return None  # compilers fuse the definition themselves
        if not all(v.is_floating_point() for v in values):
            return None
        if STATE.scope is not None:
            values, slots = [v.clone() for v in values], {n: [s.clone() for s in vs] for n, vs in slots.items()}
        # the kernels walk memory, so layouts must agree
        pairs = zip(gradients, values, strict=True)
        gradients = [g if g.dtype == v.dtype and g.stride() == v.stride() else torch.empty_like(v).copy_(g) for g, v in pairs]
        for i in [i for i, v in enumerate(values) if v.dim() > 3]:  # steps move these, see `Executor`: one of the two, if it was not in the step
            v = values[i]
            for s in [column[i] for column in slots.values()]:
                if s.stride() != v.stride():
                    s.data = torch.empty_strided(s.shape, v.stride(), dtype=s.dtype, device=s.device).copy_(s)
        rate, decay = options["learning_rate"], options["weight_decay"] or 0.0
        if kind == "sgd":
            foreach_sgd(
                values, gradients, slots.get("momentum", ()), learning_rate=rate, momentum=options["momentum"], nesterov=options["nesterov"],
                weight_decay=decay,
            )  # fmt: skip
        else:
            done = options["iterations"]
            fused_adam(
                values, gradients, slots["momentum"], slots["velocity"], slots.get("velocity_hat", ()), learning_rate=rate,
                step=(int(done) if done.device.type == "cpu" else done) + 1, beta_1=options["beta_1"], beta_2=options["beta_2"],
                epsilon=options["epsilon"], weight_decay=decay,
            )  # fmt: skip
        return values, slots


def _moments(x: Any, axes: tuple, keepdims: bool) -> tuple[Any, Any]:
    if x.device.type == "cpu":  # var_mean is ten times slower than two passes there
        centre = torch.mean(x, axes, True)
        deviation = x - centre.detach()
        variance = torch.mean(deviation * deviation, axes, keepdims)
        return (centre if keepdims else centre.reshape(variance.shape)), variance
    variance, centre = torch.var_mean(x, axes, correction=0, keepdim=keepdims)
    return centre, variance
