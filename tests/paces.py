"""The pace of a model in tests: given, because each process and home would try it for seconds."""

from engine.vision.models import pace
from engine.vision.models.classifier import Classifier
from engine.vision.models.pace import Pace, Use
from tests.homes import SECONDS

SMALL = 64  # pixels a side; batches of a larger model take long
tried = pace.try_paces


def fixed_pace(model: Classifier, use: Use, formats: tuple[bool, ...] = (True, False)) -> Pace:
    """What stands in for `try_paces`."""
    return Pace(16 if model.side <= SMALL else 4, formats[0], use, SECONDS)
