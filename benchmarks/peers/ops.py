"""Compare every public op, random numbers and trees with Keras 3.15, on NumPy and on JAX, and write what differs on purpose.

Run: python3 dev.py run bench python benchmarks/peers/ops.py [--write docs/differences.md]
The exit status is 1 where a difference has no reason, an explanation no difference, or an op no comparison.
"""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

from op_calls import ENGINES, findings, report

HERE = Path(__file__).resolve().parent
SCRIPTS = ("ops_elementwise", "ops_numpy", "ops_linalg_image", "ops_nn", "ops_core")
SURFACE = HERE.parents[1] / "tests" / "api" / "surface.json"

INTRO = """# Differences from Keras

{total:,} calls of {ops} public ops, random distributions and tree functions were made on pronghorn and on Keras 3.15 with the same generated inputs, on NumPy and on JAX. Values, shapes, dtypes and
refusals agree, but for what this table says. Where Keras' own engines disagree, pronghorn does the same on every engine: what NumPy and JAX mean. Of random
numbers, only shapes, dtypes, refusals and moments are compared: the generators differ. This file is written by

    python3 dev.py run bench python benchmarks/peers/ops.py --write docs/differences.md

| op | engines | pronghorn | Keras, or why | calls that differ | calls |
|---|---|---|---|---:|---:|
"""


def public() -> set[str]:
    """Return every name to compare: ops by their last name, random and tree with their package."""
    names = set()
    for full in json.loads(SURFACE.read_text()):
        parts = full.split(".")
        if parts[0] == "ops":
            names.add(parts[-1])
        elif parts[0] in ("random", "tree"):
            names.add(full)
    return names


def table(results: dict[str, dict[str, dict]]) -> str:
    """Return the document."""
    calls: Counter = Counter()
    rows: dict[tuple[str, str, str], dict[str, int]] = defaultdict(Counter)
    for engines in results.values():
        for engine, result in engines.items():
            calls.update(result["calls"])
            for op, _, _, number in result["found"]:
                if number is not None:
                    rows[(op, *result["known"][number][:2])][engine] += 1
    lines = [INTRO.format(total=sum(calls.values()), ops=len({op.removeprefix("spec ") for op in calls}))]
    for (op, ours, theirs), count in sorted(rows.items()):
        shown = f"{op.removeprefix('spec ')} (symbolic)" if op.startswith("spec ") else op
        cells = (f"`{shown}`", ", ".join(e for e in ENGINES if e in count), ours, theirs, sum(count.values()), calls[op])
        lines.append("| " + " | ".join(str(c).replace("|", "\\|") for c in cells) + " |\n")
    return "".join(lines)


def main() -> int:
    """Run every script on every engine."""
    target = sys.argv[sys.argv.index("--write") + 1] if "--write" in sys.argv else None
    faults, results = 0, {}
    for script in SCRIPTS:
        path = str(HERE / f"{script}.py")
        results[script] = {engine: findings(path, engine) for engine in ENGINES}
        faults += report(path, results[script])
    for engine in ENGINES:
        left = sorted(public() - {op for r in results.values() for op in r[engine]["calls"]})
        faults += len(left)
        print(f"ops not compared on {engine}: {', '.join(left) or 'none'}")
    if target:
        Path(target).write_text(table(results))
        print(f"wrote {target}")
    print(f"{faults} without a reason")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
