"""What Forget, Concepts, Generator, Protect data, Certificates and Experiments open with."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.core.pictures import as_bytes
from engine.evaluation.experiment import ExperimentCase
from engine.hallucination import Greedy, ScenesCase, asking
from engine.unlearning import (
    EXPERIMENTS,
    SAUCE,
    SSD,
    AfterCase,
    BoardCase,
    Certificates,
    ClosedForm,
    Collateral,
    Confidence,
    Confusion,
    Copies,
    DMDirect,
    Embedding,
    FineTune,
    ForgetCase,
    Frontier,
    GeneratorCase,
    GeneratorSalUn,
    Judged,
    KLoM,
    MembershipAttack,
    NegGradPlus,
    NoOp,
    PoisonVotes,
    PollsAfter,
    ProtectImage,
    Relearn,
    Retrain,
    SalUn,
    Samples,
    Scoreboard,
    Similarity,
    SparseOriginals,
    StillThere,
    Unlearner,
    forget_case,
    request,
)
from engine.unlearning.diagnostics.base import MODELS
from engine.unlearning.protection.protected_pair import pair_of
from engine.unlearning.sauce.dictionary import question
from engine.unlearning.sparse_mu.prune_first import THEN
from engine.vision import data
from engine.vision.case.opening import OpeningQuestion, about_first
from engine.vision.images.samples import SAMPLES
from engine.vision.language.tiny_vlm import weights as vision
from engine.vision.language.tiny_vlm.sayings import PROMPTS
from engine.vision.language.tiny_vlm.weights import HABIT
from engine.vision.models.catalog import load

GENERATOR = "digits-generator"
CAR = 253  # a scene of a car, beside which the model with the habit makes up a lamp


@dataclass(frozen=True)
class Forgotten:
    """What the view Forget opens with."""

    data: str
    model: str
    label: int
    ways: tuple[type[Unlearner], ...]
    best: type[Unlearner]  # the way that comes nearest, and so the one that is looked at closely
    told: type[Unlearner]  # the way that a story tells of: its answers are right, traces remain


FORGOTTEN = Forgotten(
    "digits", "digits-cnn", 3, (FineTune, NegGradPlus, SalUn, SSD), NegGradPlus, SalUn
)


STORY = (Confidence(), Confusion(), MembershipAttack(model="unlearned"), StillThere(), Relearn())


def questions() -> Iterator[OpeningQuestion]:
    """One view after the other."""
    parts = (forget_questions, story, concepts, generator, protect, certificates, experiments)
    for part in parts:
        yield from part()


def forget_questions() -> Iterator[OpeningQuestion]:
    """The scoreboard, and what is looked at closely."""
    case = forgotten()
    yield Retrain(), case
    yield FORGOTTEN.best(), case
    yield Scoreboard(), board()
    yield SparseOriginals(), every_way(case)
    after = AfterCase(case, FORGOTTEN.best())
    for diagnostic in (
        Confidence,
        StillThere,
        Confusion,
        Embedding,
        Similarity,
        Relearn,
        Judged,
        Frontier,
        KLoM,
    ):
        yield diagnostic(), after
    for name in MODELS:
        yield MembershipAttack(model=name), after
    for method in (DMDirect(), ClosedForm()):
        yield method, case


def story() -> Iterator[OpeningQuestion]:
    """What a story tells of another way."""
    after = AfterCase(forgotten(), FORGOTTEN.told())
    for diagnostic in STORY:
        yield diagnostic, after


def concepts() -> Iterator[OpeningQuestion]:
    """A scene with a car, the features of the model that is asked, what else is lost, and POPE."""
    method, vlm = SAUCE(), vision.load(HABIT)
    yield question(vlm, method, method.scenes)
    yield method, asking.about_scene(HABIT, asking.scene("counter", CAR), PROMPTS["image"])
    yield Collateral(), ScenesCase(vlm, Greedy(), 60, clean=True)
    yield PollsAfter(), ScenesCase(vlm, Greedy())


def generator() -> Iterator[OpeningQuestion]:
    """A generator of digits that forgets one, and what it draws as it is."""
    case = GeneratorCase.from_arguments(model=GENERATOR)
    for method in (GeneratorSalUn(), Samples()):
        yield method, case


def certificates() -> Iterator[OpeningQuestion]:
    """Certificates of MNIST's test images, and one that is attacked."""
    case = ExperimentCase(data.load(Certificates.argument_defaults["data"]))
    for method in (Certificates(), PoisonVotes()):
        yield method, case


def protect() -> Iterator[OpeningQuestion]:
    """The first photograph with CUDA's filter, and what copies leave of that."""
    case, method = about_first(SAMPLES[0].name), ProtectImage()
    yield method, case
    yield Copies(), pair_of(case, method.apply(as_bytes(case.image)))


def forgotten() -> ForgetCase:
    """A class that a model is to forget."""
    digits = data.load(FORGOTTEN.data)
    return forget_case(load(FORGOTTEN.model), digits, request.of_class(digits, FORGOTTEN.label))


def board() -> BoardCase:
    """Nothing done, and the ways that are tried."""
    return BoardCase(forgotten(), (NoOp(), *(kind() for kind in FORGOTTEN.ways)))


def every_way(case: ForgetCase) -> BoardCase:
    """Nothing done, and every way that can come after pruning, at its usual settings."""
    return BoardCase(case, (NoOp(), *(kind() for kind in THEN.values())))


def experiments() -> Iterator[OpeningQuestion]:
    """Each on the data that it offers first."""
    for kind in EXPERIMENTS:
        yield kind(), ExperimentCase(data.load(kind.data[0]))
