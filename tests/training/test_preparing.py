"""What `fit` prepares before its first step, and when it does so again."""

import numpy as np
import pytest

import pronghorn as ph

X, Y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")


class Counting(ph.Sequential):
    calls = 0

    def train_step(self, data):
        self.calls += 1
        return super().train_step(data)


def counting():
    model = Counting([ph.layers.Dense(2), ph.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_a_second_fit_on_data_of_the_same_shape_does_not_try_the_step_again(training_engine):
    model = counting()
    model.fit(X, Y, batch_size=4, verbose=0)
    before = model.calls
    model.fit(X + 1, Y, batch_size=4, verbose=0)
    assert model.calls - before in (0, 2)  # compiled, or run as Python at each of two steps


@pytest.mark.parametrize("change", ["trainable", "compile", "shape"])
def test_what_changes_the_step_prepares_it_anew(training_engine, change):
    model = counting()
    model.fit(X, Y, batch_size=4, verbose=0)
    kernel, before = model.layers[0].kernel.numpy(), model.calls
    if change == "trainable":
        model.layers[0].trainable = False
    elif change == "compile":
        model.compile("sgd", "mae")
    else:
        with pytest.raises(ValueError, match="shape"):
            model.fit(X[:, :2], Y, batch_size=4, verbose=0)
        return
    model.fit(X, Y, batch_size=4, verbose=0)
    assert model.calls > before
    assert np.array_equal(model.layers[0].kernel.numpy(), kernel) == (change == "trainable")


def test_data_without_targets_is_refused_where_the_loss_needs_them(training_engine):
    model = counting()
    with pytest.raises(ValueError, match='loss "mean_squared_error" compares with targets'):
        model.fit(X, verbose=0)
    both = ph.Model(i := ph.Input((3,)), {"a": ph.layers.Dense(1, name="a")(i), "b": ph.layers.Dense(1, name="b")(i)})
    both.compile("sgd", {"a": "mse", "b": "mae"})
    with pytest.raises(ValueError, match='loss "mean_absolute_error" of output "b" compares with targets'):
        both.fit(X, {"a": Y, "b": None}, verbose=0)


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_data_of_single_samples_is_told_from_batches(training_engine, method):
    model = ph.Sequential([ph.layers.Input((3,)), ph.layers.Dense(1)])
    model.compile("sgd", "mse")
    samples = [(x, y) for x, y in zip(X, Y, strict=True)]
    with pytest.raises(ValueError) as caught:
        getattr(model, method)(iter(samples), verbose=0)
    assert any("single samples" in note for note in caught.value.__notes__)


def test_text_is_no_input(training_engine):
    model = ph.Sequential([ph.layers.Dense(1)])
    model.compile("sgd", "mse")
    for text in (np.array([["a"], ["b"]]), np.array([["a"], ["b"]], object)):
        with pytest.raises(ValueError, match="text|no numbers"):
            model.fit(text, Y[:2], verbose=0)


def test_tensorflow_text_is_no_input(training_engine):
    tf = pytest.importorskip("tensorflow")
    model = ph.Sequential([ph.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="text"):
        model.fit(tf.constant([["a"], ["b"]]), Y[:2], verbose=0)
