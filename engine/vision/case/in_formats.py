"""What a model says of one picture when it is read in several input formats."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from engine.core.borrow import borrowed
from engine.core.errors import BadModel
from engine.vision.images import Crop, Picture, square
from engine.vision.models.classifier import Classifier
from engine.vision.models.input_format import InputFormat, in_format_of


@dataclass(frozen=True)
class FormatAnswer:
    """The class that a model sees first in one format.

    Args:
        format: how it was given the picture.
        label: of the class.
        probability: of it, from 0 to 1.
    """

    format: InputFormat
    label: str
    probability: float


def answers_in_formats(
    model: Classifier, picture: Picture, crop: Crop, formats: Iterable[InputFormat]
) -> list[FormatAnswer]:
    """One forward pass in each format that the network takes, in their order."""
    answers = []
    with borrowed(model):
        for input_format in formats:
            try:
                format_model = in_format_of(model, input_format)
            except BadModel:
                continue
            pixels = torch.from_numpy(square(picture, crop, input_format.side))[None]
            with torch.inference_mode():
                logits = format_model(pixels.to(model.device))
                shares = model.probabilities(logits)[0].cpu()
            best = int(shares.argmax())
            answers.append(FormatAnswer(input_format, model.labels[best], float(shares[best])))
    return answers
