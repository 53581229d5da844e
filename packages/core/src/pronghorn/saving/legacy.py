"""Reading whole-model and weights files in HDF5 as Keras 2 wrote them, and Keras 3 still does for paths that end in `.h5`.

The architecture is JSON in an attribute, without the modules of classes; weights are listed by name, layer by layer.
"""

import contextlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from pronghorn.saving.serialization import deserialize_model
from pronghorn.saving.weights import check_file, read_dataset
from pronghorn.state.undrawn import drawing_later

_TRAINING = ("loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution", "jit_compile")


def load_legacy_model(path: Path, custom_objects: dict[str, Any] | None, compile: bool) -> Any:  # noqa: A002
    """Return the model in an HDF5 file.

    Raises:
        ValueError: weights alone, or a damaged file.
        TypeError: the file names a class that is not known.
    """
    with _opened(path) as file:
        text = _attribute(file, "model_config")
        if text is None:
            raise ValueError(
                f"load_model: {path} holds no architecture. If it holds weights, make the model in code and call model.load_weights({str(path)!r})."
            )
        with drawing_later():
            model = deserialize_model(modern(json.loads(text)), custom_objects)
            _fill(model, file["model_weights"], path)
        training = _attribute(file, "training_config")
        if compile and training is not None:
            _compile(model, json.loads(training), file)
    return model


def load_legacy_weights(model: Any, path: Path, skip_mismatch: bool, by_name: bool) -> None:
    """Fill a model with the weights of an HDF5 file, layer by layer: in order, or those whose names are in the file."""
    with _opened(path) as file:
        _fill(model, file["model_weights"] if "layer_names" not in file.attrs and "model_weights" in file else file, path, skip_mismatch, by_name)


@contextlib.contextmanager
def _opened(path: Path) -> Any:
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path} is no HDF5 file, or is damaged: {error}") from error
    with file:
        check_file(file)
        yield file


def _attribute(group: Any, name: str) -> str | None:
    value = group.attrs.get(name)
    return value.decode("utf-8") if isinstance(value, bytes) else value


def _names(group: Any, name: str) -> list[str]:
    """A list of names in an attribute; long ones are cut into numbered pieces."""
    if name in group.attrs:
        found = list(group.attrs[name])
    else:
        found, piece = [], 0
        while f"{name}{piece}" in group.attrs:
            found += list(group.attrs[f"{name}{piece}"])
            piece += 1
    return [n.decode("utf-8") if isinstance(n, bytes) else str(n) for n in found]


# -- architecture ------------------------------------------------------------------------------------------------------------------------------
def modern(config: Any) -> Any:
    """Return a config in today's schema: modules for ops, calls of layers with arguments by position and name."""
    if isinstance(config, list):
        return [modern(v) for v in config]
    if not isinstance(config, dict):
        return config
    if isinstance(config.get("layers"), list) and any(isinstance(n, list) for e in config["layers"] for n in e.get("inbound_nodes", ())):
        for side in ("input_layers", "output_layers"):  # in Keras 2 a list of one tensor and the tensor were the same
            if side in config and len(config[side]) == 1:
                config = {**config, side: config[side][0]}
    config = {k: modern(v) for k, v in config.items()}
    if config.get("class_name") == "Model" and "layers" in (config.get("config") or {}):
        config["class_name"] = "Functional"
    if config.get("class_name") == "InputLayer" and "batch_input_shape" in config["config"]:
        config["config"]["batch_shape"] = config["config"].pop("batch_input_shape")
    if "inbound_nodes" not in config:
        return config
    if "module" not in config and "trainable" not in config["config"] and "batch_shape" not in config["config"]:
        from pronghorn.models.op_config import module_of

        config["module"] = f"keras.src.ops.{module_of(config['class_name'])}"  # a call of an op: layers say whether they are trained
    config["inbound_nodes"] = [_call(node) if isinstance(node, list) else node for node in config["inbound_nodes"]]
    return config


