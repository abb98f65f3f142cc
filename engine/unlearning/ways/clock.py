"""The clock of the bills: it waits for the device, so that no work is left out of the seconds."""

from time import perf_counter

from engine.core.device import finish
from engine.vision.models.classifier import Classifier


def now(model: Classifier) -> float:
    """Seconds, once the model's device has done all that it was given."""
    finish(model.device)
    return perf_counter()
