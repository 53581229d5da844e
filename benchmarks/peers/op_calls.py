"""Call ops of pronghorn and of Keras alike, on one engine, and tell what differs; shared by the `ops_*.py` scripts of this folder.

A script has `calls()`, which yields every call as (op, arguments, keywords) or as (op, function of the namespace, label), and a table `EXPLAINED` of the differences
that are known. Keras has one backend per process, so each engine is compared in a process of its own, which writes its findings as one line of JSON.
"""

import fnmatch
import json
import os
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ENGINES = ("numpy", "jax")


@dataclass(frozen=True)
class Known:
    """A difference that is meant to be: where, what, and why. The first three are patterns.

    Args:
        engine: name of the engine.
        op: name of the op.
        what: what differs, as printed, or label and difference.
        ours: what pronghorn does.
        theirs: what Keras does, or why pronghorn does not.
    """

    engine: str
    op: str
    what: str
    ours: str
    theirs: str

    def fits(self, engine: str, op: str, label: str, what: str) -> bool:
        """Whether it explains a difference."""
        if not (fnmatch.fnmatchcase(engine, self.engine) and fnmatch.fnmatchcase(op, self.op)):
            return False
        return fnmatch.fnmatchcase(what, self.what) or fnmatch.fnmatchcase(f"{label}: {what}", self.what)


def draw(rng: np.random.Generator, shape: tuple, dtype: str = "float32", special: bool = False) -> np.ndarray:
    """Return numbers of a dtype; a NaN and an infinity among them if `special`."""
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype.startswith(("int", "uint")):
        return rng.integers(0 if dtype[0] == "u" else -4, 6, shape).astype(dtype)
    if dtype.startswith("complex"):
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    x = np.asarray(rng.normal(size=shape) * 3).astype(dtype)
    if special and x.size > 2:
        x.reshape(-1)[1], x.reshape(-1)[-1] = np.nan, np.inf
    return x


# -- one call ------------------------------------------------------------------------------------------------------------------------------
def tensors(value: Any, convert: Any) -> Any:
    """Return a value with its arrays, also those in a list or tuple, as tensors."""
    if isinstance(value, (np.ndarray, np.generic)):
        return convert(value)
    if isinstance(value, (list, tuple)) and any(isinstance(v, np.ndarray) for v in value):
        return type(value)(tensors(v, convert) for v in value)
    return value


def outcome(ops: Any, op: str, args: Any, kwargs: Any) -> Any:
    """Return the results of a call as a flat list, or the exception."""
    convert = lambda v: ops.convert_to_tensor(v, v.dtype.name)
    try:
        if callable(args):
            out = args(ops)
        else:
            fn = ops
            for part in op.split("."):
                fn = getattr(fn, part)
            out = fn(*[tensors(a, convert) for a in args], **{k: tensors(v, convert) for k, v in kwargs.items()})
    except Exception as error:
        return error
    return list(_flat(out))


def _flat(out: Any) -> Iterable:
    if isinstance(out, dict):
        out = [out[k] for k in sorted(out)]
    if isinstance(out, (list, tuple)):
        for v in out:
            yield from _flat(v)
    else:
        yield out


def _dtype(x: Any) -> str:
    return str(x.dtype).rpartition(".")[2] if hasattr(x, "dtype") else "python number"


def difference(ours: Any, theirs: Any) -> str | None:
    """Say what differs between two outcomes, or None."""
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        if isinstance(ours, Exception) and isinstance(theirs, Exception):
            return None
        return f"only we refuse: {ours}" if isinstance(ours, Exception) else f"only Keras refuses: {theirs}"
    if len(ours) != len(theirs):
        return f"{len(ours)} results, Keras {len(theirs)}"
    for a, b in zip(ours, theirs, strict=True):
        if a is None or b is None or isinstance(a, str) or isinstance(b, str):
            if type(a) is not type(b) or a != b:
                return f"value {a!r}, Keras {b!r}"
            continue
        x, y = np.asarray(a), np.asarray(b)
        if x.shape != y.shape:
            return f"shape {x.shape}, Keras {y.shape}"
        kinds = _dtype(a), _dtype(b)
        limit = 4e-3 if "float16" in kinds else 3e-2 if "bfloat16" in kinds else 2e-5
        wide = [v.astype("complex128" if "complex" in kinds[0] + kinds[1] else "float64") for v in (x, y)]
        scale = max(1.0, float(np.max(np.abs(wide[1]), initial=0.0, where=np.isfinite(wide[1]))))
        if not np.allclose(*wide, rtol=limit, atol=limit * scale * 0.1, equal_nan=True):
            return f"value ({kinds[0]}) {x.tolist()}, Keras {y.tolist()}"
        if kinds[0] != kinds[1]:
            return f"python number instead of {kinds[0]}" if kinds[1] == "python number" else f"dtype {kinds[0]}, Keras {kinds[1]}"
    return None


