"""Several outputs: losses, weights and metrics as one, a list or a dict; names and their order in results are those that Keras gives."""

import numpy as np
import pytest

import pronghorn as ph

RNG = np.random.default_rng(1)
A, B = RNG.normal(size=(6, 3)).astype("float32"), RNG.normal(size=(6, 2)).astype("float32")
P, Q = RNG.normal(size=(6, 1)).astype("float32"), RNG.normal(size=(6, 2)).astype("float32")
W, V = RNG.uniform(0.2, 2, (2, 6)).astype("float32")
SUMS = np.concatenate([A, B], 1).sum(1, keepdims=True)  # what every unit of the model gives: its kernel is ones
MSE_P, MAE_P = np.mean((SUMS - P) ** 2), np.mean(np.abs(SUMS - P))
MSE_Q, MAE_Q = np.mean((SUMS - Q) ** 2), np.mean(np.abs(SUMS - Q))


def model(as_dict=False):
    a, b = ph.Input((3,), name="a"), ph.Input((2,), name="b")
    h = ph.layers.Concatenate()([a, b])
    p = ph.layers.Dense(1, kernel_initializer="ones", name="p")(h)
    q = ph.layers.Dense(2, kernel_initializer="ones", name="q")(h)
    return ph.Model([a, b], {"p": p, "q": q} if as_dict else [p, q])


def results(m, y, **options):
    """The history of one step that changes nothing, since the learning rate is zero."""
    m.optimizer.learning_rate = 0.0
    h = m.fit([A, B], y, batch_size=6, verbose=0, **options)
    return {k: v[0] for k, v in h.history.items()}


def check(found, expected):
    assert list(found) == sorted(expected)
    np.testing.assert_allclose([found[k] for k in sorted(expected)], [expected[k] for k in sorted(expected)], rtol=1e-5)


def test_one_loss_for_all_outputs(engine):
    m = model()
    m.compile("sgd", "mse", metrics=[["mae"], ["mse"]])
    check(results(m, [P, Q]), {"loss": MSE_P + MSE_Q, "p_loss": MSE_P, "q_loss": MSE_Q, "p_mae": MAE_P, "q_mse": MSE_Q})
    np.testing.assert_allclose(m.evaluate([A, B], [P, Q], verbose=0), [MSE_P + MSE_Q, MSE_P, MSE_Q, MAE_P, MSE_Q], rtol=1e-5)
    assert m.metrics_names == ["loss", "compile_metrics", "p_loss", "q_loss"]


def test_lists(engine):
    m = model()
    m.compile("sgd", ["mse", "mae"], loss_weights=[0.3, 2.0], metrics=[["mae"], None], weighted_metrics=[["mae"], ["mse"]])
    weighted = lambda values, w: np.mean(w[:, None] * values)  # noqa: E731
    loss_p, loss_q = weighted((SUMS - P) ** 2, W), weighted(np.abs(SUMS - Q), V)
    expected = {
        "loss": 0.3 * loss_p + 2 * loss_q,
        "p_loss": loss_p,
        "q_loss": loss_q,
        "p_mae": MAE_P,
        "p_weighted_mae": (W[:, None] * np.abs(SUMS - P)).sum() / W.sum(),
        "q_mse": (V[:, None] * (SUMS - Q) ** 2).mean(1).sum() / V.sum(),
    }
    check(results(m, [P, Q], sample_weight=[W, V]), expected)


@pytest.mark.parametrize("as_dict", [False, True])
def test_dicts_by_output_name(engine, as_dict):
    m = model(as_dict)
    m.compile("sgd", {"q": "mae", "p": "mse"}, loss_weights={"p": 1.0, "q": 0.5}, metrics={"q": "mse"})
    m.optimizer.learning_rate = 0.0
    expected = {"loss": MSE_P + 0.5 * MAE_Q, "p_loss": MSE_P, "q_loss": MAE_Q, "q_mse": MSE_Q}
    h = m.fit({"b": B, "a": A}, {"q": Q, "p": P}, batch_size=6, verbose=0, validation_data=({"a": A, "b": B}, {"p": P, "q": Q}))
    check({k: v[0] for k, v in h.history.items()}, expected | {f"val_{k}": v for k, v in expected.items()})
    predicted = m.predict({"a": A, "b": B}, verbose=0)
    q = predicted["q"] if as_dict else predicted[1]
    np.testing.assert_allclose(q, np.repeat(SUMS, 2, 1), rtol=1e-5)


