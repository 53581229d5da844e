"""Dtype policies: in which dtype a layer computes and in which it keeps its variables."""

from collections.abc import MutableMapping
from typing import Any

from pronghorn.backend import dtypes
from pronghorn.backend.errors import closest
from pronghorn.backend.settings import SETTINGS

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}
_NAMES = (*_MIXED, *dtypes.ALL)


class DTypePolicy:
    """The dtype a layer computes in and the dtype of its variables.

    Args:
        name: a dtype name, which stands for both, or "mixed_float16" or "mixed_bfloat16", which compute in half precision on float32 variables.
            None for `floatx`.

    Raises:
        ValueError: the name is none of these.

    Example:
        >>> policy = DTypePolicy("mixed_bfloat16")
        >>> policy.compute_dtype, policy.variable_dtype
        ('bfloat16', 'float32')
    """

    quantization_mode = None

    def __init__(self, name: str | None = None):
        if name is None:
            name = SETTINGS.floatx
        if not isinstance(name, str):
            raise TypeError(f"DTypePolicy: name must be a string such as 'mixed_bfloat16'; received {name!r}.")
        if name in _MIXED:
            self._compute_dtype, self._variable_dtype = _MIXED[name], "float32"
        else:
            try:
                self._compute_dtype = self._variable_dtype = dtypes.standardize(name)
            except ValueError:
                raise ValueError(f"Unknown dtype policy {name!r}.{closest(name, _NAMES)} Known: {', '.join(_NAMES)}.") from None
        self._name = name

    @property
    def name(self) -> str:
        """Name of the policy."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """Dtype of the computation, to which float inputs are cast."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """Dtype of the variables."""
        return self._variable_dtype

    def convert_input(self, x: Any, autocast: bool, dtype: Any) -> Any:
        """Return host data or a tensor as a tensor, floats cast to `dtype` if `autocast`."""
        from pronghorn.ops.creation import cast, convert_to_tensor, dtype_of, is_tensor

        if not is_tensor(x) and not hasattr(x, "__array__"):
            return x
        if autocast and dtype_of(x) in dtypes.FLOAT:
            return cast(x, dtype)
        return convert_to_tensor(x)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal policy."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "DTypePolicy":
        """Return the policy that `get_config` described."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.get_config() == other.get_config()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), self._name))

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


class FloatDTypePolicy(DTypePolicy):
    """A `DTypePolicy` of floats; the older name."""


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Policies by layer path, exact or as a regular expression, with a default for the rest.

    Args:
        default_policy: policy of layers that are not listed; None for the global one.
        policy_map: path (or pattern that matches a whole path) → policy.

    Example:
        >>> policies = DTypePolicyMap("float32", {"head": "bfloat16"})
        >>> policies["head"].compute_dtype, policies["body"].compute_dtype
        ('bfloat16', 'float32')
    """

    def __init__(self, default_policy: Any = None, policy_map: dict[str, Any] | None = None):
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("DTypePolicyMap: default_policy cannot be a map itself.")
        self._given_default = default_policy
        self._default = get(default_policy)
        super().__init__(self._default.name)
        self._name = f"map_{self._default.name}"
        self._map = {k: get(v) for k, v in (policy_map or {}).items()}

    @property
    def default_policy(self) -> DTypePolicy:
        """Policy of layers that are not listed."""
        return self._default

    def __getitem__(self, key: str) -> DTypePolicy:
        import re

        if key in self._map:
            return self._map[key]
        found = [k for k in self._map if re.fullmatch(k, key)]
        if len(found) > 1:
            raise ValueError(f'DTypePolicyMap: the path "{key}" matches several patterns: {", ".join(found)}.')
        return self._map[found[0]] if found else self._default

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._map:
            raise ValueError(f'DTypePolicyMap: "{key}" is listed already, with {self._map[key].name}. Delete it first.')
        self._map[key] = get(policy)

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __contains__(self, key: object) -> bool:
        return key in self._map

    def __len__(self) -> int:
        return len(self._map)

    def __iter__(self) -> Any:
        return iter(self._map)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal map."""
        default = None if self._given_default is None else serialize(self._default)
        return {"default_policy": default, "policy_map": {k: serialize(v) for k, v in self._map.items()}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "DTypePolicyMap":
        """Return the map that `get_config` described."""
        return cls(config.get("default_policy"), config.get("policy_map"))


_CLASSES = {c.__name__: c for c in (DTypePolicy, FloatDTypePolicy, DTypePolicyMap)}
_GLOBAL: DTypePolicy | None = None


def dtype_policy() -> DTypePolicy:
    """Return the policy of layers that are made without one: what `set_dtype_policy` set, else that of `floatx`.

    Example:
        >>> dtype_policy().name
        'float32'
    """
    return _GLOBAL if _GLOBAL is not None else DTypePolicy(SETTINGS.floatx)


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers that are made from now on without one; None for that of `floatx`."""
    global _GLOBAL
    _GLOBAL = None if policy is None else get(policy)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Return a policy as a JSON-ready dict."""
    return {"module": "keras", "class_name": type(dtype_policy).__name__, "config": dtype_policy.get_config(), "registered_name": None}


def deserialize(config: Any, custom_objects: Any = None) -> DTypePolicy:
    """Return the policy that `serialize` described."""
    if not isinstance(config, dict):
        return get(config)
    name = config.get("class_name")
    if name not in _CLASSES:
        raise ValueError(f"Unknown dtype policy class {name!r}.{closest(name, _CLASSES)} Known: {', '.join(_CLASSES)}.")
    return _CLASSES[name].from_config(config.get("config", {}))


def get(identifier: Any) -> DTypePolicy:
    """Return a policy given as a policy, a name, a config, a dtype, or None for the global one.

    Example:
        >>> get("float16")
        <DTypePolicy "float16">
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    return DTypePolicy(identifier if isinstance(identifier, str) else dtypes.standardize(identifier))
