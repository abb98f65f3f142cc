"""Which places of the image a word's logit is relevant to, through attention and its gradient.

    Ā = mean over heads of (∇A ⊙ A)⁺,   R ← R + Ā R   from the identity, layer by layer

Chefer, Gur and Wolf 2021, Generic Attention-model Explainability for Interpreting Bi-Modal and
Encoder-Decoder Transformers, https://arxiv.org/abs/2103.15679, equations 5 and 6, as LVLM-Interpret
uses it. The last row, at the image's tokens, is the map; the vision encoder is not passed through.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Progress, quiet
from engine.core.result import HeatMap, Result
from engine.hallucination.grounding.looks import on_pixels
from engine.hallucination.grounding.word_case import OfWords, WordCase
from engine.vision.language.vlm import RequestedOutputs


@dataclass(frozen=True)
class Relevancy(OfWords):
    """Which places of the image the word's score runs through.

    Attention counts where raising it would raise the word's logit; over all layers such paths are
    multiplied. Larger is more; the unit has no meaning of its own. Several words are averaged.
    """

    name = "Relevancy"
    title = "Relevancy"
    paper = "Chefer et al. 2021, https://arxiv.org/abs/2103.15679"
    needs = frozenset({"attention", "gradient", "places"})
    proof = "tests/engine/hallucination/test_looks.py::test_relevancy_is_its_formula_by_differences"

    def __call__(self, case: WordCase, progress: Progress = quiet) -> Result:
        """The map."""
        results = []
        for number, place in enumerate(case.places):
            progress(number / len(case.places), "following attention back")
            results.append(relevancy(case, place).cpu().numpy())
        progress(1.0, "followed back")
        return {"map": HeatMap(on_pixels(np.mean(results, 0), case), "relevancy", signed=False)}


@torch.enable_grad()
def relevancy(case: WordCase, place: int) -> Tensor:
    """Of every token of the image to one word's logit, (I,)."""
    every = tuple(range(case.vlm.spec.layers))
    text = torch.cat([case.prompts[0], case.answer[:place]])[None]
    # weights are frozen: the image's states are what the graph begins with
    image_states = case.vlm.encode_image(case.images).detach().requires_grad_()
    out, prefix = case.vlm.prefill(
        image_states, text, RequestedOutputs(attention=every, rows="all", gradient=True)
    )
    looks = [out.attention[layer] for layer in every]
    slopes = torch.autograd.grad(out.logits[0, case.said[place]], looks)
    return rolled([look[0].detach() for look in looks], [slope[0] for slope in slopes])[
        -1, prefix.image
    ]


def rolled(looks: list[Tensor], slopes: list[Tensor]) -> Tensor:
    """R over all layers, (k, k), from attention and its gradient, (H, k, k) each."""
    relevance = torch.eye(looks[0].shape[-1], device=looks[0].device)
    for look, slope in zip(looks, slopes, strict=True):
        # Eq. 5 clamps before the mean: a head against the word must not cancel one for it
        relevance = relevance + (look.float() * slope).clamp(min=0).mean(0) @ relevance
    return relevance
