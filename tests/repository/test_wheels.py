"""The distributions as users get them: built, installed into an empty environment with one engine, and used there."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["core", "jax", "openvino", "tensorflow", "testing", "torch"]

TRAIN = """
import importlib.util
import numpy as np

others = ["torch", "tensorflow", "openvino", "keras", "pronghorn_torch", "pronghorn_testing"]
assert not [m for m in others if importlib.util.find_spec(m)], "another engine is there"

import pronghorn as ph
from pronghorn.backend import registry

assert "site-packages" in ph.__file__, ph.__file__
rng = np.random.default_rng(0)
x = rng.normal(size=(256, 4)).astype("float32")
y = x @ np.array([[1.0], [-2.0], [0.5], [3.0]], "float32")
m = ph.Sequential([ph.layers.Dense(8, activation="relu"), ph.layers.Dense(1)])
m.compile("adam", "mse")
losses = m.fit(x, y, epochs=3, verbose=0).history["loss"]
assert len(losses) == 3 and losses[-1] < losses[0], losses
print("trained on", registry.active_name())
"""


def load_dev():
    spec = importlib.util.spec_from_file_location("pronghorn_dev", ROOT / "dev.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DEV = load_dev()


def uv(*args, **kwargs) -> subprocess.CompletedProcess:
    return subprocess.run([DEV.find_uv(), *map(str, args)], env=DEV.uv_env(), capture_output=True, text=True, **kwargs)


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """A folder with each package's sdist, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    done = uv("build", "--quiet", "--all-packages", "--out-dir", folder, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return folder


def wheel(dist: Path, package: str) -> Path:
    name = "pronghorn" if package == "core" else f"pronghorn_{package}"
    (found,) = dist.glob(f"{name}-[0-9]*.whl")
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_holds_the_source_and_the_licence(dist, package):
    names = zipfile.ZipFile(wheel(dist, package)).namelist()
    source = ROOT / "packages" / package / "src"
    expected = {str(f.relative_to(source)) for f in source.rglob("*") if f.is_file() and "__pycache__" not in f.parts}
    assert expected <= set(names)
    assert any(n.endswith("licenses/LICENSE") for n in names)


def test_wheels_train_with_one_engine_and_no_other(dist, tmp_path):
    env = tmp_path / "env"
    assert uv("venv", "--quiet", "--python", sys.executable, env).returncode == 0
    python = env / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # the versions that this environment has, which uv's cache holds
    pins = tmp_path / "pins.txt"
    pins.write_text("".join(f"{d.name}=={d.version.partition('+')[0]}\n" for d in metadata.distributions() if "pronghorn" not in d.name))
    core, jax = wheel(dist, "core"), wheel(dist, "jax")
    install = ["pip", "install", "--quiet", "--python", python, "--constraint", pins]
    wanted = [f"pronghorn[jax] @ {core.as_uri()}", f"pronghorn-jax @ {jax.as_uri()}"]
    done = uv(*install, "--offline", *wanted)
    if done.returncode:  # the cache does not have everything
        done = uv(*install, *wanted)
    assert done.returncode == 0, done.stderr

    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PRONGHORN", "VIRTUAL_ENV"))}
    done = subprocess.run([python, "-c", TRAIN], cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "trained on jax"

    listed = subprocess.run([python, "-m", "pronghorn", "backends"], cwd=tmp_path, env=clean, capture_output=True, text=True).stdout
    assert 'torch: pip install "pronghorn[torch]"' in listed.splitlines()
