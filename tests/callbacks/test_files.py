"""Callbacks that write files, or send results elsewhere."""

import csv
import http.server
import json
import socket
import sys
import threading
import urllib.parse

import numpy as np
import pytest

import pronghorn as ph


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("path", "options", "files"),
    [
        ("{epoch:02d}-{val_loss:.2f}.keras", {}, ["01-1.00.keras", "02-0.90.keras", "03-0.95.keras", "04-0.80.keras"]),
        ("sub/{epoch}/x.keras", {"save_best_only": True}, ["sub/1/x.keras", "sub/2/x.keras", "sub/4/x.keras"]),
        ("{epoch}.keras", {"save_best_only": True, "mode": "max"}, ["1.keras"]),
        ("{epoch}.weights.h5", {"save_weights_only": True, "save_best_only": True, "initial_value_threshold": 0.95}, ["2.weights.h5", "4.weights.h5"]),
    ],
)
def test_model_checkpoint_of_epochs(tmp_path, scripted, path, options, files):
    scripted(ph.callbacks.ModelCheckpoint(tmp_path / path, **options), [1.0, 0.9, 0.95, 0.8])
    assert names(tmp_path) == files


def test_model_checkpoint_holds_the_best_model(tmp_path, scripted, model):
    scripted(ph.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True), [1.0, 0.5, 0.9])
    assert ph.models.load_model(tmp_path / "best.keras").get_weights()[0][0, 0] == 1.0
    scripted(ph.callbacks.ModelCheckpoint(tmp_path / "best.weights.h5", save_best_only=True, save_weights_only=True), [1.0, 0.5, 0.2])
    model.load_weights(tmp_path / "best.weights.h5")
    assert model.get_weights()[0][0, 0] == 2.0


def test_model_checkpoint_of_batches_counts_over_epochs(tmp_path, data, model):
    c = ph.callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=3)
    model.fit(*data, batch_size=3, epochs=3, verbose=0, callbacks=[c])
    assert names(tmp_path) == ["1-3.weights.h5", "2-2.weights.h5", "3-1.weights.h5", "3-4.weights.h5"]


def test_bad_checkpoints(tmp_path, data, model):
    for options in ({"filepath": "x.h5"}, {"filepath": "x.keras", "save_weights_only": True}, {"filepath": "x.keras", "save_freq": 0}):
        with pytest.raises(ValueError):
            ph.callbacks.ModelCheckpoint(**options)
    with pytest.raises(KeyError, match="missing.*loss"):
        model.fit(*data, verbose=0, callbacks=[ph.callbacks.ModelCheckpoint(tmp_path / "{missing}.keras")])


def test_table_of_results(tmp_path, data, model):
    path = tmp_path / "log.csv"
    h = model.fit(*data, epochs=3, verbose=0, validation_data=data, validation_freq=2, callbacks=[ph.callbacks.CSVLogger(path)])
    with open(path, newline="") as f:
        rows = list(csv.DictReader(f))
    assert list(rows[0]) == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [r["epoch"] for r in rows] == ["0", "1", "2"]
    assert [r["val_loss"] for r in rows] == ["NA", str(h.history["val_loss"][0]), "NA"]
    assert [float(r["loss"]) for r in rows] == h.history["loss"]


def test_table_goes_on_or_starts_over(tmp_path, data, model):
    path = tmp_path / "log.csv"
    for append, lines in ((False, 3), (True, 5), (False, 3)):
        model.fit(*data, epochs=2, verbose=0, callbacks=[ph.callbacks.CSVLogger(path, separator=";", append=append)])
        text = path.read_text().splitlines()
        assert len(text) == lines and text[0] == "epoch;loss;mae;val_loss;val_mae" and sum(t.startswith("epoch") for t in text) == 1


def test_table_of_arrays_and_missing_results(tmp_path, model):
    path = tmp_path / "log.csv"
    c = ph.callbacks.CSVLogger(path)
    c.on_train_begin()
    c.on_epoch_end(0, {"loss": 1.0, "parts": np.array([1.0, 2.0]), "word": "a", "val_loss": 1})
    c.on_epoch_end(1, {"loss": 2.0, "new": 3})
    c.on_train_end()
    with open(path, newline="") as f:
        assert list(csv.reader(f)) == [["epoch", "loss", "parts", "val_loss", "word"], ["0", "1.0", '"[1.0, 2.0]"', "1", "a"], ["1", "2.0", "NA", "NA", "NA"]]


