"""Measure what `fit` costs besides its steps: once per call, and per step around the compiled function, on a model that computes next to nothing.

    python3 dev.py run bench python benchmarks/loop.py
    python3 dev.py run bench python benchmarks/loop.py --engines jax --rounds 30

By the clock. *fixed* is a `fit` of one step less that step, the smallest of many rounds; *step* the cost of one more step, the compiled function included.
*loop* is what gathering a batch, handing it over and the loop itself take per step, with a function that does nothing in place of the compiled one; *predict*
what `predict` of one batch of a convnet takes outside its step, with such a function too. *after* is the same beside the real function, after which the
processor's caches hold the step's data and no longer the interpreter's, and the engine's own threads are still at work. Medians.
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


def measure(engine: str, rounds: int) -> tuple[float, float, float, float]:
    """Return ms per call, and µs per step: of the whole step, of the loop around a function that does nothing, and of the loop around the real one."""
    import numpy as np

    import pronghorn as ph

    ph.set_backend(engine)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(STEPS * SIZE, 4)).astype("float32"), rng.normal(size=(STEPS * SIZE, 1)).astype("float32")
    model = ph.Sequential([ph.layers.Input((4,)), ph.layers.Dense(1)])
    model.compile(ph.optimizers.SGD(1e-3), "mse")
    fit = lambda steps: model.fit(x[: steps * SIZE], y[: steps * SIZE], batch_size=SIZE, verbose=0)  # noqa: E731
    fit(STEPS)
    fit(1)
    one, many = best([lambda: fit(1), lambda: fit(STEPS)], rounds)
    step = (many - one) / (STEPS - 1)
    run = model._function("train")
    ready = run(model.backend.executor().put((x[:SIZE].copy(), y[:SIZE].copy(), None)))
    inside = 0.0

    def computes(batch: Any) -> Any:
        nonlocal inside
        start = time.perf_counter()
        out = run(batch)
        inside += time.perf_counter() - start
        return out

    found = []
    for function in (lambda batch: ready, computes):
        model._function = lambda *options, function=function: function
        times = []
        for _ in range(rounds):
            inside, start = 0.0, time.perf_counter()
            fit(STEPS)
            times.append(time.perf_counter() - start - inside)
        found.append((statistics.median(times) - (one - step)) / STEPS)
    return (one - step) * 1e3, step * 1e6, *[f * 1e6 for f in found]


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
        fixed, *rest = [*measure(options.child, options.rounds), *around(options.child, options.rounds)]
        print(f"{options.child:<11} {fixed:8.2f} ms {' '.join(f'{t:8.1f} µs' for t in rest)}", flush=True)
        return
    env = {"OMP_WAIT_POLICY": "PASSIVE", "TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    print(f"{'engine':<11} {'fixed':>11} {'step':>11} {'loop':>11} {'after':>11} {'predict':>11} {'after':>11}", flush=True)
    for engine in options.engines.split(","):
        subprocess.run([sys.executable, __file__, "--child", engine, "--rounds", str(options.rounds)], env=env, check=True)


if __name__ == "__main__":
    main()
