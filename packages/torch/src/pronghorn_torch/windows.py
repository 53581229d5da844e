"""Convolution and pooling.

A contiguous channels-last tensor, permuted, is what torch calls memory format channels_last: no data moves. Vectors go as images of height one.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F


class Windows:
    """The window primitives."""

    def conv(self, x: Any, kernel: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
        return self.biased_conv(x, kernel, None, strides, padding, dilation, groups)

    def biased_conv(self, x: Any, kernel: Any, bias: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
        n = len(strides)
        if n == 1:
            out = self.biased_conv(x.unsqueeze(1), kernel.unsqueeze(0), bias, (1, *strides), ((0, 0), *padding), (1, *dilation), groups)
            return out.squeeze(1)
        if any(a != b for a, b in padding):
            x, padding = torch.constant_pad_nd(x, flat_pads(((0, 0), *padding, (0, 0)))), ((0, 0),) * n
        window = (F.conv2d, F.conv3d)[n - 2]
        out = window(_channels_first(x), kernel.permute(n + 1, n, *range(n)), bias, strides, [a for a, _ in padding], dilation, groups)
        return _channels_last(out)

    def conv_transpose(self, x: Any, kernel: Any, strides: Any, padding: Any, output_padding: Any, dilation: Any) -> Any:
        n = len(strides)
        if n == 1:
            out = self.conv_transpose(
                x.unsqueeze(1), kernel.unsqueeze(0), (1, *strides), ((0, 0), *padding), (0, *output_padding), (1, *dilation)
            )
            return out.squeeze(1)
        # torch cuts the same on both sides and adds less than one stride; else take the full result and cut it
        added = [a - b + o for (a, b), o in zip(padding, output_padding, strict=True)]
        direct = all(0 <= e < max(s, d) for e, s, d in zip(added, strides, dilation, strict=True))
        window = (F.conv_transpose2d, F.conv_transpose3d)[n - 2]
        weight = kernel.permute(n + 1, n, *range(n))
        if direct:
            return _channels_last(window(_channels_first(x), weight, None, strides, [a for a, _ in padding], added, 1, dilation))
        out = _channels_last(window(_channels_first(x), weight, None, strides, 0, 0, 1, dilation))
        cut = [(-a, o - b) for (a, b), o in zip(padding, output_padding, strict=True)]
        return torch.constant_pad_nd(out, flat_pads(((0, 0), *cut, (0, 0))))

    def max_pool(self, x: Any, pool_size: Any, strides: Any, padding: Any) -> Any:
        n = len(pool_size)
        if n == 1 and x.is_floating_point():
            return self.max_pool(x.unsqueeze(1), (1, *pool_size), (1, *strides), ((0, 0), *padding)).squeeze(1)
        native = n in (2, 3) and x.is_floating_point()
        if not native or not _simple(pool_size, padding):
            low = -math.inf if x.is_floating_point() else torch.iinfo(x.dtype).min
            x, padding = torch.constant_pad_nd(x, flat_pads(((0, 0), *padding, (0, 0))), low), ((0, 0),) * n
        if not native:
            for i, (k, s) in enumerate(zip(pool_size, strides, strict=True), 1):
                x = x.unfold(i, k, s)
            return torch.amax(x, tuple(range(-n, 0)))
        window = (F.max_pool2d, F.max_pool3d)[n - 2]
        return _channels_last(window(_channels_first(x), pool_size, strides, [a for a, _ in padding]))

    def average_pool(self, x: Any, pool_size: Any, strides: Any, padding: Any) -> Any:
        n = len(pool_size)
        if n == 1:
            return self.average_pool(x.unsqueeze(1), (1, *pool_size), (1, *strides), ((0, 0), *padding)).squeeze(1)
        window = (F.avg_pool2d, F.avg_pool3d)[n - 2]
        if _simple(pool_size, padding):
            return _channels_last(window(_channels_first(x), pool_size, strides, [a for a, _ in padding], False, False))
        padded = torch.constant_pad_nd(x, flat_pads(((0, 0), *padding, (0, 0))))
        total = _channels_last(window(_channels_first(padded), pool_size, strides, 0, False, True, 1))
        for i, (d, k, s, (a, b)) in enumerate(zip(x.shape[1:-1], pool_size, strides, padding, strict=True), 1):
            first = torch.arange(0, d + a + b - k + 1, s, device=x.device) - a
            count = (torch.clamp(first + k, max=d) - torch.clamp(first, min=0)).clamp(min=0)
            total = total / count.to(x.dtype).reshape((-1,) + (1,) * (n + 1 - i))
        return total


def flat_pads(pairs: Sequence[tuple]) -> list[int]:
    return [w for pair in reversed(pairs) for w in pair]


def _channels_first(x: Any) -> Any:
    return x.permute(0, x.ndim - 1, *range(1, x.ndim - 1))


def _channels_last(x: Any) -> Any:
    return x.permute(0, *range(2, x.ndim), 1)


def _simple(pool_size: Any, padding: Any) -> bool:
    """Whether torch's pooling takes this padding as it is."""
    return all(a == b and 2 * a <= k for k, (a, b) in zip(pool_size, padding, strict=True))
