"""The one import of openvino.

On import openvino reports to its maker from a process that it forks. A fork of a process in which other engines have threads can hang, and nobody who
chose an engine asked for the report; openvino does without where its telemetry package is missing, so it is out of sight meanwhile.
"""

import sys

_hide = "openvino_telemetry" not in sys.modules
if _hide:
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
try:
    import openvino as ov
    import openvino.opset15 as o
finally:
    if _hide:
        del sys.modules["openvino_telemetry"]

__all__ = ["o", "ov"]
