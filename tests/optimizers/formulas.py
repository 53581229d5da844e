"""Optimizers as their papers write them, in float64 NumPy: each is a generator that is sent gradients and yields weights."""

import numpy as np


def sgd(w, lr, momentum=0.0, nesterov=False):
    """Yield weights of gradient descent with momentum."""
    m = 0
    while True:
        g = yield w
        m = momentum * m - lr * g
        w = w + (momentum * m - lr * g if nesterov else m)


def rmsprop(w, lr, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    """Yield weights of RMSprop (Hinton 2012; centered as Graves 2013)."""
    s = mean = m = 0
    while True:
        g = yield w
        s = rho * s + (1 - rho) * g * g
        mean = rho * mean + (1 - rho) * g
        step = lr * g / np.sqrt(s - (mean * mean if centered else 0) + epsilon)
        m = momentum * m + step
        w = w - m


def adam(w, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, weight_decay=0.0):
    """Yield weights of Adam (Kingma and Ba 2014, end of section 2), with decay apart from the gradient (Loshchilov and Hutter 2019)."""
    m = v = top = t = 0
    while True:
        g = yield w
        t += 1
        w = w * (1 - lr * weight_decay)
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g * g
        top = np.maximum(top, v)
        w = w - lr * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(top if amsgrad else v) + epsilon)


def adamax(w, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Yield weights of Adamax (Kingma and Ba 2014, section 7)."""
    m = u = t = 0
    while True:
        g = yield w
        t += 1
        m, u = beta_1 * m + (1 - beta_1) * g, np.maximum(beta_2 * u, np.abs(g))
        w = w - lr / (1 - beta_1**t) * m / (u + epsilon)


def nadam(w, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Yield weights of Nadam (Dozat 2016) with its schedule of momenta."""
    m = v = t = 0
    product = 1.0
    while True:
        g = yield w
        t += 1
        now, following = (beta_1 * (1 - 0.5 * 0.96**k) for k in (t, t + 1))
        product *= now
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g * g
        m_hat = following * m / (1 - product * following) + (1 - now) * g / (1 - product)
        w = w - lr * m_hat / (np.sqrt(v / (1 - beta_2**t)) + epsilon)


def lamb(w, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Yield weights of LAMB (You et al. 2019)."""
    m = v = t = 0
    while True:
        g = yield w
        t += 1
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g * g
        r = m / (1 - beta_1**t) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
        w = w - lr * np.linalg.norm(w) / np.linalg.norm(r) * r


def lion(w, lr, beta_1=0.9, beta_2=0.99):
    """Yield weights of Lion (Chen et al. 2023)."""
    m = 0
    while True:
        g = yield w
        w = w - lr * np.sign(beta_1 * m + (1 - beta_1) * g)
        m = beta_2 * m + (1 - beta_2) * g


def adagrad(w, lr, initial_accumulator_value=0.1, epsilon=1e-7):
    """Yield weights of Adagrad (Duchi et al. 2011)."""
    s = initial_accumulator_value
    while True:
        g = yield w
        s = s + g * g
        w = w - lr * g / np.sqrt(s + epsilon)


def adadelta(w, lr, rho=0.95, epsilon=1e-7):
    """Yield weights of Adadelta (Zeiler 2012)."""
    s = d = 0
    while True:
        g = yield w
        s = rho * s + (1 - rho) * g * g
        step = -np.sqrt(d + epsilon) / np.sqrt(s + epsilon) * g
        d = rho * d + (1 - rho) * step * step
        w = w + lr * step


def adafactor(w, lr, decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3, threshold=1.0):
    """Yield weights of Adafactor with relative steps (Shazeer and Stern 2018, algorithms 4 and 5)."""
    rms = lambda x: np.sqrt(np.mean(x * x))  # noqa: E731
    r = c = v = t = 0
    while True:
        g = yield w
        t += 1
        keep, square = 1 - t**decay, g * g + epsilon_1
        if w.ndim > 1:
            r, c = keep * r + (1 - keep) * square.mean(-1), keep * c + (1 - keep) * square.mean(-2)
            v = (r / r.mean(-1, keepdims=True))[..., None] * c[..., None, :]
        else:
            v = keep * v + (1 - keep) * square
        u = g / np.sqrt(v)
        w = w - max(epsilon_2, rms(w)) * min(lr, 1 / np.sqrt(t)) * u / max(1, rms(u) / threshold)


def ftrl(w, lr, power=-0.5, start=0.1, l1=0.0, l2=0.0):
    """Yield weights of FTRL-Proximal (McMahan et al. 2013, algorithm 1)."""
    n, z = start, 0
    while True:
        g = yield w
        new = n + g * g
        z = z + g - (new**-power - n**-power) / lr * w
        n = new
        w = np.where(np.abs(z) > l1, (np.sign(z) * l1 - z) / (n**-power / lr + 2 * l2), 0.0)


def muon(w, lr, momentum=0.95, weight_decay=0.004, steps=5):
    """Yield weights of Muon (Jordan et al. 2024) with steps of the size of Adam's (Liu et al. 2025); of Adam for all but matrices."""
    if w.ndim != 2:
        yield from adam(w, lr, weight_decay=weight_decay)
    m = 0
    while True:
        g = yield w
        m = momentum * m + g
        x = g + momentum * m
        x = x / np.linalg.norm(x)
        for _ in range(steps):
            a = x @ x.T
            x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
        w = w * (1 - lr * weight_decay) - lr * 0.2 * np.sqrt(max(w.shape)) * x


def schedule_free(w, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-8, warmup=0):
    """Yield where gradients are taken: between the iterates of Adam without momentum and their mean."""
    z, x, v, t = w, w, 0, 0
    while True:
        g = yield (1 - beta_1) * z + beta_1 * x
        t += 1
        v = beta_2 * v + (1 - beta_2) * g * g
        z = z - lr * min(1, t / warmup if warmup else 1) * g / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
        x = x + (z - x) / t
