"""Experiments on what moves the answers of a vision-language model: simulations on TinyVLM."""

from engine.experiment import Experiment
from engine.hallucination.experiments.audit import VisualAudit

EXPERIMENTS: tuple[type[Experiment], ...] = (VisualAudit,)

__all__ = ["EXPERIMENTS", "VisualAudit"]
