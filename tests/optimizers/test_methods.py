"""Each optimizer against its published formula in float64, and against torch.optim, on every engine."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

import pronghorn as ph
from pronghorn import ops, optimizers

_SPEC = importlib.util.spec_from_file_location("optimizer_formulas", Path(__file__).with_name("formulas.py"))
f = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(f)

RNG = np.random.default_rng(11)
START = [RNG.normal(size=(3, 4)), RNG.normal(size=(4,))]
GRADIENTS = [[RNG.normal(size=w.shape) for w in START] for _ in range(5)]
LR = 0.05
CASES = {
    "sgd": (lambda: optimizers.SGD(LR), lambda w: f.sgd(w, LR)),
    "momentum": (lambda: optimizers.SGD(LR, 0.9), lambda w: f.sgd(w, LR, 0.9)),
    "nesterov": (lambda: optimizers.SGD(LR, 0.9, nesterov=True), lambda w: f.sgd(w, LR, 0.9, True)),
    "rmsprop": (lambda: optimizers.RMSprop(LR), lambda w: f.rmsprop(w, LR)),
    "centered": (lambda: optimizers.RMSprop(LR, 0.8, 0.5, centered=True), lambda w: f.rmsprop(w, LR, 0.8, 0.5, centered=True)),
    "adam": (lambda: optimizers.Adam(LR), lambda w: f.adam(w, LR)),
    "amsgrad": (lambda: optimizers.Adam(LR, 0.8, 0.9, amsgrad=True), lambda w: f.adam(w, LR, 0.8, 0.9, amsgrad=True)),
    "adamw": (lambda: optimizers.AdamW(LR, 0.1), lambda w: f.adam(w, LR, weight_decay=0.1)),
    "adamax": (lambda: optimizers.Adamax(LR), lambda w: f.adamax(w, LR)),
    "nadam": (lambda: optimizers.Nadam(LR), lambda w: f.nadam(w, LR)),
    "lamb": (lambda: optimizers.Lamb(LR), lambda w: f.lamb(w, LR)),
    "lion": (lambda: optimizers.Lion(LR), lambda w: f.lion(w, LR)),
    "adagrad": (lambda: optimizers.Adagrad(LR), lambda w: f.adagrad(w, LR)),
    "adadelta": (lambda: optimizers.Adadelta(1.0), lambda w: f.adadelta(w, 1.0)),
    "adafactor": (lambda: optimizers.Adafactor(LR), lambda w: f.adafactor(w, LR)),
    "ftrl": (
        lambda: optimizers.Ftrl(LR, l1_regularization_strength=0.1, l2_regularization_strength=0.2),
        lambda w: f.ftrl(w, LR, l1=0.1, l2=0.2),
    ),
    "muon": (lambda: optimizers.Muon(LR), lambda w: f.muon(w, LR)),
    "schedule free": (lambda: optimizers.ScheduleFreeAdamW(LR, warmup_steps=3), lambda w: f.schedule_free(w, LR, warmup=3)),
    "schedule free at the copy": (lambda: optimizers.ScheduleFreeAdamW(LR, beta_1=0.0), lambda w: f.schedule_free(w, LR, 0.0)),
}


def stepped(optimizer, steps=GRADIENTS):
    """Return weights after each step."""
    variables = [ph.Variable(w.astype("float32"), name=f"w{i}") for i, w in enumerate(START)]
    out = []
    for gradients in steps:
        optimizer.apply([ops.convert_to_tensor(g.astype("float32")) for g in gradients], variables)
        out.append([v.numpy().copy() for v in variables])
    return out


@pytest.mark.parametrize("name", CASES)
def test_steps_follow_the_published_formula(engine, name):
    make, formula = CASES[name]
    runs = [formula(w) for w in START]
    for run in runs:
        next(run)
    for found, gradients in zip(stepped(make()), GRADIENTS, strict=True):
        for w, run, g in zip(found, runs, gradients, strict=True):
            np.testing.assert_allclose(w, run.send(g), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda: optimizers.SGD(LR, 0.9), lambda p: torch.optim.SGD(p, LR, 0.9)),
        (lambda: optimizers.Adam(LR, epsilon=1e-9), lambda p: torch.optim.Adam(p, LR, eps=1e-9)),
        (lambda: optimizers.AdamW(LR, 0.1, epsilon=1e-9), lambda p: torch.optim.AdamW(p, LR, eps=1e-9, weight_decay=0.1)),
        (lambda: optimizers.Adagrad(LR, 0.1, 1e-14), lambda p: torch.optim.Adagrad(p, LR, initial_accumulator_value=0.1, eps=1e-12)),
        (lambda: optimizers.Adadelta(1.0, 0.9, 1e-6), lambda p: torch.optim.Adadelta(p, 1.0)),
        (lambda: optimizers.Adamax(LR, epsilon=1e-9), lambda p: torch.optim.Adamax(p, LR, eps=1e-9)),
    ],
    ids=["sgd", "adam", "adamw", "adagrad", "adadelta", "adamax"],
)
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_steps_equal_those_of_torch(ours, theirs, backend):
    parameters = [torch.tensor(w, dtype=torch.float64, requires_grad=True) for w in START]
    optimizer = theirs(parameters)
    with ph.use_backend(backend):
        for found, gradients in zip(stepped(ours()), GRADIENTS, strict=True):
            for p, g in zip(parameters, gradients, strict=True):
                p.grad = torch.tensor(g)
            optimizer.step()
            for w, p in zip(found, parameters, strict=True):
                np.testing.assert_allclose(w, p.detach().numpy(), rtol=2e-4, atol=1e-5)


def test_muon_makes_singular_values_of_a_step_alike():
    with ph.use_backend("numpy"):
        muon = optimizers.Muon()
        for shape in ((6, 3), (3, 6), (2, 5, 4)):
            x = muon.zeropower_via_newtonschulz5(RNG.normal(size=shape).astype("float32"), 5)
            values = np.linalg.svd(x, compute_uv=False)
            assert x.shape == shape and values.min() > 0.3 and values.max() < 1.3  # the polynomial is tuned for speed, not for exactly one


def test_muon_leaves_embeddings_and_excluded_matrices_to_adam():
    with ph.use_backend("numpy"):
        names = ["kernel", "embeddings", "head", "bias"]
        variables = [ph.Variable(np.ones((2, 2) if n != "bias" else (2,), "float32"), name=n) for n in names]
        muon = optimizers.Muon(exclude_layers=["^he"])
        muon.build(variables)
        assert [v.name for v in muon.variables if v.name.endswith("velocity")] == ["embeddings_velocity", "head_velocity", "bias_velocity"]


def test_adam_decay_of_muon_is_its_own():
    with ph.use_backend("numpy"):
        kernel, bias = ph.Variable(np.ones((2, 2), "float32"), name="kernel"), ph.Variable(np.ones(2, "float32"), name="bias")
        zero = [np.zeros((2, 2), "float32"), np.zeros(2, "float32")]
        optimizers.Muon(0.5, weight_decay=0.2, adam_weight_decay=0.4).apply(zero, [kernel, bias])
        np.testing.assert_allclose([kernel.numpy()[0, 0], bias.numpy()[0]], [0.9, 0.8], rtol=1e-6)


def test_half_precision_variables_keep_their_dtype(engine):
    for make in (optimizers.SGD, optimizers.Adam, optimizers.Lamb, optimizers.Nadam, optimizers.Adafactor, optimizers.Muon, optimizers.ScheduleFreeAdamW):
        v = ph.Variable(np.ones((2, 2), "float32"), dtype="bfloat16")
        make(0.5).apply([ops.cast(ops.ones((2, 2)), "bfloat16")], [v])
        assert v.dtype == "bfloat16" and (np.asarray(v.numpy(), "float32") < 1).all()
