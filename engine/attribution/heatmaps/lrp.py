"""LRP, layer-wise relevance propagation: the score, shared out layer by layer down to the pixels.

The logit is the relevance of the output. Every layer hands the relevance of its outputs to its
inputs in proportion to what they contributed, by the rules of `relevance.py`.
Nothing is lost on the way but what biases and ε take up; without both the map adds up to the logit.

Relevance is read where the network receives the image, after normalization, so that a pixel of the
mean color has none under the ε rule. Networks that multiply values of the image with each other
(gates, attention, layer normalization) are refused, as by DeepLIFT.

Bach et al., "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance
Propagation" (2015), https://doi.org/10.1371/journal.pone.0130140
Montavon et al., "Layer-Wise Relevance Propagation: An Overview" (2019),
https://doi.org/10.1007/978-3-030-28954-6_10
"""

from dataclasses import dataclass

import numpy as np
import torch

from engine.attribution.heatmaps.relevance import Propagating
from engine.core.errors import DoesNotFit
from engine.core.method import Choice, Method, Progress, Slider, quiet, setting
from engine.core.result import Result, Scores
from engine.evaluation.maps.gradient import CHANNELS, CHANNELS_HELP, pixel_map
from engine.vision.case import ImageCase
from engine.vision.models.operations import LINEAR, MAX_POOLS, operation_names, operations

CONSERVED = ("sum of the map", "score")


@dataclass(frozen=True)
class Lrp(Method[ImageCase]):
    """How the score is shared out among the pixels, layer by layer.

    Each layer passes the score on to its inputs in proportion to what they contributed. Orange
    pixels speak for the class, blue ones against it. One unit is one logit. Biases and ε keep a
    part of the score, so the map adds up to less or more than the logit; both numbers stand below
    the map. The rules are conventions: "epsilon" alone shows every contribution and is noisy,
    "epsilon-gamma-box" favors what agrees with a layer's output and draws whole objects. Removing
    a pixel need not change the score by its value.
    """

    name = "Lrp"
    family = "attribution"
    title = "LRP"
    cost = "live"
    paper = "Bach et al. 2015, https://doi.org/10.1371/journal.pone.0130140"
    needs = frozenset({"gradient", "rescale"})
    proof = "tests/engine/attribution/test_lrp.py::test_two_layers_worked_out_by_hand"

    rules: str = setting(
        "epsilon-gamma-box",
        Choice(("epsilon-gamma-box", "epsilon")),
        "Rules",
        "ε in linear layers, γ in convolutions and z^B at the pixels; or ε in every layer.",
    )
    epsilon: float = setting(
        1e-6,
        Slider(1e-7, 1.0, step=1e-7, log=True),
        "ε",
        "Added to the size of each output before it is shared out; more drops weak contributions.",
    )
    gamma: float = setting(
        0.25,
        Slider(0.0, 2.0, step=0.05),
        "γ",
        "How much more contributions count that have the sign of a convolution's output.",
    )
    channels: str = setting("signed", CHANNELS, "Channels", CHANNELS_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map and conservation (its sum beside the score), in logits."""
        box = self.rules == "epsilon-gamma-box"
        image = case.image
        # z^B needs the lowest and highest pixels as the first layer sees them: normalized too
        batch = [image, torch.zeros_like(image), torch.ones_like(image)] if box else [image]
        memory_format = case.model.pace("exact").memory_format
        pixels = torch.stack(batch).to(case.model.device, memory_format=memory_format)
        pixels = pixels.detach().requires_grad_()
        with Propagating(self.epsilon, self.gamma if box else None, box=box):
            logits = case.model(pixels)
        progress(0.5, "one forward pass")
        score = case.target.as_logit(logits).of(logits)[0]
        if odd := operations(score) - LINEAR - MAX_POOLS - {"Ruled"}:
            raise DoesNotFit(
                f"{self.title}: it needs rules for {operation_names(odd)}, and has none."
            )
        (slopes,) = torch.autograd.grad(score, pixels)
        # slopes with respect to pixels hold the 1 / std of the normalization, hence x − mean and
        # not x; z^B adds the parts of l and h, which are the batch's other two
        relevance = ((pixels.detach() - case.model.mean) * slopes).sum(0).cpu()
        progress(1.0, "one backward pass by the rules")
        sums = np.array([relevance.double().sum(), score.detach().cpu()], np.float32)
        return {
            "map": pixel_map(relevance, self.channels, "logit"),
            "conservation": Scores(sums, CONSERVED, "logit"),
        }
