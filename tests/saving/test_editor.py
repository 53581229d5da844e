"""KerasFileEditor: weights in a file are renamed, replaced and compared by name."""

import numpy as np
import pytest

import pronghorn as ph

L = ph.layers


@pytest.fixture(autouse=True)
def on_numpy():
    with ph.use_backend("numpy"):
        yield


def net(width=2):
    inner = ph.Sequential([ph.Input((width,)), L.Dense(2)], name="inner")
    return ph.Sequential([ph.Input((3,)), L.Dense(width, dtype="bfloat16"), L.Dense(width, name="second"), inner])


@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_edited_weights_go_back_into_a_model(tmp_path, ending, capsys):
    path, model = tmp_path / f"m{ending}", net()
    (model.save if ending == ".keras" else model.save_weights)(path)
    editor = ph.saving.KerasFileEditor(path)
    assert editor.compare(net()) == {"status": "success", "error_count": 0, "match_count": 6}
    editor.add_weights("layers/dense_1", {"1": np.array([5.0, 6.0], "float32")})
    editor.save(tmp_path / "new.weights.h5")
    other = net()
    other.load_weights(tmp_path / "new.weights.h5")
    for v, old, name in zip(other.weights, model.weights, range(6), strict=True):
        np.testing.assert_array_equal(v.numpy().astype("float32"), [5, 6] if name == 3 else old.numpy().astype("float32"))
    editor.summary()
    assert "0: shape=(3, 2), dtype=bfloat16" in capsys.readouterr().out


def test_differences_are_counted_and_told(tmp_path, capsys):
    path = tmp_path / "m.weights.h5"
    net().save_weights(path)
    editor = ph.saving.KerasFileEditor(path)
    assert editor.compare(net(4)) == {"status": "error", "error_count": 5, "match_count": 1}
    assert "layers/dense/0: shape (3, 4) in the model, (3, 2) in the file" in capsys.readouterr().out
    editor.rename_object("dense_1", "b")
    editor.delete_weight("b", "1")
    editor.add_object("layers/c", {"0": np.zeros(2)})
    editor.delete_object("layers/sequential")
    assert list(editor.weights_dict["layers"]) == ["dense", "b", "c"] and list(editor.weights_dict["layers"]["b"]) == ["0"]
    assert editor.compare(net())["error_count"] == 4


def test_unclear_names_are_refused(tmp_path):
    path = tmp_path / "m.weights.h5"
    net().save_weights(path)
    editor = ph.saving.KerasFileEditor(path)
    with pytest.raises(ValueError, match="Several objects are called 'dense': layers/dense, layers/sequential/layers/dense"):
        editor.delete_object("dense")
    with pytest.raises(ValueError, match="no object 'dense_2'.*Did you mean"):
        editor.delete_object("dense_2")
    with pytest.raises(ValueError, match="no object 'no/where'"):
        editor.add_object("no/where/x", {})
    with pytest.raises(ValueError, match="no weight '7'; it has 0, 1"):
        editor.delete_weight("dense_1", "7")
    with pytest.raises(ValueError, match="is there already"):
        editor.rename_object("dense_1", "sequential")
    for bad in (lambda: editor.save(tmp_path / "m.keras"), lambda: ph.saving.KerasFileEditor(__file__)):
        with pytest.raises(ValueError, match="must end in"):
            bad()