def _call(node: list[Any]) -> dict[str, Any]:
    """A call as Keras 2 wrote it, a list of [layer, call, result, options], in today's form."""

    def tensor(value: Any) -> Any:
        if isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and isinstance(value[1], int):
            return {"class_name": "__keras_tensor__", "config": {"shape": None, "dtype": None, "keras_history": value[:3]}}
        return [tensor(v) for v in value] if isinstance(value, list) else value

    if node and isinstance(node[0], str):
        node = [node]
    options = next((entry[3] for entry in node if isinstance(entry, list) and len(entry) == 4 and isinstance(entry[3], dict)), {})
    found = [tensor(entry) for entry in node]
    return {"args": found if len(found) == 1 else [found], "kwargs": {k: tensor(v) for k, v in options.items()}}


# -- weights -----------------------------------------------------------------------------------------------------------------------------------
def _fill(model: Any, group: Any, path: Path, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Assign stored arrays; nothing is changed before everything is known to fit."""
    names = [n for n in _names(group, "layer_names") if n in group and _names(group[n], "weight_names")]
    layers = [layer for layer in model.layers if _weights(layer)]
    if by_name:
        pairs = [(layer, name) for name in names for layer in layers if layer.name == name]
    elif len(layers) != len(names):
        hint = "" if model.built else " The model is not built: call it on data, or build(input_shape), first."
        raise ValueError(f"{path}: the model has {len(layers)} layers with weights, the file {len(names)} ({', '.join(names[:10])}).{hint}")
    else:
        pairs = list(zip(layers, names, strict=True))
    todo, problems = [], []
    for layer, name in [*pairs, *([(model, "top_level_model_weights")] if "top_level_model_weights" in group else [])]:
        own = _weights(layer) if layer is not model else _own_weights(model)
        stored = [group[name][w] for w in _names(group[name], "weight_names")]
        shapes, wanted = [tuple(d.shape) for d in stored], [tuple(v.shape) for v in own]
        if shapes == wanted:
            todo += list(zip(own, stored, strict=True))
        else:
            problems.append(f"{layer.name}: shapes {shapes} in the file, {wanted} in the model")
    if problems and not skip_mismatch:
        raise ValueError(f"{path}: the weights do not fit the model: {'; '.join(problems[:10])}. Pass skip_mismatch=True to leave these layers as they are.")
    if problems:
        warnings.warn(f"Left out when loading weights, because they do not fit: {'; '.join(problems[:10])}.", stacklevel=4)
    for v, dataset in todo:
        v.assign(read_dataset(dataset, dataset.name))


def _weights(layer: Any) -> list[Any]:
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _own_weights(model: Any) -> list[Any]:
    inside = {id(v) for layer in model.layers for v in layer.variables}
    return [v for v in _weights(model) if id(v) not in inside]


# -- training ----------------------------------------------------------------------------------------------------------------------------------
def _compile(model: Any, training: dict[str, Any], file: Any) -> None:
    """Compile as the file says; what today's optimizers cannot take is left out with a warning."""
    config = {k: training[k] for k in _TRAINING if k in training}
    try:
        model.compile_from_config({**config, "optimizer": training.get("optimizer_config")})
    except (TypeError, ValueError) as error:
        warnings.warn(f"The model is not compiled: its file describes training in a way that is not known here ({error}). Call compile().", stacklevel=4)
        return
    group = file.get("optimizer_weights")
    if group is None:
        return
    stored = [group[name] for name in _names(group, "weight_names")]
    own = list(model.optimizer.variables)
    if [tuple(d.shape) for d in stored] != [tuple(v.shape) for v in own]:
        warnings.warn("The state of the optimizer in the file is of another kind and was left out; training starts with a fresh one.", stacklevel=4)
        return
    for v, dataset in zip(own, stored, strict=True):
        v.assign(np.asarray(read_dataset(dataset, dataset.name)))
