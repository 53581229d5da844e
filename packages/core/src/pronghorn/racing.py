"""The same model on every ready engine, timed: which one suits this model and this machine."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pronghorn.backend import registry
from pronghorn.state.tree import flatten, map_structure

_ROUND_SECONDS = 0.4  # of slow models a round takes fewer batches


class Lane(NamedTuple):
    """One engine's times.

    Attributes:
        backend: its name.
        train: milliseconds per training step, median over the rounds; None where it was not timed.
        predict: milliseconds per batch of `predict`.
        first: seconds until the first training step (or, without training, the first prediction) was done, compilation included.
        note: why something was not timed.
    """

    backend: str
    train: float | None
    predict: float | None
    first: float | None
    note: str


class Race:
    """The result of `race`: a row per engine, the fastest first; printing it shows the table."""

    def __init__(self, lanes: list[Lane], batch_size: int):
        self.lanes = sorted(lanes, key=lambda lane: (lane.train is None, lane.train or 0.0, lane.predict is None, lane.predict or 0.0))
        self.batch_size = batch_size

    def _best(self, what: str) -> Lane | None:
        timed = [lane for lane in self.lanes if getattr(lane, what) is not None]
        return min(timed, key=lambda lane: getattr(lane, what), default=None)

    @property
    def winner(self) -> str:
        """Name of the engine that trains fastest; without training, of the one that predicts fastest."""
        best = self._best("train") or self._best("predict")
        if best is None:
            raise RuntimeError("No engine could run the model: " + "; ".join(f"{lane.backend}: {lane.note}" for lane in self.lanes))
        return best.backend

    @property
    def predict_winner(self) -> str:
        """Name of the engine that predicts fastest, which may be one that cannot train."""
        best = self._best("predict")
        return self.winner if best is None else best.backend

    def rows(self) -> list[list[str]]:
        """Return the table's cells, the heading first."""
        found = [["engine", "ms per training step", "ratio", "ms per predicted batch", "ratio", "s to the first step", ""]]
        fastest = {what: self._best(what) for what in ("train", "predict")}
        for lane in self.lanes:
            row = [lane.backend]
            for what, best in fastest.items():
                value = getattr(lane, what)
                row += ["-", "-"] if value is None or best is None else [f"{value:.2f}", f"{value / getattr(best, what):.2f}"]
            found.append([*row, "-" if lane.first is None else f"{lane.first:.2f}", lane.note])
        return found

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(c.ljust(w) if i in (0, 6) else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))).rstrip() for row in rows]
        best = self._best("train")
        ends = [f"fastest training: {best.backend}"] if best is not None else []
        best = self._best("predict")
        ends += [f"fastest prediction: {best.backend}"] if best is not None else []
        return "\n".join([*lines, f"batches of {self.batch_size}; " + ", ".join(ends)])

    __repr__ = __str__


