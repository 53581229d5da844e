"""Symbolic dimensions: sizes that are known by name only, with exact arithmetic."""

import itertools
from typing import Any

from pronghorn.backend.errors import UnknownValueError

_FRESH = itertools.count(1)
# A polynomial: {sorted tuple of atom names: coefficient}. An atom is a name, or a quotient or remainder that did not simplify.
Terms = dict[tuple[str, ...], int]


class Dim:
    """A dimension whose size is not known yet; `+ - * // %` keep the expression, equality compares expressions.

    Example:
        >>> n = Dim("n")
        >>> (n + 1) * 2 == 2 * n + 2, (2 * n) // 2
        (True, n)
    """

    __slots__ = ("terms",)

    def __init__(self, name: str | None = None, terms: Terms | None = None):
        self.terms: Terms = terms if terms is not None else {(name or f"d{next(_FRESH)}",): 1}

    @staticmethod
    def _make(terms: Terms) -> "Dim | int":
        terms = {k: c for k, c in terms.items() if c}
        if not terms:
            return 0
        if set(terms) == {()}:
            return terms[()]
        return Dim(terms=terms)

    @staticmethod
    def _terms(value: Any) -> Terms | None:
        if isinstance(value, Dim):
            return value.terms
        try:
            return {(): int(value.__index__())}
        except (AttributeError, TypeError):
            return None

    def __add__(self, other: Any) -> Any:
        b = self._terms(other)
        if b is None:
            return NotImplemented
        out = dict(self.terms)
        for key, c in b.items():
            out[key] = out.get(key, 0) + c
        return self._make(out)

    __radd__ = __add__

    def __neg__(self) -> Any:
        return self._make({k: -c for k, c in self.terms.items()})

    def __sub__(self, other: Any) -> Any:
        return NotImplemented if self._terms(other) is None else self + (-1 * other)

    def __rsub__(self, other: Any) -> Any:
        return NotImplemented if self._terms(other) is None else -self + other

    def __mul__(self, other: Any) -> Any:
        b = self._terms(other)
        if b is None:
            return NotImplemented
        out: Terms = {}
        for (ka, ca), (kb, cb) in itertools.product(self.terms.items(), b.items()):
            key = tuple(sorted(ka + kb))
            out[key] = out.get(key, 0) + ca * cb
        return self._make(out)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        b = self._terms(other)
        if b is None:
            return NotImplemented
        if b == self.terms:
            return 1
        if set(b) == {()}:
            d = b[()]
            if all(c % d == 0 for c in self.terms.values()):
                return self._make({k: c // d for k, c in self.terms.items()})
        elif len(b) == 1:  # divide by a monomial where every term contains it
            (key, d), out = next(iter(b.items())), {}
            for k, c in self.terms.items():
                rest = list(k)
                if c % d or any(rest.count(a) < key.count(a) for a in key):
                    break
                for a in key:
                    rest.remove(a)
                out[tuple(rest)] = c // d
            else:
                return self._make(out)
        return Dim(f"({self} // {other})")

    def __rfloordiv__(self, other: Any) -> Any:
        return Dim(f"({other} // {self})")

    def __mod__(self, other: Any) -> Any:
        quotient = self // other
        rest = self - quotient * other
        return rest if isinstance(rest, int) else Dim(f"({self} % {other})")

    def __rmod__(self, other: Any) -> Any:
        return Dim(f"({other} % {self})")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and other.terms == self.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __bool__(self) -> bool:
        return True

    def _unknown(self, *_: Any) -> Any:
        raise UnknownValueError(
            f"The size of dimension {self} is not known while the model is being built, and this step needs its value. "
            "Give the input a fixed size on that axis, or use operations that accept unknown sizes."
        )

    __int__ = __index__ = __float__ = __lt__ = __le__ = __gt__ = __ge__ = _unknown

    def __repr__(self) -> str:
        def term(key: tuple[str, ...], c: int) -> str:
            return "*".join([*([str(c)] if c != 1 or not key else []), *key])

        text = " + ".join(term(k, c) for k, c in sorted(self.terms.items(), reverse=True))
        return f"({text})" if len(self.terms) > 1 else text


def broadcast_dim(a: Any, b: Any) -> Any:
    """Return the size that two sizes broadcast to, or None where they do not fit."""
    if type(a) is int and type(b) is int:
        return a if a == b or b == 1 else b if a == 1 else None
    if isinstance(a, Dim) and isinstance(b, Dim):
        return a if a == b else Dim()
    known, unknown = (a, b) if isinstance(b, Dim) else (b, a)
    return unknown if known == 1 else known


def same_dim(a: Any, b: Any) -> bool:
    """Tell whether two sizes may be equal: an unknown size, a `Dim` or an engine's scalar, fits any."""
    return not (isinstance(a, int) and isinstance(b, int)) or a == b


def show(dims: Any) -> str:
    """Format a shape for a message, unknown sizes as None as in Keras."""
    items = [("None" if isinstance(d, Dim) else str(d)) for d in dims]
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def plain_sizes(value: Any) -> bool:
    """Tell whether a shape argument is a tuple of ints, sizes or -1, as most are."""
    if type(value) is not tuple:
        return False
    for d in value:
        if type(d) is not int or d < -1:
            return False
    return True
