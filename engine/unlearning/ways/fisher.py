"""FF: noise on every weight, the more the less what stays depends on it.

F_i = mean over batches of D_r of Σ_y p̄_y (∂CE_mean(·, y)/∂θ_i)², with p̄_y the batch's mean
probability of class y; variance α · min(1/(F + 1e-8), 1000), for the head 100; for weights with
more than one dimension it is averaged over the second; head, biases and norms have ten times as
much. Where classes are forgotten, their rows of the head are drawn around 0 with variance 1e-3.

Golatkar et al., "Eternal Sunshine of the Spotless Net" (2020), https://arxiv.org/abs/1911.04933, in
the form of the published code of Jia et al. (2023).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.method import Slider, setting
from engine.unlearning.ways.network import images_and_labels, in_parts, named_weights, slopes
from engine.unlearning.ways.unlearner import Unlearner, UnlearningRun
from engine.vision.models.threads import one_thread
from engine.vision.weights.parts import head_of

BATCH = 32
MOST, MOST_OF_HEAD = 1e3, 1e2
TIMES = 10
TINY = 1e-8
# published as 1e-4, which the head's factor of 10 then multiplies there
CLASS_VARIANCE = 1e-3


@dataclass(frozen=True)
class FisherForgetting(Unlearner):
    """Noise on all weights, most on those that the images that stay do not need.

    It looks at the retained images only. A class is forgotten because its row of the head is
    drawn anew, as the published code does; for single images it is noise that hurts all alike.
    """

    name = "FF"
    title = "Fisher forgetting"
    short = "FF"
    cost = "wait"
    paper = "Golatkar et al. 2020, https://arxiv.org/abs/1911.04933"
    sees = frozenset({"retain"})
    revision = 3  # every class of a request is drawn anew
    dial = ("noise", (1e-9, 1e-8, 1e-7, 1e-6, 1e-5))
    proof = "tests/engine/unlearning/test_influence.py::test_its_importance_is_that_of_a_slow_sum"

    noise: float = setting(
        1e-7,
        Slider(1e-10, 1e-2, 1e-10, log=True),
        "Noise",
        "What variances are multiplied with (α).",
    )

    def change(self, work: UnlearningRun) -> None:
        """Find the importance of every weight and draw the noise."""
        importance = fisher(work)
        # on the CPU, so that the noise is the same whichever device the weights are on
        generator = torch.Generator().manual_seed(int(work.rng.integers(2**62)))
        head = head_of(work.model)
        of_head = {id(parameter) for parameter in head.parameters()} if head is not None else set()
        # for their labels; the images are not looked at
        rows, whole = work.case.splits.forget, work.case.request.whole_class
        labels = np.unique(work.case.data.labels[rows if whole else rows[:0]])
        with torch.no_grad():
            for name, weight in named_weights(work.model).items():
                variance = self.variance(importance[name], is_head=id(weight) in of_head)
                # weight and bias: the rows of both are the classes
                if id(weight) in of_head:
                    weight[labels], variance[labels] = 0.0, CLASS_VARIANCE
                noise = torch.randn(weight.shape, generator=generator).to(weight)
                weight.add_(variance.sqrt() * noise)
        work.put_back()

    def variance(self, importance: Tensor, *, is_head: bool) -> Tensor:
        """Of the noise on one weight."""
        # 1/F has no bound where no image that stays has a gradient
        most = MOST_OF_HEAD if is_head else MOST
        result = self.noise * (1 / (importance + TINY)).clamp(max=most)
        if result.ndim > 1:
            # one variance for all inputs of a unit, or all input channels of a place in a kernel
            result = result.mean(1, keepdim=True).expand_as(result).clone()
        return result * TIMES if is_head or result.ndim == 1 else result


def fisher(work: UnlearningRun) -> dict[str, Tensor]:
    """F of every weight, eval mode."""
    total = {name: torch.zeros_like(weight) for name, weight in named_weights(work.model).items()}
    parts = in_parts(work.retain, BATCH, work.rng)
    for done, rows in enumerate(parts, start=1):
        with one_thread(), torch.enable_grad():
            pixels, _ = images_and_labels(work.model, work.data, rows)
            logits = work.model(pixels)
            # classes weighted by what the model says, as the Fisher information is: no label counts
            shares = logits.detach().softmax(1).mean(0)
            classes = logits.shape[1]
            for label in range(classes):
                targets = logits.new_full((len(logits),), label, dtype=torch.long)
                loss = F.cross_entropy(logits, targets)
                # one forward pass serves all classes; the last one lets its graph go
                gradients = slopes(loss, work.model, keep=label + 1 < classes)
                for name, slope in gradients.items():
                    total[name] += shares[label] * slope**2 / len(parts)
        work.progress(done / len(parts), f"batch {done} of {len(parts)}")
    return {name: information.detach() for name, information in total.items()}