def race(model: Any, x: Any, y: Any = None, *, backends: Sequence[str] | None = None, batch_size: int = 32, steps: int = 20, rounds: int = 5) -> Race:
    """Time training steps and predictions of one model on every ready engine.

    The model comes out as it went in: its weights, its optimizer's and its metrics' state and its engine are put back.

    Args:
        model: a built model; compiled, if training is to be timed.
        x: input arrays, at least `batch_size` samples; of more than `steps` batches the first are used.
        y: targets; without them only predictions are timed.
        backends: names of engines; by default all that are ready.
        batch_size: samples in a batch.
        steps: batches in a round; fewer where they are slow.
        rounds: timed rounds, of which the median counts.

    Raises:
        ValueError: the model is not built, `y` was given to a model that is not compiled, or there are fewer samples than a batch.

    Example:
        >>> import numpy as np, pronghorn as ph
        >>> model = ph.Sequential([ph.Input((3,)), ph.layers.Dense(2)])
        >>> ph.race(model, np.ones((8, 3)), backends=["numpy"], batch_size=4, steps=2, rounds=1).winner
        'numpy'
    """
    if not model.built:
        raise ValueError("race: the model is not built. Call it on a batch, or give it an Input, first.")
    if y is not None and model.optimizer is None:
        raise ValueError("race: y was given, but the model is not compiled. Call compile() to time training, or leave y out.")
    samples = len(flatten(x)[0])
    if samples < batch_size:
        raise ValueError(f"race: x has {samples} samples, fewer than one batch of {batch_size}.")
    count = min(samples // batch_size, steps)
    x, y = (map_structure(lambda v: v if v is None else v[: count * batch_size], part) for part in (x, y))
    names = list(backends) if backends is not None else [i.name for i in registry.list_backends() if i.status == registry.READY]
    home = model.backend.name
    kept = [(v, v.numpy().copy()) for v in model._movable()]
    lanes = []
    try:
        for name in names:
            for v, value in kept:
                v.assign(value)
            model.to(name)
            lanes.append(_lane(model, name, x, y, batch_size, count, rounds))
    finally:
        model.to(home)
        with registry.use_backend(home):
            for v, value in kept:
                v.assign(value)
    return Race(lanes, batch_size)


def _lane(model: Any, name: str, x: Any, y: Any, batch_size: int, count: int, rounds: int) -> Lane:
    options = {"batch_size": batch_size, "verbose": 0}
    train = predict = first = None
    notes = []
    with registry.use_backend(name):
        if y is not None:
            if "autodiff" in registry.get(name).capabilities:
                try:
                    train, first = _timed(lambda part: model.fit(part[0], part[1], epochs=1, shuffle=False, **options), (x, y), batch_size, count, rounds)
                except Exception as error:
                    notes.append(f"training: {_line(error)}")
            else:
                notes.append("does not train")
        try:
            predict, start = _timed(lambda part: model.predict(part[0], **options), (x, None), batch_size, count, rounds)
            first = start if first is None else first
        except Exception as error:
            notes.append(f"predicting: {_line(error)}")
    return Lane(name, train, predict, first, "; ".join(notes))


def _timed(run: Callable[[Any], Any], data: Any, batch_size: int, count: int, rounds: int) -> tuple[float, float]:
    """Return milliseconds per batch and the seconds of the first batch."""

    def part(batches: int) -> Any:
        return map_structure(lambda v: v if v is None else v[: batches * batch_size], data)

    def seconds(batches: int) -> float:
        given = part(batches)
        start = time.perf_counter()
        run(given)
        return time.perf_counter() - start

    first = seconds(1)
    once = seconds(1)
    several = max(1, min(count, int(_ROUND_SECONDS / max(once, 1e-6))))
    seconds(several)
    return statistics.median(seconds(several) for _ in range(rounds)) / several * 1e3, first


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:100]


def random_data(model: Any, samples: int, size: int = 16, seed: int = 0) -> tuple[Any, Any]:
    """Return random (x, y) that fit a model: sizes that it leaves open become `size`; integers below 2 for integer inputs and class indices.

    `y` is None for a model that is not compiled.
    """
    rng = np.random.default_rng(seed)

    def draw(spec: Any) -> np.ndarray:
        shape = (samples, *(size if d is None else d for d in spec.shape[1:]))
        if spec.dtype.startswith(("float", "bfloat")):
            return rng.normal(size=shape).astype("float32")
        return rng.integers(0, 2, shape).astype(spec.dtype)

    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise ValueError("The shapes of this model's inputs are not known. Give it an Input, or give data.")
    drawn = [draw(spec) for spec in inputs]
    x: Any = drawn[0] if len(drawn) == 1 else drawn
    if model.optimizer is None:
        return x, None
    loss = model.get_compile_config().get("loss")
    label = str(loss.get("class_name", loss) if isinstance(loss, dict) else loss).lower()

    def target(out: Any) -> np.ndarray:
        out = np.asarray(out)
        if label.startswith("sparse"):
            return rng.integers(0, max(2, out.shape[-1]), out.shape[:-1]).astype("int32") % out.shape[-1]
        return rng.uniform(size=out.shape).astype("float32")

    return x, map_structure(target, model.predict(x, verbose=0))
