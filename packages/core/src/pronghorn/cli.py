"""The command line: `python -m pronghorn`, or `pronghorn`.

A command is a row of `COMMANDS`: its name, one line of help, a function that adds its arguments to the parser, and a function
that takes the parsed arguments and returns the exit code. What a command needs is imported when it runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Command(NamedTuple):
    name: str
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    """A command without arguments."""


def _backends(args: argparse.Namespace) -> int:
    """Print a table on a terminal and aligned columns elsewhere; hints stand below, one a line, so that they can be copied."""
    from pronghorn.backend import registry

    infos = registry.list_backends()
    active = registry.active_name()
    head = ["backend", "engine", "status", "capabilities"]
    names = [f"{i.name} *" if i.name == active else i.name for i in infos]
    rows = [[name, i.version or "-", i.status, " ".join(sorted(i.capabilities)) or "-"] for name, i in zip(names, infos)]
    notes = [f"{i.name}: {i.hint}" for i in infos if i.hint]
    if active not in {i.name for i in infos if i.status == registry.READY}:
        notes.append(f"{registry.ENVIRONMENT}={active} asks for a backend that is not ready")
    notes.append("* active: see pronghorn.set_backend, pronghorn.use_backend and " + registry.ENVIRONMENT)
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        colours = {registry.READY: "green", registry.MISSING: "yellow", registry.INCOMPATIBLE: "red", registry.BROKEN: "red"}
        table = Table(*head)
        for row, info in zip(rows, infos):
            table.add_row(*row, style=None if info.status == registry.READY else colours[info.status])
        console = Console()
        console.print(table)
        for note in notes:
            console.print(note, soft_wrap=True, markup=False, highlight=False)
        return 0
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    for row in [head, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for note in notes:
        print(note)
    return 0


def _positive(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more; received {text!r}")
    return int(text)


def _race_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", nargs="?", help="a .keras file; without one, a small convnet")
    parser.add_argument("--data", metavar="NPZ", help="arrays x and y; random ones by default")
    parser.add_argument("--backends", help="names, separated by commas; all that are ready by default")
    parser.add_argument("--batch-size", type=_positive, default=32)
    parser.add_argument("--steps", type=_positive, default=20, help="batches in a round")
    parser.add_argument("--rounds", type=_positive, default=5, help="timed rounds, of which the median counts")


class _UnfitFile(Exception):
    """A file that does not hold what a command needs."""


def _arrays(path: str) -> dict[str, Any]:
    """Return the arrays of an .npz file, x among them."""
    import zipfile

    import numpy as np

    try:
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except (EOFError, ValueError, zipfile.BadZipFile) as error:
        raise _UnfitFile(f"{path} is no .npz file of numbers ({error}). Write one with numpy.savez(path, x=..., y=...).") from None
    if "x" not in found:
        raise _UnfitFile(f"{path} holds no array x; it holds {', '.join(found) or 'none'}. Write one with numpy.savez(path, x=..., y=...).")
    return found


def _race(args: argparse.Namespace) -> int:
    """Time a model on every engine and print the table."""
    import pronghorn as ph
    from pronghorn.racing import race, random_data

    with ph.use_backend("numpy"):
        if args.model:
            model = ph.models.load_model(args.model)
        else:
            layers = ph.layers
            stack = [layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D()]
            model = ph.Sequential([layers.Input((28, 28, 1)), *stack, layers.Flatten(), layers.Dense(10, activation="softmax")])
            model.compile("adam", "sparse_categorical_crossentropy")
        if args.data:
            arrays = _arrays(args.data)
            x, y = arrays["x"], arrays.get("y") if model.optimizer is not None else None
        else:
            x, y = random_data(model, args.batch_size * args.steps)
        names = args.backends.split(",") if args.backends else None
        print(race(model, x, y, backends=names, batch_size=args.batch_size, steps=args.steps, rounds=args.rounds))
    return 0


COMMANDS: list[Command] = [
    Command("backends", "list the engines, what they can do, and how to install those that are missing", _no_arguments, _backends),
    Command("race", "time a model on every ready engine", _race_arguments, _race),
]


def parser() -> argparse.ArgumentParser:
    """Build the parser from `COMMANDS`."""
    top = argparse.ArgumentParser(prog="pronghorn", description="Deep learning with the Keras 3 API on any engine.")
    sub = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        own = sub.add_parser(command.name, help=command.help, description=command.help)
        command.arguments(own)
        own.set_defaults(run=command.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 2, and one line on the error stream, where a file or an engine that it names is missing or unfit."""
    from pronghorn.backend.errors import BackendIncompatibleError, BackendNotFoundError, BackendNotInstalledError

    args = parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        return run(args)
    except (OSError, _UnfitFile, BackendIncompatibleError, BackendNotFoundError, BackendNotInstalledError) as error:
        print(f"pronghorn {args.command}: error: {error}", file=sys.stderr)
        return 2
