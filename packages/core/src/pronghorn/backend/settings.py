"""Process-wide settings: `floatx`, `epsilon`, the default image layout, and limits of training runs."""

_FLOATX_CHOICES = ("bfloat16", "float16", "float32", "float64")
_LAYOUTS = ("channels_first", "channels_last")


class _Settings:
    floatx = "float32"
    epsilon = 1e-7
    image_data_format = "channels_last"
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None


SETTINGS = _Settings()


def floatx() -> str:
    """Return the default float dtype, such as `"float32"`.

    Example:
        >>> floatx()
        'float32'
    """
    return SETTINGS.floatx


def set_floatx(value: str) -> None:
    """Set the default float dtype: one of bfloat16, float16, float32, float64.

    Raises:
        ValueError: if `value` is none of these.
    """
    if value not in _FLOATX_CHOICES:
        raise ValueError(f"set_floatx: expected one of {', '.join(_FLOATX_CHOICES)}; received {value!r}.")
    SETTINGS.floatx = str(value)


def epsilon() -> float:
    """Return the fuzz factor used where a division or logarithm must stay finite.

    Example:
        >>> epsilon()
        1e-07
    """
    return SETTINGS.epsilon


def set_epsilon(value: float) -> None:
    """Set the fuzz factor returned by `epsilon()`; must be a positive number."""
    if not isinstance(value, (int, float)) or not value > 0:
        raise ValueError(f"set_epsilon: expected a positive number; received {value!r}.")
    SETTINGS.epsilon = float(value)


def image_data_format() -> str:
    """Return the default layout of image tensors, `"channels_last"` or `"channels_first"`."""
    return SETTINGS.image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the default layout of image tensors."""
    SETTINGS.image_data_format = standardize_data_format(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """Return `data_format` in lower case, or the default layout when it is None."""
    if data_format is None:
        return SETTINGS.image_data_format
    name = str(data_format).lower()
    if name not in _LAYOUTS:
        raise ValueError(f'data_format must be "channels_last" or "channels_first"; received {data_format!r}.')
    return name


def max_epochs() -> int | None:
    """Return the limit on the epochs of every `fit`, None for no limit."""
    return SETTINGS.max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every `fit`, to try a program out quickly; None for no limit."""
    SETTINGS.max_epochs = _limit("set_max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """Return the limit on the steps of every epoch, evaluation and prediction, None for no limit."""
    return SETTINGS.max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the steps of every epoch, evaluation and prediction, to try a program out quickly; None for no limit."""
    SETTINGS.max_steps_per_epoch = _limit("set_max_steps_per_epoch", max_steps_per_epoch)


def _limit(what: str, value: int | None) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"{what}: expected an integer of 1 or more, or None; received {value!r}.")
    return value


def limited(value: int | None, limit: int | None) -> int | None:
    """Return the smaller of a number and a limit, either of which may be None."""
    return limit if value is None else value if limit is None else min(value, limit)
