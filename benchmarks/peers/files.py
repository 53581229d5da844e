"""Check that model files travel between pronghorn and Keras 3.15, both ways.

    python3 dev.py run bench python benchmarks/peers/files.py [--engine torch] [--only NAME ...] [--keep DIR]

Each library writes every model of `files_zoo.py` (trained for two steps, where it is compiled) in a process of its own; the other reads the files.
Compared are predictions, optimizer variables, weights files, JSON, a further training step, and config.json key by key. Exit status 1: differences
without a reason.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import traceback
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import files_catalogue as c  # noqa: E402
import files_zoo as z  # noqa: E402

ENGINES = {"keras": "KERAS_BACKEND", "pronghorn": "PRONGHORN_BACKEND"}
#: (beginning of a difference, ending of its path) -> why the libraries differ there
EXPECTED = {
    ("config", ".shared_object_id"): "Keras numbers dtype policies, too; the number restores nothing there",
    ("config", ".jit_compile"): "Keras writes what its engine made of 'auto'",
    ("config", ".delta"): "Keras forgets the threshold of Huber",
    ("config", ".build_config"): "layers whose build() does nothing have no shapes to keep here",
    ("config", ".kwargs.training"): "Keras also writes arguments that were not given",
    ("config", ".kwargs.mask"): "masks are computed again from the layers",
    ("config", "CosineSimilarity(axis=1).config.axis"): "Keras forgets the axis",
    ("config", "CosineSimilarity(axis=0).config.axis"): "Keras forgets the axis",
    ("config", "Identity(gain=2.0).config.gain"): "Keras forgets the gain",
    ("pronghorn -> keras", "CosineSimilarity(axis=1).config.axis"): "Keras forgets the axis",
    ("pronghorn -> keras", "CosineSimilarity(axis=0).config.axis"): "Keras forgets the axis",
    ("pronghorn -> keras", "Identity(gain=2.0).config.gain"): "Keras forgets the gain",
    ("weights file", "_softmax/vars"): "attention uses an op, not a layer, for its softmax; the entry holds nothing",
    ("weights file", "_dropout_layer/vars"): "attention uses an op, not a layer, for its dropout; the entry holds nothing",
}


# -- one library, in a process of its own ------------------------------------------------------------------------------------------------------
def library(side: str) -> Any:
    """Import one of the libraries."""
    import importlib

    return importlib.import_module(side)


def zoo(k: Any) -> tuple[dict[str, Any], Any]:
    """Return (builders of all models, function that makes a batch for one)."""
    z.custom(k)

    def inputs_of(name: str, model: Any, rng: np.random.Generator) -> Any:
        return z.inputs_of(name, model, rng) if name in z.ZOO else c.inputs_of(name, rng)

    return {**z.ZOO, **c.models(k)}, inputs_of


def flat(value: Any) -> list[np.ndarray]:
    """Return the arrays of a nest, dicts by sorted key."""
    if isinstance(value, dict):
        return [a for key in sorted(value) for a in flat(value[key])]
    if isinstance(value, (list, tuple)):
        return [a for v in value for a in flat(v)]
    value = value.detach() if hasattr(value, "detach") else value
    return [np.asarray(value, dtype="float64") if np.asarray(value).dtype.name == "bfloat16" else np.asarray(value)]


def targets(prediction: Any, rng: np.random.Generator) -> Any:
    """Return values to train on, in the structure of a prediction."""
    if isinstance(prediction, dict):
        return {key: targets(v, rng) for key, v in prediction.items()}
    if isinstance(prediction, (list, tuple)):
        return [targets(v, rng) for v in prediction]
    e = np.exp(rng.normal(size=np.shape(prediction)))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def host(v: Any) -> np.ndarray:
    """Return the value of a variable."""
    value = v.numpy()
    return value.astype("float64") if value.dtype.name == "bfloat16" else value


def write(side: str, folder: Path, names: list[str]) -> None:
    """Write the models of the zoo with one library."""
    k = library(side)
    builders, inputs_of = zoo(k)
    (folder / "objects.json").write_text(json.dumps({key: k.saving.serialize_keras_object(v) for key, v in c.objects(k).items()}))
    for name in names:
        rng = np.random.default_rng(1)
        try:
            k.utils.clear_session()
            k.utils.set_random_seed(1)
            model = builders[name](k)
            x = inputs_of(name, model, rng)
            if model.compiled:
                y = targets(model.predict_on_batch(x), rng)
                for _ in range(2):
                    model.train_on_batch(x, y)
            model.save(folder / f"{name}.keras")
            model.save_weights(folder / f"{name}.weights.h5")
            (folder / f"{name}.json").write_text(model.to_json())
            slots = [host(v) for v in model.optimizer.variables] if model.compiled else []
            outputs = flat(model.predict_on_batch(x))
            np.savez(folder / f"{name}.npz", *outputs, **{f"slot{i}": s for i, s in enumerate(slots)})
        except Exception:
            (folder / f"{name}.error").write_text(traceback.format_exc(limit=-6))


def read(side: str, folder: Path, names: list[str]) -> dict[str, list[str]]:
    """Read the files of the other library; return the failures by model."""
    k = library(side)
    builders, inputs_of = zoo(k)
    failures: dict[str, list[str]] = {"objects": []}
    for key, config in json.loads((folder / "objects.json").read_text()).items():
        try:
            again = k.saving.serialize_keras_object(k.saving.deserialize_keras_object(config))
            failures["objects"] += [f"{key}{d}" for d in differences(again, config) if not d.startswith((".module", ".registered_name"))]
        except Exception as error:
            failures["objects"].append(f"{key}: {type(error).__name__}: {str(error)[:300]}")
    for name in names:
        if not (folder / f"{name}.npz").exists():
            continue
        found = failures.setdefault(name, [])
        stored = np.load(folder / f"{name}.npz")
        outputs = [stored[key] for key in stored.files if key.startswith("arr_")]
        slots = [stored[f"slot{i}"] for i in range(len(stored.files) - len(outputs))]
        rng = np.random.default_rng(1)
        k.utils.clear_session()

        def same(what: str, got: list[np.ndarray], wanted: list[np.ndarray], tolerance: float = 2e-5, found: list[str] = found) -> None:
            if len(got) != len(wanted):
                found.append(f"{what}: {len(got)} arrays instead of {len(wanted)}")
                return
            for i, (a, b) in enumerate(zip(got, wanted, strict=True)):
                if a.shape != b.shape:
                    found.append(f"{what} {i}: shape {a.shape} instead of {b.shape}")
                elif not np.allclose(a.astype("float64"), b.astype("float64"), rtol=tolerance, atol=tolerance, equal_nan=True):
                    found.append(f"{what} {i}: differs by {np.abs(a.astype('float64') - b.astype('float64')).max():.2e}")

        loose = 2e-2 if "float16" in name else 2e-5
        x = None
        try:
            step = "load"
            model = k.models.load_model(folder / f"{name}.keras")
            x = inputs_of(name, model, rng)
            step = "predict"
            same("prediction", flat(model.predict_on_batch(x)), outputs, loose)
            if slots:
                step = "optimizer"
                same("optimizer variable", [host(v) for v in model.optimizer.variables], slots, 1e-6)
                step = "train"
                model.train_on_batch(x, targets(model.predict_on_batch(x), rng))
            step = "weights"
            again = builders[name](k)
            if again.compiled:
                again.optimizer.build(again.trainable_variables)
            again.load_weights(folder / f"{name}.weights.h5")
            same("prediction after load_weights", flat(again.predict_on_batch(x)), outputs, loose)
            if slots:
                same("optimizer variable after load_weights", [host(v) for v in again.optimizer.variables], slots, 1e-6)
            step = "json"
            fresh = k.models.model_from_json((folder / f"{name}.json").read_text())
            fresh.load_weights(folder / f"{name}.keras")
            same("prediction of the JSON model", flat(fresh.predict_on_batch(x)), outputs, loose)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            found.append(f"{step}: {type(error).__name__}: {str(error)[:600]} ({Path(where.filename).name}:{where.lineno})")
    return failures


# -- configs -------------------------------------------------------------------------------------------------------------------------------------
def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Return where two configs differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = [f"{path}.{key}: only in pronghorn ({str(ours[key])[:60]})" for key in ours if key not in theirs]
        found += [f"{path}.{key}: only in Keras ({str(theirs[key])[:60]})" for key in theirs if key not in ours]
        return found + [d for key in ours if key in theirs for d in differences(ours[key], theirs[key], f"{path}.{key}")]
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return [f"{path}: {len(ours)} items, Keras {len(theirs)}: {str(ours)[:100]} | {str(theirs)[:100]}"]
        return [d for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) for d in differences(a, b, f"{path}[{i}]")]
    if ours == theirs and type(ours) is type(theirs):
        return []
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)) and not isinstance(ours, bool) and abs(ours - theirs) <= 1e-7 * abs(theirs):
        return []
    return [f"{path}: {ours!r}, Keras {theirs!r}"]


def config_of(path: Path) -> Any:
    """Return the config in an archive, without what both libraries are free to choose: names of ops, masks as ops, modules of one engine."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    return common(config)


