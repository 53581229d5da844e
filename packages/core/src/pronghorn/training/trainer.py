"""`Trainer`: what a model can do once it is compiled."""

from typing import Any

from pronghorn import ops, optimizers
from pronghorn.backend import registry
from pronghorn.layers.tracking import flatten_layers
from pronghorn.metrics.reduction import Mean
from pronghorn.state.binding import STATE, bind
from pronghorn.training.compile_loss import CompileLoss
from pronghorn.training.compile_metrics import CompileMetrics
from pronghorn.training.functions import Functions
from pronghorn.training.loop import Loop
from pronghorn.training.state import collect
from pronghorn.training.step import Steps


class Trainer(Loop, Steps):
    """The part of a model that trains, evaluates and predicts. Mixed in before `Layer`: `class Model(Trainer, Layer)`."""

    #: attributes that hold no state of the model as a layer
    _hidden_names = frozenset({"optimizer", "loss", "_loss_tracker", "_compile_loss", "_compile_metrics", "_functions", "_compile_config", "history"})

    compiled = False
    optimizer: Any = None
    loss: Any = None
    stop_training = False
    history: Any = None
    steps_per_execution = 1
    _run_eagerly = False
    _jit_compile: Any = "auto"
    _loss_tracker: Any = None
    _compile_loss: Any = None
    _compile_metrics: Any = None
    _compile_config: Any = None

    @property
    def _made(self) -> Functions:
        found = self.__dict__.get("_functions")
        if found is None:
            found = self.__dict__["_functions"] = Functions()
        return found

    # -- compile ---------------------------------------------------------------------------------------------------------------------------
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Choose how to train.

        Args:
            optimizer: name or `Optimizer`.
            loss: name, `Loss` or function `(y_true, y_pred)`; with several outputs also a list, or a dict by output name.
            loss_weights: how much each output's loss counts, as a list or dict.
            metrics: list of names, `Metric`s or functions; with several outputs a list of lists, or a dict by output name.
            weighted_metrics: metrics that sample weights apply to.
            run_eagerly: whether steps run as plain Python, for debugging.
            steps_per_execution: how many batches are processed by one call of the compiled function.
            jit_compile: whether the engine's compiler is used: True, False, or "auto" for what is faster there.
            auto_scale_loss: whether the loss is scaled under the policy mixed_float16, so that small gradients survive.

        Raises:
            ValueError: names that are not known, with the closest known.
        """
        if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
            raise ValueError(f"compile: steps_per_execution must be an integer of 1 or more; received {steps_per_execution!r}.")
        if run_eagerly and jit_compile is True:
            raise ValueError("compile: run_eagerly=True and jit_compile=True exclude each other.")
        if jit_compile not in ("auto", True, False, None):
            raise ValueError(f'compile: jit_compile must be True, False or "auto"; received {jit_compile!r}.')
        with registry.use_backend(self.backend.name):  # type: ignore[attr-defined]
            chosen = optimizers.get(optimizer)
            half = chosen is not None and self.dtype_policy.name == "mixed_float16"  # type: ignore[attr-defined]
            if auto_scale_loss and half and chosen is not None and not isinstance(chosen, optimizers.LossScaleOptimizer):
                chosen = optimizers.LossScaleOptimizer(chosen, name="loss_scale_optimizer")
            names = self._output_names()
            self._compile_loss = None if loss is None else CompileLoss(loss, loss_weights, output_names=names)
            self._compile_metrics = CompileMetrics(metrics, weighted_metrics, output_names=names) if metrics or weighted_metrics else None
            self._loss_tracker = Mean(name="loss")
        self.optimizer = chosen
        self.loss = loss
        self._run_eagerly, self.steps_per_execution = run_eagerly, steps_per_execution
        self._jit_compile = jit_compile
        self._compile_config = {
            "optimizer": optimizer, "loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly, "steps_per_execution": steps_per_execution, "jit_compile": jit_compile,
        }  # fmt: skip
        if half and not auto_scale_loss:  # left out where it is the default, since readers of files know fewer arguments
            self._compile_config["auto_scale_loss"] = False
        self.stop_training = False
        self.compiled = True
        self._made.clear()

    def _output_names(self) -> list[str] | None:
        """Names of the outputs of a model made of symbolic tensors: those of the layers that made them."""
        names: list[str] = []
        for spec in self.__dict__.get("outputs") or ():
            node = getattr(spec, "node", None)
            if node is None:
                return None
            base = getattr(node.fn, "name", None) or node.name
            k = sum(n == base or n.startswith(f"{base}_") and n[len(base) + 1 :].isdigit() for n in names)
            names.append(base if not k else f"{base}_{k}")
        return names or None

    @property
    def output_names(self) -> list[str] | None:
        """Names of the outputs, by which losses and metrics can be given."""
        return self._output_names()

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run as plain Python; changing it takes effect with the next call of `fit`."""
        return self._run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._run_eagerly = bool(value)

    @property
    def jit_compile(self) -> Any:
        """Whether the engine's compiler is used: True, False or "auto"."""
        return "auto" if self._jit_compile is None else self._jit_compile

    @jit_compile.setter
    def jit_compile(self, value: Any) -> None:
        self._jit_compile = value

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return the arguments of `compile` for a file; None for a model that is not compiled."""
        if not self.compiled or self._compile_config is None:
            return None
        from pronghorn.saving.registry import serialize_keras_object

        # the optimizer as it is, with the scaling of losses that compile() may have added: the file holds the state of both
        return {k: serialize_keras_object(self.optimizer if k == "optimizer" else v) for k, v in self._compile_config.items()}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile with what `get_compile_config` returned."""
        from pronghorn.saving.registry import deserialize_keras_object
        from pronghorn.saving.serialization import scaled_in_file

        if not isinstance(self, Trainer) or type(self).compile is not Trainer.compile and "optimizer" not in config:
            return
        options = {k: deserialize_keras_object(v) for k, v in config.items() if k != "optimizer"}
        given = config.get("optimizer")
        optimizer = optimizers.deserialize(given) if isinstance(given, dict) else optimizers.get(given)
        # files of other programs name the optimizer without its loss scaling, and a functional model's file lacks the model's own policy
        half = scaled_in_file() and any(layer.dtype_policy.name == "mixed_float16" for layer in flatten_layers(self))
        if half and optimizer is not None and config.get("auto_scale_loss", True) and not isinstance(optimizer, optimizers.LossScaleOptimizer):
            optimizer = optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")
        self.compile(**options, optimizer=optimizer)
        if self.built and self.optimizer is not None:  # type: ignore[attr-defined]
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]

    # -- metrics ---------------------------------------------------------------------------------------------------------------------------
    @property
    def metrics(self) -> list[Any]:
        """The mean loss, the metrics of `compile`, the means of single losses, and the metrics of the model and its layers."""
        found = [self._loss_tracker] if self._loss_tracker is not None else []
        if self._compile_metrics is not None:
            found.append(self._compile_metrics)
        if self._compile_loss is not None:
            found += self._compile_loss.metrics
        return found + super().metrics  # type: ignore[misc]

    @property
    def metrics_names(self) -> list[str]:
        """Names of `metrics`."""
        return [m.name for m in self.metrics]

    @property
    def metrics_variables(self) -> list[Any]:
        """State of `metrics`."""
        return [v for m in self.metrics for v in m.variables]

    def reset_metrics(self) -> None:
        """Start all metrics over."""
        for m in self.metrics:
            m.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the results of all metrics by name."""
        results: dict[str, Any] = {}
        for m in self.metrics:
            value = m.result()
            if isinstance(value, dict):
                results.update(value)
            else:
                results[m.name] = value
        return results

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, loss: Any = None) -> dict[str, Any]:
        """Take a batch into the metrics and return all results.

        Args:
            x, y, y_pred, sample_weight: the batch and the model's outputs for it.
            loss: if given, taken into the mean loss as well.
        """
        if loss is not None:
            self._track_loss(loss, x)
        if self._compile_metrics is not None and y is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    # -- loss ------------------------------------------------------------------------------------------------------------------------------
    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        """Return the total loss of a batch: that of `compile`, and what layers and regularizers add.

        Args:
            x, y, y_pred, sample_weight: the batch and the model's outputs for it.
            training: whether the loss is for training.

        Raises:
            ValueError: there is no loss at all.
        """
        total = None
        if self._compile_loss is not None:
            total = self._compile_loss(y, y_pred, sample_weight)
        for extra in self.losses:  # type: ignore[attr-defined]
            extra = ops.sum(extra) if len(ops.shape(extra)) else extra
            total = extra if total is None else ops.add(total, ops.cast(extra, ops.dtype_of(total)))
        if total is None:
            if STATE.scope is not None and STATE.scope.symbolic and any(layer._uses_losses for layer in flatten_layers(self)):
                return ops.zeros(())  # on shapes alone, layers add no losses
            raise ValueError("There is no loss to train with: give compile() a loss, or call add_loss() in a layer.")
        return total

    def stateless_compute_loss(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        metrics_variables: Any,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple[Any, tuple]:
        """Return the loss and the new values of all variables, given their values: `(loss, (trainable, non_trainable, metrics))`."""
        train, rest, metric = self.trainable_variables, self.non_trainable_variables, self.metrics_variables  # type: ignore[attr-defined]
        groups = ((train, trainable_variables), (rest, non_trainable_variables), (metric, metrics_variables))
        for own, given in groups:
            if len(own) != len(given):
                raise ValueError(f"stateless_compute_loss: the model has {len(own)} such variables; received {len(given)} values.")
        own = [*train, *rest, *metric]
        with bind(own, [*trainable_variables, *non_trainable_variables, *metrics_variables]) as scope:
            loss = self.compute_loss(x, y, y_pred, sample_weight, training)
        return loss, tuple([scope.values[v] for v in group] for group in (train, rest, metric))

    def _movable(self) -> list[Any]:
        """Everything that moves to another engine with the model."""
        return collect(self)

    def to(self, backend: str) -> Any:
        """Move the model, its optimizers and its metrics to another engine, and return the model."""
        super().to(backend)  # type: ignore[misc]
        self._made.clear()
        return self
