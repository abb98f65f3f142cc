"""Why a question about two classes cannot be asked of a model that has only one."""

from engine.core.errors import DoesNotFit
from engine.vision.models.classifier import Classifier


def refuse_one_class(model: Classifier, so: str = "it cannot be made to say another") -> None:
    """Raise DoesNotFit when a model has no other class.

    Args:
        model: the classifier.
        so: what is impossible for that reason, as the end of the sentence.
    """
    if len(model.labels) < 2:
        raise DoesNotFit(f"{model.title} has one class only: {so}.")