def common(value: Any) -> Any:
    """Return a config without what both libraries are free to choose."""
    if isinstance(value, dict):
        if str(value.get("module", "")).startswith("keras.src.backend."):
            value = {**value, "module": "keras.optimizers", "registered_name": None}
        if value.get("class_name") == "__tensor__":
            return value["config"]["value"]
        if isinstance(value.get("layers"), list) and "output_layers" in value:
            value = plain_graph(value)
        return {k: common(v) for k, v in value.items()}
    return [common(v) for v in value] if isinstance(value, list) else value


def plain_graph(graph: dict[str, Any]) -> dict[str, Any]:
    """Return the config of a functional model without the ops of masks, its ops named by their place."""
    graph = json.loads(json.dumps(graph))

    def used(value: Any) -> set[str]:
        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                return {value["config"]["keras_history"][0]}
            return set().union(*map(used, value.values()))
        return set().union(*map(used, value)) if isinstance(value, list) else set()

    for entry in graph["layers"]:
        for node in entry.get("inbound_nodes", ()):
            node["kwargs"] = {k: v for k, v in node["kwargs"].items() if v is not None and k != "mask"}
    needed = {n for n in json.dumps([graph["output_layers"], graph["input_layers"]]).split('"')}
    for entry in reversed(graph["layers"]):  # the ops of masks lead nowhere now
        if entry["name"] in needed or not str(entry["module"]).startswith("keras.src.ops"):
            needed |= {entry["name"], *used(entry.get("inbound_nodes", []))}
    graph["layers"] = [e for e in graph["layers"] if e["name"] in needed]
    names = {}
    for i, entry in enumerate(graph["layers"]):
        if str(entry["module"]).startswith("keras.src.ops"):
            alias = {"TrueDivide": "Divide", "Absolute": "Abs"}.get(entry["class_name"], entry["class_name"])
            names[entry["name"]] = entry["name"] = entry["config"]["name"] = f"op{i}"
            entry["class_name"] = entry["registered_name"] = alias

    def rename(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: rename(v) for k, v in value.items()}
        if isinstance(value, list):
            return [rename(v) for v in value]
        return names.get(value, value) if isinstance(value, str) else value

    return rename(graph)


