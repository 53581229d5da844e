"""The published table of numerical errors: every op, float dtype and backend, measured in one seeded run."""

import fnmatch
import re
import textwrap
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import numpy as np

from pronghorn.backend import dtypes, families, registry
from pronghorn.backend.errors import CapabilityError
from pronghorn.backend.op import OPS, PRIMITIVES
from pronghorn.state.tree import flatten
from pronghorn_testing import checks, kit
from pronghorn_testing.case import Run

#: the dtypes that the table has, with the distance from 1 to the next number
EPSILON = {"float32": 2.0**-23, "float64": 2.0**-52, "float16": 2.0**-10, "bfloat16": 2.0**-7}
_NORMAL = {"float32": 2.0**-126, "float64": 2.0**-1022, "float16": 2.0**-14, "bfloat16": 2.0**-126}  # below these the spacing stays
_COMPLEX = {"float32": "complex64", "float64": "complex128"}
_SAMPLES = 12  # draws of every case's inputs
_PER_ELEMENT = (families._elementwise, families._broadcast, families._absolute)
_MODULES = ("elementwise", "special", "complex")  # of pronghorn.ops: ops of single elements
REFERENCE = "numpy"


@dataclass
class Row:
    """One line of the table: an op in a dtype."""

    op: str
    dtype: str
    errors: dict[str, float] = field(default_factory=dict)  # backend -> ULP
    failed: dict[str, str] = field(default_factory=dict)  # backend -> class of the error
    worst: tuple[float, str, str] = (0.0, "", "")  # ULP, backend, case

    @property
    def exact(self) -> bool:
        """Whether every backend gives the correctly rounded result, as far as the samples tell."""
        return not self.failed and max(self.errors.values(), default=0.0) <= 0.5

    def behind(self) -> dict[str, float]:
        """Return the backends that are more than ten times worse than the best one, or than one ULP, with their factor."""
        best = max(min(self.errors.values(), default=0.0), 1.0)
        return {name: e / best for name, e in self.errors.items() if e > 10 * best}


def by_element(op: str) -> bool:
    """Tell whether each element of an op's result counts by itself, in units in the last place of that element."""
    name = op.removeprefix("p.")
    found = PRIMITIVES.get(name) if op.startswith("p.") or name not in OPS else OPS[name]
    if found is None:
        return False
    return found.rule in _PER_ELEMENT or getattr(found.body, "__module__", "").rpartition(".")[2] in _MODULES


def ulp(actual: np.ndarray, expected: np.ndarray, dtype: str, largest: float | None) -> float:
    """Return the largest error in units in the last place.

    Args:
        actual: what a backend computed in `dtype`.
        expected: the result in float64.
        dtype: the dtype whose spacing is the unit.
        largest: the magnitude at which the spacing is taken; None for that of each element of `expected`.
    """
    if not actual.size:
        return 0.0
    a, e = checks._plain(actual), checks._plain(expected)
    with np.errstate(over="ignore"):
        held = e if np.iscomplexobj(e) else checks._plain(e.astype(dtypes.numpy_dtype(dtype)))
    same = (a == e) | (np.isnan(a) & np.isnan(e)) | (~np.isfinite(a) & (a == held))  # what overflows in the dtype may be infinite
    both = np.isfinite(a) & np.isfinite(e) & ~same
    if not np.all(same | both):
        return float("inf")
    if not both.any():
        return 0.0
    size = np.abs(e[both]) if largest is None else np.asarray(largest)
    spacing = EPSILON[dtype] * 2.0 ** np.floor(np.log2(np.maximum(size, _NORMAL[dtype])))
    return float((np.abs(a[both] - e[both]) / spacing).max())


def _kinds(run: Run) -> Iterable[str]:
    """The dtypes in which the table has a case: all floats where it is one of floats."""
    return EPSILON if run.dtype == "float32" else ()


def _compute(backend: Any, run: Run, arrays: list[np.ndarray]) -> list[np.ndarray]:
    with registry.use_backend(backend.name), np.errstate(all="ignore"):
        return [np.asarray(backend.convert_to_numpy(leaf)) for leaf in flatten(run.call(checks.native(backend, arrays)))]


