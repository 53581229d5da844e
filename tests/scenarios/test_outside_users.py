"""Code that users of each engine write around a pronghorn model."""

import numpy as np
import pytest

import pronghorn as ph


def model():
    ph.utils.set_random_seed(4)
    return ph.Sequential(
        [ph.layers.Input((6,)), ph.layers.Dense(8, activation="gelu"), ph.layers.LayerNormalization(), ph.layers.Dropout(0.1), ph.layers.Dense(2)]
    )


X = np.random.default_rng(0).normal(size=(10, 6)).astype("float32")


@pytest.fixture(scope="module")
def expected():
    with ph.use_backend("numpy"):
        return np.asarray(model()(X))


def test_torch_compile_fullgraph(expected):
    torch = pytest.importorskip("torch")
    with ph.use_backend("torch"):
        net = model()
        compiled = torch.compile(lambda x: net(x), fullgraph=True)
        np.testing.assert_allclose(compiled(torch.from_numpy(X)).detach().numpy(), expected, atol=1e-5)


def test_torch_compile_of_a_model_while_another_engine_is_active(expected):
    torch = pytest.importorskip("torch")
    with ph.use_backend("torch"):
        net = model()
    with ph.use_backend("numpy"):
        np.testing.assert_allclose(net(torch.from_numpy(X)).detach().numpy(), expected, atol=1e-5)


def test_torch_module_trains_in_a_native_loop(expected):
    torch = pytest.importorskip("torch")
    with ph.use_backend("torch"):
        net = model()
    module = ph.native(net)
    assert isinstance(module, torch.nn.Module)
    module.eval()
    x, target = torch.from_numpy(X), torch.ones(10, 2)
    np.testing.assert_allclose(module(x).detach().numpy(), expected, atol=1e-5)
    assert len(list(module.parameters())) == len(net.trainable_variables)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(module(x), target)
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.5 * losses[0]
    # the storage is shared: pronghorn sees the trained weights, and a state_dict goes back in
    np.testing.assert_allclose(np.asarray(net.predict(X, verbose=0)), module(x).detach().numpy(), atol=1e-6)
    state = {k: torch.zeros_like(v) for k, v in module.state_dict().items()}
    module.load_state_dict(state)
    assert not np.any(net.get_weights()[0])


def test_jax_jit_and_grad_of_the_stateless_call(expected):
    jax = pytest.importorskip("jax")
    with ph.use_backend("jax"):
        net = model()
        trainable = [v.value for v in net.trainable_variables]
        rest = [v.value for v in net.non_trainable_variables]

        @jax.jit
        def apply(trainable, rest, x):
            return net.stateless_call(trainable, rest, x)[0]

        np.testing.assert_allclose(np.asarray(apply(trainable, rest, X)), expected, atol=1e-5)
        grads = jax.grad(lambda t: (apply(t, rest, X) ** 2).sum())(trainable)
        assert [g.shape for g in grads] == [v.shape for v in trainable] and float(abs(grads[0]).sum()) > 0
    apply, params = ph.native(net)
    np.testing.assert_allclose(np.asarray(jax.jit(apply)(params, X)), expected, atol=1e-5)


def test_tf_function_and_gradient_tape(expected):
    tf = pytest.importorskip("tensorflow")
    with ph.use_backend("tensorflow"):
        net = model()

    @tf.function(input_signature=[tf.TensorSpec((None, 6), tf.float32)])
    def apply(x):
        return net(x)

    np.testing.assert_allclose(apply(tf.constant(X)).numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(apply(tf.constant(X[:3])).numpy(), expected[:3], atol=1e-5)
    module = ph.native(net)
    assert isinstance(module, tf.Module)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(module(tf.constant(X)) ** 2)
    grads = tape.gradient(loss, module.trainable_variables)
    assert len(grads) == len(net.trainable_variables) and all(g is not None for g in grads)


def test_openvino_compiled_model(expected):
    ov = pytest.importorskip("openvino")
    with ph.use_backend("numpy"):
        net = model()
    net.to("openvino")
    compiled = ph.native(net)
    assert isinstance(compiled, ov.CompiledModel)
    np.testing.assert_allclose(compiled(X)[0], expected, atol=1e-5)
