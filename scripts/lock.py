#!/usr/bin/env python3
"""Keep uv.lock free of index addresses.

uv.lock is committed in a *host-free* form: exactly what uv writes, except that
each registry address is https://index.invalid/simple, each file's address is
https://files.invalid/FILENAME, and what only some indexes tell (size,
upload time) is left out.  Versions, markers and sha256 hashes stay, which is all
that `uv export --frozen` needs.

  scripts/lock.py               relock: keep the pinned versions, follow pyproject.toml
  scripts/lock.py --upgrade     relock to the newest versions (-P NAME for one)
  scripts/lock.py --check       exit 1 unless relocking leaves uv.lock as it is (asks the index:
                                checks that it serves the same files and hashes)
  scripts/lock.py --check-local exit 1 unless uv.lock is in host-free form and fits pyproject.toml (no network)
  scripts/lock.py --clean       git clean filter: stdin -> stdout
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
INDEX, FILES = "https://index.invalid/simple", "https://files.invalid/"


def clean(text: str) -> str:
    text = re.sub(r'registry = "https?://[^"]*"', f'registry = "{INDEX}"', text)
    text = re.sub(r'url = "https?://[^"]*/([^"/?#]+)(?:[?#][^"]*)?"', rf'url = "{FILES}\1"', text)
    return re.sub(r', (?:size = \d+|upload-time = "[^"]*")', "", text)


def relock(args: list[str]) -> str:
    """Lock in a copy that holds only the project files, and return the host-free result."""
    with tempfile.TemporaryDirectory() as tmp:
        work, empty = Path(tmp, "w"), Path(tmp, "none")
        empty.mkdir()
        for f in [ROOT / "pyproject.toml", *ROOT.glob("packages/*/pyproject.toml")]:
            to = work / f.relative_to(ROOT)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(f, to)
        if (ROOT / "uv.lock").exists():
            (work / "uv.lock").write_text(clean((ROOT / "uv.lock").read_text()))
        env = {k: v for k, v in os.environ.items() if k not in ("UV_FROZEN", "UV_LOCKED", "VIRTUAL_ENV", "UV_FIND_LINKS")}
        # naming any --find-links makes uv compare the lock's registries with the configured
        # ones, find index.invalid missing, and resolve again with the lock's versions preferred
        cmd = [UV, "lock", "--project", str(work), "--find-links", str(empty), *args]
        subprocess.run(cmd, check=True, env=env, cwd=work)
        return clean((work / "uv.lock").read_text())


def main(argv: list[str]) -> int:
    path = ROOT / "uv.lock"
    if argv == ["--clean"]:
        sys.stdout.write(clean(sys.stdin.read()))
        return 0
    if argv == ["--check-local"]:
        text = path.read_text()
        if clean(text) != text:
            print("uv.lock names an index: run scripts/lock.py", file=sys.stderr)
            return 1
        env = {k: v for k, v in os.environ.items() if not k.startswith("UV_") or k == "UV_CACHE_DIR"}
        return subprocess.run([UV, "lock", "--check", "--offline", "--no-config", "--project", str(ROOT)], env=env).returncode
    if argv == ["--check"]:
        same = relock([]) == path.read_text()
        print("uv.lock is up to date" if same else "uv.lock is out of date: run scripts/lock.py", file=sys.stderr)
        return 0 if same else 1
    path.write_text(relock(argv))
    while (again := relock([])) != path.read_text():  # uv may fork differently once there is a lock
        path.write_text(again)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
