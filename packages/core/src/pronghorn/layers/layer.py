"""The base of every layer and model."""

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn import dtype_policies
from pronghorn.backend import dtypes, registry
from pronghorn.backend.dims import Dim
from pronghorn.backend.errors import closest
from pronghorn.backend.owners import owner
from pronghorn.layers import calling, context, tracking
from pronghorn.layers.config import LayerConfig
from pronghorn.layers.context import CONTEXT
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.operation import Operation
from pronghorn.layers.state import LayerState
from pronghorn.state.binding import STATE
from pronghorn.state.naming import SCOPES, auto_name, new_key
from pronghorn.state.remat import CURRENT
from pronghorn.symbolic.spec import Spec

_LEGACY = ("input_shape", "input_dim", "batch_input_shape", "batch_shape", "batch_size", "weights", "input_dtype", "implementation")


def _scoped_init(init: Callable) -> Callable:
    """Remember the arguments of the outermost `__init__`, and let what is made inside know what encloses it."""

    @functools.wraps(init)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        attributes = self.__dict__
        if "_init_args" in attributes:
            init(self, *args, **kwargs)
            return
        attributes["_init_args"] = (args, kwargs)
        SCOPES.stack.append(self)
        try:
            init(self, *args, **kwargs)
        finally:
            SCOPES.stack.pop()
        if "_plans" not in attributes:
            raise RuntimeError(f"{type(self).__name__}.__init__() must call super().__init__() before anything else.")

    return __init__


def _scoped_build(build: Callable) -> Callable:
    """Mark a layer as built after its own `build`, and note the shapes."""
    names: list[str] | None = None

    @functools.wraps(build)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal names
        if self._building:  # called by a subclass' build
            build(self, *args, **kwargs)
            return
        self._building = True
        entered = not SCOPES.stack or SCOPES.stack[-1] is not self
        if entered:
            SCOPES.stack.append(self)
        try:
            args = tuple(_as_shape(a) for a in args)
            build(self, *args, **kwargs)
            if names is None:
                code = build.__code__
                names = list(code.co_varnames[1 : code.co_argcount])
            self._build_shapes = {**dict(zip(names, args, strict=False)), **kwargs}
            self._mark_built()
        finally:
            self._building = False
            if entered:
                SCOPES.stack.pop()

    return wrapped


def _as_shape(value: Any) -> Any:
    """Shapes as tuples with None for unknown sizes, wherever they come from."""
    if isinstance(value, list) and value and all(d is None or isinstance(d, int) for d in value):
        return tuple(value)
    if isinstance(value, (list, tuple)):
        return type(value)(None if isinstance(d, Dim) else _as_shape(d) for d in value)
    return value


