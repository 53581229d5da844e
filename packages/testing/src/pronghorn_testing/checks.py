"""The checks that every case feeds. Each takes a `Run` and a loaded backend and raises `AssertionError` with what differs."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pronghorn.backend import op as dispatch
from pronghorn.backend import registry
from pronghorn.backend.dims import Dim
from pronghorn.state.tree import flatten, map_structure
from pronghorn.symbolic import Spec, evaluate
from pronghorn_testing.case import TOLERANCE, Run, function

#: relative to what the terms of a derivative add up to
GRADIENT_TOLERANCE = {"float64": 1e-5, "float32": 4e-3}
_HALF = ("float16", "bfloat16")
_STEP = 1e-5


# -- running -------------------------------------------------------------------------------------------------------------------------------
def native(backend: Any, arrays: Sequence[np.ndarray]) -> list[Any]:
    """Return the arrays as tensors of `backend`, with the same dtypes."""
    return [backend.convert_to_tensor(a, a.dtype.name) for a in arrays]


def results(backend: Any, value: Any) -> list[np.ndarray]:
    """Return the leaves of a result as arrays; a leaf that is no tensor of `backend` is an error."""
    out = []
    for leaf in flatten(value):
        assert backend.owns(type(leaf)), f"the result is a {type(leaf).__module__}.{type(leaf).__name__}, which is no tensor of {backend.name}"
        array = backend.convert_to_numpy(leaf)
        assert isinstance(array, (np.ndarray, np.generic)), f"convert_to_numpy gave a {type(array).__name__}"
        assert array.dtype.name == backend.dtype(leaf), f"convert_to_numpy changed the dtype from {backend.dtype(leaf)} to {array.dtype.name}"
        out.append(np.asarray(array))
    return out


def run_on(backend: Any, run: Run) -> list[np.ndarray]:
    """Run a case on `backend`."""
    with registry.use_backend(backend.name):
        return results(backend, run.call(native(backend, run.draw())))


def _reference_arrays(run: Run) -> list[np.ndarray]:
    """The inputs in which the reference computes: those of half precision widened, so that its own rounding does not count."""
    return [a.astype("float32") if a.dtype.name in _HALF else a for a in run.draw()]


def reference(run: Run) -> list[np.ndarray]:
    """Return what the numpy engine computes, which for a derived op is what its body says."""
    backend = registry.get("numpy")
    with registry.use_backend("numpy"):
        return results(backend, run.call(_reference_arrays(run)))


def closed_form(run: Run) -> list[np.ndarray]:
    """Return what the case's own formula gives."""
    assert run.case.expected is not None
    args, kwargs = run.fill([a.astype("float32") if a.dtype.name in _HALF else a for a in run.draw()])
    with np.errstate(all="ignore"):
        return [np.asarray(v) for v in flatten(run.case.expected(*args, **kwargs))]


# -- comparing -----------------------------------------------------------------------------------------------------------------------------
def _exactness(run: Run, *arrays: np.ndarray) -> float:
    names = {run.dtype, *(a.dtype.name for a in arrays), *(x.dtype for x in run.inputs if x.dtype)}
    return max([TOLERANCE[n] for n in names if n in TOLERANCE], default=0.0) * run.case.tolerance


def _plain(a: np.ndarray) -> np.ndarray:
    return a.astype("complex128" if a.dtype.kind == "c" else "float64")


