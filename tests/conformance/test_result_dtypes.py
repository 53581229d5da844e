"""Every op in every dtype, and every op of two tensors in every pair of dtypes, gives the dtype that its rule says, or the rule's error, on every engine."""

import warnings

import numpy as np
import pytest

from pronghorn.backend import dtypes, registry
from pronghorn.backend.errors import CapabilityError
from pronghorn.backend.op import PRIMITIVES
from pronghorn.state.tree import flatten
from pronghorn.symbolic import Spec, evaluate
from pronghorn_testing import kit
from pronghorn_testing.case import function

NAMES = "bool int8 int16 int32 int64 uint8 uint16 uint32 float16 bfloat16 float32 float64 complex64".split()
ENGINES = [b.name for b in registry.list_backends() if b.status == "ready" and "compile_only" not in b.capabilities]


def _chosen():
    """The first case of each op whose inputs take the case's dtype, no values chosen for their effect among them."""
    found = {}
    for run in kit.runs():
        inputs = run.inputs
        if inputs and all(x.dtype is None and x.values is None for x in inputs) and run.case.check is None and not run.case.needs:
            found.setdefault(run.case.op, run)
    return found


CASES = _chosen()
PAIRS = [name for name in CASES if name.startswith("p.") and len(PRIMITIVES[name[2:]].operands) == len(CASES[name].inputs) == 2]


def _expected(run, arrays, backend):
    args, kwargs = run.fill([Spec(a.shape, a.dtype.name) for a in arrays])
    leaves = flatten(evaluate(function(run.case.op), *args, **kwargs))
    return [backend.canonical(x.dtype if isinstance(x, Spec) else x.dtype.name) for x in leaves]


def _got(run, arrays, backend):
    def call(*tensors):
        args, kwargs = run.fill(tensors)
        return function(run.case.op)(*args, **kwargs)

    tensors = [backend.convert_to_tensor(a, a.dtype.name) for a in arrays]
    if backend.name == "jax":  # shapes and dtypes alone: nothing is compiled
        import jax

        return [dtypes.standardize(x.dtype) for x in flatten(jax.eval_shape(call, *tensors))]
    return [backend.dtype(x) for x in flatten(call(*tensors))]


def _differences(run, arrays, backend):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = _expected(run, arrays, backend)
        except Exception as error:
            expected = error
        try:
            got = _got(run, arrays, backend)
        except CapabilityError:
            return None
        except TypeError as error:
            if f"on {backend.name}." in str(error):  # a dtype that this engine says it lacks
                return None
            got = error
        except Exception as error:
            got = error
    kinds = " ".join(a.dtype.name for a in arrays)
    if isinstance(expected, Exception) or isinstance(got, Exception):
        return None if type(expected) is type(got) else f"{run.case.op} of {kinds}: {got!r}, the rule: {expected!r}"
    return None if got == expected else f"{run.case.op} of {kinds}: {got}, the rule: {expected}"


def _drawn(run, kinds):
    """Inputs in these dtypes; no negative integers and no False, which are no divisors or powers."""
    drawn = [np.asarray(run.draw(kind)[i]).astype(dtypes.numpy_dtype(kind)) for i, kind in enumerate(kinds)]
    return [np.ones_like(a) if a.dtype == bool else abs(a) if a.dtype.kind == "i" else a for a in drawn]


def _fits(run, kind):
    """Matrices with a structure lose it among integers; bits are looked at in a dtype of the same size."""
    if run.case.op == "p.view":
        return dtypes.numpy_dtype(kind).itemsize == 4
    return all(x.make is None for x in run.inputs) or kind in dtypes.INEXACT


@pytest.mark.parametrize("engine", ENGINES)
def test_every_op_in_every_dtype(engine):
    with registry.use_backend(engine) as backend:
        runs = [(run, kind) for run in CASES.values() for kind in NAMES if kind in backend.dtypes and _fits(run, kind)]
        found = [_differences(run, _drawn(run, [kind] * len(run.inputs)), backend) for run, kind in runs]
    assert [f for f in found if f] == []


@pytest.mark.parametrize("engine", ENGINES)
def test_every_pair_of_dtypes(engine):
    assert len(PAIRS) > 15
    with registry.use_backend(engine) as backend:
        kinds = [k for k in NAMES if k in backend.dtypes]
        found = [_differences(CASES[op], _drawn(CASES[op], [a, b]), backend) for op in PAIRS for a in kinds for b in kinds]
    assert [f for f in found if f] == []
