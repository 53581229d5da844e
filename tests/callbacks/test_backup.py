"""An interrupted run goes on as if nothing had happened: same batches, same noise, same results, same callbacks."""

import os
import runpy
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import pronghorn as ph

RNG = np.random.default_rng(2)
X, Y = RNG.normal(size=(20, 3)).astype("float32"), RNG.normal(size=(20, 1)).astype("float32")


class Interrupted(Exception):
    pass


def build():
    ph.utils.set_random_seed(4)
    m = ph.Sequential([ph.Input((3,)), ph.layers.Dense(8), ph.layers.BatchNormalization(), ph.layers.Dropout(0.5), ph.layers.Dense(1)])
    m.compile(ph.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return m


def run(folder=None, stop_at=None, data=None, batches=None, m=None, **options):
    """Train, stopping at (epoch, batch); batch None is the end of the epoch. Returns the model and its history, or None."""
    m = m or build()
    backup = {k: options.pop(k) for k in ("save_freq", "double_checkpoint", "delete_checkpoint") if k in options}
    at = [0]

    def end(batch, logs):
        if batches is not None:
            batches.append((at[0], batch))
        if (at[0], batch) == stop_at:
            raise Interrupted

    def epoch_end(epoch, logs):
        if (epoch, None) == stop_at:
            raise Interrupted

    extra = [
        ph.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=10.0, factor=0.5),
        ph.callbacks.EarlyStopping("val_loss", patience=20, restore_best_weights=True),
    ]
    listen = ph.callbacks.LambdaCallback(on_epoch_begin=lambda e, logs: at.__setitem__(0, e), on_train_batch_end=end, on_epoch_end=epoch_end)
    callbacks = ([ph.callbacks.BackupAndRestore(folder, **backup)] if folder is not None else []) + extra
    # what interrupts comes last but for the backup, which always is
    arguments = {"x": X, "y": Y, "batch_size": 4, "validation_data": (X, Y)} if data is None else data
    try:
        h = m.fit(**arguments, epochs=4, verbose=0, callbacks=[*callbacks, listen], **options)
    except Interrupted:
        return None
    return m, h.history


def same(a, b):
    for v, w in zip(a[0].get_weights() + [v.numpy() for v in a[0].optimizer.variables], b[0].get_weights() + [v.numpy() for v in b[0].optimizer.variables]):
        np.testing.assert_allclose(v, w, rtol=1e-6, atol=1e-7)
    assert list(a[1]) == list(b[1])
    for k in a[1]:
        np.testing.assert_allclose(a[1][k], b[1][k], rtol=1e-5, err_msg=k)


@pytest.mark.parametrize("engine", ["jax", "torch", "tensorflow"])
def test_goes_on_at_the_exact_batch(tmp_path, engine):
    with ph.use_backend(engine):
        whole = run()
        batches = []
        folder = tmp_path / "b"
        assert run(folder, (1, 3), batches=batches, save_freq=3) is None
        assert batches[-1] == (1, 3) and [p.name for p in folder.iterdir()] == ["latest.h5"]
        m = build()
        m.layers[0].kernel.assign(np.zeros((3, 8)))  # whatever the new process starts with is replaced
        rest = []
        again = run(folder, m=m, batches=rest, save_freq=3)
        assert rest[0] == (1, 1)  # the last save was after the sixth batch of all
        same(again, whole)
        assert not folder.exists()


@pytest.mark.parametrize("stops", [[(0, 0)], [(2, None)], [(0, 4), (1, 0), (3, 2)], [(0, 2), (0, 3)]], ids=str)
@pytest.mark.parametrize("save_freq", ["epoch", 1, 5])
def test_every_kind_of_interruption(tmp_path, stops, save_freq):
    whole = run()
    for stop in stops:
        assert run(tmp_path, stop, save_freq=save_freq) is None
    same(run(tmp_path, save_freq=save_freq), whole)


