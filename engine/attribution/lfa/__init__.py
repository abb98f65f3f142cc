"""Local function approximation: eight explainers as one."""

from engine.attribution.lfa.methods import LFA, ROWS, LocalModel

__all__ = ["LFA", "ROWS", "LocalModel"]
