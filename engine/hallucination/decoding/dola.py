"""Decoding by contrasting layers: what the last layer says beyond an early one.

    z = log softmax l_L − log softmax l_j   where log softmax l_L ≥ max + ln(cut)

Chuang et al. 2023, DoLa: Decoding by Contrasting Layers Improves Factuality in Large Language
Models, https://arxiv.org/abs/2309.03883, section 2. Without a fixed layer, j is the layer whose
distribution is furthest from the last one's by the Jensen-Shannon divergence; here each answer of
a batch has its own, where the released code takes one for the whole batch. That code reads early
states without the final norm (`norm` off) and lowers words that were said by a penalty of 1.2,
which spoils captions that say "there is" again and again: it is off here unless asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.core.errors import DoesNotFit
from engine.core.method import Choice, Slider, Switch, setting
from engine.core.result import Table, View
from engine.evaluation.language.strategy import Strategy, best_tokens
from engine.hallucination.decoding.contrast import contrast_logits
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.generate import Spoken
from engine.vision.language.decoding.record import Step, TopTokens
from engine.vision.language.decoding.session import Moment, Proposal, Session, Start
from engine.vision.language.vlm import ModelSpec, RequestedOutputs

LENS = 3  # words of each layer that are kept


@dataclass(frozen=True)
class DoLa(Strategy):
    """The answer made of what deep layers add to shallow ones.

    Each layer of the model could already be asked for the next word. A word that the last layer
    favors and an early one does not was found on the way, from the picture or the text; one that
    both favor is what usually stands there. The early opinion is subtracted. The table of layers
    shows what each would have said: where in the model an answer arises.
    """

    name = "DoLa"
    title = "DoLa"
    paper = "Chuang et al. 2023, https://arxiv.org/abs/2309.03883"
    needs = frozenset({"hidden"})
    proof = (
        "tests/engine/hallucination/test_self_contrast.py"
        "::test_scores_are_the_contrast_of_two_layers"
    )

    layer: str | None = setting(
        None,
        Choice(source="layers", off="most different"),
        "Early layer",
        "After how many "
        "layers the early opinion is read; 0 is the word as it came in. Off, the one that differs "
        "most from the last is taken at each step.",
    )
    cut: float = setting(
        0.1,
        Slider(0.0, 1.0, 0.01),
        "Plausible from",
        "The share of the best word's probability, "
        "at the last layer, that a word needs to be considered.",
    )
    norm: bool = setting(
        True,
        Switch(),
        "Norm early states",
        "Bring early states to the scale of the last before "
        "they are read. The released code does not.",
    )
    repetition: float | None = setting(
        None,
        Slider(1.0, 2.0, 0.05, off="off"),
        "Repetition penalty",
        "Words that were said become less likely. The released code takes 1.2.",
    )

    def wanted(self, spec: ModelSpec, /) -> RequestedOutputs:
        """The residual stream after every layer.

        Raises:
            DoesNotFit: the model has no such layer.
        """
        if self.layer is not None and self.layer not in map(str, range(spec.layers + 1)):
            raise DoesNotFit(f"The model has layers 0 to {spec.layers}, not {self.layer}.")
        return RequestedOutputs(hidden=tuple(range(spec.layers + 1)))

    def session(self, start: Start) -> Layered:
        """Begin to answer."""
        return Layered(self, start)

    def shown(self, case: CaptionCase, spoken: Spoken, /) -> dict[str, View]:
        """What each layer would have said.

        Returns:
            lens 0 … lens L: the best words after so many layers, (n, LENS).
            layers: for each word, the early layer, the probability that each layer gave to its
                best word, and how far each is from the last.
        """
        steps = spoken.steps[0]
        last = case.vlm.spec.layers
        views: dict[str, View] = {
            f"lens {layer}": best_tokens(case.vlm, [lens(step, layer) for step in steps])
            for layer in range(last + 1)
        }
        tokens = case.vlm.tokenizer.convert_ids_to_tokens([step.token for step in steps])
        chosen = np.array([step.notes["layer"] for step in steps], np.float32)
        divergences = (
            np.stack([step.notes["apart"] for step in steps]) if steps else np.zeros((0, last))
        )
        distances = {f"from layer {at}": (divergences[:, at], "nats") for at in range(last)}
        views["layers"] = Table.of({"early layer": (chosen, "layers"), **distances}, tokens)
        return views


def lens(step: Step, layer: int) -> TopTokens:
    """The best words of a step after so many layers."""
    return TopTokens(
        step.notes["lens words"][layer].astype(np.int64), step.notes["lens shares"][layer]
    )


def jensen_shannon(late: Tensor, early: Tensor) -> Tensor:
    """Jensen-Shannon divergence in nats, of logits (…, V) each."""
    late_log, early_log = late.log_softmax(-1), early.log_softmax(-1)
    # ln of the mean of both: logaddexp does not underflow where both are tiny
    middle = torch.logaddexp(late_log, early_log) - np.log(2)
    # a word of probability 0 gives 0 · ∞, which is NaN: it counts as its limit, 0
    halves = [(side.exp() * (side - middle)).nansum(-1) for side in (late_log, early_log)]
    return (halves[0] + halves[1]) / 2


def repeated(scores: Tensor, tokens: Tensor, penalty: float) -> Tensor:
    """Scores (B, V) with those of words that were said, (B, n), made worse."""
    # read before any is written: a word that was said twice is lowered once
    token_scores = scores.gather(1, tokens)
    # a negative score is multiplied: divided it would come nearer to 0, and rise
    penalized_scores = torch.where(token_scores < 0, token_scores * penalty, token_scores / penalty)
    return scores.scatter(1, tokens, penalized_scores)


class Layered(Session[DoLa]):
    """Reads every layer."""

    def propose(self, now: Moment, /) -> Proposal:
        """The last layer against an early one."""
        method, model = self.method, self.start.model
        strong = now.out.logits
        last = model.vlm.spec.layers
        # the last state is no candidate: it differs from itself by nothing
        states = torch.stack([now.out.hidden[at][:, -1] for at in range(last)], 1)
        early = model.unembed(states, apply_norm=method.norm)  # (B, L, V)
        layer_logits = torch.cat(
            [early, strong[:, None]], 1
        )  # the last layer as the model reads it
        distance = jensen_shannon(strong[:, None], early)  # (B, L)
        if method.layer is None:
            layer = distance.argmax(1)
        else:
            layer = torch.full_like(strong[:, 0], int(method.layer)).long()
        weak = layer_logits[torch.arange(len(layer), device=layer.device), layer]
        # of logits z would differ by a constant only, but `repeated` looks at its sign
        scores = contrast_logits(strong.log_softmax(-1), weak.log_softmax(-1), 1.0, 1.0, method.cut)
        if method.repetition is not None:
            scores = repeated(scores, now.said, method.repetition)
        shares, words = layer_logits.softmax(-1).topk(LENS, -1)
        notes = {"layer": layer, "apart": distance, "lens shares": shares, "lens words": words}
        return Proposal(scores, strong, weak, notes)
