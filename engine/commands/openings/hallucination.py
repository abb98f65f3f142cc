"""What the views of hallucination open with: rates over scenes, pairs, and a probe of the states.

And what the start page asks of a scene, where the image is none.
"""

from collections.abc import Iterator

from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.language.beaf.method import SCENES as PAIRED
from engine.evaluation.language.rates import Rates, ScenesCase
from engine.hallucination import (
    BEAF,
    CHAIR,
    POPE,
    VCD,
    AttentionSinks,
    Greedy,
    HalluRAG,
    KeepCurve,
    PerturbedAnswer,
    RemovalLaw,
    VASparse,
    WordRisk,
    asking,
)
from engine.hallucination.hallurag.probe import COUNT
from engine.hallucination.ssr_audit.image_rerouting import ImageRerouting
from engine.hallucination.ssr_audit.one_question import DeclinedQuestion
from engine.hallucination.ssr_audit.refusal import RefusalAudit
from engine.hallucination.vasparse.attention_sinks import COUNT as SCENES
from engine.hallucination.vasparse.keep_curve import curve_case
from engine.hallucination.vlm_audit.experiment import VisualAudit
from engine.vision import data as data_sets
from engine.vision.case.opening import OpeningQuestion
from engine.vision.data.layout import Scene
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm.sayings import PROMPTS
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST, LONG, load

DECODED = (Greedy(), VCD())
PUSHED = 424  # the scene that is moved towards a phrase
DESCRIBED_SCENE = 253  # the scene that is described
MADE_UP = ("counter", 424, "is there a lamp")  # kind and number of a scene, and what is asked


def questions() -> Iterator[OpeningQuestion]:
    """Counts over many scenes, and the answer that the start page shows."""
    yield Greedy(), made_up()[0]
    yield from rate_questions()
    yield KeepCurve(), curve_case(load(HABIT), VASparse())
    for name in (HABIT, LONG):
        yield AttentionSinks(), ScenesCase(load(name), Greedy(), SCENES)
    yield from benchmarks()
    yield HalluRAG(), ScenesCase(load(HABIT), Greedy(), COUNT)
    yield WordRisk(), opening_case()
    yield from before_and_after()
    yield VisualAudit(), ExperimentCase(data_sets.load(VisualAudit.data[0]))
    yield PerturbedAnswer(), pushed()
    yield ImageRerouting(), ExperimentCase(data_sets.load(ImageRerouting.data[0]))
    for method in (RefusalAudit(), DeclinedQuestion()):
        yield method, ExperimentCase(data_sets.load(RefusalAudit.data[0]))


def opening_case() -> CaptionCase:
    """A scene with a car that the model with the habit describes with a lamp."""
    kind, *_ = MADE_UP
    return asking.about_scene(HABIT, asking.scene(kind, DESCRIBED_SCENE), PROMPTS["image"])


def rate_questions() -> Iterator[OpeningQuestion]:
    """What each of two ways to choose words makes up."""
    for strategy in DECODED:
        yield Rates(), ScenesCase(load(HABIT), strategy)


def benchmarks() -> Iterator[OpeningQuestion]:
    """POPE and CHAIR of the same two ways: what Benchmarks opens with."""
    for method in (POPE(), CHAIR()):
        for strategy in DECODED:
            yield method, ScenesCase(load(HABIT), strategy)


def before_and_after() -> Iterator[OpeningQuestion]:
    """Pairs of scenes for two ways to choose words and the honest model, and the law."""
    for name, strategy in ((HABIT, Greedy()), (HABIT, VCD()), (HONEST, Greedy())):
        yield BEAF(), ScenesCase(load(name), strategy, PAIRED, "biased")
    yield RemovalLaw(), ScenesCase(load(HABIT), Greedy(), PAIRED, "biased")


def pushed() -> CaptionCase:
    """The scene that the audit shows word by word."""
    return asking.about_scene(HONEST, asking.scene("broken", PUSHED), PROMPTS["image"])


def made_up() -> tuple[CaptionCase, Scene]:
    """A scene with a car, of which the model with the habit is asked for a lamp."""
    kind, number, prompt = MADE_UP
    scene = asking.scene(kind, number)
    return asking.about_scene(HABIT, scene, prompt), scene
