"""Compare every layer with Keras': same arguments, same weights, same inputs.

    python3 dev.py run bench python benchmarks/peers/layers.py [-k WORD] [-v]

Compared are the weights (names, shapes, dtypes, order, trainable or not), the outputs in inference and, where they are deterministic, in training with
the weights after it, `compute_output_shape`, symbolic shapes with an unknown batch (and unknown lengths where a case says so), the mask of the outputs,
the losses, `get_config`, and a layer made again from its config. Keras runs on JAX, pronghorn on NumPy. Exits with 1 if a difference is not explained in
`EXPLAINED`.
"""

import argparse
import json
import os
import sys
import warnings

os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3", PRONGHORN_BACKEND="numpy")

import keras
import layer_cases
import numpy as np
from layer_cases import f

import pronghorn as ph
from pronghorn.layers.context import get_mask

# (layer, what is compared) -> why pronghorn differs
EXPLAINED: dict[tuple[str, str], str] = {
    ("EinsumDense", "compute_output_shape"): "pronghorn returns the size that the input has where output_shape says None.",
    ("MultiHeadAttention", "symbolic"): "Keras' scores on symbolic tensors have the queries' length where that of the keys belongs.",
    ("MultiHeadAttention", "mask[1]"): "Keras leaves the attention mask on the scores, a by-product of how it computes them.",
    ("GroupQueryAttention", "mask[1]"): "As for MultiHeadAttention.",
    ("SpectralNormalization", "output[0]"): "Keras casts the vectors of an embedding to the integers' dtype.",
    ("SpectralNormalization", "output in training[0]"): "The same.",
    ("SimpleRNN", "losses"): "Keras ignores the layer's activity_regularizer.",
    ("ReLU", "symbolic"): "Keras' symbolic tensor is float32 where its layer returns integers.",
    ("SimpleRNN", "config[seed]"): "Keras loses the seed.",
    ("SimpleRNN", "config[activity_regularizer]"): "Keras loses the regularizer.",
}


def one(value):
    """A nest of tensors as a flat list of arrays."""
    return [None if v is None else np.asarray(v) for v in keras.tree.flatten(value)]


def flat(value):
    return [None if v is None else np.asarray(ph.ops.convert_to_numpy(v)) for v in ph.tree.flatten(value)]


def plain(config):
    """A config as JSON would hold it; numbers to seven digits, since Keras keeps some in float32."""

    def default(o):
        return o.tolist() if isinstance(o, (np.generic, np.ndarray)) else keras.saving.serialize_keras_object(o)

    return json.loads(json.dumps(config, default=default), parse_float=lambda text: float(f"{float(text):.7g}"))


