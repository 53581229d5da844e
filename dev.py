#!/usr/bin/env python3
"""Make the project's environments and run its jobs. Needs Python 3.11+ with pip (or venv, or uv), nothing else.

  python3 dev.py demo              train and evaluate a small model on real data, with one engine
  python3 dev.py demo --all        the same model on every engine
  python3 dev.py test [PYTEST...]  all engines (CPU builds), then the tests, two processes at a time
  python3 dev.py setup [GROUP...]  only make GROUP's environment (default: test); groups: pyproject.toml
  python3 dev.py run GROUP CMD...  run CMD in GROUP's environment
  python3 dev.py lock [ARGS]       relock (see scripts/lock.py)

Each dependency group has its own environment, .venv for "test" and .venv-GROUP for the others, so that
no two CUDA stacks meet. Versions and hashes come from uv.lock; files from whichever index pip or uv is set up to use.
An environment is made again only when uv.lock or a pyproject.toml has changed. The project's own packages are installed
editable: a change of their source needs nothing.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
TOOLS = ROOT / ".tools"
UV_MIN, UV_MAX = (0, 13), (0, 14)  # what uv.lock and the uv_build requirement were made with

# Two test processes share the machine: an engine that starts a thread per core, or spins while it waits, slows the other one down.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_WAIT_POLICY": "PASSIVE"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}


def sh(*cmd, **kw):
    return subprocess.run([str(c) for c in cmd], check=True, cwd=ROOT, **kw)


def find_uv() -> str:
    """The path of a uv that fits: $UV, the one on the PATH, ours in .tools, or one that pip brings now."""
    for c in (os.environ.get("UV"), shutil.which("uv"), str(TOOLS / "bin" / "uv")):
        if c and Path(c).exists():
            v = subprocess.run([c, "--version"], capture_output=True, text=True).stdout.split()
            if len(v) > 1 and UV_MIN <= tuple(map(int, v[1].split(".")[:2])) < UV_MAX:
                return c
    want = "uv>={}.{},<{}.{}".format(*UV_MIN, *UV_MAX)
    # --target asks for no venv module and is allowed where the system's Python is externally managed
    pip = [sys.executable, "-m", "pip", "install", "-q", "--root-user-action", "ignore"]
    if subprocess.run([*pip, "--target", str(TOOLS), "--upgrade", want]).returncode == 0:
        return str(TOOLS / "bin" / "uv")
    import venv

    try:
        venv.create(TOOLS, with_pip=True, clear=True)
        sh(TOOLS / "bin" / "python", "-m", "pip", "install", "-q", want)
    except (OSError, subprocess.SubprocessError):
        sys.exit("dev.py needs uv, or a Python with pip or venv (Debian: apt install python3-pip)")
    return str(TOOLS / "bin" / "uv")


def pip_config() -> dict[str, str]:
    """What pip was told and uv does not read: the index, and folders of wheels."""
    out = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    conf: dict[str, str] = {}
    for line in out.splitlines():
        key, _, value = line.partition("=")
        conf.setdefault(key.rpartition(".")[2], value.strip().strip("'\""))
    return conf


def uv_env() -> dict[str, str]:
    """The environment uv runs in: no environment of somebody else's, and the index that pip uses."""
    env = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_FROZEN", "UV_LOCKED")}
    index = pip_config().get("index-url")
    if index and not env.keys() & {"UV_DEFAULT_INDEX", "UV_INDEX_URL"}:
        env["UV_DEFAULT_INDEX"] = index
    return env


def wheel_folders() -> list[Path]:
    found = [os.environ.get("UV_FIND_LINKS", ""), str(ROOT / "wheelhouse"), pip_config().get("find-links", "")]
    return [Path(p) for p in re.split(r"[\s,]+", " ".join(found)) if p and Path(p).is_dir()]


def cpu_torch(line: str) -> tuple[str, list[str]]:
    """The requirement and options that give torch's CPU build: the index's own Linux build brings gigabytes of CUDA."""
    version = re.match(r"torch==([\d.]+)", line)[1]
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    for folder in wheel_folders():
        for w in sorted(folder.glob(f"torch-{version}+cpu-{tag}-*.whl")):
            return f"torch @ {w.resolve().as_uri()}", []
    return f"torch=={version}", ["--torch-backend", "cpu"]  # uv knows where that build is served


