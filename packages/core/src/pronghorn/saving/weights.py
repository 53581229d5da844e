"""Weights of a nest of objects in HDF5, in Keras' layout: `layers/dense/vars/0`.

Reading is defensive: no links that lead elsewhere, no external storage, and sizes are checked against the variables before anything is read.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

_UNCHECKED = 1 << 26  # bytes that are read in any case
_EXPANSION = 1000  # most that compression makes of stored data


class Store:
    """What `save_own_variables` and `load_own_variables` see: a dictionary of arrays."""

    def __init__(self, group: Any = None, where: str = ""):
        self.group, self.where = group, where
        self.data: dict[str, Any] = {}

    def __setitem__(self, key: str, value: Any) -> None:
        array = np.asarray(value)
        if array.dtype.name == "bfloat16" or array.dtype.name.startswith("float8"):
            dataset = self.group.create_dataset(key, data=array.view(f"V{array.dtype.itemsize}"))
            dataset.attrs["dtype"] = array.dtype.name
        else:
            self.group.create_dataset(key, data=array)

    def __getitem__(self, key: str) -> np.ndarray:
        return read_dataset(self.group[key], f"{self.where}/{key}")

    def __contains__(self, key: str) -> bool:
        return self.group is not None and key in self.group

    def __len__(self) -> int:
        return 0 if self.group is None else len(self.group)

    def keys(self) -> Any:
        """Names of the arrays."""
        return [] if self.group is None else list(self.group.keys())

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of an array, without reading it."""
        return tuple(getattr(self.group[key], "shape", ()))


def read_dataset(dataset: Any, where: str) -> np.ndarray:
    """Return an array of an HDF5 file.

    Raises:
        ValueError: data outside of the file, no numbers, or a size out of proportion to what the file holds.
    """
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{where}: expected an array in the file, found a {type(dataset).__name__}.")
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"{where}: the file refers to data outside of itself, which is not read.")
    if dataset.dtype.kind not in "biufcV" or dataset.dtype.names:
        raise ValueError(f"{where}: the array in the file is not numeric (dtype {dataset.dtype}).")
    if dataset.nbytes > max(_UNCHECKED, _EXPANSION * dataset.id.get_storage_size()):
        raise ValueError(f"{where}: the file claims an array of shape {dataset.shape}, for which it holds far too little data; refusing to read it.")
    array = np.asarray(dataset[()])
    kind = dataset.attrs.get("dtype")
    if kind is None:
        return array
    from pronghorn.backend.dtypes import ALL, numpy_dtype

    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if kind not in ALL or numpy_dtype(kind).itemsize != array.dtype.itemsize:
        raise ValueError(f"{where}: unknown dtype {kind!r} in the file.")
    return array.view(numpy_dtype(kind))


def check_file(file: Any) -> None:
    """Refuse links that lead out of an HDF5 file.

    Raises:
        ValueError: an external link or a soft link.
    """
    import h5py

    stack = [file]
    while stack:
        group = stack.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ValueError(f"{group.name}/{name}: the file contains a link ({type(link).__name__}), which is not followed.")
            child = group.get(name)
            if isinstance(child, h5py.Group):
                stack.append(child)


def _names(obj: Any) -> list[str]:
    """Attributes that may hold parts with weights: the user's, not the machinery's; underscored names last."""
    from pronghorn.layers.layer import Layer
    from pronghorn.layers.tracking import INTERNAL
    from pronghorn.models.model import Model

    own = vars(obj)
    if isinstance(obj, Layer):
        base = Model if isinstance(obj, Model) else Layer
        # what an instance or a subclass sets under a name of the machinery's methods is the user's all the same
        found = [n for n in dir(obj) if n in own or getattr(type(obj), n, None) is not getattr(base, n, None)]
        hidden = INTERNAL | obj._hidden_names | {"layers", "_layers"}
        found = [n for n in found if n not in hidden or n == "layers" and n in own]
        if base is Model:
            found += ["layers", "optimizer"]
    else:
        found = list(own)
    return sorted({n for n in found if not n.startswith("__")}, key=lambda n: (n.startswith("_"), n))


def children(obj: Any) -> Iterator[tuple[str, Any]]:
    """Yield (attribute, value) pairs in the order in which files have them."""
    from pronghorn.models.functional import Functional
    from pronghorn.models.sequential import Sequential

    if isinstance(obj, (Sequential, Functional)):
        yield "layers", obj.layers
    for name in _names(obj):
        try:
            value = getattr(obj, name)
        except Exception:  # a property that needs a built object holds no weights yet
            continue
        yield name, value


