"""DeepLIFT, rescale rule: the score's difference from the baseline, handed down to the pixels.

a = (x − b) ⊙ m, where m is carried back like a gradient, but every activation counts by Δout/Δin
between image and baseline (`rescale.py`). Then Σ a = f(x) − f(b) exactly, from one
forward and one backward pass. The score is read as a logit: the paper advises so, because a softmax
would push the differences of all classes into each other.

The rule covers sums, convolutions, batch normalization in eval mode, pooling and activations of one
input. Gates, attention and layer normalization multiply values of the image with each other;
there the rule has nothing to say and the method refuses, where captum would silently take
gradients (as it does at the ReLU6 of EfficientNet-Lite0).

On networks with max pools captum 0.9 gives another map, though its rule for the pool is the same:
a rise goes to the image's largest pixel, a fall to the baseline's. Where one nonlinear module
directly follows another (ReLU, then max pool), captum's first module is handed the plain gradient
of the second instead of its Δout/Δin, and where windows of a pool overlap, only one window's share
is kept. Its map then misses f(x) − f(b). With a step between the two the maps agree; a test holds
both.

Shrikumar, Greenside and Kundaje, "Learning Important Features Through Propagating Activation
Differences" (2017), https://arxiv.org/abs/1704.02685
"""

from dataclasses import dataclass

import torch

from engine.attribution.heatmaps.integrated_gradients import BASELINE, BASELINE_HELP, completeness
from engine.attribution.heatmaps.rescale import Rescaling
from engine.core.errors import DoesNotFit
from engine.core.method import Method, Progress, quiet, setting
from engine.core.result import Result
from engine.evaluation.maps.gradient import CHANNELS, CHANNELS_HELP, pixel_map
from engine.vision.case import ImageCase
from engine.vision.models.operations import LINEAR, operation_names, operations

RULES = frozenset({"RescaledActivation", "RescaledMaxPool"})


@dataclass(frozen=True)
class DeepLift(Method[ImageCase]):
    """How the score's difference from "nothing there" is shared out among the pixels.

    Image and baseline run through the network side by side, and each unit's difference is passed
    down to what made it. Orange pixels raise the score, blue ones lower it. One unit is one logit,
    and all pixels together make up exactly the image's logit minus the baseline's; the two
    numbers below the map show it. It is the sharing-out of one comparison: another baseline gives
    another map, and removing a pixel alone need not change the score by its value.
    """

    name = "DeepLift"
    family = "attribution"
    title = "DeepLIFT"
    cost = "live"
    paper = "Shrikumar et al. 2017, https://arxiv.org/abs/1704.02685"
    needs = frozenset({"gradient", "rescale"})
    proof = (
        "tests/engine/attribution/test_deep_lift.py"
        "::test_the_map_adds_up_to_the_difference_on_efficientnet_lite0"
    )

    baseline: str = setting("mean", BASELINE, "Baseline", BASELINE_HELP)
    channels: str = setting("signed", CHANNELS, "Channels", CHANNELS_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map and completeness (its sum beside the logit's difference), in logits."""
        pair = torch.stack([case.image, case.baseline(self.baseline)])
        memory_format = case.model.pace("exact").memory_format
        pixels = pair.to(case.model.device, memory_format=memory_format)
        pixels = pixels.detach().requires_grad_()
        with Rescaling():
            logits = case.model(pixels)
        progress(0.5, "image and baseline side by side")
        scores = case.target.as_logit(logits).of(logits)
        # read from the recorded graph, so that operations called as functions are found too
        if odd := operations(scores) - LINEAR - RULES:
            raise DoesNotFit(
                f"{self.title}: it needs rules for {operation_names(odd)}, and has none."
            )
        # the image's score alone: its ratios Δout/Δin hold the baseline already
        (slopes,) = torch.autograd.grad(scores[0], pixels)
        attribution = (pair[0] - pair[1]) * slopes[0].cpu()
        progress(1.0, "one backward pass by the rescale rule")
        return {
            "map": pixel_map(attribution, self.channels, "logit"),
            "completeness": completeness(attribution, scores.detach().cpu(), "logit"),
        }
