"""Training beside Keras: every scenario runs on both and must give the same numbers, names and order.

python3 dev.py run bench python benchmarks/peers/training.py [NAME ...]
"""

import sys

import numpy as np
import training_settings
import training_steps
from training_common import SCENARIOS, keras

import pronghorn as ph

__all__ = ["training_settings", "training_steps"]  # their scenarios are on the list once they are imported

#: differences that are meant: scenario -> why
EXPLAINED = {
    "some_outputs_without_loss": "a dict of losses may leave outputs out here; Keras wants an entry for each",
    "scaled_in_files": "the loss scaling that compile() adds is named in the file, which holds its state; Keras names the optimizer alone",
    "pydataset": "on_epoch_end is called once per epoch here; Keras calls it once more",
    "hooks_of_executions": "the last, shorter group ends at its last batch here; predict() has hooks for each batch here",
}
IGNORED = (".module", ".registered_name", ".jit_compile", ".optimizer.config.name")  # Keras names its modules of one backend; files here name none


def same(a, b, path=""):
    """Return where two results differ."""
    if hasattr(a, "numpy"):
        a = a.numpy()
    if hasattr(b, "numpy"):
        b = b.numpy()
    if isinstance(a, dict) and isinstance(b, dict):
        if list(a) != list(b):
            return [f"{path}: keys {list(a)} != {list(b)}"]
        return [d for key in a for d in same(a[key], b[key], f"{path}.{key}")]
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        if len(a) != len(b):
            return [f"{path}: {len(a)} items {str(a)[:300]} != {len(b)} items {str(b)[:300]}"]
        return [d for i, (v, w) in enumerate(zip(a, b)) for d in same(v, w, f"{path}[{i}]")]
    if isinstance(a, (float, int, np.ndarray, np.generic)) and isinstance(b, (float, int, np.ndarray, np.generic)):
        if np.shape(a) != np.shape(b) or not np.allclose(a, b, rtol=2e-3, atol=2e-4, equal_nan=True):
            return [f"{path}: {a} != {b}"]
        return []
    if path.endswith(IGNORED):
        return []
    return [] if a == b or str(a).replace("keras.src", "keras") == str(b) else [f"{path}: {a!r} != {b!r}"]


def main(names):
    failed = 0
    for name in names or SCENARIOS:
        got = []
        for k in (keras, ph):
            try:
                got.append(SCENARIOS[name](k))
            except Exception as error:  # noqa: BLE001
                got.append(f"{type(error).__name__}: {error}"[:300])
        found = same(*got)
        why = EXPLAINED.get(name)
        if isinstance(got[0], str) and "Error" in got[0] and not isinstance(got[1], str):
            why = why or f"Keras fails: {got[0][:100]!r}"
        failed += bool(found) and why is None
        print(f"{name:28s} {'same' if not found else why or 'DIFFERENT (keras != pronghorn)'}")
        for line in found[:6] if why is None else []:
            print("    ", line[:600])
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
