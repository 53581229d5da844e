"""Optimizers and learning rate schedules against Keras: steps, state and configurations.

Run: python3 dev.py run bench python benchmarks/peers/optimizers.py [engine of ours: numpy, torch, jax, tensorflow]
"""

import os
import sys
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported

import keras
import numpy as np
from comparing import Comparison

import pronghorn as ph

EXPLAINED: dict[str, str] = {
    "*({'initial_learning_rate': 1, *'staircase': True}) at *": "with an integer as learning rate, Keras cuts the decay rate off to an integer",
    "PiecewiseConstantDecay({'boundaries': [[]]*: only Keras raises*": "works here",
    "error count: ours 'ValueError', Keras 'nothing'": "fewer gradients than variables are refused; Keras takes those there are",
    "get('?amb'): ours 'Lamb', Keras 'error'": "Keras forgot to register Lamb",
    "Nadam(*) state: *": "Keras' path of the running product lacks the optimizer's name",
    "ScheduleFreeAdamW bfloat16*": "Keras divides by zero: bfloat16 rounds beta_2 to one",
    "* bfloat16[[]*": "Keras stands still there, or cannot run",
}

rng = np.random.default_rng(0)
START = {"kernel": rng.normal(size=(4, 3)), "bias": rng.normal(size=(3,)), "scale": rng.normal(size=()), "filter": rng.normal(size=(2, 2, 3, 4))}
GRADIENTS = [{k: rng.normal(size=v.shape) for k, v in START.items()} for _ in range(7)]
GRADIENTS[3] = {k: 30 * v for k, v in GRADIENTS[3].items()}
GRADIENTS[4] = {k: 0 * v for k, v in GRADIENTS[4].items()}

