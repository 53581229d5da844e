"""`race`: every engine is timed, and the model is left as it was."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn.cli import main

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
Y = (X.sum(1) > 0).astype("int32")


def model(compiled=True):
    net = ph.Sequential([ph.Input((6,)), ph.layers.Dense(8, activation="relu"), ph.layers.BatchNormalization(), ph.layers.Dropout(0.2), ph.layers.Dense(2)])
    if compiled:
        net.compile("adam", ph.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return net


def test_race_times_every_engine_and_puts_everything_back():
    with ph.use_backend("numpy"):
        net = model()
        net.to("torch").fit(X, Y, verbose=0)
        before = [v.numpy().copy() for v in net._movable()]
        result = ph.race(net, X, Y, backends=["numpy", "torch", "jax"], batch_size=16, steps=3, rounds=2)
        assert net.backend.name == "torch" and all(np.array_equal(a, v.numpy()) for a, v in zip(before, net._movable(), strict=True))
        lanes = {lane.backend: lane for lane in result.lanes}
        assert set(lanes) == {"numpy", "torch", "jax"} and all(lane.predict > 0 for lane in lanes.values())
        assert lanes["numpy"].train is None and lanes["numpy"].note == "does not train"
        assert result.winner == min(("torch", "jax"), key=lambda n: lanes[n].train) and result.predict_winner in lanes
        assert f"fastest training: {result.winner}" in str(result)
        net.fit(X, Y, verbose=0)


def test_engine_that_fails_is_a_row_with_a_reason():
    @ph.saving.register_keras_serializable("tests")
    class Picky(ph.Layer):
        def call(self, x):
            if ph.backend.backend() == "torch":
                raise ValueError("no torch, please")
            return x * 2

    with ph.use_backend("numpy"):
        net = ph.Sequential([ph.Input((6,)), Picky()])
        result = ph.race(net, X, backends=["torch", "numpy"], batch_size=16, steps=2, rounds=1)
    assert result.winner == "numpy" and "no torch, please" in result.lanes[1].note


def test_wrong_use():
    with ph.use_backend("numpy"):
        with pytest.raises(ValueError, match="not compiled"):
            ph.race(model(compiled=False), X, Y)
        with pytest.raises(ValueError, match="64 samples, fewer than one batch of 128"):
            ph.race(model(), X, Y, batch_size=128)
        with pytest.raises(ValueError, match="not built"):
            ph.race(ph.Sequential([ph.layers.Dense(2)]), X)


def test_command_runs_a_file(tmp_path, capsys):
    with ph.use_backend("numpy"):
        model().save(tmp_path / "m.keras")
    assert main(["race", str(tmp_path / "m.keras"), "--backends", "numpy,torch", "--batch-size", "8", "--steps", "2", "--rounds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("torch") and lines[2].startswith("numpy") and "does not train" in lines[2]
    assert lines[3] == "batches of 8; fastest training: torch, fastest prediction: " + lines[3].rpartition(" ")[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch.keras"], "nosuch.keras does not exist"),
        (["--data", "nosuch.npz"], "nosuch.npz"),
        (["--backends", "nosuch"], 'Backend "nosuch" is not known. Installed: '),
        (["--batch-size", "0"], "argument --batch-size: expected a whole number of 1 or more; received '0'"),
        (["--rounds", "-1"], "argument --rounds: expected a whole number of 1 or more; received '-1'"),
    ],
)
def test_command_says_in_a_line_what_is_not_to_be_had(arguments, said, capsys):
    complains(arguments, said, capsys)


@pytest.mark.parametrize("kind", ["empty", "text", "single array", "objects", "without x"])
def test_command_says_in_a_line_what_its_data_lacks(kind, tmp_path, capsys):
    path = tmp_path / "data.npz"
    said = "is no .npz file of numbers"
    if kind == "single array":
        with path.open("wb") as file:
            np.save(file, X)
    elif kind == "objects":
        np.savez(path, x=np.array([None, "a"], dtype=object))
    elif kind == "without x":
        np.savez(path, inputs=X)
        said = "holds no array x; it holds inputs."
    else:
        path.write_text("" if kind == "empty" else "x, y")
    complains(["--data", str(path)], said, capsys)


def complains(arguments, said, capsys):
    try:
        code = main(["race", *arguments])
    except SystemExit as end:
        code = end.code
    last = capsys.readouterr().err.splitlines()[-1]
    assert code == 2 and last.startswith("pronghorn race: error: ") and said in last
