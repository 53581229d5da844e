"""Compare the public names of pronghorn with Keras 3.15's: signatures and members.

surface.json holds the facts about Keras: name -> signature, and for a class the members it adds to or changes in its base. missing.txt lists what pronghorn does
not have yet, and is written by

    python tests/api/surface.py --update

What differs on purpose stands in `DEVIATIONS`, with its reason.
"""

import inspect
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MISSING = HERE / "missing.txt"

# what to pass for required parameters, by name, so that attributes set in __init__ can be seen on an instance
EXAMPLES: dict[str, Any] = {
    "units": 2, "filters": 2, "kernel_size": 2, "input_dim": 3, "output_dim": 2, "num_heads": 1, "key_dim": 2, "head_dim": 2, "num_query_heads": 2,
    "num_key_value_heads": 1, "rate": 0.5, "pool_size": 2, "output_size": 2, "n": 2, "dims": (2, 1), "target_shape": (2,), "axes": 1, "scale": 1.0,
    "equation": "ab,bc->ac", "output_shape": 2, "stddev": 0.1, "activation": "relu", "num_bins": 3, "height": 2, "width": 2, "num_tokens": 3,
}  # fmt: skip
_SHAPES: dict[str, tuple] = {"layers.MultiHeadAttention": ((None, 3, 4), (None, 3, 4)), "layers.Embedding": ()}

# name of a member ("Class.member", for the class that it is described at and all below, or ".member" for every class) -> why it is not as in Keras
DEVIATIONS: dict[str, str] = {
    ".compute_output_shape": "worked out from call(); takes shapes by position or by the argument's name",
    ".compute_output_spec": "worked out from call(), whose arguments it takes",
    "Layer.build": "may be called without a shape where none is needed",
    "layers.InputLayer.call": "may be called on data, which it returns",
    "optimizers.Adadelta.update_step": "the parameter is called gradient, as in every other optimizer",
    "optimizers.OptimizerMap.pop": "the default is a marker object",
    "dtype_policies.DTypePolicyMap.pop": "the default is a marker object",
    "Model.train_step": "one step for every engine, of the data alone; Keras' on JAX also takes the state",
    "Model.test_step": "as train_step",
    "Model.predict_step": "as train_step",
    "Model.compute_metrics": "also takes the loss, which compiled steps have at hand",
    "Model.compute_loss_and_updates": "a part of Keras' JAX trainer; the one step here needs no counterpart",
    "Model.jax_state_sync": "a part of Keras' JAX trainer; variables are always up to date here",
    ".build (optimizers)": "the parameter is called variables, as in the base class; Keras' JAX class says var_list",
}


def load() -> dict[str, dict[str, Any]]:
    """Return name -> {signature, members or None} for every public name of Keras."""
    facts = json.loads((HERE / "surface.json").read_text())
    out: dict[str, dict[str, Any]] = {}

    def entry(name: str) -> dict[str, Any]:
        if name not in out:
            fact = facts[name]
            if isinstance(fact, str):
                out[name] = {"signature": fact, "members": None, "bases": []}
            elif "same" in fact:
                out[name] = {**entry(fact["same"]), "same": fact["same"]}
            else:
                base = entry(fact["base"]) if "base" in fact else {"members": {}, "bases": []}
                bases = [fact["base"], *base["bases"]] if "base" in fact else []
                out[name] = {"signature": fact["signature"], "members": {**base["members"], **fact.get("members", {})}, "bases": bases}
        return out[name]

    for name in facts:
        entry(name)
    return {name: out[name] for name in facts}


def resolve(name: str) -> Any:
    """Return what a dotted public name stands for in pronghorn; None where there is no such name."""
    import pronghorn

    found: Any = pronghorn
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except (AttributeError, ModuleNotFoundError):
            return None
    return found


def signature(fn: Any) -> str:
    """Return names, kinds and defaults of the parameters as text, without annotations."""
    found = inspect.signature(fn.__init__ if inspect.isclass(fn) else fn)
    return str(found.replace(parameters=[p.replace(annotation=p.empty) for p in found.parameters.values()], return_annotation=found.empty))


