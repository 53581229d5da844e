"""Mixed precision: computing in half precision on full-precision variables.

`set_global_policy("mixed_float16")` makes the layers created from then on compute in float16; `compile` then scales the loss, so that small gradients
survive. `"mixed_bfloat16"` needs no scaling.
"""

from pronghorn.dtype_policies import DTypePolicy, dtype_policy, set_dtype_policy
from pronghorn.optimizers.loss_scale import LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

__all__ = ["DTypePolicy", "LossScaleOptimizer", "Policy", "dtype_policy", "global_policy", "set_dtype_policy", "set_global_policy"]
