"""Model files: `.keras` archives and `.weights.h5`, written so that a failure never harms what was there."""

import contextlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pronghorn.saving import weights as w
from pronghorn.saving.registry import deserialize_keras_object, serialize_keras_object

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_FORMAT = "3.15.0"  # the Keras release whose file format this is
_LARGEST_CONFIG = 256 * 2**20


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block succeeds it is synced to disk and takes the place of `path` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as f:
            os.fsync(f.fileno())
        if path.exists():
            os.chmod(temporary, path.stat().st_mode & 0o777)
        else:
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _target(filepath: Any, overwrite: bool, endings: tuple[str, ...], what: str) -> Path:
    path = Path(filepath)
    if not path.name.endswith(endings):
        raise ValueError(f"{what}: the path must end in {' or '.join(endings)}; received {str(filepath)!r}.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{what}: {path} exists. Pass overwrite=True to replace it.")
    return path


def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Save architecture, weights, optimizer and compile settings to a `.keras` file.

    Args:
        model: the model.
        filepath: path that ends in `.keras`.
        overwrite: replace an existing file; it stays as it is if saving fails.
        zipped: accepted for compatibility; files are always archives.

    Raises:
        ValueError: another ending.
        FileExistsError: the file exists and `overwrite` is False.
    """
    if kwargs:
        raise TypeError(f"save: unexpected arguments {', '.join(kwargs)}.")
    path = _target(filepath, overwrite, (".keras",), "save")
    config = json.dumps(serialize_keras_object(model))
    metadata = json.dumps({"keras_version": _FORMAT, "date_saved": datetime.now().strftime("%Y-%m-%d@%H:%M:%S")})
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr(_METADATA, metadata)
        archive.writestr(_CONFIG, config)
        archive.writestr(_WEIGHTS, _weights_bytes(model))


def _weights_bytes(model: Any) -> bytes:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        w.save_tree(model, file)
    return buffer.getvalue()


def load_model(filepath: Any, custom_objects: dict[str, Any] | None = None, compile: bool = True, safe_mode: bool = True) -> Any:  # noqa: A002
    """Load a model from a `.keras` file, whichever engine it was saved on; it lives on the active one.

    Args:
        filepath: path of the file.
        custom_objects: classes and functions by name, for those that are not registered.
        compile: also restore the optimizer and compile settings.
        safe_mode: accepted for compatibility; code in a file is never run.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a `.keras` archive, or its parts do not fit together.
        TypeError: the file names a class that is not known.
    """
    path = Path(filepath)
    if not path.exists():
        raise FileNotFoundError(f"load_model: {path} does not exist.")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"load_model: {path} is not a .keras archive.")
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        missing = {_CONFIG, _WEIGHTS} - names
        if missing:
            raise ValueError(f"load_model: {path} lacks {', '.join(sorted(missing))}; it is no .keras archive or is damaged.")
        if archive.getinfo(_CONFIG).file_size > _LARGEST_CONFIG:
            raise ValueError(f"load_model: {_CONFIG} in {path} is larger than {_LARGEST_CONFIG >> 20} MiB; refusing to read it.")
        try:
            config = json.loads(archive.read(_CONFIG))
        except ValueError as error:
            raise ValueError(f"load_model: {_CONFIG} in {path} is not valid JSON: {error}") from None
        if not isinstance(config, dict):
            raise ValueError(f"load_model: {_CONFIG} in {path} holds no model.")
        if not compile:
            config.pop("compile_config", None)
        model = deserialize_keras_object(config, custom_objects, safe_mode)
        _load_weights(model, archive, path)
    return model


def _load_weights(model: Any, archive: zipfile.ZipFile, path: Path) -> None:
    import h5py

    try:
        # the archive's checksum is verified while it is read
        data = io.BytesIO(archive.read(_WEIGHTS))
        with h5py.File(data, "r") as file:
            w.load_tree(model, file)
    except (OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"load_model: the weights in {path} are damaged: {error}") from error


def save_weights(model: Any, filepath: Any, overwrite: bool = True, max_shard_size: Any = None) -> None:
    """Save weights (and the optimizer's state) to a `.weights.h5` file.

    Raises:
        ValueError: another ending, or a model without weights.
    """
    import h5py

    if max_shard_size is not None:
        raise ValueError("save_weights: sharded files are not supported yet; leave max_shard_size unset.")
    path = _target(filepath, overwrite, (".weights.h5",), "save_weights")
    if not model.built:
        raise ValueError(f'save_weights: model "{model.name}" has no weights yet. Call it on data, or build(input_shape), first.')
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        w.save_tree(model, file)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Load weights from a `.weights.h5` file, or from the weights inside a `.keras` file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: variables that do not fit; nothing is changed then.
    """
    import h5py

    if kwargs:
        raise TypeError(f"load_weights: unexpected arguments {', '.join(kwargs)}.")
    path = Path(filepath)
    if not path.exists():
        raise FileNotFoundError(f"load_weights: {path} does not exist.")
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read(_WEIGHTS)), "r") as file:
            w.load_tree(model, file, skip_mismatch)
        return
    if not path.name.endswith(".weights.h5"):
        raise ValueError(f"load_weights: the path must end in .weights.h5 or .keras; received {str(filepath)!r}.")
    with h5py.File(path, "r") as file:
        w.load_tree(model, file, skip_mismatch)
