"""Files that layers keep beside their weights, such as vocabularies: members `assets/<path of the layer>/...` of an archive."""

import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from pronghorn.saving.weights import walk

_ROOT = "assets"


def _parts(model: Any, method: str) -> list[tuple[str, Any]]:
    return [(path, part) for path, part in walk(model) if callable(getattr(part, method, None))]


def save_assets(model: Any, archive: zipfile.ZipFile) -> None:
    """Write what the layers' `save_assets(directory)` make into an archive."""
    for path, part in _parts(model, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            part.save_assets(folder)
            for file in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
                archive.write(file, "/".join((_ROOT, *filter(None, [path]), *file.relative_to(folder).parts)))


def load_assets(model: Any, archive: zipfile.ZipFile) -> None:
    """Hand the files of an archive to the layers' `load_assets(directory)`.

    Raises:
        ValueError: a name that leads out of its directory.
    """
    from pronghorn.saving.files import read_member

    names = [n for n in archive.namelist() if n.startswith(f"{_ROOT}/") and not n.endswith("/")]
    bad = [n for n in names if ".." in PurePosixPath(n).parts or "\\" in n or ":" in n]
    if bad:
        raise ValueError(f"{archive.filename}: the name {bad[0]!r} leads out of the archive's own directory; refusing to read it.")
    for path, part in _parts(model, "load_assets"):
        prefix = "/".join((_ROOT, *filter(None, [path]))) + "/"
        own = [n for n in names if n.startswith(prefix)]
        if not own:
            continue
        with tempfile.TemporaryDirectory() as folder:
            for name in own:
                target = Path(folder, *PurePosixPath(name[len(prefix) :]).parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(read_member(archive, name))
            part.load_assets(folder)
