"""Activations, regularizers and constraints: values, names and configurations."""

import numpy as np
import pytest

from pronghorn import activations, constraints, ops, regularizers

W = np.array([[3.0, -4.0], [0.0, 1.0]], "float32")


def _np(x):
    return ops.convert_to_numpy(x)


def test_relu_slope_threshold_and_maximum(engine):
    x = np.array([-2.0, 0.5, 1.5, 9.0], "float32")
    assert _np(activations.relu(x)).tolist() == [0, 0.5, 1.5, 9]
    assert _np(activations.relu(x, negative_slope=0.5, max_value=6.0, threshold=1.0)).tolist() == [-1.5, -0.25, 1.5, 6]
    assert _np(activations.relu(x, threshold=1.0)).tolist() == [0, 0, 1.5, 9]
    np.testing.assert_allclose(_np(activations.mish(x)), x * np.tanh(np.log1p(np.exp(x))), rtol=1e-5)


def test_activation_names_round_trip():
    for name in activations.__all__:
        if name in ("get", "serialize", "deserialize"):
            continue
        fn = activations.get(name)
        assert fn is getattr(activations, name) and activations.get(activations.serialize(fn)) is fn
    assert activations.serialize(activations.swish) == "silu" and activations.get(None) is activations.linear
    with pytest.raises(ValueError, match='Unknown activation function "rellu". Did you mean "relu"'):
        activations.get("rellu")
    with pytest.raises(ValueError, match="lambda"):
        activations.serialize(lambda x: x)


@pytest.mark.parametrize(
    ("regularizer", "value"),
    [
        (regularizers.L1(0.1), 0.8), (regularizers.L2(0.1), 2.6), (regularizers.L1L2(0.1, 0.2), 6.0),
        (regularizers.OrthogonalRegularizer(0.1), 0.08), (regularizers.OrthogonalRegularizer(0.1, "columns"), 0.0),
    ],
    ids=lambda v: type(v).__name__ if not isinstance(v, float) else "",
)  # fmt: skip
def test_regularizers(engine, regularizer, value):
    if getattr(regularizer, "mode", "") == "columns":
        columns = W / np.linalg.norm(W, axis=0)
        value = 0.1 * abs(columns[:, 0] @ columns[:, 1])
    assert abs(float(_np(regularizer(W))) - value) < 1e-5
    config = regularizers.serialize(regularizer)
    assert config["module"] == "keras.regularizers" and regularizers.get(config).get_config() == regularizer.get_config()


@pytest.mark.parametrize(
    ("constraint", "value"),
    [
        (constraints.MaxNorm(2, axis=1), [[1.2, -1.6], [0, 1]]), (constraints.UnitNorm(axis=1), [[0.6, -0.8], [0, 1]]),
        (constraints.NonNeg(), [[3, 0], [0, 1]]), (constraints.MinMaxNorm(1, 2, 0.5, axis=1), [[2.1, -2.8], [0, 1]]),
    ],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_constraints(engine, constraint, value):
    np.testing.assert_allclose(_np(constraint(W)), value, atol=1e-5)
    config = constraints.serialize(constraint)
    assert config["module"] == "keras.constraints" and constraints.get(config).get_config() == constraint.get_config()


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="l1 must be a number that is not negative"):
        regularizers.L1(-1)
    with pytest.raises(ValueError, match="expected a matrix"):
        regularizers.OrthogonalRegularizer()(np.ones(3, "float32"))
    with pytest.raises(ValueError, match='Did you mean "non_neg"'):
        constraints.get("non_negg")
