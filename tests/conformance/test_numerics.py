"""The published table of errors: what its unit means, and that it tells when an engine is behind."""

import math

import numpy as np
import pytest

from pronghorn_testing import numerics

F = np.float32


@pytest.mark.parametrize(
    ("actual", "expected", "largest", "error"),
    [
        ([np.nextafter(F(1), F(2))], [1.0], None, 1.0),
        ([np.nextafter(F(4), F(8))], [4.0], None, 1.0),
        ([F(1)], [1 + 2.0**-24], None, 0.5),
        ([np.nextafter(F(1), F(2)), F(1024)], [1.0, 1024.0], 1024.0, 2.0**-10),  # counted where the result is largest
        ([F(2.0**-149)], [0.0], None, 1.0),  # the spacing below the smallest normal number
        ([F("inf"), F("nan")], [1e300, math.nan], None, 0.0),  # what no float32 can hold may be infinite
        ([F("inf")], [1e30], None, math.inf),
        ([F("nan")], [1.0], None, math.inf),
    ],
)
def test_units_in_the_last_place(actual, expected, largest, error):
    assert numerics.ulp(np.array(actual), np.array(expected), "float32", largest) == error


def test_a_row_names_who_is_ten_times_worse_than_the_best():
    row = numerics.Row("exp", "float32", {"a": 0.5, "b": 8.0, "c": 30.0})
    assert row.behind() == {"c": 30.0} and not row.exact
    assert numerics.unexplained([row]) == ["exp float32 on c: 30 times the best"]
    assert numerics.why(numerics.Row("p.mod", "float32"), "openvino", {"p.m* float32": {"open*": "why"}}) == "why"


def test_measuring_finds_small_errors_and_the_page_shows_them():
    names = ["numpy", "torch"]
    rows = {(r.op, r.dtype): r for r in numerics.measure(names, "p.s[iq]*")}
    assert rows["p.sqrt", "float32"].errors["numpy"] <= 0.5  # IEEE 754 asks for it
    assert 0 < rows["p.sin", "float32"].errors["torch"] <= 2 and set(rows["p.sin", "float64"].errors) == {"torch"}
    page = numerics.page(list(rows.values()), names, {"numpy": "2", "torch": "2"}, {"openvino": {"linalg": ["qr", "p.svd"]}})
    assert "## bfloat16" in page and "| `sin` |" in page and "- openvino, linalg: its operation set has no matrix decompositions. `p.svd`, `qr`." in page


def test_an_engine_refuses_with_capability_errors_alone():
    pytest.importorskip("openvino")
    refused = numerics.refusals(["openvino", "torch"])
    assert set(refused) == {"openvino"} and set(refused["openvino"]) == {"complex", "linalg", "dynamic_shapes"}
    assert {"cholesky", "svd-compute_uv=False"} <= set(refused["openvino"]["linalg"]) and "rfft" in refused["openvino"]["complex"]
    for name in ("openvino", "jax"):
        assert all(name in numerics.reasons()["capability " + c] for c in refused.get(name, ()))