def differences(case):
    """Yield (what, keras, pronghorn) for everything that differs."""
    theirs = getattr(keras.layers, case.name)(**case.arguments(keras), name="layer")
    ours = getattr(ph.layers, case.name)(**case.arguments(ph), name="layer")
    positional = case.x if isinstance(case.x, tuple) else (case.x,)
    theirs(*positional, **case.call)
    ours(*positional, **case.call)

    a, b = plain(theirs.get_config()), plain(ours.get_config())
    if a != b:
        keys = [k for k in {**a, **b} if a.get(k, "absent") != b.get(k, "absent")]
        for k in keys:
            yield f"config[{k}]", a.get(k, "absent"), b.get(k, "absent")

    wa = [(w.path.partition("/")[2], tuple(w.shape), str(w.dtype), w.trainable) for w in theirs.weights]
    wb = [(w.path.partition("/")[2], tuple(w.shape), str(w.dtype), w.trainable) for w in ours.weights]
    if wa != wb:
        yield "weights", wa, wb
        if [w[1] for w in wa] != [w[1] for w in wb]:
            return
    values = [np.abs(f(*w.shape)) + 0.1 if "variance" in w.path or "stddev" in w.path else (f(*w.shape) * 0.5).astype(str(w.dtype)) for w in theirs.weights]
    theirs.set_weights(values)
    ours.set_weights(values)
    for layer in (theirs, ours):
        if getattr(layer, "stateful", False):
            layer.reset_state()

    def compare(what, left, right):
        left, right = one(left), flat(right)
        if len(left) != len(right):
            yield f"{what}: number", len(left), len(right)
            return
        for i, (u, v) in enumerate(zip(left, right)):
            if u is None or v is None:
                if (u is None) != (v is None):
                    yield f"{what}[{i}]", u, v
            elif u.shape != v.shape or u.dtype.name != v.dtype.name:
                yield f"{what}[{i}]", (u.shape, u.dtype.name), (v.shape, v.dtype.name)
            elif u.dtype.kind in "SU" or u.dtype == object:
                if not (u == v).all():
                    yield f"{what}[{i}]", u.tolist(), v.tolist()
            else:
                tolerance = 2e-2 if u.dtype.name in ("float16", "bfloat16") else case.tolerance
                worst = np.abs(u.astype("float64") - v.astype("float64")).max() if u.size else 0.0
                scale = max(1.0, np.abs(u.astype("float64")).max() if u.size else 1.0)
                if not worst <= tolerance * scale:
                    yield f"{what}[{i}]", f"max difference {worst:.2g} at scale {scale:.2g}", ""

    for i in range(case.calls):
        left, right = theirs(*positional, **case.call), ours(*positional, **case.call)
        yield from compare("output" if not i else f"output of call {i}", left, right)
    masks = [getattr(v, "_keras_mask", None) for v in keras.tree.flatten(left)], [get_mask(v) for v in ph.tree.flatten(right)]
    yield from compare("mask", *masks)
    if case.training and "training" not in case.call:
        try:
            left = theirs(*positional, training=True, **case.call)
        except TypeError:
            left = None
        if left is not None:
            right = ours(*positional, training=True, **case.call)
            yield from compare("output in training", left, right)
            yield from compare("weights after training", theirs.get_weights(), ours.get_weights())
    theirs.set_weights(values)
    ours.set_weights(values)

    la, lb = [float(v) for v in theirs.losses], [float(v) for v in ours.losses]
    if len(la) != len(lb) or not np.allclose(la, lb, rtol=1e-4, atol=1e-5):
        yield "losses", la, lb

    shapes = keras.tree.map_structure(lambda v: v.shape, case.x)
    try:
        given = shapes if isinstance(case.x, tuple) else (shapes,)
        left, right = theirs.compute_output_shape(*given), ours.compute_output_shape(*given)
        if keras.tree.flatten(left) != keras.tree.flatten(right):
            yield "compute_output_shape", left, right
    except NotImplementedError:
        pass

    if case.unknown is not None:

        def symbolic(lib):
            def make(v):
                batch = v.shape[0] if case.batch else None
                return lib.KerasTensor((batch, *(None if i in case.unknown else d for i, d in enumerate(v.shape[1:], 1))), dtype=str(v.dtype))

            layer = getattr(lib.layers, case.name)(**case.arguments(lib))
            args = [make(v) if isinstance(v, np.ndarray) else [make(w) for w in v] for v in positional]
            call = {k: make(v) if isinstance(v, np.ndarray) else v for k, v in case.call.items()}
            out = layer(*args, **call)
            return [None if v is None else (tuple(v.shape), str(v.dtype)) for v in lib.tree.flatten(out)]

        try:
            left = symbolic(keras)
        except Exception as error:  # noqa: BLE001
            left = f"{type(error).__name__}"
        try:
            right = symbolic(ph)
        except Exception as error:  # noqa: BLE001
            right = f"{type(error).__name__}: {error}"
        if left != right and not isinstance(left, str):
            yield "symbolic", left, right

    again = getattr(ph.layers, case.name).from_config(ours.get_config())
    again(*positional, **case.call)
    if [w.shape for w in again.weights] == [w.shape for w in ours.weights]:
        again.set_weights(values)
        mine, other = flat(ours(*positional, **case.call)), flat(again(*positional, **case.call))
        if case.calls == 1 and not all(u is v or np.array_equal(u, v) for u, v in zip(mine, other)):
            yield "from_config", "equal outputs", "different outputs"
    else:
        yield "from_config", [w.shape for w in ours.weights], [w.shape for w in again.weights]
    if json.loads(json.dumps(again.get_config(), default=str)) != json.loads(json.dumps(ours.get_config(), default=str)):
        yield "config of the copy", ours.get_config(), again.get_config()
    # a config that Keras wrote makes our layer, and the other way round
    try:
        theirs.__class__.from_config(plain(ours.get_config()))
    except Exception as error:  # noqa: BLE001
        yield "Keras reads our config", "", f"{type(error).__name__}: {error}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-k", default="", help="only cases whose class or group contains this")
    parser.add_argument("-v", action="store_true", help="name every case")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    count, bad, explained = 0, 0, 0
    seen = set()
    for group in layer_cases.GROUPS:
        for case in group():
            if options.k.lower() not in case.name.lower() and options.k != group.__name__:
                continue
            seen.add(case.name)
            if not hasattr(ph.layers, case.name):
                print(f"{case.name}: not in pronghorn")
                bad += 1
                continue
            count += 1
            if options.v:
                print(case, flush=True)
            try:
                found = list(differences(case))
            except Exception as error:  # noqa: BLE001
                found = [("error", "", f"{type(error).__name__}: {str(error)[:300]}")]
                if options.v:
                    import traceback

                    traceback.print_exc()
            for what, theirs, ours in found:
                if (case.name, what) in EXPLAINED or ("*", what) in EXPLAINED:
                    explained += 1
                    continue
                bad += 1
                print(f"{case}\n    {what}\n      Keras     {str(theirs)[:400]}\n      pronghorn {str(ours)[:400]}")
    print(f"{count} cases of {len(seen)} layers: {bad} differences, {explained} explained.")
    for (name, what), reason in EXPLAINED.items():
        print(f"  {name}, {what}: {reason}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
