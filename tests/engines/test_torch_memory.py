"""How kernels lie in memory on PyTorch: steps move them to where convolutions read them without a copy, and nobody else notices."""

import numpy as np
import pytest

import pronghorn as ph

torch = pytest.importorskip("torch")

L, ops = ph.layers, ph.ops
RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 8, 8, 3)).astype("float32")
Y = X[:, 0, 0, :2].copy()


@pytest.fixture(autouse=True)
def _torch_is_active():
    with ph.use_backend("torch"):
        yield


def convnet(optimizer="adam"):
    ph.utils.set_random_seed(3)
    window = {"kernel_size": 3, "padding": "same"}
    layers = [L.Conv2D(6, activation="relu", **window), L.Conv2DTranspose(5, strides=2, **window), L.DepthwiseConv2D(depth_multiplier=2, **window)]
    model = ph.Sequential([L.Input((8, 8, 3)), *layers, L.Reshape((4, 4, 16, 10)), L.Conv3D(2, **window), L.Flatten(), L.Dense(2)])
    model.compile(optimizer, "mse")
    return model


def kernels(variables):
    return [v.storage for v in variables if len(v.shape) > 3]


def is_channels_last(kernel):
    return kernel.movedim(-1, 0).movedim(-1, 1).is_contiguous(memory_format={4: torch.channels_last, 5: torch.channels_last_3d}[kernel.ndim])


def same_weights(model, other, atol=1e-5):
    for a, b in zip([*model.variables, *model.optimizer.variables], [*other.variables, *other.optimizer.variables], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=atol)


@pytest.mark.parametrize("jit", ["auto", True])
def test_a_step_lays_out_kernels_and_their_slots_for_convolutions(jit):
    model = convnet()
    before = kernels(model.variables)
    model.compile("adam", "mse", jit_compile=jit)
    model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0)
    assert all(a is b for a, b in zip(kernels(model.variables), before, strict=True))  # moved in place: modules and users hold them
    found = [*before, *kernels(model.optimizer.variables)]
    assert len(found) == 12
    assert all(is_channels_last(k) for k in found)
    model.set_weights([2 * w for w in model.get_weights()])
    assert all(is_channels_last(k) for k in found)
    with ph.use_backend("jax"):
        reference = convnet()
        reference.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0)
        reference.set_weights([2 * w for w in reference.get_weights()])
    same_weights(model, reference, 1e-4)


@pytest.mark.parametrize("optimizer", [ph.optimizers.Adam, lambda rate: ph.optimizers.Adam(rate, amsgrad=True), lambda rate: ph.optimizers.SGD(rate, 0.9)])
def test_updates_of_kernels_that_lie_unlike_their_slots(optimizer):
    """Predicting moves kernels, but not the optimizer's slots; the fused updates walk memory."""
    models = [convnet(optimizer(1e-2)) for _ in range(2)]
    for model in models:
        model.optimizer.build(model.trainable_variables)
    models[1].predict(X, verbose=0)
    assert [k.is_contiguous() for k in (kernels(models[0].variables)[0], kernels(models[1].variables)[0])] == [True, False]
    for model in models:
        for _ in range(3):
            _, gradients = ph.value_and_grad(lambda: ops.mean(ops.square(ops.subtract(model(X, training=True), Y))), model.trainable_variables)  # noqa: B023
            model.optimizer.apply(gradients, model.trainable_variables)
    same_weights(*models)


def test_files_and_modules_do_not_see_the_layout(tmp_path):
    model = convnet()
    module = ph.native(model)
    model.fit(X, Y, batch_size=8, verbose=0)
    np.testing.assert_allclose(module(torch.from_numpy(X)).detach().numpy(), model.predict(X, verbose=0), atol=1e-6)
    model.save(tmp_path / "m.keras")
    back = ph.saving.load_model(tmp_path / "m.keras")
    same_weights(model, back, 0)
    for m in (model, back):
        m.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    same_weights(model, back)
