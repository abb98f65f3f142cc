"""Every view's form offers the declared arguments of its case, and refuses a bad link in words."""

from dataclasses import dataclass, field

import pytest

from components import views
from components.heatmaps.likeness import SIMILARITY
from components.where_odd import nova
from engine.anomaly import DataCase, FamiliarCase, LesionsCase
from engine.attribution.cbc import PrototypeCase
from engine.attribution.mhim import BagsCase, WholeSlideCase
from engine.attribution.quadattack.many_images import AttackedImagesCase
from engine.attribution.quadattack.ordered_case import OrderedCase
from engine.attribution.study import StudyCase
from engine.commands.families import METHODS
from engine.core.case_base import Case
from engine.core.controls import Declared
from engine.core.method import case_kind
from engine.evaluation.detection import sources
from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.language.beaf.photo_pair import PhotoPairCase
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.trust import TrustCase
from engine.hallucination import CaptionCase, WordCase
from engine.hallucination.ssr_audit.refusal import RefusalAudit
from engine.sparsity import NMFlowExperiment, PruneCase
from engine.sweep.request import SweepRequest
from engine.unlearning import AfterCase, BoardCase, ForgetCase, GeneratorCase
from engine.unlearning.request_text import KINDS, RequestParts
from engine.vision import data as data_sets
from engine.vision.case import ImageCase, PairCase
from engine.vision.lab import TrainCase
from engine.vision.models import checkpoints
from engine.vision.models.card import card_of
from engine.vision.training import Recipe, fresh, train
from tests import homes
from tests.visits import problems, settled, visit

BAD = "dragon"
PICKER = "a picker of its own, for what a person opens too"
ABOVE = "asked above"
GREEDY = {"seed": "greedy draws nothing at random", "image": PICKER}
DESCRIBED = GREEDY | {"ask": "one of three ways to ask for a description"}
WIDGETS = ("selectbox", "radio", "select_slider", "slider", "number_input", "text_input", "toggle")
WIDGETS += ("button_group", "multiselect")
OWN_MODEL = dict.fromkeys(("weights", "labels"), "files, opened in the sidebar")
SIDEBAR = OWN_MODEL | dict.fromkeys(
    ("image", "model", "crop_x", "crop_y", "target", "versus", "reading", "precision", "seed"),
    "chosen in the sidebar",
)
FORGET = OWN_MODEL | {
    "recipe": "the model's own",
    "seed": "how often each way is run is a setting",
    "forget": "asked part by part, see RequestParts",
}


@dataclass(frozen=True)
class Form:
    """Where a form stands, what declares it, and what it does not ask of that, with the reason."""

    view: views.AppPage
    key: str
    kind: type[Declared] | type[Case]
    without: dict[str, str] = field(default_factory=dict)
    link: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)  # of other widgets: value [as title]
    learned: str = ""  # few images that a model has to learn first, so that they are offered

    @property
    def asked(self) -> set[str]:
        return self.kind.specs().keys() - self.without.keys()

    def key_of(self, name: str) -> str:
        return f"{self.key}.{name}" if self.key else name