#: optimizer -> options of its own
OWN: dict[str, list[dict]] = {
    "SGD": [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"nesterov": True}, {"momentum": 1.0}],
    "RMSprop": [{}, {"momentum": 0.9}, {"centered": True}, {"momentum": 0.5, "centered": True, "rho": 0.7, "epsilon": 1e-3}],
    "Adam": [{}, {"amsgrad": True}, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2}],
    "AdamW": [{}, {"amsgrad": True}, {"weight_decay": 0.1}],
    "Adamax": [{}, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2}],
    "Nadam": [{}, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2}],
    "Lamb": [{}, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2}],
    "Lion": [{}, {"beta_1": 0.5, "beta_2": 0.9}],
    "Adagrad": [{}, {"initial_accumulator_value": 0.5, "epsilon": 1e-2}],
    "Adadelta": [{}, {"rho": 0.5, "epsilon": 1e-2}],
    "Adafactor": [{}, {"relative_step": False}, {"beta_2_decay": -0.5, "epsilon_2": 0.1, "clip_threshold": 0.5}],
    "Ftrl": [{}, {"l1_regularization_strength": 0.1, "l2_regularization_strength": 0.2}, {"l2_shrinkage_regularization_strength": 0.1, "beta": 0.3},
             {"learning_rate_power": -0.3}],
    "Muon": [{}, {"nesterov": False, "ns_steps": 3}, {"momentum": 0.5, "rms_rate": None}, {"adam_lr_ratio": 0.5, "adam_weight_decay": 0.1, "adam_beta_1": 0.5},
             {"exclude_layers": ["kern"]}, {"muon_a": 3.0, "muon_b": -4.0, "muon_c": 2.0}, {"weight_decay": 0.1}],
    "ScheduleFreeAdamW": [{}, {"warmup_steps": 3}, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2}, {"weight_decay": 0.1}],
}  # fmt: skip
#: options that all have
SHARED: list[dict] = [
    {"learning_rate": 0.1}, {"clipnorm": 0.5}, {"clipvalue": 0.2}, {"global_clipnorm": 0.7}, {"weight_decay": 0.05}, {"use_ema": True, "ema_momentum": 0.7},
    {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 3}, {"gradient_accumulation_steps": 3}, {"loss_scale_factor": 4.0},
    {"gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2, "clipnorm": 0.4},
    {"gradient_accumulation_steps": 2, "weight_decay": 0.05}, {"name": "mine"}, {"gradient_accumulation_steps": 2, "global_clipnorm": 0.2},
]  # fmt: skip


def run(package: Any, make: Callable[[Any], Any], dtype: str = "float32", constraint: bool = False, finalize: bool = False) -> list:
    """Return variables and state after each of some steps."""
    o = make(package)
    numpy = (lambda v: np.asarray(v.numpy())) if package is ph else (lambda v: keras.ops.convert_to_numpy(v.value))
    variables = [package.Variable(v.astype("float32"), dtype=dtype, name=k) for k, v in START.items()]
    if constraint:
        for v in variables:
            v.constraint = package.constraints.NonNeg()
    out: list = []
    for g in GRADIENTS:
        gradients = [package.ops.convert_to_tensor(x.astype("float32"), dtype) for x in g.values()]
        o.apply(gradients, variables)
        out.append([numpy(v).astype("float32") for v in variables])
    if finalize:
        o.finalize_variable_values(variables)
        out.append([numpy(v).astype("float32") for v in variables])
    out.append([numpy(v).astype("float32") for v in o.variables])
    out.append(float(np.asarray(numpy(o.learning_rate) if hasattr(o.learning_rate, "assign") else package.ops.convert_to_numpy(o.learning_rate))))
    return out


def described(o: Any) -> list:
    """Return names, shapes and dtypes of the state, without the number in an automatic name."""
    found = []
    for v in o.variables:
        path = v.path.split("/", 1)[-1]
        found.append((v.name, path, tuple(v.shape), str(v.dtype)))
    return found


def optimizers(c: Comparison) -> None:
    """Compare steps, state and configurations."""
    for name, own in OWN.items():
        if not hasattr(ph.optimizers, name):
            continue
        for o in [*own, *SHARED]:
            case = f"{name}({o or ''})"

            def make(package: Any, name: str = name, o: dict = o) -> Any:
                return getattr(package.optimizers, name)(**o)

            c.value(case, lambda m=make: run(ph, m, finalize="use_ema" in o), lambda m=make: run(keras, m, finalize="use_ema" in o), 1e-4, 3e-5, dtype=False)
            try:
                theirs = make(keras)
            except Exception:
                continue
            try:
                ours = make(ph)
            except Exception as e:
                c.differ(f"{case} config", f"only ours raises {e}")
                continue
            for a in (ours, theirs):
                if "name" not in o:
                    a.name = "o"
            c.config(f"{case} config", ours, theirs)
            for package, a in ((ph, ours), (keras, theirs)):
                a.build([package.Variable(v.astype("float32"), name=k) for k, v in START.items()])
            c.equal(f"{case} state", described(ours), described(theirs))
        for case, o in (("float16", {}), ("bfloat16", {})):

            def make(package: Any, name: str = name, o: dict = o) -> Any:
                return getattr(package.optimizers, name)(learning_rate=0.01, **o)

            c.value(f"{name} {case}", lambda m=make: run(ph, m, case)[:2], lambda m=make: run(keras, m, case)[:2], 5e-2, 2e-2, dtype=False)

        def constrained(package: Any, name: str = name) -> Any:
            return getattr(package.optimizers, name)(learning_rate=0.1)

        c.value(f"{name} constraint", lambda: run(ph, constrained, constraint=True), lambda: run(keras, constrained, constraint=True), 1e-4, 2e-5, dtype=False)

        def scheduled(package: Any, name: str = name) -> Any:
            return getattr(package.optimizers, name)(learning_rate=package.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5))

        def accumulated(package: Any, name: str = name) -> Any:
            schedule = package.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
            return getattr(package.optimizers, name)(learning_rate=schedule, gradient_accumulation_steps=2)

        for case, make in (("schedule", scheduled), ("schedule and accumulation", accumulated)):
            c.value(f"{name} {case}", lambda m=make: run(ph, m), lambda m=make: run(keras, m), 1e-4, 2e-5, dtype=False)
        c.config(f"{name} schedule config", *[_named(scheduled(p)) for p in (ph, keras)])


def _named(o: Any) -> Any:
    o.name = "o"
    return o


