"""Local function approximation: eight explainers as one."""

from engine.attribution.lfa.experiments import LFAExperiments
from engine.attribution.lfa.methods import LFA, MOST, ROWS, LocalModel
from engine.attribution.lfa.neighborhoods import NEIGHBORHOODS

ADDED = tuple(name for name, row in NEIGHBORHOODS.items() if not row.multiplied)

__all__ = ["ADDED", "LFA", "MOST", "ROWS", "LFAExperiments", "LocalModel"]