FORMS = (
    Form(
        views.HEATMAPS, "", ImageCase,
        OWN_MODEL | {
            "image": PICKER, "model": PICKER, "crop_x": "dragged on the picture",
            "crop_y": "dragged on the picture", "like": "in the view, see below",
        },
    ),
    Form(views.HEATMAPS, "heatmaps", ImageCase, SIDEBAR, {"heatmaps.score": SIMILARITY}),
    Form(  # levels.model is another one, whose walk stands beside the model's of the sidebar
        views.LEVEL_SETS, "levels", PairCase, SIDEBAR | {"model": PICKER},
    ),
    Form(
        views.MINIMAL_REGIONS, "minimal", ImageCase,
        {name: why for name, why in SIDEBAR.items() if name != "target"}
        | {"like": "a probability is searched"}, {"minimal.error": "true"},
    ),
    Form(views.ROBUSTNESS, "robust", OrderedCase, SIDEBAR, wrong={"robust.compared": "Gradcam"}),
    Form(
        views.ROBUSTNESS, "robust.length", AttackedImagesCase,
        OWN_MODEL | {
            "model": "chosen in the sidebar", "seed": "chosen in the sidebar",
            "data": "what the model learned from",
        },
    ),
    Form(
        views.PROTOTYPES, "prototypes", PrototypeCase, {"image": "pressed, or the sidebar's"},
        wrong={
            "prototypes.Prototypes.margin": "7", "prototypes.reasoning": "by heart",
            "prototypes.network": "wide",
        },
    ),
    Form(views.STUDY, "study", StudyCase),
    Form(
        views.SLIDES, "slides", BagsCase,
        OWN_MODEL | {"model": "one network reads these tiles"},
        wrong={
            "slides.MHIM.epochs": "7000", "slides.bag": "777", "slides.version": "v9",
            "slides.kind": "dragons",
        },
    ),
    Form(
        views.FAMILIAR, "familiar", FamiliarCase, SIDEBAR,
        wrong={"familiar.detector": "Nobody as Detector"},
    ),
    Form(
        views.WHERE_ODD, "where", FamiliarCase,
        SIDEBAR | {"unknown": "nothing is measured by unknown images there"},
        wrong={"where.PatchCore.normals": "9999 as PatchCore ▸ Normal images used"},
    ),
    Form(  # folded, but for a link into it
        views.WHERE_ODD, "where.nova", LesionsCase,
        OWN_MODEL | {"model": "chosen in the sidebar"},
    ),
    Form(
        views.FORGET, "forget", BoardCase, FORGET,
        wrong={
            "forget.what": "nothing as To be forgotten", "forget.section": "Nowhere as Closer look",
            "forget.way": "Magic as Look closer at", "forget.SalUn.share": "7 as SalUn ▸ Share",
        },
    ),
    Form(views.FORGET, "forget", AfterCase, FORGET | dict.fromkeys(("model", "data"), ABOVE)),
    *(
        Form(
            views.FORGET, "forget", RequestParts,
            {name: "of another kind" for name in RequestParts.specs() if name not in parts}
            | ({} if "what" in parts else {"what": ABOVE}),
            {} if "what" in parts else {"forget.what": what} | data,
            learned="phantoms:count=40" if data else "",
        )
        for what, parts, data in (
            (KINDS[0], {"what", "label"}, {}),
            (KINDS[1], {"label", "share"}, {}),
            (KINDS[2], {"group"}, {"forget.data": "Brain phantoms (40 slices)"}),
            (KINDS[3], {"random"}, {}),
            (KINDS[4], {"ids"}, {}),
        )
    ),
    Form(
        views.ASK, "ask", CaptionCase,
        {"seed": "greedy draws nothing at random", "image": PICKER},
    ),
    Form(
        views.CONCEPTS, "concepts", CaptionCase, DESCRIBED,
        wrong={"concepts.SAUCE.concept": "unicorn", "concepts.SAUCE.gamma": "9"},
    ),
    Form(
        views.GENERATOR, "generator", GeneratorCase,
        wrong={"generator.GeneratorSalUn.label": "42", "generator.GeneratorSalUn.share": "9"},
    ),
    Form(
        views.TILTED_BOUNDARY, "tilt", ExperimentCase,
        wrong={
            "tilt.lambda": "seven", "tilt.first": "12", "tilt.image": "99",
            "tilt.TiltedBoundary.share": "400",
        },
    ),
    Form(views.ATTRIBUTION_EXPERIMENTS, "attribution.AdaptiveSmoothing", ExperimentCase),
    Form(
        views.CERTIFICATES, "certificates", ExperimentCase,
        wrong={
            "certificates.Certificates.partitions": "7000", "certificates.image": "77",
            "certificates.scheme": "a coin",
        },
    ),
    Form(
        views.INSIDE, "inside", CaptionCase, DESCRIBED,
        wrong={"inside.HalluRAG.depth": "bottom", "inside.told": "sing"},
    ),
    Form(  # a prompt that cannot be asked ends the page, as on Ask
        views.DECODING, "decoding", CaptionCase, {"image": PICKER, "ask": ABOVE},
    ),
    Form(
        views.DECODING, "decoding.scenes", ScenesCase,
        dict.fromkeys(("model", "decoding"), "those that are chosen above")
        | {"seed": "every strategy reads the same scenes"},
    ),
    Form(views.BEFORE_AFTER, "beaf", ScenesCase),
    Form(
        views.BEFORE_AFTER, "beaf.own", PhotoPairCase,
        dict.fromkeys(("mask", "after"), "files, opened in the view")
        | dict.fromkeys(("top", "left", "bottom", "right"), "dragged on the picture"),
    ),
    Form(
        views.BENCHMARKS, "benchmarks", ScenesCase,
        {"decoding": "several, in a row of words", "seed": "every decoding reads the same scenes"},
    ),
    Form(
        views.DATA_AND_MODELS, "lab", TrainCase,
        {"recipe": "each setting of a recipe has a widget as declared with it"},
        {"lab.part": "Train"},
    ),
    Form(views.TICKETS, "tickets", TrainCase, {"recipe": "that of the chosen network"}),
    Form(views.SWEEP, "sweep", SweepRequest),
    Form(
        views.UNLEARNING_EXPERIMENTS, "experiments.CUDA", ExperimentCase,
        wrong={"experiments.CUDA.epochs": "1000"},
    ),
    Form(
        views.ANOMALY_EXPERIMENTS, "anomaly.SMOTE", ExperimentCase,
        wrong={"anomaly.SMOTE.kept": "1", "anomaly.chosen": "Alchemy as Experiment"},
    ),
    Form(views.HALLUCINATION_EXPERIMENTS, "hallucination.VisualAudit", ExperimentCase),
    Form(
        views.HALLUCINATION_EXPERIMENTS, "hallucination.RefusalAudit", ExperimentCase,
        link={"hallucination.chosen": RefusalAudit.title},
    ),
    Form(
        views.HALLUCINATION_EXPERIMENTS, "hallucination.VisualAudit.one", CaptionCase,
        {"image": "a simulation on drawn scenes"},
    ),
    Form(
        views.SPARSITY_EXPERIMENTS, "sparsity.NMFlow", ExperimentCase,
        wrong={
            "sparsity.NMFlow.pattern": f"3:5 as {NMFlowExperiment.title} ▸ Pattern",
            "sparsity.NMFlow.epochs": "1000",
        },
    ),
    Form(
        views.PRUNE, "prune", PruneCase,
        SIDEBAR | {
            "data": "what the model learned from", "recipe": "the model's own",
            "scores": "a file, opened in the view",
        },
        wrong={
            "prune.section": "Nowhere as Look closer",
            "prune.criterion": "Taste as Prune ▸ Criterion",
        },
    ),
)  # fmt: skip
NOWHERE = {
    ForgetCase: "a part of BoardCase",
    DataCase: "asked by Familiar? for its images",
    WholeSlideCase: "a file, opened on Slides",
    TrustCase: "the maps of Heatmaps",
    WordCase: "words that are pressed in an answer",
}
each_form = pytest.mark.parametrize(
    "form", FORMS, ids=lambda form: f"{form.key}-{form.kind.__name__}"
)


