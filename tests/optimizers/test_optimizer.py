"""What all optimizers share: decay, clipping, averages, accumulation, state, files, errors."""

import warnings

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops, optimizers
from pronghorn.backend.registry import list_backends
from pronghorn.optimizers import SGD, Adam, AdamW, MultiOptimizer, Optimizer, OptimizerMap, schedules

ENGINES = [b.name for b in list_backends() if b.status == "ready" and b.name != "openvino"]


def variables():
    return [ph.Variable(np.array([1.0, 2.0], "float32"), name="kernel"), ph.Variable(np.array([3.0], "float32"), name="bias")]


def gradients(a=1.0, b=1.0):
    return [ops.convert_to_tensor(np.array([a, a], "float32")), ops.convert_to_tensor(np.array([b], "float32"))]


def values(vs):
    return np.concatenate([np.ravel(v.numpy()) for v in vs])


# -- decay and clipping --------------------------------------------------------------------------------------------------------------------
def test_weight_decay_takes_a_share_and_spares_the_excluded(engine):
    vs, o = variables(), SGD(0.5, weight_decay=0.2)
    o.apply(gradients(0.0, 0.0), vs)
    np.testing.assert_allclose(values(vs), [0.9, 1.8, 2.7], rtol=1e-6)
    for how in ({"var_names": ["bi.s"]}, {"var_list": [1]}):
        vs, o = variables(), AdamW(0.5, weight_decay=0.2)
        o.exclude_from_weight_decay(**{k: [vs[1]] if k == "var_list" else v for k, v in how.items()})
        o.apply(gradients(0.0, 0.0), vs)
        np.testing.assert_allclose(values(vs), [0.9, 1.8, 3.0], rtol=1e-6)


def test_exclusion_comes_before_building():
    with ph.use_backend("numpy"):
        o = AdamW(0.1)
        o.build(variables())
        with pytest.raises(ValueError, match="before"):
            o.exclude_from_weight_decay(var_names=["bias"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"clipvalue": 0.5}, [0.5, 0.5, 0.5]),
        ({"clipnorm": 2.0}, [3 * 2 / np.sqrt(18), 3 * 2 / np.sqrt(18), 2.0]),
        ({"global_clipnorm": 2.0}, np.array([3, 3, 4]) * 2 / np.sqrt(34)),
        ({"clipnorm": 10.0}, [3, 3, 4]),
    ],
)
def test_clipping(engine, options, expected):
    vs = variables()
    before = values(vs)
    SGD(1.0, **options).apply(gradients(3.0, 4.0), vs)
    np.testing.assert_allclose(before - values(vs), expected, rtol=1e-5)


# -- averages and accumulation -------------------------------------------------------------------------------------------------------------
def test_averages_follow_and_replace_the_variables(engine):
    vs, o = variables(), SGD(1.0, use_ema=True, ema_momentum=0.9)
    average = None
    for step in range(3):
        o.apply(gradients(), vs)
        average = values(vs) if step == 0 else 0.9 * average + 0.1 * values(vs)
    np.testing.assert_allclose(np.concatenate([v.numpy() for v in o.variables if v.name.endswith("average")]), average, rtol=1e-5)
    o.finalize_variable_values(vs)
    np.testing.assert_allclose(values(vs), average, rtol=1e-5)


def test_averages_overwrite_at_their_frequency(engine):
    vs, o = variables()[:1], SGD(1.0, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)
    w = average = np.array([1.0, 2.0])
    for step in range(4):
        o.apply(gradients()[:1], vs)
        w = w - 1
        average = w if step == 0 else 0.5 * average + 0.5 * w
        w = average if step % 2 else w
        np.testing.assert_allclose(values(vs), w, rtol=1e-6)


def test_accumulated_steps_equal_one_step_of_the_mean(engine):
    for make in (lambda **o: Adam(0.1, **o), lambda **o: SGD(0.1, 0.9, clipnorm=1.0, weight_decay=0.1, **o)):
        vs, o = variables(), make(gradient_accumulation_steps=2)
        whole, once = variables(), make()
        for a, b in ((1.0, 3.0), (-2.0, 0.5), (0.3, 0.1), (4.0, 1.0)):
            before = values(vs)
            o.apply(gradients(a, b), vs)
            if o._iterations.numpy() % 2:
                np.testing.assert_array_equal(values(vs), before)
        for a, b in ((-0.5, 1.75), (2.15, 0.55)):
            once.apply(gradients(a, b), whole)
        np.testing.assert_allclose(values(vs), values(whole), rtol=1e-5)
        assert int(ops.convert_to_numpy(o.iterations)) == 2


