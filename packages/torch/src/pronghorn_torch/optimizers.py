"""Updates of whole lists of weights with torch's list and fused kernels."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch


def _grouped(*lists: Sequence[Any]) -> list[list[list[Any]]]:
    """Split parallel lists of tensors by device and dtype, as torch's list kernels want them."""
    if not lists[0]:
        return []
    device, dtype = lists[0][0].device, lists[0][0].dtype
    if all([t.dtype is dtype and t.device == device for column in lists for t in column]):
        return [[list(column) for column in lists]]
    groups: dict[Any, list[list[Any]]] = {}
    for row in zip(*lists, strict=True):
        group = groups.setdefault((row[0].device, tuple(t.dtype for t in row)), [[] for _ in lists])
        for column, t in zip(group, row, strict=True):
            column.append(t)
    return list(groups.values())


_LARGE_STEP: dict[torch.device, torch.Tensor] = {}
_SMALL = range(17, 8193)  # elements: the fused kernel wakes every thread for each of these, which takes longer than their arithmetic


def _adam_one_thread(values: list, gradients: list, firsts: list, seconds: list, size: Any, beta_1: float, beta_2: float, epsilon: float) -> None:
    """The same update by list kernels that wake no thread; torch's square root does from 128 elements on, its reciprocal does not."""
    torch._foreach_lerp_(firsts, gradients, 1.0 - beta_1)
    torch._foreach_mul_(seconds, beta_2)
    torch._foreach_addcmul_(seconds, gradients, gradients, 1.0 - beta_2)
    roots = torch._foreach_rsqrt(seconds)
    torch._foreach_reciprocal_(roots)
    torch._foreach_add_(roots, epsilon)
    torch._foreach_addcdiv_(values, firsts, roots, -size)


@torch.no_grad()
def fused_adam(
    values: Sequence[Any],
    gradients: Sequence[Any],
    firsts: Sequence[Any],
    seconds: Sequence[Any],
    maxima: Sequence[Any] = (),
    *,
    learning_rate: Any,
    step: Any,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    weight_decay: float = 0.0,
) -> None:
    """Update Adam's weights and moments in place, one kernel per device and dtype.

    The form of Kingma and Ba (2014, section 2) with epsilon outside the bias correction.

    Args:
        values, gradients, firsts, seconds: weights, their gradients, and running means of gradients and squares; all of one length.
        maxima: largest second moments, for AMSGrad; empty without.
        learning_rate, step: numbers or scalar tensors; the step counts from one.
        beta_1, beta_2, epsilon: Adam's constants.
        weight_decay: decoupled decay (AdamW): each weight first loses `learning_rate * weight_decay` of itself.
    """
    host = not isinstance(learning_rate, torch.Tensor) or learning_rate.device.type == "cpu"
    rate = float(learning_rate) if host else learning_rate
    if host and (not isinstance(step, torch.Tensor) or step.device.type == "cpu"):
        t = float(step)
        size: Any = rate * math.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)
    else:
        t = torch.as_tensor(step, dtype=torch.float32)
        size = torch.as_tensor(rate * torch.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t), dtype=torch.float32)
    if weight_decay:
        torch._foreach_mul_(list(values), 1.0 - rate * weight_decay)
    for group in _grouped(values, gradients, firsts, seconds, *([maxima] if maxima else [])):
        device, dtype = group[0][0].device, group[0][0].dtype
        alike = dtype.itemsize > 2 and all([column[0].dtype is dtype for column in group])
        if alike and isinstance(size, float) and not maxima and device.type == "cpu" and torch.get_num_threads() > 1:
            small = [v.numel() in _SMALL for v in group[0]]
            if any(small):
                _adam_one_thread(*[list(itertools.compress(column, small)) for column in group], size, beta_1, beta_2, epsilon)
                large = [not s for s in small]
                if not any(large):
                    continue
                group = [list(itertools.compress(column, large)) for column in group]
        if device not in _LARGE_STEP:  # the corrections are in `size`; at this step torch's own are one
            _LARGE_STEP[device] = torch.tensor(1e9, device=device)
        steps = [_LARGE_STEP[device]] * len(group[0])
        top = group[4] if maxima else []
        torch._fused_adam_(
            *group[:4], top, steps, lr=size, beta1=beta_1, beta2=beta_2, weight_decay=0.0, eps=epsilon, amsgrad=bool(maxima), maximize=False
        )  # fmt: skip


@torch.no_grad()
def foreach_sgd(
    values: Sequence[Any],
    gradients: Sequence[Any],
    momenta: Sequence[Any] = (),
    *,
    learning_rate: Any,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> None:
    """Update weights and momenta of gradient descent in place, with list kernels.

    Args:
        values, gradients: weights and their gradients.
        momenta: running velocities `v = momentum * v - learning_rate * gradient`; empty without momentum.
        learning_rate: number or scalar tensor.
        momentum, nesterov: as in SGD.
        weight_decay: decoupled decay.
    """
    values, gradients, momenta = list(values), list(gradients), list(momenta)
    if not isinstance(learning_rate, torch.Tensor) or learning_rate.device.type == "cpu":
        learning_rate = float(learning_rate)
    if weight_decay:
        torch._foreach_mul_(values, 1.0 - learning_rate * weight_decay)
    if isinstance(learning_rate, float) and not momenta:
        torch._foreach_add_(values, gradients, alpha=-learning_rate)
        return
    moves = torch._foreach_mul(gradients, -learning_rate)
    if momenta:
        torch._foreach_mul_(momenta, momentum)
        torch._foreach_add_(momenta, moves)
        if nesterov:
            torch._foreach_add_(moves, momenta, alpha=momentum)
        else:
            moves = momenta
    torch._foreach_add_(values, moves)
