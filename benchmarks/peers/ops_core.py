"""Loops, branches, scatter and slices, derivatives, random numbers and trees against Keras', on NumPy and on JAX.

Random numbers are compared by shape, dtype, refusals, mean and spread, since each library has a generator of its own.
Run: python3 dev.py run bench python benchmarks/peers/ops_core.py
"""

import itertools
from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import numpy as np
from op_calls import Known, draw, main

DTYPES = ("float32", "int32", "float16", "uint8", "bool")

EXPLAINED = [
    Known("numpy", "scan", "*length=4*", "a `length` other than that of the elements is refused, as on JAX", "ignored on NumPy"),
    Known("numpy", "scan", "scan without outputs: *", "no outputs give None, as on JAX", "zeros on NumPy"),
    Known("numpy", "associative_scan", "dtype float32, Keras float64", "the dtype is kept, as on JAX", "float64 on NumPy"),
    Known("numpy", "slice", "shape (2, 2), Keras (0, 2)", "-1 reaches to the end, as on JAX", "nothing on NumPy"),
    Known("numpy", "slice", "only we refuse*one entry per axis*", "one start and size for each axis, as on JAX", "fewer are taken on NumPy"),
    Known("numpy", "slice_update", "only we refuse*1 start indices*", "one start for each axis, as on JAX", "fewer are taken on NumPy"),
    Known("numpy", "convert_to_tensor", "only we refuse*NoneType*", "None is refused, as on JAX", "nan on NumPy"),
    Known(
        "*", "convert_to_tensor", "convert_to_tensor(1099511627776, {'dtype': None})*only Keras refuses*", "becomes int64 where the engine has it", "refused"
    ),
    Known("*", "convert_to_numpy", "dtype int32, Keras int64", "Python numbers get the dtype that the op would give them", "NumPy's own dtype"),
    Known("*", "convert_to_numpy", "dtype float32, Keras float64", "Python numbers get the dtype that the op would give them", "NumPy's own dtype"),
    Known("*", "convert_to_numpy", "only we refuse*", "what cannot be a tensor is refused", "an array of objects"),
    Known("*", "is_tensor", "is_tensor of a spec: *", "symbolic tensors are tensors: a layer's `call` sees them where Keras traces with the engine's", "False"),
    Known("*", "random.*", "only Keras refuses*out of bounds for uint32*", "any integer is a seed", "negative and wide ones are refused"),
    Known("numpy", "random.truncated_normal", "*shape 3: only Keras refuses*", "an int is a shape of one axis", "refused on NumPy"),
    Known("numpy", "random.normal", "only we refuse*dtype must be a float*", "float dtypes only, as on JAX", "rounded on NumPy"),
    Known("*", "random.gamma", "only we refuse*dtype must be a float*", "float dtypes only", "rounded on NumPy"),
    Known("*", "random.dropout", "only we refuse*rate must be*", "rates from 0 to 1", "others give zeros or numbers without meaning"),
    Known("jax", "slice_update", "only Keras refuses*same dtypes*", "updates are cast to the dtype of the tensor, as on NumPy", "refused on JAX"),
    Known("jax", "scatter*", "only Keras refuses*dtype bool*", "booleans are taken as 0 and 1, as on NumPy", "refused on JAX"),
    Known("jax", "scatter_update", "only we refuse*no dtype int64*", "int64 is refused where JAX has no 64 bits", "a warning, and int32"),
    Known("jax", "random.categorical", "*as int64: only we refuse*", "int64 is refused where JAX has no 64 bits", "a warning, and int32"),
    Known("*", "random.*", "*shape None: only we refuse*", "a shape is required", "a number, or the shape of the parameters"),
    Known("jax", "random.randint", "*(5, 2)*only we refuse*", "an empty range is refused, as on NumPy", "the least number on JAX"),
    Known("numpy", "random.truncated_normal", "*shape (2, -1): only we refuse*", "negative sizes are refused, as on JAX", "taken as the rest on NumPy"),
    Known("numpy", "random.dropout", "dtype float32, Keras *", "integers and booleans become floatx", "kept on NumPy, refused on JAX"),
    Known("jax", "random.dropout", "dtype float32, Keras *", "integers and booleans become floatx", "kept where nothing is dropped, refused otherwise"),
]

