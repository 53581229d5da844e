"""Looking into a model file and changing its weights by name, without making the model."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pronghorn.backend.errors import closest
from pronghorn.saving import files
from pronghorn.saving import weights as w


class KerasFileEditor:
    """Shows, compares and edits the weights in a `.keras` or `.weights.h5` file.

    Objects (layers, the optimizer) are given by their path, `layers/dense`, or by its last part where only one object has it.

    Args:
        filepath: path of the file; it stays as it is, `save` writes a new one.

    Raises:
        ValueError: another ending, or a damaged file.
        FileNotFoundError: no such file.

    Example:
        >>> import pronghorn as ph, tempfile
        >>> path = tempfile.mkdtemp() + "/a.weights.h5"
        >>> ph.Sequential([ph.Input((3,)), ph.layers.Dense(2)]).save_weights(path)
        >>> editor = KerasFileEditor(path)
        >>> editor.rename_object("dense", "first")
        >>> editor.weights_dict["layers"]["first"]["0"].shape
        (3, 2)
    """

    def __init__(self, filepath: Any):
        path = files.existing(filepath, "KerasFileEditor")
        self.filepath = str(filepath)
        self.metadata: Any = None
        self.config: Any = None
        if path.suffix == ".keras":
            with files.archive_at(path, "KerasFileEditor") as archive:
                self.config, self.metadata = files.config_in(archive, path), files.metadata_in(archive)
                with files.weights_in(archive, path, "KerasFileEditor") as file:
                    self.weights_dict, self.object_metadata = _read(file)
        elif path.name.endswith(".weights.h5"):
            with files.open_h5(path, f"KerasFileEditor: the weights in {path}") as file:
                self.weights_dict, self.object_metadata = _read(file)
        else:
            raise ValueError(f"KerasFileEditor: the path must end in .keras or .weights.h5; received {str(filepath)!r}.")

    # -- looking ---------------------------------------------------------------------------------------------------------------------------
    def summary(self) -> None:
        """Print the objects in the file with the shapes and dtypes of their weights."""
        print(f"Weights in {self.filepath}" + (f", saved with Keras {self.metadata.get('keras_version')}" if self.metadata else ""))
        for path, weights in _objects(self.weights_dict):
            print(f"{'  ' * path.count('/')}{path.rpartition('/')[2]}")
            for name, array in weights.items():
                print(f"{'  ' * (path.count('/') + 1)}{name}: shape={array.shape}, dtype={array.dtype}")

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Print how the file differs from a model, and return the numbers of differences and matches.

        Args:
            reference_model: a built model; its optimizer is left aside.

        Returns:
            `{"status": "success" or "error", "error_count": int, "match_count": int}`.
        """
        import h5py

        with h5py.File(io.BytesIO(), "w") as file:
            w.save_tree(reference_model, file)
            wanted = dict(_objects(_read(file)[0]))
        stored = dict(_objects(self.weights_dict))
        errors, matches = [], 0
        for path in [p for p in wanted if p.partition("/")[0] != "optimizer"]:
            if path not in stored:
                if wanted[path]:
                    errors.append(f"{path}: in the model, not in the file")
                continue
            for name, array in wanted[path].items():
                found = stored[path].get(name)
                if found is None:
                    errors.append(f"{path}/{name}: in the model, not in the file")
                elif found.shape != array.shape:
                    errors.append(f"{path}/{name}: shape {array.shape} in the model, {found.shape} in the file")
                else:
                    matches += 1
            errors += [f"{path}/{name}: in the file, not in the model" for name in stored[path] if name not in wanted[path]]
        errors += [f"{p}: in the file, not in the model" for p in stored if p not in wanted and stored[p] and p.partition("/")[0] != "optimizer"]
        for line in errors:
            print(line)
        print(f"{matches} weights match, {len(errors)} differences" if errors else f"The file fits the model: {matches} weights match.")
        return {"status": "error" if errors else "success", "error_count": len(errors), "match_count": matches}

    # -- changing --------------------------------------------------------------------------------------------------------------------------
    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name (the last part of its path)."""
        parent, name = self._find(object_name)
        if "/" in new_name or not new_name:
            raise ValueError(f"rename_object: the new name must be one part of a path; received {new_name!r}.")
        if new_name in parent:
            raise ValueError(f"rename_object: {new_name!r} is there already.")
        items = [(new_name if key == name else key, value) for key, value in parent.items()]
        parent.clear()
        parent.update(items)

    def delete_object(self, object_name: str) -> None:
        """Remove an object and everything below it."""
        parent, name = self._find(object_name)
        del parent[name]

    def add_object(self, object_path: str, weights: dict[str, Any]) -> None:
        """Add an object with its weights.

        Args:
            object_path: full path; the object above must be there.
            weights: name → array.

        Raises:
            ValueError: nothing is at the path above.
        """
        above, _, name = object_path.strip("/").rpartition("/")
        node = self.weights_dict
        for part in above.split("/") if above else ():
            if not isinstance(node.get(part), dict):
                raise ValueError(f"add_object: there is no object {above!r} in the file.{closest(above, dict(_objects(self.weights_dict)))}")
            node = node[part]
        node[name] = _arrays(weights)

    def add_weights(self, object_name: str, weights: dict[str, Any]) -> None:
        """Add weights (name → array) to an object, or replace those it has."""
        parent, name = self._find(object_name)
        parent[name].update(_arrays(weights))

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Remove a weight of an object."""
        parent, name = self._find(object_name)
        own = [n for n, value in parent[name].items() if not isinstance(value, dict)]
        if weight_name not in own:
            raise ValueError(f"delete_weight: {object_name!r} has no weight {weight_name!r}; it has {', '.join(own) or 'none'}.")
        del parent[name][weight_name]

    def save(self, filepath: Any) -> None:
        """Write the weights to a new `.weights.h5` file."""
        import h5py

        path = Path(filepath)
        if not path.name.endswith(".weights.h5"):
            raise ValueError(f"KerasFileEditor.save: the path must end in .weights.h5; received {str(filepath)!r}.")
        with files.replacing(path) as temporary, h5py.File(temporary, "w") as file:
            for where, arrays in _objects(self.weights_dict):
                group = file.create_group(f"{where}/vars" if where else "vars")
                for key, value in self.object_metadata.get(where, {}).items():
                    group.attrs[key] = value
                store = w.Store(group, where)
                for name, array in arrays.items():
                    store[name] = array

    def resave_weights(self, filepath: Any) -> None:
        """Do the same as `save`."""
        self.save(filepath)

    def _find(self, name: str) -> tuple[dict[str, Any], str]:
        """Return the dict that holds an object, and the key."""
        known = [path for path, _ in _objects(self.weights_dict) if path]
        wanted = name.strip("/")
        found = [p for p in known if p == wanted] or [p for p in known if p.rpartition("/")[2] == wanted]
        if not found:
            raise ValueError(f"There is no object {name!r} in the file.{closest(wanted, known + [p.rpartition('/')[2] for p in known])} summary() lists them.")
        if len(found) > 1:
            raise ValueError(f"Several objects are called {name!r}: {', '.join(found)}. Pass the whole path of one.")
        *above, last = found[0].split("/")
        node = self.weights_dict
        for part in above:
            node = node[part]
        return node, last


def _arrays(weights: dict[str, Any]) -> dict[str, np.ndarray]:
    if not isinstance(weights, dict):
        raise ValueError(f"Weights must be a dict of names and arrays; received {type(weights).__name__}.")
    return {str(name): np.asarray(value) for name, value in weights.items()}


def _read(file: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (nested dict of objects and arrays, attributes by path)."""
    import h5py

    w.check_file(file)
    attributes: dict[str, Any] = {}

    def visit(group: Any, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in group:
            child = group[name]
            where = f"{path}/{name}" if path else name
            if name == "vars" and isinstance(child, h5py.Group):
                attributes[path] = dict(child.attrs)
                found.update({key: w.read_dataset(child[key], f"{where}/{key}") for key in child})
            elif isinstance(child, h5py.Group):
                found[name] = visit(child, where)
        return found

    return visit(file, ""), attributes


def _objects(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (path, weights) of every object."""
    yield path, {name: value for name, value in node.items() if not isinstance(value, dict)}
    for name, value in node.items():
        if isinstance(value, dict):
            yield from _objects(value, f"{path}/{name}" if path else name)