def details(c: Comparison) -> None:
    """Compare exclusions from weight decay, stateless steps, missing gradients, learning rates that change, functions as learning rates, errors."""

    def variables(package: Any) -> list:
        return [package.Variable(v.astype("float32"), name=k) for k, v in START.items()]

    def gradients(package: Any, step: int = 0) -> list:
        return [package.ops.convert_to_tensor(v.astype("float32")) for v in GRADIENTS[step].values()]

    def host(package: Any, vs: list) -> list:
        return [package.ops.convert_to_numpy(v.value) for v in vs]

    def excluded(package: Any) -> list:
        o, vs = package.optimizers.AdamW(0.1, weight_decay=0.5), variables(package)
        o.exclude_from_weight_decay(var_list=[vs[0]], var_names=["bia", "^sca"])
        o.apply(gradients(package), vs)
        return host(package, vs)

    def stateless(package: Any) -> list:
        o, vs = package.optimizers.Adam(0.1), variables(package)
        o.build(vs)
        values, state = [v.value for v in vs], [v.value for v in o.variables]
        for step in range(3):
            values, state = o.stateless_apply(state, gradients(package, step), values)
        return [[package.ops.convert_to_numpy(x) for x in values], [package.ops.convert_to_numpy(x) for x in state]]

    def missing(package: Any) -> list:
        o, vs = package.optimizers.SGD(0.1), variables(package)
        o.apply([*gradients(package)[:2], None, gradients(package)[3]], vs)
        return host(package, vs)

    def assigned(package: Any) -> list:
        o, vs = package.optimizers.SGD(0.1), variables(package)
        o.apply(gradients(package), vs)
        o.learning_rate = 0.5
        o.apply(gradients(package, 1), vs)
        o.learning_rate.assign(0.01)
        o.apply_gradients(list(zip(gradients(package, 2), vs, strict=True)))
        return [*host(package, vs), int(o.iterations.numpy() if package is ph else o.iterations.value)]

    def function(package: Any) -> list:
        o, vs = package.optimizers.SGD(lambda: 0.25), variables(package)
        o.apply(gradients(package), vs)
        return host(package, vs)

    def set_weights(package: Any) -> list:
        o, vs = package.optimizers.Adam(0.1), variables(package)
        o.apply(gradients(package), vs)
        other = package.optimizers.Adam(0.1)
        other.build(vs)
        other.set_weights([package.ops.convert_to_numpy(v.value) for v in o.variables])
        other.apply(gradients(package, 1), vs)
        return host(package, vs)

    def store(package: Any) -> dict:
        o, vs = package.optimizers.Adam(0.1), variables(package)
        o.apply(gradients(package), vs)
        found: dict = {}
        o.save_own_variables(found)
        return {k: np.asarray(v).round(4).tolist() for k, v in found.items()}

    def several(package: Any) -> list:
        made = package.optimizers
        o = made.MultiOptimizer(made.OptimizerMap(made.SGD(0.1), {"k.*": made.Adam(0.2), "bias": made.RMSprop(0.1)}), loss_scale_factor=2.0)
        vs = variables(package)
        for step in range(3):
            o.apply(gradients(package, step), vs)
        return [*host(package, vs), *host(package, o.variables), [v.path.split("_")[-1] for v in o.variables]]

    def several_config(package: Any) -> dict:
        made = package.optimizers
        o = made.MultiOptimizer(made.OptimizerMap(made.SGD(0.5, name="a"), {"k.*": made.Adam(0.25, name="b")}), name="c")
        return made.MultiOptimizer.from_config(o.get_config()).get_config()

    for fn in (several, several_config, excluded, stateless, missing, assigned, function, set_weights, store):
        c.value(f"details {fn.__name__}", lambda f=fn: f(ph), lambda f=fn: f(keras), 1e-4, 2e-5, dtype=False)

    def error(fn: Callable[[Any], Any], package: Any) -> str:
        try:
            fn(package)
        except Exception as e:
            return type(e).__name__
        return "nothing"

    def another(package: Any) -> None:
        o = package.optimizers.SGD(0.1)
        o.build(variables(package))
        o.apply(gradients(package), variables(package))

    errors: dict[str, Callable[[Any], Any]] = {
        "two clips": lambda p: p.optimizers.SGD(0.1, clipnorm=1.0, clipvalue=1.0),
        "unknown argument": lambda p: p.optimizers.SGD(0.1, decays=1.0),
        "accumulation of 1": lambda p: p.optimizers.SGD(0.1, gradient_accumulation_steps=1),
        "ema frequency": lambda p: p.optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=0.5),
        "ema momentum": lambda p: p.optimizers.SGD(0.1, use_ema=True, ema_momentum=2.0),
        "momentum": lambda p: p.optimizers.SGD(0.1, momentum=2.0),
        "other variables": another,
        "count": lambda p: p.optimizers.SGD(0.1).apply(gradients(p)[:2], variables(p)),
        "no gradients": lambda p: p.optimizers.SGD(0.1).apply([None] * 4, variables(p)),
        "nothing": lambda p: p.optimizers.SGD(0.1).apply([], []),
        "learning rate": lambda p: p.optimizers.SGD("fast"),
        "lion": lambda p: p.optimizers.Lion(0.1, beta_1=0.0),
        "adamw": lambda p: p.optimizers.AdamW(0.1, weight_decay=None),
        "ftrl": lambda p: p.optimizers.Ftrl(0.1, l1_regularization_strength=-1.0),
        "name": lambda p: p.optimizers.get("sgdd"),
        "schedule": lambda p: setattr(p.optimizers.SGD(p.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)), "learning_rate", 0.5),
    }
    for what, fn in errors.items():
        c.equal(f"error {what}", error(fn, ph), error(fn, keras))
    names = [n.rpartition(".")[2] for n in c.surface if n.startswith("optimizers.") and n.count(".") == 1]
    for n in sorted({*names, *(n.lower() for n in names), "nonsense"} - {"get", "serialize", "deserialize", "schedules"}):
        c.equal(f"get({n!r})", *[_described(lambda k=k: k.optimizers.get(n)) for k in (ph, keras)])