# -- one engine ----------------------------------------------------------------------------------------------------------------------------
def child(engine: str, calls: Callable[[], Iterable], known: list[Known], few: int, every: int, spaces: Callable[[], tuple]) -> None:
    """Compare on one engine and write the findings.

    Args:
        engine: name of the engine; Keras runs on it as well.
        calls: yields the calls.
        known: differences with a reason.
        few: of the calls of one op on an engine that compiles each shape, how many first ones are made.
        every: which of the others.
        spaces: returns the two namespaces that ops are taken from: ours and Keras'.
    """
    warnings.filterwarnings("ignore")
    np.seterr(all="ignore")
    import pronghorn as ph

    ph.set_backend(engine)
    ours, theirs = spaces()
    findings = Findings(engine, known)
    seen: Counter = Counter()
    for op, args, rest in calls():
        seen[op] += 1
        if engine != "numpy" and seen[op] > few and seen[op] % every:
            continue
        what = difference(outcome(ours, op, args, rest), outcome(theirs, op, args, rest))
        shown = rest if callable(args) else f"({', '.join(_shown(a) for a in args)}, {rest})"
        findings.add(op, f"{op} {shown}" if callable(args) else f"{op}{shown}"[:200], what)
    findings.write()


def _shown(a: Any) -> str:
    return f"{a.dtype}{list(a.shape)}" if isinstance(a, np.ndarray) else f"[{', '.join(map(_shown, a))}]" if isinstance(a, list) else repr(a)[:60]


class Findings:
    """What one process found, for `write`: the calls of each op, and the differences with the number of the explanation."""

    def __init__(self, engine: str, known: list[Known]):
        self.engine, self.known = engine, known
        self.calls: Counter = Counter()
        self.found: list[tuple[str, str, str, int | None]] = []

    def add(self, op: str, label: str, what: str | None) -> None:
        """Count a call, and keep what differs."""
        self.calls[op] += 1
        if what:
            self.differ(op, label, what)

    def differ(self, op: str, label: str, what: str) -> None:
        """Keep a difference."""
        number = next((i for i, k in enumerate(self.known) if k.fits(self.engine, op, label, what)), None)
        self.found.append((op, label, what[:400], number))

    def write(self) -> None:
        """Write everything as the last line of the output."""
        sys.stdout.flush()
        known = [[k.ours, k.theirs, f"{k.engine} {k.op} {k.what}"] for k in self.known]
        print(json.dumps({"calls": self.calls, "found": self.found, "known": known}), flush=True)


# -- all engines ---------------------------------------------------------------------------------------------------------------------------
def findings(script: str, engine: str) -> dict:
    """Run a script on one engine, in a process of its own, and return what it found."""
    env = {**os.environ, "KERAS_BACKEND": engine, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, script, engine], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{script} {engine} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def report(script: str, results: dict[str, dict]) -> int:
    """Print what a script found on the engines; return how many differences have no reason, and explanations no difference."""
    faults, used, table = 0, set(), []
    for engine, result in results.items():
        explained: Counter = Counter()
        for op, label, what, number in result["found"]:
            if number is None:
                faults += 1
                print(f"UNEXPLAINED {engine} {label}: {what}")
            else:
                used.add(number)
                explained[op, number] += 1
        total = sum(result["calls"].values())
        differing = len({(op, label) for op, label, *_ in result["found"]})
        print(f"{Path(script).name} on {engine}: {total} calls of {len(result['calls'])} ops, {total - differing} equal, {sum(explained.values())} explained")
        for (op, number), count in sorted(explained.items()):
            table.append(f"  {engine:6} {op:20} {count:4}  {'. '.join(result['known'][number][:2])}")
        table, _ = [], [print(line) for line in table]
    for i, (*_, pattern) in enumerate(next(iter(results.values()))["known"]):
        if i not in used:
            faults += 1
            print(f"STALE explanation without a difference: {pattern}")
    return faults


def main(script: str, calls: Callable[[], Iterable], known: list[Known], few: int = 6, every: int = 7, spaces: Callable[[], tuple] | None = None) -> None:
    """Be the child if an engine is named on the command line; otherwise run one for each and exit with 1 where anything has no reason."""
    if len(sys.argv) > 1:
        return child(sys.argv[1], calls, known, few, every, spaces or _ops)
    faults = report(script, {engine: findings(script, engine) for engine in ENGINES})
    print(f"{faults} without a reason")
    sys.exit(1 if faults else 0)


def _ops() -> tuple:
    import keras

    import pronghorn as ph

    return ph.ops, keras.ops
