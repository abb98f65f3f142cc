"""Both ballots of an image, what they certify, and certified accuracy by the number of poisons."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import section
from components.certificates.form import KEY, CertificateQuestion
from components.draw.bars import Bars
from components.draw.drawing import Drawing, Views, draw
from components.draw.lines import Lines
from components.notices import plain
from components.section import Section
from components.sidebar.pictures import enlarged
from components.widgets.data_images import pixels_of
from components.widgets.pictures import show_picture
from engine.result import Table
from engine.unlearning.certificates.bounds import DPA, FA, FA_ROE, ROE, SCHEMES
from engine.unlearning.certificates.certificates import ballots_about, counted, middle

HALF = 50  # % of the networks


def show(asked: CertificateQuestion, below: DeltaGenerator) -> None:
    """The certificate of an image.

    Args:
        asked: the question.
        below: where the curves are drawn.
    """
    method = asked.method
    networks = method.partitions * (1 + method.spread)
    section.show(
        Section(
            KEY,
            method,
            asked.case,
            "",
            known=asked.known,
            sentence=partial(sentence, asked),
            picture=partial(ballots, asked),
            evidence=(by_poisons(asked),),
            columns=1,
            below=below,
            button="Train the networks and certify",
            before=f"{networks} small networks are trained, each on its own part of the training "
            "images, and vote on the test images. You can stop it.",
        )
    )


def of_image(asked: CertificateQuestion, found: Views, name: str) -> int:
    """A number of the image's certificate."""
    return int(found["images"][f"{asked.scheme}, {name}"][asked.image])


def sentence(asked: CertificateQuestion, found: Views) -> str:
    """What the certificate says of this image."""
    says, radius = asked.name(of_image(asked, found, "says")), of_image(asked, found, "radius")
    images = f"{len(asked.case.data.rows('train')):,} training images"
    if says != asked.label:
        return (
            f"This {asked.label} is taken for {says}: only right answers count in the curves below."
        )
    if not radius:
        return f"This is read as {says}, but one poisoned image of {images} could change that."
    many = f"{radius} images are" if radius > 1 else "one image is"
    among = f"added, removed or relabeled among {images}"
    return f"This {asked.label} stays {says}, no matter which {many} {among}."


def ballots(asked: CertificateQuestion, found: Views) -> None:
    """The image, who is first for how many networks, and the run-off."""
    table = counted(ballots_about(found, asked.scheme, asked.image), asked.case.data.classes)
    left, *places = st.columns([1, 2, 2], gap="medium", vertical_alignment="top")
    words = f"Test image {asked.image}, labeled {asked.label}"
    picture = enlarged(pixels_of(asked.case.data, asked.row))
    show_picture(picture, words, place=left, width="stretch", caption=plain(words))
    shown = {"ballots": table}
    for place, drawing in zip(places, rounds(asked), strict=False):
        with place:
            draw(drawing, shown, f"{KEY}.{drawing.title}.{asked.scheme}.{asked.image}")
    st.caption(plain(reason(asked, found)))


def reason(asked: CertificateQuestion, found: Views) -> str:
    """How the answer would be lost first."""
    rival = asked.name(of_image(asked, found, "rival"))
    needed = of_image(asked, found, "radius") + 1
    how = "in the first round" if of_image(asked, found, "round") == 1 else "in the run-off"
    many = f"{needed} poison{'s' if needed > 1 else ''}"
    return f"Weakest point: {how}, against {rival}; {many} might be enough."


def rounds(asked: CertificateQuestion) -> list[Drawing]:
    """A drawing for each round of the election."""
    first = Drawing(
        "ballots",
        "Round 1: whom a network puts first",
        Bars(value="first votes", title="networks", whole=True),
        first_words,
    )
    second = Drawing(
        "ballots",
        "Round 2: networks that put the winner above",
        Bars(
            value="run-off", title="% of the networks", line=HALF, line_name="half", span=(0, 100)
        ),
        run_off_words,
    )
    return [first, second] if asked.scheme in {ROE, FA_ROE} else [first]


def first_words(found: Views) -> str:
    """The first two."""
    votes = found["ballots"]["first votes"]
    order = np.argsort(-votes, kind="stable")
    names = found["ballots"].rows
    return (
        f"{names[order[0]]} has {votes[order[0]]} of {votes.sum()} first votes, and "
        f"{names[order[1]]} has {votes[order[1]]}."
    )


def run_off_words(found: Views) -> str:
    """The winner against the one it meets."""
    table: Table = found["ballots"]
    order = np.argsort(-table["first votes"], kind="stable")[:2]
    winner = int(np.isnan(table["run-off"]).argmax())
    other = next(int(label) for label in order if label != winner)
    return (
        f"{100 * table['run-off'][other]:.0f} % of the networks put {table.rows[winner]} above "
        f"{table.rows[other]}."
    )


def by_poisons(asked: CertificateQuestion) -> Drawing:
    """Certified accuracy, and the image's own certificate."""

    def chart(found: Views) -> Lines:
        return Lines(
            x="poisons",
            series={name: name for name in SCHEMES},
            title="certified right (%)",
            x_title="poisoned training images",
            span=(0, 100),
            now=of_image(asked, found, "radius"),
            now_name="this image",
        )

    return Drawing("curves", "Certified accuracy by the number of poisons", chart, curve_words)


def curve_words(found: Views) -> str:
    """Where the run-off gains and where it loses."""
    table: Table = found["curves"]
    at = middle(table)

    def gain(baseline: str, run_off: str, place: int) -> str:
        points = 100 * (table[run_off][place] - table[baseline][place])
        return f"{points:+z.1f}".replace("-", "−")

    return (
        f"The run-off changes DPA by {gain(DPA, ROE, 0)} points without poisons and by "
        f"{gain(DPA, ROE, at)} at {at}; FA by {gain(FA, FA_ROE, 0)} and {gain(FA, FA_ROE, at)}."
    )
