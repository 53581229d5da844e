"""What is to be known of a layer class once: the arguments of its `call` and `build`."""

import inspect
from typing import Any

_EMPTY = inspect.Parameter.empty
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _parameters(fn: Any) -> list[inspect.Parameter]:
    """Parameters of an unbound method without `self`."""
    return list(inspect.signature(fn).parameters.values())[1:]


class CallInfo:
    """Signature facts of one layer class.

    Attributes:
        names: positional parameters of `call`, in order.
        accepted: every named parameter of `call`.
        any_keyword: whether `call` takes `**kwargs`.
        training_default: default of `training`, None where there is none.
        build_names: parameters of an own `build`; None where the class keeps the default one.
        init_names: named parameters of `__init__`; None where it takes `**kwargs`.
    """

    __slots__ = ("names", "accepted", "any_keyword", "any_positional", "has_training", "training_default", "mask_names", "build_names", "init_names")

    def __init__(self, cls: type, default_build: tuple[Any, ...]):
        params = _parameters(cls.call)  # type: ignore[attr-defined]
        self.names = [p.name for p in params if p.kind in _POSITIONAL]
        self.accepted = {p.name for p in params if p.kind in (*_POSITIONAL, p.KEYWORD_ONLY)}
        self.any_keyword = any(p.kind is p.VAR_KEYWORD for p in params)
        self.any_positional = any(p.kind is p.VAR_POSITIONAL for p in params)
        self.has_training = "training" in self.accepted
        defaults = {p.name: p.default for p in params}
        found = defaults.get("training", None)
        self.training_default = None if found is _EMPTY else found
        self.mask_names = [n for n in self.accepted if n == "mask" or n.endswith("_mask")]
        build = cls.build  # type: ignore[attr-defined]
        if build in default_build:
            self.build_names = None
        else:
            self.build_names = [p.name for p in _parameters(build) if p.kind in (*_POSITIONAL, p.KEYWORD_ONLY)]
        init = _parameters(cls.__init__)  # type: ignore[misc]
        self.init_names = None if any(p.kind is p.VAR_KEYWORD for p in init) else {p.name for p in init}

    def bind(self, layer: Any, args: tuple, kwargs: dict) -> dict[str, Any]:
        """Return the call's arguments by name; raise `TypeError` for those that `call` does not take."""
        if len(args) > len(self.names) and not self.any_positional:
            raise TypeError(f"{type(layer).__name__}.call() takes {len(self.names)} positional arguments ({', '.join(self.names)}); received {len(args)}.")
        named = dict(zip(self.names, args, strict=False))
        for key, value in kwargs.items():
            if key in named:
                raise TypeError(f"{type(layer).__name__}.call() got the argument {key!r} twice.")
            if key not in self.accepted and not self.any_keyword and key not in ("training", "mask"):
                from pronghorn.backend.errors import closest

                raise TypeError(f"{type(layer).__name__}.call() has no argument {key!r}.{closest(key, self.accepted)} Arguments: {', '.join(self.names)}.")
            named[key] = value
        return named


_INFO: dict[type, CallInfo] = {}


def call_info(cls: type) -> CallInfo:
    """Return the facts of a layer class, inspected at first use."""
    try:
        return _INFO[cls]
    except KeyError:
        from pronghorn.layers.layer import Layer

        defaults = tuple(c.__dict__["build"] for c in cls.__mro__ if c.__dict__.get("_default_build"))
        info = _INFO[cls] = CallInfo(cls, (Layer.build, *defaults))
        return info
