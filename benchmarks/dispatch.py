"""What calling an op costs beyond the engine's own call, on 4×4 tensors: ours, and Keras'.

    python3 dev.py run bench python benchmarks/dispatch.py                    # numpy and torch
    python3 dev.py run bench python benchmarks/dispatch.py --engines jax,tensorflow

The arms take turns in one process per engine; each time is the smallest of many rounds, as a busy machine only ever adds. The budgets are 0.3 µs for
unary and binary ops of matching type and 1 µs for the rest, on numpy and torch; 6 µs for a layer, `Dense(4)`. The first row of an engine is what a Python
function costs that only calls the engine's `exp`: no op written in Python can cost less.
"""

import argparse
import json
import os
import timeit
from pathlib import Path

from processes import per_engine

#: op -> (arguments, budget in µs)
CALLS = {
    "exp": ("x", 0.3), "tanh": ("x", 0.3), "relu": ("x", 0.3), "add": ("xy", 0.3), "multiply": ("xy", 0.3), "maximum": ("xy", 0.3), "matmul": ("xy", 1.0),
    "sum": ("x,axis", 1.0), "mean": ("x,axis", 1.0), "reshape": ("x,shape", 1.0), "transpose": ("x", 1.0), "softmax": ("x", 1.0),
    "concatenate": ("[xy]", 1.0), "where": ("cxy", 1.0), "expand_dims": ("x,axis", 1.0), "cast": ("x,dtype", 1.0), "Dense(4)": ("x", 6.0),
}  # fmt: skip


def raw_calls(engine: str) -> dict:
    """Return the engine's own functions."""
    if engine == "torch":
        import torch as t

        return {
            "exp": t.exp, "tanh": t.tanh, "relu": t.relu, "add": t.add, "multiply": t.mul, "maximum": t.maximum, "matmul": t.matmul,
            "sum": t.sum, "mean": t.mean, "reshape": t.reshape, "transpose": t.t, "softmax": (t.softmax, -1), "concatenate": t.cat, "where": t.where,
            "expand_dims": t.unsqueeze, "cast": lambda x, dtype: x.to(t.float64),
        }  # fmt: skip
    if engine == "tensorflow":
        import tensorflow as tf

        return {
            "exp": tf.exp, "tanh": tf.tanh, "relu": tf.nn.relu, "add": tf.add, "multiply": tf.multiply, "maximum": tf.maximum, "matmul": tf.matmul,
            "sum": tf.reduce_sum, "mean": tf.reduce_mean, "reshape": tf.reshape, "transpose": tf.transpose, "softmax": tf.nn.softmax,
            "concatenate": lambda xs: tf.concat(xs, 0), "where": tf.where, "expand_dims": tf.expand_dims, "cast": lambda x, dtype: tf.cast(x, tf.float64),
        }  # fmt: skip
    if engine == "jax":
        import jax
        import jax.numpy as np
    else:
        import numpy as np
    relu, softmax = (jax.nn.relu, jax.nn.softmax) if engine == "jax" else (lambda x: np.maximum(x, 0), _softmax)
    target = "int32" if engine == "jax" else "float64"
    return {
        "exp": np.exp, "tanh": np.tanh, "relu": relu, "add": np.add, "multiply": np.multiply, "maximum": np.maximum, "matmul": np.matmul,
        "sum": np.sum, "mean": np.mean, "reshape": np.reshape, "transpose": np.transpose, "softmax": softmax, "concatenate": np.concatenate,
        "where": np.where, "expand_dims": np.expand_dims, "cast": lambda x, dtype: x.astype(target),
    }  # fmt: skip


def _linear(engine: str):
    """Return the engine's own dense layer."""
    if engine == "torch":
        import torch

        w, b = torch.nn.Parameter(torch.ones(4, 4)), torch.nn.Parameter(torch.zeros(4))
        return lambda x: torch.nn.functional.linear(x, w, b)
    if engine == "tensorflow":
        import tensorflow as tf

        w, b = tf.Variable(tf.ones((4, 4))), tf.Variable(tf.zeros(4))
        return lambda x: tf.nn.bias_add(tf.matmul(x, w), b)
    if engine == "jax":
        import jax.numpy as np
    else:
        import numpy as np
    w, b = np.ones((4, 4), "float32"), np.zeros(4, "float32")
    return lambda x: np.matmul(x, w) + b


