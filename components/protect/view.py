"""The sections of Protect data: the protected image, what copies leave of it, and one's own zip."""

from dataclasses import fields

import streamlit as st

from components import section
from components.draw.pictures import draw_pictures
from components.exports import encoded
from components.footer import footer
from components.protect import folders
from components.protect.form import COPIED, KEY, ProtectQuestion, choose, choose_copies, strength
from components.section import Section
from components.sidebar.subject import Subject
from components.views import UNLEARNING_EXPERIMENTS
from components.widgets.downloads import download
from engine.core.charts.bar_groups import BarGroups
from engine.core.charts.drawing import Drawing, Views
from engine.core.pictures import Pixels
from engine.core.result import Pictures, Table
from engine.core.run import Answer
from engine.evaluation.experiment import ChangedImage, Experiment, ImageChange
from engine.unlearning import (
    EXPERIMENTS,
    Copies,
    EasyImage,
    LocallyMaskedImage,
    ProtectImage,
    RandomNoiseOnImage,
)
from engine.unlearning.protection.protected_pair import noise_picture, pair_of, verdict

PRIVACY = "Protection is not privacy: whoever sees the image sees what is on it."
MASK = "mask"  # as the answer calls the picture of it
VICTIMS = {  # the experiment that trains on images protected in this way, by name
    ProtectImage: "CUDA",
    EasyImage: "ProtectionVictims",
    LocallyMaskedImage: "ProtectionVictims",
    RandomNoiseOnImage: "ProtectionVictims",
}
SERIES = {"noise left": "noise left", "like the noise": "like the noise (cosine)"}


@st.fragment
@footer()
def show(chosen_subject: Subject) -> None:
    """The answer above the controls that it depends on; moving one reruns only this."""
    answer, controls, evidence, sliders, copies_place, rest = (st.container() for _ in range(6))
    with controls:
        question = choose(chosen_subject)
    with sliders:
        st.markdown(f"**{Copies.title}**")
        copies = choose_copies()
    with answer:
        result = Section(
            KEY,
            question.method,
            question.case,
            below=evidence,
            known=question.known,
            sentence=lambda result: sentence(question, copies, result),
            picture=picture,
            evidence=[
                Drawing(
                    "probability",
                    "What the model says of it",
                    finding=lambda result: probability_change(question, result),
                )
            ],
            detail=lambda result: offer(
                question.method, chosen_subject.picture.pixels, before_and_after(result)[1]
            ),
        ).show()
    with copies_place:
        if result is not None:
            copies_section(question, copies, result).show()
    with rest:
        onward(question.method)
        folders.show(question.method)


def copies_section(question: ProtectQuestion, copies: Copies, result: Views) -> Section:
    clean, protected = before_and_after(result)
    drawings = [
        Drawing("copies", chart=bars, finding=left_words),
        Drawing("strips"),
        Drawing("figures", "How far the protected image is from the clean one"),
    ]
    return Section(
        COPIED,
        copies,
        pair_of(question.case, protected),
        columns=1,
        evidence=drawings if (clean != protected).any() else (),
    )


def before_and_after(result: Views) -> tuple[Pixels, Pixels]:
    """The image as it was, and protected, both (H, W, 3)."""
    clean, protected, *_ = result["picture"].images[0]
    return clean, protected


def sentence(question: ProtectQuestion, copies: Copies, result: Views) -> str:
    judged = section.ask(copies_section(question, copies, result))
    if not isinstance(judged, Answer):
        return ""
    return f"{question.method.short}, {strength(question.method)}: {verdict(judged['figures'])}."


def picture(result: Views) -> None:
    view: Pictures = result["picture"]
    mask = view.images[0, view.columns.index(MASK)] if MASK in view.columns else None
    draw_pictures(noise_picture(*before_and_after(result), mask), f"{KEY}.picture")
    st.caption(PRIVACY)


def probability_change(question: ProtectQuestion, result: Views) -> str:
    before, after = 100 * result["probability"].values
    label = question.case.target.words(question.case.model.labels)
    return (
        f"{question.case.model.title}: {label} {before:.0f} % before, {after:.0f} % after. This "
        "model is already trained; protection is meant against networks trained on such images."
    )


def bars(result: Views) -> BarGroups:
    table: Table = result["copies"]
    drawn = table.select(list(SERIES)).values
    low, high = min(0.0, 100 * float(drawn.min())), max(100.0, 100 * float(drawn.max()))
    return BarGroups(series=SERIES, title="%", span=(1.18 * low, 1.18 * high))


def left_words(result: Views) -> str:
    table: Table = result["copies"]
    least = int(table["noise left"].argmin())
    return (
        f"{table.rows[least]}: the least noise is left. Only training on such copies can tell "
        "whether a network still learns nothing useful from them."
    )


def offer(method: ChangedImage, pixels: Pixels, protected_pixels: Pixels) -> None:
    whole = isinstance(method, ImageChange)
    size = "The whole image at its own size." if whole else "As the model sees it."
    download(
        "Protected image (PNG)",
        lambda: encoded(
            method.apply(pixels) if isinstance(method, ImageChange) else protected_pixels
        ),
        "blindspot-protected.png",
        f"{KEY}.image",
        help=size,
    )


def onward(method: ChangedImage) -> None:
    kind = {experiment.name: experiment for experiment in EXPERIMENTS}.get(VICTIMS[type(method)])
    st.page_link(
        UNLEARNING_EXPERIMENTS.path,
        icon=UNLEARNING_EXPERIMENTS.icon,
        label="Does it work? Train a network (Experiments)",
        query_params=link_to(kind, method) if kind else {},
    )


def link_to(kind: type[Experiment], method: ChangedImage) -> dict[str, str]:
    """How a link names the experiment, and the settings that it shares with what is asked."""
    settings = method.settings()
    shared = {
        spec.name: settings[spec.name]
        for spec in fields(kind)
        if spec.name in settings and spec.metadata["control"].allows(settings[spec.name])
    }
    named = {f"experiments.{kind.name}.{name}": f"{value:g}" for name, value in shared.items()}
    return {"experiments.chosen": kind.title} | named