def requirements(uv: str, group: str, env: dict[str, str]) -> list[str]:
    """GROUP's pinned requirements with their hashes, one a line."""
    cmd = ["export", "--frozen", "--quiet", "--no-header", "--no-annotate", "--only-group", group]
    out = sh(uv, *cmd, env=env, capture_output=True, text=True).stdout
    return [r for r in re.sub(r"\\\n\s*", " ", out).splitlines() if r]


def candidates(locked: list[str], group: str) -> list[tuple[list[str], list[str]]]:
    """What to install, best first: requirements and uv's options."""
    tries: list[tuple[list[str], list[str]]] = [(locked, [])]
    torch = next((r for r in locked if r.startswith("torch==")), None)
    if torch and not group.startswith("gpu-") and sys.platform == "linux" and os.environ.get("PRONGHORN_TORCH") != "locked":
        cuda = re.compile(r"(nvidia-|cuda-|triton==|torch==)")
        requirement, options = cpu_torch(torch)
        tries.insert(0, ([r for r in locked if not cuda.match(r)] + [requirement], options))
    return tries


def fingerprint(group: str) -> str:
    """Changes with whatever decides what is in the environment."""
    files = [ROOT / "uv.lock", ROOT / "pyproject.toml", Path(__file__), *sorted(ROOT.glob("packages/*/pyproject.toml"))]
    seen = [group, sys.version, str(ROOT), os.environ.get("PRONGHORN_TORCH", ""), *(f.read_text() for f in files)]
    return hashlib.sha256("\0".join(seen).encode()).hexdigest()


def setup(group: str) -> Path:
    """Make GROUP's environment unless it is up to date, and return its Python."""
    venv = ROOT / (".venv" if group == "test" else f".venv-{group}")
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, now = venv / "stamp", fingerprint(group)
    if python.exists() and stamp.exists() and stamp.read_text() == now:
        return python
    uv, env = find_uv(), uv_env()
    # a git filter, for those who run uv itself: what it writes into uv.lock never reaches a commit
    if (ROOT / ".git").exists() and shutil.which("git"):
        sh("git", "config", "filter.hostfree.clean", "python3 scripts/lock.py --clean")
        sh("git", "config", "filter.hostfree.smudge", "cat")
        sh("git", "config", "filter.hostfree.required", "true")
    locked = requirements(uv, group, env)
    if not python.exists():
        sh(uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv, env=env)
    stamp.unlink(missing_ok=True)
    tries = candidates(locked, group)
    for i, (lines, options) in enumerate(tries):
        file = venv / "requirements.txt"
        file.write_text("\n".join(lines) + "\n")
        done = subprocess.run([uv, "pip", "sync", "--quiet", "--python", str(python), *options, str(file)], cwd=ROOT, env=env)
        if done.returncode == 0:
            stamp.write_text(now)
            break
        if i + 1 == len(tries):
            sys.exit(done.returncode)
        print("dev.py: no CPU build of torch to be had (wheels folder: PIP_FIND_LINKS);", file=sys.stderr)
        print("taking the locked one with its CUDA packages, several GB", file=sys.stderr)
    return python


def job_env(python: Path, **more: str) -> dict[str, str]:
    """The environment a job runs in. What the caller has set stays as it is."""
    path = f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**QUIET, **more, **os.environ, "UV": find_uv(), "PATH": path, "VIRTUAL_ENV": str(python.parent.parent)}


def run(python: Path, *cmd, **more: str) -> int:
    return subprocess.run([str(c) for c in cmd], cwd=ROOT, env=job_env(python, **more)).returncode


def main(argv: list[str]) -> int:
    job, rest = (argv[0], argv[1:]) if argv else ("help", [])
    if job == "setup":
        for group in rest or ["test"]:
            print(setup(group))
        return 0
    if job == "demo":
        python = setup("test" if "--all" in rest else "demo")
        return run(python, python, ROOT / "examples" / "digits.py", *rest)
    if job == "test":
        python = setup("test")
        chosen = any(re.match("-n|--numprocesses|--pdb|no:xdist", a) for a in rest)
        workers = [] if chosen else ["-n", "2"]
        return run(python, python, "-m", "pytest", *workers, *rest, **(ONE_THREAD if workers else {}))
    if job == "run" and len(rest) > 1:
        python = setup(rest[0])
        return run(python, shutil.which(rest[1], path=job_env(python)["PATH"]) or rest[1], *rest[2:])
    if job == "lock":
        env = {**uv_env(), "UV": find_uv()}
        return subprocess.run([sys.executable, ROOT / "scripts" / "lock.py", *rest], env=env).returncode
    print(__doc__)
    return int(job not in ("help", "-h", "--help"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
