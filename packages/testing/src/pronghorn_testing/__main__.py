"""Tables about backends, as Markdown.

    python -m pronghorn_testing table [BACKEND...] [--ops PATTERN] [--write FILE]
                                                                   the measured error of every op, dtype and backend; of all of them, in
                                                                   this repository: written to docs/numerics.md, else printed
    python -m pronghorn_testing contract [--write PAGE]              what a backend implements; PAGE is brought up to date between its marks
"""

import argparse
import sys
from pathlib import Path

from pronghorn.backend import registry
from pronghorn_testing import contract_table, numerics

PAGE = Path("docs/numerics.md")


def _table(names: list[str], ops: str, write: Path | None) -> int:
    ready = {b.name: b.version or "" for b in registry.list_backends() if b.status == registry.READY}
    if not names and ops == "*" and write is None and PAGE.exists():
        write = PAGE
    names = names or list(ready)
    rows = numerics.measure(names, ops)
    text = numerics.page(rows, names, {n: ready.get(n, "") for n in names}, numerics.refusals(names))
    if write:
        write.write_text(text, encoding="utf-8")
    else:
        print(text)
    left = numerics.unexplained(rows)
    if left:
        print("Not explained in reasons.toml:", *left, sep="\n  ", file=sys.stderr)
    return 1 if left else 0


def main(argv: list[str]) -> int:
    """Run the command line; 1 where a backend is behind without a reason."""
    parser = argparse.ArgumentParser(prog="python -m pronghorn_testing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["table", "contract"])
    parser.add_argument("backends", nargs="*", help="default: every backend that is ready")
    parser.add_argument("--ops", default="*", metavar="PATTERN", help="measure only these ops")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write it there instead of printing it")
    given = parser.parse_args(argv)
    if given.command == "table":
        return _table(given.backends, given.ops, given.write)
    if given.write:
        contract_table.write(given.write)
    else:
        print(contract_table.table())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