def saveable(obj: Any) -> bool:
    """Tell whether an object stores variables of its own."""
    return hasattr(obj, "save_own_variables") and hasattr(obj, "load_own_variables")


def walk(obj: Any, path: str = "", visited: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """Yield (path, object) for every part that stores variables, each once."""
    visited = set() if visited is None else visited
    if id(obj) in visited:
        return
    visited.add(id(obj))
    yield path, obj
    for name, value in children(obj):
        yield from _walk_value(value, f"{path}/{name}" if path else name, visited)


def _walk_value(value: Any, path: str, visited: set[int]) -> Iterator[tuple[str, Any]]:
    if saveable(value) and not isinstance(value, type):
        yield from walk(value, path, visited)
    elif isinstance(value, (list, tuple, dict, set)):
        from pronghorn.state.naming import to_snake_case

        used: dict[str, int] = {}
        for item in value.values() if isinstance(value, dict) else value:
            if not saveable(item) or isinstance(item, type):
                continue
            name = to_snake_case(type(item).__name__)
            n = used.get(name, 0)
            used[name] = n + 1
            yield from walk(item, f"{path}/{name}_{n}" if n else f"{path}/{name}", visited)


def save_tree(obj: Any, file: Any) -> None:
    """Write the weights of `obj` and its parts into an open HDF5 file."""
    for path, part in walk(obj):
        group = file.create_group(f"{path}/vars" if path else "vars")
        name = getattr(part, "name", None)
        if isinstance(name, str):
            group.attrs["name"] = name
        part.save_own_variables(Store(group, path))


def load_tree(obj: Any, file: Any, skip_mismatch: bool = False) -> None:
    """Read weights from an open HDF5 file into `obj` and its parts.

    The state of an optimizer that does not fit is left out with a warning, so that weights go into a model compiled otherwise.

    Args:
        obj: what to fill.
        file: the open file.
        skip_mismatch: leave out, with a warning, the parts that do not fit.

    Raises:
        ValueError: variables that are missing or have another shape, naming all of them, before anything is changed.
    """
    check_file(file)
    optimizer = getattr(obj, "optimizer", None)
    if optimizer is not None and not optimizer.built and getattr(obj, "built", False) and "optimizer" in file:
        optimizer.build(obj.trainable_variables)
    problems: list[str] = []
    skipped: list[str] = []
    todo = []
    for path, part in walk(obj):
        where = f"{path}/vars" if path else "vars"
        group = file.get(where)
        if group is not None and not hasattr(group, "keys"):
            raise ValueError(f"{where}: expected a group in the file, found an array.")
        store = Store(group, path)
        fault = _misfit(part, store)
        if fault is None:
            todo.append((part, store))
        elif skip_mismatch or _is_optimizer(part):
            if len(store) or skip_mismatch:
                skipped.append(f"{path or 'model'}: {fault}")
        else:
            problems.append(f"{path or 'model'}: {fault}")
    if problems:
        raise ValueError(
            f"The weights in the file do not fit the model: {_first(problems)}. Build the model like the one that was saved, or pass skip_mismatch=True."
        )
    if skipped:
        warnings.warn(f"Left out when loading weights, because they do not fit: {_first(skipped)}.", stacklevel=4)
    for part, store in todo:
        if len(store):
            part.load_own_variables(store)


def _first(items: list[str]) -> str:
    return f"{'; '.join(items[:10])}{'; …' if len(items) > 10 else ''}"


def _is_optimizer(part: Any) -> bool:
    from pronghorn.optimizers.optimizer import Optimizer

    return isinstance(part, Optimizer)


def _misfit(part: Any, store: Store) -> str | None:
    """What keeps a part from taking its stored variables; None if nothing does."""
    from pronghorn.layers.config import LayerConfig
    from pronghorn.optimizers.config import OptimizerConfig

    loads = type(part).load_own_variables
    if loads is OptimizerConfig.load_own_variables:
        variables = list(part.variables)
        if len(store) <= 2:  # saved before it was built: iterations and learning rate alone
            variables = variables[: len(store)]
    elif loads is LayerConfig.load_own_variables:
        variables = part.own_variables()
    else:
        return None  # the part reads its variables by itself
    if len(variables) != len(store):
        if not variables and hasattr(part, "built") and not part.built:
            return "the layer is not built; call the model on data first"
        return f"{len(variables)} variables in the model, {len(store)} in the file"
    for i, v in enumerate(variables):
        key = str(i)
        if key not in store:
            return f"variable {key} is not in the file"
        if store.shape(key) != tuple(v.shape):
            return f"variable {v.path} has shape {tuple(v.shape)}, {store.shape(key)} in the file"
    return None