def test_constraints_hold_after_each_step(engine):
    vs = variables()
    vs[0].constraint = ph.constraints.NonNeg()
    SGD(1.5).apply(gradients(), vs)
    np.testing.assert_allclose(values(vs), [0.0, 0.5, 1.5])


def test_loss_scale_is_divided_out_of_gradients(engine):
    vs, o = variables(), SGD(1.0, loss_scale_factor=4.0)
    assert float(ops.convert_to_numpy(o.scale_loss(ops.convert_to_tensor(2.0)))) == 8
    o.apply(gradients(4.0, 8.0), vs)
    np.testing.assert_allclose(values(vs), [0.0, 1.0, 1.0])


# -- learning rates ------------------------------------------------------------------------------------------------------------------------
def test_learning_rate_can_be_set_read_and_scheduled(engine):
    vs, o = variables(), SGD(1.0)
    o.learning_rate = 0.5
    o.apply(gradients(), vs)
    assert float(o.learning_rate.numpy()) == 0.5
    o.learning_rate = schedules.PiecewiseConstantDecay([1], [0.25, 0.125])
    o.apply(gradients(), vs)  # step 1
    o.apply(gradients(), vs)  # step 2
    np.testing.assert_allclose(values(vs), np.array([1, 2, 3]) - 0.5 - 0.25 - 0.125)
    with pytest.raises(TypeError, match="schedule"):
        o.learning_rate = 0.1
    function = SGD(lambda: 0.25)
    function.apply(gradients(), variables())
    assert float(function.learning_rate) == 0.25


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (schedules.ExponentialDecay(0.8, 10, 0.5), {0: 0.8, 5: 0.8 * 0.5**0.5, 20: 0.2}),
        (schedules.ExponentialDecay(0.8, 10, 0.5, staircase=True), {9: 0.8, 10: 0.4, 25: 0.2}),
        (schedules.InverseTimeDecay(1.0, 10, 0.5), {0: 1.0, 10: 1 / 1.5, 40: 1 / 3}),
        (schedules.PiecewiseConstantDecay([3, 6], [1.0, 0.5, 0.1]), {0: 1.0, 3: 1.0, 4: 0.5, 6: 0.5, 7: 0.1}),
        (schedules.PolynomialDecay(1.0, 10, 0.2, power=2.0), {0: 1.0, 5: 0.2 + 0.8 * 0.25, 10: 0.2, 99: 0.2}),
        (schedules.PolynomialDecay(1.0, 10, 0.0, cycle=True), {5: 0.5, 15: 0.25, 20: 0.0}),
        (schedules.CosineDecay(1.0, 10, alpha=0.1), {0: 1.0, 5: 0.55, 10: 0.1, 50: 0.1}),
        (schedules.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4), {0: 0.0, 2: 0.5, 4: 1.0, 9: 0.5, 14: 0.0}),
        (schedules.CosineDecayRestarts(1.0, 10, t_mul=2.0, m_mul=0.5), {0: 1.0, 5: 0.5, 10: 0.5, 20: 0.25, 30: 0.25}),
        (schedules.CosineDecayRestarts(1.0, 10, t_mul=1.0), {5: 0.5, 10: 1.0, 25: 0.5}),
    ],
)
def test_schedules_at_named_steps(schedule, expected):
    with ph.use_backend("numpy"):
        assert {s: pytest.approx(float(schedule(s)), abs=1e-6) for s in expected} == expected
        again = schedules.deserialize(schedules.serialize(schedule))
        assert again.get_config() == schedule.get_config()
        o = SGD.from_config(SGD(schedule).get_config())
        assert o.learning_rate == pytest.approx(float(schedule(0)))


# -- state ---------------------------------------------------------------------------------------------------------------------------------
def test_state_has_the_names_and_order_of_files():
    with ph.use_backend("numpy"):
        o = Adam(use_ema=True, gradient_accumulation_steps=2, name="opt")
        layer_variable = ph.Variable(np.zeros(2, "float32"), name="kernel", path="dense/kernel")
        o.build([layer_variable])
        slots = [f"opt/dense_kernel_{n}" for n in ("average", "gradient_accumulator", "momentum", "velocity")]
        assert [v.path for v in o.variables] == ["opt/iteration", "opt/learning_rate", *slots]


