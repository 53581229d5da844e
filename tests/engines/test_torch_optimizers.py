"""Optimizer updates of whole lists of tensors on torch, against the formulas and the optimizers' definitions."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pronghorn import optimizers  # noqa: E402
from pronghorn.backend import registry  # noqa: E402
from pronghorn.state import Variable, bind  # noqa: E402
from pronghorn_torch.optimizers import foreach_sgd, fused_adam  # noqa: E402


@pytest.fixture(autouse=True)
def _torch_is_active():
    with registry.use_backend("torch"):
        yield


def test_list_optimizers_match_the_formulas():
    rng = np.random.default_rng(1)
    w, g, m, v, top = ([rng.random(s).astype("float32") for s in ((3,), (2, 2))] for _ in range(5))
    tensors = [[torch.tensor(x) for x in xs] for xs in (w, g, m, v, top)]
    fused_adam(*tensors, learning_rate=0.1, step=torch.tensor(3), beta_1=0.9, beta_2=0.99, epsilon=1e-3, weight_decay=0.5)
    for i in range(2):
        m[i] = 0.9 * m[i] + 0.1 * g[i]
        v[i] = 0.99 * v[i] + 0.01 * g[i] ** 2
        top[i] = np.maximum(top[i], v[i])
        want = w[i] * 0.95 - 0.1 * np.sqrt(1 - 0.99**3) / (1 - 0.9**3) * m[i] / (np.sqrt(top[i]) + 1e-3)
        for got, expected in zip((t[i] for t in tensors), (want, g[i], m[i], v[i], top[i])):
            np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-5)
    for nesterov in (False, True):
        w, g, m = (torch.tensor(rng.random(3).astype("float32")) for _ in range(3))
        velocity = 0.9 * m - 0.1 * g
        want = w + (0.9 * velocity - 0.1 * g if nesterov else velocity)
        foreach_sgd([w], [g], [m], learning_rate=0.1, momentum=0.9, nesterov=nesterov)
        torch.testing.assert_close(w, want)
        torch.testing.assert_close(m, velocity)
    want = w * 0.9 - 0.1 * g
    foreach_sgd([w], [g], learning_rate=torch.tensor(0.1), weight_decay=1.0)
    torch.testing.assert_close(w, want)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("threads", [1, 2])
def test_adam_updates_small_and_large_weights_alike(threads, dtype, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)  # with several, small weights are updated by one of them
    rng = np.random.default_rng(3)
    w, g, m, v = (
        [torch.tensor(rng.normal(size=s)).to(getattr(torch, dtype)) for s in ((3,), (5, 4), (200,), (16, 8192), (8, 6, 3, 3), (0,))] for _ in range(4)
    )
    g[1][0], v = 0.0, [x.square() for x in v]
    v[1][0] = 0.0  # no step where nothing was ever seen
    w[4], m[4] = (x.to(memory_format=torch.channels_last) for x in (w[4], m[4]))
    g[4], v[4] = (x.to(memory_format=torch.channels_last) for x in (g[4], v[4]))
    m[1][0] = 0.0
    first, second = [0.9 * a.double() + 0.1 * b.double() for a, b in zip(m, g)], [0.99 * a.double() + 0.01 * b.double() ** 2 for a, b in zip(v, g)]
    rate = 0.1 * np.sqrt(1 - 0.99**3) / (1 - 0.9**3)
    want = [a.double() - rate * b / (c.sqrt() + 1e-7) for a, b, c in zip(w, first, second)]
    fused_adam(w, g, m, v, learning_rate=0.1, step=3, beta_1=0.9, beta_2=0.99, epsilon=1e-7)
    tolerance = {"float32": 1e-6, "float64": 1e-12, "bfloat16": 1e-2}[dtype]
    for got, expected in ((w, want), (m, first), (v, second)):
        for a, b in zip(got, expected):
            torch.testing.assert_close(a.double(), b, rtol=tolerance, atol=tolerance)
    assert torch.equal(w[1][0].double(), want[1][0])


@pytest.mark.parametrize("name", ["SGD", "SGD momentum", "Adam", "Adam amsgrad", "AdamW"])
def test_optimizers_on_lists_match_their_definitions(name):
    kwargs = {"SGD momentum": {"momentum": 0.9, "nesterov": True}, "Adam amsgrad": {"amsgrad": True}}.get(name, {})
    rng = np.random.default_rng(2)
    start = [rng.normal(size=s).astype("float32") for s in ((3, 4), (4,))]
    gradients = [[rng.normal(size=x.shape[::-1]).astype("float32").T for x in start] for _ in range(3)]  # layouts unlike the weights'
    results = []
    for native_kernels in (True, False):
        optimizer = getattr(optimizers, name.split()[0])(0.1, **kwargs)
        if not native_kernels:
            optimizer.kind = None
        variables = [Variable(x) for x in start]
        storages = [v.storage for v in variables]
        for g in gradients:
            optimizer.apply([torch.tensor(np.ascontiguousarray(x.T)).T if x.ndim == 2 else torch.tensor(x.copy()) for x in g], variables)
        assert all(a is v.storage for a, v in zip(storages, variables))
        results.append([v.numpy() for v in (*variables, *optimizer.variables)])
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=5e-6)  # the definition has the bias correction in float32


def test_bound_optimizer_updates_leave_the_values_they_are_given():
    optimizer, v = optimizers.Adam(0.1), Variable(np.ones(3, "float32"))
    optimizer.build([v])
    given = [x.value.clone() for x in (v, *optimizer.variables)]
    before = [x.clone() for x in given]
    with bind([v, *optimizer.variables], given) as scope:
        optimizer.apply([torch.ones(3)], [v])
    assert all(torch.equal(a, b) for a, b in zip(given, before))
    np.testing.assert_allclose(scope.values[v].detach().numpy(), 0.9, rtol=1e-4)
    assert v.numpy().tolist() == [1, 1, 1]
