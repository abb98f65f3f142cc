"""ODIN's step: each image is moved a little so that the model grows surer of what it sees.

    x̂ = x − ε sign ∇ₓ CE(f(x) / T, ĉ)

in pixels of [0, 1], so ε is a brightness; the libraries write the same step for normalized input
and divide by the deviation of each channel. A gradient of exactly zero moves nothing (OpenOOD
counts it as positive). Liang, Li and Srikant, "Enhancing the Reliability of Out-of-distribution
Image Detection in Neural Networks" (2018), https://arxiv.org/abs/1706.02690
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.borrow import borrowed
from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.result import Features, Floats, Result
from engine.evaluation.detection.case import DataCase
from engine.evaluation.detection.extract import key_of
from engine.evaluation.detection.rows import as_seen
from engine.vision.models.classifier import Classifier
from engine.vision.models.pace import in_batches

GROUP = 64  # images between two looks at whether to stop

PAPER = (
    "Liang, Li and Srikant, Enhancing the Reliability of Out-of-distribution Image Detection in "
    "Neural Networks (2018), https://arxiv.org/abs/1706.02690"
)


def temperature_setting(default: float) -> float:
    """The temperature of the softmax, as ODIN and its step share it."""
    control = Slider(1.0, 1000.0, 1.0, log=True)
    result: float = setting(
        default, control, "Temperature", "Logits are divided by it; 1000 is the paper's choice."
    )
    return result


def epsilon_setting(default: float) -> float:
    """The length of the step."""
    result: float = setting(
        default,
        Slider(0.0, 0.02, 0.0002),
        "Step",
        "How far each pixel is moved, of 0 to 1; 0 leaves the image as it is.",
    )
    return result


@dataclass(frozen=True)
class OdinStep(Method[DataCase]):
    """Logits of a data set's images after ODIN's small step towards the class that is seen.

    It is what ODIN needs of the normal images; it takes a way back through the network for each,
    so it is computed once and kept. Logits are in the network's own unit.
    """

    name = "OdinStep"
    revision = 2  # gives features
    family = "anomaly"
    title = "ODIN's step"
    cost = "wait"
    paper = PAPER
    needs = frozenset({"data"})
    proof = "tests/engine/anomaly/test_logits.py::test_the_step_on_a_linear_model_has_a_closed_form"

    temperature: float = temperature_setting(1000.0)
    epsilon: float = epsilon_setting(0.0014)

    def __call__(self, case: DataCase, progress: Progress = quiet) -> Result:
        """View: features, of which only logits and keys are there."""
        count = len(case.data)
        logits = np.empty((count, len(case.model.labels)), np.float32)
        keys = np.empty(count, np.int64)
        for start in range(0, count, GROUP):
            end = min(start + GROUP, count)
            pixels = as_seen(case.data, slice(start, end), case.model.side)
            keys[start:end] = [key_of(pixel) for pixel in pixels]
            logits[start:end] = nudged(case.model, pixels, self.temperature, self.epsilon)
            progress(end / count, "moving images a little")
        return {"features": Features(np.empty((count, 0), np.float32), logits, keys, {})}


def nudged(model: Classifier, pixels: Tensor, temperature: float, epsilon: float) -> Floats:
    """Logits (n, classes) of images (n, 3, side, side) after the step."""
    logits = torch.empty(len(pixels), len(model.labels))
    pace = model.pace("gradient")

    def run(start: int, end: int) -> None:
        batch = pixels[start:end].to(model.device, memory_format=pace.memory_format)
        with borrowed(model) as net, torch.enable_grad():
            leaf = batch.detach().clone().requires_grad_()
            first_logits = net(leaf)
            scaled_logits = (
                first_logits.cpu().double() / temperature
            )  # in float32 a sure model has no gradient
            # towards the class that is seen: of known images the step should raise it more
            loss = F.cross_entropy(scaled_logits, scaled_logits.argmax(1), reduction="sum")
            (gradient,) = torch.autograd.grad(loss, leaf)
            with torch.inference_mode():
                # the model normalizes pixels itself: no division by deviations here
                logits[start:end] = net(batch - epsilon * gradient.sign()).float().cpu()

    in_batches(len(pixels), pace.batch, run, model.title)
    return logits.numpy()
