"""Sending results to a server."""

import json
import warnings
from typing import Any

import numpy as np

from pronghorn.callbacks.callback import Callback


class RemoteMonitor(Callback):
    """Sends the results of each epoch to a server by HTTP POST.

    A server that cannot be reached, or refuses, costs a warning and never the training.

    Args:
        root: address of the server, with `http://` or `https://`.
        path: path on the server.
        field: name of the form field that holds the JSON; unused with `send_as_json`.
        headers: further headers.
        send_as_json: whether the request's body is the JSON itself.

    Raises:
        ValueError: `root` is no web address.

    Example:
        >>> RemoteMonitor("http://localhost:9000").path
        '/publish/epoch/end/'
    """

    #: seconds to wait for the server
    timeout = 10.0

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ):
        super().__init__()
        if not root.startswith(("http://", "https://")):
            raise ValueError(f"RemoteMonitor: root must begin with http:// or https://; received {root!r}.")
        self.root, self.path, self.field, self.headers, self.send_as_json = root, path, field, headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Send the results."""
        from http.client import HTTPException
        from urllib.parse import urlencode
        from urllib.request import Request, urlopen

        text = json.dumps({"epoch": epoch} | {k: _plain(v) for k, v in (logs or {}).items()})
        body = text if self.send_as_json else urlencode({self.field: text})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        try:
            request = Request(self.root + self.path, body.encode(), {"Content-Type": kind} | (self.headers or {}), method="POST")
            urlopen(request, timeout=self.timeout).close()
        except (OSError, HTTPException, ValueError) as error:
            warnings.warn(f"RemoteMonitor: results of epoch {epoch + 1} did not reach {self.root}: {error}", stacklevel=2)


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    return value if array.dtype.kind in "USO" else array.tolist()
