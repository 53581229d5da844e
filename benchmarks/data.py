"""Time the data path of `fit` in pronghorn and Keras: the same sources and the same small model, interleaved in one process per engine.

    python3 dev.py run bench python benchmarks/data.py --quick
    python3 dev.py run bench python benchmarks/data.py --engines torch --cases threads_sleep,generator --json out.json

Samples per second are medians of rounds of wall time; a ratio above 1 says that pronghorn feeds more samples per second than Keras.
"""

import argparse
import json
import os
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from processes import names, per_engine
from ratios import against, paired

SIDE, BATCH, WORKERS = 32, 64, 4
#: case -> batches per epoch
CASES = {
    "threads_sleep": 40, "threads_numpy": 60, "processes_sleep": 40, "processes_numpy": 60, "processes_large": 40,
    "generator": 150, "arrays_float32": 150, "arrays_float64": 150, "arrays_uint8": 150,
}  # fmt: skip


def rows(count: int, dtype: str = "float32") -> np.ndarray:
    """Return images of random whole numbers."""
    return np.random.default_rng(0).integers(0, 255, (count, SIDE, SIDE, 3)).astype(dtype)


def dataset(base: type, work: str, batches: int, **options: Any) -> Any:
    """Return a dataset whose batches cost some time: by waiting as for a disk, or by NumPy that lets other threads run."""
    size = 4 * BATCH if work == "large" else BATCH
    images, labels = rows(size), np.zeros((size, 1), "float32")
    matrix = np.random.default_rng(1).normal(size=(160, 160))

    class Images(base):  # type: ignore[misc]
        def __len__(self) -> int:
            return batches

        def __getitem__(self, index: int) -> tuple:
            if work == "sleep":
                time.sleep(0.008)
            if work == "numpy":
                np.linalg.svd(matrix)
            return images / 255, labels

    return Images(workers=WORKERS, **options)


def model(lib: Any) -> Any:
    """Return a model that costs little beside its data."""
    m = lib.Sequential([lib.Input((SIDE, SIDE, 3)), lib.layers.AveragePooling2D(8), lib.layers.Flatten(), lib.layers.Dense(1)])
    m.compile(lib.optimizers.SGD(1e-6), "mse")
    return m


def job(lib: Any, case: str, batches: int) -> Any:
    """Return a function that trains one epoch of a case."""
    m, options = model(lib), {"verbose": 0, "shuffle": False}
    kind, _, work = case.partition("_")
    if kind in ("threads", "processes"):
        source = dataset(lib.utils.PyDataset, work, batches, use_multiprocessing=kind == "processes")
        return lambda: m.fit(source, **options)
    y = np.zeros((BATCH * batches, 1), "float32")
    x = rows(BATCH * batches, work or "float32")
    if kind == "arrays":
        return lambda: m.fit(x, y, batch_size=BATCH, **options)

    def generate() -> Any:
        for i in range(0, len(x), BATCH):
            yield x[i : i + BATCH] / 255, y[i : i + BATCH]

    return lambda: m.fit(generate(), steps_per_epoch=batches, **options)


def child(engine: str, cases: list[str], quick: bool) -> list[dict]:
    """Measure one engine in this process."""
    os.environ["KERAS_BACKEND"] = engine
    import keras

    import pronghorn as ph

    warnings.filterwarnings("ignore", message=".*fork")
    ph.set_backend(engine)
    found = []
    for case in cases:
        batches = CASES[case] // (2 if quick else 1)
        jobs = {"ours": job(ph, case, batches), "keras": job(keras, case, batches)}
        times: dict[str, list[float]] = {name: [] for name in jobs}
        for i in range(-1, 5 if quick else 9):
            for name in list(jobs)[:: 1 if i % 2 else -1]:
                start = time.perf_counter()
                jobs[name]()
                if i >= 0:  # the first round compiles
                    times[name].append(time.perf_counter() - start)
        samples = batches * BATCH * (4 if case.endswith("large") else 1)
        row = {name: samples / statistics.median(t) for name, t in times.items()}
        row["vs_keras"], row["vs_keras_spread"] = paired(times["keras"], times["ours"])  # samples per second go the other way than seconds
        found.append({"engine": engine, "case": case, **row})
    return found


def table(found: list[dict]) -> None:
    """Print the results."""
    print(f"{'engine':<12}{'case':<18}{'ours /s':>12}{'Keras /s':>12}{'ours / Keras (quartiles)':>28}")
    for r in found:
        print(f"{r['engine']:<12}{r['case']:<18}{r['ours']:>12,.0f}{r['keras']:>12,.0f}{against(r, 'keras'):>28}")


def main() -> None:
    """Run a process per engine and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and batches")
    parser.add_argument("--engines", default="jax,torch,tensorflow")
    parser.add_argument("--cases", default=",".join(CASES), help="names, separated by commas")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    cases = names(parser, "cases", options.cases, CASES)
    if options.child:
        print("ROWS " + json.dumps(child(options.child, cases, options.quick)))
        return
    arguments = ["--cases", options.cases, *(["--quick"] if options.quick else [])]
    # one thread per call: the workers are what is measured
    found = [row for rows in per_engine(__file__, options.engines, arguments, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1") for row in rows]
    table(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