Point = namedtuple("Point", "x y")


def spaces() -> tuple:
    """Return the ops of both sides, with their random and tree packages beside them."""
    import keras

    import pronghorn as ph

    both = []
    for package in (ph, keras):
        everything = {n: getattr(package.ops, n) for n in dir(package.ops) if not n.startswith("__")}
        both.append(SimpleNamespace(**everything, random=package.random, tree=package.tree, Variable=package.Variable, KerasTensor=package.KerasTensor))
    return tuple(both)


def control(d: Any) -> Any:
    """Yield calls of control flow."""
    x, m, row, stack = d((5,)), d((5, 3)), d((3,)), d((2, 4, 3))
    t = lambda o, v: o.convert_to_tensor(v)
    for flag in (True, False, np.array(True), np.array(0)):
        yield "cond", lambda o, f=flag: o.cond(t(o, f), lambda: t(o, x) * 2, lambda: t(o, x) + 1), f"of {flag!r}"
        yield "cond", lambda o, f=flag: o.cond(f, lambda: (t(o, x), {"a": t(o, x) + 1}), lambda: (t(o, x) * 3, {"a": t(o, x)})), f"of structures, {flag!r}"
    for i in (0, 1, 2, 5, -1):
        yield "switch", lambda o, i=i: o.switch(t(o, np.int32(i)), [lambda v: v, lambda v: v * 2, lambda v: v * 3], t(o, x)), f"{i}"
    yield "while_loop", lambda o: o.while_loop(lambda i: i < 10, lambda i: (i + 1,), (t(o, np.int32(0)),)), "counting"
    yield "while_loop", lambda o: o.while_loop(lambda i: i < 10, lambda i: i + 1, t(o, np.int32(0))), "of one variable"
    yield (
        "while_loop",
        lambda o: o.while_loop(lambda i, s: i < 10, lambda i, s: (i + 1, s + o.cast(i, "float32")), (t(o, np.int32(0)), t(o, np.float32(0)))),
        "of two",
    )
    for limit in (0, 3, 100):
        yield "while_loop", lambda o, n=limit: o.while_loop(lambda i: i < 10, lambda i: [i + 1], [t(o, np.int32(0))], maximum_iterations=n), f"at most {limit}"
    for a, b in ((0, 5), (2, 2), (3, 1)):
        yield "fori_loop", lambda o, a=a, b=b: o.fori_loop(a, b, lambda i, v: v + o.cast(i, "float32"), t(o, np.float32(1))), f"{a} to {b}"
    yield "map", lambda o: o.map(lambda v: v * 2, t(o, m)), "of rows"
    yield "map", lambda o: o.map(lambda v: {"s": o.sum(v["a"]) + v["b"]}, {"a": t(o, m), "b": t(o, x)}), "of a structure"
    for kw in ({}, {"reverse": True}, {"unroll": 2}, {"unroll": True}, {"length": 5}, {"length": 4}):
        yield "scan", lambda o, kw=kw: o.scan(lambda c, v: (c + o.sum(v), c * 2), t(o, np.float32(1)), t(o, m), **kw), f"{kw}"
    yield "scan", lambda o: o.scan(lambda c, _: (c * 2, c), t(o, np.float32(1)), length=4), "without elements"
    yield "scan", lambda o: o.scan(lambda c, v: ({"a": c["a"] + v}, None), {"a": t(o, np.float32(0))}, t(o, x)), "without outputs"
    yield "scan", lambda o: o.scan(lambda c, v: c, t(o, np.float32(0)), t(o, x)), "of a wrong body"
    yield "scan", lambda o: o.scan(lambda c, v: (c, v), t(o, np.float32(0))), "of nothing"
    for kw in ({}, {"reverse": True}, {"axis": 1}):
        yield "associative_scan", lambda o, kw=kw: o.associative_scan(lambda a, b: a + b, t(o, m), **kw), f"sum {kw}"
        yield (
            "associative_scan",
            lambda o, kw=kw: o.associative_scan(lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1]), (t(o, m), t(o, m)), **kw),
            f"of pairs {kw}",
        )
    yield "associative_scan", lambda o: o.associative_scan(lambda a, b: o.maximum(a, b), t(o, m), axis=4), "of a wrong axis"
    yield "vectorized_map", lambda o: o.vectorized_map(lambda v: o.sum(v) * 2, t(o, m)), "of rows"
    yield "vectorized_map", lambda o: o.vectorized_map(lambda v: v[0] + o.sum(v[1]), (t(o, x), t(o, m))), "of a pair"
    yield "vectorize", lambda o: o.vectorize(lambda a, b: a + b)(t(o, m), t(o, row)), "of scalars"
    yield "vectorize", lambda o: o.vectorize(lambda a: o.sum(a), signature="(n)->()")(t(o, m)), "of vectors"
    yield "vectorize", lambda o: o.vectorize(lambda a, b: o.matmul(a, b), signature="(n,m),(m)->(n)")(t(o, stack), t(o, row)), "of products"
    yield "vectorize", lambda o: o.vectorize(lambda a, b: a * b, excluded={1})(t(o, x), 2.0), "with an excluded one"
    yield "vectorize", lambda o: o.vectorize(lambda a: a, signature="(n->()")(t(o, x)), "of a wrong signature"
    yield "custom_gradient", lambda o: o.custom_gradient(lambda v: (v * 2, lambda g: g))(t(o, x)), "forwards"
    yield "jvp", lambda o: o.jvp(lambda v: o.sin(v), (t(o, x),), (t(o, np.ones(5, "float32")),)), "of sin"
    yield "jvp", lambda o: o.jvp(lambda a, b: a * b, (t(o, x), t(o, x)), (t(o, np.ones(5, "float32")), t(o, x))), "of a product"
    yield "jvp", lambda o: o.jvp(lambda v: (o.sum(v * v), v), (t(o, x),), (t(o, np.ones(5, "float32")),), has_aux=True), "with more"
    yield "stop_gradient", lambda o: o.stop_gradient(t(o, x)), "of a tensor"
    yield "rearrange", lambda o: o.rearrange(t(o, m), "a b -> b a"), "of a matrix"


