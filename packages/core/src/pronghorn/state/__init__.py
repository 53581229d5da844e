"""Variables, binding them to values, and gradients with respect to them."""

from pronghorn.state.binding import STATE, StateError, autocast, bind, commit, pure, symbolic_state
from pronghorn.state.grad import can_train, require_autodiff, value_and_grad
from pronghorn.state.variable import Variable

__all__ = ["STATE", "StateError", "Variable", "autocast", "bind", "can_train", "commit", "pure", "require_autodiff", "symbolic_state", "value_and_grad"]
