"""The part of the contract that is not dispatched by operand: creation, conversion, control flow, functions of functions."""

# -- without a tensor operand: these go to the active engine ------------------------------------------------------------------------------------
#: name -> (parameters, meaning)
CREATION = {
    "convert_to_tensor": (
        ("x", "dtype"),
        "A native tensor holding the array `x`, whose dtype is already `dtype`; never shares memory that the caller "
        "may change.",
    ),
    "full": (("shape", "fill_value", "dtype"), "A tensor filled with one Python number."),
    "arange": (("start", "stop", "step", "dtype"), "Evenly spaced numbers from start up to, not including, stop."),
}
#: operands of these are native, but they are no ops: no dispatch, no promotion
CONVERSION = {
    "convert_to_numpy": (("x",), "The values as a NumPy array (bfloat16 through ml_dtypes), waiting for the device."),
    "shape": (("x",), "The shape as a tuple of ints, with the engine's own scalars for sizes unknown while tracing."),
}
#: control flow on native tensors; functions get and return nests of native tensors
CONTROL = {
    "cond": (("pred", "true_fn", "false_fn"), "Result of one of two functions without arguments; `pred` is a scalar bool tensor."),
    "while_loop": (("cond", "body", "loop_vars", "maximum_iterations"), "Repeat `body` (tuple in, tuple out) while `cond` holds."),
    "scan": (
        ("f", "init", "xs", "length", "reverse", "unroll"),
        "Carry a state along the leading axis: `f(carry, x) -> (carry, y)`; returns the last carry and stacked "
        "ys.",
    ),
}
#: functions of functions, by capability
AUTODIFF = {
    "value_and_grad": (
        ("fn", "values"),
        "`fn(values) -> (scalar loss, aux)` and the list of its gradients (None where unconnected): `((loss, aux), "
        "gradients)`.",
    ),
    "custom_gradient": (("f",), "`f(*tensors) -> (output, grad_fn)` as a function with that gradient."),
    "vectorized_map": (("function", "elements"), "`function` applied to each slice along the leading axis of a nest."),
    "jvp": (("fn", "primals", "tangents"), "Value of `fn(*primals)` and its directional derivative."),
}
NATIVE_RNG = {"random_bits": (("shape", "key"), "int32 random bits from the engine's own generator; key is a pair of int32 scalar tensors.")}
