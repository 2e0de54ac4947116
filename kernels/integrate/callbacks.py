"""What compiled loops and those who call them need of a user's callback; `adapters` makes it.

`adapters` is bound as a module: the cache of a compiled loop depends on every kernel source that the loop's file
imports by name, and nothing of that one is compiled into a loop.
"""

from __future__ import annotations

from typing import TypeAlias

import fsci.kernels.integrate.adapters as adapters
from fsci.kernels.integrate.code_addresses import CALLBACK, POINTER

__all__ = ["CALLBACK", "POINTER", "RAISED", "WRONG_LENGTH", "Callback", "captured", "flattened", "rhs_of"]

Callback: TypeAlias = adapters.Callback
flattened, rhs_of = adapters.flattened, adapters.rhs_of
RAISED, WRONG_LENGTH = adapters.RAISED, adapters.WRONG_LENGTH
captured, _arity = adapters.captured, adapters._arity
_captured = captured
