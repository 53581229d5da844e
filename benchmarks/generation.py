"""Time a small GPT that generates with a key-value cache, and its training step: pronghorn, hand-written native code and Keras, interleaved.

    python3 dev.py run bench python benchmarks/generation.py --quick
    python3 dev.py run bench python benchmarks/generation.py --engines torch --no-fit --json out.json

Four pre-norm blocks of width 128 with 4 heads, exact GELU, learned positions, context 128, an untied head over 10,000 tokens. `prefill` reads a prompt of 16
tokens into an empty cache; `next token` is greedy, one token a step. The cache is given to the step and returned by it. pronghorn and Keras run one source,
in the form each engine offers: on JAX `jax.jit` over `stateless_call` with the cache donated, on TensorFlow `tf.function`, on PyTorch as it is under
`inference_mode`; `eager` is the plain call of the model everywhere. All arms start from the same weights; the run fails if their tokens differ, or differ
from those of the model without a cache. Ratios are medians over rounds of paired CPU times (all threads); below 1 is faster than the arm named.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from natives import BLOCKS, HEADS, LENGTH, VOCABULARY, WIDTH
from processes import per_engine
from ratios import against, paired

PROMPT, BATCHES, TRAINED = 16, (1, 8), 8
ARMS = ("ours", "native", "keras")


def gpt(lib):
    """Return an unbuilt model in the API that pronghorn and Keras share."""
    layers, ops = lib.layers, lib.ops

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.n1, self.n2 = layers.LayerNormalization(epsilon=1e-5), layers.LayerNormalization(epsilon=1e-5)
            self.qkv, self.out = layers.Dense(3 * WIDTH), layers.Dense(WIDTH)
            self.up, self.down = layers.Dense(4 * WIDTH, activation="gelu"), layers.Dense(WIDTH)

        def build(self, shape):
            for layer in (self.n1, self.qkv, self.out, self.n2, self.up):
                layer.build(shape)
            self.down.build((*shape[:-1], 4 * WIDTH))

        def call(self, x, cache=None, t=0):
            n = x.shape[1]
            q, k, v = ops.split(ops.reshape(self.qkv(self.n1(x)), (-1, n, 3 * HEADS, WIDTH // HEADS)), 3, axis=2)
            if cache is None:
                y = ops.dot_product_attention(q, k, v, is_causal=True)
            else:
                k, v = cache = [ops.slice_update(old, (0, t, 0, 0), new) for old, new in zip(cache, (k, v))]
                seen = ops.expand_dims(ops.arange(LENGTH), 0) <= t + ops.expand_dims(ops.arange(n), 1)
                y = ops.dot_product_attention(q, k, v, mask=ops.reshape(seen, (1, 1, n, LENGTH)))
            x = x + self.out(ops.reshape(y, (-1, n, WIDTH)))
            x = x + self.down(self.up(self.n2(x)))
            return x if cache is None else (x, cache)

    class GPT(lib.Model):
        def __init__(self):
            super().__init__()
            self.tokens, self.positions = layers.Embedding(VOCABULARY, WIDTH), layers.Embedding(LENGTH, WIDTH)
            self.blocks = [Block() for _ in range(BLOCKS)]
            self.norm, self.head = layers.LayerNormalization(epsilon=1e-5), layers.Dense(VOCABULARY, use_bias=False)

        def call(self, tokens, cache=None, t=0):
            x = self.tokens(tokens) + self.positions(t + ops.arange(tokens.shape[1]))
            if cache is None:
                for block in self.blocks:
                    x = block(x)
                return self.head(self.norm(x))
            made = []
            for block, pair in zip(self.blocks, cache):
                x, pair = block(x, cache=pair, t=t)
                made.append(pair)
            return self.head(self.norm(x[:, -1:])), made

    return GPT()


def weights() -> list[np.ndarray]:
    """Return weights that make the tokens depend on all that came before, in the order `of` gives."""
    rng, w = np.random.default_rng(0), WIDTH
    wide = lambda *shape, scale=1.0: (scale * rng.normal(size=shape)).astype("float32")
    dense = lambda a, b: [wide(a, b, scale=a**-0.5), wide(b, scale=0.1)]
    norm = lambda: [1 + wide(w, scale=0.1), wide(w, scale=0.1)]
    made = [wide(VOCABULARY, w, scale=0.5), wide(LENGTH, w, scale=0.5)]
    for _ in range(BLOCKS):
        made += [*norm(), *dense(w, 3 * w), *dense(w, w), *norm(), *dense(w, 4 * w), *dense(4 * w, w)]
    return [*made, *norm(), wide(w, VOCABULARY, scale=w**-0.5)]


def of(model) -> list:
    """Return the model's variables in the order of `weights`."""
    layers = [model.tokens, model.positions]
    for b in model.blocks:
        layers += [b.n1, b.qkv, b.out, b.n2, b.up, b.down]
    return [v for layer in (*layers, model.norm, model.head) for v in layer.weights]


