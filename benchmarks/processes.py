"""A process per engine: Keras holds one engine per process, and libgomp reads its settings once."""

import json
import math
import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any


def names(parser: ArgumentParser, option: str, given: str, known: Iterable[str], separator: str = ",") -> list[str]:
    """Return what was given as a list; an unknown name ends the program before anything is measured."""
    found, known = [name.strip() for name in given.split(separator) if name.strip()], list(known)
    if missing := sorted(set(found) - set(known)):
        parser.error(f"--{option}: {missing} unknown; choose from {', '.join(map(repr, known))}")
    if not found:
        parser.error(f"--{option}: {given!r} names nothing; choose from {', '.join(map(repr, known))}")
    return found


def seconds(text: str) -> float:
    """Return a time given on the command line: a finite number, zero or more."""
    if not 0 <= (value := float(text)) < math.inf:
        raise ValueError(text)
    return value


def per_engine(script: str, engines: str, arguments: list[str], label: str = "", **environment: str) -> list[Any]:
    """Run `script --child ENGINE ...` for each engine and return what each printed as JSON behind "ROWS ".

    Args:
        script: path of the benchmark.
        engines: names, separated by commas.
        arguments: passed on to each.
        label: what is run, for messages.
        environment: variables, below those of the caller.
    """
    import pronghorn

    chosen, ready = engines.split(","), [b.name for b in pronghorn.list_backends() if b.status == "ready"]
    if missing := [name for name in chosen if name not in ready]:
        sys.exit(f"--engines: {missing} not ready here; choose from {', '.join(ready)} (python -m pronghorn backends says what is missing)")
    # libgomp's spinning threads make small models up to ten times slower beside a busy neighbour
    env = {"OMP_WAIT_POLICY": "PASSIVE", "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "2", **environment, **os.environ}
    found = []
    for engine in chosen:
        what = f"{engine} {label}".strip()
        print(f"{what} ...", file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, script, "--child", engine, *arguments], env=env, capture_output=True, text=True)
        line = next((ln for ln in done.stdout.splitlines() if ln.startswith("ROWS ")), None)
        if line is None:
            sys.exit(f"{what} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        found.append(json.loads(line[5:]))
    return found