def test_epochs_are_not_repeated(tmp_path):
    run(tmp_path, (2, 1))
    batches = []
    _, h = run(tmp_path, batches=batches)
    assert sorted({e for e, _ in batches}) == [2, 3]
    assert len(h["loss"]) == 4


def test_batched_data_goes_on_in_the_middle_of_an_epoch(tmp_path):
    def pairs():
        for i in range(0, 20, 4):
            yield X[i : i + 4], Y[i : i + 4]

    def forever():
        while True:
            yield from pairs()

    class Data(ph.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, i):
            return list(pairs())[i]

    class Again:
        def __iter__(self):
            return pairs()

    for i, (make, options) in enumerate([(forever, {"steps_per_epoch": 5}), (Data, {}), (Again, {})]):
        validation = {"validation_data": (X, Y)}
        whole = run(data={"x": make(), **validation}, **options)
        folder = tmp_path / str(i)
        assert run(folder, (1, 2), data={"x": make(), **validation}, save_freq=1, **options) is None
        same(run(folder, data={"x": make(), **validation}, save_freq=1, **options), whole)


def test_a_damaged_save_falls_back_to_the_one_before(tmp_path):
    whole = run()
    assert run(tmp_path, (2, 2), double_checkpoint=True) is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["latest.h5", "previous.h5"]
    latest = tmp_path / "latest.h5"
    latest.write_bytes(latest.read_bytes()[:1000])
    batches = []
    same(run(tmp_path, batches=batches, double_checkpoint=True), whole)
    assert batches[0] == (1, 0)
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "latest.h5").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="latest.h5"):
        run(tmp_path)


def test_a_save_of_another_model_is_refused(tmp_path, model, data):
    run(tmp_path, (1, 1))
    with pytest.raises(ValueError, match="another model"):
        model.fit(*data, verbose=0, callbacks=[ph.callbacks.BackupAndRestore(tmp_path)])


def test_saves_can_be_kept(tmp_path):
    _, h = run(tmp_path, delete_checkpoint=False)
    assert [p.name for p in tmp_path.iterdir()] == ["latest.h5"]
    batches = []
    _, again = run(tmp_path, delete_checkpoint=False, batches=batches)
    assert batches == [] and again == h


def test_wrong_options():
    for options in ({"backup_dir": ""}, {"backup_dir": "x", "save_freq": "batch"}, {"backup_dir": "x", "save_freq": 0}):
        with pytest.raises(ValueError, match="BackupAndRestore"):
            ph.callbacks.BackupAndRestore(**options)


SCRIPT = """
    import sys, time
    import numpy as np
    import pronghorn as ph
    ph.set_backend("torch")
    ph.utils.set_random_seed(int(sys.argv[2]))
    x = np.linspace(-1, 1, 60, dtype="float32").reshape(20, 3)
    m = ph.Sequential([ph.Input((3,)), ph.layers.Dense(4, kernel_initializer="ones"), ph.layers.Dense(1, kernel_initializer="ones")])
    m.compile(ph.optimizers.Adam(0.01), "mse")
    slow = ph.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: (print("batch", flush=True), time.sleep(0.02 * int(sys.argv[3]))))
    h = m.fit(x, x[:, :1], batch_size=4, epochs=8, verbose=0, callbacks=[slow, ph.callbacks.BackupAndRestore(sys.argv[1], save_freq=1)])
    print("end", repr([float(v) for v in h.history["loss"]]))
"""


def test_survives_being_killed(tmp_path, capsys, monkeypatch):
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(SCRIPT))

    def start(seed, slow):
        command = [sys.executable, script, tmp_path / "b", str(seed), str(slow)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})

    killed = start(1, 1)
    for _ in range(12):
        killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    # another seed: the order of the data comes from the save
    lines = start(2, 0).communicate()[0].splitlines()
    monkeypatch.setattr(sys, "argv", ["train.py", str(tmp_path / "whole"), "1", "0"])
    runpy.run_path(str(script))
    whole = capsys.readouterr().out.splitlines()
    assert whole[-1].startswith("end") and lines[-1] == whole[-1]
    assert 1 < len(lines) < len(whole) == 41