def fresh(lib, arrays):
    """Return a built model with these weights."""
    model = gpt(lib)
    model(np.zeros((1, PROMPT), "int32"))
    for v, a in zip(of(model), arrays, strict=True):
        v.assign(a)
    return model


def plain(lib, model):
    """Return `step(tokens, cache, t)`, the model's call and the choice of the next token."""

    def step(tokens, cache, t):
        logits, cache = model(tokens, cache=cache, t=t)
        return lib.ops.argmax(logits, -1), cache

    return step


def compiled(lib, engine, model, **options):
    """Return the step compiled by the engine's own means, as it is on PyTorch."""
    step = plain(lib, model)
    if engine == "tensorflow":
        import tensorflow as tf

        return tf.function(step, **options)
    if engine != "jax":
        return step
    import jax

    def pure(trained, rest, cache, tokens, t):
        (logits, cache), _ = model.stateless_call(trained, rest, tokens, cache=cache, t=t)
        return lib.ops.argmax(logits, -1), cache

    run = jax.jit(pure, donate_argnums=2)
    trained, rest = [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]
    return lambda tokens, cache, t: run(trained, rest, cache, tokens, t)


def generator(lib, engine, step, traced=True):
    """Return `(prefill, extend)` like those of `natives.gpt`; `traced` says that the position must not be a Python integer."""
    import contextlib

    place, quiet = int, contextlib.nullcontext
    if engine == "torch":
        import torch

        quiet = torch.inference_mode
    elif engine == "tensorflow" and traced:
        import tensorflow as tf

        place = tf.constant
    elif engine == "openvino":
        place = np.int32  # an integer would be part of the compiled step

    def prefill(prompt):
        zeros = lambda: lib.ops.zeros((len(prompt), LENGTH, HEADS, WIDTH // HEADS))
        with quiet():
            return step(lib.ops.convert_to_tensor(prompt), [[zeros(), zeros()] for _ in range(BLOCKS)], place(0))

    def extend(tokens, cache, t, n):
        found = []
        with quiet():
            for i in range(t, t + n):
                tokens, cache = step(tokens, cache, place(i))
                found.append(tokens)
        return np.concatenate([lib.ops.convert_to_numpy(f) for f in found], 1)

    return prefill, extend


def predicting(lib, model):
    """Return `(prefill, extend)` through `predict` of a functional model, whose inputs and outputs are arrays on the host."""
    step, shape = plain(lib, model), (LENGTH, HEADS, WIDTH // HEADS)

    def made(n):
        inputs = [lib.Input((n,), dtype="int32"), lib.Input((), dtype="int32"), *[lib.Input(shape) for _ in range(2 * BLOCKS)]]
        tokens, cache = step(inputs[0], [inputs[i : i + 2] for i in range(2, len(inputs), 2)], inputs[1][0])
        return lib.Model(inputs, [tokens, *[x for pair in cache for x in pair]])

    models = {n: made(n) for n in (PROMPT, 1)}

    def once(tokens, cache, t):
        size = len(tokens)
        tokens, *cache = models[tokens.shape[1]].predict([tokens, np.full(size, t, "int32"), *cache], batch_size=size, verbose=0)
        return tokens, cache

    def prefill(prompt):
        return once(prompt, [np.zeros((len(prompt), *shape), "float32") for _ in range(2 * BLOCKS)], 0)

    def extend(tokens, cache, t, n):
        found = []
        for i in range(t, t + n):
            tokens, cache = once(tokens, cache, i)
            found.append(tokens)
        return np.concatenate(found, 1)

    return prefill, extend


def run_once(arm, prompt, count, lib):
    """Return the tokens, and CPU and wall seconds of the prefill and of the rest."""
    prefill, extend = arm
    start = time.process_time(), time.perf_counter()
    tokens, cache = prefill(prompt)
    first = np.array(lib.ops.convert_to_numpy(tokens))
    middle = time.process_time(), time.perf_counter()
    rest = extend(tokens, cache, PROMPT, count)
    end = time.process_time(), time.perf_counter()
    spent = [tuple(b - a for a, b in zip(x, y)) for x, y in ((start, middle), (middle, end))]
    return np.concatenate([first, rest], 1), spent


def summary(times: dict[str, list[tuple[float, float]]], per: int, tokens: int) -> dict:
    """Return the columns of one row: `per` steps a round, `tokens` a step."""
    row = {}
    for arm, found in times.items():
        cpu, wall = (statistics.median(x) / per for x in zip(*found))
        row |= {f"{arm}_cpu_ms": cpu * 1e3, f"{arm}_wall_ms": wall * 1e3, f"{arm}_tokens_per_s": tokens / wall}
    for other in ARMS[1:]:
        if other in times and "ours" in times:
            row[f"vs_{other}"], row[f"vs_{other}_spread"] = paired(*[[t[0] for t in times[arm]] for arm in ("ours", other)])
    return row


def rounds_of(jobs: dict, count: int) -> dict[str, list]:
    """Run the jobs in rotating order and return each one's results."""
    names, found = list(jobs), {name: [] for name in jobs}
    for i in range(count):
        for k in range(len(names)):
            name = names[(i + k) % len(names)]
            found[name].append(jobs[name]())
    return found


def child(engine: str, quick: bool, training: bool) -> tuple[list[dict], list[str]]:
    """Measure one engine in this process; return the rows and what did not run."""
    os.environ["KERAS_BACKEND"] = engine
    if engine == "torch":
        import torch

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    import pronghorn as ph

    ph.set_backend(engine)
    arrays, native, keras = weights(), None, None
    libs, models = {"ours": ph}, {"ours": fresh(ph, arrays)}
    if engine != "openvino":
        import keras
        from natives import gpt as natives

        libs["keras"], models["keras"], native = keras, fresh(keras, arrays), natives.make(engine, arrays)
    assert [v.shape for v in models["ours"].weights] == [v.shape for m in models.values() for v in m.weights][-len(arrays) :]

    def both(make):
        return {name: lambda name=name: make(libs[name], models[name], name) for name in libs}

    forms = {"": both(lambda lib, model, name: generator(lib, engine, compiled(lib, engine, model)))}
    if engine == "tensorflow":
        forms[", XLA"] = both(lambda lib, model, name: generator(lib, engine, compiled(lib, engine, model, jit_compile=True)))
    if engine in ("jax", "tensorflow"):
        forms[", eager"] = both(lambda lib, model, name: generator(lib, engine, plain(lib, model), False))
    if engine == "openvino":
        forms[", predict"] = both(lambda lib, model, name: predicting(lib, model))

    rows, notes, rounds = [], [], 5 if quick else 11
    rng = np.random.default_rng(1)
    for size in BATCHES:
        prompt, expected = rng.integers(0, VOCABULARY, (size, PROMPT)).astype("int32"), None
        for form, makers in forms.items():
            count = 16 if quick else 64
            if form == ", eager":
                count //= 4
                if quick and size > 1:
                    continue
            arms = {}
            for name, maker in {**makers, **({"native": lambda: native[:2]} if native else {})}.items():
                try:
                    arm = maker()
                    tokens, _ = run_once(arm, prompt, count, ph if name == "ours" else keras)  # compiles
                    run_once(arm, prompt, count, ph if name == "ours" else keras)
                except Exception as e:
                    notes.append(f"{engine}, {name}{form}, batch {size}: {type(e).__name__}: {str(e)[:600]}")
                    continue
                if expected is None:
                    expected, whole = tokens, np.concatenate([prompt, tokens], 1)[:, :-1]
                    uncached = ph.ops.convert_to_numpy(ph.ops.argmax(models["ours"](whole), -1))[:, PROMPT - 1 :]
                    assert name == "ours" and np.array_equal(tokens, uncached), "the cache changes the tokens"
                    assert len(np.unique(tokens)) > count // 2, "the tokens repeat"
                assert np.array_equal(tokens, expected[:, : count + 1]), f"{engine}, {name}{form}, batch {size}: other tokens"
                arms[name] = arm
            order = [a for a in ARMS if a in arms]
            jobs = {a: lambda a=a: run_once(arms[a], prompt, count, ph if a == "ours" else keras)[1] for a in order}
            found = rounds_of(jobs, rounds)
            for task, which, per, tokens in (("prefill 16", 0, 1, size * PROMPT), ("next token", 1, count, size)):
                times = {a: [f[which] for f in found[a]] for a in order}
                rows.append({"engine": engine, "task": f"{task}{form}", "batch": size, **summary(times, per, tokens)})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    if training and engine != "openvino":
        rows.append(fitting(engine, libs, arrays, native[2], 3 if quick else 7, 1 if quick else 4))
    return rows, notes


def fitting(engine, libs, arrays, native, rounds, steps) -> dict:
    """Return the row of training steps: the next token of random ones."""
    rng = np.random.default_rng(2)
    tokens = rng.integers(0, VOCABULARY, (TRAINED * steps, LENGTH + 1)).astype("int32")
    x, y = np.ascontiguousarray(tokens[:, :-1]), np.ascontiguousarray(tokens[:, 1:])
    jobs = {"native": lambda: native(x, y, TRAINED)}
    for name, lib in libs.items():
        model = fresh(lib, arrays)
        model.compile(lib.optimizers.Adam(1e-3), lib.losses.SparseCategoricalCrossentropy(from_logits=True))
        jobs[name] = lambda model=model: model.fit(x, y, batch_size=TRAINED, epochs=1, shuffle=False, verbose=0).history["loss"][0]
    losses = {name: [jobs[name](), jobs[name]()] for name in jobs}
    for name, found in losses.items():
        np.testing.assert_allclose(found, losses["native"], rtol=2e-3, err_msg=f"{engine}, {name}: other losses")

    def timed(fn):
        cpu, wall = time.process_time(), time.perf_counter()
        fn()
        return time.process_time() - cpu, time.perf_counter() - wall

    found = rounds_of({name: lambda name=name: timed(jobs[name]) for name in ARMS if name in jobs}, rounds)
    return {"engine": engine, "task": "fit step", "batch": TRAINED, **summary(found, steps, TRAINED * LENGTH)}


def table(rows: list[dict], notes: list[str]) -> None:
    """Print the results."""
    from rich.console import Console
    from rich.table import Table

    out = Table(title="CPU ms per step / tokens per second by the clock; ratios are medians of paired CPU times (quartiles)")
    for head in ("engine", "task", "batch", "ours", "native", "Keras", "ours / native", "ours / Keras"):
        out.add_column(head, justify="left" if head in ("engine", "task") else "right", no_wrap=True)
    for r in rows:
        times = [f"{r[f'{arm}_cpu_ms']:.2f} / {r[f'{arm}_tokens_per_s']:.0f}" if f"{arm}_cpu_ms" in r else "–" for arm in ARMS]
        ratios = [against(r, o) for o in ARMS[1:]]
        out.add_row(r["engine"], r["task"], str(r["batch"]), *times, *ratios)
    console = Console(width=150)
    console.print(out)
    for note in notes:
        console.print(f"did not run: {note}", markup=False, highlight=False)


def main() -> None:
    """Run a process per engine and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and tokens")
    parser.add_argument("--engines", default="jax,torch,tensorflow,openvino")
    parser.add_argument("--no-fit", action="store_true", help="leave the training step out")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print("ROWS " + json.dumps(child(options.child, options.quick, not options.no_fit)))
        return
    flags = [*(["--quick"] if options.quick else []), *(["--no-fit"] if options.no_fit else [])]
    found = per_engine(__file__, options.engines, flags)
    rows, notes = [row for made, _ in found for row in made], [note for _, missed in found for note in missed]
    table(rows, notes)
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "did not run": notes}, indent=1))


if __name__ == "__main__":
    main()
