"""A `tf.function` over `tf.Variable`s."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from natives import BLOCKS, EPSILON, HEADS, LEARNING_RATE, LENGTH, VOCABULARY, WIDTH, batches, glorot


class _Half:
    """A variable that operations read in bfloat16."""

    def __init__(self, variable):
        self.variable = variable


tf.register_tensor_conversion_function(_Half, lambda x, *_, **__: tf.cast(x.variable, tf.bfloat16))


class _Net:
    """Weights in the order they are made."""

    def __init__(self, mixed):
        self.rng, self.params, self.stats, self.mixed = np.random.default_rng(0), [], [], mixed

    def add(self, value, trainable=True, half=True):
        v = tf.Variable(np.asarray(value, "float32"), trainable=trainable)
        (self.params if trainable else self.stats).append(v)
        return _Half(v) if self.mixed and half and trainable else v

    def dense(self, a, b):
        w, c = self.add(glorot(self.rng, a, b)), self.add(np.zeros(b))
        return lambda x: tf.matmul(x, w) + c if x.shape.rank == 2 else tf.tensordot(x, w, 1) + c


def _mlp(net):
    layers = [net.dense(a, b) for a, b in ((784, 256), (256, 128), (128, 10))]
    return lambda x, training: layers[2](tf.nn.relu(layers[1](tf.nn.relu(layers[0](x)))))


def _convnet(net):
    convs = [(net.add(glorot(net.rng, 3, 3, a, b)), net.add(np.zeros(b))) for a, b in ((1, 32), (32, 64))]
    head = net.dense(1600, 10)

    def forward(x, training):
        for w, b in convs:
            x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, w, 1, "VALID") + b), 2, 2, "VALID")
        return head(tf.reshape(x, (-1, 1600)))

    return forward


def _transformer(net):
    def norm():
        g, b = net.add(np.ones(WIDTH)), net.add(np.zeros(WIDTH))

        def run(x):
            mean, var = tf.nn.moments(x, -1, keepdims=True)
            return tf.nn.batch_normalization(x, mean, var, b, g, 1e-5)

        return run

    tokens, positions = net.add(net.rng.uniform(-0.05, 0.05, (VOCABULARY, WIDTH))), net.add(net.rng.uniform(-0.05, 0.05, (LENGTH, WIDTH)))
    dense = net.dense
    blocks = [(norm(), dense(WIDTH, 3 * WIDTH), dense(WIDTH, WIDTH), norm(), dense(WIDTH, 4 * WIDTH), dense(4 * WIDTH, WIDTH)) for _ in range(BLOCKS)]
    last, head = norm(), dense(WIDTH, 10)

    def heads(x):
        return tf.transpose(tf.reshape(x, (-1, LENGTH, HEADS, WIDTH // HEADS)), (0, 2, 1, 3))

    def forward(x, training):
        x = tf.gather(tokens, x) + positions
        for n1, qkv, out, n2, up, down in blocks:
            q, k, v = (heads(z) for z in tf.split(qkv(n1(x)), 3, -1))
            scores = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) / float(np.sqrt(WIDTH / HEADS)))
            x = x + out(tf.reshape(tf.transpose(tf.matmul(scores, v), (0, 2, 1, 3)), (-1, LENGTH, WIDTH)))
            x = x + down(tf.nn.gelu(up(n2(x))))
        return head(tf.reduce_mean(last(x), 1))

    return forward


def _lstm(net):
    q, _ = np.linalg.qr(net.rng.normal(size=(512, 128)))
    w, u, b = net.add(glorot(net.rng, 32, 512)), net.add(q.T), net.add(np.repeat([0.0, 1.0, 0.0, 0.0], 128))
    head = net.dense(128, 10)

    def forward(x, training):
        rows = tf.TensorArray(x.dtype, 100).unstack(tf.transpose(tf.tensordot(x, w, 1) + b, (1, 0, 2)))
        zero = tf.zeros((tf.shape(x)[0], 128), x.dtype)

        def step(t, h, c):
            i, f, g, o = tf.split(rows.read(t) + tf.matmul(h, u), 4, -1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            return t + 1, tf.sigmoid(o) * tf.tanh(c), c

        shape = tf.TensorShape((None, 128))
        _, h, _ = tf.while_loop(lambda t, *_: t < 100, step, (0, zero, zero), shape_invariants=(tf.TensorShape(()), shape, shape), maximum_iterations=100)
        return head(h)

    return forward


def _resnet18(net):
    def unit(inputs, width, kernel, stride):
        w = net.add(glorot(net.rng, kernel, kernel, inputs, width))
        g, b = net.add(np.ones(width), half=False), net.add(np.zeros(width), half=False)
        mean, var = net.add(np.zeros(width), False), net.add(np.ones(width), False)

        def run(x, training):
            x = tf.nn.conv2d(x, w, stride, "SAME")
            if not training:
                return tf.compat.v1.nn.fused_batch_norm(x, g, b, mean, var, 1e-5, is_training=False)[0]
            y, m, v = tf.compat.v1.nn.fused_batch_norm(x, g, b, epsilon=1e-5, is_training=True)
            mean.assign(0.99 * mean + 0.01 * m)
            var.assign(0.99 * var + 0.01 * v)
            return y

        return run

    first, inputs, units = unit(3, 64, 3, 1), 64, []
    for width, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        skip = unit(inputs, width, 1, stride) if stride > 1 else lambda x, training: x
        units.append((unit(inputs, width, 3, stride), unit(width, width, 3, 1), skip))
        inputs = width
    head = net.dense(512, 10)

    def forward(x, training):
        x = tf.nn.relu(first(x, training))
        for a, b, skip in units:
            x = tf.nn.relu(skip(x, training) + b(tf.nn.relu(a(x, training)), training))
        return head(tf.reduce_mean(x, (1, 2)))

    return forward


_MODELS = {"mlp": _mlp, "convnet": _convnet, "transformer": _transformer, "lstm": _lstm, "resnet18": _resnet18}


def make(kind: str, mixed: bool) -> tuple[Callable, Callable]:
    """Return `(fit, predict)`."""
    net = _Net(mixed)
    full = _MODELS[kind](net)
    params = net.params
    m = [tf.Variable(tf.zeros_like(p)) for p in params]
    v = [tf.Variable(tf.zeros_like(p)) for p in params]
    count = tf.Variable(0.0)

    def forward(x, training):
        return tf.cast(full(tf.cast(x, tf.bfloat16) if mixed and x.dtype == tf.float32 else x, training), tf.float32)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=forward(x, True)))
        count.assign_add(1.0)
        rate = LEARNING_RATE * tf.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        for p, a, b, g in zip(params, m, v, tape.gradient(loss, params), strict=True):
            g = tf.convert_to_tensor(g)
            a.assign(0.9 * a + 0.1 * g)
            b.assign(0.999 * b + 0.001 * g * g)
            p.assign_sub(rate * a / (tf.sqrt(b) + EPSILON))
        return loss

    apply = tf.function(lambda x: forward(x, False))

    def fit(x, y, size):
        value = None
        for bx, by in batches(x, y, size):
            value = step(tf.constant(bx), tf.constant(by))
        return float(value)

    return fit, lambda x: apply(tf.constant(x)).numpy()
