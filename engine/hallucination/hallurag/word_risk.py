"""One answer from the inside: the probe's verdict on each thing, and every layer's own word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from scipy.special import expit

from engine.core.method import Case, Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Ranking, Result, Table, Tokens, View
from engine.core.run import answer
from engine.evaluation.language.chair import mentions
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.scenes import VOCABULARY
from engine.evaluation.language.strategy import best_tokens, views_of
from engine.hallucination.hallurag.probe import COUNT, HalluRAG, ProbeInputs
from engine.hallucination.hallurag.readings import ReadWord, read_states
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.generate import generate
from engine.vision.language.decoding.record import TopTokens
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.vlm import RequestedOutputs

LIKELY = 0.5  # risk from which on a word is called made up


@dataclass(frozen=True)
class WordRisk(ProbeInputs, Method[CaptionCase]):
    """What the model's states say of its own answer.

    Under each thing that the answer names stands a risk: how likely a small probe takes it to be
    made up, from the model's states at that word alone. The probe learned on descriptions of other
    scenes; it never sees the image, nor the truth. It was taught on names of things, so no other
    word has a risk.

    The table shows what each layer would have said in the place of every word. Where the last
    layer alone has the word, it arose late; where all layers have it, it follows from the words
    before.
    """

    family = "hallucination"
    name = "WordRisk"
    title = "The risk of each word"
    cost = "wait"
    revision = 2  # learned from scenes of its own
    paper = HalluRAG.paper
    needs = frozenset({"hidden", "gates"})
    proof = "tests/engine/hallucination/hallurag/test_inside.py::test_what_is_made_up_has_more_risk"

    scenes: int = setting(
        COUNT,
        Slider(40, 2000, 20, "scenes"),
        "Scenes",
        "How many scenes the probe is learned on and tried on.",
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why this method cannot be asked about the case, or "" when it can."""
        if isinstance(case, CaptionCase) and not isinstance(case.vlm, TinyVLM):
            return "its probe learns on drawn scenes, which only TinyVLM knows."
        return super().unmet(case)

    def __call__(self, case: CaptionCase, progress: Progress = quiet) -> Result:
        """The greedy answer, the risk of its things, and the words of every layer.

        Returns:
            answer: the words, as `Greedy` gives them.
            words: risk of each word, NaN where it names nothing; its probability; the thing that
                it names as its note.
            lens 0 … lens L: the best words after so many layers, in the place of each.
        """
        self.check(case)
        progress(0.0, "asking")
        vlm = cast(TinyVLM, case.vlm)
        learned = answer(
            HalluRAG(self.feature, self.depth, self.when),
            ScenesCase(vlm, Greedy(), self.scenes),
            part_of(progress, 0.0, 0.9, lead="learning what made-up words look like"),
        )
        spoken = generate(vlm, Greedy(), case.images, case.prompts, seed=case.seed)
        view = views_of(vlm, case.prompt, spoken)["answer"]
        assert isinstance(view, Tokens)  # noqa: S101  # as it is
        results: dict[str, View] = {"answer": view}
        risk, names = np.full(len(view.words), np.nan), [""] * len(view.words)
        named = [
            ReadWord(0, mention.place, mention.node, False)
            for mention in mentions(view.words, (), VOCABULARY)
        ]
        if named:
            ids = view.ids.tolist()
            words = read_states(vlm, case.image[None], [case.words], [ids], named)
            weights = learned["probe"]["weight"]
            logit = self.inputs(words, vlm.spec.layers) @ weights[:-1] + weights[-1]
            for claim, at in zip(named, expit(logit), strict=True):
                risk[claim.place], names[claim.place] = at, claim.name
        results["words"] = Table.of(
            {"risk": (risk, "share"), "probability": (view.probability, "probability")},
            view.words,
            notes=names,
        )
        progress(1.0, "asked")
        return results | lenses(case, view)

    def finding(self, case: CaptionCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Which things are called made up, and which are not."""
        words = result["words"]
        risks: dict[str, float] = {}
        for name, risk in zip(words.notes, words["risk"], strict=True):
            if name:
                risks[name] = max(float(risk), risks.get(name, 0.0))
        if not risks:
            return "It names no thing, and no other word has a risk: ask for a description."
        doubted = [name for name in risks if risks[name] >= LIKELY]
        others = [f"the {name}" for name in risks if name not in doubted]
        if not doubted:
            return "By its own states nothing that it names is made up."
        subject = " and ".join(f"the {name} ({100 * risks[name]:.0f} %)" for name in doubted)
        rest = f"; {' and '.join(others)} {verb(others)} not" if others else ""
        return f"By its own states {subject} {verb(doubted)} made up{rest}."


def verb(names: Sequence[str]) -> str:
    """Of one thing or of several."""
    return "is" if len(names) == 1 else "are"


@torch.no_grad()
def lenses(case: CaptionCase, tokens: Tokens) -> dict[str, Ranking]:
    """The best words after every number of layers, in the place of each word of an answer."""
    vlm, count = case.vlm, len(tokens.words)
    if not count:
        return {}
    layers = range(vlm.spec.layers + 1)
    text = torch.tensor([[*case.words, *tokens.ids.tolist()[:-1]]], device=vlm.device)
    image_states = vlm.encode_image(case.images)
    out, _ = vlm.prefill(image_states, text, RequestedOutputs(hidden=tuple(layers), rows="all"))
    results = {}
    for layer in layers:
        # the last word was not read: the last `count` states are those that chose each word
        logits = vlm.unembed(out.hidden[layer][0, -count:])
        results[f"lens {layer}"] = best_tokens(vlm, [TopTokens.of(logit) for logit in logits])
    return results
