"""What is shown while a model trains: one rewritten line in a terminal or notebook, plain lines elsewhere."""

import io
import os
import re
import subprocess
import sys
import textwrap

import pytest

import pronghorn as ph


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def screen(monkeypatch):
    def use(stream):
        monkeypatch.setattr(sys, "stdout", stream)
        return stream

    return use


def fit(model, data, **options):
    model.fit(*data, **{"batch_size": 2, "epochs": 2, "validation_data": data} | options)


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_log_file_gets_one_line_per_epoch(screen, data, model, verbose):
    out = screen(io.StringIO())
    fit(model, data, verbose=verbose)
    text = out.getvalue()
    assert not re.search(r"[\r\b\x1b]", text)
    lines = text.splitlines()
    results = [line for line in lines if "loss" in line]
    assert len(results) == 2
    for epoch, line in enumerate(results):
        assert re.search(r"5/5 - \d+s - \S+/step - loss: [\d.]+ - mae: [\d.]+ - val_loss: [\d.]+ - val_mae: [\d.]+$", line)
        assert f"Epoch {epoch + 1}/2" in text
    assert len(lines) <= 4


def test_nothing_is_shown_when_silent(screen, data, model):
    out = screen(Terminal())
    fit(model, data, verbose=0)
    model.evaluate(*data, verbose=0)
    model.predict(data[0], verbose=0)
    assert out.getvalue() == ""


def test_a_terminal_shows_one_line_that_is_rewritten(screen, data, model, monkeypatch):
    monkeypatch.setattr(ph.callbacks.ProgbarLogger, "interval", 0.0)
    out = screen(Terminal())
    fit(model, data, verbose="auto")
    text = out.getvalue()
    assert "\x1b" not in text and "\b" not in text  # carriage returns alone: notebooks understand them
    lines = text.split("\n")
    assert [line.startswith("Epoch") for line in lines] == [True, False, True, False, False] and lines[-1] == ""
    shown = lines[1].split("\r")
    assert shown[0] == "" and len(shown) > 2
    assert shown[-1].startswith("5/5 ") and "val_mae" in shown[-1]
    lengths = [len(s) for s in shown[1:]]
    assert lengths[-1] >= max(lengths)  # whatever was there before is painted over


def test_line_per_epoch_in_a_terminal(screen, data, model):
    out = screen(Terminal())
    fit(model, data, verbose=2)
    assert "\r" not in out.getvalue() and len(out.getvalue().splitlines()) == 4


def test_evaluate_and_predict_show_themselves(screen, data, model):
    out = screen(io.StringIO())
    model.evaluate(*data, batch_size=2, verbose=1)
    model.predict(data[0], batch_size=5, verbose=1)
    first, second = out.getvalue().splitlines()
    assert re.fullmatch(r"5/5 - 0s - \S+/step - loss: [\d.]+ - mae: [\d.]+", first)
    assert re.fullmatch(r"2/2 - 0s - \S+/step", second)


def test_interrupted_line_is_ended(screen, data, model, monkeypatch):
    monkeypatch.setattr(ph.callbacks.ProgbarLogger, "interval", 0.0)
    out = screen(Terminal())

    def stop(batch, logs):
        if batch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(model, data, verbose=1, callbacks=[ph.callbacks.LambdaCallback(on_train_batch_end=stop)])
    assert out.getvalue().endswith("\n")


def test_number_of_steps_is_learned_in_the_first_epoch(screen, data, model):
    class Again:
        def __iter__(self):
            return iter([data] * 3)

    out = screen(io.StringIO())
    model.fit(Again(), epochs=2, verbose=2)
    assert out.getvalue().count("3/3 - ") == 2


def test_interactive_logging_can_be_switched_off(screen, data, model):
    out = screen(Terminal())
    ph.utils.disable_interactive_logging()
    try:
        fit(model, data, verbose="auto")
    finally:
        ph.utils.enable_interactive_logging()
    assert "\r" not in out.getvalue()


def test_bar_by_itself(screen):
    out = screen(io.StringIO())
    bar = ph.utils.Progbar(4, verbose=2, stateful_metrics=["rate"])
    bar.update(1, [("loss", 4.0), ("rate", 1.0)])
    bar.add(3, [("loss", 0.0), ("rate", 0.5)])
    assert re.fullmatch(r"4/4 - 0s - \S+/step - loss: 1.0000 - rate: 0.5000\n", out.getvalue())
    with pytest.raises(ValueError, match="verbose"):
        ph.utils.Progbar(4, verbose=7)


SCRIPT = """
    import numpy as np
    import pronghorn as ph
    ph.set_backend("numpy")
    m = ph.Sequential([ph.Input((3,)), ph.layers.Dense(1)])
    m.compile(loss="mse")
    m.evaluate(np.ones((64, 3)), np.ones((64, 1)), batch_size=1)
    m.predict(np.ones((64, 3)), batch_size=1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are Unix")
def test_a_real_terminal_and_a_real_pipe():
    import pty

    command = [sys.executable, "-c", textwrap.dedent(SCRIPT)]
    piped = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert len(piped.splitlines()) == 2 and not re.search(r"[\r\b\x1b]", piped)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    text = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # Linux says so when the other end is closed
            break
        if not chunk:
            break
        text += chunk
    assert process.wait() == 0
    process.stderr.close()
    os.close(ours)
    lines = text.decode().replace("\r\n", "\n").split("\n")
    assert len(lines) == 3 and all("\r" in line and "64/64" in line for line in lines[:2])
    assert "\x1b" not in text.decode()
