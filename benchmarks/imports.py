"""Measure what importing costs: CPU time and memory, in fresh processes with byte code cached, over what it stands on.

    python3 dev.py run bench python benchmarks/imports.py
    python3 dev.py run bench python benchmarks/imports.py --rounds 15 --json out.json

`import pronghorn` stands on `import numpy`, a plugin (pronghorn with the engine loaded) on the engine, and so does Keras: a process imports the one, collects
its garbage, and then counts what the other adds. A process's memory is its peak resident size.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ENGINES = {"jax": "jax", "torch": "torch", "tensorflow": "tensorflow", "openvino": "openvino"}
MEASURE = """
import gc, resource, sys

def used():
    now = resource.getrusage(resource.RUSAGE_SELF)
    return now.ru_utime + now.ru_stime, now.ru_maxrss / 1024

exec(sys.argv[1])
before = used()
gc.collect()  # what came before left this to do
start = used()
exec(sys.argv[2])
print("measured", *before, *(b - a for a, b in zip(start, used())))
"""


def programs(engines: list[str]) -> dict[str, tuple[str | None, str, dict[str, str]]]:
    """Name -> (name of what it stands on, code, environment)."""
    load = "import pronghorn; pronghorn.set_backend({!r}); import pronghorn.layers, pronghorn.models"
    table: dict[str, tuple[str | None, str, dict[str, str]]] = {
        "numpy": (None, "import numpy", {}),
        "pronghorn": ("numpy", "import pronghorn", {}),
        "pronghorn[numpy]": ("numpy", load.format("numpy"), {}),
    }
    for name in engines:
        table[name] = (None, f"import numpy, {ENGINES[name]}", {})
        table[f"pronghorn[{name}]"] = (name, load.format(name), {})
        table[f"keras on {name}"] = (name, "import keras", {"KERAS_BACKEND": name})
    return table


def once(base: str, code: str, environment: dict[str, str], cache: str) -> list[float]:
    """CPU seconds and peak MiB of a fresh process that runs `base`, the interpreter included, and what `code` adds to both."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPYCACHEPREFIX": cache, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    out = subprocess.run([sys.executable, "-c", MEASURE, base, code], env=env, check=True, capture_output=True, text=True).stdout
    line = next(line for line in out.splitlines() if line.startswith("measured"))
    return [float(number) for number in line.split()[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="*", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table = programs(options.engines)
    seen: dict[str, list[list[float]]] = {name: [] for name in table}
    with tempfile.TemporaryDirectory() as cache:
        for i in range(options.rounds + 1):
            for name in list(seen):
                over, code, environment = table[name]
                try:
                    measured = once(table[over][1] if over else "", code, environment, cache)
                except subprocess.CalledProcessError as error:
                    print(f"{name}: {error.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                    del seen[name]
                    continue
                if i:  # the first round writes the byte code
                    seen[name].append(measured)
    rows = []
    print(f"{'import':24}{'CPU s':>8}{'MiB':>8}{'  over':14}")
    for name, found in seen.items():
        cpu, peak, cpu_more, mib_more = (statistics.median(column) for column in zip(*found, strict=True))
        over = table[name][0]
        row = {"import": name, "cpu_s": cpu_more, "mib": mib_more, "over": over}
        if over is None:
            row |= {"cpu_s": cpu + cpu_more, "mib": peak + mib_more}
        rows.append(row)
        print(f"{name:24}{row['cpu_s']:8.3f}{row['mib']:8.0f}  {over or ''}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
