"""Results of steps, left on the device until somebody reads them."""

from collections.abc import Iterator, MutableMapping
from typing import Any


def to_float(value: Any) -> Any:
    """Return a fetched result as a Python float, or as an array or nest where it is no scalar."""
    if isinstance(value, dict):
        return {k: to_float(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_float(v) for v in value]
    if hasattr(value, "shape"):
        return float(value) if value.size == 1 else value
    return value


class LazyLogs(MutableMapping):
    """A dict of results that is brought to the host when it is first read.

    Args:
        values: results on the device by name.
        fetch: brings a nest to the host.
    """

    __slots__ = ("_values", "_fetch", "_pending")

    def __init__(self, values: dict[str, Any], fetch: Any):
        self._values, self._fetch, self._pending = values, fetch, True

    def _read(self) -> dict[str, Any]:
        if self._pending:
            self._values = to_float(self._fetch(dict(self._values)))
            self._pending = False
        return self._values

    def __getitem__(self, key: str) -> Any:
        return self._read()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._read()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def copy(self) -> dict[str, Any]:
        """Return a dict of floats."""
        return dict(self._read())

    def __repr__(self) -> str:
        return repr(self._read())
