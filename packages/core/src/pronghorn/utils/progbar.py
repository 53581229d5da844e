"""A progress bar for terminals, notebooks and log files."""

import sys
import time
from typing import Any

from pronghorn.utils.logging import is_interactive_logging_enabled


def _in_notebook() -> bool:
    module = sys.modules.get("IPython")
    if module is None:
        return False
    shell = module.get_ipython()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


def is_watched() -> bool:
    """Tell whether standard output can rewrite a line: a terminal or a notebook."""
    if _in_notebook():
        return True
    try:
        return bool(sys.stdout.isatty())
    except (AttributeError, ValueError):
        return False


def resolve_verbose(verbose: Any) -> int:
    """Return 0, 1 or 2 for a `verbose` argument; "auto" is a bar where somebody watches, else a line per epoch."""
    if verbose == "auto":
        return 1 if is_watched() and is_interactive_logging_enabled() else 2
    if verbose in (0, 1, 2):
        return int(verbose)
    raise ValueError(f'verbose must be 0, 1, 2 or "auto"; received {verbose!r}.')


class Progbar:
    """Shows how far something has come.

    In a terminal or notebook one line is rewritten. Elsewhere (a file, a pipe) there is one line at the end and no control characters.

    Args:
        target: number of steps, None if that is not known.
        width: length of the bar.
        verbose: 0 for nothing, 1 for a bar, 2 for a line at the end, "auto" for 1 where somebody watches.
        interval: least seconds between two updates on the screen.
        stateful_metrics: names of values that are shown as they are; others are averaged over time.
        stateless_metrics: accepted for compatibility.
        unit_name: what a step is called.

    Example:
        >>> bar = Progbar(2, verbose=2)
        >>> bar.update(1, [("loss", 2.0)]); bar.update(2, [("loss", 1.0)])   # doctest: +ELLIPSIS
        2/2 - 0s - ... - loss: 1.5000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: Any = 1,
        interval: float = 0.05,
        stateful_metrics: Any = None,
        stateless_metrics: Any = None,
        unit_name: str = "step",
    ):
        self.target, self.width, self.verbose, self.interval, self.unit_name = target, width, resolve_verbose(verbose), interval, unit_name
        self.stateful_metrics = set(stateful_metrics or ())
        #: whether values that are not stateful are averaged; results of `fit` are means already
        self.averaged = True
        self._rewrites = self.verbose == 1 and is_watched()
        self._values: dict[str, list[Any]] = {}
        self._seen = 0
        self._start = time.perf_counter()
        self._shown = 0.0
        self._length = 0
        self._title = ""
        self.finalized = False

    def title(self, text: str) -> None:
        """Put a line above the bar."""
        self._title = text
        if self._rewrites or self.verbose == 2:
            print(text, flush=self._rewrites)
            self._title = ""

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """Show step `current`.

        Args:
            current: number of steps done.
            values: list of (name, value).
            finalize: whether this is the end; by default when `target` is reached.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            if name in self.stateful_metrics or not self.averaged:
                self._values[name] = [value, 1]
            else:
                total = self._values.setdefault(name, [0.0, 0])
                total[0], total[1] = total[0] + value * steps, total[1] + steps
        self._seen = current
        if not self.verbose or self.finalized:
            return
        now = time.perf_counter()
        if not finalize and (not self._rewrites or now - self._shown < self.interval):
            return
        self._shown = now
        line = self._line(current, now - self._start, finalize)
        if self._rewrites:
            padding = " " * max(self._length - len(line), 0)
            sys.stdout.write(f"\r{line}{padding}" + ("\n" if finalize else ""))
            self._length = len(line)
        else:
            sys.stdout.write((f"{self._title} - " if self._title else "") + line + "\n")
        sys.stdout.flush()
        self.finalized = finalize

    def add(self, n: int, values: Any = None) -> None:
        """Show `n` steps more."""
        self.update(self._seen + n, values)

    def abandon(self) -> None:
        """Leave the line where it is, after an interruption."""
        if self._rewrites and self._length and not self.finalized:
            sys.stdout.write("\n")
            sys.stdout.flush()
        self.finalized = True

    def _line(self, current: int, seconds: float, final: bool) -> str:
        parts = []
        count = str(current) if self.target is None else f"{current:{len(str(self.target))}d}/{self.target}"
        if self._rewrites:
            if self.target:
                done = min(int(self.width * current / self.target), self.width)
                count = f"{count} {'━' * done}{'─' * (self.width - done)}"
            each = seconds / max(current, 1)
            if final or not self.target:
                parts.append(f"{_duration(seconds)} {_each(each)}/{self.unit_name}")
            else:
                parts.append(f"{_duration(each * (self.target - current))} left, {_each(each)}/{self.unit_name}")
        else:
            parts += [_duration(seconds), f"{_each(seconds / max(current, 1))}/{self.unit_name}"]
        for name, (total, n) in self._values.items():
            value = total / max(n, 1) if n != 1 else total
            parts.append(f"{name}: {_number(value)}")
        return " - ".join([count, *parts])


def _number(value: Any) -> str:
    if isinstance(value, (int, float)):
        return f"{value:.4f}" if abs(value) > 1e-3 or value == 0 else f"{value:.4e}"
    return str(value).replace("\n", "")


def _duration(seconds: float) -> str:
    if seconds >= 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
    if seconds >= 60:
        return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
    return f"{int(seconds)}s"


def _each(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
