"""Visual contrastive decoding: against the same model looking at a noised image.

    z = (1 + α) l(v) − α l(v′)   where l(v) ≥ max l(v) + ln β

Leng et al. 2024, Mitigating Object Hallucinations in Large Vision-Language Models through Visual
Contrastive Decoding, https://arxiv.org/abs/2311.16922, equations 3 to 5. The authors sample from z
at temperature 1; here the best is taken unless `temperature` is on, so that it can be held against
greedy decoding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Slider, setting
from engine.core.result import Path, View
from engine.evaluation.language.strategy import Strategy
from engine.hallucination.decoding.contrast import contrast_logits
from engine.hallucination.decoding.sampling import sample_tokens
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.generate import Spoken
from engine.vision.language.decoding.noise import STEPS, noise_for, noised
from engine.vision.language.decoding.session import Moment, Move, Proposal, Session, Start
from engine.vision.language.vlm import StepOut


@dataclass(frozen=True)
class VCD(Strategy):
    """The answer whose words gain by seeing the image.

    The model answers twice at once, looking at the image and at a noised copy. What it would say
    of the copy too, it says out of habit: that is subtracted. Only words that are plausible with
    the clear image may come. It cannot mend what the model believes because of something that is
    to be seen.
    """

    name = "VCD"
    title = "VCD"
    paper = "Leng et al. 2024, https://arxiv.org/abs/2311.16922"
    proof = "tests/engine/hallucination/test_vcd.py::test_without_contrast_and_cut_it_is_greedy"
    revision = 2  # noise belongs to the image, not to its place in a batch

    alpha: float = setting(
        1.0, Slider(0.0, 3.0, 0.1), "Strength α", "How much of the habit is subtracted."
    )
    beta: float = setting(
        0.1,
        Slider(0.0, 1.0, 0.01),
        "Plausible from β",
        "The share of the best word's probability "
        "that a word needs, with the clear image, to be considered.",
    )
    step: int = setting(
        900,
        Slider(0, STEPS - 1, 1),
        "Noise step t",
        "How deeply the copy is hidden. The paper "
        "takes 500, where a picture of this size can still be read.",
    )
    temperature: float | None = setting(
        None,
        Slider(0.1, 2.0, 0.1, off="best word"),
        "Temperature",
        "Draw words, as the paper does, in place of taking the best.",
    )

    def session(self, start: Start) -> Contrasting:
        """Begin to answer, with a second stream on the noised image."""
        return Contrasting(self, start)

    def shown(self, case: CaptionCase, _spoken: Spoken, /) -> dict[str, View]:
        """The copy that it is held against, as pixels cut to [0, 1]."""
        clear = case.images
        copy = noised(clear, self.step, noise_for(clear, case.seed))
        # pixels are normalized by a line for each color: where black and white go undoes it
        flat = case.vlm.normalize(torch.zeros_like(case.image[None]))
        scale = case.vlm.normalize(torch.ones_like(case.image[None])) - flat
        pixels = ((copy - flat) / scale).clamp(0, 1).cpu().numpy().astype(np.float16)
        return {"noised": Path(pixels, np.array([self.step], np.float32), "noise step")}


class Contrasting(Session[VCD]):
    """Two streams with a cache each; both read the words that are chosen."""

    def __init__(self, method: VCD, start: Start) -> None:
        super().__init__(method, start)
        # once for the whole answer: drawn anew for each word it would be another image each time
        noise = noise_for(start.images, start.seed)
        copy = start.model.encode_image(noised(start.images, method.step, noise))
        self.weak, _ = start.model.prefill(copy, start.prompts)

    def propose(self, now: Moment, /) -> Proposal:
        """The contrast of both."""
        alpha, strong, weak = self.method.alpha, now.out.logits, self.weak.logits
        return Proposal(
            contrast_logits(strong, weak, 1 + alpha, alpha, self.method.beta), strong, weak
        )

    def choose(self, proposal: Proposal, now: Moment, /) -> Move:
        """The best, or one that is drawn."""
        if self.method.temperature is None:
            return super().choose(proposal, now)
        return Move(sample_tokens(proposal.scores / self.method.temperature, self.start.generator))

    def read(self, now: Moment, tokens: Tensor, /) -> StepOut:
        """Both streams read what was taken."""
        # the weak stream reads what was chosen, and not what it would have said itself
        self.weak = self.start.model.step(tokens, self.weak.cache)
        return super().read(now, tokens)
