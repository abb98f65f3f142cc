"""BadT: a student of two teachers, the original for what stays, and one that knows nothing.

L = KL(t ‖ s), where t is what a network with first weights says of an image that is to be
forgotten, and what the original says of one that stays; labels are not looked at. Of what stays a
share is shown, drawn once. Adam, without weight decay, as in the published code. Chundawat et al.,
"Can Bad Teaching Induce Forgetting? Unlearning in Deep Networks using an Incompetent Teacher"
(2023), https://arxiv.org/abs/2205.08096

Published for a ResNet-18: one epoch in batches of 256 at a rate of 1e-4. That is two steps on the
digits, and moves nothing: rate, epochs and batch are what small networks here need.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam, Optimizer

from engine.core.method import Slider, setting
from engine.unlearning.ways.descend import GradientUnlearner, Stage, epochs_setting, rate_setting
from engine.unlearning.ways.network import images_and_labels, settled, untrained
from engine.unlearning.ways.unlearner import UnlearningRun
from engine.vision.data import Rows
from engine.vision.models.classifier import Classifier

DRAWN, FIRST = 31, 32  # random streams: which images stay in sight, the bad teacher's weights


@dataclass(frozen=True)
class BadT(GradientUnlearner):
    """The model is taught to say of forgotten images what a network says that learned nothing.

    For images that stay the original is the teacher. It is here as a rival of SSD. What is aimed
    at is ignorance, not what a retrained model would say, which may be sure of a wrong class; an
    unusually unsure answer can give away that an image was there. ZRF measures this aim itself.
    """

    name = "BadT"
    title = "Bad teacher"
    short = "BadT"
    cost = "wait"
    paper = "Chundawat et al. 2023, https://arxiv.org/abs/2205.08096"
    dial = ("rate", (0.0001, 0.0003, 0.001, 0.003, 0.01))
    proof = (
        "tests/engine/unlearning/salun/test_salun.py"
        "::test_its_loss_is_that_of_the_published_formula_image_by_image"
    )

    epochs: int = epochs_setting(10)
    rate: float = rate_setting(0.001)
    retained: float = setting(
        0.3,
        Slider(0.01, 1.0, 0.01),
        "Retained",
        "The share of what stays that is shown; the published code's is 0.3.",
    )

    def optimizer(self, weights: Sequence[nn.Parameter]) -> Optimizer:
        """Adam."""
        return Adam(weights, self.rate)

    def stages(self, work: UnlearningRun, epoch: int) -> Sequence[Stage]:
        """What is to be forgotten, among the same share of what stays in each epoch."""
        del epoch
        novice = ignorant(work)

        def loss(rows: Rows) -> Tensor:
            return misled(work, novice, rows)

        # begun anew in each epoch, so that it is the same share in all of them
        rng = np.random.default_rng([work.case.seed, DRAWN])
        count = max(1, round(self.retained * len(work.retain)))
        sampled = rng.permutation(work.retain)[:count]
        return [(np.concatenate([work.forget, sampled]), loss)]


def ignorant(work: UnlearningRun) -> Classifier:
    """The bad teacher: the network before it learned anything, by a seed that nothing else has."""
    seed = np.random.default_rng([work.case.seed, FIRST]).integers(2**31)
    return settled(untrained(work.case.model, int(seed)))


def misled(work: UnlearningRun, novice: Classifier, rows: Rows) -> Tensor:
    """Mean KL(teacher ‖ student), of each image by the teacher that it has."""
    pixels, _ = images_and_labels(work.model, work.data, rows)
    is_forgotten = torch.from_numpy(np.isin(rows, work.forget)).to(pixels.device)
    with torch.no_grad():
        teacher_log_probabilities = torch.empty(
            len(rows), len(work.model.labels), device=pixels.device
        )
        for teacher, mask in ((novice, is_forgotten), (work.teacher, ~is_forgotten)):
            if mask.any():
                teacher_log_probabilities[mask] = teacher(pixels[mask]).log_softmax(1)
    log_probabilities = work.model(pixels).log_softmax(1)
    # KL(teacher ‖ student): F.kl_div has the student first, and log_target takes the teacher's log
    return F.kl_div(
        log_probabilities, teacher_log_probabilities, reduction="batchmean", log_target=True
    )