def deviation(name: str, member: str, bases: list[str]) -> str | None:
    """Return why a member may differ, or None if it may not."""
    for cls in (name, *bases):
        if f"{cls}.{member}" in DEVIATIONS:
            return DEVIATIONS[f"{cls}.{member}"]
    if name.startswith("optimizers.") and member == "build":
        return DEVIATIONS[".build (optimizers)"]
    return DEVIATIONS.get(f".{member}")


def example(name: str, cls: type) -> Any:
    """Return an instance with its attributes set, built if it is a layer; None where that needs more than simple arguments."""
    import pronghorn

    needed = {p.name: p for p in list(inspect.signature(cls.__init__).parameters.values())[1:] if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD}  # type: ignore[misc]
    try:
        made = cls(**{n: EXAMPLES[n] for n in needed})
        if isinstance(made, pronghorn.Layer) and not made.built:
            rank = next((int(d) + 2 for d in "123" if f"{d}D" in name), 2)
            made.build(*_SHAPES.get(name, ((None, *(4,) * (rank - 1)),)))
    except Exception:  # more than simple arguments are needed
        return made if "made" in locals() else None
    return made


def members_missing(name: str, fact: dict[str, Any], found: type) -> Iterator[str]:
    """Yield the members that a class lacks, leaving out those that its base in the facts lacks, too."""
    inherited = {m for b in fact["bases"][:1] if (base := resolve(b)) is not None for m in lacking(b, base)}
    for member in lacking(name, found):
        if member not in inherited:
            yield member


_LACKING: dict[str, list[str]] = {}


def lacking(name: str, found: type) -> list[str]:
    """Return the members that a class lacks and that no deviation covers."""
    if name not in _LACKING:
        fact = FACTS[name]
        absent = [m for m in fact["members"] if inspect.getattr_static(found, m, _LACKING) is _LACKING]
        if absent and any(fact["members"][m] == "property" for m in absent):
            made = example(name, found)
            absent = [m for m in absent if fact["members"][m] != "property" or made is None or not hasattr(made, m)]
        _LACKING[name] = [m for m in absent if deviation(name, m, fact["bases"]) is None]
    return _LACKING[name]


def missing() -> list[str]:
    """Return the names, and the members of classes, that pronghorn does not have yet."""
    lines = []
    for name, fact in FACTS.items():
        found = resolve(name)
        if found is None:
            lines.append(name)
        elif fact["members"] is not None and "same" not in fact:
            lines += [f"{name}.{m}" for m in members_missing(name, fact, found)]
    return sorted(lines)


def differences() -> list[str]:
    """Return a line for each signature that is not as in Keras, and each alias that leads elsewhere."""
    lines = []
    for name, fact in FACTS.items():
        found = resolve(name)
        if found is None:
            continue
        if "same" in fact:
            other = resolve(fact["same"])
            if other is not None and other is not found:
                lines.append(f"{name} is not {fact['same']}")
            continue
        if name not in DEVIATIONS and signature(found) != fact["signature"]:
            lines.append(f"{name}: expected {fact['signature']}, found {signature(found)}")
        for member, expected in (fact["members"] or {}).items():
            value = getattr(found, member, None)
            if (
                expected == "property"
                or value is None
                or deviation(name, member, fact["bases"])
                or any(member in FACTS[b]["members"] and FACTS[b]["members"][member] == expected for b in fact["bases"])
                and _same_as_base(found, member, fact)
            ):
                continue
            if callable(value) and signature(value) != expected:
                lines.append(f"{name}.{member}: expected {expected}, found {signature(value)}")
    return lines


def _same_as_base(found: type, member: str, fact: dict[str, Any]) -> bool:
    """Whether a member is the one of the base in the facts, where it is looked at."""
    base = resolve(fact["bases"][0])
    return base is not None and getattr(base, member, None) is getattr(found, member)


def main() -> None:
    """Write missing.txt, or print what differs."""
    if "--update" in sys.argv:
        MISSING.write_text("".join(f"{line}\n" for line in missing()))
    for line in differences():
        print(line)


FACTS = load()

if __name__ == "__main__":
    os.environ.setdefault("PRONGHORN_BACKEND", "numpy")
    main()
