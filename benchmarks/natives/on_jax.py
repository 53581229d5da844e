"""Jitted steps with donated state."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from natives import BLOCKS, EPSILON, HEADS, LEARNING_RATE, LENGTH, VOCABULARY, WIDTH, batches, glorot


def _dense(rng, a, b):
    return {"w": glorot(rng, a, b), "b": np.zeros(b, "float32")}


def _apply(p, x):
    return x @ p["w"] + p["b"]


def _conv(x, w, stride=1, padding="VALID"):
    return jax.lax.conv_general_dilated(x.astype(w.dtype), w, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _mlp(rng):
    params = [_dense(rng, a, b) for a, b in ((784, 256), (256, 128), (128, 10))]

    def forward(p, s, x, training):
        for layer in p[:-1]:
            x = jax.nn.relu(_apply(layer, x))
        return _apply(p[-1], x), s

    return params, (), forward


def _convnet(rng):
    params = [{"w": glorot(rng, 3, 3, 1, 32), "b": np.zeros(32, "float32")}, {"w": glorot(rng, 3, 3, 32, 64), "b": np.zeros(64, "float32")}]
    params.append(_dense(rng, 1600, 10))

    def forward(p, s, x, training):
        for layer in p[:2]:
            x = jax.nn.relu(_conv(x, layer["w"]) + layer["b"])
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return _apply(p[2], x.reshape(len(x), -1)), s

    return params, (), forward


def _transformer(rng):
    def norm():
        return {"g": np.ones(WIDTH, "float32"), "b": np.zeros(WIDTH, "float32")}

    params = {
        "tokens": rng.uniform(-0.05, 0.05, (VOCABULARY, WIDTH)).astype("float32"), "positions": rng.uniform(-0.05, 0.05, (LENGTH, WIDTH)).astype("float32"),
        "blocks": [
            {"n1": norm(), "qkv": _dense(rng, WIDTH, 3 * WIDTH), "out": _dense(rng, WIDTH, WIDTH), "n2": norm(), "up": _dense(rng, WIDTH, 4 * WIDTH),
             "down": _dense(rng, 4 * WIDTH, WIDTH)}
            for _ in range(BLOCKS)
        ],
        "n": norm(), "head": _dense(rng, WIDTH, 10),
    }  # fmt: skip

    def layer_norm(p, x):
        mean = x.mean(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * p["g"] + p["b"]

    def forward(p, s, x, training):
        x = p["tokens"][x] + p["positions"]
        for b in p["blocks"]:
            q, k, v = jnp.split(_apply(b["qkv"], layer_norm(b["n1"], x)).reshape(*x.shape[:2], 3 * HEADS, WIDTH // HEADS), 3, axis=2)
            x = x + _apply(b["out"], jax.nn.dot_product_attention(q, k, v).reshape(x.shape))
            x = x + _apply(b["down"], jax.nn.gelu(_apply(b["up"], layer_norm(b["n2"], x)), approximate=False))
        return _apply(p["head"], layer_norm(p["n"], x).mean(1)), s

    return params, (), forward


def _lstm(rng):
    q, _ = np.linalg.qr(rng.normal(size=(512, 128)))
    bias = np.concatenate([np.zeros(128), np.ones(128), np.zeros(256)]).astype("float32")
    params = {"w": glorot(rng, 32, 512), "u": np.ascontiguousarray(q.T).astype("float32"), "b": bias, "head": _dense(rng, 128, 10)}

    def forward(p, s, x, training):
        projected = jnp.swapaxes(x @ p["w"] + p["b"], 0, 1)

        def step(carry, z):
            h, c = carry
            i, f, g, o = jnp.split(z + h @ p["u"], 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), None

        zero = jnp.zeros((len(x), 128), projected.dtype)
        (h, _), _ = jax.lax.scan(step, (zero, zero), projected)
        return _apply(p["head"], h), s

    return params, (), forward


def _resnet18(rng):
    params, stats, plan = [], [], []

    def unit(inputs, width, kernel, stride):
        params.append({"w": glorot(rng, kernel, kernel, inputs, width), "g": np.ones(width, "float32"), "b": np.zeros(width, "float32")})
        stats.append((np.zeros(width, "float32"), np.ones(width, "float32")))
        plan.append(stride)

    unit(3, 64, 3, 1)
    inputs, shape = 64, ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1))
    for width, stride in shape:
        unit(inputs, width, 3, stride)
        unit(width, width, 3, 1)
        if stride > 1:
            unit(inputs, width, 1, stride)
        inputs = width
    head = _dense(rng, 512, 10)

    def forward(p, s, x, training):
        p, head = p
        s, at = list(s), 0

        def run(x):
            nonlocal at
            layer = p[at]
            x = _conv(x, layer["w"], plan[at], "SAME")
            if training:
                mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
                s[at] = (0.99 * s[at][0] + 0.01 * mean, 0.99 * s[at][1] + 0.01 * var)
            else:
                mean, var = s[at]
            at += 1
            return (x - mean) * (jax.lax.rsqrt(var + 1e-5) * layer["g"]) + layer["b"]

        x = jax.nn.relu(run(x))
        for _, stride in shape:
            h = run(jax.nn.relu(run(x)))
            x = jax.nn.relu((run(x) if stride > 1 else x) + h)
        return _apply(head, x.mean((1, 2))), s

    return (params, head), stats, forward


_MODELS = {"mlp": _mlp, "convnet": _convnet, "transformer": _transformer, "lstm": _lstm, "resnet18": _resnet18}


def make(kind: str, mixed: bool) -> tuple[Callable, Callable]:
    """Return `(fit, predict)`."""
    *state, full = _MODELS[kind](np.random.default_rng(0))
    params, stats = jax.tree.map(jnp.asarray, state)

    def forward(p, s, x, training):
        if mixed:
            p, x = jax.tree.map(lambda a: a.astype(jnp.bfloat16) if a.dtype == jnp.float32 else a, (p, x))
        logits, s = full(p, s, x, training)
        return logits.astype(jnp.float32), s

    def loss(p, s, x, y):
        logits, s = forward(p, s, x, True)
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean(), s

    def step(state, x, y):
        p, s, m, v, t = state
        (value, s), g = jax.value_and_grad(loss, has_aux=True)(p, s, x, y)
        t = t + 1
        rate = LEARNING_RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        p = jax.tree.map(lambda a, b, c: a - rate * b / (jnp.sqrt(c) + EPSILON), p, m, v)
        return (p, s, m, v, t), value

    state = [(params, stats, jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params), jnp.float32(0))]
    jitted, apply = jax.jit(step, donate_argnums=0), jax.jit(lambda p, s, x: forward(p, s, x, False)[0])

    def fit(x, y, size):
        value = None
        for bx, by in batches(x, y, size):
            state[0], value = jitted(state[0], bx, by)
        return float(value)

    return fit, lambda x: np.asarray(apply(state[0][0], state[0][1], x))
