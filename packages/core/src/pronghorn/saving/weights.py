"""Weights of a nest of objects in HDF5, in Keras' layout: `layers/dense/vars/0`.

Reading is defensive: no links that lead elsewhere, no external storage, and sizes are checked against the variables before anything is read.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

_skipped: dict[str, frozenset[str]] = {}


class Store:
    """What `save_own_variables` and `load_own_variables` see: a dictionary of arrays."""

    def __init__(self, group: Any = None, where: str = ""):
        self.group, self.where = group, where
        self.data: dict[str, Any] = {}

    def __setitem__(self, key: str, value: Any) -> None:
        array = np.asarray(value)
        if array.dtype.name == "bfloat16" or array.dtype.name.startswith("float8"):
            dataset = self.group.create_dataset(key, data=array.view(np.uint16 if array.dtype.itemsize == 2 else np.uint8))
            dataset.attrs["dtype"] = array.dtype.name
        else:
            self.group.create_dataset(key, data=array)

    def __getitem__(self, key: str) -> np.ndarray:
        dataset = self.group[key]
        _check_dataset(dataset, f"{self.where}/{key}")
        array = dataset[()]
        kind = dataset.attrs.get("dtype")
        if kind is not None:
            from pronghorn.backend.dtypes import ALL, numpy_dtype

            kind = kind.decode() if isinstance(kind, bytes) else str(kind)
            if kind not in ALL:
                raise ValueError(f"{self.where}/{key}: unknown dtype {kind!r} in the file.")
            return np.asarray(array).view(numpy_dtype(kind))
        return np.asarray(array)

    def __contains__(self, key: str) -> bool:
        return self.group is not None and key in self.group

    def __len__(self) -> int:
        return 0 if self.group is None else len(self.group)

    def keys(self) -> Any:
        """Names of the arrays."""
        return [] if self.group is None else list(self.group.keys())

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of an array, without reading it."""
        return tuple(self.group[key].shape)


def _check_dataset(dataset: Any, where: str) -> None:
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{where}: expected an array in the file, found a {type(dataset).__name__}.")
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"{where}: the file refers to data outside of itself, which is not read.")


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
    from pronghorn.models.model import Model

    kind = "model" if isinstance(obj, Model) else "layer" if isinstance(obj, Layer) else "other"
    if kind not in _skipped:
        bare = {"model": Model, "layer": Layer}.get(kind)
        names = set(dir(bare())) if bare else set(dir(object))
        _skipped[kind] = frozenset(names - {"optimizer", "layers"})
    skip = _skipped[kind]
    found = [n for n in dir(obj) if n not in skip and not n.startswith("__")]
    if kind != "model":
        found = [n for n in found if n != "layers" or n in vars(obj)]
    return sorted(found, key=lambda n: (n.startswith("_"), n))


def children(obj: Any) -> Iterator[tuple[str, Any]]:
    """Yield (attribute, value) pairs in the order in which files have them."""
    from pronghorn.models.model import Model

    first = isinstance(obj, Model) and type(obj).__name__ in ("Sequential", "Functional")
    if first:
        yield "layers", obj.layers
    for name in _names(obj):
        if first and name == "layers":
            continue
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
    from pronghorn.layers.layer import Layer

    visited = set() if visited is None else visited
    if id(obj) in visited:
        return
    visited.add(id(obj))
    yield path, obj
    if not isinstance(obj, Layer) and not hasattr(obj, "_walk_children"):
        return
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

    Raises:
        ValueError: variables that are missing or have another shape, naming all of them, before anything is changed.
    """
    check_file(file)
    problems: list[str] = []
    todo = []
    for path, part in walk(obj):
        where = f"{path}/vars" if path else "vars"
        store = Store(file[where] if where in file else None, path)
        fault = _misfit(part, store)
        if fault is None:
            todo.append((part, store))
        elif not skip_mismatch:
            problems.append(f"{path or 'model'}: {fault}")
    if problems:
        raise ValueError(f"The weights in the file do not fit the model: {'; '.join(problems[:10])}{'; …' if len(problems) > 10 else ''}.")
    for part, store in todo:
        if len(store):
            part.load_own_variables(store)


def _misfit(part: Any, store: Store) -> str | None:
    """What keeps a part from taking its stored variables; None if nothing does."""
    own = getattr(part, "own_variables", None)
    if own is None:
        return None
    variables = own()
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