def keys(at) -> set[str]:
    """Of every widget of the page, those of the sidebar too."""
    return {widget.key for kind in WIDGETS for widget in at.get(kind) if widget.key}


def test_every_declaration_has_a_form_or_a_reason():
    kinds = {form.kind for form in FORMS} - {RequestParts, SweepRequest} | NOWHERE.keys()
    assert kinds == {case_kind(kind) for kind in METHODS}
    for form in FORMS:
        assert form.without.keys() <= form.kind.specs().keys() | OWN_MODEL.keys() | SIDEBAR.keys()


@pytest.fixture
def learn(monkeypatch, tmp_path):
    """Have a model learn some data, in a home of this test alone."""

    def learn(name):
        monkeypatch.setenv("BLINDSPOT_HOME", str(homes.furnish(tmp_path)))
        data, recipe = data_sets.load(name), Recipe("lenet", epochs=1)
        model = fresh(data, recipe)
        train(model, data, recipe)
        about = {"title": "Mine", "made_by": "lab.Train", "data": name}
        checkpoints.put(card_of(model, **about, recipe=recipe.as_dict()), model)

    return learn


@each_form
def test_a_form_offers_what_is_declared_and_refuses_what_it_cannot_be_in_words(
    form, learn, monkeypatch
):
    """One visit with a bad value of each: a sentence for each, and the form still stands."""
    if form.learned:
        learn(form.learned)
    if form.kind is LesionsCase:  # others take minutes to draw
        few, photographs = data_sets.load("phantoms:count=40"), sources.normal(sources.PHOTOGRAPHS)
        monkeypatch.setattr(nova, "load", lambda _: few)
        monkeypatch.setattr(sources, "normal", lambda _: photographs)
    bad = {form.key_of(name): BAD for name in form.asked}
    values = {key: words.split(" as ")[0] for key, words in form.wrong.items()}
    at = settled(visit(form.link | values | bad, form.view))
    offered = {name for name in form.kind.specs() if form.key_of(name) in keys(at)}
    assert form.asked <= offered, f"it does not ask {form.asked - offered}"
    assert not {name for name in offered - form.asked if form.without[name] not in {PICKER, ABOVE}}
    sentences = [sentence for sentence in problems(at) if f"“{BAD}”" in sentence]
    assert len(sentences) == len(form.asked), sentences
    text = " ".join(problems(at))
    for key, value in values.items():
        assert f"“{value}”{form.wrong[key].removeprefix(value)}" in text
