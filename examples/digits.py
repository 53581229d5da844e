"""Train a small convnet on scikit-learn's handwritten digits, save it, reload it; with --all, on every installed engine from one seed.

    python examples/digits.py                # the active engine (PRONGHORN_BACKEND, or the best one installed)
    python examples/digits.py --all          # train on each engine that can, then run one trained model on every engine
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import pronghorn as ph

SEED = 7


def data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return (train, test): 8x8 images in 0..1 with one channel, and their digits."""
    digits = load_digits()
    x = (digits.images / 16.0).astype("float32")[..., None]
    y = digits.target.astype("int32")
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[:1437], order[1437:]
    return (x[train], y[train]), (x[test], y[test])


def convnet() -> ph.Model:
    """Return a compiled, untrained convnet; the same weights on every engine for one seed."""
    ph.utils.set_random_seed(SEED)
    layers = ph.layers
    model = ph.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def picture(image: np.ndarray) -> list[str]:
    """Draw an image as rows of text."""
    return ["".join(" .:*#@"[int(v * 5.999)] * 2 for v in row) for row in image[..., 0]]


def show_predictions(model: ph.Model, x: np.ndarray, y: np.ndarray, count: int = 4) -> None:
    """Print a few images side by side with what the model says."""
    guess = np.argmax(np.asarray(model.predict(x[:count], verbose=0)), -1)
    print("\n".join("   ".join(rows) for rows in zip(*(picture(image) for image in x[:count]), strict=True)))
    print("   ".join(f"says {g}, is {t}".ljust(16) for g, t in zip(guess, y, strict=False)))


def one(epochs: int) -> float:
    """Train on the active engine, show, save, reload; return the test accuracy."""
    (x, y), (x_test, y_test) = data()
    model = convnet()
    print(f"engine: {ph.config.backend()}")
    model.summary()
    model.fit(x, y, batch_size=32, epochs=epochs, validation_split=0.1, verbose=2)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test accuracy {accuracy:.4f}, loss {loss:.4f}\n")
    show_predictions(model, x_test, y_test)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.keras"
        model.save(path)
        again = ph.saving.load_model(path)
        same = np.array_equal(model.predict(x_test, verbose=0), again.predict(x_test, verbose=0))
        print(f"\nsaved ({path.stat().st_size / 1024:.0f} KiB) and reloaded: predictions {'identical' if same else 'DIFFER'}")
    if not same:
        raise SystemExit("the reloaded model predicts something else")
    return accuracy


def every(epochs: int) -> float:
    """Train on each engine from one seed, compare the losses, then move one model everywhere; return the lowest test accuracy."""
    (x, y), (x_test, y_test) = data()
    ready = [b for b in ph.list_backends() if b.status == "ready"]
    curves, accuracy, models = {}, {}, {}
    for info in ready:
        if "autodiff" not in info.capabilities:
            continue
        with ph.use_backend(info.name):
            model = convnet()
            start = time.perf_counter()
            history = model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
            seconds = time.perf_counter() - start
            curves[info.name] = history.history["loss"]
            accuracy[info.name] = model.evaluate(x_test, y_test, verbose=0)[1]
            models[info.name] = model
            print(f"{info.name} {info.version}: trained in {seconds:.1f} s, test accuracy {accuracy[info.name]:.4f}")
    print("\nepoch  " + "".join(f"{name:>14}" for name in curves))
    for epoch, row in enumerate(zip(*curves.values(), strict=True), 1):
        print(f"{epoch:5}  " + "".join(f"{value:14.6f}" for value in row))
    table = np.array(list(curves.values()))
    print(f"largest difference between the loss curves: {np.ptp(table, axis=0).max():.2e}\n")

    model = models[next(iter(models))]
    reference = None
    print(f"the model trained on {next(iter(models))}, moved to every engine:")
    for info in ready:
        model.to(info.name)
        got = model.predict(x_test, verbose=0)
        best = min(_timed(model, x_test[:1]) for _ in range(20))
        reference = got if reference is None else reference
        print(f"{info.name:>12}: largest difference {np.abs(got - reference).max():.1e}, one prediction {best * 1e3:.2f} ms")
    return min(accuracy.values())


def _timed(model: ph.Model, x: np.ndarray) -> float:
    start = time.perf_counter()
    model.predict_on_batch(x)
    return time.perf_counter() - start


def main() -> None:
    """Run the example and fail if the accuracy is poor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="train on every engine that can, compare, and move a model around")
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    accuracy = every(options.epochs) if options.all else one(options.epochs)
    if accuracy < 0.96:
        raise SystemExit(f"test accuracy {accuracy:.4f} is below 0.96")


if __name__ == "__main__":
    main()
