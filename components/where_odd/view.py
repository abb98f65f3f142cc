"""The view Where is it odd?: the oddest place, the map, the healthy twin, boxes and answers."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.draw.boxes import PictureBoxes
from components.draw.maps import draw_maps, first_screen
from components.notices import escape_markdown
from components.section import Section
from components.sidebar.pictures import enlarged
from components.sidebar.subject import Subject, square_pixels
from components.taking import image_of, title_of
from components.where_odd.answers import show_patches
from components.where_odd.form import KEY, WhereQuestion, normal_images_text
from components.where_odd.slices import one_slice
from components.widgets.pictures import show_picture
from components.widgets.viewer import Panel
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.words import percent
from engine.evaluation.detection.healthy import HEALTHY_TWINS

WAITING = 440  # px of the image while its map is made


def show(question: WhereQuestion, subject: Subject, below: DeltaGenerator) -> None:
    Section(
        KEY,
        question.method,
        question.case,
        known=question.known,
        below=below,
        picture=lambda result: picture(question, result, subject),
        evidence=[
            Drawing(
                "boxes",
                "Regions above the threshold",
                finding=regions,
                chart=PictureBoxes(picture=square_pixels(subject), value="highest"),
            )
        ],
        detail=lambda result: detail(question, result, subject),
        files=lambda result: one_slice(subject, result, question.method.unit),
        waiting=lambda: show_picture(square_pixels(subject), "The image", width=WAITING),
    ).show()


def figures(found: Views) -> dict[str, float]:
    table = found["figures"]
    return {name: float(table[name][0]) for name in table.order}


def threshold_promise(question: WhereQuestion, result: Views) -> str:
    numbers = figures(result)
    threshold, count = (
        f"{numbers['threshold']:.3g} ({question.method.unit})",
        int(numbers["held out"]),
    )
    if numbers["smallest p"] > question.method.alpha:
        return f"No promise: {count} normal images were held out; the highest reaches {threshold}."
    return (
        f"Threshold {threshold}: at most {percent(question.method.alpha)} of normal images reach "
        f"it anywhere, by {count} that were held out."
    )


def picture(question: WhereQuestion, result: Views, subject: Subject) -> None:
    twin = subject.chosen.example.twin() if subject.chosen.example else None
    with first_screen(2, KEY):
        left, right = st.columns(2)
        with left:
            panel = Panel(question.method.title, result["map"], threshold_promise(question, result))
            draw_maps([panel], subject, f"{KEY}.viewer")
        with right:
            if twin is None:
                title, pixels, alt = "The image", square_pixels(subject), "The image"
            else:
                title, pixels = "The same slice without the lesion", enlarged(twin.pixels)
                alt = "The healthy twin"
            st.container(key="beside-map").markdown(f"**{title}**")
            show_picture(pixels, alt, width="stretch")


def regions(result: Views) -> str:
    table = result["boxes"]
    many = "1 region lies" if len(table) == 1 else f"{len(table)} regions lie"
    return f"{many} above the threshold, {percent(float(table['area'].sum()))} of the image."


def detail(question: WhereQuestion, result: Views, subject: Subject) -> None:
    show_patches(question, result, square_pixels(subject))
    notes = result["notes"]
    for note in notes.labels if notes.values[0] else ():
        st.caption(escape_markdown(note))
    st.caption(normal_images_text(question))


def offer_phantom(subject: Subject) -> None:
    """A button to an image of which normal images ship, where the present one has none."""
    if subject.name.startswith("phantoms") or subject.picture.behind is not None:
        return
    title = title_of("phantoms")

    def use() -> None:
        st.session_state.update(image_of(title) | {f"{KEY}.normal": HEALTHY_TWINS})

    st.button(
        "Try a brain phantom with a lesion",
        key=f"{KEY}.phantom",
        on_click=use,
        help="Of everyday photographs only a few ship to compare with; of the phantoms there are "
        "healthy twins. Or open a zip of your own normal images below.",
    )