def _expected(run: Run, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The result in float64 of inputs that are rounded to the dtype of the row."""
    wide = [a.astype("float64") if a.dtype.name in EPSILON else a for a in arrays]
    return _compute(registry.get(REFERENCE), run, wide)


def _largest(results: list[np.ndarray]) -> float:
    """The largest finite magnitude of one result over all samples."""
    sizes = [np.abs(checks._plain(r)) for r in results]
    return max((float(s[np.isfinite(s)].max()) for s in sizes if np.isfinite(s).any()), default=0.0)


def measure(names: Iterable[str], ops: str = "*") -> list[Row]:
    """Run every case of the ops that match a pattern in every float dtype on the backends named, and return the rows of the table."""
    backends = [b for b in map(kit.load, names) if b is not None]
    rows: dict[tuple[str, str], Row] = {}
    for case in kit.runs():
        for dtype in _kinds(case):
            run = Run(case.case, dtype)
            if case.case.check is not None or not fnmatch.fnmatchcase(case.case.op, ops) or not any(kit.applies("value", run, b) for b in backends):
                continue
            samples = [run.draw(sample=i) for i in range(_SAMPLES if _random(run) else 1)]
            try:
                expected = [_expected(run, arrays) for arrays in samples]
            except Exception:  # the case is of another dtype alone: it names a dtype among its arguments, or the op has none of this one
                continue
            if not any(e.dtype.kind in "fc" or e.dtype.name in EPSILON for result in expected for e in result):
                continue
            row = rows.setdefault((run.case.op, dtype), Row(run.case.op, dtype))
            for backend in backends:
                if backend.name == REFERENCE and dtype == "float64":
                    continue  # it is what the others are measured against
                if dtype in backend.dtypes and kit.applies("value", run, backend):
                    _measure(row, run, backend, samples, expected)
    return [row for _, row in sorted(rows.items())]


def _random(run: Run) -> bool:
    return any(x.values is None for x in run.inputs)


def _measure(row: Row, run: Run, backend: Any, samples: list, expected: list) -> None:
    sizes = [None if by_element(run.case.op) else _largest(list(parts)) for parts in zip(*expected, strict=True)]
    for arrays, wanted in zip(samples, expected, strict=True):
        try:
            results = _compute(backend, run, arrays)
        except Exception as error:
            row.failed[backend.name] = type(error).__name__
            return
        for a, e, size in zip(results, wanted, sizes, strict=True):
            if a.dtype.name not in (row.dtype, _COMPLEX.get(row.dtype)):
                continue  # indices, flags and results of inputs that have a dtype of their own, which the kit compares
            found = ulp(a, e, row.dtype, size)
            row.errors[backend.name] = max(found, row.errors.get(backend.name, 0.0))
            row.worst = max(row.worst, (found, backend.name, run.case.name))


def refusals(names: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Return what engines refuse: backend → missing capability → ops.

    Every case that asks for a capability which the backend lacks is called; those that run all the same are not listed.

    Raises:
        AssertionError: a refusal that is no `CapabilityError`.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for backend in (b for b in map(kit.load, names) if b is not None):
        for run in kit.runs():
            if run.dtype != run.case.dtypes[0] or run.dtype not in backend.dtypes or kit.applies("value", run, backend) or not kit.exists(run.case.op):
                continue
            try:
                _compute(backend, run, run.draw())
            except CapabilityError as error:
                missing = re.search(r'capability "(\w+)"', str(error))
                ops = found.setdefault(backend.name, {}).setdefault(missing[1] if missing else "complex", [])
                if (name := run.case.name.removeprefix("p.")) not in ops:
                    ops.append(name)
            except TypeError as error:
                assert "has no dtype" in str(error), f"{run.case.name} on {backend.name}: {error}"
    return found


# -- the page ------------------------------------------------------------------------------------------------------------------------------
def reasons() -> dict[str, dict[str, str]]:
    """Return why a backend is behind: pattern of ops → backend → sentence."""
    return tomllib.loads(resources.files(__package__).joinpath("reasons.toml").read_text(encoding="utf-8"))


def why(row: Row, backend: str, table: dict[str, dict[str, str]]) -> str | None:
    """Return the sentence that tells why `backend` is behind in this row."""
    for pattern, entries in table.items():
        if any(fnmatch.fnmatchcase(f"{row.op} {row.dtype}", p) or fnmatch.fnmatchcase(row.op, p) for p in pattern.split("|")):
            for who, sentence in entries.items():
                if fnmatch.fnmatchcase(backend, who):
                    return sentence
    return None


def unexplained(rows: Iterable[Row]) -> list[str]:
    """Return what is more than ten times worse than the best backend without a sentence that says why."""
    table = reasons()
    return [f"{r.op} {r.dtype} on {name}: {factor:.0f} times the best" for r in rows for name, factor in r.behind().items() if why(r, name, table) is None]


def _cell(row: Row, name: str) -> str:
    if name in row.failed:
        return row.failed[name]
    if name not in row.errors:
        return "-"
    found = row.errors[name]
    return "0" if found == 0 else "inf" if np.isinf(found) else f"{found:.1f}" if found < 1000 else f"{found:.0e}"


def page(rows: list[Row], names: list[str], versions: dict[str, str], refused: dict[str, dict[str, list[str]]]) -> str:
    """Return the table as Markdown."""
    table = reasons()
    out = [INTRODUCTION.format(samples=_SAMPLES, engines=", ".join(f"{n} {versions[n]}" for n in names))]
    for dtype in EPSILON:
        exact = [r.op.removeprefix("p.") for r in rows if r.dtype == dtype and r.exact]
        out += [f"## {dtype}", "", *textwrap.wrap(f"Correctly rounded on every engine: {', '.join(f'`{n}`' for n in sorted(set(exact)))}.", 150), ""]
        out += ["| op | " + " | ".join(names) + " | worst case |", "|---|" + "---|" * (len(names) + 1)]
        for r in rows:
            if r.dtype == dtype and not r.exact:
                case = f"{r.worst[2]} on {r.worst[1]}" if r.worst[0] > 1 else ""
                out.append(f"| `{r.op.removeprefix('p.')}` | " + " | ".join(_cell(r, n) for n in names) + f" | {case} |")
        out.append("")
    out += ["## Why an engine is behind", "", "Every engine that is more than ten times worse than the best one (or than one ULP) in a row:", ""]
    sentences: dict[tuple[str, str], list[str]] = {}
    for r in rows:
        for name in r.behind():
            sentences.setdefault((name, why(r, name, table) or "not explained"), []).append(f"`{r.op.removeprefix('p.')}` ({r.dtype})")
    for (name, sentence), ops in sorted(sentences.items()):
        out += textwrap.wrap(f"- {name}: {', '.join(ops)}: {sentence}", 150, subsequent_indent="  ")
    out += ["", "## What an engine does not run", "", "Cases that an engine refuses with a `CapabilityError`, when it is called or while a model is traced for it:", ""]
    for name, by_capability in refused.items():
        for capability, cases in by_capability.items():
            sentence = table["capability " + capability].get(name, "")
            out += textwrap.wrap(f"- {name}, {capability}: {sentence} {', '.join(f'`{c}`' for c in sorted(cases))}.", 150, subsequent_indent="  ")
    return "\n".join(out) + "\n"


INTRODUCTION = """# Numerical errors

Made by `python -m pronghorn_testing table`: each case of the conformance kit, {samples} seeded draws of its inputs, against the numpy
engine in float64 on the same (rounded) inputs. Engines: {engines}; CPU.

The unit is the distance between neighbouring numbers of the dtype (ULP): for ops of single elements at each element of the result, for all others at the
largest one of the case's results. A correctly rounded result has at most 0.5. `-`: the engine has no such dtype or does not run the op; `inf`: it gives
infinity or NaN where the reference does not. float64 is measured against the numpy engine itself. Integers and booleans have no error: the kit compares them
exactly.
"""
