"""Model files: `.keras` archives and `.weights.h5`, written so that a failure never harms what was there."""

import contextlib
import io
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pronghorn.saving import weights as w
from pronghorn.saving.assets import load_assets, save_assets
from pronghorn.saving.serialization import deserialize_model, serialize_model
from pronghorn.state.undrawn import drawing_later

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_FORMAT = "3.15.0"  # the Keras release whose file format this is
_LARGEST_CONFIG = 256 * 2**20
_EXPANSION = 1000  # most that compression makes of stored data
_H5 = b"\x89HDF\r\n\x1a\n"


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


def _target(filepath: Any, overwrite: bool, ending: str, what: str) -> Path | None:
    """Return the path to write to; None if the user, asked at a terminal, wants to keep the file that is there."""
    path = Path(filepath)
    if not path.name.endswith(ending):
        hint = " Files in the older .h5 format are read, not written." if path.suffix in (".h5", ".hdf5") and ending == ".keras" else ""
        raise ValueError(f"{what}: the path must end in {ending}; received {str(filepath)!r}.{hint}")
    if path.is_dir():
        raise IsADirectoryError(f"{what}: {path} is a directory.")
    if not path.exists() or overwrite:
        return path
    if sys.stdin is None or not sys.stdin.isatty():
        raise FileExistsError(f"{what}: {path} exists. Pass overwrite=True to replace it.")
    answer = ""
    while answer not in ("y", "n"):
        answer = input(f"{path} exists. Replace it? [y/n] ").strip().lower()
    return path if answer == "y" else None


def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Save architecture, weights, optimizer and compile settings to a `.keras` file.

    Args:
        model: the model.
        filepath: path that ends in `.keras`.
        overwrite: replace an existing file without asking; it stays as it is if saving fails.
        zipped: True or None; directories are not written.

    Raises:
        ValueError: another ending, or `zipped=False`.
        FileExistsError: the file exists, `overwrite` is False, and there is no terminal to ask at.
    """
    if kwargs:
        raise TypeError(f"save: unexpected arguments {', '.join(kwargs)}.")
    if zipped is False:
        raise ValueError("save: models are written as one .keras file, not as a directory. Leave `zipped` unset.")
    path = _target(filepath, overwrite, ".keras", "save")
    if path is None:
        return
    config = json.dumps(serialize_model(model))
    metadata = json.dumps({"keras_version": _FORMAT, "date_saved": datetime.now().strftime("%Y-%m-%d@%H:%M:%S")})
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr(_METADATA, metadata)
        archive.writestr(_CONFIG, config)
        archive.writestr(_WEIGHTS, _weights_bytes(model))
        save_assets(model, archive)


def _weights_bytes(model: Any) -> bytes:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        w.save_tree(model, file)
    return buffer.getvalue()


def load_model(filepath: Any, custom_objects: dict[str, Any] | None = None, compile: bool = True, safe_mode: bool = True) -> Any:  # noqa: A002
    """Load a model from a `.keras` file, whichever engine it was saved on; it lives on the active one.

    Args:
        filepath: path of the file; whole models in the older `.h5` format are read, too.
        custom_objects: classes and functions by name, for those that are not registered.
        compile: also restore the optimizer and compile settings.
        safe_mode: accepted for compatibility; code in a file is never run, whatever it says.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a `.keras` archive, damaged, from a later generation of the format, or its parts do not fit together.
        TypeError: the file names a class that is not known.
    """
    path = existing(filepath, "load_model")
    with open(path, "rb") as file:
        start = file.read(8)
    if start == _H5:
        from pronghorn.saving.legacy import load_legacy_model

        return load_legacy_model(path, custom_objects, compile)
    with archive_at(path, "load_model") as archive:
        config = config_in(archive, path)
        if not compile:
            config.pop("compile_config", None)
        with weights_in(archive, path, "load_model") as file, drawing_later():
            scaled = "inner_optimizer" in file["optimizer"] if "optimizer" in file else None
            try:
                model = deserialize_model(config, custom_objects, scaled)
            except (TypeError, ValueError, KeyError) as error:
                version = _version(archive)
                if version is not None and version > _parts(_FORMAT):
                    error.add_note(f"The file was written by Keras {'.'.join(map(str, version))}; this reads files of up to {_FORMAT} completely.")
                raise
            w.load_tree(model, file)
        load_assets(model, archive)
    return model


def existing(filepath: Any, what: str) -> Path:
    """Return the path of a file that is there."""
    path = Path(filepath)
    if not path.exists():
        raise FileNotFoundError(f"{what}: {path} does not exist.")
    if path.is_dir():
        raise IsADirectoryError(f"{what}: {path} is a directory, not a file.")
    return path


@contextlib.contextmanager
def archive_at(path: Path, what: str) -> Iterator[zipfile.ZipFile]:
    """Open an archive whose list of contents makes sense."""
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{what}: {path} is not a .keras archive, or it is cut off ({path.stat().st_size} bytes). Copy or save it again.")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        missing = {_CONFIG, _WEIGHTS} - set(names)
        if missing:
            raise ValueError(f"{what}: {path} lacks {', '.join(sorted(missing))}; it is no .keras archive or is damaged.")
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"{what}: {path} holds {', '.join(twice[:3])} twice; it was not written by a program for model files.")
        version = _version(archive)
        if version is not None and version[0] > _parts(_FORMAT)[0]:
            raise ValueError(f"{what}: {path} was written by Keras {'.'.join(map(str, version))}; files of Keras 3 can be read here. Update pronghorn.")
        yield archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a part of an archive; its checksum is verified while it is read.

    Raises:
        ValueError: damaged, or out of proportion to what the archive holds.
    """
    info = archive.getinfo(name)
    if info.file_size > max(_LARGEST_CONFIG, _EXPANSION * info.compress_size):
        raise ValueError(f"{archive.filename}: {name} claims {info.file_size >> 20} MiB, for which the file is far too small; refusing to read it.")
    try:
        return archive.read(name)
    except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{archive.filename}: {name} is damaged: {error}") from error


