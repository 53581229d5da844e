"""The base class of optimizers.

An optimizer is one function of tensors, `update(gradient, value, slots, learning_rate, step)`, which returns the new value and the new slots. Everything
else (clipping, weight decay, averages, accumulation, state) is here and the same for all. An engine may take the update of whole lists of variables
over (`Backend.optimizer_update`); the function stays the definition.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pronghorn import ops
from pronghorn.backend import dtypes, registry
from pronghorn.optimizers.branches import write_one_of
from pronghorn.optimizers.config import OptimizerConfig, check_options
from pronghorn.optimizers.gradients import check_gradients, clip_gradients
from pronghorn.optimizers.schedules.schedule import LearningRateSchedule
from pronghorn.state.binding import STATE, bind
from pronghorn.state.naming import auto_name
from pronghorn.state.variable import Variable


class Optimizer(OptimizerConfig):
    """Base class of optimizers.

    Subclasses name their slots in `slots` and implement `update`; or, as in Keras, override `build` and `update_step(gradient, variable, learning_rate)`.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        weight_decay: share of each variable, times the learning rate, taken off at each step.
        clipnorm: largest L2 norm of each gradient.
        clipvalue: largest absolute value of each element of a gradient.
        global_clipnorm: largest L2 norm of all gradients together.
        use_ema: whether an exponential moving average of the variables is kept, which replaces them at the end of training.
        ema_momentum: how much of the average stays at each step.
        ema_overwrite_frequency: after how many steps the variables are set to their average; None for at the end only.
        loss_scale_factor: the loss is multiplied by it and the gradients divided, so that small gradients survive in half precision.
        gradient_accumulation_steps: how many steps' gradients are averaged before one update.
        name: name in variables' paths.

    Raises:
        ValueError: options that exclude each other or make no sense.

    Example:
        >>> import pronghorn as ph
        >>> class Plain(Optimizer):
        ...     def update(self, gradient, value, slots, learning_rate, step):
        ...         return value - learning_rate * gradient, slots
        >>> v = ph.Variable([1.0, 2.0])
        >>> Plain(0.5).apply([ph.ops.convert_to_tensor([1.0, 1.0])], [v])
        >>> v.numpy().tolist()
        [0.5, 1.5]
    """

    #: slot name -> initializer ("zeros", or the name of an attribute that holds the start value); one slot per variable each
    slots: tuple[tuple[str, ...], ...] = ()
    #: word for the engine's own implementation of the update; None where there is none
    kind: str | None = None

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if kwargs.pop("decay", None) is not None:
            import warnings

            warnings.warn("The argument `decay` has no effect. Use a schedule: learning_rate=schedules.InverseTimeDecay(...).", stacklevel=3)
        if kwargs:
            raise ValueError(f"{type(self).__name__}() got unexpected arguments: {', '.join(kwargs)}.")
        self.name = name or auto_name(type(self).__name__)
        self.weight_decay, self.clipnorm, self.clipvalue, self.global_clipnorm = weight_decay, clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum, self.ema_overwrite_frequency = use_ema, ema_momentum, ema_overwrite_frequency
        self.loss_scale_factor, self.gradient_accumulation_steps = loss_scale_factor, gradient_accumulation_steps
        check_options(self)
        self.built = False
        self._all: list[Variable] = []
        self._trainable: list[Variable] = []
        self._index: dict[Variable, int] = {}
        self._slots: dict[str, list[Variable | None]] = {}
        self._averages: list[Variable] = []
        self._accumulators: list[Variable] = []
        self._undecayed: tuple[set[int], list[str]] = (set(), [])
        self._iterations = self._tracked(Variable(0, dtype="int32", trainable=False, name="iteration", aggregation="only_first_replica"))
        self._schedule: Any = None
        self._learning_rate: Variable | None = None
        if isinstance(learning_rate, LearningRateSchedule) or callable(learning_rate):
            self._schedule = learning_rate
        elif isinstance(learning_rate, dict):
            from pronghorn.optimizers import schedules

            self._schedule = schedules.deserialize(learning_rate)
        else:
            if not isinstance(learning_rate, (int, float)) and not hasattr(learning_rate, "dtype"):
                raise ValueError(
                    f"learning_rate must be a number, a schedule or a function; received {learning_rate!r} of type {type(learning_rate).__name__}."
                )
            self._learning_rate = self._tracked(
                Variable(float(learning_rate), dtype=dtypes.SETTINGS.floatx, trainable=False, name="learning_rate", aggregation="only_first_replica")
            )

    # -- state -----------------------------------------------------------------------------------------------------------------------------
    def _tracked(self, variable: Variable) -> Variable:
        variable.path = f"{self.name}/{variable.name}"
        variable.autocast = False
        self._all.append(variable)
        return variable

    @property
    def variables(self) -> list[Variable]:
        """The state, in the order of Keras' files: iterations, learning rate, averages, accumulators, slots."""
        return self._all[:]

    @property
    def iterations(self) -> Any:
        """The number of updates so far: a variable, or a tensor with gradient accumulation."""
        if self.gradient_accumulation_steps:
            return ops.floor_divide(self._iterations.value, self.gradient_accumulation_steps)
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate now: a variable, or what the schedule gives. Can be set to a number or a schedule."""
        return self._current_learning_rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if callable(value) and not isinstance(value, Variable):
            if self._learning_rate is not None:
                self._all = [v for v in self._all if v is not self._learning_rate]
                self._learning_rate = None
            self._schedule = value
            return
        if self._learning_rate is None:
            raise TypeError(
                "The optimizer was made with a learning rate schedule, so its learning_rate cannot be set to a number. "
                "Make it with a number, or set another schedule."
            )
        self._learning_rate.assign(value)

    def _current_learning_rate(self) -> Any:
        if self._learning_rate is not None:
            return self._learning_rate
        if isinstance(self._schedule, LearningRateSchedule):
            return self._schedule(self._iterations)
        return self._schedule()

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of `variables`; `apply` calls it the first time."""
        variables = list(variables)
        if self.built:
            return
        if variables:
            self._move(variables[0].backend)
        self._trainable = variables
        self._index = {v: i for i, v in enumerate(variables)}
        with registry.use_backend(self._iterations.backend.name):
            if self.use_ema:
                self._averages = self.add_optimizer_variables(variables, "average")
            if self.gradient_accumulation_steps:
                self._accumulators = self.add_optimizer_variables(variables, "gradient_accumulator")
            for names in self.slots:
                active = [n for n in names if self.has_slot(n)]
                for variable in variables:
                    for n in active:
                        self._slots.setdefault(n, []).append(self.add_variable_from_reference(variable, n, self.slot_initializer(n)))
        self.built = True

    def has_slot(self, name: str) -> bool:
        """Tell whether the options of this instance need the slot `name`."""
        return True

    def slot_initializer(self, name: str) -> Any:
        """Return what the slot `name` starts with: an initializer's name, or a function of shape and dtype."""
        return "zeros"

    def _move(self, backend: Any) -> None:
        for v in self._all:
            v.to(backend)

    def to(self, backend: str) -> "Optimizer":
        """Move the state to another engine."""
        self._move(registry.get(backend))
        return self

    def add_variable(
        self, shape: Any, initializer: Any = "zeros", dtype: Any = None, aggregation: str = "none", layout: Any = None, name: str | None = None
    ) -> Variable:
        """Make a state variable."""
        from pronghorn.metrics.metric import initial_value

        start = initial_value(initializer, tuple(shape), dtypes.standardize(dtype))
        private = initializer is None or isinstance(initializer, str)  # an object may keep what it returned
        kind = dtype or dtypes.SETTINGS.floatx
        return self._tracked(Variable(start, dtype=kind, trainable=False, aggregation=aggregation, name=name, private=private))

    def add_variable_from_reference(self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros") -> Variable:
        """Make a state variable of the shape and dtype of another."""
        full = f"{reference_variable.path.replace('/', '_')}_{name or 'optimizer'}"
        variable = self.add_variable(reference_variable.shape, initializer, reference_variable._dtype, name=full)
        variable.layout = reference_variable.layout
        return variable

    def add_optimizer_variables(self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros") -> Any:
        """Make one state variable per variable, or several with a list of names; returns a list, or a tuple of lists."""
        names = [name] if isinstance(name, str) else list(name)
        starts = [initializer] * len(names) if not isinstance(initializer, (list, tuple)) else list(initializer)
        made: list[list[Any]] = [[] for _ in names]
        for v in trainable_variables:
            for out, n, start in zip(made, names, starts, strict=True):
                out.append(self.add_variable_from_reference(v, n, start))
        return made[0] if isinstance(name, str) else tuple(made)

    def _get_variable_index(self, variable: Variable) -> int:
        return self._index[variable]

    # -- one step --------------------------------------------------------------------------------------------------------------------------
    def update(self, gradient: Any, value: Any, slots: dict[str, Any], learning_rate: Any, step: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value of a variable and its new slots; the definition of the method.

        Args:
            gradient, value: tensors of one shape and dtype.
            slots: this variable's slots by name.
            learning_rate: what `rate` made of the learning rate, a scalar of the variable's dtype.
            step: 1, 2, ... as a float scalar, of at least float32: half precision cannot tell powers of 0.999 from one.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement update(gradient, value, slots, learning_rate, step) or update_step().")

    def rate(self, learning_rate: Any, step: Any) -> Any:
        """Return the learning rate that `update` gets: the place for corrections that all variables share."""
        return learning_rate

    def hyperparameters(self) -> dict[str, Any]:
        """Return the constants of `update`, for engines with their own implementation."""
        return {}

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Update one variable; the way Keras' own optimizers are written."""
        i = self._index[variable]
        slots = {n: vs[i].value for n, vs in self._slots.items() if vs[i] is not None}  # type: ignore[union-attr]
        rate, step = self._scalars(learning_rate, variable._dtype)
        value, new = self.update(ops.cast(gradient, variable._dtype), variable.value, slots, rate, step)
        variable.assign(value)
        for n, v in new.items():
            self._slots[n][i].assign(v)  # type: ignore[union-attr]

    def _scalars(self, learning_rate: Any, dtype: str) -> tuple[Any, Any]:
        """Return the rate and the step for variables of a dtype."""
        wide = "float32" if dtype in ("float16", "bfloat16") else dtype
        step = ops.cast(ops.add(self.iterations, 1), wide)
        return ops.cast(self.rate(ops.cast(learning_rate, wide), step), dtype), step

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """Update variables, given as (gradient, variable) pairs."""
        grads, variables = zip(*grads_and_vars, strict=True)
        self.apply(list(grads), list(variables))
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Update variables with their gradients.

        Args:
            grads: one gradient per variable; None where the loss does not depend on it.
            trainable_variables: the variables; those of `build` by default.

        Raises:
            ValueError: lengths that differ, variables that the optimizer was not built with, or no gradient at all.
        """
        grads = list(grads)
        if not grads:
            return
        if trainable_variables is None:
            if not self.built:
                raise ValueError("apply(grads) needs the variables the first time: apply(grads, trainable_variables).")
            variables = self._trainable
        else:
            variables = list(trainable_variables)
        if len(grads) != len(variables):
            raise ValueError(f"apply: {len(grads)} gradients for {len(variables)} variables.")
        if not self.built:
            self.build(variables)
        backend = variables[0].backend
        if self._iterations.backend is not backend:
            self._move(backend)
        self._check_known(variables)
        if STATE.scope is not None and STATE.scope.symbolic:  # shapes alone: building was all there is to do
            return
        if registry.active() is backend:
            self._apply(grads, variables)
        else:
            with registry.use_backend(backend.name):
                self._apply(grads, variables)

    def _check_known(self, variables: list[Variable]) -> None:
        index = self._index
        unknown = [v.path for v in variables if v not in index]
        if unknown:
            raise ValueError(
                f"The optimizer was built for other variables; unknown to it: {', '.join(unknown[:5])}. "
                "Use a new optimizer for other variables (or compile again after changing what is trainable)."
            )

    def _apply(self, grads: list[Any], variables: list[Variable]) -> None:
        if check_gradients(grads, variables):
            pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
            grads, variables = [g for g, _ in pairs], [v for _, v in pairs]
        direct = [(g, v) for g, v in zip(grads, variables, strict=True) if v.overwrite_with_gradient]
        if direct:
            for g, v in direct:
                v.assign(g)
            kept = [(g, v) for g, v in zip(grads, variables, strict=True) if not v.overwrite_with_gradient]
            grads, variables = [g for g, _ in kept], [v for _, v in kept]
        if variables:
            if self.loss_scale_factor is not None:
                grads = [ops.divide(g, self.loss_scale_factor) for g in grads]
            if self.gradient_accumulation_steps:
                self._accumulate(grads, variables)
            else:
                self._step(grads, variables)
                for v in variables:
                    if v.constraint is not None:
                        v.assign(v.constraint(v.value))
        if self.use_ema:
            self._update_averages(self._trainable)
        self._iterations.assign_add(1)

    def _step(self, grads: list[Any], variables: list[Variable]) -> None:
        grads = clip_gradients(grads, self.clipnorm, self.global_clipnorm, self.clipvalue)
        decayed = self._decayed(variables)
        learning_rate = _value(self._current_learning_rate())
        if not self._native_step(grads, variables, learning_rate, decayed):
            for v in decayed:
                v.assign(ops.subtract(v.value, ops.multiply(v.value, ops.multiply(ops.cast(learning_rate, v._dtype), self.decay_of(v)))))
            self._update_all(grads, variables, learning_rate)

    def _update_all(self, grads: list[Any], variables: list[Variable], learning_rate: Any) -> None:
        """Run `update` on each variable; scalars that all share are computed once per dtype."""
        if type(self).update_step is not Optimizer.update_step:
            for g, v in zip(grads, variables, strict=True):
                self.update_step(g, v, learning_rate)
            return
        shared: dict[str, tuple[Any, Any]] = {}
        slots = self._slots
        for g, v in zip(grads, variables, strict=True):
            name = v._dtype
            if name not in shared:
                shared[name] = self._scalars(learning_rate, name)
            rate, step = shared[name]
            i = self._index[v]
            own = {n: vs[i].value for n, vs in slots.items() if vs[i] is not None}  # type: ignore[union-attr]
            value, new = self.update(g if ops.dtype_of(g) == name else ops.cast(g, name), v.value, own, rate, step)
            v.assign(value)
            for n, s in new.items():
                slots[n][i].assign(s)  # type: ignore[union-attr]

    def _native_step(self, grads: list[Any], variables: list[Variable], learning_rate: Any, decayed: list[Variable]) -> bool:
        """Let the engine update the lists, if it can; returns whether it did."""
        scope = STATE.scope
        if self.kind is None or (scope is not None and scope.symbolic) or type(self).update_step is not Optimizer.update_step:
            return False
        native = getattr(variables[0].backend, "optimizer_update", None)
        if native is None or (decayed and len(decayed) < len(variables)):
            return False
        index = [self._index[v] for v in variables]
        slots = {n: [vs[i] for i in index] for n, vs in self._slots.items()}
        values = [v.value for v in variables]
        given = {n: [s.value for s in vs] for n, vs in slots.items()}  # type: ignore[union-attr]
        options = self.hyperparameters() | {
            "learning_rate": learning_rate, "iterations": _value(self.iterations), "weight_decay": self.weight_decay if decayed else None,
        }  # fmt: skip
        result = native(self.kind, grads, values, given, options)
        if result is None:
            return False
        new_values, new_slots = result
        for v, old, new in zip(variables, values, new_values, strict=True):
            if new is not old:
                v.assign(new)
        for n, vs in slots.items():
            for s, old, new in zip(vs, given[n], new_slots[n], strict=True):
                if new is not old:
                    s.assign(new)  # type: ignore[union-attr]
        return True

    # -- what all methods share ------------------------------------------------------------------------------------------------------------
    def _accumulate(self, grads: list[Any], variables: list[Variable]) -> None:
        """Add to the accumulators; on every n-th step, update with their mean and start again. One `cond`, so that compilers may trace it."""
        n = self.gradient_accumulation_steps
        assert n is not None
        sums = [self._accumulators[self._index[v]] for v in variables]
        totals = [ops.add(a.value, ops.cast(g, a._dtype)) for a, g in zip(sums, grads, strict=True)]
        due = ops.equal(ops.mod(ops.add(self._iterations.value, 1), n), 0)

        def update() -> None:
            self._step([ops.divide(t, float(n)) for t in totals], variables)
            for v in variables:
                if v.constraint is not None:
                    v.assign(v.constraint(v.value))
            for a in sums:
                a.assign(ops.zeros(a.shape, a._dtype))

        def wait() -> None:
            for a, t in zip(sums, totals, strict=True):
                a.assign(t)

        write_one_of(due, update, wait, [*variables, *self._trainable, *self._all])

    def exclude_from_weight_decay(self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None) -> None:
        """Leave variables out of weight decay, given themselves or by words in their paths; call it before `build`."""
        if self.built:
            raise ValueError("exclude_from_weight_decay must be called before the optimizer is built, that is, before training starts.")
        ids, names = self._undecayed
        ids.update(id(v) for v in var_list or ())
        names.extend(var_names or ())

    def decay_of(self, variable: Variable) -> float | None:
        """Return the weight decay of a variable; None for none."""
        return self.weight_decay

    def _decayed(self, variables: list[Variable]) -> list[Variable]:
        if type(self).decay_of is not Optimizer.decay_of:
            variables = [v for v in variables if self.decay_of(v) is not None]
        elif self.weight_decay is None:
            return []
        ids, names = self._undecayed
        if not ids and not names:
            return variables
        import re

        return [v for v in variables if id(v) not in ids and not any(re.search(n, v.path) for n in names)]

    def _update_averages(self, variables: list[Variable]) -> None:
        step = _value(self.iterations)
        for v in variables:
            average = self._averages[self._index[v]]
            later = ops.cast(ops.not_equal(step, 0), v._dtype)
            keep = ops.multiply(later, self.ema_momentum)
            average.assign(ops.add(ops.multiply(keep, average.value), ops.multiply(ops.subtract(1.0, keep), v.value)))
            if self.ema_overwrite_frequency:
                due = ops.equal(ops.mod(ops.add(step, 1), self.ema_overwrite_frequency), 0)
                v.assign(ops.where(due, average.value, v.value))

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Set variables to their moving averages, where those are kept; `fit` calls it at the end."""
        if not self.use_ema:
            return
        for v in var_list:
            if v in self._index:
                v.assign(self._averages[self._index[v]].value)

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else ops.multiply(loss, self.loss_scale_factor)

    def assign(self, variable: Variable, value: Any) -> None:
        """Set a variable."""
        variable.assign(ops.cast(value, variable._dtype))

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable."""
        variable.assign_add(ops.cast(value, variable._dtype))

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable."""
        variable.assign_sub(ops.cast(value, variable._dtype))

    def stateless_apply(self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]) -> tuple[list, list]:
        """Return the values of variables and of the state after a step, given those before it.

        Args:
            optimizer_variables: values of `variables`.
            grads: gradients.
            trainable_variables: values of the variables that the optimizer was built with.

        Raises:
            ValueError: not built yet, or lengths that differ.
        """
        if not self.built:
            raise ValueError("stateless_apply: build the optimizer first: optimizer.build(trainable_variables).")
        state = self.variables
        if len(optimizer_variables) != len(state) or len(trainable_variables) != len(self._trainable):
            raise ValueError(
                f"stateless_apply: expected {len(state)} optimizer variables and {len(self._trainable)} trainable variables; "
                f"received {len(optimizer_variables)} and {len(trainable_variables)}."
            )
        own = [*self._trainable, *state]
        with bind(own, [*trainable_variables, *optimizer_variables]) as scope:
            self.apply(grads, self._trainable)
        return [scope.values[v] for v in self._trainable], [scope.values[v] for v in state]


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Variable) else x