class Server:
    def __enter__(self):
        self.requests = found = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                found.append((self.path, self.headers["Content-Type"], self.headers["X-Run"], self.rfile.read(int(self.headers["Content-Length"])).decode()))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_results_are_sent_to_a_server(data, model):
    with Server() as s:
        root = f"http://127.0.0.1:{s.server.server_port}"
        h = model.fit(*data, epochs=1, verbose=0, callbacks=[ph.callbacks.RemoteMonitor(root, headers={"X-Run": "7"})])
        model.fit(*data, epochs=1, verbose=0, callbacks=[ph.callbacks.RemoteMonitor(root, path="/x", send_as_json=True)])
    (path, kind, run, body), (path2, kind2, _, body2) = s.requests
    assert (path, kind, run) == ("/publish/epoch/end/", "application/x-www-form-urlencoded", "7")
    assert json.loads(urllib.parse.parse_qs(body)["data"][0]) == {"epoch": 0, "loss": h.history["loss"][0], "mae": h.history["mae"][0]}
    assert (path2, kind2) == ("/x", "application/json") and set(json.loads(body2)) == {"epoch", "loss", "mae"}


def test_a_server_that_is_away_costs_a_warning(data, model):
    with pytest.warns(UserWarning, match="127.0.0.1:9"):
        h = model.fit(*data, epochs=2, verbose=0, callbacks=[ph.callbacks.RemoteMonitor("http://127.0.0.1:9")])
    assert h.epoch == [0, 1]
    with pytest.raises(ValueError, match="http"):
        ph.callbacks.RemoteMonitor("file:///etc")


def test_a_server_that_speaks_another_protocol_costs_a_warning(data, model):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"220 mail.example ready\r\n")

        threading.Thread(target=answer, daemon=True).start()
        root = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.warns(UserWarning, match=root):
            h = model.fit(*data, epochs=1, verbose=0, callbacks=[ph.callbacks.RemoteMonitor(root)])
    assert h.epoch == [0]


class Written:
    """In place of tensorboard's file: what would be written."""

    def __init__(self, found, folder):
        self.found, self.part = found, folder.name

    def scalar(self, tag, value, step):
        self.found.append((self.part, tag, step, value))

    def histogram(self, tag, values, step):
        self.found.append((self.part, tag, step, values.shape))

    def flush(self):
        pass

    def close(self):
        self.found.append((self.part, "closed"))


@pytest.fixture
def written(monkeypatch):
    found = []
    monkeypatch.setattr("pronghorn.callbacks.tensorboard._EventFile", lambda folder: Written(found, folder))
    return found


def test_tensorboard_gets_the_results_of_epochs(written, data, model):
    h = model.fit(*data, batch_size=5, epochs=2, verbose=0, validation_data=data, callbacks=[ph.callbacks.TensorBoard("logs")]).history
    scalars = [w for w in written if len(w) == 4]
    for epoch in range(2):
        steps = {"loss": 2 * epoch + 2, "mae": 2 * epoch + 2}
        for k, step in steps.items():
            assert ("train", f"epoch_{k}", epoch, h[k][epoch]) in scalars
            assert ("validation", f"epoch_{k}", epoch, h[f"val_{k}"][epoch]) in scalars
            assert ("validation", f"evaluation_{k}_vs_iterations", step, h[f"val_{k}"][epoch]) in scalars
        assert ("train", "epoch_learning_rate", epoch, pytest.approx(0.1)) in scalars
    assert len(scalars) == 14
    assert written[-2:] == [("train", "closed"), ("validation", "closed")]


def test_tensorboard_gets_batches_histograms_and_speed(written, data, model):
    c = ph.callbacks.TensorBoard("logs", update_freq=2, histogram_freq=2, write_steps_per_second=True)
    model.fit(*data, batch_size=2, epochs=2, verbose=0, callbacks=[c])
    assert [w[2] for w in written if w[1] == "batch_loss"] == [2, 4, 6, 8, 10]
    assert [w[1:] for w in written if "histogram" in w[1]] == [(f"{v.path}/histogram", 0, tuple(v.shape)) for v in model.weights]
    assert [w[3] > 0 for w in written if w[1] == "epoch_steps_per_second"] == [True, True]


def test_tensorboard_says_what_is_missing(monkeypatch, data, model):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        model.fit(*data, verbose=0, callbacks=[ph.callbacks.TensorBoard()])
    for options in ({"profile_batch": 2}, {"write_images": True}, {"embeddings_freq": 1}, {"update_freq": "often"}):
        with pytest.raises(ValueError, match=next(iter(options))):
            ph.callbacks.TensorBoard(**options)
