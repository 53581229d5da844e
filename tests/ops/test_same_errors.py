"""Wrong calls: one class and one message on every engine, eager and symbolic, that names the op and what it received."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops
from pronghorn.backend.errors import CapabilityError
from pronghorn.backend.op import OPS, PRIMITIVES

ENGINES = ("numpy", "jax", "torch", "tensorflow")


def f(*shape):
    return np.ones(shape, "float32")


def i(*shape):
    return np.ones(shape, "int32")


def b(*shape):
    return np.ones(shape, "bool")


def c(*shape):
    return np.ones(shape, "complex64")


# what is wrong -> op, arguments (arrays become tensors), keywords, class of the error, what the message must show of the call
CALLS = {
    # operands that do not broadcast
    "add": ("add", (f(2, 3), f(4)), {}, ValueError, "(2, 3) and (4,)"),
    "subtract int and float": ("subtract", (i(2, 3), f(2)), {}, ValueError, "(2, 3) and (2,)"),
    "divide int": ("divide", (i(2, 3), i(2)), {}, ValueError, "(2, 3) and (2,)"),
    "power": ("power", (f(2, 3), f(2)), {}, ValueError, "(2, 3) and (2,)"),
    "less": ("less", (f(2, 3), f(2)), {}, ValueError, "(2, 3) and (2,)"),
    "greater": ("greater", (f(2, 3), f(2)), {}, ValueError, "(2, 3)"),
    "logical_xor": ("logical_xor", (b(2, 3), b(2)), {}, ValueError, "(2, 3) and (2,)"),
    "logaddexp": ("logaddexp", (f(2, 3), f(2)), {}, ValueError, "(2, 3) and (2,)"),
    "fmax": ("fmax", (f(2, 3), f(2)), {}, ValueError, "(2, 3) and (2,)"),
    "where": ("where", (b(2, 3), f(2, 3), f(4)), {}, ValueError, "(4,)"),
    "clip": ("clip", (f(2, 3), f(4), f(4)), {}, ValueError, "(2, 3) and (4,)"),
    "bitwise_or": ("bitwise_or", (i(2, 3), i(4)), {}, ValueError, "(2, 3) and (4,)"),
    "broadcast_to size": ("broadcast_to", (f(2, 3), (2, 4)), {}, ValueError, "(2, 4)"),
    "broadcast_to rank": ("broadcast_to", (f(2, 3), (3,)), {}, ValueError, "(3,)"),
    "broadcast_to negative": ("broadcast_to", (f(1, 3), (-2, 3)), {}, ValueError, "(-2, 3)"),
    # products
    "matmul sizes": ("matmul", (f(2, 3), f(4, 5)), {}, ValueError, "(2, 3) and (4, 5)"),
    "matmul batch": ("matmul", (f(2, 3, 4), f(3, 4, 5)), {}, ValueError, "(2, 3, 4) and (3, 4, 5)"),
    "matmul scalar": ("matmul", (f(), f(2)), {}, ValueError, "scalar"),
    "matmul vectors": ("matmul", (f(3), f(4)), {}, ValueError, "(3,), x2 of shape (4,)"),
    "dot": ("dot", (f(2, 3), f(4, 5)), {}, ValueError, "(2, 3) and (4, 5)"),
    "inner": ("inner", (f(2, 3), f(2, 4)), {}, ValueError, "(2, 4)"),
    "vdot": ("vdot", (f(3), f(4)), {}, ValueError, "(3,), x2 of shape (4,)"),
    "tensordot sizes": ("tensordot", (f(2, 3), f(4, 5)), {"axes": 1}, ValueError, "(4, 5)"),
    "tensordot axes": ("tensordot", (f(2, 3), f(3, 5)), {"axes": [[2], [0]]}, ValueError, "axis 2"),
    "einsum rank": ("einsum", ("ij,jk->ik", f(2, 3), f(3)), {}, ValueError, '"jk" of "ij,jk->ik"'),
    "einsum sizes": ("einsum", ("ij,jk->ik", f(2, 3), f(4, 5)), {}, ValueError, '"j" stands for 3 in one tensor and for 4'),
    "einsum three": ("einsum", ("ij,jk,kl->il", f(2, 3), f(3, 4), f(5, 2)), {}, ValueError, '"k"'),
    "einsum result": ("einsum", ("ij->ik", f(2, 3)), {}, ValueError, '"ij->ik"'),
    "einsum operands": ("einsum", ("ij,jk", f(2, 3)), {}, ValueError, "2 tensors; received 1"),
    "cross": ("cross", (f(4), f(4)), {}, ValueError, "received 4 and 4"),
    # joining
    "concatenate sizes": ("concatenate", ([f(2, 3), f(2, 4)],), {"axis": 0}, ValueError, "(2, 3), (2, 4)"),
    "concatenate ranks": ("concatenate", ([f(2, 3), f(2)],), {"axis": 0}, ValueError, "(2, 3), (2,)"),
    "concatenate empty vector": ("concatenate", ([f(0), f(2, 3)],), {"axis": 0}, ValueError, "(0,), (2, 3)"),
    "concatenate axis": ("concatenate", ([f(2, 3), f(2, 3)],), {"axis": 2}, ValueError, "axis 2"),
    "fft of one tensor": ("fft", (f(2, 3),), {}, ValueError, "pair of tensors, real and imaginary part; received one of shape (2, 3)"),
    "istft of three": ("istft", ([f(2, 3), f(2, 3), f(2, 3)], 4, 2, 4), {}, ValueError, "received 3 of them"),
    "concatenate nothing": ("concatenate", ([],), {}, ValueError, "empty list"),
    "concatenate scalars": ("concatenate", ([f(), f()],), {}, ValueError, "rank 0"),
    "stack sizes": ("stack", ([f(2, 3), f(2, 4)],), {}, ValueError, "(2, 4)"),
    "stack ranks": ("stack", ([f(2, 3), f(2)],), {}, ValueError, "(2, 3), (2,)"),
    "stack axis": ("stack", ([f(2), f(2)],), {"axis": 3}, ValueError, "axis 3"),
    "vstack": ("vstack", ([f(2), f(3)],), {}, ValueError, "(3,)"),
    "append": ("append", (f(2, 3), f(2, 4)), {"axis": 0}, ValueError, "(2, 4)"),
    # shapes
    "reshape size": ("reshape", (f(2, 3), (4,)), {}, ValueError, "(2, 3) to (4,)"),
    "reshape rest": ("reshape", (f(2, 3), (4, -1)), {}, ValueError, "(4, -1)"),
    "reshape two unknown": ("reshape", (f(2, 3), (-1, -1)), {}, ValueError, "(-1, -1)"),
    "reshape negative": ("reshape", (f(2, 3), (-2, 3)), {}, ValueError, "(-2, 3)"),
    "reshape string": ("reshape", (f(2, 3), "ab"), {}, TypeError, "'a'"),
    "transpose twice": ("transpose", (f(2, 3), (0, 0)), {}, ValueError, "(0, 0)"),
    "transpose short": ("transpose", (f(2, 3), (0,)), {}, ValueError, "(0,)"),
    "squeeze": ("squeeze", (f(2, 3),), {"axis": 0}, ValueError, "(2, 3) has size 2"),
    "expand_dims": ("expand_dims", (f(2, 3),), {"axis": 4}, ValueError, "axis 4"),
    "moveaxis": ("moveaxis", (f(2, 3), (0, 1), (0,)), {}, ValueError, "(0, 1)"),
    "swapaxes": ("swapaxes", (f(2, 3), 0, 2), {}, ValueError, "axis 2"),
    "split": ("split", (f(5), 2), {}, ValueError, "size 5"),
    "unstack": ("unstack", (f(3),), {"num": 4}, ValueError, "num=4"),
    "tile negative": ("tile", (f(2), -1), {}, ValueError, "-1"),
    "tile float": ("tile", (f(2), 1.5), {}, TypeError, "1.5"),
    "repeat counts": ("repeat", (f(3), [1, 2]), {"axis": 0}, ValueError, "(2,)"),
    "repeat negative": ("repeat", (f(3), -1), {}, ValueError, "-1"),
    "roll": ("roll", (f(3), 1), {"axis": 1}, ValueError, "axis 1"),
    "flip": ("flip", (f(2, 3),), {"axis": (0, -2)}, ValueError, "(0, -2)"),
    "pad mode": ("pad", (f(3), 1), {"mode": "reflekt"}, ValueError, "'reflekt'"),
    "pad pairs": ("pad", (f(3), ((1, 1), (1, 1))), {}, ValueError, "((1, 1), (1, 1))"),
    "pad negative": ("pad", (f(3), -1), {}, ValueError, "-1"),
    "diagonal": ("diagonal", (f(3),), {}, ValueError, "(3,)"),
    "rearrange": ("rearrange", (f(2, 3), "a -> a"), {}, ValueError, "(2, 3)"),
    # axes
    "sum axis": ("sum", (f(2, 3),), {"axis": 2}, ValueError, "axis 2"),
    "sum repeated": ("sum", (f(2, 3),), {"axis": (0, -2)}, ValueError, "(0, -2)"),
    "sum float": ("sum", (f(2, 3),), {"axis": 1.0}, TypeError, "1.0"),
    "sum string": ("sum", (f(2, 3),), {"axis": "x"}, TypeError, "'x'"),
    "mean": ("mean", (f(2, 3),), {"axis": -3}, ValueError, "axis -3"),
    "var": ("var", (f(2, 3),), {"axis": 2}, ValueError, "axis 2"),
    "max of nothing": ("max", (f(0, 3),), {"axis": 0}, ValueError, "(0, 3)"),
    "argmax of nothing": ("argmax", (f(0),), {}, ValueError, "(0,)"),
    "argmin axes": ("argmin", (f(2, 3),), {"axis": (0, 1)}, TypeError, "(0, 1)"),
    "cumsum": ("cumsum", (f(2, 3),), {"axis": 2}, ValueError, "axis 2"),
    "logsumexp": ("logsumexp", (f(2, 3),), {"axis": 2}, ValueError, "axis 2"),
    "norm axis": ("norm", (f(2, 3),), {"axis": 2}, ValueError, "axis 2"),
    "norm order": ("norm", (f(2, 3),), {"ord": "nuk"}, ValueError, "'nuk'"),
    "softmax": ("softmax", (f(2, 3),), {"axis": 2}, ValueError, "axis 2"),
    "normalize": ("normalize", (f(2, 3),), {"axis": 2}, ValueError, "axis 2"),
    "sort": ("sort", (f(2, 3),), {"axis": 2}, ValueError, "axis 2"),
    "top_k": ("top_k", (f(3), 4), {}, ValueError, "received 4"),
    "searchsorted rank": ("searchsorted", (f(2, 3), f(2)), {}, ValueError, "(2, 3)"),
    "searchsorted side": ("searchsorted", (f(3), f(2)), {"side": "middle"}, ValueError, "'middle'"),
    # indices
    "take axis": ("take", (f(2, 3), i(2)), {"axis": 2}, ValueError, "axis 2"),
    "take float": ("take", (f(3), f(2)), {}, TypeError, "float32"),
    "take_along_axis rank": ("take_along_axis", (f(2, 3), i(2)), {"axis": 0}, ValueError, "(2,)"),
    "take_along_axis sizes": ("take_along_axis", (f(2, 3), i(3, 1)), {"axis": 1}, ValueError, "(3, 1)"),
    "scatter_update": ("scatter_update", (f(3), i(2, 1), f(3)), {}, ValueError, "(2, 1) into (3,) need (2,)"),
    "scatter_update reduction": ("scatter_update", (f(3), i(2, 1), f(2)), {"reduction": "sum"}, ValueError, "'sum'"),
    "slice": ("slice", (f(3), [1], [3]), {}, ValueError, "start 1 and size 3"),
    "slice_update size": ("slice_update", (f(3), [1], f(4)), {}, ValueError, "(4,)"),
    "slice_update rank": ("slice_update", (f(3), [0], f(1, 1)), {}, ValueError, "(1, 1)"),
    "segment_sum": ("segment_sum", (f(3), i(2)), {"num_segments": 2}, ValueError, "(2,) and (3,)"),
    "getitem index": ("getitem", (f(3), 5), {}, IndexError, "5"),
    "getitem rank": ("getitem", (f(3), (0, 0)), {}, IndexError, "(3,)"),
    # dtypes
    "bitwise_and": ("bitwise_and", (f(3), i(3)), {}, TypeError, "float32"),
    "bitwise_not": ("bitwise_not", (f(3),), {}, TypeError, "float32"),
    "bitwise_left_shift": ("bitwise_left_shift", (i(3), 1.5), {}, TypeError, "float32"),
    "exp of text": ("exp", ("abc",), {}, TypeError, "str"),
    "add text": ("add", (f(2), "abc"), {}, TypeError, "str"),
    "concatenate text": ("concatenate", (["a", "b"],), {}, TypeError, "str"),
    "less complex": ("less", (c(2), f(2)), {}, TypeError, "complex64"),
    "greater complex": ("greater", (c(2), f(2)), {}, TypeError, "complex64"),
    "maximum complex": ("maximum", (c(2), f(2)), {}, TypeError, "complex64"),
    "max complex": ("max", (c(2),), {}, TypeError, "complex64"),
    "argmax complex": ("argmax", (c(2),), {}, TypeError, "complex64"),
    "sort complex": ("sort", (c(2),), {}, TypeError, "complex64"),
    "floor complex": ("floor", (c(2),), {}, TypeError, "complex64"),
    "mod complex": ("mod", (c(2), 2.0), {}, TypeError, "complex64"),
    "relu complex": ("relu", (c(2),), {}, TypeError, "complex64"),
    "cast": ("cast", (f(2), "flot32"), {}, ValueError, "'flot32'. Did you mean \"float32\"?"),
    "ldexp": ("ldexp", (f(2), f(2)), {}, TypeError, "float32"),
    # windows
    "conv rank": ("conv", (f(2, 3), f(1, 3, 4)), {}, ValueError, "(2, 3)"),
    "conv kernel": ("conv", (f(2, 5, 5, 3), f(3, 3, 4)), {}, ValueError, "(3, 3, 4)"),
    "conv channels": ("conv", (f(2, 5, 5, 3), f(3, 3, 2, 4)), {}, ValueError, "(3, 3, 2, 4)"),
    "conv padding": ("conv", (f(2, 5, 5, 3), f(3, 3, 3, 4)), {"padding": "sane"}, ValueError, "'sane'"),
    "conv strides": ("conv", (f(2, 5, 5, 3), f(3, 3, 3, 4)), {"strides": 0}, ValueError, "0"),
    "conv window": ("conv", (f(2, 2, 2, 3), f(3, 3, 3, 4)), {}, ValueError, "(2, 2)"),
    "conv layout": ("conv", (f(2, 5, 5, 3), f(3, 3, 3, 4)), {"data_format": "channels_lost"}, ValueError, "'channels_lost'"),
    "depthwise_conv": ("depthwise_conv", (f(2, 5, 5, 3), f(3, 3, 2, 1)), {}, ValueError, "(3, 3, 2, 1)"),
    "separable_conv": ("separable_conv", (f(2, 5, 5, 3), f(3, 3, 3, 1), f(1, 1, 4, 2)), {}, ValueError, "(1, 1, 4, 2)"),
    "conv_transpose": ("conv_transpose", (f(2, 5, 5, 3), f(3, 3, 4, 2)), {}, ValueError, "(3, 3, 4, 2)"),
    "max_pool rank": ("max_pool", (f(2, 3), 2), {}, ValueError, "(2, 3)"),
    "max_pool size": ("max_pool", (f(2, 5, 5, 3), 0), {}, ValueError, "0"),
    "average_pool window": ("average_pool", (f(2, 2, 2, 3), 3), {}, ValueError, "(3, 3)"),
    "resize interpolation": ("image.resize", (f(2, 4, 4, 3), (2, 2)), {"interpolation": "bilinaer"}, ValueError, "bilinaer"),
    # matrices and networks
    "inv": ("inv", (f(2, 3),), {}, ValueError, "(2, 3)"),
    "solve": ("solve", (f(2, 2), f(3, 1)), {}, ValueError, "(3, 1)"),
    "qr": ("qr", (f(2, 3),), {"mode": "full"}, ValueError, "'full'"),
    "svd": ("svd", (f(3),), {}, ValueError, "(3,)"),
    "binary_crossentropy": ("binary_crossentropy", (f(2, 3), f(2, 4)), {}, ValueError, "(2, 3) and (2, 4)"),
    "sparse_categorical_crossentropy": ("sparse_categorical_crossentropy", (i(3), f(2, 4)), {}, ValueError, "(3,)"),
    "layer_normalization": ("layer_normalization", (f(2, 3),), {"gamma": f(4)}, ValueError, "(4,)"),
    "dot_product_attention": ("dot_product_attention", (f(2, 3, 2, 4), f(2, 5, 2, 6), f(2, 5, 2, 4)), {}, ValueError, "(2, 5, 2, 6)"),
    "glu": ("glu", (f(2, 3),), {}, ValueError, "received 3"),
}  # fmt: skip


def tensors(value, make):
    if isinstance(value, np.ndarray):
        return make(value)
    return [tensors(v, make) for v in value] if isinstance(value, list) and any(isinstance(v, np.ndarray) for v in value) else value


def find(name):
    target = ops
    for part in name.split("."):
        target = getattr(target, part)
    return target


def failure(name, args, kwargs, make):
    with pytest.raises(Exception) as caught:
        find(name)(*[tensors(a, make) for a in args], **{k: tensors(v, make) for k, v in kwargs.items()})
    return type(caught.value), str(caught.value)


@pytest.mark.parametrize("case", CALLS)
def test_one_error_everywhere(case):
    name, args, kwargs, kind, shown = CALLS[case]
    found = {}
    for engine in ENGINES:
        with ph.use_backend(engine):
            found[engine] = failure(name, args, kwargs, ops.convert_to_tensor)
    found["symbolic"] = failure(name, args, kwargs, lambda x: ph.KerasTensor(x.shape, x.dtype.name))
    assert len(set(found.values())) == 1, found
    got, message = found["numpy"]
    assert got is kind
    assert message.startswith(f"{name.rpartition('.')[2]}: ")
    assert shown in message, message


@pytest.mark.parametrize("name", ENGINES)
def test_arrays_variables_and_lists_give_the_same_error_as_tensors(name):
    with ph.use_backend(name):
        for wrap in (np.asarray, ph.Variable, np.ndarray.tolist, ops.convert_to_tensor):
            with pytest.raises(ValueError, match=r"^add: shapes \(2, 3\) and \(4,\) do not broadcast together"):
                ops.add(wrap(f(2, 3)), wrap(f(4)))
            with pytest.raises(ValueError, match=r"^stack: .*\(2, 3\).*\(2, 4\)"):
                ops.stack([wrap(f(2, 3)), wrap(f(2, 4))])


def calls_with_none():
    """Yield every op with None for one of the operands it needs: name, arguments, what the message calls the operand."""
    for name, op in OPS.items():
        count = len(op.operands)
        values = tuple(f(2, 2) if i < count else 1 for i, p in enumerate(op.signature.parameters.values()) if i < count or p.default is p.empty)
        if op.variadic:
            yield name, ("ij,jk", f(2, 2), None), f"{op.operands[-1]}[1]"
        elif op.listed:
            yield name, ([f(2, 2), None], *values[1:]), f"{op.operands[-1]}[1]"
        else:
            for i in sorted(set(range(count)) - op.optional):
                yield name, (*values[:i], None, *values[i + 1 :]), op.operands[i]


@pytest.mark.parametrize("engine", [*ENGINES, "symbolic"])
def test_none_in_place_of_a_tensor_is_refused_by_every_op_in_the_same_words(engine):
    with ph.use_backend("numpy" if engine == "symbolic" else engine):
        make = (lambda x: ph.KerasTensor(x.shape, "float32")) if engine == "symbolic" else ops.convert_to_tensor
        cases = list(calls_with_none())
        assert len(cases) > 300
        for name, args, operand in cases:
            with pytest.raises(TypeError) as caught:
                OPS[name].public(*[tensors(a, make) for a in args])
            assert str(caught.value).startswith(f"{name.lstrip('_')}: {operand} is None; expected a tensor."), caught.value


@pytest.mark.parametrize("name", ENGINES)
def test_none_stands_for_what_may_be_left_out(name):
    with ph.use_backend(name):
        assert ops.convert_to_numpy(ops.clip(np.array([-3.0, 3.0], "float32"), None, 1.0)).tolist() == [-3.0, 1.0]
        assert ops.convert_to_numpy(ops.clip(np.array([-3.0, 3.0], "float32"), -1.0, None)).tolist() == [-1.0, 3.0]


def test_a_symbolic_tensor_is_not_none():
    x = ph.KerasTensor((2,), "float32")
    assert (x == None, x != None, None == x) == (False, True, False)  # noqa: E711
    assert isinstance(x == x, ph.KerasTensor)


@pytest.mark.parametrize("name", ENGINES)
def test_operands_by_name_and_variables_are_named_once(name):
    with ph.use_backend(name):
        for call in (lambda x: ops.sum(x=x, axis=2), lambda x: ops.sum(ph.Variable(x), axis=2), lambda x: ops.sum(ops.convert_to_tensor(x), 2)):
            with pytest.raises(ValueError) as caught:
                call(f(2, 3))
            assert str(caught.value) == "sum: axis 2 is out of range for a tensor of rank 2."


@pytest.mark.parametrize("name", ["torch", "tensorflow"])
def test_an_engine_error_in_getitem_and_gather_names_the_index(name):
    with ph.use_backend(name), pytest.raises(IndexError, match="^getitem: take: index 7 is out of range for an axis of size 3"):
        ops.getitem(ops.ones((3, 2)), ops.convert_to_tensor([0, 7], "int32"))


@pytest.mark.parametrize("name", ["numpy", "torch", "tensorflow"])
@pytest.mark.parametrize("index", [5, -4])
def test_an_index_out_of_range_is_named(name, index):
    with ph.use_backend(name), pytest.raises(IndexError, match=f"^take: index {index} is out of range for an axis of size 3"):
        ops.take(ops.ones((3,)), ops.convert_to_tensor([0, index], "int32"))


@pytest.mark.parametrize("name", ["jax", "tensorflow"])
def test_the_same_error_while_a_function_is_traced(name):
    module = pytest.importorskip(name)
    trace = module.jit if name == "jax" else module.function
    with ph.use_backend(name), pytest.raises(ValueError, match=r"stack: .*\(2, 3\).*\(2, 4\)"):
        trace(lambda x, y: ops.stack([x, y]))(ops.ones((2, 3)), ops.ones((2, 4)))


@pytest.mark.parametrize("name", ENGINES)
def test_nested_ops_name_the_outermost_and_the_innermost(name):
    with ph.use_backend(name), pytest.raises(ValueError) as caught:
        ops.softmax(ops.ones((2, 3)), axis=2)
    assert str(caught.value) == "softmax: max: axis 2 is out of range for a tensor of rank 2. Received x of shape (2, 3)."


@pytest.fixture
def forget():
    """Return a function that makes ops plan their calls anew, also after the test."""
    names = []

    def clear(name):
        names.append(name)
        for table in (OPS, PRIMITIVES):
            if name in table:
                table[name].forget()

    yield clear
    for name in list(names):
        clear(name)


def test_what_shapes_do_not_explain_passes_unchanged(monkeypatch, forget):
    out_of_memory = RuntimeError("out of memory")

    def fail(*_, **__):
        raise out_of_memory

    with ph.use_backend("numpy") as backend:
        monkeypatch.setattr(backend, "erf", fail, raising=False)
        forget("erf")
        with pytest.raises(RuntimeError) as caught:
            ops.erf(np.ones((2, 5, 7), "float16"))
    assert caught.value is out_of_memory


def test_the_engines_error_stays_attached():
    with ph.use_backend("torch"), pytest.raises(ValueError) as caught:
        ops.add(ops.ones((2, 3)), ops.ones((4,)))
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_missing_capability_is_not_taken_for_a_wrong_argument(monkeypatch, forget):
    with ph.use_backend("numpy") as backend:
        monkeypatch.setattr(type(backend), "cholesky", None)
        forget("cholesky")
        with pytest.raises(CapabilityError, match="cholesky"):
            ops.cholesky(np.eye(3, dtype="float16"))