def error(actual: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference relative to the size of the result; infinite where inf or nan differ."""
    if not actual.size:
        return 0.0
    a, e = _plain(actual), _plain(expected)
    same = (a == e) | (np.isnan(a) & np.isnan(e))
    both = np.isfinite(a) & np.isfinite(e)
    if not np.all(same | both):
        return float("inf")
    finite = np.abs(e[both])
    scale = max(1.0, float(finite.max())) if finite.size else 1.0
    # of numbers far apart each one counts by itself, but not more exactly than the whole result
    gap = np.abs(a[both] - e[both])
    return float((gap / np.maximum(finite, min(scale, 1.0))).max()) if gap.size else 0.0


def compare(run: Run, actual: Sequence[np.ndarray], expected: Sequence[np.ndarray], what: str) -> None:
    """Assert that results agree in number, shape and value."""
    assert len(actual) == len(expected), f"{len(actual)} results, but {what} has {len(expected)}"
    for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
        at = f"result {i}: " if len(actual) > 1 else ""
        assert a.shape == e.shape, f"{at}shape {a.shape}, but {what} has {e.shape}"
        limit = _exactness(run, a) if a.dtype.kind not in "iub" else 0.0
        found = error(a, e)
        assert found <= limit, f"{at}differs from {what} by {found:.3g} (limit {limit:.3g})\n{a!r}\n{what}:\n{e!r}"


def measure(run: Run, backend: Any) -> float:
    """Return the relative error of a case on `backend` against the reference: what the published table shows."""
    pairs = zip(run_on(backend, run), reference(run), strict=True)
    return max((error(a, e) for a, e in pairs), default=0.0)


# -- the checks ----------------------------------------------------------------------------------------------------------------------------
def check_value(run: Run, backend: Any) -> None:
    """The result is the reference's: on numpy itself, the case's closed form."""
    actual = run_on(backend, run)
    if run.case.check is not None:
        run.case.check(_tuple(actual), *run.draw())
    elif backend.name != "numpy":
        compare(run, actual, reference(run), "the reference")
    elif run.case.expected is not None:
        compare(run, actual, closed_form(run), "the closed form")


def _tuple(leaves: list[np.ndarray]) -> Any:
    return tuple(leaves) if len(leaves) > 1 else leaves[0]


def _specs(run: Run, arrays: Sequence[np.ndarray], first: Any = None) -> list[Spec]:
    specs, free = [], first is not None
    for a in arrays:
        shape: tuple = a.shape
        if free and shape:
            shape, free = (first, *shape[1:]), False
        specs.append(Spec(shape, a.dtype.name))
    return specs


def _shown(value: Any) -> list[Any]:
    leaves = []
    for leaf in flatten(value):
        if isinstance(leaf, np.ndarray):  # a constant of the graph
            leaf = Spec(leaf.shape, leaf.dtype.name)
        assert isinstance(leaf, Spec), f"the result on symbolic tensors is a {type(leaf).__name__}"
        leaves.append(leaf)
    return leaves


def check_spec(run: Run, backend: Any) -> None:
    """Shape and dtype on symbolic tensors are those of the real result; also with an unknown leading size where the case allows it."""
    arrays = run.draw()
    with registry.use_backend(backend.name):
        tensors = native(backend, arrays)
        args, kwargs = run.fill(_specs(run, arrays))
        specs = _shown(evaluate(function(run.case.op), *args, **kwargs))
        real = flatten(run.call(tensors))
        assert len(specs) == len(real), f"{len(specs)} symbolic results, {len(real)} real ones"
        for s, r in zip(specs, real, strict=True):
            assert backend.owns(type(r)), f"the result is a {type(r).__name__}, no tensor of {backend.name}"
            dtype = backend.canonical(s.dtype)
            shape = tuple(np.shape(backend.convert_to_numpy(r)))
            assert backend.dtype(r) == dtype, f"dtype {backend.dtype(r)}, but the rule says {dtype}"
            assert len(s.dims) == len(shape) and all(isinstance(d, Dim) or d == n for d, n in zip(s.dims, shape, strict=True)), f"shape {shape}, but the rule says {s.shape}"
            assert tuple(backend.static_shape(r)) == shape, f"static_shape says {backend.static_shape(r)} for {shape}"
    if run.case.batch and any(a.ndim for a in arrays):
        size = next(a.shape[0] for a in arrays if a.ndim)
        args, kwargs = run.fill(_specs(run, arrays, Dim("batch")))
        for s, r in zip(_shown(evaluate(function(run.case.op), *args, **kwargs)), real, strict=True):
            shape = tuple(np.shape(backend.convert_to_numpy(r)))
            fits = len(s.dims) == len(shape) and all(_size(d, size) in (None, n) for d, n in zip(s.dims, shape, strict=True))
            assert fits, f"with an unknown leading size the rule says {s.dims}, which for {size} is not {shape}"
            assert backend.canonical(s.dtype) == backend.dtype(r)


def _size(d: Any, batch: int) -> int | None:
    """The value of a symbolic size for a value of its unknown; None where it is no polynomial of that."""
    if not isinstance(d, Dim):
        return d
    if any(name != "batch" for key in d.terms for name in key):
        return None
    return sum(c * batch ** len(key) for key, c in d.terms.items())


def has_override(run: Run, backend: Any) -> bool:
    """Tell whether `backend` replaces the body of this case's op."""
    entry = dispatch.OPS.get(run.case.op)
    return entry is not None and hasattr(backend, entry.override)


def check_override(run: Run, backend: Any) -> None:
    """A native override computes what the op's body does on the same engine."""
    entry = dispatch.OPS[run.case.op]
    plain = dispatch.Op(f"body of {entry.name}", entry.body, _declared(entry), entry.compute, None, None)
    public = dispatch._wrap(plain)
    arrays = run.draw()
    with registry.use_backend(backend.name):
        args, kwargs = run.fill(native(backend, arrays))
        body = results(backend, public(*args, **kwargs))
        ours = results(backend, run.call(native(backend, arrays)))
    if run.case.check is None:
        compare(run, ours, body, "the body")
    for a, b in zip(ours, body, strict=True):
        assert a.dtype == b.dtype, f"dtype {a.dtype}, but the body has {b.dtype}"


def _declared(entry: Any) -> tuple[str, ...]:
    names = [f"{n}?" if i in entry.optional else n for i, n in enumerate(entry.operands)]
    if entry.listed:
        names[0] = f"({names[0]})" if entry.pair else f"[{names[0]}]"
    if entry.variadic:
        names[-1] = f"*{names[-1]}"
    return tuple(names)


# -- gradients -----------------------------------------------------------------------------------------------------------------------------
def differentiable(run: Run) -> list[int]:
    """Return which inputs gradients are checked for."""
    if not run.case.grad or run.dtype != "float32":
        return []
    return [i for i, x in enumerate(run.inputs) if x.dtype is None and x.values is None and np.prod(x.shape)]


def _loss(value: Any, weights: list[np.ndarray], lift: Callable) -> Any:
    """A scalar that depends on every float in a result."""
    from pronghorn.backend import primitives as p

    total: Any = None
    for leaf, w in zip(flatten(value), weights, strict=True):
        for part, v in ((p.real, w.real), (p.imag, w.imag)) if w.dtype.kind == "c" else ((lambda x: x, w),):
            if v.dtype.kind == "f":
                term = p.multiply(part(leaf), lift(v))
                term = p.sum(term, tuple(range(v.ndim)), False)
                total = term if total is None else p.add(total, term)
    return total


def check_gradient(run: Run, backend: Any) -> None:
    """Gradients, taken inside a compiled step as in `fit`, agree with finite differences that the reference computes in float64."""
    which = differentiable(run)
    rng = np.random.default_rng(zlib.crc32(run.id.encode()))
    wide = [a.astype("float64") if i in which or a.dtype == np.float32 else a for i, a in enumerate(run.draw())]
    numpy = registry.get("numpy")
    with registry.use_backend("numpy"):
        shapes = results(numpy, run.call(wide))
        weights = [rng.normal(size=o.shape) + (1j * rng.normal(size=o.shape) if o.dtype.kind == "c" else 0.0) if o.dtype.kind in "fc" else np.zeros(o.shape, "int32") for o in shapes]
        if not any(w.dtype.kind in "fc" for w in weights):
            return

        def value(arrays: list[np.ndarray]) -> float:
            return float(_loss(run.call(arrays), weights, lambda w: w))

        directions = {i: rng.normal(size=wide[i].shape) for i in which}
        slopes = {}
        for i, d in directions.items():
            up, down = (value([a + s * _STEP * d if j == i else a for j, a in enumerate(wide)]) for s in (1, -1))
            slopes[i] = (up - down) / (2 * _STEP)
    name = "float64" if "float64" in backend.dtypes else "float32"
    arrays = [a if a.dtype.kind != "f" else a.astype(name) for a in wide]
    with registry.use_backend(backend.name):
        tensors = native(backend, arrays)

        def fn(values: Sequence[Any]) -> tuple[Any, None]:
            full = list(tensors)
            for i, v in zip(which, values, strict=True):
                full[i] = v
            loss = _loss(run.call(full), weights, lambda w: backend.convert_to_tensor(w.astype(name), name))
            return loss, None

        step = backend.executor().compile(lambda *values: backend.value_and_grad(fn, list(values))[1], [], jit="auto")
        gradients = step(*[tensors[i] for i in which])
    for i, g in zip(which, gradients, strict=True):
        found = np.zeros(wide[i].shape) if g is None else np.asarray(backend.convert_to_numpy(g), "float64")
        assert found.shape == wide[i].shape, f"the gradient of input {i} has shape {found.shape}, the input {wide[i].shape}"
        assert g is None or backend.dtype(g) == name, f"the gradient of input {i} is {backend.dtype(g)}, the input {name}"
        assert np.isfinite(found).all(), f"the gradient of input {i} is not finite: {found}"
        terms = found * directions[i]
        limit = GRADIENT_TOLERANCE[name] * run.case.tolerance * (np.abs(terms).sum() + abs(slopes[i]) + 1e-2)
        gap = abs(terms.sum() - slopes[i])
        assert gap <= limit, f"input {i}: slope {terms.sum():.9g}, finite difference {slopes[i]:.9g} (limit {limit:.3g})\ngradient:\n{found}"


# -- compiling -----------------------------------------------------------------------------------------------------------------------------
def check_compiled(run: Run, backend: Any) -> None:
    """What the executor makes of the op, as `fit` does by default, gives what eager execution gives; a second time too."""
    arrays = run.draw()
    with registry.use_backend(backend.name):
        step = backend.executor().compile(lambda *tensors: run.call(tensors), [], jit="auto")
        once = step(*native(backend, arrays))
        again = results(backend, step(*native(backend, arrays)))
        if run.case.check is not None:
            run.case.check(_tuple(results(backend, once)), *arrays)
        else:
            compare(run, results(backend, once), results(backend, run.call(native(backend, arrays))), "the eager result")
        compare(run, again, results(backend, once), "the first compiled result")
        eager = map_structure(backend.dtype, run.call(native(backend, arrays)))
        assert flatten(map_structure(backend.dtype, once)) == flatten(eager), "dtypes differ from eager execution"
