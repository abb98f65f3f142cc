"""Experiments on what moves the answers of a language model: simulations on tiny models."""

from engine.evaluation.experiment import Experiment
from engine.hallucination.experiments.audit import VisualAudit
from engine.hallucination.experiments.image_rerouting import ImageRerouting
from engine.hallucination.experiments.refusal import RefusalAudit

EXPERIMENTS: tuple[type[Experiment], ...] = (VisualAudit, RefusalAudit, ImageRerouting)

__all__ = ["EXPERIMENTS", "ImageRerouting", "RefusalAudit", "VisualAudit"]
