"""A small GPT written by hand on each engine: generation with a cache that is updated in place, and a training step.

`make(engine, weights)` returns `(prefill, extend, fit)`: `prefill(prompt)` returns the next tokens, (batch, 1), and what `extend` goes on from,
`extend(tokens, state, t, n)` returns the n tokens that follow, greedily, and `fit(x, y, batch)` runs one pass in order and returns the mean loss. `weights`
are arrays in the order of `benchmarks/generation.py`: token and position table, the blocks, the last norm, the head (untied, no bias).
"""

from collections.abc import Callable

import numpy as np

from natives import BLOCKS, EPSILON, HEADS, LEARNING_RATE, LENGTH, VOCABULARY, WIDTH, batches

DEPTH = WIDTH // HEADS
PARTS = ("n1", "qkv", "out", "n2", "up", "down")


def make(engine: str, weights: list[np.ndarray]) -> tuple[Callable, Callable, Callable]:
    """Return `(prefill, extend, fit)`."""
    return {"jax": _jax, "torch": _torch, "tensorflow": _tensorflow}[engine](weights)


def _nest(weights):
    rest = iter(weights)
    pair = lambda: (next(rest), next(rest))
    nest = {"tokens": next(rest), "positions": next(rest), "blocks": [{part: pair() for part in PARTS} for _ in range(BLOCKS)]}
    return {**nest, "norm": pair(), "head": next(rest)}


def _jax(weights):
    import jax
    import jax.numpy as jnp

    def norm(p, x):
        mean = x.mean(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * p[0] + p[1]

    def apply(p, x):
        return x @ p[0] + p[1]

    def forward(p, tokens, cache=None, t=0):
        n, made = tokens.shape[1], []
        x = p["tokens"][tokens] + p["positions"][t + jnp.arange(n)]
        for i, b in enumerate(p["blocks"]):
            q, k, v = jnp.split(apply(b["qkv"], norm(b["n1"], x)).reshape(*x.shape[:2], 3 * HEADS, DEPTH), 3, axis=2)
            if cache is None:
                y = jax.nn.dot_product_attention(q, k, v, is_causal=True)
            else:
                k, v = (jax.lax.dynamic_update_slice_in_dim(old, new, t, 1) for old, new in zip(cache[i], (k, v)))
                made.append((k, v))
                y = jax.nn.dot_product_attention(q, k, v, mask=(jnp.arange(LENGTH) <= t + jnp.arange(n)[:, None])[None, None])
            x = x + apply(b["out"], y.reshape(x.shape))
            x = x + apply(b["down"], jax.nn.gelu(apply(b["up"], norm(b["n2"], x)), approximate=False))
        return (x if cache is None else x[:, -1:], made)

    def logits(p, x):
        return norm(p["norm"], x) @ p["head"]

    def step(p, cache, tokens, t):
        x, cache = forward(p, tokens, cache, t)
        return jnp.argmax(logits(p, x), -1).astype(jnp.int32), cache

    def loss(p, x, y):
        return -jnp.take_along_axis(jax.nn.log_softmax(logits(p, forward(p, x)[0])), y[..., None], -1).mean()

    def update(state, x, y):
        p, m, v, t = state
        value, g = jax.value_and_grad(loss)(p, x, y)
        t = t + 1
        rate = LEARNING_RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        p = jax.tree.map(lambda a, b, c: a - rate * b / (jnp.sqrt(c) + EPSILON), p, m, v)
        return (p, m, v, t), value

    params, step, update = jax.tree.map(jnp.asarray, _nest(weights)), jax.jit(step, donate_argnums=1), jax.jit(update, donate_argnums=0)
    state = []

    def prefill(prompt):
        shape = (len(prompt), LENGTH, HEADS, DEPTH)
        return step(params, [(jnp.zeros(shape), jnp.zeros(shape)) for _ in range(BLOCKS)], prompt, 0)

    def extend(tokens, cache, t, n):
        found = []
        for i in range(t, t + n):
            tokens, cache = step(params, cache, tokens, i)
            found.append(tokens)
        return np.concatenate([np.asarray(f) for f in found], 1)

    def fit(x, y, size):
        if not state:
            zeros = lambda: jax.tree.map(jnp.zeros_like, params)
            state.append((jax.tree.map(jnp.array, params), zeros(), zeros(), jnp.float32(0)))
        values = []
        for bx, by in batches(x, y, size):
            state[0], value = update(state[0], bx, by)
            values.append(value)
        return float(np.mean([float(v) for v in values]))

    return prefill, extend, fit


def _torch(weights):
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.n1, self.n2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x, cache=None, t=0):
            b, n, _ = x.shape
            q, k, v = (z.view(b, n, HEADS, DEPTH).transpose(1, 2) for z in self.qkv(self.n1(x)).chunk(3, -1))
            if cache is not None:
                cache[0][:, :, t : t + n], cache[1][:, :, t : t + n] = k, v
                k, v = (c[:, :, : t + n] for c in cache)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=n > 1)  # several at once only from the start
            x = x + self.out(y.transpose(1, 2).reshape(b, n, WIDTH))
            return x + self.down(F.gelu(self.up(self.n2(x))))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Parameter(torch.empty(LENGTH, WIDTH))
            self.blocks = nn.ModuleList([Block() for _ in range(BLOCKS)])
            self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)

        def forward(self, tokens, cache=None, t=0):
            x = self.tokens(tokens) + self.positions[t : t + tokens.shape[1]]
            for i, block in enumerate(self.blocks):
                x = block(x, None if cache is None else cache[i], t)
            return self.head(self.norm(x if cache is None else x[:, -1:]))

    def load():
        net, nest = GPT(), _nest(weights)
        with torch.no_grad():
            for p, a in ((net.tokens.weight, nest["tokens"]), (net.positions, nest["positions"]), (net.head.weight, nest["head"].T)):
                p.copy_(torch.tensor(a))
            pairs = [(getattr(block, part), b[part]) for block, b in zip(net.blocks, nest["blocks"]) for part in PARTS]
            for layer, (w, b) in [*pairs, (net.norm, nest["norm"])]:
                layer.weight.copy_(torch.tensor(w.T))
                layer.bias.copy_(torch.tensor(b))
        return net

    net, trained = load().eval(), []

    @torch.inference_mode()
    def prefill(prompt):
        cache = [tuple(torch.zeros(len(prompt), HEADS, LENGTH, DEPTH) for _ in "kv") for _ in range(BLOCKS)]
        return net(torch.from_numpy(prompt), cache).argmax(-1), cache

    @torch.inference_mode()
    def extend(tokens, cache, t, n):
        found = []
        for i in range(t, t + n):
            tokens = net(tokens, cache, i).argmax(-1)
            found.append(tokens)
        return torch.cat(found, 1).numpy()

    def fit(x, y, size):
        if not trained:
            trained.append(load())
            trained.append(torch.optim.Adam(trained[0].parameters(), LEARNING_RATE, eps=EPSILON))
        model, optimizer = trained
        values = []
        for bx, by in batches(x, y.astype("int64"), size):
            optimizer.zero_grad()
            value = F.cross_entropy(model(torch.from_numpy(bx)).flatten(0, 1), torch.from_numpy(by).flatten())
            value.backward()
            optimizer.step()
            values.append(value.detach())
        return float(torch.stack(values).mean())

    return prefill, extend, fit


