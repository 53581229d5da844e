"""Symbolic tensors, the graph they record, and the backend that runs ops on them."""

from pronghorn.symbolic.backend import SPEC, aval, evaluate, to_specs
from pronghorn.symbolic.graph import TRACE, Node, order, record, replace, run, silent, specs_in
from pronghorn.symbolic.spec import Spec

__all__ = ["SPEC", "TRACE", "Node", "Spec", "aval", "evaluate", "order", "record", "replace", "run", "silent", "specs_in", "to_specs"]
