"""Lowering of branches and loops: bodies become models of their own."""

from typing import Any

import numpy as np

from pronghorn.state.tree import flatten
from pronghorn.symbolic.spec import Spec
from pronghorn_openvino.engine import o, ov
from pronghorn_openvino.graph import Graph, Value, const, ints
from pronghorn_openvino.lowering import LOWER, run


def _leaves(nest: Any) -> list[Any]:
    return [x for x in flatten(nest) if x is not None]


def _specs(nest: Any) -> list[Spec]:
    return [x for x in flatten(nest) if isinstance(x, Spec)]


def _results(g: Graph, nest: Any) -> list[Value]:
    return [g.value(x) for x in _leaves(nest)]


def _cond(g: Graph, out: Any, pred: Any, *branches: tuple) -> tuple:
    node = o.if_op(o.reshape(g.value(pred).plain, ints([]), False).output(0))
    graphs, models = [], []
    for tape, result in branches:
        body = Graph(g)
        run(body, tape, _specs(result))
        models.append(ov.Model([v.plain for v in _results(body, result)], body.parameters, "branch"))
        graphs.append(body)
    node.set_then_body(models[0])
    node.set_else_body(models[1])
    for outer, parameter in graphs[0].captured:
        node.set_input(outer, parameter, None)
    for outer, parameter in graphs[1].captured:
        node.set_input(outer, None, parameter)
    made = [node.set_output(a, b) for a, b in zip(models[0].results, models[1].results, strict=True)]
    return tuple(Value(n, s.dtype) for n, s in zip(made, _leaves(out), strict=True))


def _body_parameter(g: Graph, body: Graph, value: Value, spec: Spec) -> Any:
    """A parameter of a body that is fed `value`; inside, `spec` stands for it."""
    node = o.parameter(value.plain.get_partial_shape(), value.plain.get_element_type())
    body.parameters.append(node)
    body.values[id(spec)] = Value(node, spec.dtype)
    return node


def _while_loop(g: Graph, out: Any, start: Any, inside: Any, test: tuple, step: tuple, limit: Any) -> tuple:
    carried, values = _leaves(inside), _results(g, start)
    tape, flag = test
    for spec, v in zip(carried, values, strict=True):
        g.values[id(spec)] = v
    run(g, tape, _specs(flag))
    begin = o.reshape(g.value(flag).plain, ints([]), False).output(0)
    body = Graph(g)
    merged = [_body_parameter(g, body, v, s) for v, s in zip(values, carried, strict=True)]
    run(body, step[0], _specs(step[1]))
    new = _results(body, step[1])
    for spec, v in zip(carried, new, strict=True):  # the test of the next round
        body.values[id(spec)] = v
    run(body, tape, _specs(flag))
    results = [o.result(n) for n in (*[v.plain for v in new], o.reshape(body.value(flag).plain, ints([]), False))]
    loop = o.loop(const(-1 if limit is None else int(limit), np.int64), begin)
    loop.set_function(ov.Model(results, body.parameters, "loop"))
    loop.set_special_body_ports([-1, len(results) - 1])
    for parameter, v, result in zip(merged, values, results, strict=False):
        loop.set_merged_input(parameter, v.plain, result.output(0))
    for outer, parameter in body.captured:
        loop.set_invariant_input(parameter, outer)
    return tuple(Value(loop.get_iter_value(r.output(0), -1), s.dtype) for r, s in zip(results, carried, strict=False))


def _scan(g: Graph, out: Any, init: Any, xs: Any, carry: Any, row: Any, step: tuple, length: int, reverse: bool) -> tuple:
    tape, (new_carry, ys) = step
    if not length:
        rows = [g.constant(np.zeros(s.shape, s.dtype)) for s in _leaves(out[1])]
        return (*_results(g, init), *rows)
    carried, rows, values, sliced = _leaves(carry), _leaves(row), _results(g, init), _results(g, xs)
    body = Graph(g)
    merged = [_body_parameter(g, body, v, s) for v, s in zip(values, carried, strict=True)]
    pieces = []
    for v, s in zip(sliced, rows, strict=True):
        node = o.parameter([1, *[-1 if d is None else d for d in v.dims[1:]]], v.node.get_element_type())
        body.parameters.append(node)
        body.values[id(s)] = Value(o.squeeze(node, ints([0])), s.dtype)
        pieces.append(node)
    run(body, tape, [*_specs(new_carry), *_specs(ys)])
    last = [o.result(v.plain) for v in _results(body, new_carry)]
    stacked = [o.result(o.unsqueeze(v.plain, ints([0]))) for v in _results(body, ys)]
    if pieces:  # the one of the two loops that can run backwards
        loop = o.tensor_iterator()
        loop.set_body(ov.Model([*last, *stacked], body.parameters, "scan"))
    else:
        loop = o.loop(const(length, np.int64), const(True, np.bool_))
        loop.set_function(ov.Model([*last, *stacked, o.result(const(True, np.bool_))], body.parameters, "scan"))
        loop.set_special_body_ports([-1, len(last) + len(stacked)])
    ends = (-1, -1, 1, 0) if reverse and pieces else (0, 1, 1, -1)  # start, stride, part, end
    for node, v in zip(pieces, sliced, strict=True):
        loop.set_sliced_input(node, v.plain, *ends, 0)
    for node, v, result in zip(merged, values, last, strict=True):
        loop.set_merged_input(node, v.plain, result.output(0))
    for outer, node in body.captured:
        loop.set_invariant_input(node, outer)
    carries = [Value(loop.get_iter_value(r.output(0), -1), s.dtype) for r, s in zip(last, carried, strict=True)]
    made = []
    for r, s in zip(stacked, _leaves(out[1]), strict=True):
        node = loop.get_concatenated_slices(r.output(0), *ends, 0)
        if reverse and not pieces:
            node = o.gather(node, ints(np.arange(length)[::-1].copy()), ints(0))
        made.append(Value(node, s.dtype))
    return (*carries, *made)


LOWER.update({"cond": _cond, "while_loop": _while_loop, "scan": _scan})
