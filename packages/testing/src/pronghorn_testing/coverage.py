"""Which public ops have no case."""

from collections.abc import Iterable
from typing import Any

from pronghorn_testing.case import all_cases

#: what a case cannot describe (functions of functions, conversions, questions about tensors) and which runtime check covers it
ELSEWHERE = {
    "associative_scan": "test_associative_scan",
    "broadcast_shapes": "test_conversions_and_questions",
    "cond": "test_cond",
    "convert": "test_tensors_of_two_backends_do_not_mix",
    "convert_to_numpy": "test_conversion_keeps_values_and_copies",
    "convert_to_tensor": "test_conversion_keeps_values_and_copies",
    "custom_gradient": "test_custom_gradient",
    "dtype": "test_conversions_and_questions",
    "fori_loop": "test_fori_loop",
    "is_tensor": "test_activation",
    "jvp": "test_jvp",
    "map": "test_map",
    "ndim": "test_conversions_and_questions",
    "scan": "test_scan",
    "shape": "test_conversions_and_questions",
    "size": "test_conversions_and_questions",
    "switch": "test_switch",
    "vectorize": "test_vectorize",
    "vectorized_map": "test_vectorized_map",
    "while_loop": "test_while_loop",
}
#: helpers of the ops' own modules, which are importable from `pronghorn.ops` but no part of the API
HELPERS = {"canonical_axes", "canonical_axis", "cast_count", "count_of", "dtype_of", "plain_sizes", "sizes"}


def public_ops() -> dict[str, Any]:
    """Return the public functions of `pronghorn.ops` by name, one name for each, those of its submodules included."""
    from pronghorn import ops
    from pronghorn.ops.namespaces import NAMES

    found: dict[int, str] = {}
    spaces = [("", ops)] + [(f"{n}.", getattr(ops, n)) for n in NAMES]
    for prefix, space in spaces:
        for name in dir(space):
            value = getattr(space, name)
            if (
                not name.startswith("_")
                and callable(value)
                and not isinstance(value, type)
                and getattr(value, "__module__", "").startswith(("pronghorn.ops", "pronghorn.backend.primitives"))
            ):
                found.setdefault(id(value), prefix + name)
    return {name: name for name in found.values()}


def missing() -> list[str]:
    """Return the primitives and public ops without a case."""
    from pronghorn.backend.op import PRIMITIVES
    from pronghorn_testing.case import function

    covered = {id(function(op)) for op in _existing(c.op for c in all_cases())}
    names = [f"p.{n}" for n in PRIMITIVES if id(PRIMITIVES[n].public) not in covered]
    return names + sorted(n for n in public_ops() if n not in ELSEWHERE and n not in HELPERS and id(function(n)) not in covered)


def _existing(names: Iterable[str]) -> list[str]:
    from pronghorn_testing.case import exists

    return [n for n in names if exists(n)]
