"""Plain `torch.nn` with `torch.optim.Adam`."""

import functools
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from natives import BLOCKS, EPSILON, HEADS, LEARNING_RATE, LENGTH, VOCABULARY, WIDTH, batches


class _Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = (z.view(b, t, HEADS, -1).transpose(1, 2) for z in self.qkv(self.n1(x)).chunk(3, -1))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, WIDTH))
        return x + self.down(F.gelu(self.up(self.n2(x))))


class _Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Parameter(torch.empty(LENGTH, WIDTH).uniform_(-0.05, 0.05))
        self.blocks = nn.Sequential(*[_Block() for _ in range(BLOCKS)])
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.tokens(x) + self.positions)).mean(1))


class _LSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(32, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class _Residual(nn.Module):
    def __init__(self, inputs, width, stride, *more):
        super().__init__()
        self.body = nn.Sequential(_unit(inputs, width, 3, stride), nn.ReLU(), _unit(width, width, 3, 1)) if not more else _bottleneck(inputs, width, stride)
        self.skip = _unit(inputs, width * (more or (1,))[0], 1, stride) if stride > 1 or more and inputs != width * more[0] else nn.Identity()

    def forward(self, x):
        return F.relu(self.skip(x) + self.body(x))


def _bottleneck(inputs, width, stride):
    return nn.Sequential(_unit(inputs, width, 1, stride), nn.ReLU(), _unit(width, width, 3, 1), nn.ReLU(), _unit(width, 4 * width, 1, 1))


def _unit(inputs, width, kernel, stride):
    return nn.Sequential(nn.Conv2d(inputs, width, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(width, momentum=0.01))


def _resnet18():
    shape = ((64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1))
    tail = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)]
    return nn.Sequential(_unit(3, 64, 3, 1), nn.ReLU(), *[_Residual(*s) for s in shape], *tail)


def _resnet50():
    blocks, inputs = [], 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(count):
            blocks.append(_Residual(inputs, width, stride if i == 0 else 1, 4))
            inputs = 4 * width
    tail = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 10)]
    return nn.Sequential(_unit(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1), *blocks, *tail)


NETS = {
    "mlp": lambda: nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)),
    "convnet": lambda: nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1600, 10)
    ),
    "transformer": _Transformer,
    "lstm": _LSTM,
    "resnet18": _resnet18,
    "resnet50": _resnet50,
}


DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _put(x):
    x = torch.from_numpy(x).to(DEVICE)
    return x.permute(0, 3, 1, 2) if x.ndim == 4 else x


def make(kind: str, mixed: bool) -> tuple[Callable, Callable]:
    """Return `(fit, predict)`."""
    net = NETS[kind]().to(DEVICE)
    precision = functools.partial(torch.autocast, DEVICE.type, torch.bfloat16, enabled=mixed)
    optimizer = torch.optim.Adam(net.parameters(), LEARNING_RATE, eps=EPSILON)

    def fit(x, y, size):
        value = None
        net.train()
        for bx, by in batches(x, y.astype("int64"), size):
            optimizer.zero_grad()
            with precision():
                value = F.cross_entropy(net(_put(bx)), torch.from_numpy(by).to(DEVICE))
            value.backward()
            optimizer.step()
        return float(value.detach())

    def predict(x):
        net.eval()
        with torch.no_grad(), precision():
            return net(_put(x)).float().cpu().numpy()

    return fit, predict
