"""Measure what `fit` costs besides its steps: once per call, and per step around the compiled function, on a model that computes next to nothing.

    python3 dev.py run bench python benchmarks/loop.py
    python3 dev.py run bench python benchmarks/loop.py --engines jax --rounds 30

The smallest of many rounds by the clock. *fixed* is a `fit` of one step less that step; *step* the cost of one more step; *bare* the compiled function alone,
called on prepared batches; *loop* what is left: gathering the batch, handing it over, the loop itself.

*predict* is the median time that `predict` of one batch of a convnet spends outside its step, with a step that does nothing; *after a step* the same with the
real step, after which the processor's caches hold the step's data and no longer the interpreter's.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from typing import Any

STEPS, SIZE = 500, 8


def best(jobs: list, rounds: int) -> list[float]:
    """Return the seconds of each job's fastest call; the jobs take turns."""
    found: list[list[float]] = [[] for _ in jobs]
    for _ in range(rounds):
        for job, times in zip(jobs, found, strict=True):
            start = time.perf_counter()
            job()
            times.append(time.perf_counter() - start)
    return [min(times) for times in found]


def measure(engine: str, rounds: int) -> tuple[float, float, float]:
    """Return ms per call, and µs per step with the loop and without."""
    import numpy as np

    import pronghorn as ph

    ph.set_backend(engine)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(STEPS * SIZE, 4)).astype("float32"), rng.normal(size=(STEPS * SIZE, 1)).astype("float32")
    model = ph.Sequential([ph.layers.Input((4,)), ph.layers.Dense(1)])
    model.compile(ph.optimizers.SGD(1e-3), "mse")
    fit = lambda steps: model.fit(x[: steps * SIZE], y[: steps * SIZE], batch_size=SIZE, shuffle=False, verbose=0)  # noqa: E731
    fit(STEPS)
    fit(1)
    run, executor = model._function("train"), model.backend.executor()
    batch = executor.put((x[:SIZE].copy(), y[:SIZE].copy(), None))

    def bare() -> None:
        out = None
        for _ in range(STEPS):
            out = run(batch)
        executor.fetch(out)

    one, many, alone = best([lambda: fit(1), lambda: fit(STEPS), bare], rounds)
    step = (many - one) / (STEPS - 1)
    return (one - step) * 1e3, step * 1e6, alone / STEPS * 1e6


def around(engine: str, rounds: int) -> tuple[float, float]:
    """Return µs that `predict` of one batch takes outside its step: with a step that does nothing, and with the real one."""
    import models

    import pronghorn as ph

    if engine == "torch":
        import torch

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    ph.set_backend(engine)
    model, size = models.build(ph, "convnet"), models.DATA["convnet"][1]
    x, _ = models.data("convnet", size)
    model.predict(x, batch_size=size, verbose=0)
    executor, find = model.backend.executor(), model._function
    ready = find("predict")(executor.put((x, None, None)))
    executor.fetch(ready)
    inside = 0.0

    def computes(batch: Any) -> Any:
        nonlocal inside
        start = time.perf_counter()
        out = step(batch)
        executor.fetch(out)
        inside = time.perf_counter() - start
        return out

    def does_nothing(batch: Any) -> Any:
        nonlocal inside
        inside = 0.0
        return ready

    found: dict[Any, list[float]] = {does_nothing: [], computes: []}
    for run, times in found.items():

        def function(kind: str, run: Any = run) -> Any:
            nonlocal step
            step = find(kind)
            return run

        step = find("predict")
        model._function = function
        for _ in range(10 * rounds):
            start = time.perf_counter()
            model.predict(x, batch_size=size, verbose=0)
            times.append(time.perf_counter() - start - inside)
    warm, cold = (statistics.median(times) * 1e6 for times in found.values())
    return warm, cold


def main() -> None:
    """Run a process per engine and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="jax,torch,tensorflow")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        fixed, step, bare = measure(options.child, options.rounds)
        warm, cold = around(options.child, options.rounds)
        print(f"{options.child:<11} {fixed:8.2f} ms {step:8.1f} µs {bare:8.1f} µs {step - bare:8.1f} µs {warm:8.1f} µs {cold:11.1f} µs", flush=True)
        return
    env = {"OMP_WAIT_POLICY": "PASSIVE", "TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    print(f"{'engine':<11} {'fixed':>11} {'step':>11} {'bare':>11} {'loop':>11} {'predict':>11} {'after a step':>14}", flush=True)
    for engine in options.engines.split(","):
        subprocess.run([sys.executable, __file__, "--child", engine, "--rounds", str(options.rounds)], env=env, check=True)


if __name__ == "__main__":
    main()
