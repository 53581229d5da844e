"""`python -m pronghorn_testing table [BACKEND...]`: the measured error of every op, dtype and backend, as Markdown."""

import argparse
import sys
from collections.abc import Iterable

from pronghorn.backend import registry
from pronghorn_testing import kit
from pronghorn_testing.checks import measure


def table(names: Iterable[str]) -> str:
    """Return a Markdown table of relative errors against the reference, the worst of each op's cases; `-` where a backend lacks the dtype."""
    names = list(names)
    worst: dict[tuple[str, str], dict[str, str]] = {}
    sizes: dict[tuple[str, str, str], float] = {}
    for run in kit.runs():
        for name in names:
            backend = kit.load(name)
            if backend is None or run.case.check is not None or not kit.applies("value", run, backend):
                continue
            row = worst.setdefault((run.case.op, run.dtype), {})
            try:
                found = measure(run, backend)
            except Exception as error:
                row[name] = type(error).__name__
                continue
            sizes[(run.case.op, run.dtype, name)] = largest = max(found, sizes.get((run.case.op, run.dtype, name), 0.0))
            if not row.get(name, "").endswith("Error"):
                row[name] = "0" if largest == 0 else f"{largest:.1e}"
    lines = ["| op | dtype | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for (op, dtype), row in sorted(worst.items()):
        lines.append(f"| `{op}` | {dtype} | " + " | ".join(row.get(n, "-") for n in names) + " |")
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m pronghorn_testing", description=__doc__)
    parser.add_argument("command", choices=["table"])
    parser.add_argument("backends", nargs="*", help="default: every backend that is ready")
    given = parser.parse_args(argv)
    names = given.backends or [b.name for b in registry.list_backends() if b.status == registry.READY and b.name != "numpy"]
    print(table(names))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