def test_pure_step_leaves_the_state_alone(engine):
    vs, o = variables(), Adam(0.1)
    o.build(vs)
    before = values(vs)
    new, state = o.stateless_apply([v.value for v in o.variables], gradients(), [v.value for v in vs])
    np.testing.assert_array_equal(values(vs), before)
    assert int(o.iterations.numpy()) == 0 and int(ops.convert_to_numpy(state[0])) == 1
    o.apply(gradients(), vs)
    np.testing.assert_allclose(np.concatenate([ops.convert_to_numpy(x) for x in new]), values(vs), rtol=1e-6)


def test_weights_and_stores_restore_the_state():
    with ph.use_backend("numpy"):
        vs, o = variables(), Adam(0.1)
        for _ in range(3):
            o.apply_gradients(list(zip(gradients(), vs, strict=True)))
        store = {}
        o.save_own_variables(store)
        others = variables()
        for v, w in zip(others, vs, strict=True):
            v.assign(w.numpy())
        a, b = Adam(0.5), Adam(0.5)
        a.build(others)
        a.load_own_variables(store)
        b.build(others)
        b.set_weights([v.numpy() for v in o.variables])
        assert [v.numpy().tolist() for v in a.variables] == [v.numpy().tolist() for v in b.variables] == [v.numpy().tolist() for v in o.variables]
        o.apply(gradients(), vs)
        a.apply(gradients(), others)
        np.testing.assert_array_equal(values(vs), values(others))


def test_configuration_makes_the_same_optimizer_again():
    with ph.use_backend("numpy"):
        for cls in (optimizers.Adafactor, optimizers.Ftrl, optimizers.Muon, optimizers.ScheduleFreeAdamW, optimizers.RMSprop, optimizers.Lion):
            made = cls(0.25, clipnorm=1.0, use_ema=True, name="x")
            assert cls.from_config(made.get_config()).get_config() == made.get_config()
            assert optimizers.deserialize(optimizers.serialize(made)).get_config() == made.get_config()


def test_own_optimizers_implement_update_or_update_step(engine):
    class Plain(Optimizer):
        def update(self, gradient, value, slots, learning_rate, step):
            return value - learning_rate * gradient, slots

    class Keras(Optimizer):
        def build(self, variables):
            if not self.built:
                super().build(variables)
                self.m = self.add_optimizer_variables(variables, "m")

        def update_step(self, gradient, variable, learning_rate):
            m = self.m[self._get_variable_index(variable)]
            self.assign_add(m, gradient)
            self.assign_sub(variable, m * ops.cast(learning_rate, variable.dtype))

    for made, expected in ((Plain(0.5), [0.0, 1.0, 2.0]), (Keras(0.5), [-0.5, 0.5, 1.5])):
        vs = variables()
        for _ in range(2):
            made.apply(gradients(), vs)
        np.testing.assert_allclose(values(vs), expected)


# -- several optimizers --------------------------------------------------------------------------------------------------------------------
def test_each_variable_goes_to_its_optimizer(engine):
    vs = variables()
    o = MultiOptimizer(OptimizerMap(SGD(0.5), {"ker.*": SGD(0.25)}))
    o.apply(gradients(), vs)
    o.optimizers[0].learning_rate = 0.125
    o.apply(gradients(), vs)
    np.testing.assert_allclose(values(vs), [0.625, 1.625, 2.0])
    assert int(o.iterations.numpy()) == 2 and [int(p.iterations.numpy()) for p in o.optimizers] == [2, 2]


def test_function_chooses_optimizers_and_files_restore_the_map():
    with ph.use_backend("numpy"):
        adam = Adam(0.1)
        o = MultiOptimizer(lambda v: adam if v.name == "kernel" else SGD(0.5), loss_scale_factor=2.0)
        vs = variables()
        o.apply(gradients(2.0, 2.0), vs)
        np.testing.assert_allclose(values(vs), [0.9, 1.9, 2.5], rtol=1e-5)
        mapped = MultiOptimizer(OptimizerMap(SGD(0.5), {"ker.*": Adam(0.1)}), name="both")
        again = optimizers.deserialize(optimizers.serialize(mapped))
        assert again.get_config() == mapped.get_config() and [type(p) for p in again.optimizers] == [Adam, SGD]
        mapped.build(vs)
        again.build(vs)
        store = {}
        mapped.save_own_variables(store)
        again.load_own_variables(store)


