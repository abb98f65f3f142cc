"""Measures of explanations: numbers that say how far a map can be trusted."""

from engine.evaluation.measures.localization import Located, located

__all__ = ["Located", "located"]