class Layer(LayerConfig, LayerState, Operation):
    """A function of tensors with state: `build` makes the weights, `call` computes.

    Args:
        activity_regularizer: regularizer of the output, added to the losses.
        trainable: whether its variables are trained.
        dtype: dtype name or policy, the global policy by default.
        autocast: whether float inputs are cast to the compute dtype.
        name: unique name; made from the class name by default.

    Example:
        >>> import pronghorn as ph
        >>> class Scale(ph.Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
        ...     def call(self, x):
        ...         return x * self.factor
        >>> Scale()([[1.0, 2.0]]).shape
        (1, 2)
    """

    supports_masking = False
    input_spec: Any = None
    _default_build = True
    _hidden_names: frozenset[str] = frozenset()
    _uses_losses = False
    _remembers = False  # `_scoped_init` does
    _remat: Any = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            cls.__init__ = _scoped_init(cls.__init__)  # type: ignore[method-assign]
        if "build" in cls.__dict__ and not cls.__dict__.get("_default_build"):
            cls.build = _scoped_build(cls.build)  # type: ignore[method-assign]
        hidden = cls.__dict__.get("_untracked")
        if hidden:
            cls._hidden_names = cls._hidden_names | frozenset(hidden)

    @_scoped_init
    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        self._plans: dict[Any, tuple] = {}
        self._own: list[Any] = []
        self._frozen: list[Any] = []
        self._inbound: list[tuple] = []
        self._key_counters: dict[str, int] = {}
        self._build_shapes: dict[str, Any] | None = None
        self._home: Any = None
        self._first_variable: Any = None
        self._path: str | None = None
        self._building = self._called = False
        self.built = False
        if CURRENT.scope is not None:
            self._remat = CURRENT.scope
        self._trainable = bool(trainable)
        self.autocast = autocast
        self.activity_regularizer = None
        if activity_regularizer is not None:
            from pronghorn import regularizers

            self.activity_regularizer = regularizers.get(activity_regularizer)
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(f'{type(self).__name__}: name must be a string without "/"; received {name!r}.')
        self.name = name or auto_name(type(self).__name__)
        self._key = self._make_key(name)
        policy = dtype_policies.get(dtype)
        self._dtype_policy = policy[self.path] if isinstance(policy, dtype_policies.DTypePolicyMap) else policy
        self._input_shape_arg = self._legacy_shape(kwargs)
        if kwargs:
            unknown = next(iter(kwargs))
            options = {n for c in type(self).__mro__ if c is not object for n in inspect.signature(c.__init__).parameters}  # type: ignore[misc]
            raise TypeError(f"{type(self).__name__}() has no argument {unknown!r}.{closest(unknown, options)}")

    def _make_key(self, name: str | None) -> str:
        """Return the key under which start values are drawn: the name (counted from the last seed) behind the key of the enclosing layer."""
        from pronghorn.state.naming import to_snake_case

        base = name or to_snake_case(type(self).__name__)
        enclosing = [o for o in SCOPES.stack if o is not self and "_key" in o.__dict__]
        if not enclosing:
            return new_key(base)
        return f"{enclosing[-1]._key}/{new_key(base, enclosing[-1]._key_counters)}"

    @staticmethod
    def _legacy_shape(kwargs: dict[str, Any]) -> tuple | None:
        """Take Keras' older ways to say the input shape out of `kwargs`; returns it with the batch size."""
        batch_size = kwargs.pop("batch_size", None)
        full = kwargs.pop("batch_input_shape", None) or kwargs.pop("batch_shape", None)
        if full is not None:
            return tuple(full)
        if "input_shape" in kwargs:
            shape = kwargs.pop("input_shape")
            return (batch_size, *shape) if shape is not None else None
        if "input_dim" in kwargs:
            return (batch_size, kwargs.pop("input_dim"))
        return None

    # -- what subclasses write -------------------------------------------------------------------------------------------------------------
    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of this shape; overridden by layers that have any."""
        if type(self).call is not Layer.call and tracking.sublayers(self) and input_shape is not None and not self._building:
            self._build_by_tracing(input_shape)
        self._build_shapes = {"input_shape": _as_shape(input_shape)}
        self._mark_built()

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; every layer overrides this."""
        raise NotImplementedError(f'Layer "{self.name}" ({type(self).__name__}) has no call(). Define `def call(self, inputs)`.')

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the outputs: that of the inputs, for a layer that supports masking."""
        return previous_mask

    # -- calling ---------------------------------------------------------------------------------------------------------------------------
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and (not kwargs or (len(kwargs) == 1 and "training" in kwargs)):
            x = args[0]
            plan = self._plans.get((type(x), getattr(x, "dtype", None)))
            if plan is not None:
                backend, check, has_training, default, composite = plan
                state = CONTEXT
                if registry.active() is backend and not state.masks and not state.losses and STATE.autocast is None and (check is None or check(x.shape)):
                    if not kwargs and not composite:
                        if not has_training:
                            return self.call(x)
                        return self.call(x, training=default if state.training is None else state.training)
                    outer = state.training
                    training = kwargs["training"] if kwargs else outer
                    if training is None:
                        training = default if outer is None else outer
                    state.training = training
                    state.depth += 1
                    try:
                        return self.call(x, training=training) if has_training else self.call(x)
                    finally:
                        state.training = outer
                        state.depth -= 1
        return calling.general(self, args, kwargs)

    def _find_backend(self, leaves: list[Any]) -> Any:
        """Return the engine a call runs on: that of the variables, else that of the arguments, else the active one."""
        home = self._home
        if home is None:
            self._home = home = tracking.first_variable(self)
        if home is not None:
            return home.backend
        for x in leaves:
            own = owner(type(x))
            if own is not None:
                return own
        return registry.active()

    def _makes_mask(self) -> bool:
        """Whether outputs get masks that the inputs do not have."""
        return False

    def _warn_mask_lost(self) -> None:
        if not self.__dict__.get("_mask_warned"):
            self._mask_warned = True
            warnings.warn(
                f'Layer "{self.name}" ({type(self).__name__}) got an input with a mask, but does not support masking: the mask ends here.', stacklevel=6
            )

    def rematerialized_call(self, layer_call: Any, *args: Any, **kwargs: Any) -> Any:
        """Return `layer_call(*args, **kwargs)`, computed again in the backward pass instead of kept."""
        return super().rematerialized_call(layer_call, *args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return the symbolic tensors that `call` gives for symbolic arguments.

        A `compute_output_shape` that a subclass defines decides; otherwise `call` is run on shapes alone.
        """
        if self._has_own_shape_rule():
            names = calling.call_info(type(self)).names
            first = args[0] if args else kwargs.get(names[0]) if names else None
            return self._specs_from_rule(first)
        if not self.built:
            calling.build_for(self, calling.call_info(type(self)), calling.call_info(type(self)).bind(self, args, kwargs), trace=False)
        return calling.infer(self, args, kwargs)

    def _has_own_shape_rule(self) -> bool:
        for cls in type(self).__mro__:
            if "compute_output_shape" in cls.__dict__:
                return not cls.__module__.startswith("pronghorn.")
        return False

    def _specs_from_rule(self, inputs: Any) -> Any:
        shape = self.compute_output_shape(calling.shapes_of(inputs))
        batch = next((x.dims[0] for x in _leaves(inputs) if type(x) is Spec and x.dims), None)

        def make(s: Any) -> Any:
            if isinstance(s, dict):
                return {k: make(v) for k, v in s.items()}
            if isinstance(s, (list, tuple)) and not all(d is None or isinstance(d, (int, np.integer)) for d in s):
                return type(s)(make(v) for v in s)
            dims = [batch if i == 0 and d is None and batch is not None else d for i, d in enumerate(s)]
            return Spec(dims, self.compute_dtype)

        return make(shape)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Return the shape of the outputs for inputs of these shapes, None for unknown sizes."""
        specs = [_specs(a, self.compute_dtype) for a in args]
        named = {k.removesuffix("_shape"): _specs(v, self.compute_dtype) for k, v in kwargs.items()}
        if len(args) == 0 and set(named) == {"input"}:
            specs, named = list(named.values()), {}
        return calling.shapes_of(self.compute_output_spec(*specs, **named))

    def _build_by_tracing(self, input_shape: Any) -> None:
        """Build sublayers by running `call` on shapes."""
        info = calling.call_info(type(self))
        specs = _specs(input_shape, self.compute_dtype)
        if isinstance(input_shape, dict) and set(input_shape) <= set(info.names):
            calling.build_for(self, info, specs, trace=True)
        else:
            calling._trace(self, (specs,), {})

    def _mark_built(self) -> None:
        self.built = True
        if self._path is None:
            self._path = "/".join([o.name for o in SCOPES.stack if o is not self and "name" in o.__dict__] + [self.name])
        if not self._trainable:
            self._freeze()

    # -- making variables ------------------------------------------------------------------------------------------------------------------
    def add_weight(
        self,
        *args: Any,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Any:
        """Make a variable of this layer.

        Start values are drawn on the host from the seed of the process and the variable's place in the model, so they are the same on every engine.

        Args:
            shape: sizes; a scalar by default.
            initializer: name, object or function `(shape, dtype)`; Glorot uniform for floats, zeros for the rest.
            dtype: dtype name, the policy's variable dtype by default.
            trainable: whether optimizers update it.
            autocast: whether it reads as the compute dtype inside the layer.
            regularizer, constraint: applied to it in training.
            aggregation, overwrite_with_gradient: how replicas and gradients are applied.
            name: last part of its path.

        Raises:
            ValueError: a size is not known.
        """
        from pronghorn.layers.weights import make_variable

        self._check_made()
        for value in args:  # Keras' older order: name, shape
            if isinstance(value, str) and name is None:
                name = value
            elif shape is None:
                shape = value
            else:
                raise TypeError("add_weight() takes the shape (and optionally a name) by position; pass the rest by name.")
        variable = make_variable(self, shape, initializer, dtype, trainable, autocast, aggregation, name)
        if regularizer is not None:
            from pronghorn import regularizers

            variable.regularizer = regularizers.get(regularizer)
        if constraint is not None:
            from pronghorn import constraints

            variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        self._own.append(variable)
        tracking.CHANGES.note()
        return variable

    def _check_made(self) -> None:
        if "_plans" not in self.__dict__:
            raise RuntimeError(f"{type(self).__name__}.__init__() must call super().__init__() before anything else.")

    def add_variable(
        self, shape: Any, initializer: Any, dtype: Any = None, trainable: bool = True, autocast: bool = True, regularizer: Any = None,
        constraint: Any = None, name: str | None = None,
    ) -> Any:  # fmt: skip
        """Make a variable; the older name of `add_weight`."""
        options = {"dtype": dtype, "trainable": trainable, "autocast": autocast, "regularizer": regularizer, "constraint": constraint, "name": name}
        return self.add_weight(shape=shape, initializer=initializer, **options)

    def add_metric(self, *args: Any, **kwargs: Any) -> None:
        """Raise: metrics belong into `compile`, or into attributes of a layer that updates them itself."""
        raise NotImplementedError("add_metric: pass metrics to compile(), or make a metric in __init__ and call its update_state() in call().")

    # -- losses ----------------------------------------------------------------------------------------------------------------------------
    def add_loss(self, loss: Any) -> None:
        """Add scalar tensors, computed in `call`, to what training minimises."""
        if not self._uses_losses:
            self._uses_losses = True
            self._plans.clear()
        for value in loss if isinstance(loss, (list, tuple)) else [loss]:
            if type(value) is Spec or STATE.scope is not None and STATE.scope.symbolic:
                continue
            if callable(value):
                value = value()
            context.add_loss(self, value)

    @property
    def losses(self) -> list[Any]:
        """Losses of the last call (`add_loss`, activity regularizers) and of weight regularizers."""
        found: list[Any] = []
        if CONTEXT.losses:
            for layer in tracking.flatten_layers(self):
                found += context.losses_of(layer)
        for v in self.trainable_weights:
            if v.regularizer is not None:
                found.append(v.regularizer(v.value))
        return found

    def _clear_losses(self) -> None:
        context.clear_losses(tracking.flatten_layers(self))

    # -- dtypes ----------------------------------------------------------------------------------------------------------------------------
    @property
    def dtype_policy(self) -> Any:
        """Policy that decides compute and variable dtype."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        policy = dtype_policies.get(value)
        self._dtype_policy = policy[self.path] if isinstance(policy, dtype_policies.DTypePolicyMap) else policy
        self._plans.clear()

    @property
    def dtype(self) -> str:
        """Dtype of the variables."""
        return self._dtype_policy.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """Dtype of the variables."""
        return self._dtype_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """Dtype of the computation."""
        return self._dtype_policy.compute_dtype

    @property
    def input_dtype(self) -> str:
        """Dtype to which float inputs are cast."""
        return self._dtype_policy.compute_dtype

    @property
    def quantization_mode(self) -> Any:
        """Always None: layers are quantised from outside."""
        return self._dtype_policy.quantization_mode

    # -- the rest --------------------------------------------------------------------------------------------------------------------------
    @property
    def path(self) -> str:
        """Names from the outermost enclosing layer to this one."""
        return self._path or self.name

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_plans": {}, "_home": None, "_first_variable": None}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _leaves(value: Any) -> list[Any]:
    from pronghorn.state.tree import flatten

    return flatten(value)


def _specs(shape: Any, dtype: str) -> Any:
    """Turn a nest of shapes into symbolic tensors; what is no shape stays."""
    if isinstance(shape, Spec) or shape is None:
        return shape
    if isinstance(shape, dict):
        return {k: _specs(v, dtype) for k, v in shape.items()}
    if isinstance(shape, (list, tuple)):
        if all(d is None or isinstance(d, (int, np.integer, Dim)) for d in shape):
            return Spec(shape, dtype)
        return type(shape)(_specs(s, dtype) for s in shape)
    return shape


__all__ = ["InputSpec", "Layer", "dtypes"]