def _described(fn: Callable[[], Any]) -> str:
    try:
        return type(fn()).__name__
    except Exception:
        return "error"


SCHEDULES: dict[str, list[dict]] = {
    "ExponentialDecay": [{"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.9}, {"initial_learning_rate": 1, "decay_steps": 5, "decay_rate": 0.5, "staircase": True}],
    "InverseTimeDecay": [{"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.9}, {"initial_learning_rate": 1, "decay_steps": 5, "decay_rate": 0.5, "staircase": True}],
    "PiecewiseConstantDecay": [{"boundaries": [3, 7], "values": [1.0, 0.5, 0.1]}, {"boundaries": [2.5], "values": [1, 2]}, {"boundaries": [], "values": [0.3]}],
    "PolynomialDecay": [{"initial_learning_rate": 0.1, "decay_steps": 8}, {"initial_learning_rate": 0.1, "decay_steps": 4, "power": 0.5, "end_learning_rate": 0.01},
                        {"initial_learning_rate": 0.1, "decay_steps": 4, "cycle": True, "power": 2.0}],
    "CosineDecay": [{"initial_learning_rate": 0.1, "decay_steps": 8}, {"initial_learning_rate": 0.1, "decay_steps": 8, "alpha": 0.2},
                    {"initial_learning_rate": 0.0, "decay_steps": 8, "warmup_target": 0.1, "warmup_steps": 4},
                    {"initial_learning_rate": 0.01, "decay_steps": 5, "alpha": 0.1, "warmup_target": 0.1, "warmup_steps": 3},
                    {"initial_learning_rate": 0.01, "decay_steps": 5, "warmup_target": 0.1, "warmup_steps": 0}],
    "CosineDecayRestarts": [{"initial_learning_rate": 0.1, "first_decay_steps": 4}, {"initial_learning_rate": 0.1, "first_decay_steps": 3, "t_mul": 1.0},
                            {"initial_learning_rate": 0.1, "first_decay_steps": 3, "t_mul": 1.5, "m_mul": 0.7, "alpha": 0.1}],
}  # fmt: skip


def schedules(c: Comparison) -> None:
    """Compare schedules at integer, fractional and array steps."""
    for name, options in SCHEDULES.items():
        for o in options:
            a, b = getattr(ph.optimizers.schedules, name)(**o), getattr(keras.optimizers.schedules, name)(**o)
            c.config(f"{name}({o}) config", a, b)
            for step in (0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 25, 1000, 2.5):
                c.value(f"{name}({o}) at {step}", lambda: a(step), lambda: b(step), 1e-5, 1e-6, dtype=False)
            again = ph.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(b))
            c.equal(f"{name}({o}) from Keras' file", again.get_config(), a.get_config())
    for name, o in (("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 0, "decay_rate": 0.9}), ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 0}),
                    ("PiecewiseConstantDecay", {"boundaries": [1], "values": [1.0]}), ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": -1})):  # fmt: skip
        found = []
        for package in (ph, keras):
            try:
                getattr(package.optimizers.schedules, name)(**o)
                found.append("nothing")
            except Exception as e:
                found.append(type(e).__name__)
        c.equal(f"{name}({o}) made", *found)


if __name__ == "__main__":
    engine = sys.argv[1] if len(sys.argv) > 1 else "numpy"
    comparison = Comparison(f"optimizers on {engine}", EXPLAINED)
    ph.set_backend(engine)
    schedules(comparison)
    details(comparison)
    optimizers(comparison)
    comparison.finish()
