"""The one model and photograph that everything is timed on."""

from copy import deepcopy
from dataclasses import replace
from functools import cache

import timm
import torch
from torch import Tensor, nn

from engine.core.device import finish
from engine.core.method import Precision
from engine.core.result import Scores
from engine.vision.case import ImageCase, image_case
from engine.vision.case.prediction import top_classes
from engine.vision.case.target import Target
from engine.vision.images import Crop
from engine.vision.images.samples import sample
from engine.vision.models.catalog import load
from engine.vision.models.classifier import Classifier
from engine.vision.models.compiled import can_compile


@cache
def case(precision: Precision = "exact") -> ImageCase:
    """EfficientNet-Lite0 on scikit-image's cat, about its first class; it stays uncompiled."""
    model = load("lite0")
    model.runner(precision).stay()
    model.differentiable(1).stay()
    question = image_case(model, sample("chelsea"), Crop(), Target(0))
    values = model.logits(question.image[None]).softmax(1)[0].numpy()
    top = top_classes(Scores(values, model.labels, "probability"), 1)[0][0]
    return image_case(model, sample("chelsea"), Crop(), Target(top), precision)


@cache
def compiled(precision: Precision = "exact") -> ImageCase | None:
    """The same question for a model that is compiled already; None where that cannot be done."""
    question = case(precision)
    model = deepcopy(question.model)
    if not can_compile(model.device) or not model.runner(precision).compile():
        return None
    return replace(question, model=model)


class Normalized(nn.Module):
    """The same network as people wrap it for captum: normalization, then timm's model."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of pixels in [0, 1]."""
        logits: Tensor = self.network((pixels - 0.5) / 0.5)
        return logits


@cache
def plain(channels_last: bool = False) -> Normalized:
    """A second copy of the network, contiguous as timm gives it, or channels_last."""
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    network.load_state_dict(load("lite0").network.state_dict())
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    return Normalized(network).eval()


def forwards(count: int, precision: Precision = "exact", model: Classifier | None = None) -> None:
    """As many forward passes as a method needs, at the model's best pace, and nothing else."""
    model = model or case().model
    pace = model.pace(precision)
    run = model.runner(precision)
    batch = torch.rand(pace.batch, *case().image.shape, generator=torch.Generator().manual_seed(0))
    batch = batch.to(pace.dtype).contiguous(memory_format=pace.memory_format)
    with torch.inference_mode():
        for start in range(0, count, pace.batch):
            run(batch[: min(pace.batch, count - start)])
    finish(model.device)