def test_outputs_without_loss(engine):
    m = model()
    m.compile("sgd", ["mse", None])
    check(results(m, [P, Q]), {"loss": MSE_P})
    m.compile("sgd", {"p": "mse"}, metrics={"q": ["mae"]})
    check(results(m, {"p": P, "q": Q}), {"loss": MSE_P, "q_mae": MAE_Q})


def test_nested_and_tuple_inputs(engine):
    class Net(ph.Model):
        def __init__(self):
            super().__init__()
            self.dense = ph.layers.Dense(1, kernel_initializer="ones")

        def call(self, inputs):
            (a, more), _ = inputs["pair"], inputs["unused"]
            return self.dense(a), {"deep": self.dense(a) + ph.ops.sum(more["b"], -1, keepdims=True)}

    m = Net()
    m.compile("sgd", ["mse", "mse"])
    m.optimizer.learning_rate = 0.0
    x = {"pair": (A, {"b": B}), "unused": P}
    found = m.fit(x, (P, {"deep": P}), batch_size=6, verbose=0).history["loss"][0]
    assert found == pytest.approx(np.mean((A.sum(1, keepdims=True) - P) ** 2) + MSE_P, rel=1e-5)


def test_order_of_metrics_and_results(on_torch):
    class Inner(ph.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seen = ph.metrics.Mean(name="inner")

        def call(self, x):
            self.seen.update_state(2.0)
            return x

    class Net(ph.Model):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.inner = ph.layers.Dense(1), ph.layers.Dense(1), Inner()
            self.own = ph.metrics.Mean(name="own")

        def call(self, x):
            self.own.update_state(1.0)
            return {"one": self.one(self.inner(x)), "two": self.two(x)}

    m = Net()
    m.compile("sgd", {"one": "mse", "two": "mae"}, metrics={"one": ["mae"]})
    m.fit(A, {"one": P, "two": P}, verbose=0)
    assert m.metrics_names == ["loss", "compile_metrics", "one_loss", "two_loss", "own", "inner"]
    values = m.evaluate(A, {"one": P, "two": P}, verbose=0)
    assert values[0] == pytest.approx(values[1] + values[2]) and values[3:5] == [1.0, 2.0]


def test_names_of_metrics(engine):
    def mine(y_true, y_pred):
        return ph.ops.mean(y_pred, -1)

    x, classes = A, np.array([0, 1, 2, 0, 1, 2])
    m = ph.Sequential([ph.Input((3,)), ph.layers.Dense(3, activation="softmax", kernel_initializer="identity")])
    m.compile(
        "sgd",
        "sparse_categorical_crossentropy",
        metrics=["accuracy", "acc", ph.metrics.SparseCategoricalAccuracy(name="named"), "crossentropy", mine],
        weighted_metrics=["accuracy"],
    )
    m.optimizer.learning_rate = 0.0
    h = m.fit(x, classes, batch_size=6, verbose=0, sample_weight=W).history
    right = x.argmax(1) == classes
    z = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    log = -np.log(z[np.arange(6), classes])
    expected = {
        "loss": np.mean(W * log), "accuracy": right.mean(), "acc": right.mean(), "named": right.mean(), "crossentropy": log.mean(), "mine": 1 / 3,
        "weighted_accuracy": (W * right).sum() / W.sum(),
    }  # fmt: skip
    check({k: v[0] for k, v in h.items()}, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": {"p": "mse", "r": "mse"}}, 'no output "r"'),
        ({"loss": ["mse"]}, "1 given for 2 outputs"),
        ({"loss": "mse", "metrics": {"pp": "mae"}}, 'no output "pp".*"p"'),
        ({"loss": "msee"}, "msee"),
        ({"loss": "mse", "metrics": [["accuracyy"], []]}, "accuracy"),
        ({"loss": "mse", "loss_weights": [1.0]}, "loss_weights"),
    ],
)
def test_misfits_are_named(on_torch, options, message):
    m = model()
    with pytest.raises(ValueError, match=message):
        m.compile("sgd", **options)
        m.fit([A, B], [P, Q], verbose=0)
