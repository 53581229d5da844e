"""Files that are damaged, hostile or too new are refused with a reason; saving never harms what is there."""

import io
import json
import sys
import threading
import zipfile

import h5py
import numpy as np
import pytest

import pronghorn as ph

L = ph.layers


@pytest.fixture(autouse=True)
def on_numpy():
    with ph.use_backend("numpy"):
        yield


def small():
    return ph.Sequential([ph.Input((4,)), L.Dense(3, name="d")])


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "m.keras"
    small().save(path)
    return path


def rewrite(path, change=None, **parts):
    """Write an archive again with other parts; `change` gets and changes the dict of all."""
    with zipfile.ZipFile(path) as archive:
        found = {n: archive.read(n) for n in archive.namelist()}
    found.update({n.replace("__", "."): v for n, v in parts.items()})
    if change is not None:
        change(found)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in found.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_file_cut_off_anywhere_is_refused(saved, kept):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ValueError, match="cut off"):
        ph.models.load_model(saved)


def test_flipped_bit_in_the_weights_is_noticed(saved):
    data = bytearray(saved.read_bytes())
    data[data.rindex(b"\x89HDF") + 3000] ^= 1
    saved.write_bytes(data)
    with pytest.raises(ValueError, match="model.weights.h5 is damaged"):
        ph.models.load_model(saved)
    with pytest.raises(ValueError, match="damaged"):
        small().load_weights(saved)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda p: p.pop("model.weights.h5"), "lacks model.weights.h5"),
        (lambda p: p.pop("config.json"), "lacks config.json"),
        (lambda p: p.update({"config.json": b"{"}), "not valid JSON"),
        (lambda p: p.update({"config.json": b"[" * 100_000}), "not valid JSON"),
        (lambda p: p.update({"config.json": b"[]"}), "describes no model"),
        (lambda p: p.update({"config.json": b'{"class_name": "Sequential"}'}), "describes no model"),
        (lambda p: p.update({"model.weights.h5": b"no HDF5"}), "damaged or no HDF5"),
        (lambda p: p.update({"metadata.json": b'{"keras_version": "4.1.0"}'}), r"written by Keras 4\.1\.0"),
    ],
)
def test_archive_with_wrong_parts_is_refused(saved, change, message):
    rewrite(saved, change)
    with pytest.raises(ValueError, match=message):
        ph.models.load_model(saved)


def test_metadata_is_not_needed_and_a_later_version_is_named_where_it_may_matter(saved):
    rewrite(saved, lambda p: p.pop("metadata.json"))
    ph.models.load_model(saved)

    def later(parts):
        config = json.loads(parts["config.json"])
        config["config"]["layers"][1]["class_name"] = "Densse"
        parts.update({"config.json": json.dumps(config).encode(), "metadata.json": b'{"keras_version": "3.99.0"}'})

    rewrite(saved, later)
    with pytest.raises(TypeError, match=r'Did you mean "Dense"\?.*custom_objects=.*register_keras_serializable') as caught:
        ph.models.load_model(saved)
    assert "Keras 3.99.0" in caught.value.__notes__[0]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_part_that_occurs_twice_is_refused(saved):
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr("config.json", b"{}")
    with pytest.raises(ValueError, match="holds config.json twice"):
        ph.models.load_model(saved)


def test_part_that_explodes_is_refused(saved):
    with zipfile.ZipFile(saved) as archive:
        config = archive.read("config.json")
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", bytes(1000))
        archive.getinfo("model.weights.h5").file_size = 3 << 30  # what the directory claims
    with pytest.raises(ValueError, match="claims 3072 MiB"):
        ph.models.load_model(saved)


@ph.saving.register_keras_serializable("tests_damage")
class Vocabulary(ph.Layer):
    """A layer that keeps a text file beside its weights."""

    words = ()

    def call(self, x):
        return x

    def save_assets(self, folder):
        with open(f"{folder}/words.txt", "w") as file:
            file.write("\n".join(self.words))

    def load_assets(self, folder):
        with open(f"{folder}/words.txt") as file:
            self.words = tuple(file.read().split("\n"))


def test_files_of_layers_travel_and_cannot_leave_their_directory(tmp_path):
    path = tmp_path / "deep" / "m.keras"
    model = ph.Sequential([ph.Input((4,)), Vocabulary(name="v")])
    model.layers[0].words = ("one", "two")
    model.save(path)
    assert ph.models.load_model(path).layers[0].words == ("one", "two")
    for name in ("assets/layers/vocabulary/../../../../evil.txt", "assets/layers/vocabulary/..\\evil.txt", "assets/layers/vocabulary/C:evil.txt"):
        bad = tmp_path / "bad.keras"
        bad.write_bytes(path.read_bytes())
        with zipfile.ZipFile(bad, "a") as archive:
            archive.writestr(name, b"x")
        with pytest.raises(ValueError, match="leads out"):
            ph.models.load_model(bad)
    bad.write_bytes(path.read_bytes())
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr("../../evil.txt", b"x")  # no part of a model: never touched
    ph.models.load_model(bad)
    assert not list(tmp_path.rglob("*evil*"))


