"""What holds for the repository as a whole: no registry hosts, layers in order, linters quiet, no engine named in the core."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "packages/core/src"
ENGINES = "jax|torch|tensorflow|openvino"
# spelled so that this file does not match itself
HOSTS = re.compile("|".join(["py" r"pi\.org", "python" "hosted", r"pytorch\.org" "/whl", "nvidia" r"\.com/", "/sim" "ple/?[\"' ]"]))
MACHINE = re.compile("|".join(["/ro" "ot/", "/work/" "(main|shared)", "/opt/" "(pypi|wheels)", "/home/" "[a-z]"]))
PLACEHOLDER = "https://index.invalid/sim" "ple"
MAX_LINES = 550


def git(*args: str) -> str:
    return subprocess.run(["git", *args], cwd=ROOT, check=True, capture_output=True, encoding="utf8", errors="replace").stdout


def files() -> list[str]:
    """Tracked files, and those that are about to be."""
    names = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return sorted({n for n in names if n and (ROOT / n).is_file()})


def committed_lock() -> str:
    """uv.lock as a commit has it: uv may have left addresses in the work tree, which the clean filter takes out."""
    if git("ls-files", "uv.lock"):
        return git("show", ":uv.lock")
    return (ROOT / "uv.lock").read_text()


def text_of(name: str) -> str:
    return committed_lock() if name == "uv.lock" else (ROOT / name).read_bytes().decode("utf8", "replace")


def test_files_name_no_registry_host_and_no_path_of_one_machine():
    found = {}
    for name in files():
        text = text_of(name).replace(PLACEHOLDER, "")
        if hits := [m[0] for rule in (HOSTS, MACHINE) for m in rule.finditer(text)]:
            found[name] = hits[:3]
    assert not found


def test_lock_names_only_placeholder_hosts():
    assert set(re.findall(r"https?://([^/\"]+)", committed_lock())) == {"index.invalid", "files.invalid"}


def test_lock_fits_the_projects():
    done = subprocess.run([sys.executable, "dev.py", "lock", "--check-local"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [["-m", "ruff", "check", "."], ["-m", "mypy"], ["-c", "from importlinter.cli import lint_imports_command as run; run()"]],
    ids=["ruff", "mypy", "import-linter"],
)
def test_linter_is_quiet(command):
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def docstrings(tree: ast.AST) -> set[int]:
    """The ids of string nodes that stand as statements: docstrings, of attributes too."""
    return {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}


def engines_named(source: str) -> list[str]:
    """Where code imports an engine or has its name in a string."""
    tree = ast.parse(source)
    skip, found = docstrings(tree), []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skip:
            names = [node.value]
        found += [f"line {node.lineno}: {name[:60]}" for name in names if re.search(rf"\b(pronghorn_)?({ENGINES})\b", name)]
    return found


def test_engines_named_sees_imports_and_strings_and_not_docstrings():
    bad = 'def f():\n    import torch.nn\n    from jax import numpy\n    return "tensorflow", f"{f} openvino"'
    assert [line.split(":")[0] for line in sorted(engines_named(bad))] == ["line 2", "line 3", "line 4", "line 4"]
    assert engines_named('"""Runs on jax."""\nX = 1\n"""On torch."""\nfrom pronghorn import jaxtyping_like') == []


def test_core_names_no_engine():
    named = {str(f.relative_to(CORE)): engines_named(f.read_text()) for f in sorted(CORE.rglob("*.py"))}
    assert not {name: lines for name, lines in named.items() if lines}


def test_files_stay_short():
    lengths = {str(f.relative_to(ROOT)): len(f.read_text().splitlines()) for f in ROOT.glob("packages/*/src/**/*.py")}
    assert lengths
    assert not {name: n for name, n in lengths.items() if n >= MAX_LINES}


def test_packages_have_the_same_files():
    for package in sorted((ROOT / "packages").iterdir()):
        if (package / "pyproject.toml").exists():
            missing = [n for n in ("README.md", "LICENSE") if not (package / n).exists()]
            assert not missing and list(package.glob("src/*/py.typed")), (package.name, missing)