def test_map_of_optimizers_is_a_dict_with_a_default():
    with ph.use_backend("numpy"):
        sgd, adam = SGD(), Adam()
        m = OptimizerMap(sgd, {"encoder/.*": adam})
        assert m["encoder/kernel"] is adam and m["x/encoder/kernel"] is sgd and list(m) == ["encoder/.*"] and m.default_optimizer is sgd
        m["enc.*"] = SGD()
        with pytest.raises(ValueError, match="several keys match the variable encoder/kernel"):
            m["encoder/kernel"]
        del m["enc.*"]
        with pytest.raises(ValueError, match="Delete it first"):
            m["encoder/.*"] = sgd
        with pytest.raises(ValueError, match="no regular expression"):
            m["("] = sgd
        with pytest.raises(TypeError, match="default_optimizer"):
            OptimizerMap("sgd")
        with pytest.raises(AttributeError, match="its parts"):
            MultiOptimizer(m).learning_rate  # noqa: B018


@pytest.mark.parametrize("backend", [e for e in ENGINES if e != "numpy"])
def test_model_trains_with_several_optimizers(backend):
    with ph.use_backend(backend):
        ph.utils.set_random_seed(0)
        model = ph.Sequential([ph.layers.Input((3,)), ph.layers.Dense(4, name="body"), ph.layers.Dense(1, name="head")])
        model.compile(MultiOptimizer(OptimizerMap(SGD(0.05), {"body/.*": Adam(0.02)})), "mse")
        x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
        history = model.fit(x, x.sum(1, keepdims=True), epochs=6, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]


# -- errors --------------------------------------------------------------------------------------------------------------------------------
def test_wrong_use_says_what_to_do():
    with ph.use_backend("numpy"):
        with pytest.raises(ValueError, match="adam"):
            optimizers.get("adamm")
        with pytest.raises(ValueError, match="interpret"):
            optimizers.get(3)
        with pytest.raises(ValueError, match="unexpected arguments: rate"):
            SGD(rate=1)
        with pytest.raises(ValueError, match="clipnorm and clipvalue"):
            SGD(clipnorm=1.0, clipvalue=1.0)
        with pytest.raises(ValueError, match="2 or more"):
            SGD(gradient_accumulation_steps=1)
        with pytest.raises(ValueError, match="learning_rate must be"):
            SGD("fast")
        with pytest.raises(ValueError, match="1 gradients for 2 variables"):
            SGD().apply(gradients()[:1], variables())
        with pytest.raises(ValueError, match="unknown to it: bias"):
            o, vs = SGD(), variables()
            o.build(vs[:1])
            o.apply(gradients(), vs)
        with pytest.raises(ValueError, match="kernel, bias"):
            SGD().apply([None, None], variables())
        with pytest.raises(ValueError, match="optimizer variables"):
            o, vs = SGD(), variables()
            o.build(vs)
            o.stateless_apply([0], gradients(), [v.value for v in vs])
        with pytest.raises(NotImplementedError, match="must implement update"):
            Optimizer(0.1).apply(gradients(), variables())
        with pytest.warns(UserWarning, match="decay"):
            SGD(decay=0.1)


def test_missing_gradient_is_named_and_leaves_the_variable():
    with ph.use_backend("numpy"):
        vs = variables()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            SGD(1.0).apply([None, gradients()[1]], vs)
        assert "kernel" in str(caught[0].message)
        np.testing.assert_allclose(values(vs), [1.0, 2.0, 2.0])


@pytest.mark.parametrize("backend", ENGINES)
def test_a_state_variable_shares_no_memory_with_what_its_initializer_keeps(backend):
    with ph.use_backend(backend):
        optimizer, kept = ph.optimizers.SGD(), np.zeros(5000, "float32")
        made = [optimizer.add_variable((5000,), lambda shape, dtype: kept), *(optimizer.add_variable((5000,), "zeros") for _ in range(2))]
        made[0].assign(np.ones(5000, "float32"))
        made[1].assign(np.full(5000, 2, "float32"))
        assert not kept.any()
        assert [float(v.numpy().sum()) for v in made] == [5000.0, 10000.0, 0.0]
