"""A backend from outside the repository: installed, listed, used, and put through the conformance kit without a line of test code."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PROJECT = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]


def install(target: Path, change=lambda text: text) -> Path:
    """Lay the distribution out as an installer would, from what its pyproject.toml says; needs no network and no build."""
    for package in ("pronghorn_tinynp", "tinynp"):
        shutil.copytree(HERE / "src" / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    plugin = target / "pronghorn_tinynp/plugin.py"
    plugin.write_text(change(plugin.read_text()))
    info = target / f"pronghorn_tinynp-{PROJECT['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PROJECT['name']}\nVersion: {PROJECT['version']}\n")
    groups = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in entries.items()) for group, entries in PROJECT["entry-points"].items()]
    (info / "entry_points.txt").write_text("\n".join(groups))
    return target


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return install(tmp_path_factory.mktemp("site"))


def python(target: Path, *args: str) -> subprocess.CompletedProcess:
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(target), env.get("PYTHONPATH")]))
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, env=env, cwd=target)


def test_listing_shows_it_without_importing_it(installed):
    code = "import sys, pronghorn as ph; print([(b.distribution, b.status) for b in ph.list_backends() if b.name == 'tinynp'], 'tinynp' in sys.modules)"
    assert python(installed, "-c", code).stdout.strip() == "[('pronghorn-tinynp', 'ready')] False"
    assert "tinynp" in python(installed, "-m", "pronghorn", "backends").stdout


def test_it_computes(installed):
    code = """
import pronghorn as ph
with ph.use_backend("tinynp"):
    x = ph.ops.softmax([[0.0, 0.0], [0.0, 1000.0]])
    print(type(x).__name__, ph.ops.convert_to_numpy(x).tolist(), type(ph.ops.convert(x, backend="numpy")).__name__)
    model = ph.Sequential([ph.Input((2,)), ph.layers.Dense(1)])
    print(model.predict(ph.ops.convert_to_numpy(x), verbose=0).shape)
    try:
        model.compile("sgd", "mse"), model.fit(ph.ops.convert_to_numpy(x), ph.ops.convert_to_numpy(x)[:, :1], verbose=0)
    except ph.CapabilityError as error:
        print(error)
"""
    out = python(installed, "-c", code)
    lines = out.stdout.splitlines()
    assert lines[:2] == ["TinyTensor [[0.5, 0.5], [0.0, 1.0]] ndarray", "(2, 1)"], out.stderr
    assert lines[2].startswith("tinynp cannot train (no autodiff). Train on ")


def test_another_version_of_the_contract_is_refused(tmp_path):
    target = install(tmp_path, lambda text: text.replace("contract=1,", "contract=99,"))
    code = "import pronghorn as ph; print([b.status for b in ph.list_backends() if b.name == 'tinynp']); ph.set_backend('tinynp')"
    out = python(target, "-c", code)
    assert out.stdout.strip() == "['incompatible']"
    error = 'BackendIncompatibleError: Backend "tinynp" (pronghorn-tinynp) speaks version 99 of the contract, this pronghorn speaks version 1.'
    assert error in out.stderr and "pip install --upgrade pronghorn" in out.stderr


def test_missing_primitives_are_listed_in_one_error(tmp_path):
    target = install(tmp_path)
    backend = target / "pronghorn_tinynp/backend.py"
    backend.write_text(backend.read_text().replace("def conv(", "def _conv(").replace(" tanh ", " ").replace("def flip(", "def flipp("))
    error = python(target, "-c", "import pronghorn as ph; ph.set_backend('tinynp')").stderr.splitlines()[-1]
    assert error.startswith("pronghorn.backend.contract.ContractError") and "missing primitives: tanh, flip, conv;" in error and "unknown public names" in error and "flipp" in error


def test_the_kit_passes(installed):
    out = python(installed, "-m", "pytest", "--pyargs", "pronghorn_testing", "--backend", "tinynp", "-q", "-x", "-p", "no:cacheprovider", "--tb=short")
    assert out.returncode == 0, out.stdout[-6000:]
    assert int(out.stdout.split(" passed")[0].split()[-1]) > 1000


def test_the_kit_finds_faults_and_honours_declared_deviations(tmp_path):
    target = install(tmp_path)
    backend = target / "pronghorn_tinynp/backend.py"
    backend.write_text(backend.read_text().replace("return np.flip(x, axis)", "return x"))
    kit = ("-m", "pytest", "--pyargs", "pronghorn_testing", "--backend", "tinynp", "-q", "-p", "no:cacheprovider", "--tb=line", "-k")
    out = python(target, *kit, "p.flip")
    assert out.returncode == 1 and "test_value[tinynp-p.flip-float32]" in out.stdout
    deviations = target / "pronghorn_tinynp/xfails.toml"
    only = "p.flip-float32 and test_value or test_deviations"
    deviations.write_text('[value]\n"p.flip-float32" = "mirrors are out of stock"\n')
    out = python(target, *kit, only)
    assert out.returncode == 0 and "1 xfailed" in out.stdout
    deviations.write_text('[value]\n"p.flip-float32" = "mirrors are out of stock"\n"p.exp-float32" = "passes"\n"p.unheard-of" = "no case"\n')
    out = python(target, *kit, only + " or p.exp-float32 and test_value")
    assert "XPASS(strict)" in out.stdout and '[value] "p.unheard-of"' in out.stdout
    deviations.write_text('[value]\n"p.flip-float32" = ""\n')
    assert "needs a reason" in python(target, *kit, only).stdout


def test_an_unknown_backend_is_an_error(installed):
    out = python(installed, "-m", "pytest", "--pyargs", "pronghorn_testing", "--backend", "tinypn", "-q", "-p", "no:cacheprovider")
    assert out.returncode != 0 and "--backend tinypn: no such backend" in out.stdout + out.stderr


def test_the_page_on_writing_an_engine_lists_what_it_implements(installed):
    """docs/extending/backend.md carries the contract as it is, and this engine has each function that the page says is always needed."""
    from pronghorn_testing import contract_table

    text = (HERE.parents[1] / "docs/extending/backend.md").read_text(encoding="utf-8")
    assert contract_table.update(text) == text, "run: python -m pronghorn_testing contract --write docs/extending/backend.md"
    listed = re.findall(r"^\| `(\w+)\([^`]*\)` \| (\w+) \|", text, re.M)
    always = [name for name, needed in listed if needed == "always"]
    assert len(always) > 80 and {needed for _, needed in listed} == {"always", "linalg", "complex", "dynamic_shapes", "autodiff", "native_rng"}
    code = f"from pronghorn.backend import registry; b = registry.get('tinynp'); print([n for n in {always!r} if not hasattr(b, n)])"
    assert python(installed, "-c", code).stdout.strip() == "[]"
