"""Measure what a model costs outside its steps: construction, the first step, memory, saving and loading, each in a fresh process.

    python3 dev.py run bench python benchmarks/lifecycle.py
    python3 dev.py run bench python benchmarks/lifecycle.py --engines torch --rounds 5 --json out.json

- construction: CPU time to build a functional ResNet-50 (23.5 million parameters, 107 layers with weights), engine and library imported before; beside the
  same network of hand-written torch modules, and on the other engines beside its 267 start values alone, drawn by NumPy and handed to the engine.
- first step: CPU time of the first `fit` step of the convnet, compilation included, beside the same of a hand-written step.
- memory: peak resident size after ten steps of a ResNet-18, over that after the imports.
- save, load: CPU time to write the ResNet-50 to a `.keras` file and to read it back, without compiling.

The arms take turns. A cell's rounds go on for some time, so that short ones are measured often; ratios are medians over the rounds, with quartiles.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from processes import names, seconds
from ratios import against, paired

ENGINES = ("jax", "torch", "tensorflow")
TASKS = ("construction", "first step", "memory", "save", "load")


def _library(arm: str, engine: str):
    os.environ["KERAS_BACKEND"] = engine
    if arm == "keras":
        import keras

        return keras
    import pronghorn

    pronghorn.set_backend(engine)
    return pronghorn


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _cpu(fn) -> float:
    start = time.process_time()
    fn()
    return time.process_time() - start


def _native(engine: str, task: str) -> float:
    import models as zoo
    import natives
    from natives import construction

    if task == "construction":
        return _cpu(construction.prepare(engine))
    kind, steps = ("convnet", 1) if task == "first step" else ("resnet18", 10)
    size = zoo.DATA[kind][1]
    x, y = zoo.data(kind, size * steps)
    before = _peak()
    fit, _ = natives.make(engine, kind)
    spent = _cpu(lambda: fit(x, y, size))
    return spent if task == "first step" else _peak() - before


def measure(arm: str, engine: str, task: str) -> float:
    """Return CPU seconds, or MiB for memory, in this process."""
    if engine == "torch":
        import torch

        torch.set_num_threads(2)
    if arm == "native":
        return _native(engine, task)
    lib = _library(arm, engine)
    import models as zoo

    if task in ("first step", "memory"):
        kind, steps = ("convnet", 1) if task == "first step" else ("resnet18", 10)
        size = zoo.DATA[kind][1]
        x, y = zoo.data(kind, size * steps)
        zoo.build(lib, "mlp")  # what a library imports when it is first used
        before = _peak()
        model = zoo.build(lib, kind)
        model.compile(lib.optimizers.Adam(1e-3), lib.losses.SparseCategoricalCrossentropy(from_logits=True))
        spent = _cpu(lambda: model.fit(x, y, batch_size=size, verbose=0))
        return spent if task == "first step" else _peak() - before
    if task == "construction":
        return _cpu(lambda: zoo.build(lib, "resnet50"))
    model = zoo.build(lib, "resnet50")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        saved = _cpu(lambda: model.save(path))
        return saved if task == "save" else _cpu(lambda: lib.models.load_model(path, compile=False))


def main() -> None:
    """Run a process per engine, task, arm and round, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--rounds", type=int, default=3, help="at least")
    parser.add_argument("--seconds", type=seconds, default=60.0, help="further rounds as long as a cell has taken less than this, up to 15")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print("FOUND", measure(*options.child))
        return
    if options.rounds < 1:
        parser.error(f"--rounds must be 1 or more; received {options.rounds}")
    engines, tasks = names(parser, "engines", options.engines, ENGINES), names(parser, "tasks", options.tasks, TASKS)
    env = {"OMP_WAIT_POLICY": "PASSIVE", "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "2", **os.environ}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # else every process would compile what is imported when it is first used
    rows = []
    print(f"{'engine':<11} {'task':<13} {'ours':>8} {'native':>8} {'Keras':>8}  {'ours/native':>18} {'ours/Keras':>18} {'rounds':>6}")
    for engine in engines:
        for task in tasks:
            native = task in ("construction", "first step", "memory")
            arms = ("ours", "native", "keras") if native else ("ours", "keras")
            times: dict[str, list[float]] = {arm: [] for arm in arms}
            start = time.perf_counter()
            while len(times["ours"]) < options.rounds or (time.perf_counter() - start < options.seconds and len(times["ours"]) < 15):
                for arm in arms:
                    done = subprocess.run([sys.executable, __file__, "--child", arm, engine, task], env=env, capture_output=True, text=True, check=False)
                    line = next((ln for ln in done.stdout.splitlines() if ln.startswith("FOUND ")), None)
                    if line is None:
                        sys.exit(f"{arm} on {engine}, {task}, failed:\n{done.stderr[-3000:]}")
                    times[arm].append(float(line.split()[1]))
            found = {arm: statistics.median(t) for arm, t in times.items()}
            row: dict[str, Any] = {"engine": engine, "task": task, "unit": "MiB" if task == "memory" else "s", **found, "rounds": len(times["ours"])}
            for other in arms[1:]:
                row[f"vs_{other}"], row[f"vs_{other}_spread"] = paired(times["ours"], times[other])
            rows.append(row)
            unit = " MiB" if task == "memory" else " s"
            cells = [f"{found[a]:.{0 if task == 'memory' else 2}f}{unit}" if a in found else "" for a in ("ours", "native", "keras")]
            ratios = [against(row, a) for a in ("native", "keras")]
            print(f"{engine:<11} {task:<13} {cells[0]:>8} {cells[1]:>8} {cells[2]:>8}  {ratios[0]:>18} {ratios[1]:>18} {row['rounds']:>6}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
