"""What Ask and Decoding ask about: a scene that can be edited, or an image as in other views."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from components.case_form import CaseForm
from components.dialog.edits import (
    Edit,
    Edits,
    add_edit,
    applied,
    format_edits,
    is_readable,
    parse_edits,
    put_back,
)
from components.draw.maps import first_screen
from components.links import refuse
from components.notices import escape_markdown
from components.picks import Kind
from components.sidebar import subject
from components.sidebar.pictures import enlarged
from components.widgets.pictures import show_picture
from engine.evaluation.language.verdict import FAINT
from engine.hallucination import asking
from engine.vision.data.layout import CELLS, Scene, Thing
from engine.vision.images import Crop, Picture
from engine.vision.language.case import CaptionCase
from engine.vision.language.catalog import SCENE_KINDS

KEY = "ask"
SCENE, SIDEBAR = "Scene", "Another image"
FIRST = 424  # of the first kind: the model with the habit sees a lamp here, beside the car
STORY: Mapping[str, Any] = {  # what an example sets, whatever was done before
    f"{KEY}.image": SCENE,
    f"{KEY}.kind": next(iter(SCENE_KINDS.values())),
    f"{KEY}.scene": FIRST,
    f"{KEY}.edits": (),
}
ROWS = "ABCD"  # of the 4 × 4 cells, from the top; columns are numbered from 1

Pixels = NDArray[np.uint8]  # (H, W, 3)


@dataclass(frozen=True)
class DialogImage:
    """What is asked about: a scene, or a square of a picture."""

    scene: Scene | None
    pixels: Pixels  # as a person sees it
    alt: str  # what they show, in words
    picture: Picture | None = None
    crop: Crop | None = None
    first: Scene | None = None  # the scene before it was edited: its questions stay
    other: Scene | None = None  # another scene, to swap it for
    page: str = KEY  # whose widgets they are
    known: Mapping[str, Any] = field(default_factory=dict)  # by which it is asked for in Python


def choose(editor_place: DeltaGenerator, number: int = FIRST, page: str = KEY) -> DialogImage:
    """A scene or another image, in the sidebar; the same one wherever a page asks for it.

    Args:
        editor_place: the place of what changes a scene.
        number: of the scene that is shown when none was chosen before.
        page: whose widgets they are; another page than Ask has the editor folded away.
    """
    key = f"{page}.image"
    carry(key)
    with st.sidebar:
        st.header("Scene or image")
        refuse(key, (SCENE, SIDEBAR), "Image", f"“{SCENE}” or “{SIDEBAR}”")
        picked = st.radio(
            "What is asked about",
            (SCENE, SIDEBAR),
            horizontal=True,
            key=key,
            bind="query-params",
            label_visibility="collapsed",
        )
        remember_widget(key, picked)
        if picked == SCENE:
            return choose_scene(number, page, editor_place)
    keep_edits(())
    return sidebar_picture(page)


def picture(dialog_image: DialogImage, model: str) -> None:
    with first_screen(1, f"{dialog_image.page}-scene"):
        show_picture(enlarged(dialog_image.pixels), dialog_image.alt, width="stretch")
    if dialog_image.scene is None and model in asking.shipped_models():
        st.warning(
            "TinyVLM learned drawn scenes of 64 × 64 pixels and nothing else. It answers about any "
            "picture, but of a photograph it knows nothing: what it says shows how a model talks "
            "on when it has nothing to go by.",
            icon=":material/info:",
        )


def sidebar_picture(page: str) -> DialogImage:
    about = subject.image_alone()
    alt, known = "The square of the image that is asked about", {}
    if about.name and about.crop == Crop():
        known["image"] = f"{'example' if about.chosen.example else 'sample'}:{about.name}"
    pixels = subject.square_pixels(about)
    return DialogImage(None, pixels, alt, about.picture, about.crop, page=page, known=known)


def choose_scene(start: int, page: str, editor_place: DeltaGenerator) -> DialogImage:
    form = CaseForm(CaptionCase, page)
    edits_rule = "changes as this page writes them"
    refuse(f"{KEY}.edits", is_readable, "Changes of the scene", edits_rule)
    if form.key_of("kind") not in st.session_state:  # the page has just been opened
        keep_edits(parse_edits(st.query_params.get(f"{KEY}.edits", "")))
    kind = ask_carried(form, "kind", first=next(iter(SCENE_KINDS)), on_change=forget_edits)
    number = ask_carried(form, "scene", first=start, on_change=forget_edits)
    first = asking.scene(kind, number)
    edits = held_edits()
    scene, applied_edits, problems = applied(first, edits)
    set_link(applied_edits)
    for problem in problems:
        st.info(
            escape_markdown(f"The link's change is left out: {problem}"), icon=":material/link_off:"
        )
    description = (
        ", ".join(f"{scene_object.color} {scene_object.category}" for scene_object in scene.things)
        or "nothing"
    )
    expander_title = "Move things, let them fade, take them out"
    with editor_place, st.expander(expander_title) if page != KEY else st.container():
        editor(first, scene, edits)
    return DialogImage(
        scene,
        scene.image.transpose(1, 2, 0),
        f"A {scene.theme} with {description}",
        first=first,
        page=page,
        other=asking.scene(kind, number + 1),
        known={} if applied_edits else form.known(),
    )


def ask_carried(form: CaseForm, name: str, kind: Kind = "list", **more: Any) -> Any:
    """An argument as it was chosen last, on whichever page."""
    key = form.key_of(name)
    carry(key)
    value = form.ask(name, kind, **more)
    remember_widget(key, st.session_state[key])
    return value


def carry(key: str, start: object = None) -> None:
    """Set a widget to what its like has on another page, else to `start`; before it is drawn.

    Each page has widgets of its own: of shared ones Streamlit forgets what a link or the page
    itself had set as soon as another page is opened.
    """
    stored = st.session_state.get(f"{KEY}.kept", {}).get(key.rpartition(".")[2], start)
    if stored is not None and key not in st.session_state and key not in st.query_params:
        st.session_state[key] = stored


def remember_widget(key: str, value: object) -> None:
    st.session_state.setdefault(f"{KEY}.kept", {})[key.rpartition(".")[2]] = value


# ---------------------------------------------------------------- editing


def held_edits() -> Edits:
    edits: Edits = st.session_state.get(f"{KEY}.edits", ())
    return edits


def keep_edits(edits: Edits) -> None:
    """Hold them; the link follows when the scene is shown."""
    st.session_state[f"{KEY}.edits"] = edits
    if not edits:
        set_link(())


def set_link(edits: Edits) -> None:
    """Put edits into the link; nothing where there are none."""
    if edits:
        st.query_params[f"{KEY}.edits"] = format_edits(edits)
    else:
        st.query_params.pop(f"{KEY}.edits", None)


def forget_edits() -> None:
    keep_edits(())


def editor(first: Scene, scene: Scene, edits: Edits) -> None:
    st.markdown(f"**What is truly there** ({escape_markdown(scene.theme)})")
    st.caption(
        "Untick a thing to take it out; slide to let it fade; move it to another of the 4 × 4 "
        "places (rows A to D from the top, columns 1 to 4). Every other pixel stays the same."
    )
    now = {scene_object.category: scene_object for scene_object in scene.things}
    taken = {(scene_object.row, scene_object.column) for scene_object in scene.things}
    for original in first.things:
        thing_row(original.category, original.color, now, taken)
    if faint := [
        faint_object.category for faint_object in now.values() if faint_object.opacity < FAINT
    ]:
        st.caption(f"Hardly visible to the eye, but there: {', '.join(faint)}.")
    left, right = st.columns(2)
    left.button(
        "Undo",
        key=f"{KEY}.undo",
        disabled=not edits,
        on_click=keep_edits,
        args=(edits[:-1],),
        icon=":material/undo:",
        width="stretch",
    )
    right.button(
        "Reset",
        key=f"{KEY}.reset",
        disabled=not edits,
        on_click=forget_edits,
        icon=":material/restart_alt:",
        width="stretch",
    )


def thing_row(name: str, color: str, now: Mapping[str, Thing], taken: set[tuple[int, int]]) -> None:
    """One thing's row; the widgets follow the edits, so that undo moves them too."""
    presence, fade, place = st.columns([4, 4, 3], vertical_alignment="center")
    scene_object = now.get(name)
    keys = {part: f"{KEY}.thing.{name}.{part}" for part in ("there", "fade", "cell")}
    st.session_state[keys["there"]] = scene_object is not None
    presence.checkbox(
        f"{color} {name}", key=keys["there"], on_change=partial(take_there, name, keys["there"])
    )
    if scene_object is None:
        fade.caption("taken out")
        return
    st.session_state[keys["fade"]] = round(100 * scene_object.opacity)
    fade.slider(
        f"Opacity of the {name}",
        0,
        100,
        key=keys["fade"],
        format="%d %%",
        on_change=partial(take_fade, name, keys["fade"]),
        label_visibility="collapsed",
    )
    current_cell = scene_object.row * CELLS + scene_object.column
    cells = [
        cell
        for cell in range(CELLS * CELLS)
        if cell == current_cell or divmod(cell, CELLS) not in taken
    ]
    st.session_state[keys["cell"]] = current_cell
    place.selectbox(
        f"Place of the {name}",
        cells,
        key=keys["cell"],
        format_func=cell_words,
        on_change=partial(take_move, name, keys["cell"]),
        label_visibility="collapsed",
    )


def cell_words(cell: int) -> str:
    down, across = divmod(cell, CELLS)
    return f"{ROWS[down]}{across + 1}"


def take_there(name: str, key: str) -> None:
    edits = held_edits()
    if st.session_state[key]:
        keep_edits(put_back(edits, name))
    else:
        keep_edits(add_edit(edits, Edit(name, "remove")))


def take_fade(name: str, key: str) -> None:
    keep_edits(add_edit(held_edits(), Edit(name, "fade", st.session_state[key] / 100)))


def take_move(name: str, key: str) -> None:
    keep_edits(add_edit(held_edits(), Edit(name, "move", st.session_state[key])))
