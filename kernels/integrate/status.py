"""How a call of a compiled step loop ended."""

__all__ = ["CALLBACK_FAILED", "DONE", "MORE", "TOO_SMALL"]

MORE, DONE, TOO_SMALL, CALLBACK_FAILED = range(4)
