"""How a network learns to answer some questions and to decline the others.

The loss is the cross-entropy of the answer at the question mark. At the colon it is also taught
whose color was named, without which it does not come to see that the answer hangs on it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, pi

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.method import Progress, quiet
from engine.hallucination.ssr_audit.network import QuestionNet, fresh, network_copy
from engine.hallucination.ssr_audit.questions import COLON, LONGEST, EncodedQuestions, batch
from engine.vision.models.threads import one_thread

WARM = 100  # steps until the rate is full
LEAST = 0.1  # of the rate, at the end


@dataclass(frozen=True)
class SchoolPlan:
    """A training.

    Args:
        seed: of first weights and questions.
        steps: how many batches.
        size: questions of a batch.
        rate: the largest step size.
        decay: of the weights.
    """

    seed: int = 0
    steps: int = 700
    size: int = 64
    rate: float = 2e-3
    decay: float = 0.01


def train(plan: SchoolPlan, progress: Progress = quiet) -> QuestionNet:
    """A network that learned from questions alone; notes of every length are among them."""
    random = np.random.default_rng([plan.seed, 17])
    batches = (
        batch(plan.size, random, int(random.integers(LONGEST + 1))) for _ in range(plan.steps)
    )
    return descended(fresh(plan.seed), batches, plan, progress)


def lesson(net: QuestionNet, prompts: EncodedQuestions) -> Tensor:
    """The loss: of the answer, and of whose color was named."""
    colon = torch.full_like(prompts.last, COLON)
    hidden, rows = net.embed(prompts.ids), torch.arange(len(prompts))
    for layer in net.stack:
        hidden = layer(hidden)
    viewer_loss = F.cross_entropy(net.logits(hidden[rows, colon]), prompts.viewer)
    return F.cross_entropy(net.logits(hidden[rows, prompts.last]), prompts.targets) + viewer_loss


def descended(
    net: QuestionNet,
    batches: Iterable[EncodedQuestions],
    plan: SchoolPlan,
    progress: Progress = quiet,
) -> QuestionNet:
    """A copy of a network after one step of AdamW for each batch.

    A loop of its own: questions are drawn on the way, and `engine.vision.training` goes through a
    data set of images, epoch by epoch.
    """
    net = net.train().requires_grad_(requires_grad=True)
    optimizer = torch.optim.AdamW(net.parameters(), plan.rate, (0.9, 0.98), weight_decay=plan.decay)
    with one_thread():
        for step, prompts in enumerate(batches):
            share = step / plan.steps
            # a cosine from the whole rate to its tenth, under a short straight rise
            cosine_factor = LEAST + (1 - LEAST) * (1 + cos(pi * share)) / 2
            for group in optimizer.param_groups:
                group["lr"] = plan.rate * cosine_factor * min(1.0, (step + 1) / WARM)
            loss = lesson(net, prompts)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            if step % 25 == 0:
                progress(share, f"step {step} of {plan.steps}, loss {loss.item():.3f}")
    return network_copy(net.state_dict())