def places(d: Any) -> Any:
    """Yield calls of scatter, slices and conversions."""
    for dtype in DTYPES:
        yield "scatter", [np.array([[0], [2], [0]], "int32"), d((3,), dtype), (4,)], {}
        yield "scatter", [np.array([[0, 1], [2, 0]], "int32"), d((2,), dtype), (3, 2)], {}
        yield "scatter", [np.array([[1], [3]], "int32"), d((2, 3), dtype), (4, 3)], {}
        for how in (None, "add", "max", "min", "mul", "other"):
            yield "scatter_update", [d((4,), dtype), np.array([[0], [2]], "int32"), d((2,), dtype)], {"reduction": how}
            if how:
                yield "scatter_update", [d((4, 2), dtype), np.array([[1], [1]], "int32"), d((2, 2), dtype)], {"reduction": how}
        yield "slice", [d((3, 4), dtype), (1, 0), (2, 3)], {}
        yield "slice_update", [d((3, 4), dtype), (1, 1), d((2, 2), dtype)], {}
        yield "slice_update", [d((3, 4), dtype), (1, 1), d((2, 2), "float32")], {}
        yield "convert_to_tensor", [d((2,), dtype)], {}
        yield "convert_to_tensor", [d((2,), dtype)], {"dtype": "float16"}
        yield "convert_to_numpy", [d((2,), dtype)], {}
        yield "shape", [d((2, 3), dtype)], {}
        yield "is_tensor", lambda o, x=d((2,), dtype): o.is_tensor(o.convert_to_tensor(x)), dtype
        yield "unstack", [d((3, 2), dtype)], {}
        yield "fold", [d((1, 8, 6), dtype), (4, 3), 2], {}
    yield "scatter", [np.array([[7]], "int32"), d((1,)), (4,)], {}
    yield "scatter", [np.array([[-1]], "int32"), d((1,)), (4,)], {}
    yield "scatter_update", [d((4,)), np.array([[7]], "int32"), d((1,))], {}
    yield "scatter_update", [d((4, 3)), np.array([[0, 2], [3, 1]], "int64"), d((2,))], {}
    yield "scatter_update", [d((4, 3)), np.array([[0, 2, 1]], "int32"), d((1,))], {}
    for start, shape in (((0, 0), (3, 4)), ((2, 2), (1, 2)), ((1, 1), (-1, 2)), ((1,), (2,)), (np.array([1, 2], "int32"), (2, 2)), ((0, 0), (5, 5))):
        yield "slice", [d((3, 4)), start, shape], {}
    for start in ((0, 0), (2, 3), np.array([1, 1], "int32"), (0,)):
        yield "slice_update", [d((3, 4)), start, d((1, 1))], {}
    for value, dtype in itertools.product(
        (1, 1.5, True, [1, 2], [1.0, 2], [[True]], (), "text", None, 2**40, [[1], [1, 2]], 1j), (None, "float32", "int32", "nonsense")
    ):
        yield "convert_to_tensor", [value], {"dtype": dtype}
    for value in (1, 1.5, [1, 2], "a", None):
        yield "is_tensor", [value], {}
        yield "convert_to_numpy", [value], {}
    yield "is_tensor", lambda o: o.is_tensor(o.Variable(1.0)), "of a variable"
    yield "is_tensor", lambda o: o.is_tensor(o.KerasTensor((2,))), "of a spec"
    for to in ("int32", "float16", "bool", "nonsense"):
        yield "cast", lambda o, t=to: o.cast(o.Variable([1.5, 0.0]), t), f"of a variable to {to}"
        yield "cast", lambda o, t=to: (lambda s: [list(s.shape), s.dtype])(o.cast(o.KerasTensor((None, 2)), t)), f"of a spec to {to}"
    yield "dtype", lambda o: o.dtype(o.Variable(1.0)), "of a variable"


