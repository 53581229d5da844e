"""Half precision: policies, and the loss scale that follows what float16 can hold."""

import numpy as np
import pytest

import pronghorn as ph


@pytest.fixture
def half():
    ph.mixed_precision.set_global_policy("mixed_float16")
    yield
    ph.mixed_precision.set_global_policy(None)


def test_policies_say_what_is_computed_and_what_is_kept():
    for name, compute, variable in (
        ("mixed_float16", "float16", "float32"),
        ("mixed_bfloat16", "bfloat16", "float32"),
        ("float16", "float16", "float16"),
        ("float32", "float32", "float32"),
    ):
        policy = ph.mixed_precision.Policy(name)
        assert (policy.name, policy.compute_dtype, policy.variable_dtype) == (name, compute, variable)
        assert ph.mixed_precision.DTypePolicy.from_config(policy.get_config()) == policy
    with pytest.raises(ValueError, match="mixed_float16"):
        ph.mixed_precision.Policy("mixed_float1")


def test_global_policy_is_one_under_its_four_names(half):
    m = ph.mixed_precision
    assert m.global_policy().name == m.dtype_policy().name == ph.config.dtype_policy().name == "mixed_float16"
    ph.config.set_dtype_policy("float32")
    assert m.global_policy().name == "float32"
    m.set_dtype_policy(m.Policy("mixed_bfloat16"))
    assert ph.layers.Dense(1).compute_dtype == "bfloat16"


def net(**options):
    m = ph.Sequential([ph.Input((3,)), ph.layers.Dense(1, kernel_initializer="ones")])
    m.compile(ph.optimizers.SGD(0.5), "mse", **options)
    return m


def test_compile_scales_the_loss_of_float16(on_torch, half, tmp_path):
    m = net()
    assert isinstance(m.optimizer, ph.mixed_precision.LossScaleOptimizer)
    assert float(m.optimizer.dynamic_scale.numpy()) == 2.0**15
    assert not isinstance(net(auto_scale_loss=False).optimizer, ph.mixed_precision.LossScaleOptimizer)
    own = ph.optimizers.LossScaleOptimizer(ph.optimizers.SGD(0.5))
    m.compile(own, "mse")
    assert m.optimizer is own


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("functional", [True, False])
def test_the_scale_is_in_the_file(on_torch, half, tmp_path, scaled, functional):
    m = net(auto_scale_loss=scaled)
    if functional:
        x = ph.Input((3,))
        m = ph.Model(x, ph.layers.Dense(1)(x))
        m.compile(ph.optimizers.SGD(0.5), "mse", auto_scale_loss=scaled)
    m.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    m.save(tmp_path / "m.keras")
    ph.config.set_dtype_policy("float32")  # the program that loads the file may have another policy
    loaded = ph.models.load_model(tmp_path / "m.keras")
    assert isinstance(loaded.optimizer, ph.optimizers.LossScaleOptimizer) == scaled
    assert [float(v.numpy()) for v in loaded.optimizer.variables] == [float(v.numpy()) for v in m.optimizer.variables]


def test_other_policies_are_not_scaled(on_torch):
    assert type(net().optimizer) is ph.optimizers.SGD
    ph.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert type(net().optimizer) is ph.optimizers.SGD
    finally:
        ph.config.set_dtype_policy(None)


@pytest.mark.parametrize("options", [{}, {"run_eagerly": True}, {"steps_per_execution": 2}], ids=str)
def test_compiled_steps_are_left_out_when_gradients_overflow(engine, half, options):
    m = net(**options)
    m.compile(ph.optimizers.LossScaleOptimizer(ph.optimizers.SGD(0.125, momentum=0.5), 64.0, 3), "mse", **options)
    good, bad = (np.ones((1, 3), "float32"), np.full((1, 1), 2.0, "float32")), (np.full((1, 3), 1e4, "float32"), np.full((1, 1), -60000.0, "float32"))
    batches = [good, good, bad, good, good, good, bad, bad]
    x, y = (np.concatenate(v) for v in zip(*batches, strict=True))
    seen = []
    log = ph.callbacks.LambdaCallback(
        on_train_batch_end=lambda b, logs: seen.append([float(v.numpy()) for v in (o.dynamic_scale, o.step_counter, o.iterations)])
    )
    o = m.optimizer
    m.fit(x, y, batch_size=1, shuffle=False, verbose=0, callbacks=[log])
    expected = [[64, 1, 1], [64, 2, 2], [32, 0, 2], [32, 1, 3], [32, 2, 4], [64, 0, 5], [32, 0, 5], [16, 0, 5]]
    assert seen == expected[1::2] if "steps_per_execution" in options else seen == expected
    kernel, bias, velocity = np.ones((3, 1)), np.zeros(1), 0.0
    for _ in range(5):  # the good batches alone; kernel and bias move alike
        slope = 2 * (kernel.sum() + bias[0] - 2.0)
        velocity = 0.5 * velocity - 0.125 * slope
        kernel, bias = kernel + velocity, bias + velocity
    np.testing.assert_allclose(m.get_weights()[0], kernel, atol=2e-2)
    assert m.get_weights()[0].dtype == np.float32


def test_scale_saves_gradients_too_small_for_float16(engine, half):
    x, y = np.ones((8, 3), "float32"), np.full((8, 1), 1e-7, "float32")
    for scaled in (True, False):
        m = net()
        m.compile(ph.optimizers.SGD(1e6), "mse", auto_scale_loss=scaled)
        m.set_weights([np.zeros((3, 1)), np.zeros(1)])
        m.fit(x, y, batch_size=8, verbose=0)
        # each sample's part of the gradient is 2.5e-8, less than half of the smallest float16
        np.testing.assert_allclose(m.get_weights()[0], 0.2 if scaled else 0.0, rtol=1e-2)


def test_loss_scale_by_hand(engine):
    o = ph.optimizers.LossScaleOptimizer(ph.optimizers.SGD(0.5), initial_scale=8.0, dynamic_growth_steps=2)
    v = ph.Variable([1.0])
    seen = []
    for g in (4.0, 4.0, np.inf, 4.0, 4.0, np.nan, np.nan):
        o.apply([ph.ops.convert_to_tensor([g], "float32")], [v])
        seen.append([float(v.numpy()[0]), float(o.dynamic_scale.numpy()), int(o.step_counter.numpy()), int(o.iterations.numpy())])
    assert seen == [[0.75, 8, 1, 1], [0.5, 16, 0, 2], [0.5, 8, 0, 2], [0.25, 8, 1, 3], [0, 16, 0, 4], [0, 8, 0, 4], [0, 4, 0, 4]]
    o.learning_rate = 0.25
    assert float(ph.ops.convert_to_numpy(o.inner_optimizer.learning_rate)) == 0.25
    assert float(ph.ops.convert_to_numpy(o.scale_loss(ph.ops.convert_to_tensor(3.0)))) == 12.0
    copy = ph.optimizers.deserialize(ph.optimizers.serialize(o))
    assert (copy.initial_scale, copy.dynamic_growth_steps, type(copy.inner_optimizer)) == (8.0, 2, ph.optimizers.SGD)
    values, state = o.stateless_apply([w.value for w in o.variables], [ph.ops.convert_to_tensor([4.0])], [v.value])
    assert float(ph.ops.convert_to_numpy(values[0])[0]) == -0.25 and len(state) == len(o.variables) == 6


@pytest.mark.parametrize("options", [{"clipnorm": 1.0}, {"dynamic": False}, {"anything": 1}])
def test_options_of_the_inner_optimizer_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ph.optimizers.LossScaleOptimizer(ph.optimizers.SGD(), **options)
