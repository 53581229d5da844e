"""Measure what it is worth that the C library keeps memory which steps have freed (`pronghorn.backend.memory`), in fresh processes.

    python3 dev.py run bench python benchmarks/malloc.py
    python3 dev.py run bench python benchmarks/malloc.py --engines torch --models convnet,resnet18 --rounds 5

CPU ms per step with and without, page faults per step, and the peak memory of the process in MiB.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

STEPS = {"mlp": 100, "convnet": 10, "transformer": 4, "lstm": 5, "resnet18": 1}


def measure(engine: str, kind: str) -> dict[str, list[float]]:
    """Return task -> (CPU ms per step, page faults per step, peak MiB) in this process."""
    if engine == "torch":
        import torch

        torch.set_num_threads(2)
    import models as zoo

    import pronghorn as ph

    ph.set_backend(engine)
    steps, size = STEPS[kind], zoo.DATA[kind][1]
    x, y = zoo.data(kind, size * steps)
    model = zoo.build(ph, kind)
    model.compile(ph.optimizers.Adam(1e-3), ph.losses.SparseCategoricalCrossentropy(from_logits=True))
    jobs = {
        "fit step": lambda: model.fit(x, y, batch_size=size, shuffle=False, verbose=0),
        "predict": lambda: model.predict(x, batch_size=size, verbose=0),
    }
    found = {}
    for task, job in jobs.items():
        job()
        job()
        times = []
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            start = time.process_time()
            job()
            times.append(time.process_time() - start)
        used = resource.getrusage(resource.RUSAGE_SELF)
        found[task] = [statistics.median(times) / steps * 1e3, (used.ru_minflt - before) / steps / 5, used.ru_maxrss / 1024]
    return found


def main() -> None:
    """Run a process per engine, model, choice and round, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="jax,torch,tensorflow")
    parser.add_argument("--models", default="convnet,transformer,resnet18")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print("FOUND", json.dumps(measure(*options.child)))
        return
    env = {"OMP_WAIT_POLICY": "PASSIVE", "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "2", **os.environ}
    print(f"{'engine':<11} {'model':<12} {'task':<9} {'kept ms':>9} {'returned':>9} {'ratio':>6} {'faults':>8} {'returned':>9} {'MiB':>6} {'returned':>9}")
    for engine in options.engines.split(","):
        for kind in options.models.split(","):
            seen: dict[str, list[dict]] = {"1": [], "0": []}
            for _ in range(options.rounds):
                for choice, rows in seen.items():
                    command = [sys.executable, __file__, "--child", engine, kind]
                    done = subprocess.run(command, env={**env, "PRONGHORN_KEEP_MEMORY": choice}, capture_output=True, text=True, check=False)
                    line = next((ln for ln in done.stdout.splitlines() if ln.startswith("FOUND ")), None)
                    if line is None:
                        sys.exit(f"{engine}, {kind}, failed:\n{done.stderr[-3000:]}")
                    rows.append(json.loads(line[6:]))
            for task in seen["1"][0]:
                middle = {c: [statistics.median(column) for column in zip(*(row[task] for row in rows), strict=True)] for c, rows in seen.items()}
                (ms, faults, mib), (ms0, faults0, mib0) = middle["1"], middle["0"]
                ratio = statistics.median(a[task][0] / b[task][0] for a, b in zip(seen["1"], seen["0"], strict=True))
                cells = f"{ms:9.2f} {ms0:9.2f} {ratio:6.2f} {faults:8.0f} {faults0:9.0f} {mib:6.0f} {mib0:9.0f}"
                print(f"{engine:<11} {kind:<12} {task:<9} {cells}", flush=True)


if __name__ == "__main__":
    main()
