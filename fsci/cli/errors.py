"""What the command line says in one line and without a traceback."""

__all__ = ["InputError"]


class InputError(Exception):
    """An input that the user named is missing, malformed or of the wrong shape."""