def test_array_without_data_is_not_allocated(tmp_path):
    """A layer that reads its arrays by itself cannot be made to allocate what the file only claims to hold."""

    class Own(L.Dense):
        def load_own_variables(self, store):
            self.kernel.assign(store["0"])

    model = ph.Sequential([ph.Input((4,)), Own(3, name="own")])
    path = tmp_path / "m.weights.h5"
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        group = file["layers/own/vars"]
        del group["0"]
        group.create_dataset("0", (2**40, 2**10), "float32", chunks=(2**10, 2**10))
    with pytest.raises(ValueError, match="far too little data"):
        model.load_weights(path)


@pytest.mark.parametrize("kind", ["text", "group", "soft link"])
def test_weights_that_are_no_numbers_are_refused(tmp_path, kind):
    path, model = tmp_path / "m.weights.h5", small()
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        group = file["layers/dense/vars"]
        del group["1"]
        if kind == "text":
            group.create_dataset("1", data=["a", "b", "c"], dtype=h5py.string_dtype())
        elif kind == "group":
            group.create_group("1")
        else:
            group["1"] = h5py.SoftLink("/layers/dense/vars/0")
    before = model.get_weights()[1]
    with pytest.raises(ValueError, match=r"not numeric|shape|link"):
        model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[1], before)


def test_existing_file_is_replaced_only_when_told_to(saved, monkeypatch):
    old, weights = saved.read_bytes(), saved.with_name("w.weights.h5")
    small().save_weights(weights)
    for save in (lambda: small().save(saved, overwrite=False), lambda: small().save_weights(weights, overwrite=False)):
        with pytest.raises(FileExistsError, match="overwrite=True"):
            save()
    monkeypatch.setattr(sys, "stdin", type("Terminal", (io.StringIO,), {"isatty": lambda self: True})())
    asked = []
    answers = iter(["what?", "n", "y"])
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or next(answers))
    small().save(saved, overwrite=False)
    assert len(asked) == 2 and saved.read_bytes() == old
    small().save(saved, overwrite=False)
    assert saved.read_bytes() != old


@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_save_that_fails_half_way_keeps_the_old_file(tmp_path, ending, monkeypatch):
    path, model = tmp_path / f"m{ending}", small()
    save = model.save if ending == ".keras" else model.save_weights
    save(path)
    old = path.read_bytes()

    def broken(self, store):
        store["0"] = np.zeros(3)
        raise RuntimeError("no more")

    monkeypatch.setattr(L.Dense, "save_own_variables", broken)
    with pytest.raises(RuntimeError, match="no more"):
        save(path)
    assert path.read_bytes() == old and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_wrong_places_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.keras.*read, not written"):
        small().save(tmp_path / "m.h5")
    with pytest.raises(ValueError, match="not as a directory"):
        small().save(tmp_path / "m.keras", zipped=False)
    (tmp_path / "folder.keras").mkdir()
    for act in (lambda p: small().save(p), ph.models.load_model, lambda p: small().load_weights(p)):
        with pytest.raises(IsADirectoryError, match="is a directory"):
            act(tmp_path / "folder.keras")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        ph.models.load_model(tmp_path / "none.keras")
    small().save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(ValueError, match=r"holds no architecture.*load_weights"):
        ph.models.load_model(tmp_path / "w.weights.h5")


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_model_is_saved_while_other_threads_predict(tmp_path, engine):
    with ph.use_backend(engine):
        model = ph.Sequential([ph.Input((4,)), L.Dense(8, activation="relu"), L.BatchNormalization(), L.Dense(2)])
        x = np.ones((3, 4), "float32")
        expected, done, wrong = model.predict_on_batch(x), threading.Event(), []

        def predict():
            with ph.use_backend(engine):
                while not done.is_set():
                    if not np.array_equal(model.predict_on_batch(x), expected):
                        wrong.append(1)

        threads = [threading.Thread(target=predict) for _ in range(2)]
        for t in threads:
            t.start()
        try:
            for i in range(5):
                model.save(tmp_path / f"{i}.keras")
        finally:
            done.set()
            for t in threads:
                t.join()
        assert not wrong
        np.testing.assert_array_equal(ph.models.load_model(tmp_path / "4.keras").predict_on_batch(x), expected)
