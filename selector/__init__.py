"""Decides: evidence, ranking, attempt, certificate, accept or escalate; calibration and its data."""

from fsci.selector.loop import run

__all__ = ["run"]
