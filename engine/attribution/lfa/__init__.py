"""Local function approximation: eight explainers as one."""

from engine.attribution.lfa.methods import LFA, MOST, ROWS, LocalModel

__all__ = ["LFA", "MOST", "ROWS", "LocalModel"]