def layout_of(path: Path) -> dict[str, str]:
    """Return the arrays and names in a weights file."""
    import h5py

    found: dict[str, str] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = f"{item.shape} {item.dtype} {dict(item.attrs)}"
        elif dict(item.attrs):
            found[name] = str({key: str(v) for key, v in item.attrs.items()})

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


# -- the comparison --------------------------------------------------------------------------------------------------------------------------------
def call(side: str, engine: str, job: str, folder: Path, names: list[str]) -> Any:
    """Run a part of the comparison in a process of its own."""
    environment = {**os.environ, ENGINES[side]: engine, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, "--side", side, "--job", job, "--keep", str(folder), "--only", *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{side} {job} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def kind(failure: str) -> str:
    """Return what failed, without the numbers."""
    return failure.split(":")[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="torch", help="engine of both libraries, where they train")
    parser.add_argument("--only", nargs="*", help="names of models")
    parser.add_argument("--keep", type=Path, help="folder for the files")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    args = parser.parse_args()
    names = args.only or [*z.ZOO, *c.models(library("pronghorn"))]
    if args.side:
        result = write(args.side, args.keep, names) if args.job == "write" else read(args.side, args.keep, names)
        print("\n" + json.dumps(result))
        return 0

    root = args.keep or Path(tempfile.mkdtemp(prefix="pronghorn-files-"))
    bad: dict[str, list[str]] = {name: [] for name in [*names, "objects"]}
    for side in ENGINES:
        (root / side).mkdir(parents=True, exist_ok=True)
        for stale in (root / side).iterdir():
            stale.unlink()
        call(side, args.engine, "write", root / side, names)
        for name in names:
            error = root / side / f"{name}.error"
            if error.exists():
                bad[name].append(f"{side} cannot write it: {error.read_text()[-900:]}")
    explained = 0

    def note(name: str, difference: str) -> None:
        nonlocal explained
        if any(difference.startswith(start) and difference.removeprefix("pronghorn -> keras: ").split(": ")[0].endswith(tail) for start, tail in EXPECTED):
            explained += 1
        else:
            bad[name].append(difference)

    keras_fails: dict[str, set[str]] = {}
    for writer, reader in (("keras", "pronghorn"), ("pronghorn", "keras")):
        own = call(writer, args.engine, "read", root / writer, names) if writer == "keras" else {}
        for name, failures in call(reader, args.engine, "read", root / writer, names).items():
            for f in failures:
                if reader != "keras" or kind(f) not in keras_fails.get(name, ()):
                    note(name, f"{writer} -> {reader}: {f}")
        if writer == "keras":  # what Keras cannot do with its own files, it need not do with ours
            keras_fails = {name: {kind(f) for f in failures} for name, failures in own.items()}
    for name in names:
        ours, theirs = root / "pronghorn" / f"{name}.keras", root / "keras" / f"{name}.keras"
        if not (ours.exists() and theirs.exists()):
            continue
        for d in differences(config_of(ours), config_of(theirs)):
            note(name, f"config {d}")
        a, b = (layout_of(root / side / f"{name}.weights.h5") for side in ("pronghorn", "keras"))
        for key in sorted({*a, *b}):
            if a.get(key) != b.get(key):
                note(name, f"weights file {key}: {a.get(key)}, Keras {b.get(key)}")
    ours, theirs = (common(json.loads((root / side / "objects.json").read_text())) for side in ("pronghorn", "keras"))
    for key in ours:
        for d in differences(ours[key], theirs.get(key)):
            note("objects", f"config {key}{d}")
    for name in bad:
        print(f"{'ok  ' if not bad[name] else 'FAIL'} {name}")
        for line in bad[name]:
            print(f"       {line}")
    failed = sum(bool(v) for v in bad.values())
    print(f"{len(bad) - failed} of {len(bad)} travel both ways without a difference ({len(ours)} objects count as one)")
    print(f"{explained} explained differences; files in {root}")
    print(f"not in the catalogue: {', '.join(c.missing(library('pronghorn')))}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
