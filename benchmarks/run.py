"""Time pronghorn, hand-written native code and Keras on the same models, interleaved in one process per engine and model.

    python3 dev.py run bench python benchmarks/run.py --quick          # an MLP and a convnet on every engine
    python3 dev.py run bench python benchmarks/run.py                  # and a transformer, an LSTM and a ResNet-18
    python3 dev.py run bench python benchmarks/run.py --engines torch --models lstm --json out.json
    python3 dev.py run bench python benchmarks/run.py --precision mixed_bfloat16 --scale 4

Ratios are medians over rounds of paired CPU times (all threads of the process); below 1 is faster than the arm named. Keras can hold one engine per
process, and what a model leaves in memory changes the next one's steps, so each engine and model get a process of their own, with all three arms in
it. An engine that finds an accelerator is timed by the clock, in mixed precision and with batches sixteen times as large unless the options say
otherwise.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

from processes import names, per_engine, seconds
from ratios import against, paired

ARMS = ("ours", "native", "keras")
TASKS = ("fit step", "predict", "predict, one batch", "predict_on_batch", "model(x)", "model(x), batch 1")
QUICK = ("mlp", "convnet")
#: steps of one epoch, which are the calls of one round; and rounds
STEPS = {"mlp": (200, 9), "convnet": (10, 9), "transformer": (4, 7), "lstm": (5, 9), "resnet18": (1, 5)}


def timed(fn) -> tuple[float, float]:
    """Return CPU and wall seconds of one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    fn()
    return time.process_time() - cpu, time.perf_counter() - wall


def interleave(jobs: dict, rounds: int, limit: float) -> dict[str, list[tuple[float, float]]]:
    """Run the jobs in rotating order, `rounds` times and on to 15 times within `limit` seconds, and return each one's times."""
    names, times = list(jobs), {name: [] for name in jobs}
    for name in names:  # warm up: compile, allocate
        jobs[name]()
        jobs[name]()
    i, start = 0, time.perf_counter()
    while i < rounds or (i < 15 and time.perf_counter() - start < limit):
        for k in range(len(names)):
            name = names[(i + k) % len(names)]
            times[name].append(timed(jobs[name]))
        i += 1
    return times