def trees(d: Any) -> Any:
    """Yield calls of the package tree."""
    nests = {
        "list": [1, [2, 3], (4,)], "dictionary": {"b": 1, "a": [2, {"c": 3}]}, "named tuple": Point(1, Point(2, [3])), "none": [None, 1, {"a": None}], "leaf": 5,
        "empty": [[], {}, ()], "text": ["ab", 1],
    }  # fmt: skip
    text = lambda v: repr(v).replace("pronghorn", "keras")
    for label, nest in nests.items():
        yield "tree.is_nested", lambda o, n=nest: o.tree.is_nested(n), label
        yield "tree.flatten", lambda o, n=nest: text(o.tree.flatten(n)), label
        yield "tree.flatten_with_path", lambda o, n=nest: text(o.tree.flatten_with_path(n)), label
        yield "tree.map_structure", lambda o, n=nest: text(o.tree.map_structure(lambda v: (v, "x"), n)), label
        yield "tree.map_structure", lambda o, n=nest: text(o.tree.map_structure(lambda v: [v], n, none_is_leaf=False)), f"{label}, none kept"
        yield "tree.map_structure", lambda o, n=nest: text(o.tree.map_structure(lambda a, b: (a, b), n, n)), f"{label}, twice"
        yield "tree.lists_to_tuples", lambda o, n=nest: text(o.tree.lists_to_tuples(n)), label
        yield "tree.traverse", lambda o, n=nest: text(o.tree.traverse(lambda v: 0 if isinstance(v, tuple) else None, n)), f"{label}, from the top"
        yield (
            "tree.traverse",
            lambda o, n=nest: text(o.tree.traverse(lambda v: v * 2 if isinstance(v, int) else None, n, top_down=False)),
            f"{label}, from below",
        )
        yield "tree.MAP_TO_NONE", lambda o, n=nest: text(o.tree.traverse(lambda v: o.tree.MAP_TO_NONE if v == 1 else None, n)), label
        yield "tree.pack_sequence_as", lambda o, n=nest: text(o.tree.pack_sequence_as(n, list(range(len(o.tree.flatten(n)))))), label
        yield "tree.pack_sequence_as", lambda o, n=nest: text(o.tree.pack_sequence_as(n, list(range(9)))), f"{label}, too many"
        yield "tree.map_structure_up_to", lambda o, n=nest: text(o.tree.map_structure_up_to([0, 0], lambda v: repr(v), n)), label
        for other_label, other in nests.items():
            yield "tree.assert_same_structure", lambda o, n=nest, m=other: o.tree.assert_same_structure(n, m), f"{label} and {other_label}"
            yield "tree.assert_same_paths", lambda o, n=nest, m=other: o.tree.assert_same_paths(n, m), f"{label} and {other_label}"
            yield "tree.map_structure", lambda o, n=nest, m=other: text(o.tree.map_structure(lambda a, b: (a, b), n, m)), f"{label} with {other_label}"
    for a, b in (([1, 2], (1, 2)), ({"a": 1}, {"b": 1}), ([1], [[1]]), ({"a": 1, "b": 2}, {"b": 1, "a": 2}), (Point(1, 2), (1, 2)), ([None], [1])):
        yield "tree.assert_same_structure", lambda o, a=a, b=b: o.tree.assert_same_structure(a, b), f"{a} and {b}"
        yield "tree.assert_same_paths", lambda o, a=a, b=b: o.tree.assert_same_paths(a, b), f"{a} and {b}"
    for shapes in ((2, 3), [(2, None), (3,)], {"a": (1, 2), "b": [None, 4]}, [[2, 3], [4]], (None, 2)):
        yield "tree.map_shape_structure", lambda o, s=shapes: text(o.tree.map_shape_structure(lambda v: ("shape", tuple(v)), s)), f"{shapes}"