def _softmax(x):
    import numpy as np

    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _timer(fn, args: tuple) -> timeit.Timer:
    """Return what times `fn(a, b)` as a user writes it; with `fn(*args)` a Python function would take 0.1 µs longer than one in C."""
    names = [f"a{i}" for i in range(len(args))]
    return timeit.Timer(f"fn({', '.join(names)})", globals={"fn": fn, **dict(zip(names, args, strict=True))})


def child(engine: str, rounds: int) -> list[dict]:
    """Time one engine."""
    os.environ["KERAS_BACKEND"] = engine
    import keras
    import numpy as np

    import pronghorn as ph

    if engine == "torch":
        import torch

        torch.set_num_threads(1)
    ph.set_backend(engine)
    rng = np.random.default_rng(0)
    host = [rng.normal(size=(4, 4)).astype("float32") for _ in range(2)]
    x, y = (ph.ops.convert_to_tensor(v) for v in host)
    condition = ph.ops.greater(x, y)
    target = "int32" if engine == "jax" else "float64"
    raw, rows = raw_calls(engine), []
    raw["Dense(4)"], exp = _linear(engine), raw["exp"]
    ours = {name: ph.layers.Dense(4) if name == "Dense(4)" else getattr(ph.ops, name) for name in CALLS}
    theirs = {name: keras.layers.Dense(4) if name == "Dense(4)" else getattr(keras.ops, name) for name in CALLS}
    calls = {"(a function)": ("x", None), **CALLS}
    raw["(a function)"], ours["(a function)"], theirs["(a function)"] = exp, (lambda x: exp(x)), (lambda x: exp(x))
    for name, (what, budget) in calls.items():
        args = {
            "x": (x,), "xy": (x, y), "x,axis": (x, 1), "x,shape": (x, (2, 8)), "[xy]": ([x, y],), "cxy": (condition, x, y), "x,dtype": (x, target),
        }[what]  # fmt: skip
        own, *more = raw[name] if isinstance(raw[name], tuple) else (raw[name],)
        arms = {"raw": _timer(own, (*args, *more)), "ours": _timer(ours[name], args), "keras": _timer(theirs[name], args)}
        best = dict.fromkeys(arms, float("inf"))
        number = 500
        for timer in arms.values():
            timer.timeit(50)
        for _ in range(rounds):
            for arm, timer in arms.items():
                best[arm] = min(best[arm], timer.timeit(number) / number * 1e6)
        rows.append({"engine": engine, "op": name, "budget": budget, **best})
    return rows


def main() -> None:
    """Run a process per engine and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="numpy,torch")
    parser.add_argument("--rounds", type=int, default=80)
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print("ROWS " + json.dumps(child(options.child, options.rounds)))
        return
    print(f"{'engine':<11} {'op':<12} {'raw µs':>8} {'ours +µs':>9} {'Keras +µs':>10} {'ours/raw':>9} {'budget':>7}")
    found = [row for engine in options.engines.split(",") for row in _print(engine, options.rounds)]
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def _print(engine: str, rounds: int) -> list[dict]:
    (rows,) = per_engine(__file__, engine, ["--rounds", str(rounds)], OMP_NUM_THREADS="1")
    for r in rows:
        over = r["ours"] - r["raw"]
        budget = "" if r["budget"] is None else f"{r['budget']:.1f}" + (" !" if over > r["budget"] and engine in ("numpy", "torch") else "")
        print(f"{r['engine']:<11} {r['op']:<12} {r['raw']:8.2f} {over:9.2f} {r['keras'] - r['raw']:10.2f} {r['ours'] / r['raw']:9.2f} {budget:>7}")
    return rows


if __name__ == "__main__":
    main()