def child(engine: str, kind: str, only: list[str], options: argparse.Namespace) -> list[dict]:
    """Measure one model on one engine in this process; `only` names the tasks, all if empty."""
    compiled = {"auto": "auto", "true": True, "false": False}[options.jit]
    quick, arms = options.quick, options.arms.split(",")
    os.environ["KERAS_BACKEND"] = engine
    import numpy as np

    if engine == "torch" or engine == "openvino":
        import torch

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    import keras
    import models as zoo
    import natives

    import pronghorn as ph

    with ph.use_backend(engine) as backend:
        device = backend.devices()[0]
    ph.set_backend(engine)
    accelerated = not device.startswith("cpu")
    precision = options.precision or ("mixed_bfloat16" if accelerated else "float32")
    scale = options.scale or (16 if accelerated else 1)
    for lib in (ph, keras):
        lib.config.set_dtype_policy(precision)
    rows = []
    steps, rounds = STEPS[kind]
    if quick:
        steps, rounds = -(-steps // 2), -(-rounds // 2)
    size = zoo.DATA[kind][1] * scale
    x, y = zoo.data(kind, size * steps)
    fit, predict = natives.make(engine, kind, precision != "float32")
    models = {"ours": zoo.build(ph, kind), "keras": zoo.build(keras, kind)}
    training = engine != "openvino"
    if training:
        for name, lib in (("ours", ph), ("keras", keras)):
            models[name].compile(lib.optimizers.Adam(1e-3), lib.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=compiled)
    settings = {"batch_size": size, "verbose": 0}
    one = x[:size]
    tasks = {
        "predict": {
            "ours": lambda: models["ours"].predict(x, **settings),
            "native": lambda: [predict(x[i : i + size]) for i in range(0, len(x), size)],
            "keras": lambda: models["keras"].predict(x, **settings),
        },
        "predict, one batch": {
            "ours": lambda: [models["ours"].predict(one, **settings) for _ in range(steps)],
            "native": lambda: [predict(one) for _ in range(steps)],
            "keras": lambda: [models["keras"].predict(one, **settings) for _ in range(steps)],
        },
        "predict_on_batch": {
            "ours": lambda: [models["ours"].predict_on_batch(one) for _ in range(steps)],
            "native": lambda: [predict(one) for _ in range(steps)],
            "keras": lambda: [models["keras"].predict_on_batch(one) for _ in range(steps)],
        },
        "model(x)": {
            "ours": lambda: [ph.ops.convert_to_numpy(models["ours"](one)) for _ in range(steps)],
            "native": lambda: [predict(one) for _ in range(steps)],
            "keras": lambda: [keras.ops.convert_to_numpy(models["keras"](one)) for _ in range(steps)],
        },
        "model(x), batch 1": {
            "ours": lambda: [np.asarray(ph.ops.convert_to_numpy(models["ours"](x[:1]))) for _ in range(steps)],
            "native": lambda: [predict(x[:1]) for _ in range(steps)],
            "keras": lambda: [np.asarray(keras.ops.convert_to_numpy(models["keras"](x[:1]))) for _ in range(steps)],
        },
    }
    if training:
        tasks = {
            "fit step": {
                "ours": lambda: models["ours"].fit(x, y, epochs=1, shuffle=False, **settings),
                "native": lambda: fit(x, y, size),
                "keras": lambda: models["keras"].fit(x, y, epochs=1, shuffle=False, **settings),
            },
            **tasks,
        }
    for task in TASKS:
        if task not in tasks or only and task not in only:
            continue
        jobs = {arm: tasks[task][arm] for arm in arms}
        cold = time.perf_counter()
        jobs["ours"]()
        cold = time.perf_counter() - cold
        times = interleave(jobs, rounds, options.seconds)
        row = {"engine": engine, "model": kind, "task": task, "per_call": steps, "jit": options.jit, "ours_cold_s": cold}
        row |= {"device": device, "precision": precision, "batch": size, "by": "clock" if accelerated else "CPU time"}
        for arm in arms:
            row[f"{arm}_cpu_ms"] = statistics.median(c for c, _ in times[arm]) / steps * 1e3
            row[f"{arm}_wall_ms"] = statistics.median(w for _, w in times[arm]) / steps * 1e3
        for other in arms[1:]:
            row[f"vs_{other}"], row[f"vs_{other}_spread"] = paired(*[[t[accelerated] for t in times[arm]] for arm in ("ours", other)])
        rows.append(row)
    return rows


def table(rows: list[dict]) -> None:
    """Print the results."""
    from rich.console import Console
    from rich.table import Table

    kinds = " and ".join(sorted({f"{r['by']} on {r['device']}, {r['precision']}" for r in rows}))
    out = Table(title=f"Times per step or call ({kinds}); ratios are medians of paired rounds (quartiles)")
    for head in ("engine", "model", "task", "ours ms", "native ms", "Keras ms", "ours / native", "ours / Keras"):
        out.add_column(head, justify="left" if head in ("engine", "model", "task") else "right", no_wrap=True)
    for r in rows:
        key = "wall_ms" if r["by"] == "clock" else "cpu_ms"
        times = [f"{r[f'{arm}_{key}']:.2f}" if f"{arm}_{key}" in r else "–" for arm in ARMS]
        ratios = [against(r, o) for o in ("native", "keras")]
        out.add_row(r["engine"], r["model"], r["task"], *times, *ratios)
    Console(width=130).print(out)


def main() -> None:
    """Run a process per engine and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and steps")
    parser.add_argument("--seconds", type=seconds, default=0.0, help="further rounds as long as a cell has taken less than this, up to 15")
    parser.add_argument("--engines", default="jax,torch,tensorflow,openvino")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--jit", choices=["auto", "true", "false"], default="auto", help="jit_compile of ours and of Keras")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--tasks", default="", help="names, separated by semicolons; all by default")
    parser.add_argument("--arms", default=",".join(ARMS), help="ours and what it is compared with")
    parser.add_argument("--precision", choices=["float32", "mixed_bfloat16"], help="dtype policy; mixed on an accelerator by default")
    parser.add_argument("--scale", type=int, help="how many times larger batches are; 16 on an accelerator by default")
    parser.add_argument("--models", help="names, separated by commas; all by default, mlp and convnet with --quick")
    options = parser.parse_args()
    if options.scale is not None and options.scale < 1:
        parser.error(f"--scale must be 1 or more; received {options.scale}")
    import models as zoo

    kinds = names(parser, "models", options.models, zoo.DATA) if options.models else list(QUICK if options.quick else zoo.DATA)
    only = names(parser, "tasks", options.tasks, TASKS, ";") if options.tasks else []
    arms = names(parser, "arms", options.arms, ARMS)
    if arms[0] != "ours":
        parser.error(f"--arms: ours is what the others are compared with and comes first; received {options.arms!r}")
    options.arms = ",".join(arms)
    if options.child:
        print("ROWS " + json.dumps(child(options.child, kinds[0], only, options)))
        return
    arguments = ["--jit", options.jit, "--tasks", options.tasks, "--arms", options.arms, *(["--quick"] if options.quick else [])]
    for name in ("precision", "scale", "seconds"):
        if getattr(options, name):
            arguments += [f"--{name}", str(getattr(options, name))]
    found = [per_engine(__file__, options.engines, ["--models", kind, *arguments], kind) for kind in kinds]
    rows = [row for models in zip(*found, strict=True) for model in models for row in model]
    table(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