def _tensorflow(weights):
    import tensorflow as tf

    def norm(p, x):
        mean, var = tf.nn.moments(x, -1, keepdims=True)
        return tf.nn.batch_normalization(x, mean, var, p[1], p[0], 1e-5)

    def apply(p, x):
        return tf.tensordot(x, p[0], 1) + p[1]

    def forward(p, tokens, cache=None, t=0):
        n = tokens.shape[1]
        x = tf.gather(p["tokens"], tokens) + p["positions"][t : t + n]
        rows = LENGTH if cache else n
        seen = tf.range(rows) <= t + tf.range(n)[:, None]
        for i, b in enumerate(p["blocks"]):
            q, k, v = (tf.reshape(z, (-1, n, HEADS, DEPTH)) for z in tf.split(apply(b["qkv"], norm(b["n1"], x)), 3, -1))
            if cache:
                for c, z in zip(cache[i], (k, v)):
                    c[:, t : t + n].assign(z)
                k, v = cache[i]
            q, k, v = (tf.transpose(z, (0, 2, 1, 3)) for z in (q, k, v))
            scores = tf.matmul(q, k, transpose_b=True) / float(np.sqrt(DEPTH))
            y = tf.matmul(tf.nn.softmax(tf.where(seen, scores, -1e30)), v)
            x = x + apply(b["out"], tf.reshape(tf.transpose(y, (0, 2, 1, 3)), (-1, n, WIDTH)))
            x = x + apply(b["down"], tf.nn.gelu(apply(b["up"], norm(b["n2"], x))))
        return tf.tensordot(norm(p["norm"], x[:, -1:] if cache else x), p["head"], 1)

    params, made, trained = tf.nest.map_structure(tf.Variable, _nest(weights)), {}, []

    def stepper(size):
        if size not in made:
            cache = [tuple(tf.Variable(tf.zeros((size, LENGTH, HEADS, DEPTH))) for _ in "kv") for _ in range(BLOCKS)]
            made[size] = tf.function(lambda tokens, t: tf.argmax(forward(params, tokens, cache, t), -1, tf.int32))
        return made[size]

    def prefill(prompt):
        return stepper(len(prompt))(tf.constant(prompt), tf.constant(0)), None

    def extend(tokens, state, t, n):
        found, step = [], stepper(tokens.shape[0])
        for i in range(t, t + n):
            tokens = step(tokens, tf.constant(i))
            found.append(tokens)
        return tf.concat(found, 1).numpy()

    def trainer():
        p = tf.nest.map_structure(tf.Variable, _nest(weights))
        flat = tf.nest.flatten(p)
        m, v = ([tf.Variable(tf.zeros_like(a)) for a in flat] for _ in "mv")
        count = tf.Variable(0.0)

        @tf.function
        def step(x, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=forward(p, x)))
            count.assign_add(1.0)
            rate = LEARNING_RATE * tf.sqrt(1 - 0.999**count) / (1 - 0.9**count)
            for a, b, c, g in zip(flat, m, v, tape.gradient(loss, flat)):
                g = tf.convert_to_tensor(g)
                b.assign(0.9 * b + 0.1 * g)
                c.assign(0.999 * c + 0.001 * g * g)
                a.assign_sub(rate * b / (tf.sqrt(c) + EPSILON))
            return loss

        return step

    def fit(x, y, size):
        if not trained:
            trained.append(trainer())
        return float(np.mean([trained[0](tf.constant(bx), tf.constant(by)) for bx, by in batches(x, y, size)]))

    return prefill, extend, fit