def config_in(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """Return the config of the model in an archive."""
    if archive.getinfo(_CONFIG).file_size > _LARGEST_CONFIG:
        raise ValueError(f"load_model: {_CONFIG} in {path} is larger than {_LARGEST_CONFIG >> 20} MiB; refusing to read it.")
    try:
        config = json.loads(read_member(archive, _CONFIG))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"load_model: {_CONFIG} in {path} is not valid JSON: {error}") from None
    if not isinstance(config, dict) or "class_name" not in config or not isinstance(config.get("config"), dict):
        raise ValueError(f"load_model: {_CONFIG} in {path} describes no model.")
    return config


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(p) for p in version.split(".")[:3] if p.isdigit())


def metadata_in(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Return what an archive says about itself; nothing where that cannot be read."""
    try:
        found = json.loads(read_member(archive, _METADATA))
    except (ValueError, KeyError):
        return {}
    return found if isinstance(found, dict) else {}


def _version(archive: zipfile.ZipFile) -> tuple[int, ...] | None:
    """The Keras version that wrote the archive; None where it does not say."""
    return _parts(str(metadata_in(archive).get("keras_version", ""))) or None


@contextlib.contextmanager
def weights_in(archive: zipfile.ZipFile, path: Path, what: str) -> Iterator[Any]:
    """Open the weights in an archive as an HDF5 file."""
    with open_h5(io.BytesIO(read_member(archive, _WEIGHTS)), f"{what}: the weights in {path}") as file:
        yield file


@contextlib.contextmanager
def open_h5(source: Any, what: str) -> Iterator[Any]:
    """Open an HDF5 file; damage is told as a ValueError that begins with `what`."""
    import h5py

    try:
        file = h5py.File(source, "r")
    except OSError as error:
        raise ValueError(f"{what} are damaged or no HDF5: {error}") from error
    with file:
        try:
            yield file
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{what} are damaged: {error}") from error


def save_weights(model: Any, filepath: Any, overwrite: bool = True, max_shard_size: Any = None, **kwargs: Any) -> None:
    """Save weights (and the optimizer's state) to a `.weights.h5` file.

    Args:
        model: the model.
        filepath: path that ends in `.weights.h5`.
        overwrite: replace an existing file without asking.
        max_shard_size: None; weights are written to one file.

    Raises:
        ValueError: another ending, or a model without weights.
        FileExistsError: the file exists, `overwrite` is False, and there is no terminal to ask at.
    """
    import h5py

    if kwargs:
        raise TypeError(f"save_weights: unexpected arguments {', '.join(kwargs)}.")
    if max_shard_size is not None:
        raise ValueError("save_weights: sharded files are not supported yet; leave max_shard_size unset.")
    path = _target(filepath, overwrite, ".weights.h5", "save_weights")
    if path is None:
        return
    if not model.built:
        raise ValueError(f'save_weights: model "{model.name}" has no weights yet. Call it on data, or build(input_shape), first.')
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        w.save_tree(model, file)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Load weights from a `.weights.h5` file, or from the weights inside a `.keras` file.

    Args:
        model: what to fill.
        filepath: path of the file; weights in the older `.h5` format are read, too.
        skip_mismatch: leave out, with a warning, the layers that do not fit.
        kwargs: `by_name=True` fills the layers whose names are in the file; for the older format only.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a damaged file, or variables that do not fit; nothing is changed then.
    """
    by_name = kwargs.pop("by_name", False)
    if kwargs:
        raise TypeError(f"load_weights: unexpected arguments {', '.join(kwargs)}.")
    path = existing(filepath, "load_weights")
    old = path.suffix in (".h5", ".hdf5") and not path.name.endswith(".weights.h5")
    if by_name and not old:
        raise ValueError("load_weights: by_name goes with files in the older .h5 format only; skip_mismatch=True leaves out what does not fit.")
    if path.suffix == ".keras":
        with archive_at(path, "load_weights") as archive, weights_in(archive, path, "load_weights") as file:
            w.load_tree(model, file, skip_mismatch)
    elif path.name.endswith(".weights.h5"):
        with open_h5(path, f"load_weights: the weights in {path}") as file:
            w.load_tree(model, file, skip_mismatch)
    elif old:
        from pronghorn.saving.legacy import load_legacy_weights

        load_legacy_weights(model, path, skip_mismatch, by_name)
    else:
        raise ValueError(f"load_weights: the path must end in .weights.h5, .keras or .h5; received {str(filepath)!r}.")
