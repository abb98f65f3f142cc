"""A photograph of one's own, before and after a thing is painted over: asked, faded, collected."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from components import forms
from components.before_after import own_table
from components.before_after.form import KEY as PAGE
from components.case_form import CaseForm
from components.draw import tables
from components.notices import escape_markdown, show_problems
from components.picks import pick
from components.section import Section
from components.widgets.pictures import show_picture
from components.widgets.rectangle import Box, rectangle
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.errors import BlindspotError
from engine.core.pictures import as_bytes
from engine.core.result import HeatMap
from engine.evaluation.language.beaf.photo_counts import said_word
from engine.evaluation.language.beaf.photo_pair import (
    change_of,
    noun_question,
    photo_pair,
    taken_out,
    with_case_names,
)
from engine.evaluation.language.photographs import MIDDLE, SIDES, Photograph
from engine.hallucination import PhotoPair, PhotoPairCase, asking
from engine.vision.images import MAX_MB, Picture, Scan, load, square
from engine.vision.images.masks import Mask, mask_of
from engine.vision.pictures import open_picture

KEY = f"{PAGE}.own"
TITLE = "A photograph of yours, with a thing taken out of it"
YOURS = "the one you opened"
RECTANGLE, MASK, AFTER = "a rectangle", "a mask", "a photograph without it"
SQUARE_SIDE = 448  # px of the square in which the rectangle is drawn
START = Box(0.3, 0.3, 0.4, 0.4)
HELP = (
    f"PNG, JPEG, TIFF, WebP, GIF, BMP or a scan, up to {MAX_MB} MB. Its middle square is seen. It "
    "stays in this session's memory."
)
MASK_HELP = (
    "A picture of the photograph's size; what is brighter than the middle between its darkest and "
    "brightest point is painted over."
)
AFTER_HELP = "Of the same size as the photograph, and the same but for the thing."
ONLY_SCENES = (
    "TinyVLM learned drawn scenes of 64 × 64 px and knows nothing of photographs: with it this "
    "shows how the measure works, not how a model sees. Choose a model of yours for that."
)
BEFORE = (
    "The thing is painted over smoothly from what lies around it; the model is asked for it and "
    "for the others, before, after and in between."
)
CHANCES = Dots(
    series={"p before": "before", "p after": "after"},
    joined=True,
    span=(-3, 103),
    title="p(yes) (%)",
)


@dataclass(frozen=True)
class MarkedThing:
    """What is taken out: by a rectangle, a mask or another photograph; one of them is given."""

    sides: dict[str, float] | None = None
    mask: Mask | None = None
    after: Picture | None = None


def show() -> None:
    """Folded until it is opened, or a link asks for something in it."""
    linked = any(name.startswith(f"{KEY}.") for name in st.query_params)
    box = st.expander(TITLE, linked, key=f"{KEY}.open", on_change="rerun")
    if box.open:
        with box:
            unfolded()


def unfolded() -> None:
    answer, controls, table = (st.container() for _ in range(3))
    with controls, show_problems():
        arguments = choose()
        with answer:
            ask(*arguments)
    with table:
        own_table.show(KEY)


def ask(case: PhotoPairCase, known: dict[str, Any], method: PhotoPair) -> None:
    if case.vlm.name in asking.shipped_models():
        st.caption(ONLY_SCENES)
    after = partial(photograph_after, case, method.grow)
    Section(
        KEY, method, case, known=known, button="Ask about both", before=BEFORE,
        picture=partial(picture, case, after),
        evidence=(
            Drawing("answers", "Before and after", CHANCES, partial(answer_words, case),
                    part=partial(with_case_names, case)),
            Drawing("changed", "What was changed", finding=change_words,
                    made=lambda _result: change_map(case, after())),
        ),
        detail=partial(own_table.add_button, KEY, case, method),
    ).show()  # fmt: skip


# ---------------------------------------------------------------- what is asked


def choose() -> tuple[PhotoPairCase, dict[str, Any], PhotoPair]:
    form = CaseForm(PhotoPairCase, KEY)
    left, right = st.columns([2, 3], gap="large")
    with left:
        uploaded = None
        with show_problems():  # the form stays, and what was asked of a sample
            uploaded = uploaded_picture("before", "Open a photograph", HELP)
        if uploaded is None and st.session_state.get(f"{KEY}.image") == YOURS:
            del st.session_state[f"{KEY}.image"]
        chosen = form.ask("image", own={YOURS: uploaded} if uploaded else None)
        name = str(form.ask("model"))
        form.ask("thing")
        others = str(form.ask("others", first="plate, boat"))
        form.given["others"] = tuple(part.strip() for part in others.split(",") if part.strip())
        forms.refuse_links(PhotoPair, f"{KEY}.PhotoPair")
        with st.popover("Steps and mask"):
            method = PhotoPair(**forms.settings(PhotoPair, f"{KEY}.PhotoPair"))
    photograph = chosen if isinstance(chosen, Picture) else open_picture(chosen)
    with right:
        way = pick("What goes is marked by", (RECTANGLE, MASK, AFTER), f"{KEY}.way", "segments")
        marking = marked(way, photograph, example=chosen == first_values()["image"])
    check_words(name, {"What goes": (form.given["thing"],), "Also asked for": form.given["others"]})
    case = photo_pair(
        name,
        photograph,
        form.given["thing"],
        form.given["others"],
        sides=marking.sides,
        mask=marking.mask,
        after=marking.after,
    )
    known = form.known(marking.sides) if marking.sides else {}
    return case, known, method


def check_words(name: str, fields: Mapping[str, Sequence[str]]) -> None:
    with st.spinner("Loading the model"):
        vlm = asking.model(name)
    wrong = []
    for label, asked_words in fields.items():
        try:
            for word in asked_words:
                vlm.tokenizer.encode(noun_question(vlm, word))
        except BlindspotError as error:
            wrong.append(f"{label}: {error}")
    for words in wrong[1:]:
        st.error(escape_markdown(words), icon=":material/error:")
    if wrong:
        raise BlindspotError(wrong[0])


def marked(way: str, photograph: Picture, *, example: bool) -> MarkedThing:
    """What goes, as it was marked. Raises BlindspotError as long as a file is missing."""
    pixels = as_bytes(square(photograph, MIDDLE, SQUARE_SIDE))
    if way == RECTANGLE:
        begin = first_box() if example else START
        words = "The thing that goes: drag the frame over it, pull its corners, or use arrow keys"
        return MarkedThing(sides=rectangle(pixels, begin, f"{KEY}.box", words=words).sides())
    show_picture(pixels, "The photograph before", width="stretch")
    if way == MASK:
        uploaded = read_upload("mask", "Open a mask", MASK_HELP)
        if uploaded is None:
            raise BlindspotError("Open a mask of the thing, or mark it by a rectangle.")
        return MarkedThing(mask=mask_of(uploaded, None, photograph))
    after = uploaded_picture("after", "Open the photograph after", AFTER_HELP)
    if after is None:
        raise BlindspotError("Open the photograph without the thing, or mark it by a rectangle.")
    return MarkedThing(after=after)


def first_box() -> Box:
    values = first_values()
    top, left, bottom, right = (float(values[name]) for name in SIDES)
    return Box(left, top, round(right - left, 4), round(bottom - top, 4))


def first_values() -> dict[str, Any]:
    return {name: spec.default for name, spec in PhotoPairCase.specs().items()}


def uploaded_picture(slot: str, label: str, help: str) -> Picture | None:
    result = read_upload(slot, label, help)
    return result.picture() if isinstance(result, Scan) else result


def read_upload(slot: str, label: str, help: str) -> Picture | Scan | None:
    """What was opened, read once; None until there is something. Raises BadImage."""
    key = f"{KEY}.{slot}"
    uploaded = st.file_uploader(
        label,
        key=f"{key}.file",
        help=help,
        max_upload_size=MAX_MB,
        on_change=use_upload,
        args=(slot,),
    )
    if uploaded is None:
        return None
    stored: tuple[str, Picture | Scan] | None = st.session_state.get(f"{key}.held")
    if stored is None or stored[0] != uploaded.file_id:
        stored = uploaded.file_id, load(uploaded.getvalue(), uploaded.name)
        st.session_state[f"{key}.held"] = stored
    return stored[1]


def use_upload(slot: str) -> None:
    if slot == "before" and st.session_state[f"{KEY}.{slot}.file"] is not None:
        st.session_state[f"{KEY}.image"] = YOURS


# ---------------------------------------------------------------- what is shown


def photograph_after(case: PhotoPairCase, grow: int) -> Photograph:
    """The photograph after, (3, H, W), made once as long as it is the one that is asked about."""
    name = f"{case.fingerprint}|{grow}"
    stored: tuple[str, Photograph] | None = st.session_state.get(f"{KEY}.without")
    if stored is None or stored[0] != name:
        stored = name, taken_out(case, grow)
        st.session_state[f"{KEY}.without"] = stored
    return stored[1]


def change_map(case: PhotoPairCase, after: Photograph) -> HeatMap:
    return HeatMap(change_of(case, after), "share of full brightness", False)


def picture(case: PhotoPairCase, without_it: Callable[[], Photograph], result: Views) -> None:
    faded, answers = result["fading"], result["answers"]
    words = [f"{100 * share:.0f} %" for share in faded["left"]]
    label = f"How much of the {escape_markdown(case.thing)} is left"
    at = words.index(pick(label, words, f"{KEY}.left", "slider", name="Left", rule="a step"))
    before, after, curve = st.columns([3, 3, 4], gap="medium")
    original, other = as_bytes(case.image), as_bytes(without_it())
    share = float(faded["left"][at])
    blend = np.rint(other + share * (original.astype(np.float32) - other)).astype(np.uint8)
    draw_photograph(
        before,
        original,
        f"**Before**: {answer_text(case, answers, 'before')}",
        "The photograph before",
    )
    caption = (
        answer_text(case, answers, "after")
        if not at
        else f"p(yes) {100 * faded['p(yes)'][at]:.0f} %"
    )
    name = "**After**" if not at else f"**{words[at]} left**"
    draw_photograph(
        after, blend, f"{name}: {caption}", f"The photograph with {words[at]} of the thing left"
    )
    with curve:
        shape = Lines(
            x="left",
            series={"p(yes)": "p(yes)"},
            now=100 * share,
            height=330,
            span=(-4, 104),
            line=50.0,
            line_name="yes above",
            x_title=f"left of the {case.thing} (%)",
            title="p(yes) (%)",
        )
        falls = (100 * float(faded["p(yes)"][place]) for place in (-1, 0))
        tables.draw_chart(
            shape, faded, "p(yes) as it fades: {:.0f} → {:.0f} %.".format(*falls), f"{KEY}.curve"
        )


def draw_photograph(place: Any, pixels: Any, words: str, alt: str) -> None:
    show_picture(np.ascontiguousarray(pixels), alt, place=place, width="stretch", caption=words)


def answer_text(case: PhotoPairCase, answers: Any, when: str) -> str:
    return escape_markdown(
        f"{case.thing}? {said_word(answers[f'says {when}'][0])}, p(yes) "
        f"{100 * float(answers[f'p {when}'][0]):.0f} %."
    )


def answer_words(case: PhotoPairCase, result: Views) -> str:
    table = with_case_names(case, result["answers"])
    summary = "; ".join(
        f"{name} " + " → ".join(said_word(table[f"says {when}"][at]) for when in own_table.WHEN)
        for at, name in enumerate(table.rows)
    )
    weak = min(float(table[f"decided {when}"].min()) for when in own_table.WHEN)
    return f"{summary}. Yes and no together have {100 * weak:.0f} % or more of the first word."


def change_words(result: Views) -> str:
    share, far = (100 * float(result["changed"][name][0]) for name in ("pixels", "by"))
    return f"{share:.0f} % of the pixels changed, by {far:.0f} % of full brightness on average."
