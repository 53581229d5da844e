"""The contract as a table: every function that a backend implements, read from the declarations that core itself goes by."""

from pathlib import Path

import pronghorn.ops  # noqa: F401  registers every op
from pronghorn.backend import primitives
from pronghorn.backend.op import PRIMITIVES

START, END = "<!-- contract: made by python -m pronghorn_testing contract -->", "<!-- end of contract -->"


def _row(name: str, parameters: object, needed: str, meaning: str) -> str:
    return f"| `{name}({', '.join(parameters)})` | {needed} | {' '.join(meaning.split()).replace('|', chr(92) + '|')} |"  # type: ignore[call-overload]


def table() -> str:
    """Return the contract as Markdown: function, what it is needed for, meaning."""
    head = ["| function | needed | what it returns |", "|---|---|---|"]
    ops = [_row(n, p.signature.parameters, p.capability or "always", p.doc) for n, p in PRIMITIVES.items()]
    groups = [
        ("Tensor operations; operands are native tensors, already promoted to one dtype, axes counted from zero", ops),
        ("Creation", [_row(n, p, "always", doc) for n, (p, doc) in primitives.CREATION.items()]),
        ("Conversion", [_row(n, p, "always", doc) for n, (p, doc) in primitives.CONVERSION.items()]),
        ("Control flow over nests of native tensors", [_row(n, p, "always", doc) for n, (p, doc) in primitives.CONTROL.items()]),
        ("Functions of functions", [_row(n, p, "autodiff", doc) for n, (p, doc) in primitives.AUTODIFF.items()]),
        ("Random bits", [_row(n, p, "native_rng", doc) for n, (p, doc) in primitives.NATIVE_RNG.items()]),
    ]
    return "\n\n".join("\n".join([f"**{title}**", "", *head, *rows]) for title, rows in groups)


def update(page: str) -> str:
    """Return the page with the table between its two marks brought up to date.

    Raises:
        ValueError: a page without the marks.
    """
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"The page has no place for the table: it needs the lines {START} and {END}.")
    return f"{before}{START}\n\n{table()}\n\n{END}{after}"


def write(path: Path) -> None:
    """Bring the table within a page up to date."""
    path.write_text(update(path.read_text(encoding="utf-8")), encoding="utf-8")