def randoms(d: Any) -> Any:
    """Yield calls of the package random, rounded so that only the distribution counts."""
    drawn = {
        "uniform": [({}, ()), ({}, (-2.0, 7.0)), ({"dtype": "float16"}, ()), ({"dtype": "int32"}, ()), ({"dtype": "bfloat16"}, ())],
        "normal": [({}, ()), ({}, (1.0, 2.0)), ({"dtype": "float16"}, ()), ({"dtype": "int32"}, ())],
        "truncated_normal": [({}, ()), ({}, (1.0, 2.0)), ({"dtype": "float16"}, ())],
        "randint": [({}, (0, 7)), ({}, (-3, 9)), ({"dtype": "uint8"}, (0, 200)), ({"dtype": "float32"}, (0, 7)), ({}, (5, 2))],
        "gamma": [({}, (0.5,)), ({}, (3.0,)), ({"dtype": "float16"}, (2.0,)), ({"dtype": "int32"}, (2.0,))],
        "beta": [({}, (2.0, 3.0)), ({}, (0.5, 0.5)), ({"dtype": "float16"}, (2.0, 3.0))],
        "binomial": [({}, (10.0, 0.3)), ({}, (200.0, 0.7)), ({"dtype": "float16"}, (10.0, 0.5))],
    }
    for name, options in drawn.items():
        for kw, args in options:
            call = lambda o, n=name, a=args, k=kw, shape=(4000,): getattr(o.random, n)(shape, *a, seed=3, **k)
            # mean and spread of 4000 numbers, in steps of a fifth of the spread
            yield f"random.{name}", lambda o, c=call: str(o.convert_to_numpy(c(o)).dtype), f"dtype {args} {kw}"
            yield f"random.{name}", lambda o, c=call: _moments(o, c(o)), f"moments {args} {kw}"
        for shape in ((), (0,), (2, 3), [2, 3], 3, (2, -1), None):
            yield f"random.{name}", lambda o, n=name, a=options[0][1], s=shape: list(getattr(o.random, n)(s, *a, seed=3).shape), f"shape {shape}"
        for seed in (None, 0, -1, 1.5, "a", 2**31, 2**40):
            yield f"random.{name}", lambda o, n=name, a=options[0][1], s=seed: list(getattr(o.random, n)((2,), *a, seed=s).shape), f"seed {seed!r}"
    logits = np.log(np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 1e-9]], "float32"))
    for dtype in ("int32", "int64", "uint8", "float32"):
        yield "random.categorical", lambda o, t=dtype: o.random.categorical(logits, 5, dtype=t, seed=1) * 0, f"as {dtype}"
    share = lambda o, v: np.round(np.stack([(o.convert_to_numpy(v) == i).mean(1) for i in range(3)]) * 10)
    yield "random.categorical", lambda o: share(o, o.random.categorical(logits, 8000, seed=1)), "shares"
    yield "random.categorical", lambda o: o.random.categorical(logits[0], 5, seed=1), "of a vector"
    x = np.ones((60, 70), "float32")
    for rate, kw in itertools.product((0.0, 0.3, 0.5, 1.0, 1.5, -0.1), ({}, {"noise_shape": (60, 1)}, {"noise_shape": (None, 1)}, {"noise_shape": (2, 3)})):
        # a tenth of the elements more or less is chance
        yield "random.dropout", lambda o, r=rate, kw=kw: _kept(o, o.random.dropout(x, r, seed=1, **kw), kw.get("noise_shape")), f"{rate} {kw}"
    for dtype in ("float16", "int32", "bool"):
        yield "random.dropout", lambda o, t=dtype: o.random.dropout(x.astype(t), 0.0, seed=1), f"of {dtype}"
    for axis in (0, 1, -1, 5):
        yield "random.shuffle", lambda o, a=axis: o.sort(o.random.shuffle(x.cumsum(0).cumsum(1), axis=a, seed=1), axis=a), f"axis {axis}"
    for seed in (3, None, 0, -1, 1.5, "a", 2**40):
        yield "random.SeedGenerator", lambda o, s=seed: list(o.random.SeedGenerator(seed=s).next().shape), f"{seed!r}"
        if seed is not None:
            yield "random.SeedGenerator", lambda o, s=seed: o.random.SeedGenerator(seed=s, name="g").get_config()["seed"], f"config of {seed!r}"
    yield (
        "random.SeedGenerator",
        lambda o: (lambda g: bool((o.convert_to_numpy(g.next()) != o.convert_to_numpy(g.next())).any()))(o.random.SeedGenerator(3)),
        "moves on",
    )


def _moments(o: Any, x: Any) -> Any:
    x = np.asarray(o.convert_to_numpy(x)).astype("float64")
    step = x.std() / 5 or 1.0
    scale = 10.0 ** np.floor(np.log10(step))
    return [float(np.round(x.mean() / scale / 10 + 0.17)), float(np.round(np.log2(x.std() + 1e-9) * 2 + 0.23))]


def _kept(o: Any, x: Any, noise_shape: Any) -> Any:
    x = o.convert_to_numpy(x)
    share = (x != 0).mean() if noise_shape is None else 0.0  # of few decisions, the share is chance
    return [list(x.shape), np.round(np.unique(x), 4), float(np.round(share * 3 + 0.12)), bool((x == x[:, :1]).all())]


def calls() -> Any:
    """Every call: name, positional arguments, keywords. Arrays become tensors."""
    rng = np.random.default_rng(13)
    d = lambda shape, dtype="float32", special=False: draw(rng, shape, dtype, special)
    for group in (control, places, trees, randoms):
        yield from group(d)


if __name__ == "__main__":
    main(__file__, calls, EXPLAINED, few=100, every=3, spaces=spaces)
