"""Drift monitor: betting against "kernels pass as predicted" and "certificates hold".

For each kind two hypotheses are tested at once with every call that the selector decides on
evidence: the first kernel is accepted with at least the predicted probability, and no two
bounds contradict each other. Wealth of a gambler who bets against a hypothesis is a nonnegative
supermartingale while it holds, so that it ever reaches 1/alpha has a chance of at most
alpha (Ville, 1939), at whatever call one looks: anytime-valid (Shafer, 2021; Waudby-Smith and Ramdas, 2024).
An alarm is a ledger entry; the route changes only where the policy is adaptive.
"""

from __future__ import annotations

import threading

__all__ = ["ALPHA", "HOLDS", "MONITOR", "PASSES", "Monitor", "Wealth"]

# Chance of a false alarm in the life of a process, for each kind and hypothesis.
ALPHA = 0.01

PASSES = "the first kernel passes as predicted"
HOLDS = "bounds do not contradict each other"

# Contradictions that the second hypothesis grants: an estimated bound is no proof
# (Higham, 2002, section 15.3: estimators fail by more than the safety factor very rarely).
CONTRADICTION_RATE = 1e-3

# Shares of their wealth that gamblers stake at each call: together they need no tuning to the size of the drift.
_STAKES = (0.02, 0.1, 0.3, 0.6)


class Wealth:
    """Gamblers against "success has at least the stated probability".

    They enter one after the other: at call t the share 1/(t + 1) of the reserve is staked anew. The sum remains
    a supermartingale that starts at 1, and a drift after thousands of good calls still meets gamblers with money.
    """

    __slots__ = ("alarm", "calls", "parts", "reserve")

    def __init__(self) -> None:
        self.parts = [0.0] * len(_STAKES)
        self.reserve = 1.0
        self.calls = 0
        self.alarm = False

    @property
    def value(self) -> float:
        """The e-value: at least 1/alpha with a chance of at most alpha."""
        return self.reserve + sum(self.parts)

    def observe(self, probability: float, success: bool) -> float:
        """One outcome whose success had at least `probability`, as was said before it was seen."""
        if not 0.0 < probability < 1.0:
            return self.value
        self.calls += 1
        entering = self.reserve / (self.calls + 1.0)
        self.reserve -= entering
        # Staking a share s: times 1 - s on success, 1 + s p / (1 - p) on failure; mean at most 1.
        gain = -1.0 if success else probability / (1.0 - probability)
        share = entering / len(_STAKES)
        self.parts = [(part + share) * (1.0 + stake * gain) for part, stake in zip(self.parts, _STAKES, strict=True)]
        return self.value


class Monitor:
    """The wealth of the gamblers, by kind and hypothesis; thread-safe."""

    def __init__(self, alpha: float = ALPHA) -> None:
        self.alpha = alpha
        self._wealth: dict[tuple[str, str], Wealth] = {}
        self._lock = threading.Lock()

    def observe(self, kind: str, hypothesis: str, probability: float, success: bool) -> float | None:
        """One outcome; gives the e-value if it raises the alarm now, else None."""
        with self._lock:
            wealth = self._wealth.get((kind, hypothesis))
            if wealth is None:
                wealth = self._wealth[kind, hypothesis] = Wealth()
            value = wealth.observe(probability, success)
            if value >= 1.0 / self.alpha and not wealth.alarm:
                wealth.alarm = True
                return value
        return None

    def alarmed(self, kind: str) -> bool:
        """Whether an alarm was raised for `kind`."""
        return any((w := self._wealth.get((kind, h))) is not None and w.alarm for h in (PASSES, HOLDS))

    def e_value(self, kind: str, hypothesis: str) -> float:
        """Evidence against a hypothesis so far; 1 before anything was seen."""
        wealth = self._wealth.get((kind, hypothesis))
        return 1.0 if wealth is None else wealth.value

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._wealth.clear()


MONITOR = Monitor()
