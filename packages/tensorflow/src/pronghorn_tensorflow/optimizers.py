"""Updating lists of variables in place with TensorFlow's fused training kernels."""

from typing import Any

import tensorflow as tf

from pronghorn.state.binding import STATE, writable
from pronghorn_tensorflow.support import raw

_KINDS = (tf.float32, tf.float64)


def _adam(v: Any, g: Any, slots: dict, i: int, c: dict) -> None:
    raw.ResourceApplyAdam(
        var=v.handle, m=slots["momentum"][i].handle, v=slots["velocity"][i].handle, beta1_power=c["power_1"], beta2_power=c["power_2"], lr=c["rate"],
        beta1=c["beta_1"], beta2=c["beta_2"], epsilon=c["epsilon"], grad=g,
    )  # fmt: skip


def _sgd(v: Any, g: Any, slots: dict, i: int, c: dict) -> None:
    if "momentum" not in slots:
        raw.ResourceApplyGradientDescent(var=v.handle, alpha=c["rate"], delta=g)
    else:
        raw.ResourceApplyKerasMomentum(
            var=v.handle, accum=slots["momentum"][i].handle, lr=c["rate"], grad=g, momentum=c["momentum"], use_nesterov=bool(c["nesterov"])
        )


def optimizer_update(kind: str, gradients: list, values: list, slots: dict, options: dict) -> tuple[list, dict] | None:
    """Update variables in place, one kernel each instead of ten; None where there is no such kernel.

    Values that are bound belong to somebody else and are not written to.
    """
    scope = STATE.scope
    if kind not in ("adam", "sgd") or not (scope is None or (type(scope) is writable and scope.outer is None)):
        return None
    slots = {n: vs for n, vs in slots.items() if vs and vs[0] is not None}
    if "velocity_hat" in slots:  # XLA does not have that kernel
        return None
    everything = [*values, *(s for vs in slots.values() for s in vs)]
    if not all(isinstance(v, tf.Variable) and v.dtype in _KINDS for v in everything):
        return None
    constants: dict[Any, dict] = {}
    update = _adam if kind == "adam" else _sgd
    for i, (v, g) in enumerate(zip(values, gradients, strict=True)):
        c = constants.get(v.dtype)
        if c is None:
            c = constants[v.dtype] = dict(options, rate=tf.cast(options["learning_rate"], v.dtype))
            if kind == "adam":
                step = tf.cast(options["iterations"], v.dtype) + 1.0
                c.update({f"power_{n}": tf.pow(tf.constant(options[f"beta_{n}"], v.dtype), step) for n in (1, 2)})
                c.update({name: tf.constant(options[name], v.dtype) for name in ("beta_1", "beta_2", "epsilon")})
            elif "momentum" in slots:
                c["momentum"] = tf.constant(options["momentum"], v.dtype)
        if options.get("weight_decay"):
            v.assign_sub(v * (c["rate"] * options["weight_decay"]), read_value=False)
        update(v, tf.cast(g, v.dtype), slots, i, c)
    return values, slots
