"""Hand-written training steps and predictions on each engine: what pronghorn is measured against.

Each function returns `(fit, predict)`: `fit(x, y, batch)` runs one pass in order, `predict(x)` returns an array. Same layers, initial distribution, Adam
formula and loss as the pronghorn and Keras arms.
"""

from collections.abc import Callable

import numpy as np

Pair = tuple[Callable, Callable]
LEARNING_RATE, EPSILON = 1e-3, 1e-7


def batches(x: np.ndarray, y: np.ndarray, size: int):
    """Yield slices in order."""
    for i in range(0, len(x), size):
        yield x[i : i + size], y[i : i + size]


def jax(kind: str) -> Pair:
    """Return a jitted step with donated state."""
    import jax as j
    import jax.numpy as jnp

    rng = np.random.default_rng(0)

    def weight(*shape):
        limit = np.sqrt(6 / (np.prod(shape[:-1]) + shape[-1]))
        return jnp.asarray(rng.uniform(-limit, limit, shape).astype("float32"))

    if kind == "mlp":
        params = [(weight(a, b), jnp.zeros(b)) for a, b in ((784, 256), (256, 128), (128, 10))]

        def forward(p, x):
            for w, b in p[:-1]:
                x = j.nn.relu(x @ w + b)
            return x @ p[-1][0] + p[-1][1]
    else:
        params = [(weight(3, 3, 1, 32), jnp.zeros(32)), (weight(3, 3, 32, 64), jnp.zeros(64)), (weight(1600, 10), jnp.zeros(10))]

        def pool(x):
            return j.lax.reduce_window(x, -jnp.inf, j.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

        def forward(p, x):
            for w, b in p[:2]:
                x = pool(j.nn.relu(j.lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")) + b))
            return x.reshape(len(x), -1) @ p[2][0] + p[2][1]

    def loss(p, x, y):
        return -jnp.take_along_axis(j.nn.log_softmax(forward(p, x)), y[:, None], 1).mean()

    def step(state, x, y):
        p, m, v, t = state
        value, g = j.value_and_grad(loss)(p, x, y)
        t = t + 1
        rate = LEARNING_RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        m = j.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = j.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        p = j.tree.map(lambda a, b, c: a - rate * b / (jnp.sqrt(c) + EPSILON), p, m, v)
        return (p, m, v, t), value

    zeros = j.tree.map(jnp.zeros_like, params)
    state = [(params, zeros, j.tree.map(jnp.zeros_like, params), jnp.float32(0))]
    jitted, apply = j.jit(step, donate_argnums=0), j.jit(forward)

    def fit(x, y, size):
        value = None
        for bx, by in batches(x, y, size):
            state[0], value = jitted(state[0], bx, by)
        return float(value)

    return fit, lambda x: np.asarray(apply(state[0][0], x))


def _torch_net(kind: str):
    from torch import nn

    if kind == "mlp":
        return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1600, 10)
    )


def torch(kind: str) -> Pair:
    """Return plain torch.nn with torch.optim.Adam."""
    import torch as t

    net = _torch_net(kind)
    optimizer = t.optim.Adam(net.parameters(), LEARNING_RATE, eps=EPSILON)

    def put(x):
        x = t.from_numpy(x)
        return x.permute(0, 3, 1, 2) if x.ndim == 4 else x

    def fit(x, y, size):
        value = None
        for bx, by in batches(x, y.astype("int64"), size):
            optimizer.zero_grad()
            value = t.nn.functional.cross_entropy(net(put(bx)), t.from_numpy(by))
            value.backward()
            optimizer.step()
        return float(value)

    def predict(x):
        with t.no_grad():
            return net(put(x)).numpy()

    return fit, predict


def tensorflow(kind: str) -> Pair:
    """Return a tf.function over tf.Variables."""
    import tensorflow as tf

    def weight(*shape):
        limit = float(np.sqrt(6 / (np.prod(shape[:-1]) + shape[-1])))
        return tf.Variable(tf.random.uniform(shape, -limit, limit))

    if kind == "mlp":
        params = [v for a, b in ((784, 256), (256, 128), (128, 10)) for v in (weight(a, b), tf.Variable(tf.zeros(b)))]

        def forward(x):
            for i in (0, 2):
                x = tf.nn.relu(tf.matmul(x, params[i]) + params[i + 1])
            return tf.matmul(x, params[4]) + params[5]
    else:
        params = [v for s in ((3, 3, 1, 32), (3, 3, 32, 64), (1600, 10)) for v in (weight(*s), tf.Variable(tf.zeros(s[-1])))]

        def forward(x):
            for i in (0, 2):
                x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, params[i], 1, "VALID") + params[i + 1]), 2, 2, "VALID")
            return tf.matmul(tf.reshape(x, (-1, 1600)), params[4]) + params[5]

    m = [tf.Variable(tf.zeros_like(p)) for p in params]
    v = [tf.Variable(tf.zeros_like(p)) for p in params]
    count = tf.Variable(0.0)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=forward(x)))
        count.assign_add(1.0)
        rate = LEARNING_RATE * tf.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        for p, a, b, g in zip(params, m, v, tape.gradient(loss, params), strict=True):
            a.assign(0.9 * a + 0.1 * g)
            b.assign(0.999 * b + 0.001 * g * g)
            p.assign_sub(rate * a / (tf.sqrt(b) + EPSILON))
        return loss

    apply = tf.function(forward)

    def fit(x, y, size):
        value = None
        for bx, by in batches(x, y, size):
            value = step(tf.constant(bx), tf.constant(by))
        return float(value)

    return fit, lambda x: apply(tf.constant(x)).numpy()


def openvino(kind: str) -> Pair:
    """Return no training, and OpenVINO's own conversion of the torch module at static shapes."""
    import openvino as ov
    import torch as t

    net, compiled = _torch_net(kind).eval(), {}

    def predict(x):
        if x.ndim == 4:
            x = x.transpose(0, 3, 1, 2)
        if x.shape not in compiled:
            model = ov.convert_model(net, example_input=t.zeros(x.shape), input=[x.shape])
            compiled[x.shape] = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
        return compiled[x.shape].infer([np.ascontiguousarray(x)])[0]

    return lambda *_: 0.0, predict


ENGINES = {"jax": jax, "torch": torch, "tensorflow": tensorflow, "openvino": openvino}
