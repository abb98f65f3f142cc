"""Both ballots of an image, what they certify, and certified accuracy by the number of poisons."""

from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.certificates.form import KEY, CertificateQuestion, class_name, label_of, row_of
from components.draw.drawing import draw
from components.notices import escape_markdown
from components.section import Section
from components.sidebar.pictures import enlarged
from components.widgets.data_images import color_pixels
from components.widgets.pictures import show_picture
from engine.core.charts.bars import Bars
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Table
from engine.unlearning.roe.bounds import DPA, FA, FA_ROE, ROE, SCHEMES
from engine.unlearning.roe.certificates import ballots_about, election_table, middle_count

HALF = 50  # % of the networks


def show(question: CertificateQuestion, below: DeltaGenerator) -> None:
    method = question.method.certificates
    networks = method.partitions * (1 + method.spread)
    Section(
        KEY,
        method,
        question.case,
        "",
        known=question.known,
        sentence=partial(sentence, question),
        picture=partial(ballots, question),
        evidence=(by_poisons(question),),
        below=below,
        button="Train the networks and certify",
        before=f"{networks} small networks are trained, each on its own part of the training "
        "images, and vote on the test images. You can stop it.",
    ).show()


def of_image(question: CertificateQuestion, result: Views, name: str) -> int:
    return int(result["images"][f"{question.method.scheme}, {name}"][question.method.image])


def sentence(question: CertificateQuestion, result: Views) -> str:
    says = class_name(question, of_image(question, result, "says"))
    radius = of_image(question, result, "radius")
    label = label_of(question)
    images = f"{len(question.case.data.rows('train')):,} training images"
    if says != label:
        return f"This {label} is taken for {says}: only right answers count in the curves below."
    if not radius:
        return f"This is read as {says}, but one poisoned image of {images} could change that."
    many = f"{radius} images are" if radius > 1 else "one image is"
    among = f"added, removed or relabeled among {images}"
    return f"This {label} stays {says}, no matter which {many} {among}."


def ballots(question: CertificateQuestion, result: Views) -> None:
    scheme, image = question.method.scheme, question.method.image
    table = election_table(ballots_about(result, scheme, image), question.case.data.classes)
    left, *places = st.columns([1, 2, 2], gap="medium", vertical_alignment="top")
    words = f"Test image {image}, labeled {label_of(question)}"
    picture = enlarged(color_pixels(question.case.data, row_of(question)))
    show_picture(picture, words, place=left, width="stretch", caption=escape_markdown(words))
    views = {"ballots": table}
    for place, drawing in zip(places, rounds(question), strict=False):
        with place:
            draw(drawing, views, f"{KEY}.{drawing.title}.{scheme}.{image}")
    st.caption(escape_markdown(reason(question, result)))


def reason(question: CertificateQuestion, result: Views) -> str:
    rival = class_name(question, of_image(question, result, "rival"))
    needed = of_image(question, result, "radius") + 1
    how = "in the first round" if of_image(question, result, "round") == 1 else "in the run-off"
    many = f"{needed} poison{'s' if needed > 1 else ''}"
    return f"Weakest point: {how}, against {rival}; {many} might be enough."


def rounds(question: CertificateQuestion) -> list[Drawing]:
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
    return [first, second] if question.method.scheme in {ROE, FA_ROE} else [first]


def first_words(result: Views) -> str:
    votes = result["ballots"]["first votes"]
    order = np.argsort(-votes, kind="stable")
    names = result["ballots"].rows
    return (
        f"{names[order[0]]} has {votes[order[0]]} of {votes.sum()} first votes, and "
        f"{names[order[1]]} has {votes[order[1]]}."
    )


def run_off_words(result: Views) -> str:
    table: Table = result["ballots"]
    order = np.argsort(-table["first votes"], kind="stable")[:2]
    winner = int(np.isnan(table["run-off"]).argmax())
    other = next(int(label) for label in order if label != winner)
    return (
        f"{100 * table['run-off'][other]:.0f} % of the networks put {table.rows[winner]} above "
        f"{table.rows[other]}."
    )


def by_poisons(question: CertificateQuestion) -> Drawing:
    def chart(result: Views) -> Lines:
        return Lines(
            x="poisons",
            series={name: name for name in SCHEMES},
            title="certified right (%)",
            x_title="poisoned training images",
            span=(0, 100),
            now=of_image(question, result, "radius"),
            now_name="this image",
        )

    return Drawing("curves", "Certified accuracy by the number of poisons", chart, curve_words)


def curve_words(result: Views) -> str:
    table: Table = result["curves"]
    at = middle_count(table)

    def gain(baseline: str, run_off: str, place: int) -> str:
        points = 100 * (table[run_off][place] - table[baseline][place])
        return f"{points:+z.1f}".replace("-", "−")

    return (
        f"The run-off changes DPA by {gain(DPA, ROE, 0)} points without poisons and by "
        f"{gain(DPA, ROE, at)} at {at}; FA by {gain(FA, FA_ROE, 0)} and {gain(FA, FA_ROE, at)}."
    )
