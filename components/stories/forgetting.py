"""Forget me: the answer is gone, and traces remain."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components.draw.drawing import draw
from components.forget import answers, each_image, inside
from components.forget.asked import KEY, ForgetQuestion, MethodDetail, each_model
from components.forget.verdict import verdict
from components.sidebar.pictures import enlarged
from components.stories.step import Story, StoryStep
from components.views import FORGET
from components.widgets.data_images import color_pixels
from engine.commands.openings.unlearning import FORGOTTEN, board, forgotten
from engine.core.charts.drawing import Drawing
from engine.core.run import Answer
from engine.unlearning import (
    AfterCase,
    Confidence,
    Confusion,
    MembershipAttack,
    Relearn,
    Scoreboard,
    StillThere,
)
from engine.unlearning.diagnostics.base import Diagnostic
from engine.vision.case.opening import OpeningQuestion

ATTACKED = MembershipAttack(model="unlearned")
ATTACK = Drawing("histogram", "", answers.attack_histograms, answers.attack_finding)


def method_detail(scoreboard: Answer) -> MethodDetail:
    case = AfterCase(forgotten(), FORGOTTEN.told())
    return MethodDetail(ForgetQuestion(Scoreboard(), board()), case, scoreboard["table"])


def after(diagnostic: Diagnostic) -> OpeningQuestion:
    return diagnostic, AfterCase(forgotten(), FORGOTTEN.told())


def beside_board(diagnostic: Diagnostic) -> Sequence[OpeningQuestion]:
    return (Scoreboard(), board()), after(diagnostic)


def forgot(scoreboard: Answer, _images: Answer) -> str:
    detail = method_detail(scoreboard)
    return verdict(detail.table, detail.method.label, detail.case.case.request.words)


def stayed(answer: Answer) -> str:
    return inside.stayed(answer) or inside.probe_finding(answer)


def called(scoreboard: Answer, answer: Answer) -> str:
    return answers.confusion_finding(method_detail(scoreboard), "unlearned", answer)


def confusions(key: str, scoreboard: Answer, answer: Answer) -> None:
    finding = partial(answers.confusion_finding, method_detail(scoreboard))
    drawings = each_model("", answers.confused, finding)
    for place, drawing in zip(st.columns(2, gap="large"), drawings[:2], strict=True):
        with place:
            draw(drawing, answer, f"{key}.{drawing.view}")


def closer_look(part: str = "") -> dict[str, str]:
    way = {f"{KEY}.way": FORGOTTEN.told.title}
    return way | ({f"{KEY}.section": part} if part else {})


def forgotten_image() -> NDArray[np.uint8]:
    case = forgotten()
    return enlarged(color_pixels(case.data, int(case.splits.forget[0])))


STORY = Story(
    "forget",
    "Forget me",
    "A model is told to forget a class: the answer is gone, and traces remain.",
    (
        StoryStep(
            "Can a model forget?",
            lambda: beside_board(Confidence()), forgot,
            lambda key, _scoreboard, images: draw(each_image.SHIFT, images, key),
            "Somebody asks for their images to be taken out of a model. The honest way is to train "
            "again without them, which costs a whole training. This is a cheaper way, beside the "
            "model that was trained again. Every mark is one forgotten image.",
            FORGET, closer_look,
        ),
        StoryStep(
            "What does it say now?",
            lambda: beside_board(Confusion()), called, confusions,
            "Rows are what the images show, columns what the model says; left before, right after. "
            "Look along the row of the forgotten class: what does the model call these images now?",
            FORGET, lambda: closer_look("Confusion"),
        ),
        StoryStep(
            "Can an outsider still tell?",
            lambda: [after(ATTACKED)], answers.attack_finding,
            lambda key, result: draw(ATTACK, result, key),
            "An attacker who sees only how sure the model is tries to say which images it learned "
            "from. Say first whether the attacker knows anything at all: where it is near chance, "
            "its verdict counts for nothing.",
            FORGET, lambda: closer_look("Attack"),
        ),
        StoryStep(
            "What is still there inside?",
            lambda: [after(StillThere())], stayed,
            lambda key, result: draw(inside.PROBE, result, key),
            "Now from the inside. The last layer is taken off and a new one is taught on what the "
            "model sees. Compare with the model that never saw the images, not with nothing: a "
            "model that sees well can be taught new classes.",
            FORGET, lambda: closer_look("Still there"),
        ),
        StoryStep(
            "How soon is it all back?",
            lambda: [after(Relearn())], inside.relearn_finding,
            lambda key, result: draw(inside.LOSSES, result, key),
            "Both models are shown the forgotten images again. What was only hidden comes back "
            "sooner than what was never there. Ask the room what they would call forgotten.",
            FORGET, lambda: closer_look("Relearn"),
        ),
    ),
    cover=3, picture=lambda _answer: forgotten_image(),
)  # fmt: skip
