"""Compare pronghorn with Keras case by case: values and configurations; shared by the scripts in this folder (tests/api compares names and signatures).

A script collects differences in a `Comparison`. Those that its table of explained differences names are counted; others are printed and make it fail, and so
do explanations that explain nothing any more.
"""

import fnmatch
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

SURFACE = Path(__file__).resolve().parents[2] / "tests" / "api" / "surface.json"


def host(value: Any) -> Any:
    """Return a result (a tensor of any library, or a nest of them) with NumPy arrays in place of tensors."""
    if isinstance(value, dict):
        return {k: host(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [host(v) for v in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "numpy") and not isinstance(value, np.ndarray):
        value = value.numpy()
    return np.array(value)  # a copy, as some libraries write in place


def plain(config: Any) -> Any:
    """Return a configuration in which lists, tuples and arrays compare equal, and numbers that float32 rounded with others."""
    if isinstance(config, dict):
        return {k: plain(v) for k, v in sorted(config.items())}
    if isinstance(config, (list, tuple)):
        return [plain(v) for v in config]
    if hasattr(config, "tolist"):
        return plain(config.tolist())
    return float(f"{config:.6g}") if isinstance(config, float) else config


class Comparison:
    """Counts cases and keeps differences.

    Args:
        title: printed above the table.
        explained: pattern of "case: difference" -> why they differ.
    """

    def __init__(self, title: str, explained: dict[str, str]):
        self.title, self.explained = title, explained
        self.cases = 0
        self.differences: dict[str, str] = {}
        self.used: dict[str, int] = dict.fromkeys(explained, 0)
        self.surface = json.loads(SURFACE.read_text())

    def differ(self, case: str, what: str) -> None:
        """Record a difference."""
        for pattern in self.explained:
            if fnmatch.fnmatchcase(f"{case}: {what}", pattern):
                self.used[pattern] += 1
                return
        self.differences.setdefault(case, what)

    def value(self, case: str, ours: Callable[[], Any], theirs: Callable[[], Any], rtol: float = 1e-5, atol: float = 1e-6, dtype: bool = True) -> None:
        """Compare results: numbers, shapes and dtypes; where one raises, both must."""
        self.cases += 1
        results, errors = [], []
        for fn in (ours, theirs):
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    results.append(host(fn()))
                errors.append(None)
            except Exception as e:
                results.append(None)
                errors.append(e)
        if errors[0] or errors[1]:
            if (errors[0] is None) != (errors[1] is None):
                who, e = ("ours", errors[0]) if errors[0] else ("Keras", errors[1])
                self.differ(case, f"only {who} raises {type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}")
            return
        self._values(case, results[0], results[1], rtol, atol, dtype)

    def _values(self, case: str, a: Any, b: Any, rtol: float, atol: float, dtype: bool) -> None:
        if isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                self.differ(case, f"{len(a)} results, Keras {len(b)}")
            for i, (x, y) in enumerate(zip(a, b, strict=False)):
                self._values(f"{case}[{i}]", x, y, rtol, atol, dtype)
            return
        if isinstance(a, dict) or isinstance(b, dict) or isinstance(a, str) or a is None or b is None:
            if a != b:
                self.differ(case, f"ours {a!r}, Keras {b!r}")
            return
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape:
            self.differ(case, f"shape {a.shape}, Keras {b.shape}")
        elif dtype and a.dtype != b.dtype:
            self.differ(case, f"dtype {a.dtype}, Keras {b.dtype}")
        elif not np.allclose(a.astype("float64"), b.astype("float64"), rtol=rtol, atol=atol, equal_nan=True):
            self.differ(case, f"ours {np.array2string(a.ravel()[:4], precision=6)}, Keras {np.array2string(b.ravel()[:4], precision=6)}")

    def config(self, case: str, ours: Any, theirs: Any, compare_round_trip: bool = True) -> None:
        """Compare `get_config`, and make our object again from its own and from Keras' configuration."""
        self.cases += 1
        a, b = plain(ours.get_config()), plain(theirs.get_config())
        if a != b:
            keys = [f"{k}: {a.get(k, '-')!r}, Keras {b.get(k, '-')!r}" for k in sorted({*a, *b}) if a.get(k, "-") != b.get(k, "-")]
            self.differ(case, "config " + "; ".join(keys))
        if compare_round_trip:
            sources = {"own": ours.get_config()} | ({"Keras'": theirs.get_config()} if a == b else {})
            for source, config in sources.items():
                try:
                    again = plain(type(ours).from_config(config).get_config())
                except Exception as e:
                    self.differ(case, f"from_config of {source} config raises {type(e).__name__}: {e}")
                    continue
                if again != a:
                    self.differ(case, f"from_config of {source} config gives another object")

    def equal(self, case: str, ours: Any, theirs: Any) -> None:
        """Compare plain values."""
        self.cases += 1
        if plain(ours) != plain(theirs):
            self.differ(case, f"ours {ours!r}, Keras {theirs!r}")

    def finish(self) -> None:
        """Print the table and exit: 1 where a difference is unexplained or an explanation is stale."""
        print(f"{self.title}: {self.cases} cases against Keras, {len(self.differences)} unexplained differences")
        for case, what in self.differences.items():
            print(f"  {case}: {what}")
        for pattern, count in self.used.items():
            print(f"  explained ({count}) {pattern}: {self.explained[pattern]}")
        stale = [p for p, n in self.used.items() if not n]
        if stale:
            print(f"  explanations without a difference: {', '.join(stale)}")
        sys.exit(1 if self.differences or stale else 0)
