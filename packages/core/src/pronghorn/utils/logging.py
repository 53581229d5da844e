"""Whether progress is shown interactively, and forgetting what a session made."""


class _Logging:
    interactive = True


def enable_interactive_logging() -> None:
    """Show progress bars (the default)."""
    _Logging.interactive = True


def disable_interactive_logging() -> None:
    """Show a line per epoch instead of progress bars."""
    _Logging.interactive = False


def is_interactive_logging_enabled() -> bool:
    """Tell whether progress bars are shown.

    Example:
        >>> is_interactive_logging_enabled()
        True
    """
    return _Logging.interactive


def clear_session(free_memory: bool = True) -> None:
    """Restart automatic names (`dense`, `dense_1`, ...) and free what engines cache."""
    from pronghorn.backend.registry import LOADED
    from pronghorn.state.naming import reset_names

    reset_names()
    if free_memory:
        import gc

        gc.collect()
        for backend in list(LOADED.values()):
            backend.memory_cleanup()
