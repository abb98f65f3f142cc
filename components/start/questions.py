"""The six questions of the start page, each with the answer that its view would give."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from components import together, views
from components.answer_and_map import HEATS, AnswerAndMap
from components.dialog import scene as dialog
from components.draw.two_models import ModelComparison, model_comparison
from components.familiar import form as familiar
from components.familiar import verdict as standing
from components.forget import inside
from components.forget.verdict import short_verdict
from components.heatmaps import view as heatmaps
from components.level_sets import asked as levels
from components.level_sets import walks
from components.normal_images import normal_source_for_model
from components.prune import before_after
from components.runs import Pending
from components.section import Section
from components.sidebar import partners
from components.sidebar.subject import Subject, precise
from components.start import pictures
from components.start.cards import KEY, Card, card_or_reason
from components.together import Answers, Outcomes
from components.trust import trials
from components.trust.verdict import brief
from components.views import AppPage
from engine.anomaly import DETECTORS, ViM
from engine.attribution.lst.blind_spot import BlindSpot
from engine.commands.openings import anomaly as opening
from engine.commands.openings import unlearning as unlearning_opening
from engine.commands.openings.hallucination import made_up
from engine.commands.openings.unlearning import FORGOTTEN
from engine.core.method import Method
from engine.core.run import Answer
from engine.evaluation.detection import sources
from engine.evaluation.detection.findings import ALPHA
from engine.evaluation.trust import CHEAP, Check, TrustCase
from engine.hallucination import Greedy, asking
from engine.sparsity.effects.pruned_image import SHARE, PrunedImage
from engine.unlearning import AfterCase, Scoreboard, StillThere
from engine.vision.case.prediction import Prediction
from engine.vision.case.target import Target
from engine.vision.language.tiny_vlm.words import tidy

NO_SCENE = "Ask needs a drawn scene; a shipped one:"


def question_cards(subject: Subject) -> Mapping[str, Card]:
    """The cards by name, in the order in which they are asked.

    The heat map of the image comes first; of the others, what takes least.
    """
    with st.spinner("Getting ready what the image is compared with"):
        return {
            name: card_or_reason(question, view, make, subject)
            for name, (question, view, make) in CARDS.items()
        }


def main_section(name: str, method: Method[Any], case: Any) -> Section:
    return Section(f"{KEY}.{name}", method, case, method.title)


def comparison_section(name: str, method: Method[Any], case: Any) -> Section:
    return Section(f"{KEY}.{name}", method, case, explained=False)


def first_map(subject: Subject) -> Method[Any]:
    return next(kind() for kind in HEATS.values() if not kind.unmet(subject.case))


# ---------------------------------------------------------------- where it looks


def attribution(question: str, subject: Subject) -> Card:
    method = first_map(subject)
    case = precise(method, subject).at("exact")
    trust_case = TrustCase(case, method, subject.mask)
    checks: Sequence[Check] = [kind() for kind in CHEAP if not kind.unmet(trust_case)]
    return Card(
        question,
        views.HEATMAPS,
        {method.title: main_section("look", method, case)}
        | {check.title: comparison_section("look", check, trust_case) for check in checks},
        sentence=lambda result: heatmaps.sentence({method.title: result[method.title]}),
        picture=lambda result: pictures.overlay_maps(subject, result[method.title]["map"]),
        enough=1,
        below=lambda result: brief_trust(method, checks, result, subject),
    )


def brief_trust(
    method: Method[Any], checks: Sequence[Check], outcomes: Outcomes, subject: Subject
) -> str:
    trial = trials.Trial(method)
    for check in checks:
        match outcomes[check.title]:
            case Answer() as answer:
                trial.found.append((check, answer["check"]))
            case Pending() as pending:
                trial.quick.append(pending)
            case _:
                trial.ended += check.judges
    if subject.in_distribution.foreign:
        trial.barred = trials.WITHHELD
    return brief(trials.trust_line(trial))


# ---------------------------------------------------------------- what it does not notice


def level_set(question: str, subject: Subject) -> Card:
    case = levels.pair(subject.case, [partners.default_partner(subject)])
    label = subject.case.model.labels[subject.case.target.index]
    return Card(
        question,
        views.LEVEL_SETS,
        {"walk": main_section("blind spot", BlindSpot(), case)},
        sentence=lambda result: walks.nearness_words(result["walk"]),
        picture=lambda result: pictures.pair(
            subject.case.image,
            result["walk"]["end"].frames[-1],
            f"The image, and one in which the model still sees {label}",
        ),
        pressed=[f"{levels.KEY}.{subject.case.model.name}.LST"],
    )


# ---------------------------------------------------------------- how unusual it is


def anomaly(question: str, subject: Subject) -> Card:
    anomaly_question = familiar_question(subject)
    return Card(
        question,
        views.FAMILIAR,
        {"detector": main_section("unusual", anomaly_question.method, anomaly_question.case)},
        sentence=lambda result: standing.sentence(anomaly_question, result["detector"]),
        picture=lambda result: pictures.draw_histogram(
            result["detector"], standing.sentence(anomaly_question, result["detector"])
        ),
    )


def familiar_question(subject: Subject) -> familiar.JudgedImage:
    model = subject.case.model
    normal = sources.normal(normal_source_for_model(subject))
    group = sources.group_of(subject.arguments.get("image", ""), normal)
    case = opening.unusual(model, subject.case.image, normal.name, group)
    fitting = [kind for kind in DETECTORS if not kind.unmet(case)]
    kind = ViM if ViM in fitting else fitting[0]
    unlike = subject.in_distribution.foreign and normal.name == sources.training_data_name(model)
    return familiar.JudgedImage(kind(), case, alpha=ALPHA, unlike=unlike)


# ---------------------------------------------------------------- what it can do without


def sparsity(question: str, subject: Subject) -> Card:
    case, method, pruned_image = subject.case.at("exact"), first_map(subject), PrunedImage()
    asks = {
        "answer": comparison_section("pruned", Prediction(), replace(case, target=Target(0))),
        "map": comparison_section("pruned", method, case),
        "copy": main_section("pruned", pruned_image, case),
    }

    def change(answers: Answers) -> ModelComparison:
        before = AnswerAndMap(answers["answer"]["classes"], answers["map"]["map"])
        after = AnswerAndMap(answers["copy"]["classes"], answers["copy"]["map"])
        return model_comparison(case, before, after)

    return Card(
        question,
        views.PRUNE,
        asks,
        sentence=lambda result: before_after.comparison_text(
            change(result), float(result["copy"]["cut"]["share"][0])
        ),
        picture=lambda result: pictures.overlay_maps(
            subject, result["map"]["map"], result["copy"]["map"]
        ),
        settings={"prune.ratio": pruned_image.ratio},
    )


# ---------------------------------------------------------------- what it makes up


def hallucination(question: str, subject: Subject) -> Card:
    scene = asking.scene_of(subject.chosen.example) if subject.chosen.example else None
    if scene is not None:
        case, why = asking.about_scene(next(iter(asking.models())), scene, "describe the image"), ""
        settings: Mapping[str, Any] = {f"{dialog.KEY}.image": dialog.SIDEBAR}
    else:
        (case, scene), why, settings = made_up(), NO_SCENE, dialog.STORY

    def says(answers: Answers) -> str:
        words = answers["answer"]["answer"]
        return f"“{case.prompt}”: “{tidy(words.text)}”. {Greedy().finding(case, answers['answer'])}"

    return Card(
        question,
        views.ASK,
        {"answer": main_section("made up", Greedy(), case)},
        sentence=says,
        picture=lambda _: pictures.draw_scene(scene),
        why=why,
        settings={**settings, f"{dialog.KEY}.ask": case.prompt},
    )


# ---------------------------------------------------------------- what it can forget


def unlearning(question: str, _subject: Subject) -> Card:
    board = unlearning_opening.board()
    after = AfterCase(board.case, FORGOTTEN.best())
    method = Scoreboard()
    return Card(
        question,
        views.FORGET,
        {
            "board": main_section("forget", method, board),
            "there": comparison_section("forget", StillThere(), after),
        },
        sentence=lambda result: (
            short_verdict(result["board"]["table"], after.method.label, board.case.request.words)
            + "."
        ),
        picture=lambda _: pictures.some_of(board.case.data, board.case.splits.forget),
        below=lambda result: inside.probe_finding(together.answers_of(result)["there"]),
        why=f"A shipped example: forget the {FORGOTTEN.label}s of digits.",
    )


Make = Callable[[str, Subject], Card]
CARDS: Mapping[str, tuple[str, AppPage, Make]] = {
    "look": ("Where does the model look?", views.HEATMAPS, attribution),
    "forget": ("What stays when a model is told to forget?", views.FORGET, unlearning),
    "made up": ("What does a language model make up?", views.ASK, hallucination),
    "unusual": ("How unusual is this image for the model?", views.FAMILIAR, anomaly),
    "pruned": (
        f"Does the answer survive without {100 * SHARE:.0f} % of the weights?",
        views.PRUNE,
        sparsity,
    ),
    "blind spot": ("How far can the image change unnoticed?", views.LEVEL_SETS, level_set),
}
