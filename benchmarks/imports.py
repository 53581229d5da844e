"""Measure what importing costs: CPU time and memory, each import in fresh processes with byte code cached, as a difference to what it stands on.

    python3 dev.py run bench python benchmarks/imports.py
    python3 dev.py run bench python benchmarks/imports.py --rounds 15 --json out.json

`import pronghorn` is compared with `import numpy`; a plugin (pronghorn with the engine loaded) with the engine alone; Keras likewise. A process's memory is
its peak resident size.
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
import resource, sys
exec(sys.argv[1])
used = resource.getrusage(resource.RUSAGE_SELF)
print("measured", used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def programs(engines: list[str]) -> dict[str, tuple[str, str | None, dict[str, str]]]:
    """Name -> (code, name of what it is compared with, environment)."""
    load = "import pronghorn; pronghorn.set_backend({!r}); import pronghorn.layers, pronghorn.models"
    table: dict[str, tuple[str, str | None, dict[str, str]]] = {
        "numpy": ("import numpy", None, {}),
        "pronghorn": ("import pronghorn", "numpy", {}),
        "pronghorn[numpy]": (load.format("numpy"), "numpy", {}),
    }
    for name in engines:
        table[name] = (f"import numpy, {ENGINES[name]}", None, {})
        table[f"pronghorn[{name}]"] = (load.format(name), name, {})
        table[f"keras on {name}"] = ("import keras", name, {"KERAS_BACKEND": name})
    return table


def once(code: str, environment: dict[str, str], cache: str) -> tuple[float, float]:
    """CPU seconds and peak MiB of a fresh process that runs `code`, the bare interpreter included."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPYCACHEPREFIX": cache, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    out = subprocess.run([sys.executable, "-c", MEASURE, code], env=env, check=True, capture_output=True, text=True).stdout
    line = next(line for line in out.splitlines() if line.startswith("measured"))
    cpu, peak = line.split()[1:]
    return float(cpu), float(peak)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="*", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table = programs(options.engines)
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in table}
    with tempfile.TemporaryDirectory() as cache:
        for name, (code, _, environment) in table.items():
            try:
                once(code, environment, cache)  # writes the byte code
            except subprocess.CalledProcessError as error:
                print(f"{name}: {error.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                del seen[name]
        for _ in range(options.rounds):
            for name in seen:
                code, _, environment = table[name]
                seen[name].append(once(code, environment, cache))
    rows = []
    print(f"{'import':24}{'CPU s':>8}{'MiB':>8}{'  over':14}{'CPU s':>8}{'MiB':>8}")
    for name, measured in seen.items():
        cpu, peak = (statistics.median(column) for column in zip(*measured, strict=True))
        row = {"import": name, "cpu_s": cpu, "mib": peak, "over": table[name][1]}
        line = f"{name:24}{cpu:8.3f}{peak:8.0f}"
        if row["over"] in seen:
            base = seen[row["over"]]
            row["cpu_s_more"] = statistics.median(a[0] - b[0] for a, b in zip(measured, base, strict=True))
            row["mib_more"] = statistics.median(a[1] - b[1] for a, b in zip(measured, base, strict=True))
            line += f"  {row['over']:12}{row['cpu_s_more']:8.3f}{row['mib_more']:8.0f}"
        rows.append(row)
        print(line)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
