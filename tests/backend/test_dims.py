import random

import pytest

from pronghorn.backend.dims import Dim, broadcast_dim


def test_arithmetic_agrees_with_integers():
    rng = random.Random(0)
    n, m = Dim("n"), Dim("m")
    for _ in range(200):
        values = {"n": rng.randint(1, 9), "m": rng.randint(1, 9)}
        symbolic, concrete = n, values["n"]
        for _ in range(4):
            other, number = rng.choice([(m, values["m"]), (3, 3), (n, values["n"]), (2, 2)])
            name = rng.choice(["__add__", "__mul__", "__sub__"])
            if isinstance(symbolic, int):
                break
            symbolic, concrete = getattr(symbolic, name)(other), getattr(concrete, name)(number)
        got = symbolic if isinstance(symbolic, int) else sum(c * _product(values[a] for a in key) for key, c in symbolic.terms.items())
        assert got == concrete


def _product(items):
    out = 1
    for i in items:
        out *= i
    return out


def test_division_simplifies_what_divides():
    n = Dim("n")
    assert (4 * n) // 2 == 2 * n
    assert (n * 6) // n == 6
    assert (n * 4) % 2 == 0
    assert repr(n // 2) == "(n // 2)"


def test_equality_is_by_expression():
    assert Dim("a") + Dim("b") == Dim("b") + Dim("a")
    assert Dim("a") != Dim("b")
    assert Dim("a") - Dim("a") == 0


def test_needing_the_value_names_the_dimension():
    with pytest.raises(TypeError, match="dimension rows is not known"):
        range(Dim("rows"))


def test_broadcast():
    n = Dim("n")
    assert broadcast_dim(n, 1) is n
    assert broadcast_dim(3, 1) == 3
    assert broadcast_dim(n, 4) == 4
    assert broadcast_dim(2, 3) is None
