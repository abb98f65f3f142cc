"""What cannot be asked is refused in a sentence that says why."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core.errors import BadData, BadImage, BlindspotError, DoesNotFit
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.language.beaf.photo_pair import photo_pair
from engine.evaluation.language.chair import chair
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.own_rows import OwnRows, read
from engine.evaluation.language.own_scores import score_answers, score_captions
from engine.evaluation.language.scenes import VOCABULARY
from engine.hallucination import (
    HalluRAG,
    PerturbedAnswer,
    PhotoPair,
    PhotoPairCase,
    RegionWords,
    ScenesCase,
    asking,
)
from engine.hallucination.decoding.dola import DoLa
from engine.hallucination.grounding.word_case import WordCase
from engine.hallucination.hallurag.fits import require_words
from engine.hallucination.measures.noise_steps import NoiseSteps
from engine.hallucination.mvp.method import MVP
from engine.hallucination.mvp.views_ablation import ViewsAblation
from engine.hallucination.scmoe.strategy import SCMoE
from engine.hallucination.ssr_audit.audited import audit_questions
from engine.hallucination.ssr_audit.scene_questions import scene_questions
from engine.hallucination.vasparse.keep_curve import KeepCurve
from engine.hallucination.vasparse.strategy import VASparse
from engine.hallucination.vlm_audit.experiment import VisualAudit
from engine.vision import data
from engine.vision.images.samples import sample
from engine.vision.language.tiny_vlm.model import CONTEXT, TOKENS
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST, load
from tests import tiny
from tests.engine.hallucination import tiny_hf
from tests.engine.hallucination.tiny import case, mixture, one_pass, scenes, untrained

FEW_SCENES = "scenes:count=40,kind=broken,seed=1000"
MANY_GROUPS = tuple({"answer": "yes", "label": "no", "group": str(at)} for at in range(100))
HALF = {"top": 0.5, "bottom": 0.5, "left": 0, "right": 1}
ROWS = np.arange(100)
LAMPS = read(b"caption,objects\nA lamp.,lamp\n", "a.csv")
NEEDS = "needs a vision-language model, a picture and a prompt"


def columns():
    return ExperimentCase(tiny.columns(8, ("a", "b")))


def of(name):
    return ExperimentCase(data.load(name))


def cup(**given):
    return photo_pair(HABIT, sample("coffee"), "cup", **given)


def words(ids=(20, 31, 55, 12), places=(0,)):
    return WordCase.of(case(), ids, places)


def habit_case(strategy, count=5):
    return ScenesCase(load(HABIT), strategy, count)


def prefilled(ids):
    return one_pass(untrained(), scenes()[:2], torch.tensor([ids, ids], dtype=torch.int64))


def wide_mask():
    mask = torch.zeros(64, 64, dtype=torch.bool)
    mask[4:-4, 4:-4] = True
    before = asking.pixels(asking.scene("counter", 253))
    return PhotoPairCase.of(load(HABIT), before, "car", ("lamp", "boat"), mask=mask)


REFUSALS = {
    BadData: [
        ("drawn scenes", lambda: VisualAudit().picture(columns())),
        ("drawn scenes", lambda: scene_questions(load(HONEST), columns(), "test", 4)),
        ("choose more of them", lambda: scene_questions(load(HONEST), of(FEW_SCENES), "test", 1)),
        ("drawn scenes", lambda: audit_questions(of("digits"), 3)),
        ("No name under “objects” is one of COCO's eighty things", lambda: score_captions(LAMPS)),
        ("100 groups", lambda: score_answers(OwnRows("answers", MANY_GROUPS))),
    ],
    BadImage: [
        ("too little is left", lambda: PhotoPair(grow=6)(wide_mask())),
        ("451 × 300 px and the one before 600 × 400", lambda: cup(after=sample("chelsea"))),
        ("rectangle is empty", lambda: cup(sides=HALF)),
    ],
    BlindspotError: [
        ("empty", lambda: RegionWords(top=0.5, bottom=0.5)(words())),
        (
            "1 other images have 2 names",
            lambda: replace(words(), others=scenes()[1:2], names=("a", "b")),
        ),
        ("no word", lambda: words(ids=())),
        ("no word", lambda: words(places=())),
        ("no word", lambda: words(places=(9,))),
        ("Only 0 words to learn from are made up", lambda: require_words(ROWS < 0, ROWS < 70)),
        (
            "Only 3 words to be tried on are made up",
            lambda: require_words((ROWS < 30) | (ROWS > 96), ROWS < 70),
        ),
        ("to learn from are true", lambda: require_words(ROWS >= 0, ROWS < 70)),
        (
            "random llava is asked about one picture",
            lambda: ScenesCase(tiny_hf.model("llava"), Greedy()),
        ),
        ("0 scenes", lambda: habit_case(Greedy(), 0)),
        ("empty", lambda: prefilled([])),
        ("126 fit", lambda: prefilled([30] * (CONTEXT - TOKENS - 1))),
    ],
    DoesNotFit: [
        (NEEDS, lambda: PerturbedAnswer().check(tiny.asked_image())),
        ("layers 0 to 3", lambda: DoLa(length=1, layer="7")(case())),
        ("layers 0 to 3", lambda: VASparse(depth="9")(case())),
        ("no experts to choose among", lambda: SCMoE()(case())),
        ("SCMoE: untrained TinyVLM has no experts", lambda: ScenesCase(untrained(), SCMoE(), 3)),
        ("answered by yes or no", lambda: answer(MVP(), case("describe the image"))),
        ("answered by yes or no", lambda: MVP()(case("what color is the boat"))),
        ("answered by yes or no", lambda: NoiseSteps()(case("describe the image"))),
        ("the decoding MVP", lambda: ViewsAblation()(habit_case(Greedy()))),
        ("the decoding VASparse", lambda: KeepCurve()(habit_case(Greedy()))),
        ("describes images", lambda: HalluRAG()(habit_case(MVP(), 70))),
    ],
    ValueError: [("shorter", lambda: chair([["a", "boat"]], [], VOCABULARY))],
}


@pytest.mark.parametrize(
    ("kind", "why", "call"), [(kind, *row) for kind, rows in REFUSALS.items() for row in rows]
)
def test_what_cannot_be_asked_is_refused_with_the_reason(kind, why, call):
    with pytest.raises(kind, match=why):
        call()


def test_a_mixture_is_no_model_without_experts():
    assert not SCMoE.unmet(replace(case(), vlm=mixture()))
